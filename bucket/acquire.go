package bucket

import (
	"cmp"
	"container/heap"
	"context"
	"fmt"
	"slices"
	"time"
)

// A Ticket is a request's place in every line it joins, from its first Acquire on: a request that is sent again keeps
// it. The zero value is a ticket. It belongs to one request, must not be copied once used, and holds at most one
// lease at a time.
type Ticket struct {
	// MaxWait bounds the time spent waiting with this ticket, in total; 0 leaves it to the context.
	MaxWait time.Duration

	r      *Registry
	seq    uint64 // the order of arrival; 0: not yet arrived
	waited time.Duration

	slots  []slot
	inline [4]slot // what slots begins in: few requests draw on more

	// While waiting.
	in        *line // where it stands; nil: it does not wait
	place     int   // in the line's heap
	ready     chan struct{}
	err       *WaitError // why it failed; read once ready
	latest    instant    // being granted later is of no use
	latestErr error      // because of this

	// While leased.
	leased  bool
	gen     uint32 // counts the leases
	granted instant
}

// A slot is one draw of a ticket.
type slot struct {
	route   *state
	weight  int32
	counter *state  // while leased: who counted it; nil: an earlier slot did
	counted int32   // while leased: as how much
	ahead   ahead   // while leased: whom others wait for
	due     instant // while leased: when its answer is due, if a quota asks

	onRoute, onCounter link // while waiting
}

// ahead says at which of a slot's states its lease is one that others wait for.
type ahead uint8

const (
	aheadRoute ahead = 1 << iota
	aheadCounter
)

// before is the order in which requests go.
func (t *Ticket) before(u *Ticket) bool { return t.seq < u.seq }

// Waited returns how long the ticket has waited, in total.
func (t *Ticket) Waited() time.Duration { return t.waited }

// Acquire waits until all of draws can be taken at once and takes them, or fails and has taken nothing. It fails with
// a [*WaitError]: at once if ctx would end before its turn can come, as far as that is known, and as soon as a block
// makes that so; or when ctx ends.
func (r *Registry) Acquire(ctx context.Context, draws ...Draw) (Lease, error) {
	return r.AcquireTicket(ctx, new(Ticket), draws...)
}

// AcquireTicket is Acquire for a request that may be sent again: its ticket keeps its place and counts its waiting.
func (r *Registry) AcquireTicket(ctx context.Context, t *Ticket, draws ...Draw) (Lease, error) {
	lease, wait, err := r.arrive(ctx, t, draws)
	if wait {
		return r.wait(ctx, t)
	}
	return lease, err
}

// arrive grants a request leave, or fails it, or has it wait.
func (r *Registry) arrive(ctx context.Context, t *Ticket, draws []Draw) (_ Lease, wait bool, _ error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if t.leased || t.in != nil {
		panic("bucket: Acquire with a ticket that is in use")
	}
	now := r.now()
	if err := ctx.Err(); err != nil {
		return Lease{}, false, &WaitError{Key: firstKey(draws), Until: r.time(now), Err: contextError(ctx)}
	}
	if t.r != r {
		r.seq++
		t.r, t.seq = r, r.seq
	}
	newcomer := t.seq == r.seq
	t.slots = t.inline[:0]
	for _, d := range draws {
		s := r.state(d.Key, now)
		s.setPolicy(d.Policy)
		if i := slices.IndexFunc(t.slots, func(have slot) bool { return have.route == s }); i >= 0 {
			t.slots[i].weight = max(t.slots[i].weight, d.weight()) // one bucket, once
			continue
		}
		s.refs++
		t.slots = append(t.slots, slot{route: s, weight: d.weight()})
	}
	by, at := r.refuser(t, now)
	if by == nil {
		r.grant(t, now)
		return Lease{t, t.gen}, false, nil
	}

	t.latest, t.latestErr = never, nil
	if deadline, ok := ctx.Deadline(); ok {
		t.latest, t.latestErr = r.instant(deadline), context.DeadlineExceeded
	}
	if t.MaxWait > 0 {
		if end := now.add(t.MaxWait - t.waited); end < t.latest {
			t.latest, t.latestErr = end, ErrMaxWait
		}
	}
	key, until := r.estimate(t, now, newcomer)
	var err error
	switch {
	case until > t.latest:
		err = t.latestErr
	case by.line != nil && len(by.line.waiting) >= r.maxQueue:
		key, err = by.key, ErrQueueFull
	}
	if err != nil {
		r.forget(t)
		return Lease{}, false, &WaitError{Key: key, Until: r.time(until), Err: err}
	}
	if t.ready == nil {
		t.ready = make(chan struct{}, 1)
	}
	t.err = nil
	for i := range t.slots {
		s := &t.slots[i]
		s.onRoute.join(s.route, t)
		if c := s.route.counter(); c != s.route {
			s.onCounter.join(c, t)
		}
		s.route.kind.counts.waiting += first(i)
	}
	r.stand(t, by, at)
	return Lease{}, true, nil
}

