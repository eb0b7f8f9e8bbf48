package bucket

// unite has a key be another name of a bucket. It requires that r.mu is held.
func (r *Registry) unite(key, as Key, now instant) {
	to := r.state(&as, now)
	key = r.resolve(key)
	hash := r.index.hash(&key)
	s := r.index.find(&key, hash)
	if s != nil && (s == to || s.heir() == to) {
		return
	}
	to.refs++ // so that making the other does not evict it
	defer func() { to.refs-- }()
	if s == nil {
		s = r.make(&key, hash, now)
	}
	if s.folded() { // it was the name of another
		was := s.links.counter
		freed := s.part()
		if was.probe == probeOut {
			was.probe = probeDue // who goes ahead there may have done so by this name, and be heard of elsewhere
		}
		r.serve(was, now)
		for _, c := range freed {
			r.serve(c, now)
		}
	}
	if !to.passes(s) {
		r.foldInto(s, to, now)
	}
}
