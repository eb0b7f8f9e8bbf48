package fakeapi

import (
	"strconv"
	"time"
)

// A Log is the quota of a sliding window: it holds when the requests of the last window came. The zero Log is empty.
type Log struct{ at []time.Time }

// Wait returns how long a request at now would have to wait for a place among n per window; 0 means not at all. There
// is no waiting for a place where n is not positive: the wait is then a whole window.
func (l *Log) Wait(now time.Time, n int, window time.Duration) time.Duration {
	if n <= 0 {
		return window
	}
	for len(l.at) > 0 && now.Sub(l.at[0]) >= window {
		l.at = l.at[1:]
	}
	if len(l.at) < n {
		return 0
	}
	return window - now.Sub(l.at[len(l.at)-n])
}

// Add counts a request.
func (l *Log) Add(now time.Time) { l.at = append(l.at, now) }

// A Pace lets one request through in each period, and up to burst at once after a rest. The zero Pace is rested.
type Pace struct{ rested time.Time }

// Wait returns how long a request at now would have to wait; 0 means not at all.
func (p *Pace) Wait(now time.Time, period time.Duration, burst int) time.Duration {
	return max(p.Rest(now)-time.Duration(burst-1)*period, 0)
}

// Add counts a request, which takes one period from the rest.
func (p *Pace) Add(now time.Time, period time.Duration) { p.rested = now.Add(p.Rest(now) + period) }

// Rest returns how long it takes until the whole burst is there again.
func (p *Pace) Rest(now time.Time) time.Duration { return max(p.rested.Sub(now), 0) }

// Names gives short names to secrets, so that buckets can be told apart without showing them: #1 to the first, #2 to
// the second. The zero Names has met none.
type Names struct{ of map[string]string }

// Of returns the name of a secret, and "" for none.
func (n *Names) Of(secret string) string {
	if secret == "" {
		return ""
	}
	name, ok := n.of[secret]
	if !ok {
		if n.of == nil {
			n.of = map[string]string{}
		}
		name = "#" + strconv.Itoa(len(n.of)+1)
		n.of[secret] = name
	}
	return name
}

// At returns the state that m has for a bucket, a new one if it has none.
func At[T any](m map[string]*T, bucket string) *T {
	t := m[bucket]
	if t == nil {
		t = new(T)
		m[bucket] = t
	}
	return t
}

// Ceil returns d in whole units, rounded up.
func Ceil(d, unit time.Duration) int64 { return int64((d + unit - 1) / unit) }
