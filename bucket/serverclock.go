package bucket

import "time"

// A ServerClock is what is known of how a server's clock differs from ours: an interval that each answer narrows. It
// widens with age, since clocks drift, and begins anew when two answers contradict each other, since clocks are set.
//
// Our own clock is the monotonic one, so that steps of the wall clock change nothing. The zero ServerClock knows
// nothing. It is not safe for concurrent use.
type ServerClock struct {
	base   time.Time     // what our times count from: when the first answer came
	lo, hi time.Duration // the server's time, in Unix terms, less ours since base
	at     time.Duration // when lo and hi were true
}

// drift is how fast two clocks are taken to part at most: 200 parts in a million, twice what cheap quartz does.
const drift = 200e-6

// Observe takes in an answer whose Date, cut to whole seconds as HTTP has it, was true at some moment between sent and
// received.
func (c *ServerClock) Observe(date, sent, received time.Time) {
	if c.base.IsZero() {
		c.base = received
	}
	d, from, to := time.Duration(date.UnixNano()), sent.Sub(c.base), received.Sub(c.base)
	lo, hi := d-to, d+time.Second-from
	if c.hi != 0 {
		wider := drifted(to - c.at)
		if l, h := max(lo, c.lo-wider), min(hi, c.hi+wider); l <= h {
			lo, hi = l, h
		}
	}
	c.lo, c.hi, c.at = lo, hi, to
}

// drifted is how far two clocks may have parted after a time.
func drifted(d time.Duration) time.Duration { return time.Duration(float64(max(d, 0)) * drift) }

// Local returns the earliest and the latest moment, on our clock, at which the server's shows t, or will show it if no
// answer comes before. It reports false while nothing is known.
func (c *ServerClock) Local(t time.Time) (earliest, latest time.Time, ok bool) {
	if c.base.IsZero() {
		return time.Time{}, time.Time{}, false
	}
	u := time.Duration(t.UnixNano())
	lo, hi := u-c.hi, u-c.lo
	return c.base.Add(lo - drifted(lo-c.at)), c.base.Add(hi + drifted(hi-c.at)), true
}
