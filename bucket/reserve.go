package bucket

// Everything here requires that Registry.mu is held.

// reserveAt is the share of s that is for those above ordinary priority.
func (r *Registry) reserveAt(s *state) float64 {
	if p := s.policy; p != nil && p.Reserve > r.reserve { // which NaN is not
		return min(p.Reserve, mostReserve)
	}
	return r.reserve
}

// of is how many units of a limit are for those above ordinary priority.
func (o spare) of(limit int32) int32 { return int32(shareOf(int(limit), o.share)) }

// shareOf is a share of n in whole units. What a product of floats is short of one does not count: 0.29 of 100 are 29.
func shareOf(n int, share float64) int { return int(float64(n)*share + 1e-6) }

// outranks says whether somebody in line at s goes before t: then t waits behind, even if there would be room for it.
// Those of ordinary priority who wait only for what is not theirs hold up nobody above it.
func (r *Registry) outranks(s *state, t *Ticket, now instant) bool {
	l := s.line
	if l == nil || l.waiting == 0 || !l.outranks(everybody, t) {
		return false
	}
	if t.priority() <= 0 || r.reserveAt(s) == 0 || r.unreserved(s, l.first(everybody).ticket, now) > now {
		return true
	}
	return l.outranks(0, t)
}

// unreserved is when s would let t through, but for the share of those above ordinary priority, if it is not one of
// them; never if it is, or if time alone will not tell.
func (r *Registry) unreserved(s *state, t *Ticket, now instant) instant {
	if t.priority() > 0 {
		return never
	}
	if no, at := s.held(now); no {
		return at
	}
	at, n := now, r.spared(s, t, now)
	n.share = 0
	if slot := t.slot(s); slot != nil {
		if no, until := s.owing(now, slot.weight, n); no {
			at = until
		}
	}
	if w := t.weightAt(s); w > 0 {
		if no, until := s.full(now, w, n); no {
			at = max(at, until)
		}
	}
	return at
}

// preferred returns the first of those above ordinary priority in line at s, where w is the first of all and s refuses
// it; nil if there is none, or w is one of them. As soon as w waits only for what is theirs, it holds them up no more:
// then by is what refuses that one, and until when; before, it is s until that moment.
func (r *Registry) preferred(s *state, w *waiter, now instant) (p *waiter, by *state, at instant) {
	if w.ticket.priority() > 0 || r.reserveAt(s) == 0 {
		return nil, nil, never
	}
	if p = s.line.first(0); p == nil {
		return nil, nil, never
	}
	if at = r.unreserved(s, w.ticket, now); at > now {
		return p, s, at
	}
	by, at = r.refuser(p.ticket, now)
	return p, by, at
}
