package bucket

import (
	"slices"
	"time"
)

// A limit of which only refusals tell is learned from the first of them: how many units had passed, since when, and
// until when nothing more may. From then on it is kept like a documented one, by all buckets of the kind.
//
// Until then a unit that is one more than ever passed in a bucket of the kind goes ahead alone, so that a limit that is
// there refuses only one request of many that come at once.

// A past is what is remembered of a bucket under such a limit.
type past struct {
	passes []instant // when the latest units passed, by when their answers came, in order
	ends   instant   // of the block of the refusal that taught something, or confirmed it; 0: there was none
	since  int       // how many passed after that refusal
}

// A hidden is what is known of such a limit of a kind.
type hidden struct {
	kind     *kind
	policy   *Policy       // nil: nothing
	until    instant       // it is believed
	term     time.Duration // how long it is believed from a lesson on
	taught   instant       // when the answer of the last lesson came
	span     time.Duration // the last window that was learned; pastKept: none was
	record   int32         // how many units have passed in one bucket within a span, as far as is known
	ventures int32         // so many are under way that are one more
}

const (
	// mostPasses bounds a past. A limit of more than that is learned as one of so many in as much less time.
	mostPasses = 256
	// pastKept is how long a bucket is kept for its past, if there is room.
	pastKept = time.Hour
	// firstTerm is how long what was learned is believed at first, and longestTerm how long at last: each time that it
	// is learned anew costs a refusal, if the limit is still there, and mends a limit that was learned too low, or changed.
	firstTerm   = 24 * time.Hour
	longestTerm = 32 * firstTerm
	// soonWindows is how many windows after a lesson a further refusal shows that the lesson was wrong. Later ones may
	// come of others' requests.
	soonWindows = 16
	// nearly is the part of a window within which what passes must not be more than it holds: what is known of times is
	// not exact, and the last of it may be the next window's.
	nearly = 15.0 / 16
)

// suspicious is the policy of buckets of which none is documented, once something refused that nothing else explains.
var suspicious = &Policy{Hidden: true, Probe: true}

// suspected returns the policy of such a bucket, nil as long as nothing was refused so.
func (k *kind) suspected(now instant) *Policy {
	if h := k.hidden; h != nil && now < h.until {
		return suspicious
	}
	return nil
}

// learned returns the policy in whose place p, which is of a hidden limit, is kept: what refusals have taught, if they have.
func (k *kind) learned(p *Policy, now instant) *Policy {
	h := k.hidden
	if h == nil || h.policy == nil {
		return p
	}
	if now < h.until {
		return h.policy
	}
	h.policy = nil
	return p
}

// hide makes sure that the kind has a hidden limit.
func (k *kind) hide() *hidden {
	if k.hidden == nil {
		k.hidden = &hidden{kind: k, term: firstTerm, span: pastKept}
	}
	return k.hidden
}

// believed says whether s keeps to what refusals have taught.
func (s *state) believed(now instant) bool {
	h := s.kind.hidden
	return h != nil && h.policy != nil && now < h.until && s.policy.known()
}

// spanOf is within which time units are counted before a limit is known.
func (h *hidden) spanOf(p *Policy) time.Duration {
	if p.Window > 0 {
		return min(h.span, p.Window)
	}
	return h.span
}

// ventures says whether w units more, under a hidden limit of which nothing is known, would be more than have ever passed
// in a bucket of the kind.
func (s *state) ventures(now instant, w int32) bool {
	h := s.kind.hidden
	if h == nil {
		return true
	}
	n := s.drawn() + w
	if d := s.debt; d != nil {
		n += d.past.within(now.add(-h.spanOf(s.policy)))
	}
	return n <= mostPasses && n > h.record
}

// within is how many units passed after a moment.
func (m *past) within(after instant) int32 {
	if m == nil {
		return 0
	}
	first, _ := slices.BinarySearch(m.passes, after+1)
	return int32(len(m.passes) - first)
}

