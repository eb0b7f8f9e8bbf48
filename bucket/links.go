package bucket

import "slices"

// links say which buckets count the requests on a route. Only counters that are no routes of others count in the end:
// the roots. A route has one, itself as long as it has no links, or two.
//
// What is in flight is noted with each route that draws, and follows it: so leases, which remember their routes, find
// whoever counts them when they are settled, and nothing is counted twice or forgotten as routes move.
type links struct {
	counter *state // who counts the requests here; nil: the state itself
	// also counts them besides, as answers named it before counter and its window has not ended: a route may be under
	// several limits, and its answers tell of one at a time.
	also *state
	// twin says that also, by all that answers told, is another name of counter. Then it counts as long as answers go on
	// naming one and the other, and is told what the other is told.
	twin  bool
	since instant // when the request was granted whose answer named counter
	// folded says that counter is what the state's key now names: its owner was found to be another, or the key another
	// name.
	folded bool

	drawn  int32    // units in flight of requests that draw here, as many as are counted for that
	beside int32    // the others: those that are counted for another draw of the same request
	routes []*state // that have this one as counter, or also
	told   reading  // the latest of several routes' answers
	teller *state   // whose it was
}

// link makes sure that s has links.
func (s *state) link() *links {
	if s.links == nil {
		s.links = &links{drawn: s.inflight}
	}
	return s.links
}

// drawn is how many units are in flight of requests that draw on s, or drew on what was merged into it.
func (s *state) drawn() int32 {
	if s.links == nil {
		return s.inflight
	}
	n := s.links.drawn + s.links.beside
	for _, route := range s.links.routes {
		if route.links.folded && route.links.counter == s {
			n += route.drawn()
		}
	}
	return n
}

// counted says whether another state counts the requests on s.
func (s *state) counted() bool { return s.links != nil && s.links.counter != nil }

// root follows the counters of s to the one that counts.
func (s *state) root() *state {
	for s.counted() {
		s = s.links.counter
	}
	return s
}

// passes says whether the way from s to its root leads by another state.
func (s *state) passes(other *state) bool {
	for s != other && s.counted() {
		s = s.links.counter
	}
	return s == other
}

// roots returns the one or two states that count the requests on a route.
func (s *state) roots() (a, b *state) {
	a = s.root()
	if s.links != nil && s.links.also != nil {
		if b = s.links.also.root(); a == b {
			b = nil
		}
	}
	return a, b
}

// leadsTo says whether c counts the requests on s.
func (s *state) leadsTo(c *state) bool {
	if s.links == nil {
		return s == c
	}
	a, b := s.roots()
	return a == c || b == c
}

// count adds units in flight to a route and to who counts them.
func (s *state) count(units int32) {
	if s.links == nil {
		s.inflight += units
		return
	}
	s.links.drawn += units
	a, b := s.roots()
	a.inflight += units
	if b != nil {
		b.inflight += units
	}
}

// rewire changes who counts the requests on s, and those on the routes that it counts itself. What they have in flight
// moves from who counts it no more to who does from now on. It returns those who count less now.
func (s *state) rewire(change func()) (freed []*state) {
	type place struct {
		s     *state
		units int32
		from  [2]*state
	}
	var all []place
	for _, route := range s.below(nil) {
		p := place{s: route, units: route.inflight}
		if route.links != nil {
			p.units = route.links.drawn
		}
		p.from[0], p.from[1] = route.roots()
		all = append(all, p)
	}
	change()
	for _, p := range all {
		var to [2]*state
		to[0], to[1] = p.s.roots()
		for _, c := range p.from {
			if c != nil && c != to[0] && c != to[1] {
				c.inflight -= p.units
				c.window.granted = max(c.window.granted-p.units, 0)
				freed = append(freed, c)
			}
		}
		for _, c := range to {
			if c != nil && c != p.from[0] && c != p.from[1] {
				c.link() // before it counts what it does not draw
				c.inflight += p.units
				c.window.granted += p.units
			}
		}
	}
	return freed
}

// below adds s, and all whose requests are counted by way of it, to those that are found already.
func (s *state) below(found []*state) []*state {
	if slices.Contains(found, s) {
		return found
	}
	found = append(found, s)
	if s.links != nil {
		for _, route := range s.links.routes {
			found = route.below(found)
		}
	}
	return found
}

// join has c count the requests on s, which counted them itself.
func (s *state) join(c *state) {
	if s.links == nil && s.inflight == 0 {
		s.point(c)
		return
	}
	s.rewire(func() { s.point(c) })
}

// point makes c the counter of s, and no more.
func (s *state) point(c *state) {
	s.link().counter = c
	c.refs++
	l := c.link()
	l.routes = append(l.routes, s)
}

// leave takes s from the routes of a counter, and no more.
func (s *state) leave(c *state) {
	c.refs--
	i := slices.Index(c.links.routes, s)
	c.links.routes = slices.Delete(c.links.routes, i, i+1)
	if c.links.teller == s {
		c.links.teller = nil
	}
}

