package bucket

import (
	"fmt"
	"time"
)

// A Ticket is a request's place in every line it joins, from its first Acquire on: a request that is sent again keeps
// it. The zero value is a ticket. It belongs to one request, must not be copied once used, and holds at most one
// lease at a time.
type Ticket struct {
	// MaxWait bounds the time spent waiting with this ticket, in total; 0 leaves it to the context.
	MaxWait time.Duration
	// Priority is who goes first: each step overtakes those who came up to ten seconds earlier, so that who waits long
	// enough goes before anybody who comes later. 0 is ordinary; beyond 100 either way counts as 100. It is read when
	// the ticket first arrives, and must not be changed while it waits.
	Priority int
	// Mode says what becomes of a request that cannot go at once.
	Mode Mode

	r        *Registry
	seq      uint64  // the order of arrival; 0: not yet arrived
	rank     instant // when it arrived, less what its priority is worth
	waited   time.Duration
	shadowed time.Duration

	slots  []slot
	inline [4]slot // what slots begins in: few requests draw on more
	waiter *waiter // nil: it never had to wait

	// While leased.
	granted instant
	gen     uint32 // counts the leases
	leased  bool

	pooled bool // it is one of Acquire's, and goes back to its registry
}

// Mode says what becomes of a request that cannot go at once.
type Mode uint8

const (
	// Wait has it wait for its turn.
	Wait Mode = iota
	// Reject fails it with ErrWouldWait.
	Reject
	// Shadow lets it go all the same, and counts what it would have waited.
	Shadow
)

// String returns the mode's name in lower case.
func (m Mode) String() string {
	switch m {
	case Wait:
		return "wait"
	case Reject:
		return "reject"
	case Shadow:
		return "shadow"
	}
	return fmt.Sprintf("Mode(%d)", uint8(m))
}

const (
	mostPriority = 100
	// priorityStep is how much earlier a request of one priority more may be taken to have come.
	priorityStep = 10 * time.Second
)

// A slot is one draw of a ticket.
type slot struct {
	route   *state
	ahead   [2]*state // while leased: the counters at which others wait for it; nil: none
	due     instant   // while leased: when its answer is due, if a quota asks
	weight  int32
	counted int32 // while leased: as how much its route and counters count it; 0: an earlier slot's do
	leads   bool  // while leased: others wait for it at its route

	more    bool    // once settled: more passed than ever did under a hidden limit at its route
	venture *hidden // while leased: the limit of which it goes to see whether it allows one more; nil: none
}

// Waited returns how long the ticket has waited, in total.
func (t *Ticket) Waited() time.Duration { return t.waited }

// Shadowed returns how long the ticket would have waited, in total and by estimate, had its mode not been [Shadow].
func (t *Ticket) Shadowed() time.Duration { return t.shadowed }

// arrive gives the ticket its place among those of a registry, unless it has one.
func (t *Ticket) arrive(r *Registry, now instant) {
	if t.r == r && t.seq != 0 {
		return
	}
	if t.r != r { // else whoever settles an old lease of it once more may be reading
		t.r = r
	}
	r.seq++
	t.seq = r.seq
	t.rank = now.add(-time.Duration(t.priority()) * priorityStep)
}

func (t *Ticket) priority() int { return min(max(t.Priority, -mostPriority), mostPriority) }

// before is the order in which requests go.
func (t *Ticket) before(u *Ticket) bool {
	if t.rank != u.rank {
		return t.rank < u.rank
	}
	return t.seq < u.seq
}

// draw has the ticket draw on buckets.
func (t *Ticket) draw(r *Registry, draws []Draw, entries *entries, now instant) {
	t.slots = t.inline[:0]
	for i := range draws {
		d := &draws[i]
		var at entry
		if i < len(entries) {
			at = entries[i]
		}
		s := r.stateAt(&d.Key, at, now)
		p := d.Policy
		if s.kind.strict != nil {
			p = s.kind.governs(p, now)
		}
		if s.setPolicy(p, now) && s.line != nil {
			r.serve(s, now)
		}
		if have := t.slot(s); have != nil {
			have.weight = max(have.weight, d.weight()) // one bucket, once
			continue
		}
		s.refs++
		t.slots = append(t.slots, slot{route: s, weight: d.weight()})
	}
}

// slot returns the ticket's draw on a route, if it has one.
func (t *Ticket) slot(route *state) *slot {
	for i := range t.slots {
		if t.slots[i].route == route {
			return &t.slots[i]
		}
	}
	return nil
}

// drawsOn says whether s is one of the ticket's routes or counts the requests on one.
func (t *Ticket) drawsOn(s *state) bool {
	for i := range t.slots {
		if route := t.slots[i].route; route == s || route.leadsTo(s) {
			return true
		}
	}
	return false
}

// weightAt is what the ticket takes from a counter, however many of its draws lead there.
func (t *Ticket) weightAt(c *state) int32 {
	var w int32
	for i := range t.slots {
		if t.slots[i].route.leadsTo(c) {
			w = max(w, t.slots[i].weight)
		}
	}
	return w
}

// routeTo is the first of the ticket's routes that lead to a counter; nil if none does.
func (t *Ticket) routeTo(c *state) *state {
	for i := range t.slots {
		if route := t.slots[i].route; route.leadsTo(c) {
			return route
		}
	}
	return nil
}

// otherRoot is the one beside c that counts the requests on the same route; nil if there is none.
func (t *Ticket) otherRoot(c *state) *state {
	route := t.routeTo(c)
	if route == nil {
		return nil
	}
	a, b := route.roots()
	if a == c {
		return b
	}
	return a
}

// countedAt is what the ticket took from a counter.
func (t *Ticket) countedAt(c *state) int32 {
	for i := range t.slots {
		if s := &t.slots[i]; s.counted > 0 && s.route.leadsTo(c) {
			return s.counted
		}
	}
	return 0
}

// keyAt is the key of the ticket's draw that leads to s.
func (t *Ticket) keyAt(s *state) Key {
	for i := range t.slots {
		if route := t.slots[i].route; route == s || route.leadsTo(s) {
			return route.key()
		}
	}
	return s.key()
}

// forget drops what the ticket draws on.
func (r *Registry) forget(t *Ticket) {
	for i := range t.slots {
		t.slots[i].route.refs--
		t.slots[i].route = nil
	}
	t.slots = nil
}

// ticket returns a ticket for one Acquire. It does not require that r.mu is held, nor does pool.
func (r *Registry) ticket() *Ticket {
	t, ok := r.tickets.Get().(*Ticket)
	if !ok {
		return &Ticket{pooled: true}
	}
	t.seq, t.waited, t.shadowed = 0, 0, 0
	return t
}

// pool takes back a ticket that holds no lease any more, if ticket gave it out.
func (r *Registry) pool(t *Ticket) {
	if t.pooled {
		r.tickets.Put(t)
	}
}
