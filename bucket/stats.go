package bucket

// Stats are aggregates of a registry at one moment.
type Stats struct {
	// Buckets is how many buckets the registry holds, Kinds how many kinds.
	Buckets, Kinds int
	// Providers has the numbers of each provider met so far, by name.
	Providers map[string]ProviderStats
}

// ProviderStats are the numbers of one provider.
type ProviderStats struct {
	// Waiting is how many requests wait, InFlight how many were sent and not yet answered.
	Waiting, InFlight int
	// Open, Exhausted and Blocked count the buckets that would let a request through now, those that have nothing
	// left, and those that a block holds.
	Open, Exhausted, Blocked int
	// EvictedIdle and EvictedFull count the buckets forgotten because nobody used them, and those forgotten, though
	// they still held something, because the registry was full.
	EvictedIdle, EvictedFull uint64
	// Corrections counts answers that contradicted what the registry had reckoned.
	Corrections Corrections
}

// Corrections counts, by kind, answers that contradicted what the registry had reckoned.
type Corrections struct {
	Remaining uint64 // less was left than reckoned: somebody else draws on the bucket, too
	Limit     uint64 // the limit changed
	Reset     uint64 // the window ended earlier than told
	Alias     uint64 // the requests moved to another counter
}

func (c *Corrections) add(d Corrections) {
	c.Remaining += d.Remaining
	c.Limit += d.Limit
	c.Reset += d.Reset
	c.Alias += d.Alias
}

// counts are the numbers of one provider that are kept as they change.
type counts struct {
	waiting, inflight        int
	evictedIdle, evictedFull uint64
	corrections              Corrections
}

// statsChunk is how many buckets Stats looks at before it lets requests in between.
const statsChunk = 256

// Stats returns the registry's numbers. It looks at every bucket, a few at a time, so that requests need not
// wait for it; what changes meanwhile may be counted as before or as after.
func (r *Registry) Stats() Stats {
	st := Stats{Providers: map[string]ProviderStats{}}
	for from, more := 0, true; more; from += statsChunk {
		more = r.tally(&st, from)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	st.Kinds = len(r.kinds)
	for name, c := range r.providers {
		p := st.Providers[name]
		p.Waiting, p.InFlight = c.waiting, c.inflight
		p.EvictedIdle, p.EvictedFull = c.evictedIdle, c.evictedFull
		p.Corrections = c.corrections
		st.Providers[name] = p
	}
	return st
}

// tally counts the buckets of one chunk and says whether there are more.
func (r *Registry) tally(st *Stats, from int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	st.Buckets = len(r.all)
	for i := from; i < min(from+statsChunk, len(r.all)); i++ {
		s := r.all[i]
		p := st.Providers[s.kind.key.Provider]
		if now < max(s.blocked, s.root().blocked) {
			p.Blocked++
		} else if s.exhausted(now) {
			p.Exhausted++
		} else {
			p.Open++
		}
		st.Providers[s.kind.key.Provider] = p
	}
	return from+statsChunk < len(r.all)
}

// exhausted says whether nothing is left, here or at the counter.
func (s *state) exhausted(now instant) bool {
	if owing, _ := s.owing(now, 1, spare{}); owing {
		return true
	}
	full, _ := s.root().full(now, 1, spare{})
	return full
}
