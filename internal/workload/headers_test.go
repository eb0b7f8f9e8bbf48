package workload_test

import (
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/underlimit/underlimit/internal/fakeapi"
	"github.com/underlimit/underlimit/providers/apitest"
	"github.com/underlimit/underlimit/providers/headers"
)

// A limiter is how a server of no particular API counts requests.
type limiter interface {
	// wait is how long a request at now has to wait, 0 if not at all: then add counts it.
	wait(now time.Time) time.Duration
	add(now time.Time)
	// state is what is left then, and for how long the window lasts or, where units come back one by one, until all
	// are back.
	state(now time.Time) (left int, reset time.Duration)
	holds() (limit int, window time.Duration)
}

// A fixed window begins with the first request after the one before has ended.
type fixed struct {
	limit  int
	window time.Duration
	end    time.Time
	used   int
}

func (f *fixed) wait(now time.Time) time.Duration {
	if !now.Before(f.end) {
		f.end, f.used = now.Add(f.window), 0
	}
	if f.used < f.limit {
		return 0
	}
	return f.end.Sub(now)
}

func (f *fixed) add(time.Time) { f.used++ }

func (f *fixed) state(now time.Time) (int, time.Duration) { return f.limit - f.used, f.end.Sub(now) }
func (f *fixed) holds() (int, time.Duration)              { return f.limit, f.window }

// A leak is a bucket that leaks steadily.
type leak struct {
	limit int
	every time.Duration
	pace  fakeapi.Pace
}

func (l *leak) wait(now time.Time) time.Duration { return l.pace.Wait(now, l.every, l.limit) }
func (l *leak) add(now time.Time)                { l.pace.Add(now, l.every) }
func (l *leak) holds() (int, time.Duration)      { return l.limit, time.Duration(l.limit) * l.every }

func (l *leak) state(now time.Time) (int, time.Duration) {
	all := l.pace.Rest(now)
	return l.limit - int(fakeapi.Ceil(all, l.every)), all
}

// A log is a sliding window.
type log struct {
	limit  int
	window time.Duration
	at     fakeapi.Log
}

func (l *log) wait(now time.Time) time.Duration     { return l.at.Wait(now, l.limit, l.window) }
func (l *log) add(now time.Time)                    { l.at.Add(now) }
func (l *log) holds() (int, time.Duration)          { return l.limit, l.window }
func (l *log) state(time.Time) (int, time.Duration) { return 0, 0 }

// A teller writes the fields in which a server tells of its limiters.
type teller func(h http.Header, clock, now time.Time, limiters []limiter)

// server returns a server of an API that keeps to all of its limiters, each by credential.
func server(opts apitest.Options, tell teller, limiters func() []limiter) *apitest.Server {
	opts.Uplink, opts.Downlink = uplink, downlink
	owners := map[string][]limiter{}
	return apitest.NewServer(&opts, func(c *apitest.Call) apitest.Answer {
		owner := c.Request.Header.Get("Authorization")
		if owners[owner] == nil {
			owners[owner] = limiters()
		}
		all := owners[owner]
		wait := time.Duration(0)
		for _, l := range all {
			wait = max(wait, l.wait(c.At))
		}
		a := apitest.Reply(http.StatusOK, map[string]any{})
		a.Buckets = []string{owner}
		if wait > 0 {
			a = apitest.Reply(http.StatusTooManyRequests, map[string]any{"error": "slow down"})
			a.Buckets, a.RefusedBy, a.Until = []string{owner}, owner, c.At.Add(wait)
			a.Header.Set("Retry-After", strconv.FormatInt(fakeapi.Ceil(wait, time.Second), 10))
		} else {
			for _, l := range all {
				l.add(c.At)
			}
		}
		tell(a.Header, c.Clock, c.At, all)
		return a
	})
}

// seconds tells a time in whole seconds. Servers round either way.
type seconds func(time.Duration) int64

func up(d time.Duration) int64   { return fakeapi.Ceil(d, time.Second) }
func down(d time.Duration) int64 { return int64(d / time.Second) }

// ietf tells in the newest form of the IETF's fields.
func ietf(round seconds) teller {
	return func(h http.Header, _, now time.Time, limiters []limiter) {
		for i, l := range limiters {
			limit, window := l.holds()
			left, reset := l.state(now)
			h.Add("RateLimit-Policy", fmt.Sprintf(`"p%d";q=%d;w=%d`, i, limit, int64(window/time.Second)))
			h.Add("RateLimit", fmt.Sprintf(`"p%d";r=%d;t=%d`, i, left, round(reset)))
		}
	}
}

// epochs tells by the server's clock.
func epochs(h http.Header, clock, now time.Time, limiters []limiter) {
	limit, _ := limiters[0].holds()
	left, reset := limiters[0].state(now)
	h.Set("X-RateLimit-Limit", strconv.Itoa(limit))
	h.Set("X-RateLimit-Remaining", strconv.Itoa(left))
	h.Set("X-RateLimit-Reset", strconv.FormatInt(clock.Add(reset).Unix(), 10))
}

