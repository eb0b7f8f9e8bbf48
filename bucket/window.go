package bucket

import (
	"math"
	"time"
)

// A window is what is known of a counter from answers. Its kind's shape says whether all comes back at its end, or one
// unit after the other until then.
type window struct {
	// lo and hi are the earliest and the latest moment at which all is back; 0: no answer told. In a window known to be
	// fixed, every answer narrows them. While hi is 0, lo is when a fixed window has ended that may have begun with
	// requests that were lost; 0: none was, or nobody knows how long windows are.
	lo, hi instant
	closed instant // the latest moment at which the fixed window before may have ended, or this one was first told
	limit  int32   // what a whole window holds; 0: not told
	// remaining is the least that an answer told in this window, less what was sent and never counted by an answer.
	// While no answer of a new window came, it is the limit.
	remaining int32
	// granted is what was granted and may count in this window: all since it began, and what was in flight then.
	granted int32
	phase   phase
	doubt   uint8 // by how much less than told may remain
	// untolds is, where units come back one by one, how many were not told of since the latest answer to a request that
	// was sent after them. closed is the latest moment at which one was, then: such a window has no other use for it.
	// In a fixed window, it is how many were lost that may count in the next one.
	untolds uint16
}

type phase uint8

const (
	unknown phase = iota // no answer yet
	free                 // answers tell nothing
	known
)

// roll begins a new window if the present one has ended for what is sent now, which is on its way for no less than half
// the shortest round trip, as the answer was that told of the end.
func (w *window) roll(now instant, inflight int32, shortest time.Duration) {
	if w.hi == 0 || now < w.hi.add(-shortest) {
		return
	}
	w.closed, w.lo, w.hi = w.hi, 0, 0
	w.granted, w.untolds = inflight+int32(w.untolds), 0 // these may reach the server in either window
	w.remaining = w.limit
	if w.limit == 0 {
		w.phase = unknown
	}
}

// room is how many units may go now from a fixed window: no more than answers leave, nor than was not granted. Where the
// answers leave less than that, others use it, too, and the doubt counts.
func (w *window) room(inflight int32) int32 {
	room := w.remaining - inflight
	if w.limit == 0 {
		return room - int32(w.doubt)
	}
	if ours := w.limit - w.granted; room >= ours {
		return ours
	}
	return room - int32(w.doubt)
}

// slides returns the moment at which so many units of a sliding window will be there besides those in flight; never
// if only answers to those can tell. A unit in flight does not begin to come back before it is answered.
func (w *window) slides(now instant, inflight, units int32, period, shortest time.Duration) instant {
	spare := w.limit - inflight - units
	if spare < 0 {
		return never
	}
	all := w.hi.add(-shortest)
	if left := time.Duration(all - now); left <= 0 || time.Duration(spare) >= left/period+1 { // their product may be too large
		return now
	}
	return max(now, all.add(-time.Duration(spare)*period))
}

// A reading is what an answer says of a window.
type reading struct {
	lo, hi           instant // when all is back
	after            span    // how long that was from the answer, at the server
	limit, remaining int32
	doubt            uint8
	sent, received   instant       // of the request that was answered: when it was granted, and when the answer came
	mine             int32         // what that request took here
	inflight         int32         // what else is in flight
	shortest         time.Duration // what a round trip takes for sure
}

