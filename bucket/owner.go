package bucket

import (
	"slices"
	"strings"
	"time"
)

// An owner is whose limits some are, at one provider.
type owner struct{ provider, name string }

// whole returns the owner of which o is a part; o itself if it is no part.
func (o owner) whole() owner {
	if i := strings.IndexByte(o.name, '/'); i >= 0 {
		o.name = o.name[:i]
	}
	return o
}

// An other is whose limits an owner's are.
type other struct {
	name string
	used int32 // the latest use, in seconds
}

// resolve returns the key under which a key's bucket is kept. It requires that r.mu is held.
func (r *Registry) resolve(key Key) Key {
	for {
		o, part := owner{key.Provider, key.Owner}, ""
		to := r.owners[o]
		if whole := o.whole(); to == nil && whole != o {
			to, part = r.owners[whole], o.name[len(whole.name):]
		}
		if to == nil {
			return key
		}
		key.Owner, to.used = to.name+part, r.last.seconds()
	}
}

// same has two owners share all limits from now on, and those of buckets that nobody has drawn on yet.
func (e *answer) same(u *SameOwner) {
	if from, ok := e.r.join(*u); ok {
		if e.joins == nil {
			e.joins = map[owner]bool{}
		}
		e.joins[from] = true
		e.foldDrawn(from)
	}
}

// join notes that an owner's limits are another's, and returns whose buckets are to be folded into those of others for
// it. It requires that r.mu is held.
func (r *Registry) join(u SameOwner) (from owner, ok bool) {
	key := r.resolve(Key{Provider: u.Provider, Owner: u.Owner})
	to := r.resolve(Key{Provider: u.Provider, Owner: u.As})
	from, as := owner{key.Provider, key.Owner}, owner{to.Provider, to.Owner}
	// A part can turn out to be its whole, and no more than that: so there are no circles.
	if whole := from.whole(); from == as || as.whole() != as || whole != from && whole != as || !r.roomForOwner() {
		return owner{}, false
	}
	if r.owners == nil {
		r.owners = map[owner]*other{}
	}
	to = to.clone()
	from = owner{to.Provider, key.clone().Owner}
	r.owners[from] = &other{to.Owner, r.last.seconds()}
	return from, true
}

// roomForOwner makes room for one more owner that is another: if there are as many as may be, one goes that nobody has
// used for long, such as a token that was replaced. It requires that r.mu is held.
func (r *Registry) roomForOwner() bool {
	if len(r.owners) < r.mostKinds() {
		return true
	}
	looked := 0
	for o, to := range r.owners {
		if r.last.seconds()-to.used > int32(idleAfter/time.Second) {
			delete(r.owners, o)
			return true
		}
		if looked++; looked == lookFull {
			break
		}
	}
	return false
}

// foldDrawn folds the buckets of an owner that the answer's own request draws on: the others follow in time, but what else
// this answer says is of these.
func (e *answer) foldDrawn(o owner) {
	for i := range e.t.slots {
		route := e.t.slots[i].route
		a, b := route.roots()
		all := []*state{route, a}
		if b != nil {
			all = append(all, b)
		}
		for _, s := range all {
			s.refs++ // so that folding one does not evict another
		}
		for _, s := range all {
			if of := s.owner(); !s.folded() && (of == o || of.whole() == o) {
				e.r.foldOne(s, e.now)
			}
		}
		for _, s := range all {
			s.refs--
		}
	}
}

// owner is whose limit s is.
func (s *state) owner() owner { return owner{s.kind.key.Provider, s.kind.key.Owner} }

// folded says whether s was merged into another bucket.
func (s *state) folded() bool { return s.links != nil && s.links.folded }

// heir is the bucket that a bucket was merged into; or else itself.
func (s *state) heir() *state {
	for s.folded() {
		s = s.links.counter
	}
	return s
}

// foldChunk is how many buckets fold looks at before it lets requests in between.
const foldChunk = 256

