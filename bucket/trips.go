package bucket

import "time"

// trips sums up the round-trip times of the requests to a provider: those of this epoch and of the last.
//
// Those of the first second are left out: they may have had to make a connection first, so that later ones can be
// quicker than they by any part of their time. So are slow answers, which tell of a busy server rather than of a longer
// way.
type trips struct {
	heard     instant // when the first answer came; 0: none did
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
	if granted >= t.heard.add(warmUp) {
		t.add(time.Duration(received - granted))
	}
}

// add takes in a round trip.
func (t *trips) add(d time.Duration) {
	if n, least, _ := t.all(); n > 0 && d > least+slowTrip {
		if t.slow++; t.slow < manySlow {
			return
		}
		*t = trips{heard: t.heard}
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
	spread := greatest - least
	t.shortest = max(least-min(spread, spread*doubt/time.Duration(n)), 0)
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
