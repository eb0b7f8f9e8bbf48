package bucket

// A state is the bucket of one key. Its fields are guarded by the registry's mutex.
//
// A request's draw names a state, its route. The route has what concerns that key alone: its policy, and blocks on it.
// What answers tell of windows concerns the route's counter, which is the route itself or, after an Alias, another
// state that several routes share.
type state struct {
	key   Key
	kind  *kind
	index int32   // in Registry.all
	refs  int32   // how many tickets, leases and aliases point here: while any does, it stays
	used  instant // the latest access

	alias  *state // counts the requests on this key, if not itself
	merged *state // counts, since the alias was set, the leases that had been taken here

	inflight int32 // units granted and not settled
	window   window

	blocked  instant // nothing may go before
	probe    probe
	refusals uint8 // in a row, for blocks of unknown length

	policy *Policy
	debt   *debt // what is owed to the policy; nil: nothing
	line   *line // who waits; nil: nobody
}

// A probe is where a bucket stands that lets one request go ahead and holds the others until it is answered.
type probe uint8

const (
	probeNone probe = iota
	probeDue        // the next request is the one
	probeOut        // it is on its way
)

// counter returns the state that counts the requests on s.
func (s *state) counter() *state {
	for s.alias != nil {
		s = s.alias
	}
	return s
}

// root returns the state that counts a lease taken at s.
func (s *state) root() *state {
	for s.merged != nil {
		s = s.merged
	}
	return s
}

// held says whether a block, or the wait for one that went ahead, holds requests back; and until when, which is never
// if time alone will not tell.
func (s *state) held(now instant) (bool, instant) {
	switch {
	case now < s.blocked:
		return true, s.blocked
	case s.probe == probeOut:
		return true, never
	}
	return false, 0
}

// full says whether the window has no room for w units, and until when.
func (s *state) full(now instant, w int32) (bool, instant) {
	s.window.roll(now, s.inflight)
	switch s.window.phase {
	case unknown, free:
		return false, 0 // held keeps others behind the one that goes ahead
	}
	if s.window.limit > 0 {
		w = min(w, s.window.limit) // else it could never go
	}
	switch {
	case s.window.room(s.inflight) >= w:
		return false, 0
	case s.window.hi != 0:
		return true, s.window.hi
	case s.inflight == 0:
		return false, 0 // all is spent and no answer said until when: one goes to see
	}
	return true, never
}

// goesAhead says whether the next request here, which may go, is one that others must wait for.
func (s *state) goesAhead() bool {
	switch {
	case s.probe == probeDue:
		return true
	case s.policy != nil || s.alias != nil:
		return false
	case s.window.phase == unknown:
		return true
	}
	return s.window.phase == known && s.window.hi == 0 && s.window.room(s.inflight) <= 0
}

// seen ends the wait for one that went ahead. If a block came meanwhile, another goes ahead after it.
func (s *state) seen(now instant) {
	s.probe = probeNone
	if now < s.blocked && s.window.phase != known {
		s.probe = probeDue
	}
}

// owing says whether the policy forbids w units, and until when.
func (s *state) owing(now instant, w int32) (bool, instant) {
	if s.debt == nil {
		return false, 0
	}
	at := s.ready(now, 0, int(w))
	return now < at, at
}

// setPolicy takes on the policy of a draw. One that has none leaves the policy of others.
func (s *state) setPolicy(p *Policy) {
	if s.policy == p || p == nil {
		return
	}
	if s.policy == nil || *s.policy != *p {
		s.debt = nil
	}
	s.policy = p
}
