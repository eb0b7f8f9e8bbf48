package transport_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/underlimit/underlimit/bucket"
	"github.com/underlimit/underlimit/providers"
	"github.com/underlimit/underlimit/providers/headers"
	"github.com/underlimit/underlimit/transport"
)

// errDial is how net/http's Transport tells that it reached nobody.
var errDial = fmt.Errorf("wrapped: %w", &net.OpError{Op: "dial", Net: "tcp", Err: errBroken})

// A refusal that blocks nothing would get a block of unknown length, which is a second.
func TestABlockThatIsPointedToIsSeen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := serve(answer(429, "Refused: 100ms"), answer(200))
		limits := transport.New(&api{points: true}, &transport.Options{Base: srv})
		want(t, roundTrip(limits, request(t.Context(), http.MethodGet, nil)), 200)
		if got, want := srv.times(), []time.Duration{0, 100 * time.Millisecond}; !slices.Equal(got, want) {
			t.Errorf("it was sent at %v, want %v", got, want)
		}
	})
}

func TestFailuresAreRepeatedOnlyWhereTheyMayBe(t *testing.T) {
	const key = "Idempotency-Key"
	for _, test := range []struct {
		name   string
		turn   base
		method string
		field  string
		repeat providers.Repeat
		sent   int
	}{
		{"GET", answer(503), "GET", "", providers.ByMethod, 4},
		{"a request without a method", answer(503), "", "", providers.ByMethod, 4},
		{"HEAD", answer(500), "HEAD", "", providers.ByMethod, 4},
		{"OPTIONS", answer(502), "OPTIONS", "", providers.ByMethod, 4},
		{"TRACE", answer(504), "TRACE", "", providers.ByMethod, 4},
		{"POST", answer(503), "POST", "", providers.ByMethod, 1},
		{"PUT", answer(503), "PUT", "", providers.ByMethod, 1},
		{"PATCH", answer(503), "PATCH", "", providers.ByMethod, 1},
		{"DELETE", answer(503), "DELETE", "", providers.ByMethod, 1},
		{"POST with a key", answer(503), "POST", key, providers.ByMethod, 4},
		{"POST with an x-key", answer(503), "POST", "X-" + key, providers.ByMethod, 4},
		{"POST that the provider knows to be safe", answer(503), "POST", "", providers.Always, 4},
		{"GET that the provider knows to write", answer(503), "GET", "", providers.Never, 1},
		{"POST with a key that the provider knows to write", answer(503), "POST", key, providers.Never, 1},
		{"501 is no failure that passes", answer(501), "GET", "", providers.ByMethod, 1},
		{"505 neither", answer(505), "GET", "", providers.ByMethod, 1},
		{"408 neither", answer(408), "GET", "", providers.ByMethod, 1},
		{"a final 503", answer(503, "Final: yes"), "GET", "", providers.ByMethod, 1},
		{"GET without an answer", fail(errBroken), "GET", "", providers.ByMethod, 4},
		{"POST without an answer", fail(errBroken), "POST", "", providers.ByMethod, 1},
		{"POST with a key, without an answer", fail(errBroken), "POST", key, providers.ByMethod, 4},
		{"POST that was never sent", fail(errDial), "POST", "", providers.ByMethod, 4},
		{"a write that was never sent", fail(errDial), "GET", "", providers.Never, 4},
		{"POST that broke off while writing", fail(&net.OpError{Op: "write", Err: errBroken}), "POST", "", providers.ByMethod, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := serve(test.turn)
				var delays, gaps []time.Duration
				limits := transport.New(&api{repeat: test.repeat}, &transport.Options{Base: srv, Trace: &transport.Trace{
					Retry: func(_ context.Context, info transport.RetryInfo) { delays = append(delays, info.Delay) },
				}})
				req := request(t.Context(), http.MethodGet, nil)
				req.Method = test.method
				if test.field != "" {
					req.Header.Set(test.field, "1")
				}
				got := roundTrip(limits, req)
				times := srv.times()
				if len(times) != test.sent {
					t.Errorf("it was sent at %v, want %d sendings", times, test.sent)
				}
				for i := range times[1:] {
					gaps = append(gaps, times[i+1]-times[i])
					if most := 500 * time.Millisecond << i; delays[i] <= 0 || delays[i] > most {
						t.Errorf("back-off %d is %v, want at most %v", i+1, delays[i], most)
					}
				}
				if !slices.Equal(gaps, delays) {
					t.Errorf("it came again after %v, want %v", gaps, delays)
				}
				if got.status == 0 && !errors.Is(got.err, errBroken) || got.status != 0 && got.err != nil {
					t.Errorf("got %+v", got)
				}
				checkQuiet(t, limits)
			})
		})
	}
}

