package bucket

// A window is what is known of a counter from answers, as a fixed window: all comes back at its end. That is the
// cautious reading of a sliding one, too.
type window struct {
	phase phase
	limit int32 // what a whole window holds; 0: not told
	// remaining is the least that an answer told in this window, less what was sent and never counted by an answer.
	// While no answer of a new window came, it is the limit.
	remaining int32
	// granted is what was granted and may count in this window: all since it began, and what was in flight then.
	granted int32
	// lo and hi are the earliest and the latest moment at which the window may end; 0: no answer told. Every answer
	// told in it narrows them.
	lo, hi instant
	closed instant // the latest moment at which the window before may have ended
}

type phase uint8

const (
	unknown phase = iota // no answer yet
	free                 // answers tell nothing
	known
)

// roll begins a new window if the present one has ended.
func (w *window) roll(now instant, inflight int32) {
	if w.hi == 0 || now < w.hi {
		return
	}
	w.closed, w.lo, w.hi = w.hi, 0, 0
	w.granted = inflight // these may reach the server in either window
	w.remaining = w.limit
	if w.limit == 0 {
		w.phase = unknown
	}
}

// room is how many units may go now.
func (w *window) room(inflight int32) int32 {
	room := w.remaining - inflight
	if w.limit > 0 {
		room = min(room, w.limit-w.granted)
	}
	return room
}

// A reading is what an answer says of a window.
type reading struct {
	lo, hi           instant // when the window ends
	limit, remaining int32
	sent             instant // when the request was granted that was answered
	mine             int32   // what that request took here
	inflight         int32   // what else is in flight
}

// observe takes in a reading. Answers arrive out of order, and each tells of a past: one of an older window says
// nothing of this one, and within one window remaining only falls.
func (w *window) observe(in reading) (c Corrections) {
	old := in.lo <= w.closed && in.sent < w.closed // it may tell of the window before
	if old && w.hi == 0 || w.hi != 0 && in.hi < w.lo {
		w.granted = max(w.granted-in.mine, 0) // it was not of this window after all
		return c
	}
	was := *w
	if in.limit > 0 && in.limit != w.limit {
		w.limit = in.limit
		if was.limit > 0 {
			c.Limit++
		}
	}
	switch {
	case w.hi == 0 && w.phase == known: // the first answer of a window that we saw begin
		w.remaining = min(w.remaining, in.remaining)
		if in.limit > was.limit {
			w.remaining = in.remaining // what it was counted down from was too low
		}
		w.lo, w.hi = in.lo, in.hi
	case w.hi != 0 && in.lo <= w.hi: // the same window
		w.remaining = min(w.remaining, in.remaining)
		if !old {
			w.lo, w.hi = max(w.lo, in.lo), min(w.hi, in.hi)
		}
	default: // the first thing we hear, or a window that began before we expected it
		if w.hi != 0 {
			w.closed = w.hi
			c.Reset++
		}
		w.phase, w.remaining, w.lo, w.hi = known, in.remaining, in.lo, in.hi
		w.granted = in.inflight + in.mine
	}
	if was.phase == known && c == (Corrections{}) && in.remaining < was.remaining-in.mine-in.inflight {
		c.Remaining++
	}
	return c
}

// untold notes a request of which no answer told how it was counted: it is taken as spent until the window ends.
// alone means that it had gone ahead to see, and an answer came.
func (w *window) untold(mine, inflight int32, alone bool) {
	switch {
	case w.phase == known && alone && w.hi == 0 && w.room(inflight) <= 0:
		*w = window{phase: free, limit: w.limit, closed: w.closed} // answers have ceased to tell
	case w.phase == known:
		w.remaining -= mine
	case alone:
		w.phase = free
	}
}
