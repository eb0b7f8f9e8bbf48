package bucket

import (
	"hash/maphash"
	"math"
	"strings"
	"sync"
	"time"
)

// Options configure a [Registry]. The zero value is what most programs want.
type Options struct {
	// MaxKeys bounds how many buckets are kept; 0 means a million. At the bound the idle ones go first, then those
	// that would soonest be free of what they hold, which are then as new. Buckets in use are never forgotten, so
	// the bound can be exceeded by as many as requests are under way.
	MaxKeys int
	// MaxBlock cuts short what an answer may make requests wait; 0 means 24 hours.
	MaxBlock time.Duration
	// MaxQueue is how many requests may wait for one bucket; 0 means 100,000.
	MaxQueue int
	// Overflow says who gets ErrQueueFull when one more comes. The zero value is RefuseNewest.
	Overflow Overflow
	// Reserve is the share of every window and quota that requests of priority 0 and below leave to those above, from
	// 0 to 0.9. It is cut to whole units, so that a limit of 5 keeps 1 at a share of 0.2, and none at 0.1.
	Reserve float64
}

// Overflow is what happens when a queue is full.
type Overflow uint8

const (
	// RefuseNewest refuses the request that comes.
	RefuseNewest Overflow = iota
	// RefuseLowest refuses one of those of the lowest priority that wait, a late one, if it is lower than that of the
	// request that comes; else that.
	RefuseLowest
)

const (
	defaultMaxKeys  = 1_000_000
	defaultMaxBlock = 24 * time.Hour
	defaultMaxQueue = 100_000
	mostReserve     = 0.9
)

// A Registry holds the buckets of any number of providers and decides which request may go when. It is safe for
// concurrent use; create one with [NewRegistry]. It needs no closing: it runs no goroutine, and a timer only while
// requests wait.
type Registry struct {
	maxKeys  int
	maxBlock time.Duration
	maxQueue int
	overflow Overflow
	reserve  float64
	chunk    int       // how many of those who wait are dealt with before others have the lock
	epoch    time.Time // what instants count from
	index    index
	tickets  sync.Pool // of *Ticket, for Acquire

	leaving mutex // has those who give up wait for mu one at a time

	_ [64]byte // what is only read stays in the caches of those who do not hold mu

	mu      mutex       // guards what follows; never held while waiting or calling out
	last    instant     // the latest now: time does not go back, whatever order the lock is won in
	seq     uint64      // of the latest ticket
	timerAt instant     // when timer fires; never: it is stopped
	wakes   heap[*line] // the lines that are to be looked at, by when
	answer  answer      // that is being taken in

	shared    [64]*state // buckets without a subject that were used of late: nearly all requests draw on some
	all       []*state   // both, for looking at a few at a time
	hand      int        // in all: where eviction goes on looking
	kinds     map[Key]*kind
	providers map[string]*provider
	owners    map[owner]*other // those whose limits are another's
	timer     *time.Timer
	waking    bool    // it has fired, and what is due is being done
	places    uint64  // counts how often it was decided anew about somebody who waits, by place
	rest      rest    // what is left to do
	favoured  *waiter // for whom units are set aside; nil: nobody
}

// NewRegistry returns an empty registry. opts may be nil and is copied.
func NewRegistry(opts *Options) *Registry {
	var o Options
	if opts != nil {
		o = *opts
	}
	r := &Registry{
		maxKeys:   o.MaxKeys,
		maxBlock:  o.MaxBlock,
		maxQueue:  o.MaxQueue,
		overflow:  o.Overflow,
		reserve:   o.Reserve,
		chunk:     defaultChunk,
		epoch:     time.Now().Add(-time.Second), // so that no instant is 0, which means none
		index:     index{seed: maphash.MakeSeed()},
		kinds:     map[Key]*kind{},
		providers: map[string]*provider{},
		timerAt:   never,
	}
	r.answer.r = r
	if r.maxKeys <= 0 {
		r.maxKeys = defaultMaxKeys
	}
	if r.maxBlock <= 0 {
		r.maxBlock = defaultMaxBlock
	}
	if r.maxQueue <= 0 {
		r.maxQueue = defaultMaxQueue
	}
	if !(r.reserve > 0) { // NaN, too
		r.reserve = 0
	}
	r.reserve = min(r.reserve, mostReserve)
	return r
}

// A provider is what is kept of one provider.
type provider struct {
	counts
	trips trips
}

// provider requires that r.mu is held.
func (r *Registry) provider(name string) *provider {
	p, ok := r.providers[name]
	if !ok {
		p = &provider{}
		r.providers[name] = p
	}
	return p
}

// An instant is a moment in nanoseconds of the monotonic clock since the registry's epoch: a third of a time.Time, and
// deaf to changes of the wall clock. 0 means none.
type instant int64

const never instant = math.MaxInt64

// add returns the moment d later; it stops at never.
func (i instant) add(d time.Duration) instant {
	if d > 0 && i > never-instant(d) {
		return never
	}
	return i + instant(d)
}