// wait waits for the ticket's turn.
func (r *Registry) wait(ctx context.Context, t *Ticket) (Lease, error) {
	start := time.Now()
	var expired <-chan time.Time
	if t.latestErr == ErrMaxWait { //nolint:errorlint // it is set to this very value
		timer := time.NewTimer(t.MaxWait - t.waited)
		defer timer.Stop()
		expired = timer.C
	}
	var cause error
	select {
	case <-t.ready:
	case <-ctx.Done():
		cause = contextError(ctx)
	case <-expired:
		cause = ErrMaxWait
	}
	t.waited += time.Since(start)

	r.mu.Lock()
	defer r.mu.Unlock()
	if cause != nil && t.in != nil { // its turn had not come
		now := r.now()
		key, until := r.estimate(t, now, false)
		r.fail(t, now, &WaitError{Key: key, Until: r.time(until), Err: cause})
	}
	if cause != nil {
		<-t.ready // it was woken, or just failed
	}
	switch {
	case t.err != nil:
		return Lease{}, t.err
	case cause != nil: // its turn came as it gave up
		key := t.slots[0].route.key
		r.cancel(t)
		return Lease{}, &WaitError{Key: key, Until: r.time(r.last), Err: cause}
	}
	return Lease{t, t.gen}, nil
}

// refuser returns a state that does not let the ticket through now, and when it may by time alone; nil if all do. It
// requires that r.mu is held.
func (r *Registry) refuser(t *Ticket, now instant) (*state, instant) {
	for i := range t.slots {
		s := &t.slots[i]
		route, c := s.route, s.route.counter()
		if no, at := route.held(now); no {
			return route, at
		}
		if route.line.outranks(t) {
			return route, never
		}
		if no, at := route.owing(now, s.weight); no {
			return route, at
		}
		if c != route {
			if no, at := c.held(now); no {
				return c, at
			}
			if c.line.outranks(t) {
				return c, never
			}
		}
		if no, at := c.full(now, t.weightAt(c)); no {
			return c, at
		}
	}
	return nil, 0
}

// outranks says whether somebody in line goes before t: then t waits behind, even if there would be room for it.
func (l *line) outranks(t *Ticket) bool {
	return l != nil && len(l.waiting) > 0 && l.waiting[0] != t && l.waiting[0].before(t)
}

// weightAt is what the ticket takes from a counter, however many of its draws lead there.
func (t *Ticket) weightAt(c *state) int32 {
	var w int32
	for i := range t.slots {
		if t.slots[i].route.counter() == c {
			w = max(w, t.slots[i].weight)
		}
	}
	return w
}