// observe takes in a reading. Answers arrive out of order, and each tells of a past: one of an older window says
// nothing of this one, and within one window remaining only falls. But who was sent once this window had been told, and
// hears that it ends earlier than that, tells of another. fixed says that the window is known not to slide.
func (w *window) observe(in *reading, fixed bool) (c Corrections) {
	closed := w.closed
	if w.hi == 0 {
		closed = closed.add(-in.shortest) // who went since then was let go as one of the next window
	}
	old := in.lo <= w.closed && in.sent < closed // it may tell of the window before
	early := w.hi != 0 && in.hi < w.lo
	if old && w.hi == 0 || early && in.sent < w.closed {
		w.granted = max(w.granted-in.mine, 0) // it was not of this window after all
		return c
	}
	was := *w
	w.doubt = in.doubt
	if in.limit > 0 && in.limit != w.limit {
		w.limit = in.limit
		if was.limit > 0 {
			c.Limit++
		}
	}
	switch {
	case w.hi == 0 && w.phase == known: // the first answer of a window that we saw begin
		w.remaining = in.remaining // what was sent and not told of is in granted
		w.lo, w.hi, w.closed = in.lo, in.hi, max(w.closed, in.received)
	case w.hi != 0 && in.lo <= w.hi && !early: // the same window
		w.remaining = min(w.remaining, in.remaining)
		switch {
		case old:
		case fixed:
			w.lo, w.hi = max(w.lo, in.lo), min(w.hi, in.hi)
		default:
			w.lo, w.hi = max(w.lo, in.lo), max(w.hi, in.hi)
		}
	default: // the first thing we hear, or a window that began before we expected it
		if w.hi != 0 {
			c.Reset++
			if !early {
				w.closed = w.hi
			}
		}
		w.start(in)
	}
	if was.phase == known && c == (Corrections{}) && in.remaining < was.remaining-in.mine-in.inflight {
		c.Remaining++
	}
	return c
}

// like says whether a reading might as well be of this window.
func (w *window) like(in *reading) bool {
	return w.phase == known && w.limit == in.limit && w.lo <= in.hi && in.lo <= w.hi
}

// start begins a window of which an answer is the first to tell.
func (w *window) start(in *reading) {
	w.phase, w.remaining, w.lo, w.hi, w.closed = known, in.remaining, in.lo, in.hi, max(w.closed, in.received)
	w.granted, w.untolds = in.inflight+in.mine+int32(w.untolds), 0
}

// slide takes in a reading of a sliding window: all is back later the more was counted, so that the latest moment told
// is that of the answer that counts the most. What is left is noted, too, should the window turn out to be fixed.
//
// An answer to a request that was sent before others were lost may not count those: later is by how much each of them
// may defer the moment.
func (w *window) slide(in *reading, later time.Duration) (c Corrections) {
	if in.limit > 0 && in.limit != w.limit {
		if w.limit > 0 {
			c.Limit++
		}
		w.limit = in.limit
	}
	untolds, closed, hi := w.untolds, w.closed, in.hi
	if in.sent >= closed {
		untolds = 0
	}
	if untolds > 0 {
		hi = hi.add(times(later, int(untolds)))
		if w.limit > 0 { // more than all of it is never missing
			hi = max(in.hi, min(hi, in.received.add(times(later, int(w.limit)))))
		}
	}
	if hi >= w.hi {
		w.start(in)
		w.hi, w.closed, w.untolds = hi, closed, untolds
	}
	return c
}

// untold notes a request of which no answer told how it was counted: it is taken as spent until the window ends.
// alone means that it had gone ahead to see, and an answer came; later is by how much each unit defers the moment at
// which all is back, in a sliding window.
func (w *window) untold(now instant, mine, inflight int32, alone bool, later time.Duration) {
	switch {
	case w.phase == known && alone && w.hi == 0 && w.room(inflight) <= 0:
		*w = window{phase: free, limit: w.limit, closed: w.closed} // answers have ceased to tell
	case w.phase == known && later > 0:
		w.hi = max(w.hi, now).add(time.Duration(mine) * later)
		w.untolds, w.closed = uint16(min(int32(w.untolds)+mine, math.MaxUint16)), now
	case w.phase == known:
		w.remaining -= mine
	case alone:
		w.phase = free
	}
}

// lost notes that units of a fixed window were lost that had arrived by a moment: they may have begun the window, if no
// answer told of it, or count in the next one. A window lasts so long, as far as is known.
func (w *window) lost(units int32, arrived instant, long time.Duration) {
	switch {
	case w.phase != known:
	case w.hi != 0 && arrived >= w.lo:
		w.untolds = uint16(min(int32(w.untolds)+units, math.MaxUint16))
	case w.hi == 0 && long > 0:
		w.lo = max(w.lo, arrived.add(long))
	}
}

// again has one go to see what is left, once a window has ended that may have begun with requests that were lost.
func (w *window) again() {
	if w.lo != 0 {
		w.lo, w.granted, w.remaining = 0, 0, 0
	}
}
