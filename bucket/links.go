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
	also  *state
	since instant // when the request was granted whose answer named counter
	// folded says that the state's owner was found to be another, and counter is what its key now names.
	folded bool

	drawn  int32    // units in flight of requests that draw here
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
	n := s.links.drawn
	for _, route := range s.links.routes {
		if route.links.folded && route.links.counter == s {
			n += route.drawn()
		}
	}
	return n
}

// carried is how many units in flight those above s count because of s.
func (s *state) carried() int32 {
	if s.links == nil {
		return s.inflight
	}
	n := s.links.drawn
	for _, route := range s.links.routes {
		n += route.carried()
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

// join has c count the requests on s, which counted them itself: so far, c knows nothing of them.
func (s *state) join(c *state) {
	to := c.root()
	to.link() // before it counts what it does not draw
	c.link()
	n := s.carried()
	for _, route := range slices.Clone(s.link().routes) {
		if also := route.links.also; also != nil && also != s && also.root() == to { // it is counted there already
			n -= route.carried()
			route.leave(also)
			route.links.also = nil
		}
	}
	to.inflight += n
	s.inflight = 0
	s.point(c)
}

// point makes c the counter of s, and no more.
func (s *state) point(c *state) {
	s.link().counter = c
	c.refs++
	c.links.routes = append(c.links.routes, s)
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
// long as its window is open. It returns who counts them no more; nil if nobody.
func (s *state) turn(c *state) (free *state) {
	l := s.links
	if l.also != nil && l.also.root() == c.root() {
		l.counter, l.also = l.also, l.counter // both count them already
		return nil
	}
	free = s.drop()
	old := l.counter
	c.root().link() // before it counts what it does not draw
	c.link()
	if to := c.root(); to != old.root() {
		to.inflight += s.carried()
		to.window.granted += s.carried()
	}
	l.also = old // and stays among its routes
	l.counter = c
	c.refs++
	c.links.routes = append(c.links.routes, s)
	return free
}

// drop ends the counting by also, and returns who counts the requests no more; nil if nobody.
func (s *state) drop() (free *state) {
	also := s.links.also
	if also == nil {
		return nil
	}
	if root := also.root(); root != s.root() {
		free = root
		root.inflight -= s.carried()
		root.window.granted = max(root.window.granted-s.carried(), 0)
		s.blocked = max(s.blocked, root.blocked)
	}
	s.leave(also)
	s.links.also = nil
	return free
}

// prune ends the counting by also if nothing more is to be expected of it, as drop does.
func (s *state) prune(now instant) (free *state) {
	if s.links == nil || s.links.also == nil {
		return nil
	}
	c := s.links.also.root()
	if c.slides() == 0 {
		c.window.roll(now, c.inflight, c.kind.provider.trips.shortest)
	}
	if c.window.hi <= now && c.blocked <= now {
		return s.drop()
	}
	return nil
}

// part undoes all links of s to its counters.
func (s *state) part() {
	if !s.counted() {
		return
	}
	s.drop()
	root, n := s.root(), s.carried()
	s.leave(s.links.counter)
	s.links.counter, s.links.folded = nil, false
	root.inflight -= n
	s.inflight += n
}

// separate has s, which c counts, count for itself, as it has turned out that the server counts the routes of c apart.
// What is known of the joint window is known of that of each, save that of the others' requests nothing counts.
func (s *state) separate(c *state) {
	s.part()
	s.blocked = max(s.blocked, c.blocked)
	s.kind.law, s.kind.alias = c.kind.law, ""
	s.window = c.window
	s.window.granted = s.inflight
	if s.window.limit > 0 && s.window.phase == known {
		s.window.granted += max(s.window.limit-s.window.remaining, 0)
	}
}
