package bucket

import (
	"context"
	"fmt"
	"hash/maphash"
	"slices"
	"time"
	"unsafe"
)

// What follows opens the pure parts, where time is an argument, to ledgers. Moments are durations since some start.

// A Reading is what an answer says of a window.
type Reading struct {
	Lo, Hi           time.Duration
	Limit, Remaining int
	Doubt            int
	Sent             time.Duration
	Others           int // in flight
}

// A Counter is a window with what is in flight in it. Requests take one unit each.
type Counter struct {
	w        window
	inflight int32
}

// Seeded returns a counter that begins with a limit known from others of its kind.
func Seeded(limit int) *Counter {
	return &Counter{w: (&kind{law: law{limit: int32(limit)}}).seed(0)}
}

func (c *Counter) Grant(n int) {
	c.inflight += int32(n)
	c.w.granted += int32(n)
}

func (c *Counter) Room(now time.Duration) int {
	c.w.roll(instant(now), c.inflight, 0)
	return int(c.w.room(c.inflight))
}

func (c *Counter) Told(in Reading) Corrections {
	c.inflight--
	return c.w.observe(&reading{
		lo: instant(in.Lo), hi: instant(in.Hi), limit: int32(in.Limit), remaining: int32(in.Remaining), doubt: uint8(in.Doubt),
		sent: instant(in.Sent), mine: 1, inflight: c.inflight,
	}, true)
}

func (c *Counter) Untold(alone bool) {
	c.inflight--
	c.w.untold(1, 1, c.inflight, alone, 0)
}

// Ends returns between which moments the window ends; 0 if no answer told.
func (c *Counter) Ends() (lo, hi time.Duration) { return time.Duration(c.w.lo), time.Duration(c.w.hi) }

// Tells says whether answers tell anything.
func (c *Counter) Tells() bool { return c.w.phase == known }

// A Debtor owes to a policy.
type Debtor struct{ s state }

// NewDebtor returns one whose kind has seen enough of the given round trips, or of such that took no time.
func NewDebtor(p Policy, trips ...time.Duration) *Debtor {
	d := &Debtor{s: state{policy: &p, kind: &kind{provider: &provider{}}}}
	if len(trips) == 0 {
		trips = []time.Duration{0}
	}
	for range fewTrips {
		for _, trip := range trips {
			d.s.kind.provider.trips.add(trip, true)
		}
	}
	return d
}

// Ready returns when w units may go.
func (d *Debtor) Ready(now time.Duration, w int) time.Duration {
	if owing, at := d.s.owing(instant(now), int32(w), spare{}); owing {
		return time.Duration(at)
	}
	return now
}

func (d *Debtor) Take(now time.Duration, w int) { d.s.take(instant(now), int32(w)) }

// Answered says how long the answer took to what was taken then.
func (d *Debtor) Answered(granted time.Duration, w int, trip time.Duration) {
	d.s.answered(instant(granted), d.due(granted), int32(w), trip, true)
}

func (d *Debtor) GiveBack(now, granted time.Duration, w int) {
	d.s.giveBack(instant(now), instant(granted), d.due(granted), int32(w))
}

// due is when the answer is due to what was taken then.
func (d *Debtor) due(granted time.Duration) instant {
	return instant(granted).add(d.s.kind.provider.trips.longest)
}

// Settled drops the debt if nothing is owed.
func (d *Debtor) Settled(now time.Duration) bool { return d.s.settled(instant(now)) && d.s.debt == nil }

// Kept is how many units of a quota are remembered.
func (d *Debtor) Kept() int { return d.s.debt.answers.len() }

// Sorted are instants in order.
type Sorted struct{ q sorted }

func (s *Sorted) Insert(at, n int)     { s.q.insert(instant(at), n) }
func (s *Sorted) Remove(at, n int) int { return s.q.remove(instant(at), n) }
func (s *Sorted) Pop()                 { s.q.pop() }
func (s *Sorted) Room() int            { return cap(s.q.all) }

