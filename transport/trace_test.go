package transport_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/underlimit/underlimit/bucket"
	"github.com/underlimit/underlimit/transport"
)

// recording returns a trace that writes down what it is told, after a name.
func recording(name string, to *[]string) *transport.Trace {
	start := time.Now()
	write := func(c transport.CallInfo, format string, args ...any) {
		at := fmt.Sprintf("%s%v %s %s %d: ", name, time.Since(start), c.Provider, c.Route, c.Attempt)
		*to = append(*to, at+fmt.Sprintf(format, args...))
	}
	return &transport.Trace{
		WaitStart: func(_ context.Context, i transport.WaitStartInfo) { write(i.CallInfo, "asks") },
		WaitDone: func(_ context.Context, i transport.WaitDoneInfo) {
			write(i.CallInfo, "waited %v, %t", i.Waited, i.Err == nil)
		},
		GotResponse: func(_ context.Context, i transport.ResponseInfo) {
			write(i.CallInfo, "got %d %t %q in %v, %v", i.Status, i.Refused, i.Scope, i.Took, i.Err)
		},
		Retry: func(_ context.Context, i transport.RetryInfo) {
			delay := "0s"
			if i.Delay > 0 {
				delay = "a while"
			}
			write(i.CallInfo, "retry because %s in %s", i.Reason, delay)
		},
		LimitLearned: func(_ context.Context, i transport.LimitInfo) { write(i.CallInfo, "%v holds %d", i.Key, i.Limit) },
		Blocked: func(_ context.Context, i transport.BlockInfo) {
			write(i.CallInfo, "%v blocked until %v", i.Key, i.Until.Sub(start))
		},
		Finished: func(_ context.Context, i transport.FinishedInfo) {
			write(i.CallInfo, "finished with %d after %v, %t", i.Status, i.Waited, i.Err == nil)
		},
	}
}

func TestTraceTellsWhatHappens(t *testing.T) {
	for _, test := range []struct {
		name   string
		turns  []base
		most   int           // sendings
		block  time.Duration // before
		cancel time.Duration
		method string
		want   []string
	}{
		{
			name: "a request that goes at once", turns: []base{after(time.Second, answer(200))},
			want: []string{
				"0s api /things 1: asks",
				"0s api /things 1: waited 0s, true",
				`1s api /things 1: got 200 false "" in 1s, <nil>`,
				"1s api /things 1: finished with 200 after 0s, true",
			},
		},
		{
			name: "one that waits, and learns", turns: []base{answer(200, "Limit: 7")}, block: 5 * time.Second,
			want: []string{
				"0s api /things 1: asks",
				"5s api /things 1: waited 5s, true",
				`5s api /things 1: got 200 false "" in 0s, <nil>`,
				"5s api /things 1: api all [me] holds 7",
				"5s api /things 1: finished with 200 after 5s, true",
			},
		},
		{
			name: "one that is refused", turns: []base{answer(429, "Refused: 3s"), answer(200)}, method: http.MethodPost,
			want: []string{
				"0s api /things 1: asks",
				"0s api /things 1: waited 0s, true",
				`0s api /things 1: got 429 true "user" in 0s, <nil>`,
				"0s api /things 1: api all [me] blocked until 3s",
				"0s api /things 2: retry because refused in 0s",
				"0s api /things 2: asks",
				"3s api /things 2: waited 3s, true",
				`3s api /things 2: got 200 false "" in 0s, <nil>`,
				"3s api /things 2: finished with 200 after 3s, true",
			},
		},
		{
			name: "one that is refused for good", turns: []base{answer(429, "Refused: 3s")}, most: 1,
			want: []string{
				"0s api /things 1: asks",
				"0s api /things 1: waited 0s, true",
				`0s api /things 1: got 429 true "user" in 0s, <nil>`,
				"0s api /things 1: api all [me] blocked until 3s",
				"0s api /things 1: finished with 429 after 0s, true",
			},
		},
		{
			name: "one without an answer", turns: []base{after(time.Second, fail(errBroken))}, method: http.MethodPost,
			want: []string{
				"0s api /things 1: asks",
				"0s api /things 1: waited 0s, true",
				`1s api /things 1: got 0 false "" in 1s, the connection broke`,
				"1s api /things 1: finished with 0 after 0s, false",
			},
		},
		{
			name: "one that will not wait", turns: []base{answer(200)}, block: time.Hour,
			want: []string{
				"0s api /things 1: asks",
				"0s api /things 1: waited 0s, false",
				"0s api /things 0: finished with 0 after 0s, false",
			},
		},
		{
			name: "one that is cancelled while it waits", turns: []base{answer(200)},
			block: 40 * time.Second, cancel: 2 * time.Second,
			want: []string{
				"0s api /things 1: asks",
				"2s api /things 1: waited 2s, false",
				"2s api /things 0: finished with 0 after 2s, false",
			},
		},
		{
			name: "one that is cancelled while it waits again", turns: []base{answer(429, "Refused: 30s")},
			cancel: 2 * time.Second,
			want: []string{
				"0s api /things 1: asks",
				"0s api /things 1: waited 0s, true",
				`0s api /things 1: got 429 true "user" in 0s, <nil>`,
				"0s api /things 1: api all [me] blocked until 30s",
				"0s api /things 2: retry because refused in 0s",
				"0s api /things 2: asks",
				"2s api /things 2: waited 2s, false",
				"2s api /things 1: finished with 429 after 2s, true",
			},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var got []string
				limits := transport.New(&api{}, &transport.Options{
					Base: serve(test.turns...), MaxAttempts: test.most, MaxWait: time.Minute, Trace: recording("", &got),
				})
				if test.block > 0 {
					block(t, limits, test.block)
				}
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if test.cancel > 0 {
					defer time.AfterFunc(test.cancel, cancel).Stop()
				}
				roundTrip(limits, request(ctx, test.method, nil))
				if !slices.Equal(got, test.want) {
					t.Errorf("got\n%q\nwant\n%q", got, test.want)
				}
			})
		})
	}
}

func TestTraceTellsWhyFailuresAreRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got []string
		limits := transport.New(&api{}, &transport.Options{
			Base: serve(answer(503), fail(errBroken), answer(200)),
			Trace: &transport.Trace{Retry: func(_ context.Context, i transport.RetryInfo) {
				got = append(got, fmt.Sprint(i.Attempt, " ", i.Reason, " ", i.Delay > 0))
			}},
		})
		want(t, roundTrip(limits, request(t.Context(), http.MethodGet, nil)), 200)
		if !slices.Equal(got, []string{"2 server_error true", "3 connection true"}) {
			t.Errorf("got %q", got)
		}
	})
}

func TestTracesOfTransportAndContextRunOnceEach(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got []string
		note := func(name string) *transport.Trace {
			return &transport.Trace{Finished: func(context.Context, transport.FinishedInfo) { got = append(got, name) }}
		}
		whole, outer, inner := note("transport"), note("outer"), note("inner")
		limits := transport.New(&api{}, &transport.Options{Base: serve(answer(200)), Trace: whole})
		ctx := transport.WithTrace(transport.WithTrace(t.Context(), outer), inner)
		for _, test := range []struct {
			ctx  context.Context
			want []string
		}{
			{ctx, []string{"transport", "outer", "inner"}},
			{ctx, []string{"transport", "outer", "inner"}}, // composing them changed none of them
			{transport.WithTrace(t.Context(), outer), []string{"transport", "outer"}},
			{transport.WithTrace(ctx, nil), []string{"transport", "outer", "inner"}},
			{transport.WithTrace(t.Context(), &transport.Trace{}), []string{"transport"}},
			{t.Context(), []string{"transport"}},
		} {
			got = nil
			want(t, roundTrip(limits, request(test.ctx, http.MethodGet, nil)), 200)
			if !slices.Equal(got, test.want) {
				t.Errorf("got %v, want %v", got, test.want)
			}
		}
	})
}