func TestFailuresThatNoRetryMendsAreNotRepeated(t *testing.T) {
	dial := func(err error) error { return &net.OpError{Op: "dial", Net: "tcp", Err: err} }
	untrusted := x509.UnknownAuthorityError{Cert: &x509.Certificate{}}
	unparsable := &url.Error{Op: "parse", URL: "http://proxy:port", Err: errBroken}
	for name, test := range map[string]struct {
		err  error
		sent int
	}{
		"a certificate of nobody's":   {&tls.CertificateVerificationError{Err: errBroken}, 1},
		"one that the program denies": {fmt.Errorf("pinning: %w", untrusted), 1},
		"one that has run out":        {x509.CertificateInvalidError{Cert: &x509.Certificate{}, Reason: x509.Expired}, 1},
		"one of another host":         {x509.HostnameError{Certificate: &x509.Certificate{}, Host: "api.test"}, 1},
		"a server without TLS":        {fmt.Errorf("wrapped: %w", http.ErrSchemeMismatch), 1},
		"no such host":                {dial(&net.DNSError{Err: "no such host", IsNotFound: true}), 1},
		"a resolver that is not well": {dial(&net.DNSError{Err: "server misbehaving", IsTemporary: true}), 4},
		"not found, for now":          {dial(&net.DNSError{Err: "no such host", IsNotFound: true, IsTemporary: true}), 4},
		"no such port":                {dial(&net.AddrError{Err: "invalid port", Addr: "99999"}), 1},
		"a proxy without a URL":       {fmt.Errorf("invalid proxy: %w", unparsable), 1},
		"nobody there":                {dial(syscall.ECONNREFUSED), 4},
		"a broken connection":         {io.ErrUnexpectedEOF, 4},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := serve(fail(test.err))
				limits := transport.New(&api{}, &transport.Options{Base: srv})
				if got := roundTrip(limits, request(t.Context(), http.MethodGet, nil)); !errors.Is(got.err, test.err) {
					t.Errorf("got %+v", got)
				}
				if n := len(srv.sent); n != test.sent {
					t.Errorf("it was sent %d times, want %d", n, test.sent)
				}
				checkQuiet(t, limits)
			})
		})
	}
}

func TestRequestsThatTheBaseWillNotSendAreNotRepeated(t *testing.T) {
	for name, spoil := range map[string]func(*http.Request){
		"unsupported protocol scheme": func(req *http.Request) { req.URL.Scheme = "gopher" },
		"no Host in request URL":      func(req *http.Request) { req.URL.Host = "" },
		"invalid method":              func(req *http.Request) { req.Method = "GET IT" },
		"invalid header field":        func(req *http.Request) { req.Header.Set("Cookie", "a\nb") },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				rt, _ := listen(t, func(http.ResponseWriter, *http.Request) {})
				srv := serve(rt.RoundTrip)
				p := &api{repeat: providers.Always, draws: []bucket.Draw{aQuota}}
				limits := transport.New(p, &transport.Options{Base: srv})
				req := request(t.Context(), http.MethodGet, nil)
				spoil(req)
				if got := roundTrip(limits, req); got.err == nil || !strings.Contains(got.err.Error(), name) {
					t.Errorf("got %+v", got)
				}
				if n := len(srv.sent); n != 1 {
					t.Errorf("it was sent %d times", n)
				}
				checkFree(t, limits, true)
			})
		})
	}
}

func TestRefusalsAndFailuresAreCountedApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		refuse, broken := answer(429, "Refused: 1s"), answer(503)
		srv := serve(refuse, broken, refuse, broken, refuse, broken, refuse, broken, answer(200))
		limits := transport.New(&api{}, &transport.Options{Base: srv})
		want(t, roundTrip(limits, request(t.Context(), http.MethodGet, nil)), 503)
		if n := len(srv.sent); n != 8 {
			t.Errorf("it was sent %d times", n)
		}
	})
}