func (s *Sorted) Left() (left []int) {
	for _, at := range s.q.left() {
		left = append(left, int(at))
	}
	return left
}

// Trips sums up round-trip times.
type Trips struct{ t trips }

func (t *Trips) Add(d time.Duration)     { t.t.add(d, true) }
func (t *Trips) Shortest() time.Duration { return t.t.shortest }
func (t *Trips) Longest() time.Duration  { return t.t.longest }

// Queue pushes tickets with the given entries in the order of arrival, takes out those at the heap's positions, and
// returns the rest in the order in which they leave.
func Queue(seqs []uint64, remove []int) (removed, rest []uint64) {
	l := &line{}
	for _, seq := range seqs {
		l.add(&waiter{ticket: &Ticket{seq: seq, rank: instant(seq)}})
	}
	for _, i := range remove {
		w := l.classes[0].queue[i].w
		w.step()
		removed = append(removed, w.ticket.seq)
	}
	for l.waiting > 0 {
		w := l.first(everybody)
		w.step()
		rest = append(rest, w.ticket.seq)
	}
	return removed, rest
}

// Seq is the ticket's place in the order of arrival.
func (t *Ticket) Seq() uint64 { return t.seq }

// Timer says whether the registry's timer runs.
func (r *Registry) Timer() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.timerAt != never
}

// Check looks for anything in the registry that contradicts itself, such as a request that waits though it may go.
func (r *Registry) Check() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	indexed := r.index.len()
	if len(r.all) != indexed {
		return fmt.Errorf("%d buckets in the list, %d in the index", len(r.all), indexed)
	}
	lines, waiting := 0, 0
	counted := map[*state]int32{}
	for i, s := range r.all {
		key := s.key()
		if int(s.index) != i || r.index.find(&key, r.index.hash(&key)) != s {
			return fmt.Errorf("%v is not where it should be", key)
		}
		if s.inflight < 0 || s.window.granted < 0 || s.refs < 0 || s.drawn() < 0 {
			return fmt.Errorf("%v: %d in flight, %d drawn, %d granted, %d references",
				key, s.inflight, s.drawn(), s.window.granted, s.refs)
		}
		if s.line == nil {
			continue
		}
		if err := r.checkLine(s, now); err != nil {
			return fmt.Errorf("%v: %w", key, err)
		}
		if s.line.wake >= 0 {
			lines++
		}
		waiting += s.line.waiting
	}
	for _, s := range r.all { // now that links to counters whose windows have ended are gone
		if err := r.checkLinks(s); err != nil {
			return fmt.Errorf("%v: %w", s.key(), err)
		}
		drawn := s.inflight
		if s.links != nil {
			drawn = s.links.drawn
		}
		a, b := s.roots()
		counted[a] += drawn
		if b != nil {
			counted[b] += drawn
		}
	}
	for _, s := range r.all {
		if s.inflight != counted[s] {
			return fmt.Errorf("%v counts %d in flight, its routes draw %d", s.key(), s.inflight, counted[s])
		}
	}
	if lines != len(r.wakes) {
		return fmt.Errorf("%d lines wait for a moment, %d are to be woken", lines, len(r.wakes))
	}
	for i, l := range r.wakes {
		if l.wake != i || i > 0 && l.wakeAt < r.wakes[(i-1)/children].wakeAt {
			return fmt.Errorf("line %d to be woken is out of place", i)
		}
	}
	if !r.waking && (len(r.wakes) > 0 && r.timerAt > r.wakes[0].wakeAt || r.rest.some() && r.timerAt > now) {
		return fmt.Errorf("the timer fires too late")
	}
	if err := r.checkKinds(); err != nil {
		return err
	}
	for _, p := range r.providers {
		waiting -= p.waiting
	}
	if waiting != 0 {
		return fmt.Errorf("%d more wait in lines than are counted", waiting)
	}
	return nil
}

