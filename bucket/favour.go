package bucket

import "time"

// later says whether the favoured one, which waits elsewhere, will do so until what is taken from s now is back: then
// nobody need leave it anything there yet.
func (w *waiter) later(s *state, now instant) bool {
	l := w.in
	return l != nil && l.state != s && l.wake >= 0 && s.back(now) <= l.wakeAt
}

// back is when all that may be taken from a state now is there again; never if nobody can tell.
func (s *state) back(now instant) instant {
	at, trips := now, &s.kind.provider.trips
	spread := trips.longest - trips.shortest
	if p := s.policy; p != nil {
		if p.Concurrent > 0 {
			return never
		}
		if p.Quota > 0 {
			at = max(at, now.add(p.Window+spread))
		}
		if p.Every > 0 {
			at = max(at, now.add(p.Every*time.Duration(p.burst())+spread))
		}
	}
	switch w := &s.window; {
	case w.phase != known:
	case s.slides() > 0:
		at = max(at, max(w.hi, now).add(min(s.unitTime(), defaultMaxBlock/time.Duration(w.limit))*time.Duration(w.limit)))
	case now < w.hi.add(-trips.shortest): // else it is about to begin anew
		at = max(at, w.hi)
	case s.kind.long > 0:
		at = max(at, now.add(s.kind.long))
	default:
		return never
	}
	return at
}

// serveBeside lets those through at its other buckets who may go while the favoured one waits where it stands now.
func (r *Registry) serveBeside(w *waiter, now instant) {
	var few [len(w.inline)]*state
	states := few[:0]
	for i := range w.links {
		states = append(states, w.links[i].state)
	}
	for _, s := range states {
		if r.favoured != w || w.in == nil {
			return // its turn came meanwhile, and all of them were served
		}
		if s != w.in.state {
			r.serve(s, now)
		}
	}
}
