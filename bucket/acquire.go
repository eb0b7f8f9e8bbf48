package bucket

import (
	"context"
	"fmt"
	"time"
)

// Acquire waits until all of draws can be taken at once and takes them, or fails and has taken nothing. It fails with
// a [*WaitError]: at once if ctx would end before its turn can come, as far as that is known, and as soon as a block
// makes that so; or when ctx ends.
func (r *Registry) Acquire(ctx context.Context, draws ...Draw) (Lease, error) {
	return r.acquire(ctx, nil, draws, time.Time{})
}

// AcquireTicket is Acquire for a request that may be sent again, or is not an ordinary one: its ticket keeps its place,
// counts its waiting, and says how it is to be treated.
func (r *Registry) AcquireTicket(ctx context.Context, t *Ticket, draws ...Draw) (Lease, error) {
	return r.acquire(ctx, t, draws, time.Time{})
}

// AcquireTicketAt is AcquireTicket for whoever has just called time.Now, and got now.
func (r *Registry) AcquireTicketAt(ctx context.Context, now time.Time, t *Ticket, draws ...Draw) (Lease, error) {
	return r.acquire(ctx, t, draws, now)
}

// acquire reads the clock itself if now is zero.
func (r *Registry) acquire(ctx context.Context, t *Ticket, draws []Draw, now time.Time) (Lease, error) {
	// Buckets are sought, and the clock read, before anybody has to wait for it.
	entries := r.index.entries(draws)
	var clock instant
	if now.IsZero() {
		clock = r.clock()
	} else {
		clock = r.instant(now)
	}
	if t == nil {
		t = r.ticket()
	}
	lease, w, err := r.arrive(ctx, t, draws, &entries, clock)
	if w != nil {
		lease, err = r.wait(ctx, w)
	}
	if err != nil {
		r.pool(t)
	}
	return lease, err
}

// arrive grants a request leave, or fails it, or has it wait.
func (r *Registry) arrive(
	ctx context.Context, t *Ticket, draws []Draw, entries *entries, clock instant,
) (Lease, *waiter, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if t.leased || t.waiter != nil && t.waiter.in != nil {
		panic("bucket: Acquire with a ticket that is in use")
	}
	now := r.at(clock)
	if err := ctx.Err(); err != nil {
		return Lease{}, nil, &WaitError{Key: firstKey(draws), Until: r.time(now), Err: contextError(ctx)}
	}
	t.arrive(r, now)
	t.draw(r, draws, entries, now)
	by, at := r.refuser(t, now)
	if by == nil {
		r.grant(t, now)
		return Lease{t, t.gen}, nil, nil
	}
	return r.queue(ctx, t, by, at, now)
}

// queue has a request wait that cannot go now, unless that is of no use or not wanted.
func (r *Registry) queue(ctx context.Context, t *Ticket, by *state, at, now instant) (Lease, *waiter, error) {
	key, until := r.estimate(t, now)
	if t.Mode == Shadow {
		t.shadowed += time.Duration(until - now)
		r.grant(t, now)
		return Lease{t, t.gen}, nil, nil
	}
	latest, latestErr := t.latest(ctx, r, now)
	var err error
	switch {
	case t.Mode == Reject:
		err = ErrWouldWait
	case until > latest:
		err = latestErr
	default:
		if by, at = r.makeRoom(t, by, at, now); by == nil {
			r.grant(t, now)
			return Lease{t, t.gen}, nil, nil
		}
		if r.fullLine(by) {
			key, err = t.keyAt(by), ErrQueueFull
		}
	}
	if err != nil {
		r.forget(t)
		return Lease{}, nil, &WaitError{Key: key, Until: r.time(until), Err: err}
	}
	w := t.waiter
	if w == nil {
		w = &waiter{ticket: t, ready: make(chan struct{}, 1)}
		t.waiter = w
	}
	w.err, w.moves = nil, 0
	w.latest, w.latestErr = latest, latestErr
	w.link(r)
	if len(t.slots) > 0 {
		t.slots[0].route.kind.provider.waiting++
	}
	r.stand(w, by, at, now)
	return Lease{}, w, nil
}

// latest is when it is too late for the ticket to go, and why.
func (t *Ticket) latest(ctx context.Context, r *Registry, now instant) (instant, error) {
	latest, why := never, error(nil)
	if deadline, ok := ctx.Deadline(); ok {
		latest, why = r.instant(deadline), context.DeadlineExceeded
	}
	if t.MaxWait > 0 {
		if end := now.add(t.MaxWait - t.waited); end < latest {
			latest, why = end, ErrMaxWait
		}
	}
	return latest, why
}

func (r *Registry) fullLine(s *state) bool { return s.line != nil && s.line.waiting >= r.maxQueue }

// makeRoom drops waiters that count less from a full line in which t would stand. It returns what refuses t then, and
// until when: those that are dropped may have held it up.
func (r *Registry) makeRoom(t *Ticket, by *state, at, now instant) (*state, instant) {
	for by != nil && r.fullLine(by) && r.overflow == RefuseLowest {
		w := by.line.lowest(t.priority())
		if w == nil {
			break
		}
		_, until := r.estimate(w.ticket, now)
		r.fail(w, now, &WaitError{Key: w.ticket.keyAt(by), Until: r.time(until), Err: ErrQueueFull})
		by, at = r.refuser(t, now)
	}
	return by, at
}

// wait waits for the ticket's turn.
func (r *Registry) wait(ctx context.Context, w *waiter) (Lease, error) {
	start, t := time.Now(), w.ticket
	var expired <-chan time.Time
	if w.latestErr == ErrMaxWait { //nolint:errorlint // it is set to this very value
		timer := time.NewTimer(t.MaxWait - t.waited)
		defer timer.Stop()
		expired = timer.C
	}
	var cause error
	select {
	case <-w.ready:
	case <-ctx.Done():
		cause = contextError(ctx)
	case <-expired:
		cause = ErrMaxWait
	}
	t.waited += time.Since(start)
	if cause == nil { // without the lock, for which others would have to wait if very many are woken
		if w.err != nil {
			return Lease{}, w.err
		}
		return Lease{t, t.gen}, nil
	}
	return Lease{}, r.abandon(w, cause)
}

// abandon ends the wait of somebody who gives up.
func (r *Registry) abandon(w *waiter, cause error) error {
	r.leaving.Lock() // of those who give up at once, only one stands before others who wait for mu
	r.mu.Lock()
	r.leaving.Unlock()
	defer r.mu.Unlock()
	t := w.ticket
	if w.in != nil { // its turn had not come
		now := r.now()
		key, until := r.estimate(t, now)
		r.fail(w, now, &WaitError{Key: key, Until: r.time(until), Err: cause})
	}
	<-w.ready // it was woken, or just failed
	if w.err != nil {
		return w.err
	}
	key := t.slots[0].route.key()
	r.cancel(t) // its turn came as it gave up
	return &WaitError{Key: key, Until: r.time(r.last), Err: cause}
}

// setTimer has the timer fire when the next line is to be looked at, or at once if anything is left to do.
func (r *Registry) setTimer() {
	at := never
	if len(r.wakes) > 0 {
		at = r.wakes[0].wakeAt
	}
	if r.rest.some() {
		at = min(at, r.last)
	}
	if r.waking || at == r.timerAt || max(at, r.timerAt) <= r.last { // or it fires anyhow
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
