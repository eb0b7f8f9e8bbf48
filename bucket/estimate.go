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

// others is how many go before t at s, as far as an estimate counts.
func (r *Registry) others(s *state, t *Ticket) int {
	if s.line == nil {
		return 0
	}
	if t.seq >= r.seq && t.priority() <= 0 && len(s.line.classes) == 1 && s.line.classes[0].priority >= t.priority() {
		return s.line.waiting // it came last
	}
	_, ahead := s.line.ahead(t)
	return ahead
}

// estimateAt is the earliest moment at which w units may have gone from s for t, behind those ahead of it.
func (r *Registry) estimateAt(s *state, t *Ticket, w int32, now instant) instant {
	others, needed := r.others(s, t), int(w+r.spared(s, t))
	at := max(now, s.blocked)
	if s.debt != nil {
		at = s.ready(at, others, needed)
	}
	win := &s.window
	if win.phase != known || s.counted() {
		return at
	}
	limit, shortest := int(win.limit), s.kind.provider.trips.shortest
	n := others + needed
	if limit > 0 {
		n = others + min(needed, limit)
	}
	if period := s.slides(); period > 0 {
		// Beyond what the window holds, each unit takes a period; those in flight are counted as gone for good.
		over := min(n+int(s.inflight)-limit, limit*mostLaps)
		return max(at, max(win.hi, now).add(-shortest).add(period*time.Duration(over)))
	}
	if over := n - int(max(win.room(s.inflight), 0)); over > 0 && win.hi > now {
		laps := 0
		if limit > 0 {
			laps = min((over-1)/limit, mostLaps)
		}
		at = max(at, win.hi.add(-shortest).add(s.kind.long*time.Duration(laps)))
	}
	return at
}
