package headers

import (
	"time"

	"github.com/underlimit/underlimit/internal/field"
	"github.com/underlimit/underlimit/providers"
)

// rounding is how much a time in whole seconds may be off. Nobody tells whether a server rounds up or down.
const rounding = time.Second

// maxBehind is how long ago a window may have ended that is still believed.
const maxBehind = time.Minute

// end reads the end of a window.
func (r *reader) end(g *reading, s string, unit ResetUnit) bool {
	if s == "" {
		return false
	}
	switch unit {
	case Seconds:
		after, _ := field.Duration(s, time.Second)
		return g.after(after, after%time.Second == 0)
	case Milliseconds:
		after, _ := field.Duration(s, time.Millisecond)
		return g.after(after, false)
	}
	if at, ok := field.Instant(s); ok {
		return r.at(g, at)
	}
	if unit != "" {
		return false
	}
	if after, ok := field.Span(s); ok {
		return g.after(after, false)
	}
	return r.end(g, s, Seconds)
}

// after has a window end in a time, which may have been rounded to whole seconds.
func (g *reading) after(d time.Duration, rounded bool) bool {
	if d <= 0 {
		return false
	}
	g.ResetAfter = d
	if rounded {
		g.ResetAfter, g.Precision = min(d+rounding, field.Max), 2*rounding
	}
	return true
}

// at has a window end at an instant on the server's clock.
func (r *reader) at(g *reading, at time.Time) bool {
	if ahead := at.Sub(r.now()); ahead < -maxBehind || ahead > field.Max-rounding {
		return false
	}
	g.ResetAt, g.Date = at, r.date
	if at.Nanosecond() == 0 {
		g.ResetAt, g.Precision = at.Add(rounding), 2*rounding
	}
	return true
}

// now is the server's clock at the answer or, where it does not show it, ours.
func (r *reader) now() time.Time {
	if r.date.IsZero() {
		return r.a.Received
	}
	return r.date
}

// untilReset is how long a window still lasts: 0 if it seems to be over, or nothing tells.
func (r *reader) untilReset(g *reading) time.Duration {
	switch {
	case g.ResetAfter > 0:
		return g.ResetAfter
	case g.ResetAt.IsZero():
		return 0
	}
	return max(g.ResetAt.Sub(r.now()), 0)
}

// A delayField is a field that tells how long to wait, and in which unit.
type delayField struct {
	name string
	unit time.Duration
}

// delayFields are in order: the finer ones stand beside Retry-After, which is rounded.
var delayFields = []delayField{
	{"Retry-After-Ms", time.Millisecond},
	{"X-Ms-Retry-After-Ms", time.Millisecond},
	{"Retry-After", time.Second},
	{"X-Retry-After", time.Second},
	{"X-Ratelimit-Retry-After", time.Second},
}

// retryAfter is how long an answer says to wait; 0 if it does not.
func retryAfter(a *providers.Answer) time.Duration {
	for _, f := range delayFields {
		if d, ok := field.Delay(a.Header, f.name, f.unit, a.Received); ok && d > 0 {
			return d
		}
		if d, ok := field.Span(field.Get(a.Header, f.name)); ok && d > 0 {
			return d
		}
	}
	return 0
}
