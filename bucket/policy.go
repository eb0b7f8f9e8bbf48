package bucket

import (
	"math"
	"slices"
	"time"

	"golang.org/x/time/rate"
)

// A debt is what a bucket owes to its policy: it exists only while the bucket would not let everything through.
type debt struct {
	pace *rate.Limiter // nil: the policy has none
	// departures of the quota, oldest first, one for each unit. Those from head on count.
	departures []instant
	head       int
}

// clock is what a limiter's times count from; only their differences matter to it.
var clock = time.Unix(0, 0)

func (i instant) clock() time.Time { return clock.Add(time.Duration(i)) }

// ready returns the earliest moment from now on at which n units may have gone, one after the other.
func (d *debt) ready(p *Policy, now instant, n int, margin time.Duration) instant {
	return max(d.quotaReady(p, now, n, margin), d.paceReady(p, now, n))
}

func (d *debt) quotaReady(p *Policy, now instant, n int, margin time.Duration) instant {
	if p.Quota <= 0 {
		return now
	}
	span := p.Window + margin
	for d.head < len(d.departures) && d.departures[d.head].add(span) <= now {
		d.head++
	}
	owed := d.departures[d.head:]
	over := len(owed) + n - p.Quota
	if over <= 0 {
		return now
	}
	// The last of them goes a window after the one a whole quota before it: one of those owed or, where there are
	// not so many, one that goes now; and beyond a whole quota a window later for each.
	laps, i := (over-1)/p.Quota, (over-1)%p.Quota
	at := now
	if i < len(owed) {
		at = owed[i]
	}
	return at.add(span * time.Duration(laps+1))
}

func (d *debt) paceReady(p *Policy, now instant, n int) instant {
	if d.pace == nil {
		return now
	}
	missing := float64(n) - d.pace.TokensAt(now.clock())
	// A limiter forgives less than a nanosecond's worth of tokens, which is the error of its arithmetic.
	wait := missing * float64(p.Every)
	if wait < 1 {
		return now
	}
	return now.add(time.Duration(math.Ceil(min(wait, math.MaxInt64/2))))
}

// take notes that w units go now.
func (s *state) take(now instant, w int32) {
	p := s.policy
	if p == nil || p.Quota <= 0 && p.Every <= 0 {
		return
	}
	d := s.debt
	if d == nil {
		d = &debt{}
		if p.Every > 0 {
			d.pace = rate.NewLimiter(rate.Every(p.Every), p.burst())
		}
		s.debt = d
	}
	if p.Quota > 0 {
		if d.head > len(d.departures)/2 {
			d.departures = slices.Delete(d.departures, 0, d.head)
			d.head = 0
		}
		for range min(w, int32(p.Quota)) {
			d.departures = append(d.departures, now)
		}
	}
	if d.pace != nil {
		d.pace.AllowN(now.clock(), int(min(w, int32(p.burst()))))
	}
}

// giveBack undoes take for units that did not go.
func (s *state) giveBack(now, granted instant, w int32) {
	d := s.debt
	if d == nil {
		return
	}
	if s.policy.Quota > 0 {
		for range min(w, int32(s.policy.Quota)) {
			i, ok := slices.BinarySearch(d.departures[d.head:], granted)
			if !ok {
				break // it is so long ago that it no longer counts
			}
			d.departures = slices.Delete(d.departures, d.head+i, d.head+i+1)
		}
	}
	if d.pace != nil {
		// A negative number gives tokens back, up to the burst; the limiter's own tests do not say so, ours do.
		d.pace.AllowN(now.clock(), -int(min(w, int32(s.policy.burst()))))
	}
}

// settled drops the debt if nothing is owed any more.
func (s *state) settled(now instant) bool {
	if s.debt == nil {
		return true
	}
	s.debt.quotaReady(s.policy, now, 1, s.kind.spread(s.policy))
	if s.debt.head < len(s.debt.departures) {
		return false
	}
	if s.debt.pace != nil && s.debt.pace.TokensAt(now.clock()) < float64(s.policy.burst()) {
		return false
	}
	s.debt = nil
	return true
}