// checkKinds looks for kinds that do not know their lines.
func (r *Registry) checkKinds() error {
	lines := 0
	for _, k := range r.kinds {
		var prev *line
		before := lines
		for l := k.lines; l != nil; prev, l = l, l.next {
			if l.prev != prev || l.state.kind != k || l.state.line != l {
				return fmt.Errorf("%v has a line that is none, or is out of place", k.key)
			}
			lines++
		}
		if k.waited != lines-before || k.left > k.waited || k.left > 0 && !r.rest.some() {
			return fmt.Errorf("%v has %d lines, counts %d, and %d are left", k.key, lines-before, k.waited, k.left)
		}
	}
	for _, s := range r.all {
		if r.kinds[s.kind.key] != s.kind {
			return fmt.Errorf("%v is of a kind that is not there", s.key())
		}
		if s.line != nil {
			lines--
		}
	}
	if lines != 0 {
		return fmt.Errorf("kinds know of %d lines too many", lines)
	}
	return nil
}

// checkLinks looks for counters and routes that do not know of each other, or are not there any more.
func (r *Registry) checkLinks(s *state) error {
	l := s.links
	if l == nil {
		return nil
	}
	there := func(s *state) bool { return s.index != gone && int(s.index) < len(r.all) && r.all[s.index] == s }
	for _, route := range l.routes {
		if !there(route) || route.links.counter != s && route.links.also != s {
			return fmt.Errorf("%v is no route of it", route.key())
		}
	}
	for _, c := range [...]*state{l.counter, l.also} {
		if c != nil && (!there(c) || !slices.Contains(c.links.routes, s)) {
			return fmt.Errorf("%v does not count it", c.key())
		}
	}
	if l.also != nil && l.counter == nil || l.also != nil && l.also == l.counter || int(s.refs) < len(l.routes) {
		return fmt.Errorf("counters %p and %p, %d references, %d routes", l.counter, l.also, s.refs, len(l.routes))
	}
	return nil
}

func (r *Registry) checkLine(s *state, now instant) error {
	l := s.line
	if l.state != s || l.drawing == nil {
		return fmt.Errorf("a line that is not its own, or that nobody draws on")
	}
	var drawing []*waiter
	aside, needed := false, int32(0)
	for k := l.drawing; k != nil; k = k.next {
		if k.state != s || k.waiter.in == nil || k.next != nil && k.next.prev != k {
			return fmt.Errorf("a broken link of ticket %d", k.waiter.ticket.seq)
		}
		if s.blocked > k.waiter.latest && k.waiter.ticket.drawsOn(s) && !r.rest.some() {
			return fmt.Errorf("ticket %d waits though it is too late", k.waiter.ticket.seq)
		}
		drawing = append(drawing, k.waiter)
		if k.waiter == r.favoured { // it may have ceased to draw here since it came
			aside, needed = true, k.waiter.ticket.weightAt(s)
		}
	}
	if l.aside > 0 && !aside || l.aside < needed {
		return fmt.Errorf("%d set aside, for somebody: %v, who needs %d", l.aside, aside, needed)
	}
	n := 0
	for _, c := range l.classes {
		n += len(c.queue)
		for i, p := range c.queue {
			t := p.w.ticket
			switch {
			case p.w.in != l || p.w.place != i || t.priority() != c.priority || p.rank != t.rank || p.seq != t.seq:
				return fmt.Errorf("ticket %d is not where it stands", t.seq)
			case !slices.Contains(drawing, p.w):
				return fmt.Errorf("ticket %d waits for what it does not draw on", t.seq)
			case i > 0 && p.before(c.queue[(i-1)/children]):
				return fmt.Errorf("ticket %d is out of order", t.seq)
			}
		}
	}
	if n != l.waiting {
		return fmt.Errorf("%d wait, %d are counted", n, l.waiting)
	}
	if l.waiting == 0 {
		if l.wake >= 0 {
			return fmt.Errorf("nobody waits, and yet somebody is to be woken")
		}
		return nil
	}
	if l.wake >= 0 && l.wakeAt <= now || r.rest.gates(s) || s.kind.left > 0 {
		return nil // somebody is about to look
	}
	t := l.first(everybody).ticket
	by, at := r.refuser(t, now)
	switch {
	case by == nil && l.wake < 0: // else, round trips turned out to be longer than when it was to be looked at again
		return fmt.Errorf("ticket %d waits though it may go", t.seq)
	case by == s && at != never && l.wake < 0:
		if full, at := s.full(now, t.weightAt(s), r.spared(s, t, now)); full && at == never {
			return nil // once it could, it could not: somebody looks when those in flight are answered
		}
		return fmt.Errorf("ticket %d could go at %d, and nobody looks", t.seq, at)
	}
	return nil
}

