package discordtest

import (
	"time"

	"github.com/underlimit/underlimit/internal/fakeapi"
)

// A second is the state of a limit that counts by the seconds of a clock.
type second struct {
	at   time.Time // its beginning
	used int
}

// wait returns how long a request has to wait for one of n places; 0 means not at all.
func (s *second) wait(clock time.Time, n int) time.Duration {
	if s.used < n || !clock.Truncate(time.Second).Equal(s.at) {
		return 0
	}
	return s.at.Add(time.Second).Sub(clock)
}

// add counts a request.
func (s *second) add(clock time.Time) {
	if at := clock.Truncate(time.Second); !at.Equal(s.at) {
		*s = second{at: at}
	}
	s.used++
}

// A counter is the state of one limit for one subject.
type counter struct {
	began time.Time // of the window, where it is fixed
	used  int
	pace  fakeapi.Pace // where it slides
}

// wait returns how long a request has to wait; 0 means not at all.
func (c *counter) wait(now time.Time, l Limit) time.Duration {
	switch {
	case l.N <= 0:
		return 0
	case l.Sliding:
		return c.pace.Wait(now, l.period(), l.N)
	}
	if c.rest(now, l) == 0 || c.used < l.N {
		return 0
	}
	return c.rest(now, l)
}

// add counts a request.
func (c *counter) add(now time.Time, l Limit) {
	switch {
	case l.N <= 0:
		return
	case l.Sliding:
		c.pace.Add(now, l.period())
		return
	}
	if c.rest(now, l) == 0 {
		c.began, c.used = now, 0
	}
	c.used++
}

// rest returns how long it takes until all is there again.
func (c *counter) rest(now time.Time, l Limit) time.Duration {
	if l.Sliding {
		return c.pace.Rest(now)
	}
	return max(c.began.Add(l.Window).Sub(now), 0)
}

// left returns how many requests may come at once.
func (c *counter) left(now time.Time, l Limit) int {
	rest := c.rest(now, l)
	switch {
	case rest == 0:
		return l.N
	case l.Sliding:
		return max(l.N-int(fakeapi.Ceil(rest, l.period())), 0)
	}
	return max(l.N-c.used, 0)
}
