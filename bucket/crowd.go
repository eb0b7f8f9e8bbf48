package bucket

import (
	"runtime"
	"slices"
)

// What concerns very many who wait is done in parts, so that nobody who uses other buckets has to wait for all of it: what
// is left of it after the first part, the registry's timer does, at once, and lets requests in between. Until then nobody
// overtakes anybody. Those who may go stand first in their lines, so that others stand behind them; and while those are
// moved whose buckets are counted elsewhere now, these buckets let nobody through.
//
// Everything here but wake and wakeSome requires that Registry.mu is held.

// defaultChunk is how many of those who wait are granted leave, failed, or moved before others have the lock; and
// looksEach is how many more there may be at whom it is enough to look.
const (
	defaultChunk = 128
	looksEach    = 8
)

// A rest is what is left to do.
type rest struct {
	late   []*state // on these draw some for whom it may be too late, now that they are blocked
	moved  []*state // on these draw some who are to be readmitted
	gated  []*state // these let nobody through until all of those are
	passes []*kind  // of these are buckets that may now let more through
}

// some says whether there is any. Nothing is gated but for those who are to be moved.
func (d *rest) some() bool { return len(d.late)+len(d.moved)+len(d.passes) > 0 }

// wake lets through whom time has brought their turn, and does what is left to do.
func (r *Registry) wake() {
	for r.wakeSome() {
		runtime.Gosched() // else it might have the lock again before those who wait for it
	}
}

// wakeSome does one part, and says whether there is more.
func (r *Registry) wakeSome() (more bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.waking, r.timerAt = true, never
	now := r.now()
	switch d := &r.rest; {
	case len(d.moved) > 0:
		r.moveSome(now)
	case len(d.late) > 0:
		if s := d.late[0]; r.expireSome(s, now) {
			d.late = slices.Delete(d.late, 0, 1)
			s.refs--
			r.expire(s, now) // some may have been linked anew between the parts
		}
	case len(d.passes) > 0:
		if k := d.passes[0]; r.passSome(k, now) {
			d.passes = slices.Delete(d.passes, 0, 1)
		}
	}
	// Of the rest there may always be some, as answers come. But while some are moved, nobody is let through where they draw.
	before := r.places
	for n := 0; len(r.rest.gated) == 0 && n < r.chunk && r.places-before < uint64(r.chunk) && r.due(now); n++ {
		r.serveSome(r.wakes[0].state, now)
	}
	if r.rest.some() || r.due(now) {
		return true
	}
	r.waking = false
	r.setTimer()
	return false
}

// due says whether a line is to be looked at.
func (r *Registry) due(now instant) bool { return len(r.wakes) > 0 && r.wakes[0].wakeAt <= now }

// goOn has the line be looked at again at once, since there is more to do than could be done.
func (r *Registry) goOn(l *line, now instant) {
	r.wakeFor(l, now)
	l.more = true
}

// expire fails those waiting who draw on s and whose turn, now that it is blocked, comes too late. Some may still
// be linked to it that do so no more, as it was a counter's former name.
func (r *Registry) expire(s *state, now instant) {
	for s.line != nil && s.blocked > s.line.soonest { // again if one of them was linked anew, where nobody looks any more
		s.line.late, s.line.soonest = s.line.drawing, never
		if r.expireSome(s, now) {
			continue
		}
		if !slices.Contains(r.rest.late, s) {
			s.refs++
			r.rest.late = append(r.rest.late, s)
			r.setTimer()
		}
		return
	}
}

// expireSome is expire for the next ones, and says whether there are no more.
func (r *Registry) expireSome(s *state, now instant) (done bool) {
	for looked, failed := 0, 0; s.line != nil && s.line.late != nil; looked++ {
		if looked == r.chunk*looksEach || failed == r.chunk {
			return false
		}
		k := s.line.late
		s.line.late = k.next
		switch w := k.waiter; {
		case s.blocked <= w.latest:
			s.line.soonest = min(s.line.soonest, w.latest)
		case w.ticket.drawsOn(s):
			failed++
			r.fail(w, now, &WaitError{Key: w.ticket.keyAt(s), Until: r.time(s.blocked), Err: w.latestErr})
		}
	}
	return true
}

