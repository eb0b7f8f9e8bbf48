package transport_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/underlimit/underlimit/bucket"
	"github.com/underlimit/underlimit/providers"
	"github.com/underlimit/underlimit/transport"
)

// always has everything sent again after d, and notes what it is told.
type always struct {
	d     time.Duration
	asked []transport.Failure
}

func (p *always) Retry(f transport.Failure) (time.Duration, bool) {
	p.asked = append(p.asked, f)
	return p.d, true
}

func TestBackOffDoublesUpToItsBound(t *testing.T) {
	const ms = time.Millisecond
	at := func(r float64) func() float64 { return func() float64 { return r } }
	for _, test := range []struct {
		name string
		b    transport.Backoff
		want []time.Duration // after the first failure, the second, ...
	}{
		{"at random, the shortest", transport.Backoff{Rand: at(0)}, []time.Duration{1, 1, 1}},
		{
			"at random",
			transport.Backoff{Rand: at(0.5)},
			[]time.Duration{250*ms + 1, 500*ms + 1, 1000*ms + 1, 2000*ms + 1, 4000*ms + 1, 8000*ms + 1, 15_000*ms + 1, 15_000*ms + 1},
		},
		{"a random number that is none", transport.Backoff{Rand: at(1)}, []time.Duration{500 * ms, 1000 * ms}},
		{"nor that one", transport.Backoff{Rand: at(-1)}, []time.Duration{1, 1}},
		{"as slack_sdk has it", transport.Backoff{Jitter: time.Second, Rand: at(0.25)}, []time.Duration{750 * ms, 1250 * ms, 2250 * ms}},
		{"without jitter", transport.Backoff{First: 3 * ms, Most: 10 * ms, Jitter: -1}, []time.Duration{3 * ms, 6 * ms, 10 * ms, 10 * ms}},
		{"the same each time", transport.Backoff{First: 7 * ms, Most: 7 * ms, Jitter: -1}, []time.Duration{7 * ms, 7 * ms, 7 * ms}},
		{"with more at first than at most", transport.Backoff{First: time.Hour, Most: 7 * ms, Jitter: -1}, []time.Duration{7 * ms, 7 * ms}},
		{
			"as long as there is time",
			transport.Backoff{First: math.MaxInt64 / 3, Most: math.MaxInt64, Jitter: -1},
			[]time.Duration{math.MaxInt64 / 3, math.MaxInt64 / 3 * 2, math.MaxInt64},
		},
	} {
		for i, want := range test.want {
			if got := test.b.Delay(i + 1); got != want {
				t.Errorf("%s: after failure %d: %v, want %v", test.name, i+1, got, want)
			}
		}
	}
	if got := (transport.Backoff{Jitter: -1}).Delay(math.MaxInt); got != 30*time.Second {
		t.Errorf("after very many failures: %v", got)
	}
	for range 1000 {
		if got := (transport.Backoff{}).Delay(1); got <= 0 || got > 500*ms {
			t.Errorf("the zero one: %v", got)
		}
		if got := (transport.Backoff{Jitter: time.Second}).Delay(2); got < 1000*ms || got >= 2000*ms {
			t.Errorf("one with a second of jitter: %v", got)
		}
	}
}

