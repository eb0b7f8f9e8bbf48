package bucket

import "time"

// trips sums up the round-trip times of the requests to a provider: those of this epoch and of the last.
//
// Those of the first second only show how quick one can be: they may have had to make a connection first, so that later
// ones can be quicker than they by any part of their time. Slow answers are left out, as they tell of a busy server
// rather than of a longer way. And requests that are under way together are one experience: what holds up one holds up
// all of them.
type trips struct {
	heard     instant       // when the first answer came; 0: none did
	counted   instant       // when the answer came of the latest that counted as another experience
	early     time.Duration // the quickest of the first second; 0: there was none
	this, old bounds
	slow      int // in a row

	// shortest is what a round trip takes for sure, as far as was seen, and longest what it takes at most; 0 while too
	// few were.
	shortest, longest time.Duration
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
	// doubt is how much quicker than the quickest of n round trips the next may be: by so many nths of their spread.
	doubt = 8
	// slowTrip is how much longer than the quickest a slow answer takes.
	slowTrip = time.Second
	// manySlow is how many such answers in a row tell of a longer way after all.
	manySlow = 16
)

// answered takes in the round trip of a request that was granted then.
func (t *trips) answered(granted, received instant) {
	if t.heard == 0 {
		t.heard = received
	}
	d := time.Duration(received - granted)
	if granted < t.heard.add(warmUp) {
		if t.early == 0 || d < t.early {
			t.early = d
		}
		return
	}
	another := granted >= t.counted
	if another {
		t.counted = received
	}
	t.add(d, another)
}

// add takes in a round trip; another says that it is a new experience.
func (t *trips) add(d time.Duration, another bool) {
	if n, least, _ := t.all(); n > 0 && d > least+slowTrip {
		if t.slow++; t.slow < manySlow {
			return
		}
		*t = trips{heard: t.heard, counted: t.counted}
	}
	t.slow = 0
	if t.this.n == epochTrips {
		if t.old.n > 0 {
			t.early = 0 // long ago
		}
		t.old, t.this = t.this, bounds{}
	}
	b := &t.this
	if b.n == 0 || d < b.least {
		b.least = d
	}
	b.greatest = max(b.greatest, d)
	if another || b.n == 0 {
		b.n++
	}
	t.settle()
}

// settle reckons what follows from the bounds.
func (t *trips) settle() {
	n, least, greatest := t.all()
	t.longest = greatest
	if n < fewTrips {
		t.shortest = 0
		return
	}
	if t.early > 0 {
		least = min(least, t.early)
	}
	spread := greatest - least
	t.shortest = max(least-min(spread, spread*doubt/time.Duration(n)), 0)
}

// quickest is the shortest round trip that was seen; 0: none was.
func (t *trips) quickest() time.Duration {
	n, least, _ := t.all()
	switch {
	case n == 0:
		return t.early
	case t.early > 0:
		return min(least, t.early)
	}
	return least
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