// fold merges the buckets of owners into those of the ones whose limits are the same. It requires that r.mu is held, and
// lets go of it now and then.
func (r *Registry) fold(from map[owner]bool, now instant) {
	if len(from) == 0 {
		return
	}
	// From the end: what is made meanwhile is not the owner's, and what takes the place of a bucket that goes was looked at.
	for next := len(r.all) - 1; next >= 0; next = min(next, len(r.all)) - 1 {
		s := r.all[next]
		if of := s.owner(); !s.folded() && (from[of] || from[of.whole()]) {
			r.foldOne(s, now)
		}
		if next%foldChunk == 0 {
			r.mu.Unlock()
			r.mu.Lock()
			now = r.now()
		}
	}
}

// foldOne merges a bucket into the one that its key now names: the stricter block stays, what is owed adds up, and
// whoever waits moves. Leases find the other one as they are settled.
func (r *Registry) foldOne(s *state, now instant) {
	key := s.key()
	if k := r.kind(r.resolve(key)); k.inherit(s.kind) {
		r.serveAll(k, now)
	}
	if !s.inUse() && s.freeAt(now) <= now {
		return // it holds nothing
	}
	s.refs++ // so that making the other does not evict it
	to := r.state(&key, now)
	s.refs--
	if !to.passes(s) {
		r.foldInto(s, to, now)
	}
}

// foldInto merges a bucket into another, from which no way may lead to it.
func (r *Registry) foldInto(s, to *state, now instant) {
	freed := s.part()
	to.blocked = max(to.blocked, s.blocked)
	to.refusals = max(to.refusals, s.refusals)
	if to.probe == probeNone && to.window.phase == unknown {
		to.probe = s.probe
	}
	switch {
	case s.policy == nil:
	case to.policy == nil:
		to.setPolicy(s.policy, now)
		to.lent, to.ruled = s.lent, s.ruled
	case *s.policy == *to.policy:
	case s.policy.Hidden && to.policy.Hidden:
		s.keepPast(to.policy)
	default:
		s.debt = nil // as that of a draw with another policy
	}
	to.owe(s.debt)
	s.debt = nil
	settled := max(s.window.granted-s.inflight, 0)
	switch w := &to.root().window; {
	case w.phase != known && s.window.phase != unknown:
		granted := w.granted
		*w = s.window
		w.granted = granted + settled
	case s.window.phase == known && s.window.hi > now:
		w.remaining = min(w.remaining, s.window.remaining)
		w.lo, w.hi = max(w.lo, s.window.lo), max(w.hi, s.window.hi)
		w.granted += settled
	}
	to.root().doubtAs(s)
	delete(s.kind.losses, s)
	s.join(to)
	s.links.folded = true
	r.unshare(s)
	s.window, s.probe = window{}, probeNone
	r.readmit(s.below(nil), now)
	r.expire(to, now)
	r.serve(to, now)
	r.serve(to.root(), now)
	for _, c := range freed {
		r.serve(c, now)
	}
}

// inherit carries over what answers have told of a kind of which none is known. It says whether a hidden limit is.
func (k *kind) inherit(from *kind) (hidden bool) {
	if k.limit == 0 {
		k.law = from.law
	}
	if from.hidden != nil && from.hidden.policy != nil && k.learned(nil, from.hidden.taught) == nil {
		ventures := k.hide().ventures
		*k.hidden = *from.hidden
		k.hidden.kind, k.hidden.ventures, hidden = k, ventures, true
	}
	k.split = k.split || from.split
	if k.alias == "" {
		k.alias, k.twin = from.alias, from.twin
	}
	if k.strict == nil || from.strict != nil && from.strict.until > k.strict.until {
		k.strict = from.strict
	}
	return hidden
}

// follow has a ticket that waits draw on what its buckets were merged into, if they were.
func (t *Ticket) follow() {
	for i := 0; i < len(t.slots); i++ {
		s := t.slots[i].route
		to := s.heir()
		if to == s {
			continue
		}
		s.refs--
		if have := t.slot(to); have != nil {
			have.weight = max(have.weight, t.slots[i].weight)
			t.slots = slices.Delete(t.slots, i, i+1)
			i--
			continue
		}
		t.slots[i].route = to
		to.refs++
	}
}
