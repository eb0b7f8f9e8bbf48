package transport_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/underlimit/underlimit/bucket"
	"github.com/underlimit/underlimit/providers"
	"github.com/underlimit/underlimit/transport"
)

func TestAfterAnAnswerThatMayBeAnothersOneMoreGoesToSee(t *testing.T) {
	for status, sent := range map[int]int{200: 4, 304: 4, 400: 2, 401: 4, 404: 2, 500: 2, 502: 2} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := serve(after(time.Second, answer(status)), after(time.Hour, answer(200)))
				limits := transport.New(&api{}, &transport.Options{Base: srv})
				for range 4 {
					go roundTrip(limits, request(t.Context(), http.MethodPost, nil))
					synctest.Wait()
				}
				time.Sleep(2 * time.Second)
				if got := len(srv.times()); got != sent {
					t.Errorf("%d of four were sent, want %d", got, sent)
				}
				time.Sleep(3 * time.Hour)
				checkQuiet(t, limits)
			})
		})
	}
}

func TestTraceTellsOfEachAttemptItsOwnTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const ms = time.Millisecond
		var waited, took []time.Duration
		limits := transport.New(&api{}, &transport.Options{
			Base: serve(
				after(100*ms, answer(429, "Refused: 5s")), after(200*ms, answer(503)), after(300*ms, answer(429, "Refused: 3s")),
				after(400*ms, answer(200)),
			),
			Trace: &transport.Trace{
				WaitDone:    func(_ context.Context, i transport.WaitDoneInfo) { waited = append(waited, i.Waited) },
				GotResponse: func(_ context.Context, i transport.ResponseInfo) { took = append(took, i.Took) },
			},
		})
		want(t, roundTrip(limits, request(t.Context(), http.MethodGet, nil)), 200)
		if want := []time.Duration{0, 5 * time.Second, 0, 3 * time.Second}; !slices.Equal(waited, want) {
			t.Errorf("waited %v, want %v", waited, want)
		}
		if want := []time.Duration{100 * ms, 200 * ms, 300 * ms, 400 * ms}; !slices.Equal(took, want) {
			t.Errorf("took %v, want %v", took, want)
		}
	})
}

func TestARefusalThatIsFinalHoldsNobodyBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := serve(answer(429, "Refused: untold", "Final: yes"), answer(200))
		limits := transport.New(open(), &transport.Options{Base: srv})
		want(t, roundTrip(limits, request(t.Context(), http.MethodPost, nil)), 429)
		want(t, roundTrip(limits, request(t.Context(), http.MethodPost, nil)), 200)
		if got := srv.times(); !slices.Equal(got, []time.Duration{0, 0}) {
			t.Errorf("they were sent at %v", got)
		}
	})
}

// An elsewhere is an api whose refusals are of the request's second bucket.
type elsewhere struct{ *api }

var secondKey = bucket.Key{Provider: "api", Limit: "second", Owner: "me"}

func (p elsewhere) Judge(*http.Request, *providers.Call, *providers.Answer) providers.Verdict {
	return providers.Verdict{Refused: true, Updates: []bucket.Update{bucket.Block{Key: secondKey, For: time.Minute}}}
}

func TestARefusalBlocksNothingButWhatItNames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		draws := []bucket.Draw{openKey, {Key: secondKey, Policy: openKey.Policy}}
		limits := transport.New(elsewhere{&api{draws: draws}}, &transport.Options{Base: serve(answer(429)), MaxAttempts: 1})
		want(t, roundTrip(limits, request(t.Context(), http.MethodPost, nil)), 429)
		x := limits.Explain(request(t.Context(), http.MethodPost, nil))
		if !x.Buckets[0].Blocked.IsZero() || time.Until(x.Buckets[1].Blocked) != time.Minute {
			t.Errorf("the buckets stand %+v", x.Buckets)
		}
	})
}

func TestWhatAFailureIsCalledFollowsItsStatus(t *testing.T) {
	for status, reason := range map[int]transport.RetryReason{
		399: "", 400: transport.RetryClientError, 499: transport.RetryClientError,
		500: transport.RetryServerError, 599: transport.RetryServerError,
	} {
		synctest.Test(t, func(t *testing.T) {
			var asked transport.RetryReason
			limits := transport.New(open(), &transport.Options{
				Base: serve(answer(status)),
				Retry: transport.RetryFunc(func(f transport.Failure) (time.Duration, bool) {
					asked = f.Reason
					return 0, false
				}),
			})
			want(t, roundTrip(limits, request(t.Context(), http.MethodGet, nil)), status)
			if asked != reason {
				t.Errorf("%d is told as %q, want %q", status, asked, reason)
			}
		})
	}
}

func TestTraceTellsOfAQuotaOnlyWhenItIsChargedAndOnlyWhoAsks(t *testing.T) {
	for _, asks := range []bool{false, true} {
		charged, learned := 0, 0
		trace := &transport.Trace{LimitLearned: func(context.Context, transport.LimitInfo) { learned++ }}
		if asks {
			trace.Charged = func(context.Context, transport.ChargeInfo) { charged++ }
		}
		policy := &bucket.Policy{Quota: 30, Window: time.Minute, Charged: true}
		limits := transport.New(&api{draws: []bucket.Draw{{Key: apiKey, Policy: policy}}}, &transport.Options{
			Base: serve(answer(200, "Limit: 7"), answer(403, "Invalid: yes")), Trace: trace,
		})
		want(t, roundTrip(limits, request(t.Context(), http.MethodGet, nil)), 200)
		if learned != 1 || charged != 0 {
			t.Errorf("told of %d limits and %d charges, want one limit", learned, charged)
		}
		want(t, roundTrip(limits, request(t.Context(), http.MethodGet, nil)), 403)
		if learned != 1 || asks && charged != 1 {
			t.Errorf("told of %d limits and %d charges", learned, charged)
		}
	}
}
