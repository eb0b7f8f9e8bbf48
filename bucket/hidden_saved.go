package bucket

// hidden returns what is to be saved of a hidden limit, nil if nothing is known.
func (s *saver) hidden(h *hidden) *savedHidden {
	if h == nil || h.policy == nil || h.until <= s.at {
		return nil
	}
	return &savedHidden{Policy: s.policy(h.policy), Until: s.time(h.until), Term: h.term}
}

// hidden takes in what was saved of a hidden limit, unless refusals have taught of it since.
func (l *loader) hidden(k *kind, in *savedHidden) {
	if in == nil || in.Policy == nil || k.hidden != nil && k.hidden.policy != nil {
		return
	}
	p := Policy(*in.Policy)
	quota, pace := p.Quota > 0 && p.Quota <= mostPasses && p.Window > 0, p.Every > 0
	if quota && p.Every != 0 || pace && p.Quota != 0 || !quota && !pace || !p.Hidden {
		return // what was learned is one of them
	}
	p.Window, p.Every = min(p.Window, l.r.maxBlock), min(p.Every, l.r.maxBlock)
	h := k.hide()
	h.policy = &p
	h.span, h.record = max(p.Window, p.Every), int32(max(p.Quota, 1))
	h.term = min(max(in.Term, firstTerm), longestTerm)
	h.until = min(l.instant(in.Until), l.at.add(longestTerm))
}
