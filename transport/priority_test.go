package transport_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/underlimit/underlimit/bucket"
	"github.com/underlimit/underlimit/transport"
)

func TestHigherPrioritiesGoFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &api{draws: []bucket.Draw{{Key: apiKey, Policy: &bucket.Policy{Every: time.Second}}}}
		srv := serve(answer(200))
		limits := transport.New(p, &transport.Options{Base: srv})
		ordinary := t.Context()
		urgent, late := transport.WithPriority(ordinary, 5), transport.WithPriority(ordinary, -1)
		var all sync.WaitGroup
		for _, call := range []struct {
			name string
			ctx  context.Context
		}{
			{"now", late},
			{"export", late},
			{"first", ordinary},
			{"user", urgent},
			{"second", ordinary},
			{"admin", transport.WithPriority(urgent, 9)},
			{"another user", urgent},
		} {
			all.Go(func() {
				want(t, roundTrip(limits, request(call.ctx, http.MethodPost, strings.NewReader(call.name))), 200)
			})
			synctest.Wait()
		}
		all.Wait()
		order := []string{"now", "admin", "user", "another user", "first", "second", "export"}
		if got := srv.bodies(); !slices.Equal(got, order) {
			t.Errorf("sent in the order %q, want %q", got, order)
		}
	})
}

func TestAContextKeepsItsTraceWithAPriorityAndItsPriorityWithATrace(t *testing.T) {
	for name, with := range map[string]func(context.Context, *transport.Trace) context.Context{
		"trace first": func(ctx context.Context, trace *transport.Trace) context.Context {
			return transport.WithPriority(transport.WithTrace(ctx, trace), 7)
		},
		"priority first": func(ctx context.Context, trace *transport.Trace) context.Context {
			return transport.WithTrace(transport.WithPriority(ctx, 7), trace)
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			start, told := time.Now(), 0
			trace := &transport.Trace{Finished: func(context.Context, transport.FinishedInfo) { told++ }}
			reserved := &bucket.Policy{Quota: 2, Window: time.Minute, Reserve: 0.5}
			p := &api{draws: []bucket.Draw{{Key: apiKey, Policy: reserved}}}
			limits := transport.New(p, &transport.Options{Base: serve(answer(200))})
			for range 2 { // the second has what is left to higher priorities
				want(t, roundTrip(limits, request(with(t.Context(), trace), http.MethodGet, nil)), 200)
			}
			if waited := time.Since(start); waited != 0 || told != 2 {
				t.Errorf("%s: they waited %v, and the trace was told of %d", name, waited, told)
			}
		})
	}
}

func TestARefusedRequestKeepsItsPriority(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &api{draws: []bucket.Draw{{Key: apiKey, Policy: &bucket.Policy{Every: time.Second}}}}
		srv := serve(answer(200), answer(429, "Refused: 10s"), answer(200))
		limits := transport.New(p, &transport.Options{Base: srv})
		var all sync.WaitGroup
		send := func(name string, priority int) {
			all.Go(func() {
				ctx := transport.WithPriority(t.Context(), priority)
				want(t, roundTrip(limits, request(ctx, http.MethodPost, strings.NewReader(name))), 200)
			})
			synctest.Wait()
		}
		send("now", 0)
		send("first", 0)
		send("urgent", 1)
		all.Wait()
		if got, order := srv.bodies(), []string{"now", "urgent", "urgent", "first"}; !slices.Equal(got, order) {
			t.Errorf("sent in the order %q, want %q", got, order)
		}
	})
}
