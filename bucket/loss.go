package bucket

import "math"

// As long as nobody knows whether the units of a kind come back one by one, its windows are taken for fixed, which is the
// cautious reading but for requests that are lost: the end of a fixed window brings them back, while they defer the moment
// at which a sliding one has all. So what is lost is kept in mind besides, until all would be back in either case, or an
// answer tells of it, or the kind is known. Everything here requires that Registry.mu is held.

// A loss is what would be missing from a window if it slid.
type loss struct {
	units   int32   // that were lost
	counted instant // by when
	told    instant // the latest moment that an answer which need not count them has told for all to be back
}

// doubt notes at a bucket that so many units were lost that were counted by a moment.
func (s *state) doubt(counted instant, units int32) {
	k := s.kind
	if k.sliding() || k.fixed || s.window.phase != known || s.window.limit == 0 {
		return
	}
	if k.losses == nil {
		k.losses = map[*state]loss{}
	}
	d := k.losses[s]
	k.losses[s] = loss{min(d.units+units, maxLimit), max(d.counted, counted), max(d.told, s.window.hi)}
}

// back is when all is back at the latest.
func (d *loss) back(k *kind) instant {
	return max(d.told, d.counted).add(times(max(k.period.hi, 1), int(d.units)))
}

// doubted says whether the window of a bucket has no room for w units if it slides, though it has if it is fixed, and until
// when.
func (s *state) doubted(now instant, w int32) (bool, instant) {
	k := s.kind
	d, ok := k.losses[s]
	if !ok {
		return false, 0
	}
	all, period, shortest := d.back(k), max(k.period.lo, 1), k.provider.trips.shortest
	if all <= now {
		delete(k.losses, s)
		return false, 0
	}
	if s.window.limit == 0 {
		return false, 0 // it became another one's, of which nobody knows how much it holds
	}
	// What was lost, and what is missing as far as is told: or, at last, what time leaves of both.
	win := window{limit: s.window.limit, hi: d.told}
	if win.slides(now, s.inflight, w+d.units, period, shortest) <= now {
		return false, 0
	}
	win.hi = all
	at := win.slides(now, s.inflight, w, period, shortest)
	return now < at, at
}

// assure takes in an answer: that to a request which was sent after the others were counted tells of them, too.
func (s *state) assure(in *reading) {
	d, ok := s.kind.losses[s]
	switch {
	case !ok:
	case in.sent >= d.counted:
		delete(s.kind.losses, s)
	default:
		d.told = max(d.told, in.hi)
		s.kind.losses[s] = d
	}
}

// sure ends all doubts once the kind is known, and reports whether there were any.
func (k *kind) sure() bool {
	losses := k.losses
	k.losses = nil
	if k.sliding() {
		for s, d := range losses {
			w := &s.window
			w.hi, w.closed, w.untolds = max(w.hi, d.back(k)), d.counted, uint16(min(d.units, math.MaxUint16))
		}
	}
	return losses != nil
}

// doubtAs has a bucket inherit the doubts about another one, whose window is now its own, too.
func (s *state) doubtAs(other *state) {
	d, ok := other.kind.losses[other]
	if !ok {
		return
	}
	k := s.kind
	if k.losses == nil {
		k.losses = map[*state]loss{}
	}
	mine := k.losses[s]
	k.losses[s] = loss{min(mine.units+d.units, maxLimit), max(mine.counted, d.counted), max(mine.told, d.told)}
}