// turn has another counter count the requests on s, which is counted, from now on. The one before counts them, too, as
// long as its window is open. It returns who counts less now.
func (s *state) turn(c *state) (freed []*state) {
	l := s.links
	return s.rewire(func() {
		if l.also != nil && l.also.root() == c.root() {
			l.counter, l.also = l.also, l.counter // both count them already
			return
		}
		s.dropAlso()
		l.also = l.counter // and stays among its routes
		s.point(c)
	})
}

// drop ends the counting by also, and returns who counts less now.
func (s *state) drop() (freed []*state) {
	if s.links.also == nil {
		return nil
	}
	return s.rewire(s.dropAlso)
}

// dropAlso is drop within rewire.
func (s *state) dropAlso() {
	also := s.links.also
	if also == nil {
		return
	}
	if root := also.root(); root != s.root() {
		s.blocked = max(s.blocked, root.blocked)
	}
	s.leave(also)
	s.links.also, s.links.twin = nil, false
}

// manySame is how many answers in a row have to call a counter by one name until the other is taken to be of no more use.
const manySame = 32

// name notes what an answer called the counter of a bucket of this kind.
func (k *kind) name(limit string) {
	switch {
	case k.twin == "":
	case limit != k.alias:
		k.same = 0
	default:
		if k.same++; k.same >= manySame {
			k.twin, k.same = "", 0
		}
	}
	if k.twin == limit {
		k.twin = k.alias
	}
	k.alias = limit
}

// hasTwin says whether also is another name of the route's counter, which answers still use.
func (s *state) hasTwin() bool { return s.links.twin && s.kind.twin != "" }

// besides says whether the key of c differs from that of s in its Limit alone.
func (s *state) besides(c *state) bool {
	k, of := &s.kind.key, &c.kind.key
	return c.subject == s.subject && of.Owner == k.Owner && of.Provider == k.Provider
}

// compare notes whether the two that count the requests on s are two names of one counter, as far as one can see, and
// says so. in is what an answer told of the one that is not other.
func (s *state) compare(other *state, in *reading) bool {
	l, k := s.links, s.kind
	w := &other.window
	switch {
	case l.also == nil:
		return false
	case w.like(in):
		if s.besides(other) {
			l.twin, k.twin = true, other.kind.key.Limit
		}
		return true
	case w.hi == 0: // no answer told of that window
	case in.hi < w.lo && in.lo <= in.received: // of an earlier window, and was overtaken
		return false
	case in.received < w.lo: // two windows at a time
		l.twin, k.twin = false, ""
	}
	return s.hasTwin()
}

// twins has another counter count the requests on s beside its own, which it is another name of.
func (s *state) twins(c *state) {
	if c.root() != s.root() && !c.passes(s) {
		s.turn(c)
		s.links.twin = true
	}
}

// prune ends the counting by also if nothing more is to be expected of it. Where somebody waits there, serve does so.
func (s *state) prune(now instant) {
	if s.links == nil || s.links.also == nil || s.hasTwin() {
		return
	}
	if c := s.links.also.root(); c.over(now) && (c.line == nil || c.line.waiting == 0) {
		s.drop()
	}
}

// over says whether a counter has neither an open window nor a block.
func (s *state) over(now instant) bool {
	if s.slides() == 0 {
		s.window.roll(now, s.inflight, s.kind.provider.trips.shortest)
	}
	return max(s.window.hi, s.window.lo, s.blocked) <= now
}

// pruneRoutes is state.prune for all routes that c counts besides another. Those who wait on them go first, and in order.
func (r *Registry) pruneRoutes(c *state, now instant) {
	if c.links == nil || c.line == nil || c.line.waiting == 0 || !c.over(now) {
		return
	}
	for _, s := range c.below(nil) {
		if s.links == nil || s.links.also == nil || s.links.also.root() != c || s.hasTwin() {
			continue
		}
		s.drop()
		r.readmit(s.below(nil), now)
	}
}

// part undoes all links of s to its counters, and returns who counts less now.
func (s *state) part() (freed []*state) {
	if !s.counted() {
		return nil
	}
	return s.rewire(func() {
		s.dropAlso()
		s.leave(s.links.counter)
		s.links.counter, s.links.folded = nil, false
	})
}

// separate has s, which c counts, count for itself, as it has turned out that the server counts the routes of c apart.
// What is known of the joint window is known of that of each, save that of the others' requests nothing counts.
func (s *state) separate(c *state) {
	s.part()
	s.blocked = max(s.blocked, c.blocked)
	s.kind.law, s.kind.alias, s.kind.twin = c.kind.law, "", ""
	s.window = c.window
	s.doubtAs(c)
	s.window.granted = s.inflight
	if s.window.limit > 0 && s.window.phase == known {
		s.window.granted += max(s.window.limit-s.window.remaining, 0)
	}
}
