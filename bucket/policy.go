package bucket

import (
	"math"
	"slices"
	"time"

	"golang.org/x/time/rate"
)

// A debt is what a bucket owes to its policy: it exists only while the bucket would not let everything through.
//
// What counts is when units reach the server, and that is known only within bounds: from the answer to one to the
// arrival of another at least the shortest round trip passes. So the distance is kept from answers, or from when they
// are due, less that trip.
type debt struct {
	// answers to the quota's units. Old ones, which no longer count, are dropped as new ones come.
	answers sorted

	pace *rate.Limiter // nil: the policy has none
	full instant       // when the pace last had its whole burst
	back instant       // when it will have it again: close enough to tell whether it is worth asking the limiter
	due  instant       // when the pace's next unit comes back, if it had none left for one; else 0
	last instant       // when a unit of the pace last went
	trip time.Duration // how long its answer took
	late time.Duration // the same of the slowest answer since full

	past  *past  // of a hidden limit; nil: nothing
	guard *guard // of a quota of what goes wrong; nil: it is open
}

func newDebt(p *Policy) *debt {
	d := &debt{}
	if p.Every > 0 {
		d.pace = rate.NewLimiter(rate.Every(p.Every), p.burst())
	}
	return d
}

// clock is what a limiter's times count from; only their differences matter to it.
var clock = time.Unix(0, 0)

func (i instant) clock() time.Time { return clock.Add(time.Duration(i)) }

// ready returns the earliest moment from now on at which w units may go from s, after others that go first, one by one.
// Of more than the policy ever lets go at once, it is when all of that is there. A share of the quota is not for them.
// s must have a debt.
func (s *state) ready(now instant, others, w int, share float64) instant {
	d, p, trip := s.debt, s.policy, s.kind.provider.trips.shortest
	n := p.clip(w, p.Quota)
	quota := max(p.Quota-shareOf(p.Quota, share), n)
	return max(d.quotaReady(p, quota, now, others+n, trip), d.paceReady(p, now, others+min(w, p.burst()), trip))
}

// owed is the answers that still count.
func (d *debt) owed(p *Policy, now instant, trip time.Duration) []instant {
	left := d.answers.left()
	first, _ := slices.BinarySearch(left, now.add(trip-p.Window)+1)
	return left[first:]
}

// quotaReady takes so much of the quota for all of it.
func (d *debt) quotaReady(p *Policy, quota int, now instant, n int, trip time.Duration) instant {
	if p.Quota <= 0 {
		return now
	}
	if d.answers.len()+n <= quota {
		return now
	}
	owed := d.owed(p, now, trip)
	if len(owed)+n <= quota {
		return now
	}
	// The last of them goes a window after the one a whole quota before it, and so does that, until it is one of those
	// owed or, where there are not so many, one that goes now.
	laps := min((n+quota-1)/quota, mostLaps)
	i := len(owed) + n - 1 - laps*quota
	if i < 0 || i >= len(owed) {
		return now.add(p.Window * time.Duration(laps-1))
	}
	return owed[i].add(-trip).add(p.Window * time.Duration(laps))
}

// paceReady allows for a server that paces strictly: a unit that has to wait for its token waits as much longer as the
// one before may have arrived late, within bounds. Where a burst is left over, that time is not lost, since tokens go on
// coming back meanwhile: with bursts the whole line is as late as a unit of the burst that it follows, and no later.
func (d *debt) paceReady(p *Policy, now instant, n int, trip time.Duration) instant {
	if d.pace == nil || d.plenty(p, now, n+1) {
		return now
	}
	at := d.tokensAt(p, now, n)
	if d.due != 0 {
		slow := d.trip
		if p.burst() > 1 {
			slow = max(slow, d.late)
		}
		at = max(at, d.due.add(min(max(slow-trip, 0), p.Every/2)))
	}
	return at
}

// plenty says whether the pace has n tokens for sure, and none is due.
func (d *debt) plenty(p *Policy, now instant, n int) bool {
	return d.due == 0 && n < p.burst() && now >= d.back.add(-p.Every*time.Duration(p.burst()-n))
}

// tokensAt is when the pace has n tokens.
func (d *debt) tokensAt(p *Policy, now instant, n int) instant {
	missing := float64(n) - d.pace.TokensAt(now.clock())
	// A limiter forgives less than a nanosecond's worth of tokens, and the error of its arithmetic is less than half.
	wait := math.Round(missing * float64(p.Every))
	return now.add(time.Duration(min(max(wait, 0), math.MaxInt64/2)))
}

