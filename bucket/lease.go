package bucket

import "time"

// A Lease is leave to send one request. It is settled exactly once, by Done, DoneAt, Failed, Lost or Cancel, in any
// goroutine; settling it again panics. The zero Lease is none and must not be settled.
type Lease struct {
	t   *Ticket
	gen uint32
}

// Done settles the lease of a request that was answered. received is when the answer arrived, by time.Now, which may be
// some time ago; it is not believed if it is in the future. updates are what the answer says of buckets, whether or not
// they are those of the request's draws. Done returns what changed by that, mostly nothing.
func (l Lease) Done(received time.Time, updates ...Update) []Change {
	return l.done(received, false, updates)
}

// Failed is Done for an answer that says nothing of buckets and need not be the API's own word, such as a gateway's that
// does not reach it. Where others wait to see what the answer tells, another goes ahead instead, up to three times in a
// row.
func (l Lease) Failed(received time.Time) { l.done(received, true, nil) }

func (l Lease) done(received time.Time, failed bool, updates []Update) []Change {
	r := l.registry()
	var clock instant
	if len(updates) > 0 {
		clock = r.clock()
	}
	changes := l.settle(r, r.instant(received), clock, failed, updates)
	r.pool(l.t)
	return changes
}

// DoneAt is Done for an answer that arrived just now, as time.Now has told.
func (l Lease) DoneAt(now time.Time, updates ...Update) []Change {
	r := l.registry()
	clock := r.instant(now)
	changes := l.settle(r, clock, clock, false, updates)
	r.pool(l.t)
	return changes
}

// settle settles the lease of a request that was answered at received. clock is what the clock has just told, 0 if it
// was not read.
func (l Lease) settle(r *Registry, received, clock instant, failed bool, updates []Update) []Change {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := l.open()
	received = max(received, t.granted)
	now := received // close enough if the answer says nothing and nobody waits
	switch {
	case clock != 0:
		now = r.at(clock)
	case t.awaited() || received > t.granted.add(slowTrip): // or it is said to have arrived in the future
		now = r.now()
	}
	r.answer.failed = failed
	return r.answered(t, received, now, updates)
}

// answered settles a ticket's lease as the answer asks. It requires that r.mu is held.
func (r *Registry) answered(t *Ticket, received, now instant, updates []Update) []Change {
	received = min(received, now)
	if len(updates) == 0 {
		r.settle(t)
		r.learn(t, received, now, &r.answer)
		t.calm(nil)
		r.release(t, now)
		return nil
	}
	e := &r.answer
	e.begin(t, now, received)
	e.take(updates)
	changes, joins := e.changes, e.joins
	e.end()
	r.fold(joins, now)
	return changes
}

// Lost settles the lease of a request that was sent and to which no answer came. It counts as spent until the window
// ends.
func (l Lease) Lost() {
	r := l.registry()
	l.lost(r)
	r.pool(l.t)
}

func (l Lease) lost(r *Registry) {
	r.mu.Lock()
	defer r.mu.Unlock()
	t, now := l.open(), r.now()
	r.settle(t)
	for i := range t.slots {
		s := &t.slots[i]
		a, b := s.route.roots()
		for _, c := range [...]*state{a, b} {
			if c != nil && s.counted > 0 {
				c.lost(t.granted, now, s.counted)
			}
		}
		if p := s.route.policy; p != nil && p.Hidden {
			s.more = s.route.passed(t.granted, now, s.weight)
		}
		s.back()
	}
	r.release(t, now)
}

// lost notes at a counter that a request granted then was lost.
func (s *state) lost(granted, now instant, counted int32) {
	due := granted.add(s.kind.provider.trips.longest)
	// It may have been given up on the way, and be counted when it arrives.
	by := max(now, due)
	s.doubt(by, counted)
	s.window.untold(by, counted, s.inflight, false, s.unitTime())
	if s.slides() > 0 {
		return
	}
	if due == granted {
		due = now // nobody knows how long the way is
	}
	s.window.lost(counted, due, s.kind.long)
}

