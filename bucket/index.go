package bucket

import "hash/maphash"

// An index finds buckets by their keys. It is changed only by who holds the registry's mutex, but anybody may look
// something up: with a hundred thousand buckets, most are in no processor's cache, and who brings one there holds
// up nobody else meanwhile. What was found so may be gone by the time that the registry's mutex is won.
type index struct {
	seed  maphash.Seed
	parts [64]indexPart
}

type indexPart struct {
	mu       mutex
	states   map[uint64]*state // by hash of the key: half the memory of a map by key
	collided map[Key]*state    // those whose hash is another's, if there ever are two with the same
}

func (x *index) hash(key *Key) uint64 { return maphash.Comparable(x.seed, *key) }

func (x *index) part(hash uint64) *indexPart { return &x.parts[hash%uint64(len(x.parts))] }

// find returns the bucket of a key, nil if there is none. It returns what was merged into another bucket, too.
func (x *index) find(key *Key, hash uint64) *state {
	p := x.part(hash)
	p.mu.Lock()
	s := p.states[hash]
	if s == nil || !s.is(key) {
		s = p.collided[*key]
	}
	p.mu.Unlock()
	return s
}

func (x *index) add(s *state, hash uint64) {
	p := x.part(hash)
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.states == nil:
		p.states = map[uint64]*state{hash: s}
	case p.states[hash] == nil:
		p.states[hash] = s
	case p.collided == nil:
		p.collided = map[Key]*state{s.key(): s}
	default:
		p.collided[s.key()] = s
	}
}

func (x *index) remove(s *state, hash uint64) {
	p := x.part(hash)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.states[hash] == s {
		delete(p.states, hash)
	} else {
		delete(p.collided, s.key())
	}
}

// An entry is where a key's bucket was found, or would be put.
type entry struct {
	state *state // nil: there was none
	hash  uint64
}

// entries are those of the first draws of a request, where their keys have a subject.
type entries [4]entry

func (x *index) entries(draws []Draw) (all entries) {
	for i := range min(len(draws), len(all)) {
		if k := &draws[i].Key; k.Subject != "" { // others stand in Registry.shared
			hash := x.hash(k)
			all[i] = entry{x.find(k, hash), hash}
		}
	}
	return all
}
