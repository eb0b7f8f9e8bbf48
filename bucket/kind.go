package bucket

import "time"

// A kind is what the buckets of one provider, limit and owner have in common. It outlives them.
type kind struct {
	counts *counts
	refs   int32 // states of this kind

	limit int32         // the latest limit that an answer told; 0: none did
	alias string        // the Limit of the counter that shares these buckets' subjects; "": their own
	long  time.Duration // the longest that a window was seen to last, which is at least that of half a window
	trips trips
	heard instant      // when the first answer came; 0: none did
	clock *serverClock // nil: no answer told a time on the server's clock
}

// kind requires that r.mu is held.
func (r *Registry) kind(key Key) *kind {
	key.Subject = ""
	if k, ok := r.kinds[key]; ok {
		return k
	}
	r.evictKind()
	k := &kind{counts: r.counts(key.Provider)}
	r.kinds[key] = k
	return k
}

// seed returns the window that a new bucket of this kind begins with: the first message to the hundredth channel need
// not go ahead to see.
func (k *kind) seed() window {
	if k.limit == 0 {
		return window{}
	}
	return window{phase: known, limit: k.limit, remaining: k.limit}
}

// trips sums up the round-trip times of a kind's requests: those of this epoch and of the last.
//
// Those of the first second are left out: they may have had to make a connection first, so that later ones can be
// quicker than they by any part of their time. So are slow answers, which tell of a busy server rather than of a longer
// way.
type trips struct {
	this, old bounds
	slow      int // in a row
}

type bounds struct {
	n               int
	least, greatest time.Duration
}

const (
	// warmUp is how long after the first answer round trips are left out.
	warmUp = time.Second
	// epochTrips is how many round trips make an epoch: enough to have seen the spread, few enough to forget it.
	epochTrips = 256
	// fewTrips are not enough to tell from.
	fewTrips = 3
	// slowTrip is how much longer than the quickest a slow answer takes.
	slowTrip = time.Second
	// manySlow is how many such answers in a row tell of a longer way after all.
	manySlow = 16
)

// add takes in a round trip.
func (t *trips) add(d time.Duration) {
	if n, least, _ := t.all(); n > 0 && d > least+slowTrip {
		if t.slow++; t.slow < manySlow {
			return
		}
		*t = trips{}
	}
	t.slow = 0
	if t.this.n == epochTrips {
		t.old, t.this = t.this, bounds{}
	}
	b := &t.this
	if b.n == 0 || d < b.least {
		b.least = d
	}
	b.greatest = max(b.greatest, d)
	b.n++
}

// all returns the bounds of both epochs.
func (t *trips) all() (n int, least, greatest time.Duration) {
	a, b := t.this, t.old
	switch {
	case b.n == 0:
		return a.n, a.least, a.greatest
	case a.n == 0:
		return b.n, b.least, b.greatest
	}
	return a.n + b.n, min(a.least, b.least), max(a.greatest, b.greatest)
}

// shortest is what a round trip takes for sure, as far as was seen. The next may be quicker than the quickest so far by as
// much as that was quicker than the slowest; as long as there were few, nothing is sure.
func (t *trips) shortest() time.Duration {
	n, least, greatest := t.all()
	if n < fewTrips {
		return 0
	}
	return max(least-(greatest-least), 0)
}

// longest is what a round trip takes at most, as far as was seen; 0 if none was.
func (t *trips) longest() time.Duration {
	_, _, greatest := t.all()
	return greatest
}
