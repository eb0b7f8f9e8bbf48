package bucket

import (
	"iter"
	"time"
)

// An Explanation tells what a request would meet.
type Explanation struct {
	// Wait is how long it would wait, by the estimate that decides whether a request is failed at once: everybody ahead
	// of it goes first, and what is unknown takes no time. 0 means that it may go now, or that nobody can tell.
	Wait time.Duration
	// Key is of the draw that would hold it back longest; zero if none would.
	Key Key
	// Buckets has how each of the draws stands, in their order.
	Buckets []Standing
}

// A Standing is how a bucket stands for one request.
type Standing struct {
	// Key is the draw's, and Counter the key of the bucket that counts its requests, mostly the same.
	Key, Counter Key
	// Policy is what the draw documents or, of a hidden limit, what refusals have taught.
	Policy *Policy
	// Known says that answers have told of a window, or that those of others of its kind have. If so, Limit is what a
	// whole one holds, 0 if not told, and Remaining how much of it may go now.
	Known            bool
	Limit, Remaining int
	// Reset is when all will be back; zero if nothing is used, or not known. Period is how long one unit takes where
	// they come back one by one; 0 where all come back at Reset.
	Reset  time.Time
	Period time.Duration
	// Blocked is until when nothing may go; zero if nothing blocks it.
	Blocked time.Time
	// InFlight is how many units were sent and not answered yet, Waiting how many requests wait, and Ahead how many of
	// these would go before this one.
	InFlight, Waiting, Ahead int
}

// mostAliases bounds how many counters Explain follows from one to the next.
const mostAliases = 8

// Explain tells what a request with these draws would meet, without taking anything or making any bucket. t is the
// request's ticket, for its priority and its place; nil means an ordinary one that comes now.
func (r *Registry) Explain(t *Ticket, draws ...Draw) Explanation {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	as := &Ticket{seq: r.seq + 1, rank: now}
	if t != nil {
		as.Priority = t.Priority
		as.rank = now.add(-time.Duration(as.priority()) * priorityStep)
		if t.r == r {
			as.seq, as.rank, as.waiter = t.seq, t.rank, t.waiter
		}
	}
	x := Explanation{Buckets: make([]Standing, len(draws))}
	for i, d := range draws {
		s := r.standing(as, d, now, &x.Buckets[i])
		if s == nil {
			continue
		}
		if have := as.slot(s); have != nil {
			have.weight = max(have.weight, d.weight())
			continue
		}
		as.slots = append(as.slots, slot{route: s, weight: d.weight()})
	}
	if key, until := r.estimate(as, now); until > now {
		x.Key, x.Wait = key, time.Duration(until-now)
	}
	return x
}

// Buckets returns all buckets as they stand for an ordinary request that comes now, in no order. It looks at a few at a
// time, so that requests need not wait for it; one that comes or goes meanwhile may be left out or be told twice.
func (r *Registry) Buckets() iter.Seq[Standing] {
	return func(yield func(Standing) bool) {
		var some []Standing
		for from, more := 0, true; more; from += statsChunk {
			some, more = r.standings(some[:0], from)
			for _, s := range some {
				if !yield(s) {
					return
				}
			}
		}
	}
}

// standings adds one chunk of buckets to some, and says whether there are more.
func (r *Registry) standings(some []Standing, from int) (_ []Standing, more bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	last := &Ticket{seq: r.seq + 1, rank: now}
	for i := from; i < min(from+statsChunk, len(r.all)); i++ {
		s := r.all[i]
		some = append(some, Standing{})
		r.standing(last, Draw{Key: s.key(), Policy: s.policy}, now, &some[len(some)-1])
	}
	return some, from+statsChunk < len(r.all)
}

// standing tells how a draw stands, and returns its bucket, or the one that would count for it; nil if there is none.
func (r *Registry) standing(t *Ticket, d Draw, now instant, to *Standing) *state {
	key := r.resolve(d.Key)
	*to = Standing{Key: d.Key, Counter: key, Policy: d.Policy}
	route := r.find(&key)
	for range mostAliases { // it would be made as its kind is: counted where that is counted
		if route != nil {
			break
		}
		key.Subject = ""
		k := r.kinds[key]
		if k == nil {
			return nil
		}
		key.Subject = d.Key.Subject
		if h := k.hidden; h != nil && h.policy != nil && now < h.until && (d.Policy == nil || d.Policy.Hidden) {
			to.Policy = h.policy
		}
		if k.alias == "" {
			w := k.seed(now)
			to.Known, to.Limit, to.Remaining = w.phase == known, int(w.limit), int(w.remaining)
			return nil
		}
		key.Limit = k.alias
		to.Counter = key
		route = r.find(&key)
	}
	if route == nil {
		return nil
	}
	if p := route.policy; p != nil && p.Hidden && route.believed(now) {
		to.Policy = route.kind.hidden.policy // which the bucket's next draw has it keep to
	}
	c := route.root()
	to.Counter = c.key()
	c.full(now, 1, spare{}) // so that its window is that of now
	if w := &c.window; w.phase == known {
		to.Known, to.Limit, to.Period = true, int(w.limit), c.slides()
		to.Remaining = c.left(now)
		if w.hi > now {
			to.Reset = r.time(w.hi)
		}
	}
	if until := max(route.blocked, c.blocked); until > now {
		to.Blocked = r.time(until)
	}
	to.InFlight = int(c.inflight)
	if to.Waiting, to.Ahead = route.line.ahead(t, mostPriority); c != route {
		waiting, ahead := c.line.ahead(t, mostPriority)
		to.Waiting, to.Ahead = to.Waiting+waiting, to.Ahead+ahead
	}
	return route
}

// left is how many units of a known window may go now.
func (s *state) left(now instant) int {
	period := s.slides()
	if period == 0 {
		return int(max(s.window.room(s.inflight), 0))
	}
	n := s.window.limit - s.inflight
	if s.window.hi > now {
		n -= int32(min((time.Duration(s.window.hi-now)+period-1)/period, maxLimit))
	}
	return int(max(n, 0))
}
