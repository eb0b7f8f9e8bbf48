package transport_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/underlimit/underlimit/bucket"
	"github.com/underlimit/underlimit/transport"
)

func TestInModeRejectARequestGoesAtOnceOrFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := serve(answer(200))
		var waits []transport.WaitDoneInfo
		limits := transport.New(&api{}, &transport.Options{Base: srv, Mode: bucket.Reject, Trace: &transport.Trace{
			WaitDone: func(_ context.Context, i transport.WaitDoneInfo) { waits = append(waits, i) },
		}})
		want(t, roundTrip(limits, request(t.Context(), http.MethodGet, nil)), 200)
		block(t, limits, 5*time.Second)

		body := &lender{Reader: strings.NewReader("body")}
		req := request(t.Context(), http.MethodPost, nil)
		req.Body = body
		got := roundTrip(limits, req)
		wait, ok := got.err.(*bucket.WaitError) //nolint:errorlint // url.Error looks no deeper
		if !ok || !errors.Is(wait, bucket.ErrWouldWait) || wait.Key != apiKey ||
			!wait.Until.Equal(srv.start.Add(5*time.Second)) {
			t.Errorf("got %+v", got)
		}
		if body.closes != 1 || time.Since(srv.start) != 0 {
			t.Errorf("after %v the body was closed %d times", time.Since(srv.start), body.closes)
		}
		time.Sleep(5 * time.Second)
		want(t, roundTrip(limits, request(t.Context(), http.MethodGet, nil)), 200)
		if n := len(srv.sent); n != 2 {
			t.Errorf("%d requests were sent", n)
		}
		if len(waits) != 3 || waits[1].Mode != bucket.Reject || waits[1].Would != 0 || waits[1].Err == nil {
			t.Errorf("the trace was told %+v", waits)
		}
		checkQuiet(t, limits)
	})
}

func TestInModeRejectARefusalIsTheAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv, retries := serve(answer(429, "Refused: 5s")), 0
		limits := transport.New(&api{}, &transport.Options{Base: srv, Mode: bucket.Reject, Trace: &transport.Trace{
			Retry: func(context.Context, transport.RetryInfo) { retries++ },
		}})
		want(t, roundTrip(limits, request(t.Context(), http.MethodGet, nil)), 429)
		if got := roundTrip(limits, request(t.Context(), http.MethodGet, nil)); !errors.Is(got.err, bucket.ErrWouldWait) {
			t.Errorf("while it holds, another request gets %+v", got)
		}
		if len(srv.sent) != 1 || retries != 0 || time.Since(srv.start) != 0 {
			t.Errorf("%d sendings and %d retries in %v", len(srv.sent), retries, time.Since(srv.start))
		}
	})
}

func TestInModeShadowLimitsOnlyReport(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const s = time.Second
		srv := serve(answer(429, "Refused: 5s"), answer(200))
		var would, finished, waited []time.Duration
		blocked := 0
		limits := transport.New(&api{}, &transport.Options{
			Base: srv, Mode: bucket.Shadow, MaxWait: s, Trace: &transport.Trace{
				WaitDone: func(_ context.Context, i transport.WaitDoneInfo) {
					if i.Mode != bucket.Shadow {
						t.Errorf("the trace was told of mode %d", i.Mode)
					}
					would, waited = append(would, i.Would), append(waited, i.Waited)
				},
				Blocked: func(context.Context, transport.BlockInfo) { blocked++ },
				Finished: func(_ context.Context, i transport.FinishedInfo) {
					finished, waited = append(finished, i.Would), append(waited, i.Waited)
				},
			},
		})
		want(t, roundTrip(limits, request(t.Context(), http.MethodGet, nil)), 429) // passed on, and learned from
		want(t, roundTrip(limits, request(t.Context(), http.MethodGet, nil)), 200)
		time.Sleep(2 * s)
		hurried, cancel := context.WithTimeout(t.Context(), s)
		defer cancel()
		want(t, roundTrip(limits, request(hurried, http.MethodGet, nil)), 200)

		if got := srv.times(); !slices.Equal(got, []time.Duration{0, 0, 2 * s}) {
			t.Errorf("sent at %v", got)
		}
		wanted := []time.Duration{0, 5 * s, 3 * s}
		if !slices.Equal(would, wanted) || !slices.Equal(finished, wanted) || blocked != 1 {
			t.Errorf("they would have waited %v, in all %v, want %v; %d blocks", would, finished, wanted, blocked)
		}
		if slices.Max(waited) != 0 {
			t.Errorf("they waited %v", waited)
		}
		checkQuiet(t, limits)
	})
}

func TestInModeShadowNothingIsSentAgain(t *testing.T) {
	for name, turn := range map[string]base{
		"a refusal": answer(429, "Refused: 1s"), "a server error": answer(503), "a broken connection": fail(errBroken),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := serve(turn)
				limits := transport.New(&api{}, &transport.Options{Base: srv, Mode: bucket.Shadow, MaxAttempts: 5})
				roundTrip(limits, request(t.Context(), http.MethodGet, nil))
				if n := len(srv.sent); n != 1 || time.Since(srv.start) != 0 {
					t.Errorf("%d sendings in %v", n, time.Since(srv.start))
				}
			})
		})
	}
}