// spans tells of times as programs in Go print them.
func spans(h http.Header, _, now time.Time, limiters []limiter) {
	limit, _ := limiters[0].holds()
	left, reset := limiters[0].state(now)
	h.Set("X-RateLimit-Limit-Requests", strconv.Itoa(limit))
	h.Set("X-RateLimit-Remaining-Requests", strconv.Itoa(left))
	h.Set("X-RateLimit-Reset-Requests", reset.String())
}

// usage tells how full a bucket is.
func usage(h http.Header, _, now time.Time, limiters []limiter) {
	limit, _ := limiters[0].holds()
	left, _ := limiters[0].state(now)
	h.Set("X-Shopify-Shop-Api-Call-Limit", fmt.Sprintf("%d/%d", limit-left, limit))
}

// byLength tells of each limiter by the length of its window, and when the tightest ends.
func byLength(h http.Header, _, now time.Time, limiters []limiter) {
	tightest, least := limiters[0], math.MaxInt
	for _, l := range limiters {
		limit, window := l.holds()
		left, _ := l.state(now)
		name := strings.ToLower(map[time.Duration]string{time.Minute: "Minute", time.Hour: "Hour"}[window])
		h.Set("X-RateLimit-Limit-"+name, strconv.Itoa(limit))
		h.Set("X-RateLimit-Remaining-"+name, strconv.Itoa(left))
		if left < least {
			tightest, least = l, left
		}
	}
	limit, _ := tightest.holds()
	left, reset := tightest.state(now)
	h.Set("RateLimit-Limit", strconv.Itoa(limit))
	h.Set("RateLimit-Remaining", strconv.Itoa(left))
	h.Set("RateLimit-Reset", strconv.FormatInt(up(reset), 10))
}

// counts tells how much is used of each window, and not when it ends.
func counts(h http.Header, _, now time.Time, limiters []limiter) {
	var limits, used []string
	for _, l := range limiters {
		limit, window := l.holds()
		left, _ := l.state(now)
		limits = append(limits, fmt.Sprintf("%d:%d", limit, int(window/time.Second)))
		used = append(used, fmt.Sprintf("%d:%d", limit-left, int(window/time.Second)))
	}
	h.Set("X-App-Rate-Limit", strings.Join(limits, ","))
	h.Set("X-App-Rate-Limit-Count", strings.Join(used, ","))
}

// nothing tells nothing.
func nothing(http.Header, time.Time, time.Time, []limiter) {}

func things(n int) (calls []call) {
	for i := range n {
		calls = append(calls, call{
			method: http.MethodPost, url: "https://api.example/things", body: strconv.Itoa(i),
			header: http.Header{"Authorization": {"Bearer one"}},
		})
	}
	return calls
}

