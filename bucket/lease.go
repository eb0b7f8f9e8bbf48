package bucket

import (
	"slices"
	"time"
)

// A Lease is leave to send one request. It is settled exactly once, by Done, Lost or Cancel; settling it again panics.
// The zero Lease is none and must not be settled.
type Lease struct {
	t   *Ticket
	gen uint32
}

// Done settles the lease of a request that was answered. received is when the answer arrived, updates what it says of
// buckets, whether or not they are those of the request's draws. It returns what changed by that, mostly nothing.
func (l Lease) Done(received time.Time, updates ...Update) []Change {
	t := l.open()
	r := t.r
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	at := min(max(r.instant(received), t.granted), now)
	e := answer{r: r, t: t, now: now, received: at}
	var told, touched [4]*state // most answers tell of fewer
	e.told, e.touched = told[:0], touched[:0]
	for _, u := range updates {
		if a, ok := u.(Alias); ok {
			e.alias(a)
		}
	}
	r.settle(t)
	for _, u := range updates {
		if w, ok := u.(Window); ok {
			e.window(w)
		}
	}
	e.rest()
	for _, u := range updates {
		if b, ok := u.(Block); ok {
			e.block(b)
		}
	}
	e.calm()
	for _, s := range e.moved {
		r.readmit(s, now)
	}
	for _, s := range e.touched {
		r.serve(s, now)
	}
	r.release(t, now)
	return e.changes
}

// Lost settles the lease of a request that was sent and to which no answer came. It counts as spent until the window
// ends.
func (l Lease) Lost() {
	t := l.open()
	r := t.r
	r.mu.Lock()
	defer r.mu.Unlock()
	r.settle(t)
	for i := range t.slots {
		s := &t.slots[i]
		if s.counter != nil {
			c := s.counter.root()
			c.window.untold(s.counted, c.inflight, false)
		}
		s.back()
	}
	r.release(t, r.now())
}

// Cancel settles the lease of a request that was never sent: all that it took is given back.
func (l Lease) Cancel() {
	t := l.open()
	t.r.mu.Lock()
	defer t.r.mu.Unlock()
	t.r.cancel(t)
}

// open returns the lease's ticket, and panics if the lease was settled.
func (l Lease) open() *Ticket {
	if l.t == nil || !l.t.leased || l.t.gen != l.gen {
		panic("bucket: Lease settled twice")
	}
	return l.t
}