func TestTraceOfTheContextAloneSeesAllHooks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got []string
		limits := transport.New(&api{}, &transport.Options{Base: serve(answer(429, "Refused: 3s"), answer(200, "Limit: 7"))})
		ctx := transport.WithTrace(t.Context(), recording("a ", &got))
		ctx = transport.WithTrace(ctx, recording("b ", &got))
		want(t, roundTrip(limits, request(ctx, http.MethodGet, nil)), 200)
		if len(got) != 2*10 {
			t.Errorf("got %d events: %q", len(got), got)
		}
		for i := 0; i+1 < len(got); i += 2 {
			if got[i][:2] != "a " || got[i+1] != "b "+got[i][2:] {
				t.Errorf("got %q and %q", got[i], got[i+1])
			}
		}
	})
}

func TestRequestsToNobodysLimitsRunNoHook(t *testing.T) {
	var got []string
	limits := transport.New(&api{}, &transport.Options{Base: serve(answer(200)), Trace: recording("", &got)})
	req := request(t.Context(), http.MethodGet, nil)
	req.URL.Host = "elsewhere.test"
	want(t, roundTrip(limits, req), 200)
	if len(got) > 0 {
		t.Errorf("got %q", got)
	}
}

func TestPanicOfAHookLeavesNoLeaseBehind(t *testing.T) {
	for name, trace := range map[string]*transport.Trace{
		"WaitStart":   {WaitStart: func(context.Context, transport.WaitStartInfo) { panic("hook") }},
		"WaitDone":    {WaitDone: func(context.Context, transport.WaitDoneInfo) { panic("hook") }},
		"GotResponse": {GotResponse: func(context.Context, transport.ResponseInfo) { panic("hook") }},
		"Finished":    {Finished: func(context.Context, transport.FinishedInfo) { panic("hook") }},
	} {
		synctest.Test(t, func(t *testing.T) {
			limits := transport.New(&api{}, &transport.Options{Base: serve(answer(200))})
			func() {
				defer func() {
					if recover() == nil {
						t.Errorf("the panic of %s was lost", name)
					}
				}()
				roundTrip(limits, request(transport.WithTrace(t.Context(), trace), http.MethodGet, nil))
			}()
			checkQuiet(t, limits)
			want(t, roundTrip(limits, request(t.Context(), http.MethodGet, nil)), 200)
		})
	}
}

func TestHooksMayMakeRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var limits *transport.Transport
		type mark struct{}
		others := 0
		other := func(ctx context.Context) {
			if ctx.Value(mark{}) != nil {
				return
			}
			others++
			ctx, cancel := context.WithTimeout(context.WithValue(ctx, mark{}, true), time.Millisecond)
			defer cancel()
			if got := roundTrip(limits, request(ctx, http.MethodGet, nil)); got.err != nil &&
				!errors.Is(got.err, context.DeadlineExceeded) {
				t.Error(got.err)
			}
		}
		limits = transport.New(&api{}, &transport.Options{
			Base: serve(answer(429, "Refused: 1s"), answer(200, "Limit: 7")),
			Trace: &transport.Trace{
				WaitStart:    func(ctx context.Context, _ transport.WaitStartInfo) { other(ctx) },
				WaitDone:     func(ctx context.Context, _ transport.WaitDoneInfo) { other(ctx) },
				GotResponse:  func(ctx context.Context, _ transport.ResponseInfo) { other(ctx) },
				Retry:        func(ctx context.Context, _ transport.RetryInfo) { other(ctx) },
				LimitLearned: func(ctx context.Context, _ transport.LimitInfo) { other(ctx) },
				Blocked:      func(ctx context.Context, _ transport.BlockInfo) { other(ctx) },
				Charged:      func(ctx context.Context, _ transport.ChargeInfo) { other(ctx) },
				Finished:     func(ctx context.Context, _ transport.FinishedInfo) { other(ctx) },
			},
		})
		want(t, roundTrip(limits, request(t.Context(), http.MethodGet, nil)), 200)
		if others == 0 {
			t.Error("no hook ran")
		}
		checkQuiet(t, limits)
	})
}

