package metrics_test

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/underlimit/underlimit/bucket"
	"github.com/underlimit/underlimit/metrics"
	"github.com/underlimit/underlimit/providers"
	"github.com/underlimit/underlimit/transport"
)

// anyAPI is an API with one limit, whose refusals last for ten seconds.
type anyAPI struct{}

var anyKey = bucket.Key{Provider: "any", Limit: "all"}

func (anyAPI) Name() string { return "any" }

func (anyAPI) Classify(req *http.Request, _ time.Time) (providers.Call, bool) {
	return providers.Call{Provider: "any", Route: req.Method, Draws: []bucket.Draw{{Key: anyKey}}}, true
}

func (anyAPI) Judge(_ *http.Request, _ *providers.Call, a *providers.Answer) providers.Verdict {
	if a.Status != http.StatusTooManyRequests {
		return providers.Verdict{}
	}
	return providers.Verdict{
		Updates: []bucket.Update{bucket.Block{Key: anyKey, For: 10 * time.Second}},
		Refused: true,
		Scope:   providers.ScopeUser,
	}
}

// A handler serves requests without a network, so that a bubble can go idle.
type handler func(http.ResponseWriter, *http.Request)

func (h handler) RoundTrip(req *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	h(w, req)
	return w.Result(), nil
}

func TestATransportsRequestsAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		trace, prom := newTrace(t)
		refused := false
		limits := transport.New(anyAPI{}, &transport.Options{
			Trace:   trace,
			MaxWait: 30 * time.Second,
			Base: handler(func(w http.ResponseWriter, _ *http.Request) {
				time.Sleep(time.Second)
				if !refused {
					refused = true
					w.WriteHeader(http.StatusTooManyRequests)
				}
			}),
		})
		prom.MustRegister(metrics.NewCollector(limits.Buckets()))
		get := func(ctx context.Context) error {
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://any.invalid/", nil)
			if err != nil {
				return err
			}
			resp, err := limits.RoundTrip(req)
			if err != nil {
				return err
			}
			return resp.Body.Close()
		}

		done := make(chan error)
		go func() { done <- get(t.Context()) }()
		time.Sleep(1500 * time.Millisecond) // it was refused and waits
		hurried, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := get(hurried); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		if got, want := series(t, prom, "requests_queued"), (map[string]float64{"any": 1}); !maps.Equal(got, want) {
			t.Errorf("queued: got %v, want %v", got, want)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}

		for name, want := range map[string]map[string]float64{
			"requests_total":              {"200 any GET": 1, "refused any GET": 1},
			"upstream_rate_limited_total": {"any GET user": 1},
			"retries_total":               {"any refused": 1},
			"rejected_total":              {"any deadline": 1},
			"requests_queued":             {},
			"requests_in_flight":          {},
		} {
			if got := series(t, prom, name); !maps.Equal(got, want) {
				t.Errorf("%s: got %v, want %v", name, got, want)
			}
		}
		for name, want := range map[string]map[string]histogram{
			"queue_wait_seconds":                {"any limit": {1, 0, true}, "any retry": {1, 10, true}},
			"upstream_request_duration_seconds": {"any GET": {2, 2, true}},
		} {
			if got := histograms(t, prom, name); !maps.Equal(got, want) {
				t.Errorf("%s: got %v, want %v", name, got, want)
			}
		}
		lint(t, prom)
	})
}
