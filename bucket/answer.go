package bucket

import (
	"math"
	"slices"
	"time"
)

// An answer is the work of taking in one answer. Its methods require that the registry's mu is held. The registry keeps
// one for its slices.
type answer struct {
	r             *Registry
	t             *Ticket
	now, received instant
	told          []*state // of which the answer says something
	touched       []*state // that it changed, beyond those of the ticket
	moved         []*state // whose routes or counters changed
	blocked       []*state // that it blocks
	charged       []*state // whose quotas it charges
	eased         []*kind  // whose buckets may now let more through
	refused       bool     // it blocks something: the request was not counted
	failed        bool     // it says nothing, and need not be the API's own word
	lessons       []lesson // of hidden limits that refused
	apart         []apart  // routes that count for themselves, though the answer names a counter

	joins   map[owner]bool // whose limits it says are another's
	changes []Change
}

// begin has e take in an answer.
func (e *answer) begin(t *Ticket, now, received instant) {
	e.t, e.now, e.received = t, now, received
}

// end lets go of all but the room in the slices that are not handed on.
func (e *answer) end() {
	e.told, e.touched, e.moved = emptied(e.told), emptied(e.touched), emptied(e.moved)
	e.blocked, e.eased, e.apart = emptied(e.blocked), emptied(e.eased), emptied(e.apart)
	e.charged, e.lessons = emptied(e.charged), emptied(e.lessons)
	e.t, e.refused, e.joins, e.changes = nil, false, nil, nil
}

func emptied[T any](s []T) []T {
	clear(s)
	return s[:0]
}

// apart is a route that a key's bucket would count, did the routes that it counts not turn out to be counted apart.
type apart struct {
	key   Key
	route *state
}

// state returns the bucket of a key. Mostly the ticket draws on it, or its counter is meant.
func (e *answer) state(key *Key) *state {
	if len(e.r.owners) > 0 {
		return e.r.state(key, e.now)
	}
	for i := range e.t.slots {
		s := e.t.slots[i].route
		if s.is(key) {
			return s.heir() // its key may have become another name
		}
		if s.counted() && s.links.counter.is(key) {
			return s.links.counter.heir()
		}
	}
	return e.r.state(key, e.now)
}

// take takes in all that the answer says, and settles the ticket's lease.
func (e *answer) take(updates []Update) {
	r, t := e.r, e.t
	for _, u := range updates {
		switch u := u.(type) {
		case SameOwner:
			e.same(&u)
		case *SameOwner:
			e.same(u)
		case SameBucket:
			e.r.unite(u.Key, u.As, e.now)
		case *SameBucket:
			e.r.unite(u.Key, u.As, e.now)
		case Block, *Block:
			e.refused = true
		}
	}
	for _, u := range updates {
		switch u := u.(type) {
		case Alias:
			e.alias(&u)
		case *Alias:
			e.alias(u)
		}
	}
	r.settle(t)
	for _, u := range updates {
		switch u := u.(type) {
		case Uncounted:
			e.uncounted(&u.Key)
		case *Uncounted:
			e.uncounted(&u.Key)
		case Charge:
			e.charged = append(e.charged, e.state(&u.Key))
		case *Charge:
			e.charged = append(e.charged, e.state(&u.Key))
		case Rule:
			e.rule(&u)
		case *Rule:
			e.rule(u)
		case Window:
			e.window(&u)
		case *Window:
			e.window(u)
		}
	}
	r.learn(t, e.received, e.now, e)
	for _, s := range e.charged {
		e.charge(s)
	}
	for _, u := range updates {
		switch u := u.(type) {
		case Block:
			e.block(&u)
		case *Block:
			e.block(u)
		case Stricter:
			e.stricter(&u)
		case *Stricter:
			e.stricter(u)
		}
	}
	e.teach()
	t.calm(e.blocked)
	r.readmit(e.moved, e.now)
	for _, s := range e.blocked {
		r.expire(s, e.now)
	}
	for _, s := range e.touched {
		r.serve(s, e.now)
	}
	for _, k := range e.eased {
		r.serveAll(k, e.now)
	}
	r.release(t, e.now)
}

