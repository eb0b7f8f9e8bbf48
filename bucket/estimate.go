package bucket

import "time"

// mostLaps bounds how many windows ahead an estimate looks: far enough for any deadline.
const mostLaps = 1000

// mostAhead bounds how many of those ahead of a request an estimate counts.
const mostAhead = 1 << 12

// estimate returns which of the ticket's draws will hold it back longest, and until when, if everybody ahead of it
// goes first and what is unknown takes no time. It requires that r.mu is held.
func (r *Registry) estimate(t *Ticket, now instant) (key Key, until instant) {
	until = now
	for i := range t.slots {
		s := &t.slots[i]
		route := s.route
		if i == 0 {
			key = route.key()
		}
		at := r.estimateAt(route, t, s.weight, now)
		if a, b := route.roots(); route.links != nil {
			at = max(at, r.estimateAt(a, t, s.weight, now))
			if b != nil {
				at = max(at, r.estimateAt(b, t, s.weight, now))
			}
		}
		if at > until {
			key, until = route.key(), at
		}
	}
	return key, until
}

// others is how many go before t at s, as far as an estimate counts, and how many of them are of ordinary priority or
// below, if those leave a share to the rest.
func (r *Registry) others(s *state, t *Ticket) (all, ordinary int) {
	l := s.line
	if l == nil {
		return 0, 0
	}
	reserve := r.reserveAt(s)
	if reserve == 0 && t.seq >= r.seq && t.priority() <= 0 && len(l.classes) == 1 &&
		l.classes[0].priority >= t.priority() { // it came last
		if t.waiter != nil && t.waiter.in == l {
			return l.waiting - 1, 0 // not behind itself
		}
		return l.waiting, 0
	}
	if _, all = l.ahead(t, mostPriority); reserve > 0 {
		_, ordinary = l.ahead(t, 0)
	}
	return all, ordinary
}

// estimateAt is the earliest moment at which w units may have gone from s for t, behind those ahead of it.
func (r *Registry) estimateAt(s *state, t *Ticket, w int32, now instant) instant {
	if s.debt == nil && (s.window.phase != known || s.counted()) && s.gap() == 0 {
		return max(now, s.blocked) // whoever goes before
	}
	all, ordinary := r.others(s, t)
	at, n := max(now, s.blocked), r.spared(s, t, now)
	if t.priority() > 0 {
		return s.estimate(w, all-ordinary, n, at, now) // the others do not hold it up once they have used their share
	}
	latest := s.estimate(w, all, spare{aside: n.aside}, at, now).add(s.spreading(all))
	if n.share > 0 {
		latest = max(latest, s.estimate(w, ordinary, n, at, now))
	}
	return latest
}

// estimate is when w units may have gone from s from a moment on, behind so many others that are spared as much.
func (s *state) estimate(w int32, others int, n spare, at, now instant) instant {
	others += int(n.aside)
	if s.debt != nil {
		at = max(s.ready(at, others, int(w), n.share), s.debt.guard.opensAt(now))
	}
	win := &s.window
	if win.phase != known || s.counted() {
		return at
	}
	limit, room, shortest := win.limit, win.room(s.inflight), s.kind.provider.trips.shortest
	if limit > 0 {
		w = min(w, limit)
		kept := min(n.of(limit), limit-w)
		limit, room = limit-kept, room-kept
	}
	units := others + int(w)
	if period := s.slides(); period > 0 {
		// Beyond what the window holds, each unit takes a period; those in flight are counted as gone for good.
		over := min(units+int(s.inflight-limit), int(limit)*mostLaps)
		return max(at, max(win.hi, now).add(-shortest).add(times(period, over)))
	}
	ends := win.hi.add(-shortest)
	if win.hi == 0 {
		ends = win.lo
	}
	if over := units - int(max(room, 0)); over > 0 && ends > now {
		laps := 0
		if limit > 0 {
			laps = min((over-1)/int(limit), mostLaps)
		}
		at = max(at, ends.add(s.kind.latest*time.Duration(laps)))
	}
	return at
}

// longestWait is further than any estimate need look.
const longestWait = 100 * 365 * 24 * time.Hour

// times is d, which is not 0, so many times; it stops at longestWait.
func times(d time.Duration, n int) time.Duration {
	most := int(longestWait / d)
	return d * time.Duration(min(max(n, -most), most))
}