func TestReadyMadePoliciesRepeatWhatTheirNamesSay(t *testing.T) {
	const s = time.Second
	random, foreseen := rand.New(rand.NewPCG(1, 2)), rand.New(rand.NewPCG(1, 2))
	wait := func(first time.Duration, n int) (all []time.Duration) {
		all = append(all, 0)
		for i := range n - 1 {
			all = append(all, all[i]+first<<i+time.Duration(foreseen.Float64()*float64(s)))
		}
		return all
	}
	python := transport.Backoff{Jitter: s, Rand: random.Float64}
	for _, test := range []struct {
		name   string
		policy transport.RetryPolicy
		turns  []base
		status int // 0: the error
		times  []time.Duration
	}{
		{"a refusal", transport.RateLimitRetry{}, []base{answer(429, "Refused: 5s"), answer(200)}, 200, []time.Duration{0, 5 * s}},
		{"one refusal", transport.RateLimitRetry{Max: 1}, []base{answer(429, "Refused: 5s")}, 429, []time.Duration{0, 5 * s}},
		{"two", transport.RateLimitRetry{Max: 2}, []base{answer(429, "Refused: 5s")}, 429, []time.Duration{0, 5 * s, 10 * s}},
		{"no other failure", transport.RateLimitRetry{}, []base{answer(503)}, 503, []time.Duration{0}},
		{"nor broken connection", transport.RateLimitRetry{}, []base{fail(errBroken)}, 0, []time.Duration{0}},
		{"server errors", transport.ServerErrorRetry{Backoff: python}, []base{answer(503)}, 503, wait(s/2, 4)},
		{"one server error", transport.ServerErrorRetry{Max: 1, Backoff: python}, []base{answer(504)}, 504, wait(s/2, 2)},
		{"those chosen", transport.ServerErrorRetry{Statuses: []int{503}}, []base{answer(500)}, 500, []time.Duration{0}},
		{
			"others, if chosen",
			transport.ServerErrorRetry{Statuses: []int{501}, Backoff: python},
			[]base{answer(501), answer(200)},
			200, wait(s/2, 2),
		},
		{
			"client errors, if chosen",
			transport.ServerErrorRetry{Statuses: []int{408}, Backoff: python},
			[]base{answer(408), answer(200)},
			200, wait(s/2, 2),
		},
		{"no client error else", transport.ServerErrorRetry{}, []base{answer(408)}, 408, []time.Duration{0}},
		{
			"no refusal, whatever its status", transport.ServerErrorRetry{}, []base{answer(503, "Refused: 5s")}, 503, []time.Duration{0},
		},
		{"no broken connection", transport.ServerErrorRetry{}, []base{fail(errBroken)}, 0, []time.Duration{0}},
		{"broken connections", transport.ConnectionErrorRetry{Backoff: python}, []base{fail(errBroken)}, 0, wait(s/2, 4)},
		{"one of them", transport.ConnectionErrorRetry{Max: 1, Backoff: python}, []base{fail(errBroken)}, 0, wait(s/2, 2)},
		{"no answer", transport.ConnectionErrorRetry{}, []base{answer(503)}, 503, []time.Duration{0}},
		{"not what is set up wrongly", transport.ConnectionErrorRetry{}, []base{fail(http.ErrSchemeMismatch)}, 0, []time.Duration{0}},
		{
			"whichever says yes first",
			transport.RetryPolicies{
				transport.RateLimitRetry{Max: 1},
				transport.RetryFunc(func(f transport.Failure) (time.Duration, bool) { return 3 * s, f.Status == 500 }),
				transport.ServerErrorRetry{Statuses: []int{500, 502}, Backoff: transport.Backoff{First: 9 * s, Jitter: -1}},
			},
			[]base{answer(500), answer(429, "Refused: 5s"), answer(502), answer(429, "Refused: 5s")},
			429,
			[]time.Duration{0, 3 * s, 8 * s, 26 * s}, // 9 s, twice, for it is the second failure
		},
		{"nothing, of none", transport.RetryPolicies{}, []base{answer(429, "Refused: 5s")}, 429, []time.Duration{0}},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := serve(test.turns...)
				limits := transport.New(open(), &transport.Options{Base: srv, Retry: test.policy})
				got := roundTrip(limits, request(t.Context(), http.MethodGet, nil))
				if got.status != test.status || (got.err == nil) == (test.status == 0) {
					t.Errorf("got %+v", got)
				}
				if times := srv.times(); !slices.Equal(times, test.times) {
					t.Errorf("it was sent at %v, want %v", times, test.times)
				}
				checkQuiet(t, limits)
			})
		})
	}
}

func TestAPolicyCanDeclineAnyRetry(t *testing.T) {
	never := transport.RetryFunc(func(transport.Failure) (time.Duration, bool) { return 0, false })
	for name, turn := range map[string]base{
		"a refusal": answer(429, "Refused: 1s"), "a server error": answer(503),
		"a broken connection": fail(errBroken), "no connection": fail(errDial),
	} {
		synctest.Test(t, func(t *testing.T) {
			srv := serve(turn)
			limits := transport.New(&api{}, &transport.Options{Base: srv, Retry: never})
			roundTrip(limits, request(t.Context(), http.MethodGet, nil))
			if len(srv.sent) != 1 {
				t.Errorf("%s: it was sent %d times", name, len(srv.sent))
			}
			checkQuiet(t, limits)
		})
	}
}

