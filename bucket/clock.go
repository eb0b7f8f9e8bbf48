package bucket

import "time"

// A serverClock is what is known of how a server's clock differs from ours: an interval that each answer narrows. It
// widens with age, since clocks drift, and begins anew when two answers contradict each other, since clocks are set.
type serverClock struct {
	lo, hi time.Duration // server time less our time since the registry's epoch, in Unix terms
	at     instant       // when lo and hi were true; 0: nothing is known
}

// drift is how fast two clocks are taken to part at most: 200 parts in a million, twice what cheap quartz does.
const drift = 200e-6

// observe takes in an answer whose Date, cut to whole seconds, was true at some moment between sent and received.
func (c *serverClock) observe(date time.Time, sent, received instant) {
	d := time.Duration(date.UnixNano())
	lo, hi := d-time.Duration(received), d+time.Second-time.Duration(sent)
	if c.at != 0 {
		wider := time.Duration(float64(max(received-c.at, 0)) * drift)
		if l, h := max(lo, c.lo-wider), min(hi, c.hi+wider); l <= h {
			lo, hi = l, h
		}
	}
	c.lo, c.hi, c.at = lo, hi, received
}

// local returns the earliest and the latest moment, on our clock, at which the server's shows t.
func (c *serverClock) local(t time.Time) (lo, hi instant) {
	u := time.Duration(t.UnixNano())
	return instant(u - c.hi), instant(u - c.lo)
}