func (r *Registry) cancel(t *Ticket) {
	now := r.now()
	r.settle(t)
	for i := range t.slots {
		s := &t.slots[i]
		s.route.giveBack(now, t.granted, s.due, s.weight)
		if s.counter != nil {
			c := s.counter.root()
			c.window.granted = max(c.window.granted-s.counted, 0)
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
		s.route.kind.counts.inflight -= first(i)
		if s.counter != nil {
			s.counter.root().inflight -= s.counted
		}
	}
}

// back has another request go ahead in place of this one, from which nothing was learned.
func (s *slot) back() {
	if s.ahead&aheadRoute != 0 {
		s.route.probe = probeDue
	}
	if s.ahead&aheadCounter != 0 {
		s.counter.probe = probeDue
	}
}

// release lets those go for whom the end of the lease made room, and drops what the ticket draws on.
func (r *Registry) release(t *Ticket, now instant) {
	for i := range t.slots {
		s := &t.slots[i]
		r.serve(s.route, now)
		if s.counter != nil {
			r.serve(s.counter, now) // it may have been ahead there
			r.serve(s.counter.root(), now)
			s.counter.refs--
			s.counter = nil
		}
	}
	r.forget(t)
}

// An answer is the work of taking in one answer.
type answer struct {
	r             *Registry
	t             *Ticket
	now, received instant
	told          []*state // of which the answer says something
	touched       []*state // that it changed, beyond those of the ticket
	moved         []*state // that it gave another counter
	blocked       []*state // that it blocks
	changes       []Change
}

// alias has the requests on one key counted by the bucket of another from now on.
func (e *answer) alias(u Alias) {
	r := e.r
	route := r.state(u.Key, e.now)
	route.refs++ // so that making the other does not evict it
	c := r.state(u.To, e.now).counter()
	route.refs--
	if c == route || route.counter() == c {
		return // a circle, or nothing new
	}
	if old := route.alias; old != nil {
		old.refs--
		route.kind.counts.corrections.Alias++
	} else {
		// What was granted here counts there from now on; its leases find their way by root.
		route.merged = c
		c.inflight += route.inflight
		granted := c.window.granted + route.inflight
		if c.window.phase == unknown {
			granted = c.window.granted + route.window.granted
			c.window = route.window
		}
		c.window.granted = granted
		route.inflight = 0
		route.window = window{}
		if route.probe == probeOut && e.now >= route.blocked {
			route.probe = probeNone // who waits for it now waits at the counter, if need be
		}
	}
	route.alias = c
	c.refs++
	if to := c.key; to.Provider == route.key.Provider && to.Owner == route.key.Owner && to.Subject == route.key.Subject {
		route.kind.alias = to.Limit
	}
	e.moved = append(e.moved, route)
}

// window takes in what the answer says of a window.
func (e *answer) window(u Window) {
	r := e.r
	s := r.state(u.Key, e.now).counter()
	if u.Limit > 0 && s.kind.limit != int32(min(u.Limit, maxLimit)) {
		s.kind.limit = int32(min(u.Limit, maxLimit))
		e.changes = append(e.changes, Change{Key: u.Key, Limit: u.Limit})
	}
	lo, hi, ok := r.end(u, s.kind, e.t.granted, e.received)
	if !ok {
		return
	}
	e.told = append(e.told, s)
	e.touched = append(e.touched, s)
	s.window.roll(e.now, s.inflight)
	s.kind.long = max(s.kind.long, min(time.Duration(lo-e.received), r.maxBlock))
	c := s.window.observe(reading{
		lo: lo, hi: hi,
		limit:     int32(min(max(u.Limit, 0), maxLimit)),
		remaining: int32(min(max(u.Remaining, 0), maxLimit)),
		sent:      e.t.granted,
		mine:      e.t.countedAt(s),
		inflight:  s.inflight,
	})
	s.kind.counts.corrections.add(c)
}

// end returns the earliest and the latest moment at which a window ends.
func (r *Registry) end(u Window, k *kind, sent, received instant) (lo, hi instant, ok bool) {
	switch {
	case u.ResetAfter > 0:
		after := min(u.ResetAfter, r.maxBlock)
		lo, hi = sent.add(after), received.add(after)
	case u.ResetAt.Year() < 1970 || u.ResetAt.Year() > 2200:
		return 0, 0, false // none, or no such time
	case u.Date.Year() < 1970 || u.Date.Year() > 2200:
		lo = r.instant(u.ResetAt)
		hi = lo
	default:
		if k.clock == nil {
			k.clock = &serverClock{}
		}
		k.clock.observe(u.Date, sent, received)
		lo, hi = k.clock.local(u.ResetAt)
	}
	hi = max(min(hi, received.add(r.maxBlock)), 1)
	lo = min(lo-instant(min(max(u.Precision, 0), r.maxBlock)), hi)
	return lo, hi, true
}

// countedAt is what the ticket took from a counter.
func (t *Ticket) countedAt(c *state) int32 {
	for i := range t.slots {
		if s := &t.slots[i]; s.counter != nil && s.counter.root() == c {
			return s.counted
		}
	}
	return 0
}

// rest deals with the ticket's draws of which the answer says nothing, and with those that others waited for.
func (e *answer) rest() {
	t := e.t
	for i := range t.slots {
		s := &t.slots[i]
		if k := s.route.kind; s.route.policy != nil {
			trip := time.Duration(e.received - t.granted)
			if k.heard == 0 {
				k.heard = e.received
			}
			if t.granted >= k.heard.add(warmUp) {
				k.trips.add(trip)
			}
			s.route.answered(t.granted, s.due, s.weight, trip)
		}
		if s.ahead&aheadRoute != 0 {
			s.route.seen(e.now)
		}
		if s.counter == nil {
			continue
		}
		if s.ahead&aheadCounter != 0 {
			s.counter.seen(e.now)
		}
		c := s.counter.root()
		if !slices.Contains(e.told, c) { // where there is a policy, nobody need go ahead to see
			c.window.untold(s.counted, c.inflight, s.ahead != 0 || c.policy != nil)
		}
	}
}

// The waits after blocks of unknown length.
const (
	firstBlock = time.Second
	mostBlock  = time.Minute

	leastBlock = 50 * time.Millisecond // of any block: a shorter one would have refusals chase one another

	maxRefusals = 7 // by then it is mostBlock
)

// block takes in that nothing may go for a time.
func (e *answer) block(u Block) {
	r := e.r
	s := r.state(u.Key, e.now)
	e.touched = append(e.touched, s)
	d := min(max(u.For, leastBlock), r.maxBlock)
	if u.For <= 0 {
		// Requests that were in flight when the last block came are refused with it, not after it.
		if e.t.granted >= s.blocked {
			s.refusals = min(s.refusals+1, maxRefusals)
		}
		d = min(firstBlock<<max(s.refusals-1, 0), mostBlock, r.maxBlock)
	}
	e.blocked = append(e.blocked, s)
	if s.window.phase != known && s.probe == probeNone {
		s.probe = probeDue
	}
	until := e.received.add(d)
	if until <= s.blocked {
		return
	}
	s.blocked = until
	e.changes = append(e.changes, Change{Key: u.Key, Blocked: r.time(until)})
	r.expire(s, e.now)
}

// calm ends the row of refusals of those of the ticket's draws that the answer does not block.
func (e *answer) calm() {
	for i := range e.t.slots {
		s := &e.t.slots[i]
		e.calmAt(s.route)
		if s.counter != nil {
			e.calmAt(s.counter.root())
		}
	}
}

// calmAt leaves alone a block that came after the request had been sent, of which its answer tells nothing.
func (e *answer) calmAt(s *state) {
	if e.t.granted >= s.blocked && !slices.Contains(e.blocked, s) {
		s.refusals = 0
	}
}
