package bucket

import "time"

const (
	// idleAfter is how long a bucket is kept that nobody uses and that holds nothing.
	idleAfter = 10 * time.Minute
	// lookEach is how many buckets are looked at whenever one is made, so that idle ones go faster than new ones come.
	lookEach = 4
	// lookFull is how many are looked at when there is no room: few enough to delay nobody.
	lookFull = 512
)

// evict makes room for one more bucket. It requires that r.mu is held.
func (r *Registry) evict(now instant) {
	for i := 0; i < lookEach && len(r.all) > 0; i++ {
		if s := r.next(); !s.inUse() && s.idle(now) && s.freeAt(now) <= now {
			s.kind.provider.evictedIdle++
			r.remove(s)
		}
	}
	for range 2 { // a second time, should there be more than the bound allows
		if len(r.all) >= r.maxKeys {
			r.evictSoonest(now)
		}
	}
}

// evictSoonest forgets, of some buckets that nobody uses, one that holds nothing, or else the one soonest free of it.
func (r *Registry) evictSoonest(now instant) {
	var soonest *state
	best := never
	for range min(lookFull, len(r.all)) {
		s := r.next()
		if s.inUse() {
			continue
		}
		at := s.freeAt(now)
		if at <= now {
			s.kind.provider.evictedIdle++
			r.remove(s)
			return
		}
		if at < best {
			soonest, best = s, at
		}
	}
	if soonest != nil {
		soonest.kind.provider.evictedFull++
		r.remove(soonest)
	}
}

// inUse says whether anybody points at the bucket, or has units in flight that it counts, or waits and drew on it when it
// came.
func (s *state) inUse() bool { return s.refs > 0 || s.inflight > 0 || s.line != nil }

// idle says whether nobody has used the bucket for long.
func (s *state) idle(now instant) bool { return now.seconds()-s.used > int32(idleAfter/time.Second) }

// next is the bucket that the hand points at; the hand goes on.
func (r *Registry) next() *state {
	if r.hand >= len(r.all) {
		r.hand = 0
	}
	s := r.all[r.hand]
	r.hand++
	return s
}

// freeAt is when a bucket that nobody uses will hold nothing that would be lost with it.
func (s *state) freeAt(now instant) instant {
	if s.slides() == 0 {
		s.window.roll(now, s.inflight, 0)
	}
	at := max(s.blocked, s.window.hi, s.window.lo)
	if d, ok := s.kind.losses[s]; ok {
		at = max(at, d.back(s.kind))
	}
	if !s.settled(now) {
		at = max(at, s.ready(now, 0, maxLimit, 0), s.debt.guard.opensAt(now), now+1)
	}
	return at
}

// The bound on kinds, which are few beside the buckets.
const (
	keysPerKind = 8
	minKinds    = 1024
)

// evictKind makes room for one more kind: one of those without buckets goes, whichever comes to hand.
func (r *Registry) evictKind() {
	if len(r.kinds) < r.mostKinds() {
		return
	}
	looked := 0
	for key, k := range r.kinds {
		if k.refs == 0 {
			delete(r.kinds, key)
			return
		}
		if looked++; looked == lookFull {
			return
		}
	}
}

// mostKinds is how many kinds, and owners, there may be.
func (r *Registry) mostKinds() int { return max(r.maxKeys/keysPerKind, minKinds) }