func (r *Registry) instant(t time.Time) instant { return instant(t.Sub(r.epoch)) }

func (r *Registry) time(i instant) time.Time { return r.epoch.Add(time.Duration(i)) }

// clock reads the clock.
func (r *Registry) clock() instant { return instant(time.Since(r.epoch)) }

// at returns the moment at which the clock was read; but time does not go back: where somebody else won the lock with a
// later reading, it is that. An early moment is a cautious one. It requires that r.mu is held.
func (r *Registry) at(clock instant) instant {
	r.last = max(r.last, clock)
	return r.last
}

// now requires that r.mu is held.
func (r *Registry) now() instant { return r.at(r.clock()) }

// seconds is how a state remembers when it was used.
func (i instant) seconds() int32 { return int32(min(time.Duration(i)/time.Second, math.MaxInt32)) }

// find returns the bucket of a key, nil if there is none. It requires that r.mu is held.
func (r *Registry) find(key *Key) *state {
	s := r.index.find(key, r.index.hash(key))
	if s == nil {
		return nil
	}
	return s.heir()
}

// state returns the bucket of a key, made if there is none. It requires that r.mu is held.
func (r *Registry) state(key *Key, now instant) *state { return r.stateAt(key, entry{}, now) }

// stateAt is state for a key that was looked up a moment ago, unless at is the zero entry.
func (r *Registry) stateAt(key *Key, at entry, now instant) *state {
	if len(r.owners) > 0 {
		if k := r.resolve(*key); k.Owner != key.Owner {
			key, at = &k, entry{}
		}
	}
	var shared **state
	if key.Subject == "" {
		shared = &r.shared[sharedPlace(key)]
		if s := *shared; s != nil && s.is(key) {
			s.used = now.seconds()
			return s
		}
	}
	s := at.state
	if s == nil || s.index == gone {
		if at.hash == 0 {
			at.hash = r.index.hash(key)
		}
		s = r.index.find(key, at.hash)
	}
	if s == nil {
		s = r.make(key, at.hash, now)
	}
	s.used = now.seconds()
	if s.folded() {
		s = s.heir()
		s.used = now.seconds()
	}
	if shared != nil {
		*shared = s
	}
	return s
}

// sharedPlace is where in Registry.shared a key stands.
func sharedPlace(key *Key) int {
	n := len(key.Limit)
	if n > 0 {
		n += int(key.Limit[0]) + int(key.Limit[n-1])
	}
	if len(key.Owner) > 0 {
		n += int(key.Owner[0])
	}
	return n % len(Registry{}.shared)
}

// unshare takes a bucket out of Registry.shared, as one that is no longer found by its key.
func (r *Registry) unshare(s *state) {
	key := s.key()
	if place := &r.shared[sharedPlace(&key)]; *place == s {
		*place = nil
	}
}

// make adds the bucket of a key that has none.
func (r *Registry) make(key *Key, hash uint64, now instant) *state {
	r.evict(now)
	s := &state{kind: r.kind(*key), subject: strings.Clone(key.Subject), used: now.seconds(), index: int32(len(r.all))}
	s.kind.refs++
	s.window = s.kind.seed(now)
	r.index.add(s, hash)
	r.all = append(r.all, s)
	if limit := s.kind.alias; limit != "" {
		to := s.key()
		to.Limit = limit
		s.refs++ // so that making the other does not evict it
		if c := r.state(&to, now); c.root() != s {
			s.join(c)
		}
		if s.counted() && s.kind.twin != "" {
			to.Limit = s.kind.twin
			s.twins(r.state(&to, now))
		}
		s.refs--
	}
	return s
}

// remove forgets a bucket.
func (r *Registry) remove(s *state) {
	r.unshare(s)
	key := s.key()
	r.index.remove(s, r.index.hash(&key))
	last := len(r.all) - 1
	r.all[s.index] = r.all[last]
	r.all[s.index].index = s.index
	r.all[last] = nil
	r.all = r.all[:last]
	s.index = gone
	s.kind.refs--
	delete(s.kind.losses, s)
	s.part()
}

// Unblock lifts the block on a bucket, such as one that a mistaken answer put there, and lets whoever waits for
// nothing else go. The blocks on the buckets that count its requests are lifted with it: it is this key that a
// [WaitError] names. It does nothing if there is no such bucket.
func (r *Registry) Unblock(key Key) {
	r.mu.Lock()
	defer r.mu.Unlock()
	key = r.resolve(key)
	s := r.find(&key)
	if s == nil {
		return
	}
	now := r.now()
	a, b := s.roots()
	all := [...]*state{s, a, b}
	for _, c := range all {
		if c != nil {
			c.unblock()
		}
	}
	for _, c := range all {
		if c != nil {
			r.serve(c, now)
		}
	}
}

func (s *state) unblock() {
	s.blocked, s.refusals = 0, 0
	if s.kind.held.subject == s.subject {
		s.kind.held = held{}
	}
	if s.probe == probeDue {
		s.probe = probeNone
	}
}
