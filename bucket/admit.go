package bucket

import (
	"cmp"
	"slices"
)

// Everything here requires that Registry.mu is held.

// refuser returns a state that does not let the ticket through now, and when it may by time alone; nil if all do.
func (r *Registry) refuser(t *Ticket, now instant) (*state, instant) {
	for i := range t.slots {
		s := &t.slots[i]
		route := s.route
		if no, at := r.closed(route, t, now); no {
			return route, at
		}
		if no, at := route.owing(now, s.weight, r.spared(route, t, now)); no {
			return route, at
		}
		if route.links == nil {
			if no, at := route.full(now, s.weight, r.spared(route, t, now)); no {
				return route, at
			}
			continue
		}
		route.prune(now)
		a, b := route.roots()
		if no, at := r.refusesAt(a, route, t, now); no {
			return a, at
		}
		if b == nil {
			continue
		}
		if no, at := r.refusesAt(b, route, t, now); no {
			return b, at
		}
	}
	return nil, 0
}

// refusesAt says whether a counter of a route refuses, and until when.
func (r *Registry) refusesAt(c, route *state, t *Ticket, now instant) (bool, instant) {
	if c != route {
		if no, at := r.closed(c, t, now); no {
			return true, at
		}
	}
	return c.full(now, t.weightAt(c), r.spared(c, t, now))
}

// closed says whether a state lets nobody through, or somebody else first, and until when.
func (r *Registry) closed(s *state, t *Ticket, now instant) (bool, instant) {
	if no, at := s.held(now); no {
		return true, at
	}
	return r.rest.gates(s) || r.outranks(s, t, now), never
}

// A spare is what a request has to leave to others.
type spare struct {
	aside int32   // units, to the favoured one
	share float64 // of windows and quotas, to those above ordinary priority
}

// spared is what t has to leave to others at s.
func (r *Registry) spared(s *state, t *Ticket, now instant) spare {
	f := r.favoured
	if f != nil && f.ticket == t {
		return spare{} // what it takes was set aside for it
	}
	var n spare
	if f != nil && s.line != nil && s.line.aside > 0 && f.ticket.before(t) && !f.later(s, now) {
		n.aside = s.line.aside
	}
	if t.priority() <= 0 {
		n.share = r.reserveAt(s)
	}
	return n
}

// grant takes the ticket's draws.
func (r *Registry) grant(t *Ticket, now instant) {
	t.leased, t.granted = true, now
	t.gen++
	linked := false
	for i := range t.slots {
		s := &t.slots[i]
		route := s.route
		if i == 0 {
			route.kind.provider.inflight++
		}
		s.ahead, s.leads, s.due = [2]*state{}, false, 0
		if p := route.policy; p != nil {
			if p.Hidden && !route.believed(now) && route.ventures(now, s.weight) {
				s.venture = route.kind.hide()
				s.venture.ventures++
			}
			s.due = route.take(now, s.weight)
		}
		if route.goesAhead() {
			route.probe = probeOut
			s.leads = true
		}
		if route.links == nil {
			s.counted = s.weight
			route.inflight += s.weight
			route.window.granted += s.weight
			continue
		}
		s.counted, linked = 0, true
	}
	if linked {
		t.count(true)
		t.count(false)
	}
}

// count has those of a ticket's draws be counted whose routes have links. First come those that two counters count, where
// a window of a former name is open: what is drawn on either of these besides is counted by that.
func (t *Ticket) count(two bool) {
	for i := range t.slots {
		s := &t.slots[i]
		route := s.route
		if route.links == nil || (route.links.also != nil) != two {
			continue
		}
		a, b := route.roots()
		if t.counts(a) && (b == nil || t.counts(b)) {
			route.links.beside += s.weight
			continue
		}
		s.counted = t.weightAt(a)
		for j, c := range [...]*state{a, b} {
			if c == nil {
				continue
			}
			if c != route && c.goesAhead() {
				c.probe = probeOut
				s.ahead[j] = c
				c.refs++
			}
			c.window.granted += s.counted
		}
		route.count(s.counted)
	}
}

// counts says whether c counts one of the ticket's draws already. If only one of a route's two counters does, the draw on
// the route counts there once more, until the other's end: what is in flight is noted by route, not by counter, and too much
// is the safe side.
func (t *Ticket) counts(c *state) bool {
	for i := range t.slots {
		if s := &t.slots[i]; s.counted > 0 && s.route.leadsTo(c) {
			return true
		}
	}
	return false
}

// serve lets those through who wait at s and may go, and has the rest looked at again in time. Of very many, the next part
// has its time.
func (r *Registry) serve(s *state, now instant) {
	if s.line != nil && s.line.more || r.rest.gates(s) {
		return
	}
	r.serveSome(s, now)
}