// awaitsVenture says whether w units have to wait for others that go ahead in a bucket of the kind, and until when if those
// are not answered before: never, if time alone makes them no venture.
func (s *state) awaitsVenture(now instant, w int32) (bool, instant) {
	h := s.kind.hidden
	if h == nil || h.ventures == 0 || !s.ventures(now, w) {
		return false, 0
	}
	if d := s.debt; d != nil {
		span := h.spanOf(s.policy)
		within := d.past.within(now.add(-span))
		if over := s.drawn() + w + within - h.record; over <= within {
			passes := d.past.passes[len(d.past.passes)-int(within):]
			return true, passes[over-1].add(span)
		}
	}
	return true, never
}

// known says whether the policy has numbers.
func (p *Policy) known() bool { return p.Quota > 0 || p.Every > 0 }

// owes returns the debt of s, made if there is none.
func (s *state) owes() *debt {
	if s.debt == nil {
		s.debt = newDebt(s.policy)
	}
	return s.debt
}

// passed notes that w units passed a hidden limit, that were granted then. It says whether that is more than ever did.
func (s *state) passed(granted, received instant, w int32) (more bool) {
	d := s.owes()
	if d.past == nil {
		d.past = &past{}
	}
	at := min(received, granted.add(s.kind.provider.trips.quickest()))
	m := d.past
	for range min(w, mostPasses) {
		i, _ := slices.BinarySearch(m.passes, at+1)
		m.passes = slices.Insert(m.passes, i, at)
	}
	m.passes = slices.Delete(m.passes, 0, max(len(m.passes)-mostPasses, 0))
	m.since += int(w)
	h := s.kind.hide()
	if h.policy != nil {
		return false
	}
	was := h.record
	h.record = max(was, m.within(at.add(-h.spanOf(s.policy))))
	return h.record > was
}

// kept is until when a bucket is kept for what it remembers.
func (m *past) kept() instant {
	if m == nil || len(m.passes) == 0 {
		return 0
	}
	return m.passes[len(m.passes)-1].add(pastKept)
}

// fewest is the least number of units that, having passed, would explain a refusal that lasts until a moment, and the
// window that they passed in; 0 if nothing has passed.
func (m *past) fewest(until instant) (n int, window time.Duration) {
	for n = range len(m.passes) {
		window = time.Duration(until - m.passes[len(m.passes)-1-n])
		if m.allows(n+1, time.Duration(float64(window)*nearly)) {
			return n + 1, window
		}
	}
	return 0, 0
}

// allows says whether all that passed may have passed a limit of n in a window that begins with its first unit.
func (m *past) allows(n int, window time.Duration) bool {
	begin, used := m.passes[0], 0
	for _, at := range m.passes {
		if at >= begin.add(window) {
			begin, used = at, 0
		}
		if used++; used > n {
			return false
		}
	}
	return true
}

// A lesson is a refusal by a hidden limit, which holds s until a moment.
type lesson struct {
	s     *state
	until instant
}

// teach has the kinds of the buckets that hidden limits refused learn from it.
func (e *answer) teach() {
	for _, l := range e.lessons {
		switch p := l.s.policy; {
		case e.told429(l.s), p != nil && !p.Hidden:
			continue
		case p == nil:
			if slot := e.t.slot(l.s); slot != nil && !slot.leads && !slot.leadsCounter() {
				e.suspect(l.s) // else it went ahead, and what is known does not contradict
			}
			continue
		}
		if policy := e.lesson(l); policy != nil {
			e.changes = append(e.changes, Change{Key: l.s.key(), Limit: max(policy.Quota, 1)})
			l.s.setPolicy(policy, e.now)
			e.eased = append(e.eased, l.s.kind)
		}
	}
}

// heed has a bucket keep to what was learned of its kind since a draw last told its policy: who waits there told it
// before. Nothing is learned of one with a policy of another sort, and a loaded one waits for a draw.
func (s *state) heed(now instant) {
	p, h := s.policy, s.kind.hidden
	if h != nil && !s.lent && (p == nil || p.Hidden && p != h.policy) {
		s.setPolicy(p, now)
	}
}