func TestSendingsAreBounded(t *testing.T) {
	for _, test := range []struct{ most, sent int }{{0, 10}, {-1, 10}, {1, 1}, {2, 2}, {25, 25}} {
		t.Run(fmt.Sprint(test.most), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := serve(answer(429, "Refused: 1s"))
				limits := transport.New(&api{}, &transport.Options{Base: srv, MaxAttempts: test.most})
				want(t, roundTrip(limits, request(t.Context(), http.MethodPost, nil)), 429)
				if n := len(srv.sent); n != test.sent {
					t.Errorf("it was sent %d times, want %d", n, test.sent)
				}
			})
		})
	}
}

func TestRefusalsWaitInTheBuckets(t *testing.T) {
	const s = time.Second
	for _, test := range []struct {
		name   string
		fields []string
		times  []time.Duration
	}{
		{"for as long as they say", []string{"Refused: 5s"}, []time.Duration{0, 5 * s, 10 * s, 15 * s}},
		{"ever longer if they do not say", []string{"Refused: untold"}, []time.Duration{0, 1 * s, 3 * s, 7 * s}},
		{"ever longer if they say nothing of use", []string{"Refused: 0s"}, []time.Duration{0, 1 * s, 3 * s, 7 * s}},
		{"ever longer if they lie", []string{"Refused: -9s"}, []time.Duration{0, 1 * s, 3 * s, 7 * s}},
		{"not if they are final", []string{"Refused: 5s", "Final: yes"}, []time.Duration{0}},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := serve(answer(429, test.fields...))
				limits := transport.New(&api{}, &transport.Options{Base: srv, MaxAttempts: 4})
				want(t, roundTrip(limits, request(t.Context(), http.MethodPost, nil)), 429)
				if got := srv.times(); !slices.Equal(got, test.times) {
					t.Errorf("it was sent at %v, want %v", got, test.times)
				}
			})
		})
	}
}

func TestRefusalThatNothingHoldsBackIsNotRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := serve(answer(429, "Refused: untold"))
		limits := transport.New(&api{none: true}, &transport.Options{Base: srv})
		want(t, roundTrip(limits, request(t.Context(), http.MethodGet, nil)), 429)
		if n := len(srv.sent); n != 1 {
			t.Errorf("it was sent %d times", n)
		}
	})
}

func TestRetryAfterCanBeAnything(t *testing.T) {
	const s, day = time.Second, 24 * time.Hour
	grow := []time.Duration{1 * s, 2 * s} // the waits where nothing is told
	each := func(d time.Duration) []time.Duration { return []time.Duration{d, d} }
	for _, test := range []struct {
		name, value string
		date        bool // whether the answer shows the server's clock, which is an hour slow
		waits       []time.Duration
	}{
		{"absent", "", false, grow},
		{"zero", "0", false, grow},
		{"negative", "-5", false, grow},
		{"not a number", "NaN", false, grow},
		{"infinite", "Inf", false, grow},
		{"a word", "soon", false, grow},
		{"with its unit", "5s", false, each(5 * s)},
		{"of other digits", "٥", false, grow},
		{"long", strings.Repeat("9", 10_000), false, grow},
		{"past", "Sat, 01 Jan 2000 00:00:00 GMT", false, grow},
		{"no date", "Sat, 99 Jan 2030 00:00:00 GMT", false, grow},
		{"seconds", "3", false, each(3 * s)},
		{"seconds in blanks", " 3 ", false, each(3 * s)},
		{"a fraction", "0.25", false, each(s / 4)},
		{"a month", "2592000", false, each(day)},
		{"huge", "99999999999999999", false, each(day)},
		{"beyond floating point", "1e999", false, each(day)},
		{"a date", "Thu, 01 Jan 2026 00:00:07 GMT", false, []time.Duration{7 * s, 1 * s, 2 * s}},
		{"a date on the server's clock", "Wed, 31 Dec 2025 23:00:07 GMT", true, []time.Duration{7 * s, 1 * s, 2 * s}},
		{"an epoch", "1767225607", false, []time.Duration{7 * s, 1 * s, 2 * s}},
		{"an epoch in milliseconds", "1767225607500", false, []time.Duration{7*s + s/2, 1 * s, 2 * s}},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				<-time.After(time.Until(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)))
				srv := serve(func(*http.Request) (*http.Response, error) {
					resp, err := answer(429)(nil)
					if test.value != "" {
						resp.Header.Set("Retry-After", test.value)
					}
					if test.date {
						resp.Header.Set("Date", time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat))
					}
					return resp, err
				})
				limits := transport.New(headers.New(nil), &transport.Options{Base: srv, MaxAttempts: len(test.waits) + 1})
				want(t, roundTrip(limits, request(t.Context(), http.MethodPost, nil)), 429)
				times := []time.Duration{0}
				for i, d := range test.waits {
					times = append(times, times[i]+d)
				}
				if got := srv.times(); !slices.Equal(got, times) {
					t.Errorf("it was sent at %v, want %v", got, times)
				}
			})
		})
	}
}

func TestRefusedRequestKeepsItsPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := serve(
			after(time.Second, answer(429, "Refused: 5s")),
			after(time.Second, answer(200)),
		)
		limits := transport.New(&api{}, &transport.Options{Base: srv})
		done := make(chan result)
		for _, name := range []string{"first", "second", "third"} {
			go func() { done <- roundTrip(limits, request(t.Context(), http.MethodPost, strings.NewReader(name))) }()
			synctest.Wait()
		}
		for range 3 {
			want(t, <-done, 200)
		}
		// The first goes ahead to see, twice. When it is through, nothing holds the others.
		if got := srv.bodies(); !slices.Equal(got[:2], []string{"first", "first"}) || len(got) != 4 {
			t.Errorf("sent %q", got)
		}
		const s = time.Second
		if got := srv.times(); !slices.Equal(got, []time.Duration{0, 6 * s, 7 * s, 7 * s}) {
			t.Errorf("sent at %v", got)
		}
	})
}

func TestRefusalIsTheAnswerToARequestThatCannotWait(t *testing.T) {
	for _, test := range []struct {
		name            string
		timeout, cancel time.Duration
		maxWait         time.Duration
		after           time.Duration // when it comes back
	}{
		{"until its deadline", 5 * time.Second, 0, 0, 0},
		{"as long as the transport allows", 0, 0, 5 * time.Second, 0},
		{"because the caller gave up", 0, 5 * time.Second, 0, 5 * time.Second},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv, waits := serve(answer(429, "Refused: 1m")), 0
				limits := transport.New(&api{}, &transport.Options{Base: srv, MaxWait: test.maxWait, Trace: &transport.Trace{
					WaitStart: func(context.Context, transport.WaitStartInfo) { waits++ },
				}})
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if test.timeout > 0 {
					ctx, cancel = context.WithTimeout(ctx, test.timeout)
					defer cancel()
				}
				if test.cancel > 0 {
					defer time.AfterFunc(test.cancel, cancel).Stop()
				}
				want(t, roundTrip(limits, request(ctx, http.MethodPost, nil)), 429)
				if d := time.Since(srv.start); d != test.after || len(srv.sent) != 1 || waits != 2 {
					t.Errorf("it came back after %v, %d sendings and %d waits", d, len(srv.sent), waits)
				}
				checkQuiet(t, limits)
			})
		})
	}
}

func TestRefusalStandsIfTheBodyCannotBeHadAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := serve(answer(429, "Refused: 1s"), answer(200))
		limits := transport.New(&api{}, &transport.Options{Base: srv})
		req := request(t.Context(), http.MethodPost, strings.NewReader("body"))
		req.GetBody = func() (io.ReadCloser, error) { return nil, errBroken }
		want(t, roundTrip(limits, req), 429)
		checkQuiet(t, limits)
	})
}

func TestMaxWaitBoundsTheWaitingInTotal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := serve(answer(429, "Refused: 4s"))
		limits := transport.New(&api{}, &transport.Options{Base: srv, MaxWait: 10 * time.Second})
		want(t, roundTrip(limits, request(t.Context(), http.MethodPost, nil)), 429)
		const s = time.Second
		if got := srv.times(); !slices.Equal(got, []time.Duration{0, 4 * s, 8 * s}) {
			t.Errorf("it was sent at %v", got)
		}
	})
}