// move takes n tokens from the pace, or gives them back if n is negative. A request that goes although it would have to
// wait leaves a debt, which a limiter allows only to those who reserve.
func (d *debt) move(now instant, n int) {
	if !d.pace.AllowN(now.clock(), n) {
		d.pace.ReserveN(now.clock(), n)
	}
}

// settleDue notes when the next unit comes back, if none is left.
func (d *debt) settleDue(p *Policy, now instant) {
	d.due = 0
	if at := d.tokensAt(p, now, 1); at > now {
		d.due = at
	}
}

// take notes that w units go now. It returns when the answer to those of the quota is due.
func (s *state) take(now instant, w int32) (answer instant) {
	p, trips := s.policy, &s.kind.provider.trips
	if p == nil || p.Quota <= 0 && p.Every <= 0 {
		return 0
	}
	d := s.owes()
	if p.Quota > 0 {
		until := now.add(trips.shortest - p.Window)
		for d.answers.len() > 0 && (d.answers.left()[0] <= until || d.answers.len()-mostBeyond > p.Quota) {
			d.answers.pop()
		}
		answer = now.add(trips.longest)
		d.answers.insert(answer, p.units(w))
	}
	if d.pace != nil {
		n := min(int(w), p.burst())
		if now >= d.back {
			d.full, d.back, d.late = now, now, 0
		}
		d.last, d.trip, d.due = now, trips.longest, 0
		d.move(now, n)
		if d.back = d.back.add(p.Every * time.Duration(n)); !d.plenty(p, now, 2) {
			d.settleDue(p, now)
		}
	}
	return answer
}

// mostBeyond is how many units beyond its quota a debt remembers, of requests that went although they would have had to
// wait: those of the last whole quota hold others back, and some of them may yet be given back.
const mostBeyond = 1 << 12

// units is how many of w units a quota counts: more than all of it is never there.
func (p *Policy) units(w int32) int { return min(int(w), p.Quota) }

// answered takes in how long the answer took to the units granted then, which was due at a certain moment. A very late
// one tells rather of a busy server, and does not count in full. Unless they count, the quota has them back.
func (s *state) answered(granted, due instant, w int32, trip time.Duration, count bool) {
	d, p := s.debt, s.policy
	if d == nil {
		return
	}
	if p.Quota > 0 {
		n := d.answers.remove(due, p.units(w))
		if p.Hidden {
			n = p.units(w) // it may have been taken before the quota was known
		}
		if count {
			d.answers.insert(granted.add(min(trip, s.kind.provider.trips.shortest+p.Window/2)), n)
		}
	}
	if d.last == granted {
		d.trip = trip
	}
	if granted >= d.full {
		d.late = max(d.late, trip)
	}
}

// giveBack undoes take for units that did not go.
func (s *state) giveBack(now, granted, due instant, w int32) {
	d, p := s.debt, s.policy
	if d == nil {
		return
	}
	if p.Quota > 0 {
		d.answers.remove(due, p.units(w))
	}
	if d.pace != nil && granted >= d.full { // else time has given it back
		// A negative number gives tokens back, up to the burst; the limiter's own tests do not say so, ours do.
		n := min(int(w), p.burst())
		d.move(now, -n)
		d.back = d.back.add(-p.Every * time.Duration(n))
		d.settleDue(p, now)
	}
}

// settled drops the debt if nothing is owed any more.
func (s *state) settled(now instant) bool {
	d, p, trip := s.debt, s.policy, s.kind.provider.trips.shortest
	if d == nil {
		return true
	}
	if len(d.owed(p, now, trip)) > 0 || now < d.paceReady(p, now, p.burst(), trip) || now < d.past.kept() ||
		now < d.guard.opensAt(now) {
		return false
	}
	s.debt = nil
	return true
}

// owe adds what another bucket owed to the same policy.
func (s *state) owe(other *debt) {
	if other == nil || s.policy == nil {
		return
	}
	if s.debt == nil {
		s.debt = other
		return
	}
	d := s.debt
	d.owePast(other)
	d.guard = d.guard.stricter(other.guard)
	d.answers.merge(other.answers.left())
	if d.pace != nil && other.pace != nil {
		at := max(d.last, other.last)
		missing := float64(s.policy.burst()) - other.pace.TokensAt(at.clock())
		d.pace.AllowN(at.clock(), min(int(math.Ceil(missing)), max(int(d.pace.TokensAt(at.clock())), 0)))
		d.last, d.trip, d.late = at, max(d.trip, other.trip), max(d.late, other.late)
		d.back = max(d.back, at).add(time.Duration(math.Ceil(missing)) * s.policy.Every)
		d.settleDue(s.policy, at)
	}
}