// suspect has the kind of a bucket of which no policy is documented be under a hidden limit from now on: nothing else
// explains a refusal. What passed before was not noted, so that the next one teaches.
func (e *answer) suspect(s *state) {
	h := s.kind.hide()
	h.taught, h.until = e.now, e.now.add(firstTerm)
	s.setPolicy(nil, e.now)
	e.eased = append(e.eased, s.kind)
}

// told429 says whether the answer blocks a counter besides s that it drew on, and that tells of itself: then that one may
// be what refused.
func (e *answer) told429(s *state) bool {
	return slices.ContainsFunc(e.blocked, func(b *state) bool {
		return b != s && b.window.phase == known && e.t.drawsOn(b)
	})
}

// lesson takes in one refusal, and returns the policy that follows from it, nil if none does.
func (e *answer) lesson(l lesson) *Policy {
	h, d := l.s.kind.hide(), l.s.owes()
	if e.t.granted <= h.taught {
		return nil // it was in flight when the last one came
	}
	if d.past == nil {
		d.past = &past{}
	}
	was, m := h.policy, d.past
	if e.now >= h.until {
		was = nil
	}
	ends, since := m.ends, m.since
	soon := was != nil && e.now < h.taught.add(soonWindows*max(was.Window, was.Every))
	h.taught, m.ends, m.since = e.now, l.until, 0
	if was != nil && !soon {
		return nil
	}
	n, window := m.fewest(l.until)
	next := *l.s.policy // how it is used stays
	next.Quota, next.Window, next.Every, next.Burst, next.Concurrent = n, min(window, e.r.maxBlock), 0, 0, 0
	switch {
	case was == nil && n == 0:
		return nil // all of it was others' requests
	case was != nil:
		// It was kept and yet there was a refusal: what passes from one to the next is what may, one by one.
		every := was.Every + was.Window/time.Duration(max(was.Quota, 1))
		var told time.Duration
		if since > 0 && ends > 0 {
			told = time.Duration(l.until-ends) / time.Duration(since)
		}
		if told <= every {
			told = 2 * every
		}
		next.Quota, next.Window, next.Every = 0, 0, min(told, e.r.maxBlock)
	}
	h.policy, h.until = &next, e.now.add(h.term)
	h.span, h.record = max(next.Window, next.Every), int32(max(next.Quota, 1)) // so many do pass
	h.term = min(2*h.term, longestTerm)
	return &next
}

// settlePast drops what stands for units that were in flight when the policy changed, once they are not. It must be called
// whenever fewer are.
func (s *state) settlePast() {
	d := s.debt
	if p := s.policy; p == nil || !p.Hidden || d == nil || d.answers.len() == 0 {
		return
	}
	all := d.answers.left()
	first, _ := slices.BinarySearch(all, never)
	d.answers.remove(never, len(all)-first-int(s.drawn()))
}

// keepPast has s keep to a policy of a hidden limit in place of another.
func (s *state) keepPast(p *Policy) {
	var m *past
	if s.debt != nil {
		m = s.debt.past
	}
	s.debt = nil
	if m == nil {
		if s.drawn() == 0 {
			return
		}
		m = &past{}
	}
	d := newDebt(p)
	d.past = m
	if p.Quota > 0 {
		d.answers.merge(m.passes[max(len(m.passes)-p.Quota, 0):])
		d.answers.insert(never, int(s.drawn()))
	}
	if n := len(m.passes); n > 0 && d.pace != nil {
		last := m.passes[n-1]
		d.resume(p, last, last.add(p.Every), 0)
	}
	s.debt = d
}

// owePast adds what another bucket under the same limit remembers.
func (d *debt) owePast(other *debt) {
	if other.past == nil {
		return
	}
	if d.past == nil {
		d.past = other.past
		return
	}
	m := d.past
	m.passes = append(m.passes, other.past.passes...)
	slices.Sort(m.passes)
	m.passes = slices.Delete(m.passes, 0, max(len(m.passes)-mostPasses, 0))
	m.ends, m.since = max(m.ends, other.past.ends), m.since+other.past.since
}