// serveSome is serve for a part of them.
func (r *Registry) serveSome(s *state, now instant) {
	r.pruneRoutes(s, now)
	s.herd(now)
	for n := 0; s.line != nil && s.line.waiting > 0; n++ {
		if n == r.chunk {
			r.goOn(s.line, now)
			r.setTimer()
			return
		}
		w := s.line.first(everybody)
		by, at := r.refuser(w.ticket, now)
		if by == nil {
			by, at = s.spaced(w, now)
		}
		if by == s {
			p, other, soon := r.preferred(s, w, now)
			if p != nil && other != s {
				r.move(p, other, soon, now)
				continue
			}
			r.wakeFor(s.line, min(at, soon))
			if f := r.favoured; f != nil && f.in == s.line {
				r.serveBeside(f, now)
			}
			r.setTimer()
			return
		}
		r.move(w, by, at, now)
	}
	if s.line != nil {
		r.sleep(s.line)
	}
	r.setTimer()
}

// move takes a waiter out of the line it stands in, and grants it, or puts it in the line of what refuses it, or fails
// it if a block there makes it too late.
func (r *Registry) move(w *waiter, by *state, at, now instant) {
	w.step()
	r.place(w, by, at, now)
}

// place is move for a waiter that stands in no line.
func (r *Registry) place(w *waiter, by *state, at, now instant) {
	r.places++
	if by != nil && r.overtaken(w) {
		by, at = r.refuser(w.ticket, now) // it need not leave others their share any more
	}
	switch {
	case by == nil:
		r.grant(w.ticket, now)
		r.leave(w, now)
	case by.blocked > w.latest:
		r.giveUp(w, now, &WaitError{Key: w.ticket.keyAt(by), Until: r.time(by.blocked), Err: w.latestErr})
	default:
		r.stand(w, by, at, now)
		if r.favoured == w {
			r.serveBeside(w, now)
		}
	}
}

// enoughMoves is how often a waiter is let go by one bucket and refused by another before units are set aside for it.
const enoughMoves = 8

// overtaken notes that w would have been let go where it stood, and is not elsewhere. Buckets that are never free at
// once would keep it waiting for ever: after some time the others leave it what it needs, wherever it draws. There is
// one such waiter at a time. It says whether that is w from now on.
func (r *Registry) overtaken(w *waiter) bool {
	if w.moves++; w.moves < enoughMoves || r.favoured != nil {
		return false
	}
	r.favoured = w
	w.setAside()
	return true
}

// stand puts a waiter in the line of the state that refuses it, in which it must have a link.
func (r *Registry) stand(w *waiter, by *state, at, now instant) {
	l := by.line
	l.add(w)
	first := l.first(everybody)
	if first != w {
		if r.reserveAt(by) == 0 || l.first(0) != w {
			return
		}
		at = never
		if l.wake >= 0 {
			at = l.wakeAt
		}
	}
	p, other, soon := r.preferred(by, first, now)
	if p != nil && other != by {
		soon = now // it may go, or waits for something else: it is to be looked at
	}
	r.wakeFor(l, min(at, soon))
	r.setTimer()
}

// readmit looks again at all who wait and draw on any of moved, after what these draw on has changed: at all of them at
// once, as nobody may stand where they are not linked, unless they are very many.
func (r *Registry) readmit(moved []*state, now instant) {
	if !r.fewDraw(moved) {
		r.readmitMany(moved)
		return
	}
	var all []*waiter
	var left []*state
	for _, s := range moved {
		if s.line == nil {
			continue
		}
		for k := s.line.drawing; k != nil; k = k.next {
			w := k.waiter
			if w.in == nil { // it is among them, or being looked at already
				continue
			}
			all = append(all, w)
			if !slices.Contains(left, w.in.state) {
				left = append(left, w.in.state)
			}
			w.step()
		}
	}
	for _, w := range all {
		w.relink(r)
	}
	slices.SortFunc(all, func(a, b *waiter) int {
		return cmp.Or(cmp.Compare(a.ticket.rank, b.ticket.rank), cmp.Compare(a.ticket.seq, b.ticket.seq))
	})
	for _, w := range all {
		by, at := r.refuser(w.ticket, now)
		r.place(w, by, at, now)
	}
	for _, s := range moved { // some were not linked yet to who counts these, when that was blocked
		a, b := s.roots()
		r.expire(a, now)
		if b != nil {
			r.expire(b, now)
		}
	}
	for _, s := range left {
		r.serve(s, now)
	}
}

// leave wakes a waiter that waits no more, and gives back what was set aside for it.
func (r *Registry) leave(w *waiter, now instant) {
	if slots := w.ticket.slots; len(slots) > 0 {
		slots[0].route.kind.provider.waiting--
	}
	var states []*state
	if r.favoured == w {
		for i := range w.links {
			states = append(states, w.links[i].state)
		}
	}
	w.unlink(r)
	if r.favoured == w {
		r.favoured = nil
	}
	if w.err != nil {
		r.forget(w.ticket)
	}
	w.ready <- struct{}{} // from now on, the ticket is its owner's
	for _, s := range states {
		r.serve(s, now)
	}
}

// fail ends the wait of a waiter, and lets those behind it move up.
func (r *Registry) fail(w *waiter, now instant, err *WaitError) {
	from := w.in.state
	w.step()
	r.giveUp(w, now, err)
	r.serve(from, now)
}

// giveUp wakes a waiter that stands in no line any more with an error.
func (r *Registry) giveUp(w *waiter, now instant, err *WaitError) {
	w.err = err
	r.leave(w, now)
}
