package bucket

import "time"

// rule takes in what an answer says of a bucket's limit. It counts where draws document nothing.
func (e *answer) rule(u *Rule) {
	s := e.state(&u.Key)
	if s.policy != nil && !s.ruled && !s.lent {
		return
	}
	p := u.policy(e.r.maxBlock)
	if s.policy != nil && *s.policy == p {
		s.ruled, s.lent = true, false
		return
	}
	s.policy, s.debt, s.ruled, s.lent = nil, nil, p != Policy{}, false
	e.touched = append(e.touched, s)
	if !s.ruled {
		return
	}
	s.policy = &p
	// What is under way will count when it is answered, at the latest when it should be.
	used, sent := min(max(u.Used, 0), p.Quota), min(int(s.drawn()), p.Quota)
	if used+sent == 0 {
		return
	}
	s.debt = &debt{}
	s.debt.answers.insert(e.received, used)
	s.debt.answers.insert(e.now.add(s.kind.provider.trips.longest), sent)
}

// policy returns what a rule says that makes sense, of windows that are not longer than any block.
func (u *Rule) policy(longest time.Duration) (p Policy) {
	if u.Quota > 0 && u.Quota <= maxRule && u.Window > 0 && u.Window <= longest {
		p.Quota, p.Window = u.Quota, u.Window
	}
	p.Concurrent = max(u.Concurrent, 0)
	return p
}