// Cancel settles the lease of a request that was never sent: all that it took is given back.
func (l Lease) Cancel() {
	r := l.registry()
	l.cancel(r)
	r.pool(l.t)
}

func (l Lease) cancel(r *Registry) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cancel(l.open())
}

// registry returns the registry that gave the lease.
func (l Lease) registry() *Registry {
	if l.t == nil {
		panic("bucket: a zero Lease settled")
	}
	return l.t.r
}

// open returns the lease's ticket, and panics if the lease was settled. It requires that the registry's mu is held.
func (l Lease) open() *Ticket {
	if !l.t.leased || l.t.gen != l.gen {
		panic("bucket: Lease settled twice")
	}
	return l.t
}

// What follows requires that r.mu is held.

func (r *Registry) cancel(t *Ticket) {
	now := r.now()
	r.settle(t)
	for i := range t.slots {
		s := &t.slots[i]
		s.route.giveBack(now, t.granted, s.due, s.weight)
		a, b := s.route.roots()
		for _, c := range [...]*state{a, b} {
			if c != nil {
				c.window.granted = max(c.window.granted-s.counted, 0)
			}
		}
		s.back()
	}
	r.release(t, now)
}

// settle takes the ticket's units out of what is in flight.
func (r *Registry) settle(t *Ticket) {
	t.leased = false
	for i := range t.slots {
		s := &t.slots[i]
		if i == 0 {
			s.route.kind.provider.inflight--
		}
		if s.counted > 0 {
			s.route.count(-s.counted)
		} else {
			s.route.links.beside -= s.weight
		}
		if s.venture != nil {
			s.venture.ventures--
		}
		if s.route.links != nil {
			s.follow()
		}
		s.route.settlePast()
	}
}

// follow has a slot that is settled draw on what its buckets were merged into, if they were.
func (s *slot) follow() {
	if to := s.route.heir(); to != s.route {
		s.route.refs--
		to.refs++
		s.route = to
	}
	for i, c := range s.ahead {
		if c != nil {
			c.refs--
			s.ahead[i] = c.heir()
			s.ahead[i].refs++
		}
	}
}

// leadsCounter says whether others wait for a slot at a counter.
func (s *slot) leadsCounter() bool { return s.ahead != [2]*state{} }

// back has another request go ahead in place of this one, from which nothing was learned.
func (s *slot) back() {
	if s.leads {
		s.route.probe = probeDue
	}
	for _, c := range s.ahead {
		if c != nil {
			c.probe = probeDue
		}
	}
}

// release lets those go for whom the end of the lease made room, and drops what the ticket draws on.
func (r *Registry) release(t *Ticket, now instant) {
	for i := range t.slots {
		s := &t.slots[i]
		if s.route.line != nil {
			r.serve(s.route, now)
		}
		if h := s.venture; h != nil {
			s.venture = nil
			r.serveAll(h.kind, r.now()) // of whom awaited does not tell, so that now may be long ago
		}
		if s.more {
			s.more = false
			r.serveAll(s.route.kind, r.now())
		}
		for j, c := range s.ahead {
			if c != nil {
				r.serve(c, now)
				c.refs--
				s.ahead[j] = nil
			}
		}
		if s.route.links == nil {
			continue
		}
		a, b := s.route.roots()
		r.serve(a, now)
		if b != nil {
			r.serve(b, now)
		}
	}
	r.forget(t)
}

// awaited says whether anybody waits who draws on the same buckets.
func (t *Ticket) awaited() bool {
	for i := range t.slots {
		s := &t.slots[i]
		a, b := s.route.roots()
		if s.route.line != nil || a.line != nil || b != nil && b.line != nil || s.leadsCounter() {
			return true
		}
	}
	return false
}
