package bucket

import "time"

// A Draw is what one request takes from one bucket.
type Draw struct {
	Key Key
	// Weight is how many units it takes; 0 means 1, and more than 16,384 that many.
	Weight int
	// Policy is what the provider documents of the limit. Nil means nothing: the bucket is learned from answers, and
	// until one came a single request goes ahead to see. A zero Policy documents no number either, but says that
	// nobody need go ahead: such a bucket only ever holds requests back while a Block or a Window says so.
	//
	// A Policy must not be changed once a Draw with it was used; draws on one key may share one. A draw with another policy
	// for the same key replaces the one before, and what was owed to that is forgotten.
	Policy *Policy
}

// A Policy is a documented limit, in one or more of three shapes. It applies from the first request on.
type Policy struct {
	// Quota is how many units may reach the server in any span as long as Window; 0 means no quota. All of it may be
	// used at once. The registry keeps the distance from the answers to earlier units, less the shortest round trip
	// that it is sure of.
	Quota  int
	Window time.Duration
	// Charged makes the quota one of what answers say went wrong, such as invalid requests: a unit counts only if its
	// answer has a [Charge]. Until the answer comes, and if none does, it counts as well. Once all of it was used up, one unit
	// at a time goes to see whether things still go wrong, the next after a second, then two, at last a minute; when they
	// do not, twice as many go each round trip until it is open again.
	Charged bool

	// Every is a pace: one unit each Every on average, with up to Burst at once (0 means 1). 0 means no pace.
	Every time.Duration
	Burst int

	// Concurrent is how many units may be in flight at once; 0 means any number.
	Concurrent int

	// Hidden says that there is a limit of which only refusals tell, by a [Block] that is Hidden, too. It has no numbers:
	// the first refusal shows how many units had passed and in which time, and what it shows of one bucket is kept by all
	// of its kind. Until then, one unit more than ever passed in one of them within Window, an hour if that is 0, goes
	// ahead alone, and Concurrent holds, if it is set. What was learned is believed for a day, and each time that it is
	// learned anew twice as long, up to 32 days.
	Hidden bool

	// The following say how a bucket is used, not what its limit is.

	// Probe has one request go ahead to see while nothing is known of the bucket, as without a policy.
	Probe bool
	// Reserve is the share of each of its windows, and of the quota, that requests of priority 0 and below leave to those
	// above, from 0 to 0.9; where [Options] have a larger one, it is that.
	Reserve float64
	// Spread is over how long a whole fixed window goes to those of priority 0 and below who waited for it to begin, or
	// for a block to end: one after the other, evenly, instead of all at that moment. 0 means all at once, and nobody is
	// held up where no answer told how much a window holds.
	Spread time.Duration
}

func (p *Policy) burst() int { return max(p.Burst, 1) }

// clip bounds the weight of a request by what the policy ever lets go at once: it could not go otherwise.
func (p *Policy) clip(w, most int) int {
	if most > 0 {
		return min(w, most)
	}
	return w
}

func (d Draw) weight() int32 { return int32(min(max(d.Weight, 1), maxWeight)) }

// These keep sums of weights far from overflow.
const (
	maxWeight = 1 << 14 // of one draw
	maxLimit  = 1 << 24 // of a window, or a quota
	maxRule   = 1 << 14 // of a quota that an answer tells: its units are kept one by one
)
