package bucket

import "time"

// Those who wait for a moment, such as the end of a window, all want to go at it. A policy's Spread has them go one by
// one. That is a matter of the line: who comes when nobody waits is in no herd. Everything here requires that
// Registry.mu is held.

// herd notes that the first in line at s waits until at. Where that is a moment, those in line are a herd for as long as
// there is a line: who comes meanwhile stands behind them.
func (s *state) herd(at, now instant) {
	if p := s.policy; p != nil && p.Spread > 0 && at != never && s.line.turn == 0 {
		s.line.turn = now
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

// spreading is how much later than the first of a herd one goes whom so many precede.
func (s *state) spreading(others int) time.Duration {
	if s.line == nil || s.line.turn == 0 || s.window.limit <= 0 {
		return 0
	}
	return s.gap() * time.Duration(others%int(s.window.limit))
}
