package bucket

import "time"

// An Update is what an answer says of buckets: a [Window], a [Block], an [Alias], a [SameOwner], a [SameBucket], an
// [Uncounted], a [Charge], a [Stricter] or a [Rule], or a pointer to one of these, and nothing else. With pointers, an
// answer that says much takes but one piece of memory. What they point to is not changed, and not kept; nil points to
// none and panics.
type Update interface{ update() }

// Value returns the update that u points to, or else u itself.
func Value(u Update) Update {
	switch u := u.(type) {
	case *Window:
		return *u
	case *Block:
		return *u
	case *Alias:
		return *u
	case *SameOwner:
		return *u
	case *SameBucket:
		return *u
	case *Uncounted:
		return *u
	case *Charge:
		return *u
	case *Stricter:
		return *u
	case *Rule:
		return *u
	}
	return u
}

// A Window says how much of a bucket is left and until when.
//
// Its end is told either as a time from the answer, ResetAfter, which is preferred where the server gives both, or as
// an instant on the server's clock, ResetAt, together with what that clock showed, Date. A Window with neither says
// nothing of time and only its Limit counts.
type Window struct {
	Key Key
	// Limit is how much a whole window holds; 0 means that the answer does not say.
	Limit int
	// Remaining is how much was left once this request was counted; less than 0 counts as 0.
	Remaining int
	// Doubt is how much less than Remaining may have been left, up to 255: 1 where a server perhaps does not count the
	// request that it answers. It matters only where others use the bucket, too, of whose requests nothing else tells.
	Doubt int
	// ResetAfter is the time from the answer to the end of the window; 0 means that ResetAt says it.
	ResetAfter time.Duration
	// ResetAt is the end of the window on the server's clock.
	ResetAt time.Time
	// Date is the server's clock at the answer, cut to whole seconds as in the Date header. Zero: its clock is taken
	// to agree with ours.
	Date time.Time
	// Precision is how much earlier than told the window may really end, for servers that round up. Where a server
	// rounds down, add the difference to the reset and give it here.
	Precision time.Duration
}

// A Block says that nothing more may be taken from a bucket for a time. A later, shorter block never shortens a
// longer one.
type Block struct {
	Key Key
	// For is how long, from the arrival of the answer; less than 50 ms counts as 50 ms, and more than Options.MaxBlock as
	// that. 0 or less means that the answer does not say: the registry then waits a second, and twice as long after each
	// further refusal in a row, up to a minute.
	For time.Duration
	// First is, where For is 0, how long it waits at first, if longer than a second. It is doubled, too, up to sixteen
	// times as long or a minute, whichever is more.
	First time.Duration
	// Wider, if it has a provider, is a bucket that the refusal may have been about as well. It is blocked, too, if a
	// further bucket of Key's kind is blocked already: what refuses several of them is hardly any single one.
	Wider Key
	// Hidden says that what refused is a limit of which nothing else tells: [Policy.Hidden]. Where a draw documents no
	// policy, that is taken for one once it refuses what the counters of the bucket do not explain.
	Hidden bool
	// Precision is by how much For may be too long, as where a server rounds up. Only what is learned of a hidden limit
	// heeds it.
	Precision time.Duration
}

// An Alias says that requests on Key are counted by the bucket To. Where several keys are, their requests are counted
// jointly, until an answer shows more left than the joint count allows: from then on each counts for itself. Where
// answers name now one counter and now another, both count until the window of the one before has ended.
type Alias struct{ Key, To Key }

// A SameOwner says that the limits of an owner are those of another, such as of two tokens of one installation: all
// buckets of Owner, those that nobody has drawn on yet included, are from now on the buckets of As. What is known and
// owed of both counts, and the stricter block. Owner and As are wholes, and their parts of the same name are one from
// now on, too; or Owner is a part of As, which turns out to be all of it. Anything else is left alone. See Key.Owner.
type SameOwner struct{ Provider, Owner, As string }

// A SameBucket says that two keys name one bucket, such as the name and the ID of a channel: from now on Key is another
// name of As. What is known and owed of both counts, and the stricter block. Other than with an Alias, which tells who
// counts the requests on a key, that goes for what is documented, too. Where Key was another name of a third, it no
// longer is. It is forgotten once nobody has used Key for long.
type SameBucket struct{ Key, As Key }

// An Uncounted says that the request was not counted in a bucket: another refused it.
type Uncounted struct{ Key Key }

// A Charge says that the request counts against a quota of which only what is charged counts: [Policy.Charged].
type Charge struct{ Key Key }

// A Stricter says that the refusal of the request shows a stricter limit than its provider documents, such as one on
// apps of a certain kind: for some time, Policy takes the place of what draws on buckets of Key's kind have. It counts
// only if the documented quota does not explain the refusal, in that no more than half of it was used.
type Stricter struct {
	Key    Key
	Policy *Policy // must not be changed; nil says nothing
	// For is how long, from the arrival of the answer, up to Options.MaxBlock. 0 or less says nothing.
	For time.Duration
}

// A Rule says what a bucket's limit is, where an answer tells its numbers but not when a window ends: how many units may
// arrive in any span as long as Window, and how many may be in flight, as in a [Policy]. It holds until another Rule
// replaces it, and only where no draw documents a policy. A Rule of nothing says that there is no limit; so does one of
// more than 16,384 units, or of a Window longer than Options.MaxBlock.
type Rule struct {
	Key Key
	// Quota and Window are as in [Policy]; 0 or less of either means no quota.
	Quota  int
	Window time.Duration
	// Concurrent is as in [Policy]; 0 or less means any number.
	Concurrent int
	// Used is how much of the quota is used up when it is told first: as much as if it had just arrived.
	Used int
}

func (Window) update()     {}
func (Block) update()      {}
func (Alias) update()      {}
func (SameOwner) update()  {}
func (Uncounted) update()  {}
func (Charge) update()     {}
func (SameBucket) update() {}
func (Stricter) update()   {}
func (Rule) update()       {}

// A Change is a consequence of an answer that somebody may want to hear of.
type Change struct {
	Key Key
	// Limit is the limit that was learned, or changed to; 0 when the change is no such thing.
	Limit int
	// Blocked is until when a block holds the bucket; zero when the change is no such thing.
	Blocked time.Time
	// Charged is how much of a quota was charged within its window, this time included, and Quota how much that is; both
	// are 0 when the change is no such thing.
	Charged, Quota int
}