// grant takes the ticket's draws. It requires that r.mu is held and that nothing refuses the ticket.
func (r *Registry) grant(t *Ticket, now instant) {
	t.leased, t.granted = true, now
	t.gen++
	for i := range t.slots {
		s := &t.slots[i]
		s.ahead = 0
		s.due = s.route.take(now, s.weight)
		s.route.kind.counts.inflight += first(i)
		c := s.route.counter()
		if s.route.goesAhead() {
			s.route.probe = probeOut
			s.ahead |= aheadRoute
		}
		s.counter = nil
		if t.countedBefore(i, c) {
			continue
		}
		if c != s.route && c.goesAhead() {
			c.probe = probeOut
			s.ahead |= aheadCounter
		}
		s.counter = c
		s.counted = t.weightAt(c)
		c.refs++
		c.inflight += s.counted
		c.window.granted += s.counted
	}
}

func (t *Ticket) countedBefore(i int, c *state) bool {
	for j := range i {
		if t.slots[j].counter == c {
			return true
		}
	}
	return false
}

// serve lets those through who wait at s and may go, and has the rest looked at again in time. It requires that r.mu
// is held.
func (r *Registry) serve(s *state, now instant) {
	for s.line != nil && len(s.line.waiting) > 0 {
		t := s.line.waiting[0]
		by, at := r.refuser(t, now)
		if by == s {
			r.wakeFor(s.line, at)
			r.setTimer()
			return
		}
		r.move(t, by, at, now)
	}
	if s.line != nil {
		r.sleep(s.line)
	}
	r.setTimer()
}

// move takes a ticket out of the line it stands in, and grants it, or puts it in the line of what refuses it, or fails
// it if a block there makes it too late.
func (r *Registry) move(t *Ticket, by *state, at, now instant) {
	t.step()
	switch {
	case by == nil:
		r.grant(t, now)
		r.leave(t)
	case by.blocked > t.latest:
		r.giveUp(t, &WaitError{Key: t.keyAt(by), Until: r.time(by.blocked), Err: t.latestErr})
	default:
		r.stand(t, by, at)
	}
}

// stand puts a ticket in the line of the state that refuses it, in which it must have a link.
func (r *Registry) stand(t *Ticket, by *state, at instant) {
	t.in = by.line
	heap.Push(&by.line.waiting, t)
	if t.place == 0 {
		r.wakeFor(by.line, at)
		r.setTimer()
	}
}

// readmit looks again at all who wait and draw on s, after what they draw on has changed.
func (r *Registry) readmit(s *state, now instant) {
	if s.line == nil {
		return
	}
	var all tickets
	for k := s.line.drawing; k != nil; k = k.next {
		all = append(all, k.ticket)
	}
	for i := range all { // those that wait have a counter's line, too
		for j := range all[i].slots {
			sl := &all[i].slots[j]
			sl.onCounter.leave(r)
			if c := sl.route.counter(); c != sl.route {
				sl.onCounter.join(c, all[i])
			}
		}
	}
	slices.SortFunc(all, func(a, b *Ticket) int { return cmp.Compare(a.seq, b.seq) })
	all = slices.Compact(all) // one may draw on s twice
	for _, t := range all {
		if t.in == nil {
			continue // serving the others has let it through
		}
		from := t.in.state
		by, at := r.refuser(t, now)
		if by == from && t.place != 0 {
			continue
		}
		r.move(t, by, at, now)
		r.serve(from, now)
	}
}

// leave wakes a ticket that waits no more.
func (r *Registry) leave(t *Ticket) {
	for i := range t.slots {
		s := &t.slots[i]
		s.onRoute.leave(r)
		s.onCounter.leave(r)
		s.route.kind.counts.waiting -= first(i)
	}
	t.ready <- struct{}{}
}

// fail ends the wait of a ticket, and lets those behind it move up.
func (r *Registry) fail(t *Ticket, now instant, err *WaitError) {
	from := t.in.state
	t.step()
	r.giveUp(t, err)
	r.serve(from, now)
}

// giveUp wakes a ticket that stands in no line any more with an error.
func (r *Registry) giveUp(t *Ticket, err *WaitError) {
	t.err = err
	r.leave(t)
	r.forget(t)
}