func TestAPolicyMakesNoDuplicatesUnlessWritesAreLeftToIt(t *testing.T) {
	ready := transport.RetryPolicies{
		transport.RateLimitRetry{}, transport.ServerErrorRetry{Statuses: []int{408, 503}}, transport.ConnectionErrorRetry{},
	}
	// What slack_sdk does: its handlers do not ask whether a request may be repeated.
	reckless := transport.RetryFunc(func(f transport.Failure) (time.Duration, bool) {
		f.Repeatable = true
		return ready.Retry(f)
	})
	for _, turn := range []base{answer(503), answer(408), fail(errBroken)} {
		for _, test := range []struct {
			name   string
			policy transport.RetryPolicy
			writes bool
			sent   int
		}{
			{"the default", nil, false, 1},
			{"the default, although they are left to it", nil, true, 1},
			{"one that says yes to all", &always{}, false, 1},
			{"one that says yes to all, if they are left to it", &always{}, true, 4},
			{"ready-made ones, although they are left to them", ready, true, 1},
			{"those in a reckless one", reckless, false, 1},
			{"those in a reckless one, if they are left to it", reckless, true, 4},
		} {
			synctest.Test(t, func(t *testing.T) {
				srv := serve(turn)
				limits := transport.New(open(), &transport.Options{
					Base: srv, Retry: test.policy, RetryWrites: test.writes, MaxAttempts: 4,
				})
				for _, req := range []*http.Request{
					request(t.Context(), http.MethodPost, nil), request(t.Context(), http.MethodDelete, strings.NewReader("x")),
				} {
					srv.sent = nil
					roundTrip(limits, req)
					if len(srv.sent) != test.sent {
						t.Errorf("%s: a %s was sent %d times, want %d", test.name, req.Method, len(srv.sent), test.sent)
					}
				}
			})
		}
	}
}

func TestAPolicyCannotHurryTheBuckets(t *testing.T) {
	const s = time.Second
	for _, test := range []struct{ delay, block, again time.Duration }{
		{0, 5 * s, 5 * s},
		{-9 * s, 5 * s, 5 * s},
		{3 * s, 5 * s, 5 * s},
		{7 * s, 5 * s, 7 * s}, // not both, one after the other
	} {
		synctest.Test(t, func(t *testing.T) {
			srv, told := serve(answer(429, "Refused: "+test.block.String()), answer(200)), time.Duration(-1)
			limits := transport.New(&api{}, &transport.Options{
				Base: srv, Retry: &always{d: test.delay}, Trace: &transport.Trace{
					Retry: func(_ context.Context, info transport.RetryInfo) { told = info.Delay },
				},
			})
			want(t, roundTrip(limits, request(t.Context(), http.MethodPost, nil)), 200)
			if got := srv.times(); !slices.Equal(got, []time.Duration{0, test.again}) {
				t.Errorf("with %v it was sent at %v", test.delay, got)
			}
			if told != max(test.delay, 0) {
				t.Errorf("with %v its back-off was %v", test.delay, told)
			}
		})
	}
}

func TestAttemptsAndTheBudgetBoundAPolicyThatAlwaysSaysYes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := serve(answer(429, "Refused: 1s"))
		limits := transport.New(&api{}, &transport.Options{Base: srv, Retry: &always{}, MaxAttempts: 25})
		want(t, roundTrip(limits, request(t.Context(), http.MethodGet, nil)), 429)
		if len(srv.sent) != 25 {
			t.Errorf("a refused request was sent %d times", len(srv.sent))
		}
	})
	for name, turn := range map[string]base{"503": answer(503), "404": answer(404), "an error": fail(errBroken)} {
		synctest.Test(t, func(t *testing.T) {
			a := &ailing{turn: turn}
			var suppressed transport.RetryReason
			limits := transport.New(open(), &transport.Options{Base: a, Retry: &always{}, Trace: &transport.Trace{
				Finished: func(_ context.Context, i transport.FinishedInfo) { suppressed = i.Suppressed },
			}})
			a.sendings(t, limits, 1000)
			if got := a.sendings(t, limits, 10_000); got != 11_000 || suppressed == "" {
				t.Errorf("%s: 10,000 calls were sent %d times, want 1.1 each; the last lacked budget for %q", name, got, suppressed)
			}
		})
	}
}

func TestADelayBeyondTheDeadlineIsNotBegun(t *testing.T) {
	for name, turn := range map[string]base{"a refusal": answer(429, "Refused: 1s"), "a failure": answer(503)} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			srv := serve(turn)
			limits := transport.New(open(), &transport.Options{Base: srv, Retry: &always{d: time.Minute + 1}})
			got := roundTrip(limits, request(ctx, http.MethodGet, nil))
			if got.status == 0 || len(srv.sent) != 1 || time.Since(srv.start) != 0 {
				t.Errorf("%s: got %+v after %v and %d sendings", name, got, time.Since(srv.start), len(srv.sent))
			}
			checkQuiet(t, limits)
		})
	}
}

func TestWhatAPolicyIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &always{}
		srv := serve(
			answer(503, "A: b"), fail(errBroken), answer(429, "Refused: 1s"), fail(errDial), answer(404), answer(200))
		limits := transport.New(open(), &transport.Options{Base: srv, Retry: p, RetryWrites: true})
		req := request(t.Context(), http.MethodPost, nil)
		want(t, roundTrip(limits, req), 200)
		for i, want := range []transport.Failure{
			{Reason: transport.RetryServerError, Failures: 1, Status: 503, Header: http.Header{"A": {"b"}}},
			{Reason: transport.RetryConnection, Failures: 2, Err: errBroken},
			{Reason: transport.RetryRefused, Failures: 2, Repeatable: true, Status: 429, Header: http.Header{"Refused": {"1s"}}},
			{Reason: transport.RetryConnection, Failures: 3, Repeatable: true, Err: errDial},
			{Reason: transport.RetryClientError, Failures: 4, Status: 404, Header: http.Header{}},
		} {
			want.CallInfo = transport.CallInfo{Provider: "api", Route: "/things", Attempt: i + 1}
			want.Request = req
			if got := p.asked[i]; fmt.Sprint(got) != fmt.Sprint(want) || got.Request != req || !errors.Is(got.Err, want.Err) {
				t.Errorf("sending %d: it was told\n%+v, want\n%+v", i+1, got, want)
			}
		}
		if len(p.asked) != 5 {
			t.Errorf("it was asked %d times", len(p.asked))
		}
	})
}

func TestAPolicyIsAskedOnlyAboutWhatCanBeSentAgain(t *testing.T) {
	gone := func(ctx context.Context) context.Context {
		ctx, cancel := context.WithCancel(ctx)
		cancel()
		return ctx
	}
	for _, test := range []struct {
		name string
		turn base
		opts transport.Options
		req  func(context.Context) *http.Request
	}{
		{"a success", answer(200), transport.Options{}, nil},
		{"a redirection", answer(302), transport.Options{}, nil},
		{"what is final", answer(429, "Refused: 1s", "Final: yes"), transport.Options{}, nil},
		{"what may not wait", answer(429, "Refused: 1s"), transport.Options{Mode: bucket.Reject}, nil},
		{"what is only watched", answer(503), transport.Options{Mode: bucket.Shadow}, nil},
		{"the last sending", answer(503), transport.Options{MaxAttempts: 1}, nil},
		{"a stream", answer(429, "Refused: 1s"), transport.Options{}, func(ctx context.Context) *http.Request {
			return request(ctx, http.MethodPost, struct{ io.Reader }{strings.NewReader("x")})
		}},
		{"what was never sent", answer(200), transport.Options{}, func(ctx context.Context) *http.Request {
			return request(gone(ctx), http.MethodGet, nil)
		}},
		{"what is not its provider's", answer(503), transport.Options{}, func(ctx context.Context) *http.Request {
			req := request(ctx, http.MethodGet, nil)
			req.URL.Host = "elsewhere.test"
			return req
		}},
	} {
		synctest.Test(t, func(t *testing.T) {
			p := &always{}
			test.opts.Base, test.opts.Retry, test.opts.RetryWrites = serve(test.turn), p, true
			req := request(t.Context(), http.MethodGet, nil)
			if test.req != nil {
				req = test.req(t.Context())
			}
			roundTrip(transport.New(&api{}, &test.opts), req)
			if len(p.asked) != 0 {
				t.Errorf("%s: it was asked: %+v", test.name, p.asked)
			}
		})
	}
}

func TestAPolicyIsAskedForManyRequestsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 50
		srv := serve(answer(503))
		limits := transport.New(open(), &transport.Options{
			Base: srv, RetryBudget: -1,
			Retry: transport.ServerErrorRetry{Max: 2, Backoff: transport.Backoff{Jitter: -1}},
		})
		var all sync.WaitGroup
		for range n {
			all.Go(func() { roundTrip(limits, request(t.Context(), http.MethodGet, nil)) })
		}
		all.Wait()
		if d := time.Since(srv.start); len(srv.sent) != 3*n || d != 1500*time.Millisecond {
			t.Errorf("%d sendings in %v", len(srv.sent), d)
		}
		checkQuiet(t, limits)
	})
}

func TestAClientErrorIsNotRepeatedByItself(t *testing.T) {
	for status := 400; status < 500; status++ {
		synctest.Test(t, func(t *testing.T) {
			srv := serve(answer(status))
			roundTrip(transport.New(&api{repeat: providers.Always}, &transport.Options{Base: srv}), request(t.Context(), http.MethodGet, nil))
			if len(srv.sent) != 1 {
				t.Errorf("%d: it was sent %d times", status, len(srv.sent))
			}
		})
	}
}