// Referred returns how many references from tickets and leases the buckets have that those do not account for: none,
// when nobody waits and no lease is out.
func (r *Registry) Referred() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for _, s := range r.all {
		n += int(s.refs)
		if s.links != nil {
			n += int(s.links.beside) - len(s.links.routes)
		}
		n += int(s.inflight)
	}
	return n
}

// BucketSize is how many bytes a bucket takes itself.
const BucketSize = unsafe.Sizeof(state{})

// A Shape is what is known of how the units of a kind come back.
type Shape struct {
	Sliding, Fixed bool
	Lo, Hi         time.Duration // between which one comes back, if they do one by one
}

// Shape returns that of a key's kind; none is known of one that is not there.
func (r *Registry) Shape(key Key) Shape {
	r.mu.Lock()
	defer r.mu.Unlock()
	key.Subject = ""
	k := r.kinds[key]
	if k == nil {
		return Shape{}
	}
	return Shape{k.sliding(), k.fixed, k.period.lo, k.period.hi}
}

// FavourNobody has no units set aside for anybody from now on.
func (r *Registry) FavourNobody() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.favoured = &waiter{ticket: &Ticket{rank: never}}
}

// Favoured says whether units are set aside for the ticket.
func (r *Registry) Favoured(t *Ticket) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.favoured != nil && r.favoured.ticket == t
}

// An Item is what a Heap holds: the least goes first. Place is where it was told that it is.
type Item struct{ Value, Place int }

func (i *Item) before(other *Item) bool { return i.Value < other.Value }

func (i *Item) placed(at int) { i.Place = at }

// A Heap holds items.
type Heap struct{ h heap[*Item] }

func (h *Heap) Items() []*Item        { return h.h }
func (h *Heap) Push(i *Item)          { h.h.push(i) }
func (h *Heap) Remove(at int) *Item   { return h.h.remove(at) }
func (h *Heap) Fix(at int)            { h.h.fix(at) }
func (h *Heap) Ahead(v, most int) int { return h.h.ahead(&Item{Value: v}, 0, 0, most) }

// Answered takes in the round trip of a request.
func (t *Trips) Answered(granted, received time.Duration) {
	t.t.answered(instant(granted), instant(received))
}

// RoomFor is Room where the shortest round trip is known.
func (c *Counter) RoomFor(now, shortest time.Duration) int {
	c.w.roll(instant(now), c.inflight, shortest)
	return int(c.w.room(c.inflight))
}

// AcquireRead is AcquireTicket by somebody who read the clock at a moment, and won the lock only now.
func (r *Registry) AcquireRead(ctx context.Context, clock time.Time, t *Ticket, draws ...Draw) (Lease, error) {
	return r.come(ctx, t, draws, entries{}, r.instant(clock))
}

// come is the later part of acquire.
func (r *Registry) come(ctx context.Context, t *Ticket, draws []Draw, at entries, clock instant) (Lease, error) {
	lease, w, err := r.arrive(ctx, t, draws, &at, clock)
	if w != nil {
		return r.wait(ctx, w)
	}
	return lease, err
}