// forget drops what the ticket draws on.
func (r *Registry) forget(t *Ticket) {
	for i := range t.slots {
		t.slots[i].route.refs--
		t.slots[i].route = nil
	}
	t.slots = nil
}

// expire fails those waiting who draw on s and whose turn, now that it is blocked, comes too late.
func (r *Registry) expire(s *state, now instant) {
	if s.line == nil {
		return
	}
	var late []*Ticket
	for k := s.line.drawing; k != nil; k = k.next {
		if s.blocked > k.ticket.latest {
			late = append(late, k.ticket)
		}
	}
	for _, t := range late {
		if t.in == nil {
			continue // it draws on s twice
		}
		r.fail(t, now, &WaitError{Key: t.keyAt(s), Until: r.time(s.blocked), Err: t.latestErr})
	}
}

// keyAt is the key of the ticket's draw that leads to s.
func (t *Ticket) keyAt(s *state) Key {
	for i := range t.slots {
		if route := t.slots[i].route; route == s || route.counter() == s {
			return route.key
		}
	}
	return s.key
}

// estimate returns which of the ticket's draws will hold it back longest, and until when, if everybody ahead of it
// goes first and what is unknown takes no time.
func (r *Registry) estimate(t *Ticket, now instant, newcomer bool) (key Key, until instant) {
	until = now
	for i := range t.slots {
		s := &t.slots[i]
		if i == 0 {
			key = s.route.key
		}
		at := s.route.estimate(now, s.weight, newcomer)
		if c := s.route.counter(); c != s.route {
			at = max(at, c.estimate(now, s.weight, newcomer))
		}
		if at > until {
			key, until = s.route.key, at
		}
	}
	return key, until
}

// estimate is the earliest moment at which w units may have gone from s, behind those in line if last.
func (s *state) estimate(now instant, w int32, last bool) instant {
	others := 0
	if last && s.line != nil {
		others = len(s.line.waiting)
	}
	at := max(now, s.blocked)
	if s.debt != nil {
		at = s.ready(at, others, int(w))
	}
	if s.window.phase == known && s.window.hi > now && s.alias == nil {
		limit := int(s.window.limit)
		n, room := others+int(w), int(max(s.window.room(s.inflight), 0))
		if limit > 0 {
			n = others + min(int(w), limit)
		}
		if over := n - room; over > 0 {
			laps := 0
			if limit > 0 {
				laps = min((over-1)/limit, mostLaps)
			}
			at = max(at, s.window.hi.add(s.kind.long*time.Duration(laps)))
		}
	}
	return at
}

// mostLaps bounds how many windows ahead an estimate looks: far enough for any deadline.
const mostLaps = 1000

// setTimer has the timer fire when the next line is to be looked at.
func (r *Registry) setTimer() {
	at := never
	if len(r.wakes) > 0 {
		at = r.wakes[0].wakeAt
	}
	if at == r.timerAt {
		return
	}
	r.timerAt = at
	switch {
	case at == never:
		r.timer.Stop()
	case r.timer == nil:
		r.timer = time.AfterFunc(time.Duration(at-r.now()), r.wake)
	default:
		r.timer.Reset(time.Duration(at - r.now()))
	}
}

// wake lets through whom time has brought their turn.
func (r *Registry) wake() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.timerAt = never
	now := r.now()
	for len(r.wakes) > 0 && r.wakes[0].wakeAt <= now {
		r.serve(r.wakes[0].state, now)
	}
	r.setTimer()
}

// contextError says how ctx ended, its cause included.
func contextError(ctx context.Context) error {
	err := ctx.Err()
	if cause := context.Cause(ctx); cause != nil && cause != err { //nolint:errorlint // asks for the very value
		return fmt.Errorf("%w: %w", err, cause)
	}
	return err
}

func firstKey(draws []Draw) Key {
	if len(draws) == 0 {
		return Key{}
	}
	return draws[0].Key
}

// first is 1 for the first of a ticket's slots, so that a request counts once with its provider.
func first(i int) int {
	if i == 0 {
		return 1
	}
	return 0
}