func TestWaitErrorsAreFinal(t *testing.T) {
	for _, test := range []struct {
		name    string
		timeout time.Duration
		maxWait time.Duration
		cause   error
		timely  bool
	}{
		{"deadline", time.Minute, 0, context.DeadlineExceeded, true},
		{"maximal wait", 0, time.Minute, bucket.ErrMaxWait, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv, waits := serve(answer(200)), 0
				limits := transport.New(&api{}, &transport.Options{Base: srv, MaxWait: test.maxWait, Trace: &transport.Trace{
					WaitStart: func(context.Context, transport.WaitStartInfo) { waits++ },
				}})
				block(t, limits, time.Hour)
				ctx := t.Context()
				if test.timeout > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, test.timeout)
					defer cancel()
				}
				got := roundTrip(limits, request(ctx, http.MethodGet, nil))
				wait, ok := got.err.(*bucket.WaitError) //nolint:errorlint // url.Error looks no deeper
				if !ok {
					t.Fatalf("got %#v", got.err)
				}
				if !errors.Is(wait, test.cause) || !wait.Timeout() || wait.Key != apiKey ||
					!wait.Until.Equal(srv.start.Add(time.Hour)) {
					t.Errorf("got %v", wait)
				}
				if waits != 1 || len(srv.sent) != 0 || time.Since(srv.start) != 0 {
					t.Errorf("it asked %d times and was sent %d times in %v", waits, len(srv.sent), time.Since(srv.start))
				}
				checkQuiet(t, limits)
			})
		})
	}
}

func TestDialErrorsGiveBackWhatWasTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &api{draws: []bucket.Draw{{Key: apiKey, Policy: &bucket.Policy{Quota: 1, Window: time.Hour}}}}
		srv := serve(fail(errDial), answer(200))
		limits := transport.New(p, &transport.Options{Base: srv})
		want(t, roundTrip(limits, request(t.Context(), http.MethodPost, nil)), 200)
		if d := time.Since(srv.start); d > 500*time.Millisecond {
			t.Errorf("it took %v: what was never sent counted", d)
		}
	})
}

func TestErrorsAfterSendingCountAsSpent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &api{draws: []bucket.Draw{{Key: apiKey, Policy: &bucket.Policy{Quota: 1, Window: time.Hour}}}}
		srv := serve(fail(errBroken), answer(200))
		limits := transport.New(p, &transport.Options{Base: srv})
		want(t, roundTrip(limits, request(t.Context(), http.MethodGet, nil)), 200)
		if got := srv.times(); len(got) != 2 || got[1] < time.Hour { // the margin is the registry's affair
			t.Errorf("it was sent at %v", got)
		}
	})
}

func TestBackOffEndsWithTheRequest(t *testing.T) {
	errTired := errors.New("tired")
	for name, test := range map[string]struct {
		turn base
		ok   func(result) bool
	}{
		"after an answer": {answer(503), func(got result) bool { return got.status == 503 && got.err == nil }},
		"without one":     {fail(errBroken), func(got result) bool { return errors.Is(got.err, errTired) }},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancelCause(t.Context())
				defer cancel(nil)
				srv := serve(test.turn)
				limits := transport.New(&api{}, &transport.Options{Base: srv, Trace: &transport.Trace{
					Retry: func(context.Context, transport.RetryInfo) { cancel(errTired) },
				}})
				got := roundTrip(limits, request(ctx, http.MethodGet, nil))
				if !test.ok(got) || len(srv.sent) != 1 || time.Since(srv.start) != 0 {
					t.Errorf("got %+v after %d sendings and %v", got, len(srv.sent), time.Since(srv.start))
				}
				checkQuiet(t, limits)
			})
		})
	}
}

