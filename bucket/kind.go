package bucket

import "time"

// A kind is what the buckets of one provider, limit and owner have in common. It outlives them.
type kind struct {
	key      Key // without a Subject
	provider *provider
	strict   *strictness // what takes the place of policies; nil: nothing
	refs     int32       // states of this kind
	lines    *line       // of those
	waited   int         // how many lines those are
	left     int         // at so many of them serveAll has not looked yet
	pass     *line       // the next of those; nil: the first of lines
	law

	// alias is the Limit of the counter that shares these buckets' subjects; "": their own.
	alias string
	twin  string // the Limit of another name of that counter; "": it has none
	same  uint8  // answers in a row that used one of them
	// split says that requests on several routes, of which answers name a counter of this kind, were found to be counted
	// apart: each route counts for itself, and nobody is joined to a counter of this kind any more.
	split bool
	clock *ServerClock // nil: no answer told a time on the server's clock
	// hidden is what is known of a limit of which only refusals tell; nil: nothing.
	hidden *hidden

	held held // what is blocked

	losses map[*state]loss // of buckets where requests were lost while nobody knew whether they slide

	unsure instant // until then, a window may be open in which another process sent
}

// A held is the one of a kind's buckets whose block ends last.
type held struct {
	subject string
	until   instant
}

// hold notes a block on a bucket, and says whether another one is blocked as well.
func (k *kind) hold(s *state, now, until instant) (another bool) {
	another = now < k.held.until && k.held.subject != s.subject
	if until >= k.held.until {
		k.held = held{s.subject, until}
	}
	return another
}

// A law is what answers have told of all buckets of a kind.
type law struct {
	limit  int32         // the latest limit that an answer told; 0: none did
	former int32         // the one before
	told   instant       // when the request was granted whose answer told it
	flips  uint8         // how often the limit went back to the former
	long   time.Duration // the longest that a window was told to last of late: at least as long as half a window does
	latest time.Duration // how long the latest window was to last, when its first answer came: at most all of a window
	shape
}

// forgetLong has what is known of long windows fade as one comes that lasts so long in all: limits change.
func (l *law) forgetLong(told time.Duration) {
	if told = max(told, 0); told < l.long {
		l.long -= (l.long - told) / 8
	}
}

// manyFlips is how often a limit goes back to what it was before the buckets of a kind are taken to differ in it.
const manyFlips = 3

// setLimit takes in what an answer says, to a request granted then, and reports whether it is new. Of two answers, the
// one to the later request counts.
func (l *law) setLimit(limit int32, granted instant) bool {
	if limit == l.limit || granted < l.told {
		return false
	}
	if limit == l.former && l.flips < manyFlips {
		l.flips++
	}
	l.former, l.limit, l.told = l.limit, limit, granted
	return true
}

// kind requires that r.mu is held.
func (r *Registry) kind(key Key) *kind {
	key.Subject = ""
	if k, ok := r.kinds[key]; ok {
		return k
	}
	r.evictKind()
	k := &kind{key: key.clone(), provider: r.provider(key.Provider)}
	r.kinds[k.key] = k
	return k
}

// seed returns the window that a new bucket of this kind begins with: the first message to the hundredth channel need
// not go ahead to see.
func (k *kind) seed(now instant) window {
	if k.limit == 0 || now < k.unsure {
		return window{}
	}
	return window{phase: known, limit: k.limit, remaining: k.limit}
}

// adopt has a bucket keep to the limit that another one of its kind was told.
func (k *kind) adopt(w *window) {
	if w.limit == k.limit || w.phase != known || w.limit == 0 || k.flips >= manyFlips {
		return
	}
	if w.hi == 0 { // no answer told how much is left: what was sent and lost is
		w.remaining += k.limit - w.limit
	}
	w.limit = k.limit
}

// join and part keep the list of the kind's lines.
func (k *kind) join(l *line) {
	k.waited++
	if k.left > 0 {
		k.left++ // it may stand before others that are left
	}
	if l.next = k.lines; l.next != nil {
		l.next.prev = l
	}
	k.lines = l
}

func (k *kind) part(l *line) {
	k.waited--
	k.left = min(k.left, k.waited)
	if k.pass == l {
		k.pass = l.next
	}
	if l.prev != nil {
		l.prev.next = l.next
	} else {
		k.lines = l.next
	}
	if l.next != nil {
		l.next.prev = l.prev
	}
}