// alias has the requests on one key counted by the bucket of another from now on.
func (e *answer) alias(u *Alias) {
	r := e.r
	route := e.state(&u.Key)
	if route.counted() && route.links.counter.is(&u.To) && !route.links.counter.kind.split {
		if c := route.links.counter; route.kind.twin != "" && route.besides(c) {
			route.kind.name(c.kind.key.Limit)
		}
		return // nothing new
	}
	if k := r.kind(r.resolve(u.To)); k.split {
		if route.counted() && route.links.counter.kind == k {
			e.split(route.links.counter)
		}
		e.apart = append(e.apart, apart{u.To, route})
		return
	}
	route.refs++ // so that making the other does not evict it
	c := r.state(&u.To, e.now)
	route.refs--
	if c.passes(route) {
		return // a circle
	}
	if route.counted() {
		l := route.links
		if l.counter == c || e.t.granted < l.since {
			return // nothing new after all, or an answer that was overtaken
		}
		l.since = e.t.granted
		e.touched = append(e.touched, route.turn(c)...)
		route.prune(e.now)
		route.kind.provider.corrections.Alias++
	} else {
		r.merge(route, c, e.t.granted, e.now)
	}
	if route.besides(c) {
		route.kind.name(c.kind.key.Limit)
	}
	e.moved = append(e.moved, route.below(nil)...)
}

// merge has c count the requests on a route that counted for itself, as an answer said to a request granted then.
func (r *Registry) merge(route, c *state, granted, now instant) {
	root := c.root()
	if w := &root.window; w.phase == unknown { // what is known of the route is known of its counter
		before := w.granted
		*w = route.window
		w.granted = before + max(w.granted-route.inflight, 0) // joining adds what is in flight
		root.doubtAs(route)
	}
	delete(route.kind.losses, route)
	route.join(c)
	route.links.since = granted
	route.window = window{}
	if route.probe == probeOut && now >= route.blocked {
		route.probe = probeNone // who waits for it now waits at the counter, if need be
	}
}

// window takes in what the answer says of a window.
func (e *answer) window(u *Window) {
	r := e.r
	s := e.counterOf(&u.Key)
	k, was := s.kind, s.kind.limit
	limit := int32(min(max(u.Limit, 0), maxLimit))
	if limit > 0 && s.kind.setLimit(limit, e.t.granted) {
		e.changes = append(e.changes, Change{Key: u.Key, Limit: u.Limit})
	}
	in := reading{
		limit: limit, remaining: int32(min(max(u.Remaining, 0), maxLimit)), doubt: uint8(min(max(u.Doubt, 0), math.MaxUint8)),
		sent: e.t.granted, received: e.received,
		mine: e.t.countedAt(s), inflight: s.inflight,
	}
	if k.limit != was && was > 0 { // a lower one leaves less to others
		e.eased = append(e.eased, k)
	}
	if !r.end(u, k, &in) {
		return
	}
	if route := e.splits(s, &in); route != nil {
		s, in.inflight = route, route.inflight
	}
	s.kind.long = max(s.kind.long, min(in.after.hi, r.maxBlock))
	slid, slides := s.slides() > 0, s.kind.sliding()
	s.kind.learn(s, &in)
	if s.kind.sliding() || s.kind.fixed {
		_, doubted := s.kind.losses[s]
		slid = slid || doubted
		if s.kind.sure() || s.kind.sliding() != slides {
			e.eased = append(e.eased, s.kind)
		}
	}
	e.tell(s, &in, slid)
	if other := e.t.otherRoot(s); other != nil && e.t.routeTo(s).compare(other, &in) {
		// What is told of one name is told of both.
		in.mine, in.inflight = e.t.countedAt(other), other.inflight
		e.tell(other, &in, other.slides() > 0)
	}
}

// tell has a counter know what an answer says of its window. slid says that it was known to slide before.
func (e *answer) tell(s *state, in *reading, slid bool) {
	e.told = append(e.told, s)
	e.touched = append(e.touched, s)
	corrections := &s.kind.provider.corrections
	if slid && s.slides() > 0 {
		corrections.add(s.window.slide(in, s.unitTime()))
		return
	}
	in.shortest = s.kind.provider.trips.shortest
	s.window.roll(e.now, s.inflight+in.mine, in.shortest) // the request that is answered was in flight, too
	was := s.window
	corrections.add(s.window.observe(in, s.kind.fixed))
	s.assure(in)
	if s.window.lo == in.lo && s.window.hi == in.hi && (was.hi == 0 || in.lo > was.hi || in.hi < was.lo) {
		s.kind.latest = min(max(time.Duration(in.lo-e.received), 0), e.r.maxBlock)
		if s.kind.fixed && in.limit-in.remaining <= in.mine { // it began the window: others do not tell of all of it
			s.kind.forgetLong(in.after.hi)
		}
	}
}

