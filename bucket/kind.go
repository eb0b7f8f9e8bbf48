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

// spread is the margin that a quota keeps for the difference between two requests' times on the way. It is at most a
// quarter of the quota's window, beyond which it would cost more than it is worth.
func (k *kind) spread(p *Policy) time.Duration {
	if p.Quota <= 0 {
		return 0
	}
	return k.trips.spread(p.Window / 4)
}

// trips sums up the round-trip times of a kind's requests: the least and the greatest of this epoch and of the last.
type trips struct {
	n         int32 // in this epoch
	this, old bounds
}

// epochTrips is how many round trips make an epoch: enough to have seen the spread, few enough to forget it.
const epochTrips = 256

type bounds struct{ least, greatest time.Duration }

func (b *bounds) add(d time.Duration) {
	if b.least == 0 || d < b.least {
		b.least = d
	}
	b.greatest = max(b.greatest, d)
}

// add takes in a round trip. Slow answers, which tell of a busy server rather than of a longer way, are left out: they
// are those that took more than most longer than the quickest.
func (t *trips) add(d, most time.Duration) {
	if d <= 0 {
		return
	}
	if least := t.least(); least > 0 && d > least+most {
		return
	}
	if t.n == epochTrips {
		t.old, t.this, t.n = t.this, bounds{}, 0
	}
	t.this.add(d)
	t.n++
}

func (t *trips) least() time.Duration {
	if t.old.least > 0 && t.this.least > 0 {
		return min(t.old.least, t.this.least)
	}
	return max(t.old.least, t.this.least)
}

func (t *trips) spread(most time.Duration) time.Duration {
	return min(max(t.old.greatest, t.this.greatest)-t.least(), most)
}