func TestAnyAPIFromCold(t *testing.T) {
	one := func(l func() limiter) func() []limiter { return func() []limiter { return []limiter{l()} } }
	minute := one(func() limiter { return &fixed{limit: 100, window: time.Minute} })
	two := func() []limiter {
		return []limiter{&fixed{limit: 60, window: time.Minute}, &fixed{limit: 310, window: time.Hour}}
	}
	shaky := apitest.Options{Jitter: jitter, Seed: 1}
	// The windows begin with the first request, which goes ahead.
	const afterTwoHours = 2*time.Hour + roundTrip
	for _, tt := range []struct {
		name     string
		opts     apitest.Options
		tell     teller
		limiters func() []limiter
		options  *headers.Options
		n        int
		best     time.Duration
	}{
		{"the IETF's fields", apitest.Options{}, ietf(up), minute, nil, 750, 7*time.Minute + roundTrip},
		{"the IETF's fields, rounded down", apitest.Options{}, ietf(down), minute, nil, 750, 7*time.Minute + roundTrip},
		{"the IETF's fields, two windows", apitest.Options{}, ietf(up), two, nil, 650, afterTwoHours},
		{"epochs", apitest.Options{}, epochs, minute, nil, 750, 7*time.Minute + roundTrip},
		{
			"epochs on a clock that is ahead",
			apitest.Options{Skew: time.Hour + 250*time.Millisecond},
			epochs, minute,
			nil, 750, 7*time.Minute + roundTrip,
		},
		{
			"epochs on a clock that is behind",
			apitest.Options{Skew: -time.Hour},
			epochs, minute,
			nil, 750, 7*time.Minute + roundTrip,
		},
		{"the IETF's fields, under jitter", shaky, ietf(down), minute, nil, 750, 7*time.Minute + roundTrip},
		{"epochs, under jitter", shaky, epochs, minute, nil, 750, 7*time.Minute + roundTrip},
		{
			"how full a leaking bucket is, under jitter", shaky, usage,
			one(func() limiter { return &leak{limit: 40, every: time.Second / 2} }),
			nil, 300, (300-40)*time.Second/2 + roundTrip,
		},
		{
			"a documented limit, under jitter", shaky, nothing,
			one(func() limiter { return &log{limit: 30, window: time.Minute} }),
			&headers.Options{Limits: []headers.Limit{{Host: "api.example", Path: "/things", Limit: 30, Per: time.Minute}}},
			150, 4*time.Minute + roundTrip,
		},
		{
			"durations",
			apitest.Options{},
			spans, one(func() limiter { return &leak{limit: 60, every: time.Second} }),
			nil, 300, (300-60)*time.Second + roundTrip,
		},
		{
			"how full a leaking bucket is",
			apitest.Options{},
			usage,
			one(func() limiter { return &leak{limit: 40, every: time.Second / 2} }),
			nil, 300, (300-40)*time.Second/2 + roundTrip,
		},
		{
			"how full a larger one is",
			apitest.Options{},
			usage,
			one(func() limiter { return &leak{limit: 400, every: time.Second / 20} }),
			nil, 1400, (1400-400)*time.Second/20 + roundTrip,
		},
		{"windows by their lengths", apitest.Options{}, byLength, two, nil, 650, afterTwoHours},
		{
			"counts of windows", shaky, counts, func() []limiter {
				return []limiter{&fixed{limit: 20, window: time.Second}, &fixed{limit: 100, window: 2 * time.Minute}}
			}, nil, 350, 6*time.Minute + roundTrip,
		},
		{
			"a documented limit",
			apitest.Options{},
			nothing,
			one(func() limiter { return &log{limit: 30, window: time.Minute} }),
			&headers.Options{Limits: []headers.Limit{{Host: "api.example", Path: "/things", Limit: 30, Per: time.Minute}}},
			150, 4*time.Minute + roundTrip,
		},
		{
			"a documented bucket",
			apitest.Options{},
			nothing,
			one(func() limiter { return &leak{limit: 40, every: time.Second / 2} }),
			&headers.Options{Limits: []headers.Limit{{Host: "*.example", Limit: 2, Per: time.Second, Burst: 40}}},
			300, (300-40)*time.Second/2 + roundTrip,
		},
		{
			"an API described by its fields",
			apitest.Options{},
			func(h http.Header, _, now time.Time, limiters []limiter) {
				left, reset := limiters[0].state(now)
				h.Set("X-Acme-Left", strconv.Itoa(left))
				h.Set("X-Acme-Limit", "100")
				h.Set("X-Acme-Reset", strconv.FormatInt(reset.Milliseconds(), 10))
			},
			minute,
			&headers.Options{APIs: []headers.API{{Hosts: []string{"api.example"}, Windows: []headers.Window{{
				Limit: "X-Acme-Limit", Remaining: "X-Acme-Left", Reset: "X-Acme-Reset", ResetUnit: headers.Milliseconds,
			}}}}},
			750, 7*time.Minute + roundTrip,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := server(tt.opts, tt.tell, tt.limiters)
				defer f.Close()
				run(t, headers.New(tt.options), f, things(tt.n), tt.best)
			})
		})
	}
}

func TestNoMoreRequestsAreInFlightThanAnAnswerAllows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n, atOnce = 301, 5
		f := server(apitest.Options{}, func(h http.Header, _, _ time.Time, _ []limiter) {
			h.Set("RateLimit-Policy", fmt.Sprintf(`"together";q=%d;qu="concurrent-requests"`, atOnce))
		}, func() []limiter { return nil })
		defer f.Close()
		run(t, headers.New(nil), f, things(n), (1+(n-1)/atOnce)*roundTrip) // the first goes ahead
		if got := f.Report().MaxInFlight; got != atOnce {
			t.Errorf("%d requests were in flight at once, want %d", got, atOnce)
		}
	})
}

// A server's window may begin anew before it said that it would: then more is left again, until later.
func TestAWindowThatRollsEarlyIsBelieved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		window := &fixed{limit: 80, window: time.Minute}
		began := time.Now()
		rolled := false
		f := server(apitest.Options{}, func(h http.Header, clock, now time.Time, all []limiter) {
			if !rolled && now.Sub(began) > 10*time.Second {
				rolled = true
				window.end, window.used = now.Add(time.Minute), 1
			}
			epochs(h, clock, now, all)
		}, func() []limiter { return []limiter{window} })
		defer f.Close()
		calls := slices.Concat(spaced(0, time.Second, things(20)), spaced(20*time.Second, 0, things(65)))
		client, registry := newClient(headers.New(nil), f)
		took := all(t, client, calls)
		clean(t, f, apitest.Report{}, registry, len(calls))
		if want := 20*time.Second + roundTrip; took != want {
			t.Errorf("it took %v, want %v", took, want)
		}
	})
}
