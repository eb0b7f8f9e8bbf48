package bucket

// A strictness is a policy that takes the place of documented ones for a time.
type strictness struct {
	policy *Policy
	until  instant
}

// governs returns the policy of a draw on a bucket of this kind: the draw's own, or one that answers have shown to be
// stricter, which there must be.
func (k *kind) governs(p *Policy, now instant) *Policy {
	if now >= k.strict.until {
		k.strict = nil
		return p
	}
	return k.strict.policy
}

// stricter takes in that a limit is stricter than documented.
func (e *answer) stricter(u *Stricter) {
	s := e.state(&u.Key)
	if u.Policy == nil || u.For <= 0 || s.explains(e.now) {
		return
	}
	s.kind.strict = &strictness{u.Policy, e.now.add(min(u.For, e.r.maxBlock))}
	s.setPolicy(u.Policy, e.now)
	if u.Policy.Quota > 0 {
		e.changes = append(e.changes, Change{Key: u.Key, Limit: u.Policy.Quota})
	}
	e.touched = append(e.touched, s)
}

// explains says whether a documented quota explains a refusal.
func (s *state) explains(now instant) bool {
	if s.debt == nil {
		return false
	}
	return 2*len(s.debt.owed(s.policy, now, s.kind.provider.trips.shortest)) > s.policy.Quota
}