// fewDraw says whether few enough wait and draw on some buckets to deal with all of them at once.
func (r *Registry) fewDraw(states []*state) bool {
	n := 0
	for _, s := range states {
		if s.line == nil {
			continue
		}
		for k := s.line.drawing; k != nil; k = k.next {
			if n++; n > r.chunk {
				return false
			}
		}
	}
	return true
}

// readmitMany is readmit for very many. Until all are readmitted, what they draw on lets nobody through: neither those
// among them who were looked at first, nor who comes meanwhile.
func (r *Registry) readmitMany(moved []*state) {
	d := &r.rest
	for _, s := range moved {
		if s.line == nil {
			continue
		}
		a, b := s.roots()
		for _, g := range append(s.below(nil), a, b) {
			if g != nil && !slices.Contains(d.gated, g) {
				g.refs++
				d.gated = append(d.gated, g)
			}
		}
		s.line.moved = s.line.drawing
		if !slices.Contains(d.moved, s) {
			s.refs++
			d.moved = append(d.moved, s)
		}
	}
	r.setTimer()
}

// moveSome readmits the next ones, and ends it after the last.
func (r *Registry) moveSome(now instant) {
	d := &r.rest
	var left []*state
	for n := 0; n < r.chunk && len(d.moved) > 0; {
		s := d.moved[0]
		if s.line == nil || s.line.moved == nil {
			d.moved = slices.Delete(d.moved, 0, 1)
			s.refs--
			continue
		}
		w := s.line.moved.waiter // to be unlinked, so that the next one is the next to be moved
		if !slices.Contains(left, w.in.state) {
			left = append(left, w.in.state)
		}
		w.step()
		w.relink(r)
		by, at := r.refuser(w.ticket, now)
		r.place(w, by, at, now)
		n++
	}
	for _, s := range left {
		r.serve(s, now)
	}
	if len(d.moved) > 0 {
		return
	}
	gated := d.gated
	d.gated = nil
	for _, s := range gated {
		s.refs--
		r.expire(s, now) // some were not linked to it yet when it was blocked
		switch {
		case s.line == nil:
		case s.line.waiting > 0:
			r.goOn(s.line, now)
		default:
			r.sleep(s.line)
		}
	}
}

// gates says whether s lets nobody through because those who draw on it are being moved.
func (d *rest) gates(s *state) bool { return len(d.gated) > 0 && slices.Contains(d.gated, s) }

// serveAll lets those through who wait at any bucket of a kind.
func (r *Registry) serveAll(k *kind, now instant) {
	going := k.left > 0
	k.left = k.waited // once more round, if it is under way
	if !going && !r.passSome(k, now) {
		r.rest.passes = append(r.rest.passes, k)
		r.setTimer()
	}
}

// passSome is serveAll for the next ones, and says whether there are no more. It goes round the kind's lines, as more may
// be asked for before it has come to the end.
func (r *Registry) passSome(k *kind, now instant) (done bool) {
	before := r.places
	var some []*state
	for ; k.left > 0 && len(some) < r.chunk; k.left-- {
		if k.pass == nil {
			k.pass = k.lines
		}
		s := k.pass.state
		k.pass = k.pass.next
		some = append(some, s)
	}
	for i, s := range some {
		r.serve(s, now)
		if r.places-before >= uint64(r.chunk) && i+1 < len(some) {
			for _, s := range some[i+1:] {
				if s.line != nil && s.line.waiting > 0 {
					r.goOn(s.line, now)
				}
			}
			r.setTimer()
			break
		}
	}
	return k.left <= 0
}
