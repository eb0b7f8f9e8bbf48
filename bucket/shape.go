package bucket

import "time"

// A shape is how the units of a kind of buckets come back, as far as answers show it: all at once at the end of a
// fixed window, or one by one each period of a sliding one. The zero shape is that of a fixed window, which is the
// cautious reading of a sliding one, too.
//
// Both tell the same: how much is left, and when all will be back. Where units come back one by one, a request moves
// that moment by a period, and the moment divided by what is used up is about the period, whenever one looks. In a fixed
// window the moment stands still while what is left falls.
type shape struct {
	votes  uint8 // answers that show the one
	fixed  bool  // answers have shown the other since
	period span
	// witness is an answer against which others are held.
	witness reading
	seen    *state // whose answer it was
}

// A span is an interval of possible durations; the zero span says nothing.
type span struct{ lo, hi time.Duration }

// meet returns what both allow; ok is false if that is nothing.
func (s span) meet(t span) (_ span, ok bool) {
	if s == (span{}) {
		return t, true
	}
	s.lo, s.hi = max(s.lo, t.lo), min(s.hi, t.hi)
	return s, s.lo <= s.hi
}

// enoughVotes is how many answers have to show that the units come back one by one: a single one might tell of a
// fixed window that began early.
const enoughVotes = 2

// sliding says whether units come back one by one.
func (p *shape) sliding() bool { return p.votes >= enoughVotes }

// learn takes in what an answer told of a bucket.
func (p *shape) learn(s *state, in *reading) {
	told, ok := in.period()
	if !ok {
		return
	}
	if in.limit != p.witness.limit {
		*p = shape{votes: p.votes, fixed: p.fixed}
	}
	if p.period, ok = p.period.meet(told); !ok { // nothing comes back one by one like this
		*p = shape{fixed: true, period: told, witness: *in, seen: s}
		return
	}
	switch a := &p.witness; {
	case in.received >= a.lo:
		p.witness, p.seen = *in, s
	case p.seen == s && (a.precedes(in) || in.precedes(a)):
		p.votes, p.fixed = min(p.votes+1, enoughVotes), false
	}
}

// precedes says whether b tells that less is left than a does, or no more at a later time, and that all will be back
// later. In one fixed window it would not.
func (a *reading) precedes(b *reading) bool {
	return b.lo > a.hi && (b.remaining < a.remaining || b.remaining == a.remaining && b.sent >= a.received)
}

// period returns the period in which units come back if they do so one by one. It reports false if the reading does not
// tell.
func (a *reading) period() (_ span, ok bool) {
	used := time.Duration(a.limit - a.remaining)
	if a.limit <= 0 || used <= 0 || a.after.hi <= 0 {
		return span{}, false
	}
	// Of the units used up, one is partly back.
	return span{max(a.after.lo, 0) / used, a.after.hi / max(used-1, 1)}, true
}

// contradicts says whether two answers cannot be of one counter, as they tell of the same window. In a fixed one, each
// leaves another number, the later one the smaller. Where units come back one by one, each moves the moment at which all
// will be back by a period.
func (p *shape) contradicts(a, b *reading) bool {
	if a.limit == 0 || b.received >= a.lo {
		return false // a's window may have ended
	}
	ordered := b.sent >= a.received
	x, _ := a.period()
	y, _ := b.period()
	meeting, one := x.meet(y)
	all := b.remaining < a.remaining
	if ordered {
		one = one && b.hi >= a.lo.add(meeting.lo)
	} else {
		one = one && (b.hi >= a.lo.add(meeting.lo) || a.hi >= b.lo.add(meeting.lo))
		all = b.remaining != a.remaining || b.lo > a.hi || a.lo > b.hi
	}
	switch {
	case p.sliding():
		return !one
	case p.fixed:
		return !all
	}
	return !one && !all
}