// Remembered is how many units that passed a hidden limit are remembered of a key's bucket.
func (r *Registry) Remembered(key Key) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.find(&key)
	if s == nil || s.debt == nil || s.debt.past == nil {
		return 0
	}
	return len(s.debt.past.passes)
}

// Losses is how many buckets have lost requests that may be missing from their windows if those slide.
func (r *Registry) Losses() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for _, k := range r.kinds {
		n += len(k.losses)
	}
	return n
}

// WakesAt is when those who wait at a key's bucket are looked at by time alone; zero if they are not.
func (r *Registry) WakesAt(key Key) time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.find(&key)
	if s == nil || s.line == nil || s.line.wake < 0 {
		return time.Time{}
	}
	return r.time(s.line.wakeAt)
}

// BackAt is when all that may be taken now from a key's bucket is there again; zero if nobody can tell.
func (r *Registry) BackAt(key Key) time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	at := r.find(&key).back(r.now())
	if at == never {
		return time.Time{}
	}
	return r.time(at)
}

// Way is how long a round trip to a key's provider takes for sure, and at most.
func (r *Registry) Way(key Key) (shortest, longest time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := &r.find(&key).kind.provider.trips
	return t.shortest, t.longest
}

// SyncDir has a directory's names reach the disk.
func SyncDir(path string) error { return syncDir(path) }

// Credible says whether a clock may show a time.
var Credible = credible

// Stand is AcquireTicket for somebody who does not stay: it says whether the request stands in line.
func (r *Registry) Stand(ctx context.Context, t *Ticket, draws ...Draw) bool {
	_, w, _ := r.arrive(ctx, t, draws, &entries{}, r.clock())
	return w != nil
}

// Waiting is how many wait who draw on a provider's buckets, and whether there is anything left to do for any.
func (r *Registry) Waiting(provider string) (n int, busy bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.provider(provider).waiting, r.rest.some() || r.due(r.now())
}

// ByHand has what is left to do wait for WakeSome, which then has to be called until it says that there is no more.
func (r *Registry) ByHand() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.waking = true
}

// WakeSome does one part of what is left to do, and says whether there is more.
func (r *Registry) WakeSome() bool {
	more := r.wakeSome()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.waking = r.waking || more
	return more
}

// WhileLocked calls f while nobody else has the lock, after whoever waits on a bucket for a block to end was let through.
func (r *Registry) WhileLocked(key Key, f func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.find(&key)
	s.unblock()
	r.serve(s, r.now())
	f()
}

// ChunkSize is what Chunk sets.
func (r *Registry) ChunkSize() int { return r.chunk }

// Chunk sets with how many of those who wait the registry deals before others have the lock. It is not for one in use.
func (r *Registry) Chunk(n int) { r.chunk = n }

// Sought has the registry look for the buckets of draws, as Acquire does first. What it returns does the rest of it.
func (r *Registry) Sought(draws ...Draw) func(context.Context) (Lease, error) {
	at := r.index.entries(draws)
	return func(ctx context.Context) (Lease, error) { return r.come(ctx, r.ticket(), draws, at, r.clock()) }
}

// A Mutex is what guards a registry.
type Mutex = mutex

// An Index finds buckets by keys whose hashes it is told.
type Index struct{ x index }

func NewIndex() *Index { return &Index{index{seed: maphash.MakeSeed()}} }

func (x *Index) Add(key Key, hash uint64) {
	k := key
	k.Subject = ""
	x.x.add(&state{kind: &kind{key: k}, subject: key.Subject}, hash)
}

func (x *Index) Find(key Key, hash uint64) (Key, bool) {
	s := x.x.find(&key, hash)
	if s == nil {
		return Key{}, false
	}
	return s.key(), true
}

func (x *Index) Remove(key Key, hash uint64) { x.x.remove(x.x.find(&key, hash), hash) }

func (x *Index) Len() int { return x.x.len() }

func (x *index) len() (n int) {
	for i := range x.parts {
		n += len(x.parts[i].states) + len(x.parts[i].collided)
	}
	return n
}
