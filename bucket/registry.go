package bucket

import (
	"math"
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
	// MaxQueue is how many requests may wait for one bucket; 0 means 100,000. A further one gets ErrQueueFull.
	MaxQueue int
}

const (
	defaultMaxKeys  = 1_000_000
	defaultMaxBlock = 24 * time.Hour
	defaultMaxQueue = 100_000
)

// A Registry holds the buckets of any number of providers and decides which request may go when. It is safe for
// concurrent use; create one with [NewRegistry]. It needs no closing: it runs no goroutine, and a timer only while
// requests wait.
type Registry struct {
	maxKeys  int
	maxBlock time.Duration
	maxQueue int
	epoch    time.Time // what instants count from

	mu        sync.Mutex // guards what follows; never held while waiting or calling out
	last      instant    // the latest now: time does not go back, whatever order the lock is won in
	seq       uint64     // of the latest ticket
	states    map[Key]*state
	all       []*state // the values of states, for looking at a few at a time
	hand      int      // in all: where eviction goes on looking
	kinds     map[Key]*kind
	providers map[string]*counts
	wakes     wakes
	timer     *time.Timer
	timerAt   instant // when timer fires; never: it is stopped
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
		epoch:     time.Now().Add(-time.Second), // so that no instant is 0, which means none
		states:    map[Key]*state{},
		kinds:     map[Key]*kind{},
		providers: map[string]*counts{},
		timerAt:   never,
	}
	if r.maxKeys <= 0 {
		r.maxKeys = defaultMaxKeys
	}
	if r.maxBlock <= 0 {
		r.maxBlock = defaultMaxBlock
	}
	if r.maxQueue <= 0 {
		r.maxQueue = defaultMaxQueue
	}
	return r
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

// now requires that r.mu is held.
func (r *Registry) now() instant {
	r.last = max(r.last, r.instant(time.Now()))
	return r.last
}

// state returns the bucket of a key, made if there is none. It requires that r.mu is held.
func (r *Registry) state(key Key, now instant) *state {
	if s, ok := r.states[key]; ok {
		s.used = now
		return s
	}
	r.evict(now)
	s := &state{key: key, kind: r.kind(key), used: now, index: int32(len(r.all))}
	s.kind.refs++
	s.window = s.kind.seed()
	r.states[key] = s
	r.all = append(r.all, s)
	if limit := s.kind.alias; limit != "" {
		to := key
		to.Limit = limit
		s.refs++ // so that making the other does not evict it
		if c := r.state(to, now).counter(); c != s {
			s.alias = c
			c.refs++
		}
		s.refs--
	}
	return s
}

// Unblock lifts the block on a bucket, such as one that a mistaken answer put there, and lets whoever waits for
// nothing else go. It does nothing if there is no such bucket.
func (r *Registry) Unblock(key Key) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s, ok := r.states[key]
	if !ok {
		return
	}
	now := r.now()
	s.blocked, s.refusals = 0, 0
	if s.probe == probeDue {
		s.probe = probeNone
	}
	r.serve(s, now)
}
