package bucket

import "cmp"

// A guard is how a quota of what goes wrong opens again once all of it was used up. If it opened as its units leave the
// window, all of it could be used up at once again. So one goes to see; if nothing is wrong any more, twice as many go
// together, and so on; if it is, the next one goes after a time that doubles.
type guard struct {
	since instant // when it was shut, or shut again
	until instant // nobody goes before
	fails uint8   // how many in a row went to see in vain
	most  int32   // so many may be in flight
}

const (
	// openAt is how many in flight, none of which went wrong, show that nothing is wrong any more.
	openAt = 32
	// maxFails: by then the wait is mostBlock.
	maxFails = 7
)

// shut says whether the guard of a quota, if it has one, holds w units back, and until when: never if an answer tells.
func (s *state) shut(now instant, w int32) (bool, instant) {
	g := s.debt.guard
	switch {
	case g == nil:
		return false, 0
	case now < g.until:
		return true, g.until
	}
	inflight := s.drawn()
	return inflight > 0 && inflight+w > g.most, never
}

// guarded has the guard of a quota of what goes wrong learn from an answer to a request granted then.
func (s *state) guarded(granted, now instant, wrong bool) {
	d, p := s.debt, s.policy
	switch g := d.guard; {
	case g == nil && !wrong:
	case g == nil:
		used := len(d.owed(p, now, s.kind.provider.trips.shortest)) // what is in flight, too
		if used >= p.Quota && 2*int(s.drawn()) <= used {
			d.guard = &guard{since: now, most: 1}
		}
	case granted <= g.since: // it was in flight then
	case wrong:
		g.fails = min(g.fails+1, maxFails)
		g.since, g.most = now, 1
		g.until = now.add(min(firstBlock<<(g.fails-1), mostBlock))
	case g.most >= openAt:
		d.guard = nil
	default:
		g.fails = 0
		g.most++ // each answer lets one more go besides the next: twice as many each round trip
	}
}

// opensAt is when a guard lets somebody go, as far as is known.
func (g *guard) opensAt(now instant) instant {
	if g == nil {
		return now
	}
	return max(now, g.until)
}

// stricter returns the guard of a bucket that another one, with a guard or without, turned out to be the same as: it opens
// no sooner than either would have, and no quicker.
func (g *guard) stricter(other *guard) *guard {
	if g == nil || other == nil {
		return cmp.Or(g, other)
	}
	return &guard{
		since: max(g.since, other.since), until: max(g.until, other.until),
		fails: max(g.fails, other.fails), most: min(g.most, other.most),
	}
}

// saved is how often, and once more, a guard that is shut saw that it had better stay so; 0: it is open.
func (g *guard) saved() uint8 {
	if g == nil {
		return 0
	}
	return g.fails + 1
}

// guardFrom returns the guard that was saved so, nil if none was.
func guardFrom(saved uint8, now instant) *guard {
	if saved == 0 {
		return nil
	}
	g := &guard{since: now, most: 1, fails: min(saved-1, maxFails)}
	if g.fails > 0 {
		g.until = now.add(min(firstBlock<<(g.fails-1), mostBlock))
	}
	return g
}
