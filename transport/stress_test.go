package transport_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/underlimit/underlimit/bucket"
	"github.com/underlimit/underlimit/transport"
)

// A window is a base transport that refuses what exceeds a limit, once in a while for no reason, and sometimes breaks.
type window struct {
	limit  int
	length time.Duration

	mu      sync.Mutex
	end     time.Time
	count   int
	refused int
	sent    int
}

func (w *window) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Body != nil {
		defer req.Body.Close()
	}
	return after(50*time.Millisecond, w.judge)(req)
}

func (w *window) judge(req *http.Request) (*http.Response, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sent++
	now := time.Now()
	if !now.Before(w.end) {
		w.end, w.count = now.Add(w.length), 0
	}
	switch chance := rand.IntN(50); {
	case w.count >= w.limit:
		w.refused++
		return answer(429, fmt.Sprint("Refused: ", w.end.Sub(now)))(req)
	case chance == 0:
		return answer(429, "Refused: untold")(req)
	case chance == 1:
		return answer(503)(req)
	case chance == 2:
		return nil, errBroken
	}
	w.count++
	return answer(200)(req)
}

func TestManyRequestsThroughTwoTransportsLeaveNothingBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const requests = 200
		w := &window{limit: 20, length: time.Second}
		reg := bucket.NewRegistry(nil)
		p := &api{draws: []bucket.Draw{
			{Key: apiKey, Policy: &bucket.Policy{Quota: 20, Window: time.Second}},
			{
				Key:    bucket.Key{Provider: "api", Limit: "pace", Owner: "me"},
				Policy: &bucket.Policy{Every: time.Millisecond, Burst: 5},
			},
		}}
		var finished atomic.Int64
		both := [2]*transport.Transport{}
		for i := range both {
			both[i] = transport.New(p, &transport.Options{Base: w, Buckets: reg, MaxAttempts: 50, Trace: &transport.Trace{
				Finished: func(context.Context, transport.FinishedInfo) { finished.Add(1) },
			}})
		}
		var all sync.WaitGroup
		var bodies [requests]*lender
		for i := range requests {
			all.Go(func() {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if i%5 == 0 { // gives up at some time
					defer time.AfterFunc(rand.N(10*time.Second), cancel).Stop()
				}
				body := &lender{Reader: strings.NewReader("body")}
				bodies[i] = body
				req := request(ctx, http.MethodPost, nil)
				req.Body, req.ContentLength = body, 4
				got := roundTrip(both[i%2], req)
				if (got.status == 0) == (got.err == nil) {
					t.Errorf("got %+v", got)
				}
			})
		}
		all.Wait()
		synctest.Wait()
		for _, body := range bodies {
			if body.closes != 1 {
				t.Errorf("a body was closed %d times", body.closes)
			}
		}
		checkQuiet(t, both[0])
		if n := finished.Load(); n != requests {
			t.Errorf("%d requests finished", n)
		}
		if w.refused > 0 {
			t.Errorf("%d of %d sendings were above the limit", w.refused, w.sent)
		}
	})
}

func TestEveryoneIsServedInTheOrderOfArrival(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const requests = 50
		p := &api{draws: []bucket.Draw{{Key: apiKey, Policy: &bucket.Policy{Every: time.Second}}}}
		refusedOnce := false
		srv := serve(func(req *http.Request) (*http.Response, error) {
			if !refusedOnce { // the very first, which then goes before all others
				refusedOnce = true
				return after(time.Millisecond, answer(429, "Refused: 10s"))(req)
			}
			return answer(200)(req)
		})
		limits := transport.New(p, &transport.Options{Base: srv})
		var all sync.WaitGroup
		order := []string{"0"}
		for i := range requests {
			order = append(order, fmt.Sprint(i))
			all.Go(func() {
				want(t, roundTrip(limits, request(t.Context(), http.MethodPost, strings.NewReader(fmt.Sprint(i)))), 200)
			})
			synctest.Wait()
		}
		all.Wait()
		if got := srv.bodies(); !slices.Equal(got, order) {
			t.Errorf("sent in the order %v", got)
		}
	})
}
