package bucket

import "time"

// A state is the bucket of one key. Its fields are guarded by the registry's mutex.
//
// A request's draw names a state, its route. The route has what concerns that key alone: its policy, and blocks on it.
// What answers tell of windows concerns the route's counter, which is the route itself or, after an Alias, another
// state that several routes share.
//
// There may be millions: what only some need, and only at times, stands elsewhere.
type state struct {
	kind    *kind
	subject string
	links   *links  // to its counters, or to those it counts for; nil: it counts for itself alone
	policy  *Policy // nil: none was told
	debt    *debt   // what is owed to the policy; nil: nothing
	line    *line   // who waits; nil: nobody

	window   window
	blocked  instant // nothing may go before
	probe    probe
	refusals uint8 // in a row, for blocks of unknown length
	failures uint8 // in a row, of those that went ahead to see
	lent     bool  // policy is a loaded one, and of no draw
	ruled    bool  // policy is of an answer's Rule, and of no draw

	used     int32 // the latest access, in seconds
	index    int32 // in Registry.all; gone: it was forgotten
	refs     int32 // how many tickets and routes point here: while any does, it stays
	inflight int32 // units granted and not settled that it counts
}

// gone is the index of a bucket that was forgotten.
const gone = -1

// A probe is where a bucket stands that lets one request go ahead and holds the others until it is answered.
type probe uint8

const (
	probeNone probe = iota
	probeDue        // the next request is the one
	probeOut        // it is on its way
)

func (s *state) key() Key {
	k := s.kind.key
	k.Subject = s.subject
	return k
}

// is says whether s is the bucket of a key.
func (s *state) is(key *Key) bool {
	k := &s.kind.key
	return s.subject == key.Subject && k.Limit == key.Limit && k.Owner == key.Owner && k.Provider == key.Provider
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

// slides returns the period in which units come back one by one; 0 if they do not. It is the shortest that agrees with
// the answers: the longer it is, the fewer units are missing when all will be back at a certain moment.
func (s *state) slides() time.Duration {
	if s.kind.sliding() && s.window.limit > 0 {
		return max(s.kind.period.lo, 1)
	}
	return 0
}

// unitTime returns how much later all is back for each unit of which no answer tells; 0 if units come back all at once.
func (s *state) unitTime() time.Duration {
	if s.slides() > 0 {
		return s.kind.period.hi
	}
	return 0
}

// full says whether the window has no room for w units, with what others are spared, and until when.
func (s *state) full(now instant, w int32, others spare) (bool, instant) {
	win, shortest := &s.window, s.kind.provider.trips.shortest
	if win.phase != known {
		return false, 0 // held keeps others behind the one that goes ahead
	}
	s.kind.adopt(win)
	period := s.slides()
	if period == 0 {
		win.roll(now, s.inflight, shortest)
	}
	if win.phase != known {
		return false, 0
	}
	keep := others.aside
	if win.limit > 0 {
		w = min(w, win.limit) // else it could never go
		if keep > win.limit-w {
			return true, never // before the favoured one has gone
		}
		keep = min(keep+others.of(win.limit), win.limit-w)
	}
	if period > 0 {
		at := win.slides(now, s.inflight, w+keep, period, shortest)
		return now < at, at
	}
	switch {
	case win.room(s.inflight) >= w+keep:
		return s.doubted(now, w+keep)
	case win.hi != 0:
		return true, win.hi.add(-shortest)
	case s.inflight > 0:
		return true, never
	case now < win.lo:
		return true, win.lo
	}
	if w > 1 { // a single one may be there though others are missing
		if no, at := s.doubted(now, w); no {
			return true, at
		}
	}
	win.again() // all is spent and no answer said until when: one goes to see
	return false, 0
}

// goesAhead says whether the next request here, which may go, is one that others must wait for.
func (s *state) goesAhead() bool {
	switch {
	case s.probe == probeDue:
		return true
	case s.probe == probeOut: // this one goes all the same, but nobody waits for it
		return false
	case !s.probes() || s.counted():
		return false
	case s.window.phase == unknown:
		return true
	}
	return s.window.phase == known && s.slides() == 0 && s.window.hi == 0 && s.window.room(s.inflight) <= 0
}

// probes says whether one request goes ahead where nothing is known: with a policy, nobody need, but by its wish.
func (s *state) probes() bool { return s.policy == nil || s.policy.Probe }

// maxFailures is how many in a row may have gone ahead in vain before it is taken that nobody ever tells anything.
const maxFailures = 3

// seen ends the wait for one that went ahead. If a block came meanwhile, another goes ahead after it; at once, if its
// answer was a failure that may not be the API's own word.
func (s *state) seen(now instant, failed bool) {
	s.probe = probeNone
	if !failed {
		s.failures = 0
	} else if s.failures < maxFailures {
		s.failures++
		s.probe = probeDue
	}
	if now < s.blocked && s.window.phase != known {
		s.probe = probeDue
	}
}

// owing says whether the policy forbids w units, with what others are spared, and until when: never if only answers to
// those in flight can tell.
func (s *state) owing(now instant, w int32, others spare) (bool, instant) {
	p := s.policy
	if p == nil || p.Hidden {
		s.heed(now)
		p = s.policy
	}
	if p == nil {
		return false, 0
	}
	aside := int(others.aside)
	if p.Concurrent > 0 && int(s.drawn())+min(int(w), p.Concurrent)+aside > p.Concurrent {
		return true, never
	}
	if p.Hidden && !s.believed(now) {
		if no, at := s.awaitsVenture(now, w); no {
			return true, at
		}
		if p.known() {
			return false, 0
		}
	}
	if s.debt == nil {
		return false, 0
	}
	if no, at := s.shut(now, w); no {
		return true, at
	}
	at := s.ready(now, aside, int(w), others.share)
	return now < at, at
}

// setPolicy takes on the policy of a draw, and reports whether it is new. A draw that has none leaves the policy of
// others, or has that of a hidden limit where one is suspected.
func (s *state) setPolicy(p *Policy, now instant) (changed bool) {
	if p == nil && (s.policy == nil || s.policy.Hidden) {
		p = s.kind.suspected(now)
	}
	if p != nil && p.Hidden {
		p = s.kind.learned(p, now)
	}
	if !s.lent && (s.policy == p || p == nil) {
		return false
	}
	if p == nil || s.policy == nil || *s.policy != *p {
		if changed = true; p != nil && p.Hidden && s.policy != nil && s.policy.Hidden {
			s.keepPast(p)
		} else {
			s.debt = nil
		}
	}
	s.policy, s.lent, s.ruled = p, false, false
	return changed
}
