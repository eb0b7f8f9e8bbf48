package bucket

import "time"

// Those who wait for a moment, such as the end of a window, all want to go at it. A policy's Spread has them go one by
// one. That is a matter of the line: who comes when nobody waits is in no herd. Everything here requires that
// Registry.mu is held.

// herd notes that a moment has come for which the first in line at s waited. Those in line are a herd from then on, for as
// long as there is a line: who comes meanwhile stands behind them.
func (s *state) herd(now instant) {
	l, p := s.line, s.policy
	if l != nil && l.turn == 0 && p != nil && p.Spread > 0 && l.wake >= 0 && l.wakeAt <= now && !l.more {
		l.turn = now
	}
}

// gap is how far apart those of a herd go; 0 if nobody knows.
func (s *state) gap() time.Duration {
	if s.policy == nil || s.window.limit <= 0 {
		return 0
	}
	return s.policy.Spread / time.Duration(s.window.limit)
}

// spaced returns s, and the moment, if w, which is the first in line there and which nothing refuses, may go only then,
// because others of its herd went before; else nil, and w must go.
func (s *state) spaced(w *waiter, now instant) (*state, instant) {
	l := s.line
	if l.turn == 0 || w.ticket.priority() > 0 {
		return nil, 0
	}
	if now < l.turn {
		return s, l.turn
	}
	l.turn = now.add(s.gap())
	return nil, 0
}

// spreading is how much later than the first of a herd, or of those who will be one, one goes whom so many precede.
func (s *state) spreading(others int) time.Duration {
	l := s.line
	if l == nil || l.turn == 0 && (l.wake < 0 || l.more) || s.window.limit <= 0 {
		return 0
	}
	return s.gap() * time.Duration(others%int(s.window.limit))
}