// uncounted gives back what the request took from a bucket's counters.
func (e *answer) uncounted(key *Key) {
	a, b := e.state(key).roots()
	for _, c := range [...]*state{a, b} {
		if c != nil && !slices.Contains(e.told, c) {
			c.window.granted = max(c.window.granted-e.t.countedAt(c), 0)
			e.told = append(e.told, c)
			e.touched = append(e.touched, c)
		}
	}
}

// charge tells how much of a quota is charged by now.
func (e *answer) charge(s *state) {
	if p := s.policy; p != nil && p.Charged && s.debt != nil {
		n := len(s.debt.owed(p, e.now, s.kind.provider.trips.shortest)) - int(s.drawn())
		e.changes = append(e.changes, Change{Key: s.key(), Charged: max(n, 1), Quota: p.Quota})
	}
}

// counterOf returns what counts the requests of which an answer speaks by a key.
func (e *answer) counterOf(key *Key) *state {
	for i := range e.apart {
		if e.apart[i].key == *key {
			return e.apart[i].route.root()
		}
	}
	return e.state(key).root()
}

// splits notes an answer to one of several routes that c counts jointly, and has each count for itself if the answer
// cannot be of the counter that an earlier one spoke of. Then it returns the route that the answer is about, else nil.
func (e *answer) splits(c *state, in *reading) *state {
	l := c.links
	if l == nil || len(l.routes) == 0 || e.refused {
		return nil
	}
	route := e.t.routeTo(c)
	if route == nil {
		return nil
	}
	if l.teller == nil || l.teller == route || route == c || !c.kind.contradicts(&l.told, in) {
		if l.teller == nil || in.sent >= l.told.received || in.received >= l.told.lo {
			l.told, l.teller = *in, route
		}
		return nil
	}
	c.kind.split = true
	e.split(c)
	route.window.start(in)
	route.window.granted = route.inflight + max(in.limit-in.remaining, 0)
	return route
}

// split has every route that c counts count for itself.
func (e *answer) split(c *state) {
	e.moved = append(e.moved, c)
	for _, s := range slices.Clone(c.links.routes) {
		e.touched = append(e.touched, s.drop()...) // c may be but the other of its counters
		if s.links.counter == c && !s.links.folded {
			s.separate(c)
		}
		e.eased = append(e.eased, s.kind)
		e.moved = append(e.moved, s)
		e.touched = append(e.touched, s)
	}
	c.links.told, c.links.teller = reading{}, nil
}

// latest is the beginning of the year 2201.
const latest = 7_289_654_400

// credible says whether a clock may show t: from 1970 to 2200. It does without the calendar, which takes its time.
func credible(t time.Time) bool { return 0 <= t.Unix() && t.Unix() < latest }

// end reckons when a window ends; it reports false if the answer does not tell.
func (r *Registry) end(u *Window, k *kind, in *reading) bool {
	precision := min(max(u.Precision, 0), r.maxBlock)
	switch {
	case u.ResetAfter > 0:
		after := min(u.ResetAfter, r.maxBlock)
		in.lo, in.hi = in.sent.add(after), in.received.add(after)
		in.after = span{after - precision, after}
	case !credible(u.ResetAt):
		return false // none, or no such time
	case !credible(u.Date):
		in.lo = r.instant(u.ResetAt)
		in.hi = in.lo.add(time.Duration(in.received - in.sent)) // as if an answer had to tell of it, as with the others
	default:
		if k.clock == nil {
			k.clock = &ServerClock{}
		}
		k.clock.Observe(u.Date, r.time(in.sent), r.time(in.received))
		lo, hi, _ := k.clock.Local(u.ResetAt)
		in.lo, in.hi = r.instant(lo), r.instant(hi)
	}
	in.hi = max(min(in.hi, in.received.add(r.maxBlock)), 1)
	in.lo = min(in.lo-instant(precision), in.hi)
	if u.ResetAfter <= 0 {
		in.after = span{time.Duration(in.lo - in.received), time.Duration(in.hi - in.sent)}
	}
	return true
}

