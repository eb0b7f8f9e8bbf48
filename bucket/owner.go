package bucket

// An owner is whose limits some are, at one provider.
type owner struct{ provider, name string }

// resolve returns the key under which a key's bucket is kept. It requires that r.mu is held.
func (r *Registry) resolve(key Key) Key {
	for to, ok := r.owners[owner{key.Provider, key.Owner}]; ok; to, ok = r.owners[owner{key.Provider, key.Owner}] {
		key.Owner = to
	}
	return key
}

// same has two owners share all limits from now on, and those of buckets that nobody has drawn on yet.
func (e *answer) same(u SameOwner) {
	if from, ok := e.r.join(u); ok {
		if e.joins == nil {
			e.joins = map[owner]bool{}
		}
		e.joins[from] = true
	}
}

// join notes that an owner's limits are another's, and returns whose buckets are to be folded into those of others for
// it. It requires that r.mu is held.
func (r *Registry) join(u SameOwner) (from owner, ok bool) {
	key := r.resolve(Key{Provider: u.Provider, Owner: u.Owner})
	to := r.resolve(Key{Provider: u.Provider, Owner: u.As})
	if key.Owner == to.Owner || len(r.owners) >= r.mostKinds() {
		return owner{}, false
	}
	if r.owners == nil {
		r.owners = map[owner]string{}
	}
	to = to.clone()
	from = owner{to.Provider, key.clone().Owner}
	r.owners[from] = to.Owner
	return from, true
}

// foldChunk is how many buckets fold looks at before it lets requests in between.
const foldChunk = 1024

// fold merges the buckets of owners into those of the ones whose limits are the same. It requires that r.mu is held, and
// lets go of it now and then.
func (r *Registry) fold(from map[owner]bool, now instant) {
	if len(from) == 0 {
		return
	}
	// From the end: what is made meanwhile is not the owner's, and what takes the place of a bucket that goes was looked at.
	for next := len(r.all) - 1; next >= 0; next = min(next, len(r.all)) - 1 {
		s := r.all[next]
		if k := &s.kind.key; !s.counted() && from[owner{k.Provider, k.Owner}] {
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
// whoever waits moves.
func (r *Registry) foldOne(s *state, now instant) {
	if !s.inUse() && s.freeAt(now) <= now {
		return // it holds nothing
	}
	s.refs++ // so that making the other does not evict it
	key := s.key()
	to := r.state(&key, now)
	s.refs--
	root := to.root()
	if to.passes(s) {
		return
	}
	if root.kind.limit == 0 {
		root.kind.law, root.kind.alias = s.kind.law, s.kind.alias
	}
	to.blocked = max(to.blocked, s.blocked)
	to.refusals = max(to.refusals, s.refusals)
	if s.probe != probeNone && to.probe == probeNone && to.window.phase == unknown {
		to.probe = probeDue
	}
	switch {
	case s.policy == nil:
	case !s.lent || to.policy == nil:
		to.setPolicy(s.policy)
		to.lent = s.lent
	case *s.policy != *to.policy:
		s.debt = nil
	}
	to.owe(s.debt)
	s.debt = nil
	switch w := &root.window; {
	case w.phase != known:
		granted := w.granted
		*w = s.window
		w.granted += granted
	case s.window.phase == known && s.window.hi > now:
		w.remaining = min(w.remaining, s.window.remaining)
		w.lo, w.hi = max(w.lo, s.window.lo), max(w.hi, s.window.hi)
		w.granted += s.window.granted
	default:
		w.granted += s.inflight
	}
	s.join(to)
	s.window, s.probe = window{}, probeNone
	if s.line == nil {
		return
	}
	for k := s.line.drawing; k != nil; k = k.next {
		if slot := k.waiter.ticket.slot(s); slot != nil {
			slot.route = to
			to.refs++
			s.refs--
		}
	}
	r.readmit(s, now)
}