func TestRequestThatEndsUnderWayIsNotRepeated(t *testing.T) {
	for name, turn := range map[string]base{"without an answer": fail(errBroken), "with a failure": answer(503)} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				srv := serve(func(req *http.Request) (*http.Response, error) {
					cancel()
					return turn(req)
				})
				limits := transport.New(&api{}, &transport.Options{Base: srv, Trace: &transport.Trace{
					Retry: func(_ context.Context, info transport.RetryInfo) { t.Errorf("told of %+v", info) },
				}})
				got := roundTrip(limits, request(ctx, http.MethodGet, nil))
				if got.status != 503 && got.err != errBroken { //nolint:errorlint // itself
					t.Errorf("got %+v", got)
				}
			})
		})
	}
}

func TestBackOffBeyondTheDeadlineIsNotBegun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for range 100 {
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			srv := serve(answer(503))
			start := time.Now()
			want(t, roundTrip(transport.New(&api{}, &transport.Options{Base: srv}), request(ctx, http.MethodGet, nil)), 503)
			if d := time.Since(start); d >= 300*time.Millisecond {
				t.Errorf("it took %v", d)
			}
			cancel()
		}
	})
}

func TestServerErrorThatBlocksIsRepeatedAfterIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := serve(answer(503, "Blocked: 1m"), answer(200))
		limits := transport.New(&api{}, &transport.Options{Base: srv})
		want(t, roundTrip(limits, request(t.Context(), http.MethodGet, nil)), 200)
		if got := srv.times(); !slices.Equal(got, []time.Duration{0, time.Minute}) {
			t.Errorf("it was sent at %v", got)
		}
	})
}

func TestSentOnceOrReplayedDependsOnTheBody(t *testing.T) {
	const limit = 64 << 10
	for _, test := range []struct {
		name   string
		size   int
		told   bool // its length
		again  bool // it can be had again
		status int
	}{
		{"no body", 0, true, false, 200},
		{"small", 1, true, false, 200},
		{"as large as is kept", limit, true, false, 200},
		{"larger", limit + 1, true, false, 429},
		{"small, of unknown length", 1, false, false, 429},
		{"a megabyte", 1 << 20, true, false, 429},
		{"a megabyte that can be had again", 1 << 20, true, true, 200},
		{"of unknown length that can be had again", 1, false, true, 200},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := serve(answer(429, "Refused: 1s"), answer(200))
				body := strings.Repeat("x", test.size)
				req := request(t.Context(), http.MethodPost, strings.NewReader(body))
				if !test.again {
					req.GetBody = nil
				}
				if !test.told {
					req.ContentLength = -1
				}
				want(t, roundTrip(transport.New(&api{}, &transport.Options{Base: srv}), req), test.status)
				for _, got := range srv.bodies() {
					if got != body {
						t.Errorf("%d of %d bytes were sent", len(got), len(body))
					}
				}
			})
		})
	}
}

// zeros is an endless body that takes no memory.
type zeros struct{}

func (zeros) Read(b []byte) (int, error) {
	clear(b)
	return len(b), nil
}

func TestLargeBodiesTakeNoMemory(t *testing.T) {
	const size = 100 << 20
	large := func() (io.ReadCloser, error) { return io.NopCloser(io.LimitReader(zeros{}, size)), nil }
	for name, again := range map[string]func() (io.ReadCloser, error){"sent once": nil, "replayed": large} {
		t.Run(name, func(t *testing.T) {
			received := int64(0)
			refused := false
			limits := transport.New(&api{read: true}, &transport.Options{
				Base: base(func(req *http.Request) (*http.Response, error) {
					n, err := io.Copy(io.Discard, req.Body)
					_ = req.Body.Close()
					received += n
					if err != nil || refused {
						return answer(200)(req)
					}
					refused = true
					return answer(429, "Refused: 1ms")(req)
				}),
			})
			req := request(t.Context(), http.MethodPost, nil)
			req.Body, _ = large()
			req.ContentLength, req.GetBody = size, again
			before := allocated()
			got := roundTrip(limits, req)
			if used := allocated() - before; used > 1<<20 {
				t.Errorf("it took %d bytes of memory", used)
			}
			status, sendings := 429, int64(1)
			if again != nil {
				status, sendings = 200, 2
			}
			want(t, got, status)
			if received != sendings*size {
				t.Errorf("%d bytes arrived", received)
			}
		})
	}
}

// allocated is how much memory was ever taken.
func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}