// learn deals with an answer's round trip, with the ticket's draws of which the answer says nothing, and with those
// that others waited for.
func (r *Registry) learn(t *Ticket, received, now instant, e *answer) {
	for i := range t.slots {
		s := &t.slots[i]
		route := s.route
		if i == 0 {
			route.kind.provider.trips.answered(t.granted, received)
		}
		hidden := route.policy != nil && route.policy.Hidden
		if hidden && !e.refused {
			s.more = route.passed(t.granted, received, s.weight)
		}
		if route.debt != nil {
			counts := !route.policy.Charged || slices.Contains(e.charged, route)
			if hidden {
				counts = !e.refused
			}
			route.answered(t.granted, s.due, s.weight, time.Duration(received-t.granted), counts)
			if route.policy.Charged {
				route.guarded(t.granted, now, counts)
			}
		}
		if s.leads {
			route.seen(now, e.failed)
		}
		for _, c := range s.ahead {
			if c != nil {
				c.seen(now, e.failed)
			}
		}
		if s.counted == 0 {
			continue
		}
		a, b := route.roots()
		alone := (s.leads || s.leadsCounter()) && !(e.failed && route.probe == probeDue)
		untold(a, e.told, now, s.counted, alone)
		if b != nil {
			untold(b, e.told, now, s.counted, alone)
		}
	}
}

// untold notes at a counter a request of which its answer does not say how it was counted. alone means that others
// waited for the answer.
func untold(c *state, told []*state, now instant, counted int32, alone bool) {
	if c.window.phase == free || slices.Contains(told, c) {
		return
	}
	c.window.untold(now, counted, c.inflight, alone || !c.probes(), c.unitTime())
}

// The waits after blocks of unknown length.
const (
	firstBlock = time.Second
	mostBlock  = time.Minute

	leastBlock = 50 * time.Millisecond // of any block: a shorter one would have refusals chase one another

	longestBlock = 16 // times the first, if that is longer

	maxRefusals = 7 // by then it is mostBlock
)

// block takes in that nothing may go for a time.
func (e *answer) block(u *Block) {
	r := e.r
	s := e.state(&u.Key)
	e.touched = append(e.touched, s)
	d := min(max(u.For, leastBlock), r.maxBlock)
	if u.Hidden && u.For > 0 && u.For < r.maxBlock {
		e.lessons = append(e.lessons, lesson{s, e.received.add(max(d-max(u.Precision, 0), leastBlock))})
	}
	if u.For <= 0 {
		// Requests that were in flight when the last block came are refused with it, not after it.
		if e.t.granted >= s.blocked {
			s.refusals = min(s.refusals+1, maxRefusals)
		}
		first := max(min(u.First, defaultMaxBlock), firstBlock)
		d = min(first<<max(s.refusals-1, 0), max(mostBlock, longestBlock*first), r.maxBlock)
	}
	e.blocked = append(e.blocked, s)
	if s.window.phase != known && s.probe == probeNone {
		s.probe = probeDue
	}
	until := e.received.add(d)
	if another := s.kind.hold(s, e.now, until); another && u.Wider.Provider != "" {
		e.block(&Block{Key: u.Wider, For: u.For, First: u.First})
	}
	if until <= s.blocked {
		return
	}
	s.blocked = until
	e.changes = append(e.changes, Change{Key: u.Key, Blocked: r.time(until)})
}

// calm ends the row of refusals of those of the ticket's draws that its answer does not block.
func (t *Ticket) calm(blocked []*state) {
	for i := range t.slots {
		route := t.slots[i].route
		route.calm(t.granted, blocked)
		if route.links == nil {
			continue
		}
		a, b := route.roots()
		a.calm(t.granted, blocked)
		if b != nil {
			b.calm(t.granted, blocked)
		}
	}
}

// calm leaves alone a block that came after the request had been granted, of which its answer tells nothing.
func (s *state) calm(granted instant, blocked []*state) {
	if s.refusals > 0 && granted >= s.blocked && !slices.Contains(blocked, s) {
		s.refusals = 0
	}
}