func TestTraceTellsWhenAQuotaOfWhatGoesWrongIsUsedUpByShares(t *testing.T) {
	var got []string
	limits := transport.New(
		&api{draws: []bucket.Draw{{Key: apiKey, Policy: &bucket.Policy{Quota: 30, Window: time.Minute, Charged: true}}}},
		&transport.Options{
			Base: serve(answer(403, "Invalid: yes")),
			Trace: &transport.Trace{Charged: func(_ context.Context, i transport.ChargeInfo) {
				if i.Passed > 0 {
					got = append(got, fmt.Sprintf("%v: %d of %d, %d %%", i.Key, i.Charged, i.Quota, i.Passed))
				}
			}},
		})
	for range 30 {
		want(t, roundTrip(limits, request(t.Context(), http.MethodGet, nil)), 403)
	}
	wanted := []string{"api all [me]: 15 of 30, 50 %", "api all [me]: 24 of 30, 80 %", "api all [me]: 29 of 30, 95 %"}
	if !slices.Equal(got, wanted) {
		t.Errorf("told %q, want %q", got, wanted)
	}
}

// A provider may read what a request carries, and that may come slowly. The request asks for leave only then.
func TestNoTimeThatClassifyingTakesIsTakenForTheAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var took, granted time.Duration
		srv := serve(after(time.Second, answer(200)))
		limits := transport.New(&api{read: true}, &transport.Options{Base: srv, Trace: &transport.Trace{
			WaitDone:    func(context.Context, transport.WaitDoneInfo) { granted = time.Since(srv.start) },
			GotResponse: func(_ context.Context, i transport.ResponseInfo) { took = i.Took },
		}})
		req := request(t.Context(), http.MethodPost, strings.NewReader("hello"))
		again := req.GetBody
		req.GetBody = func() (io.ReadCloser, error) {
			time.Sleep(5 * time.Second)
			return again()
		}
		want(t, roundTrip(limits, req), 200)
		if granted != 5*time.Second || took != time.Second {
			t.Errorf("it had leave after %v and its answer after %v more, want 5s and 1s", granted, took)
		}
	})
}

// A body that is kept in case that it must be sent again is read before the request asks for leave, by whomever.
func TestNoTimeThatABodyTakesToComeIsTakenForTheAnswers(t *testing.T) {
	for name, p := range map[string]*api{"read": {read: true}, "perhaps read": {}, "left alone": {unread: true}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var took time.Duration
				srv := serve(after(time.Second, answer(200)))
				limits := transport.New(p, &transport.Options{Base: srv, Trace: &transport.Trace{
					GotResponse: func(_ context.Context, i transport.ResponseInfo) { took = i.Took },
				}})
				req := request(t.Context(), http.MethodPost, strings.NewReader("hello"))
				req.GetBody, req.Body = nil, slowly{req.Body}
				want(t, roundTrip(limits, req), 200)
				if at := srv.times()[0]; at != 5*time.Second || took != time.Second {
					t.Errorf("it was sent after %v and answered after %v more, want 5s and 1s", at, took)
				}
			})
		})
	}
}

// A slowly is a body that takes five seconds to come.
type slowly struct{ io.ReadCloser }

func (s slowly) Read(b []byte) (int, error) {
	n, err := s.ReadCloser.Read(b)
	if n > 0 {
		time.Sleep(5 * time.Second)
	}
	return n, err
}

func TestOfJoinedTracesBothAreTold(t *testing.T) {
	told := ""
	trace := func(name string) *transport.Trace {
		return &transport.Trace{Finished: func(context.Context, transport.FinishedInfo) { told += name }}
	}
	joined := transport.JoinTraces(trace("a"), transport.JoinTraces(nil, transport.JoinTraces(trace("b"), nil)))
	limits := transport.New(&api{}, &transport.Options{Base: serve(answer(200)), Trace: joined})
	want(t, roundTrip(limits, request(t.Context(), http.MethodGet, nil)), 200)
	if told != "ab" {
		t.Errorf("told %q, want a and then b", told)
	}
}
