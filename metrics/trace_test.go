package metrics_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/underlimit/underlimit/bucket"
	"github.com/underlimit/underlimit/metrics"
	"github.com/underlimit/underlimit/providers"
	"github.com/underlimit/underlimit/transport"
)

// A refused request that is sent again, as the transport would tell of it.
func refusedOnce(ctx context.Context, trace *transport.Trace, provider, route string) {
	first, second := call(provider, route, 1), call(provider, route, 2)
	trace.WaitDone(ctx, transport.WaitDoneInfo{CallInfo: first, Waited: 250 * time.Millisecond})
	trace.GotResponse(ctx, transport.ResponseInfo{
		CallInfo: first, Status: http.StatusTooManyRequests, Took: 125 * time.Millisecond,
		Refused: true, Scope: providers.ScopeGlobal,
	})
	trace.Retry(ctx, transport.RetryInfo{CallInfo: second, Reason: transport.RetryRefused})
	trace.WaitDone(ctx, transport.WaitDoneInfo{CallInfo: second, Waited: 2 * time.Second})
	trace.GotResponse(ctx, transport.ResponseInfo{CallInfo: second, Status: http.StatusOK, Took: 62500 * time.Microsecond})
	trace.Finished(ctx, transport.FinishedInfo{CallInfo: second, Status: http.StatusOK, Waited: 2250 * time.Millisecond})
}

func TestATraceShowsThis(t *testing.T) {
	trace, reg := newTrace(t)
	refusedOnce(t.Context(), trace, "discord", "POST /channels/{channel}/messages")
	golden(t, reg, "testdata/events.txt")
	lint(t, reg)
}

func TestAWarningIsCountedWhenAShareOfTheInvalidRequestsIsUsedUp(t *testing.T) {
	trace, reg := newTrace(t)
	for _, passed := range []int{0, 50, 0, 80, 95, 50} {
		trace.Charged(t.Context(), transport.ChargeInfo{CallInfo: call("discord", "other", 1), Passed: passed})
	}
	want := map[string]float64{"50 discord": 2, "80 discord": 1, "95 discord": 1}
	if got := series(t, reg, "invalid_warnings_total"); !maps.Equal(got, want) {
		t.Errorf("warnings: got %v, want %v", got, want)
	}
}

// These differ in neither their length nor their last byte nor the one in their middle, by which routes are found.
func TestRoutesThatLookAlikeAreCountedApart(t *testing.T) {
	trace, reg := newTrace(t)
	for range 2 {
		for provider, routes := range map[string][]string{"slack": {"axb", "cxb"}, "intercom": {"axb"}, "": {"", "axb"}} {
			for _, route := range routes {
				info := call(provider, route, 1)
				trace.GotResponse(t.Context(), transport.ResponseInfo{CallInfo: info, Status: http.StatusOK})
				trace.Finished(t.Context(), transport.FinishedInfo{CallInfo: info, Status: http.StatusOK})
			}
		}
	}
	want := map[string]float64{"200 slack axb": 2, "200 slack cxb": 2, "200 intercom axb": 2, "200  ": 2, "200  axb": 2}
	if got := series(t, reg, "requests_total"); !maps.Equal(got, want) {
		t.Errorf("requests: got %v, want %v", got, want)
	}
}

func TestAFinishedRequestIsCountedByHowItEnded(t *testing.T) {
	gone, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("the user left"))
	unsent := func(cause error) error {
		return fmt.Errorf("wrapped: %w", &bucket.WaitError{Err: cause})
	}
	for _, test := range []struct {
		name     string
		ctx      context.Context
		status   int
		err      error
		code     string
		rejected string
	}{
		{name: "a known status", status: 200, code: "200"},
		{name: "a refusal handed on", status: 429, code: "429"},
		{name: "Cloudflare's own status", status: 520, code: "5xx"},
		{name: "the last status without a name", status: 299, code: "2xx"},
		{name: "too high", status: 600, code: "other"},
		{name: "too low", status: 99, code: "other"},
		{name: "negative", status: math.MinInt, code: "other"},
		{name: "a broken connection", err: errors.New("reset"), code: "error"},
		{name: "the deadline passed at the server", err: context.DeadlineExceeded, code: "error"},
		{name: "the caller gave up at the server", err: context.Canceled, code: "canceled"},
		{name: "the caller gave up for a reason", ctx: gone, err: context.Cause(gone), code: "canceled"},
		{name: "the queue is full", err: unsent(bucket.ErrQueueFull), code: "refused", rejected: "queue_full"},
		{name: "the wait is too long", err: unsent(bucket.ErrMaxWait), code: "refused", rejected: "max_wait"},
		{name: "the deadline comes first", err: unsent(context.DeadlineExceeded), code: "refused", rejected: "deadline"},
		{name: "the mode allows no wait", err: unsent(bucket.ErrWouldWait), code: "refused", rejected: "would_wait"},
		{name: "the caller left the queue", err: unsent(context.Canceled), code: "canceled", rejected: "caller_gone"},
		{
			name: "the caller left the queue for a reason", ctx: gone, err: unsent(context.Cause(gone)),
			code: "canceled", rejected: "caller_gone",
		},
		{
			name: "the caller left the queue for the reason of others", ctx: gone,
			err:  unsent(fmt.Errorf("%w: %w", context.Canceled, context.DeadlineExceeded)),
			code: "canceled", rejected: "caller_gone",
		},
		{
			name: "unsent, but answered in its place", status: 429, err: unsent(bucket.ErrMaxWait),
			code: "refused", rejected: "max_wait",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			trace, reg := newTrace(t)
			ctx := t.Context()
			if test.ctx != nil {
				ctx = test.ctx
			}
			trace.Finished(ctx, transport.FinishedInfo{CallInfo: call("slack", "api.test", 1), Status: test.status, Err: test.err})

			if got, want := series(t, reg, "requests_total"), count(test.code+" slack api.test"); !maps.Equal(got, want) {
				t.Errorf("requests: got %v, want %v", got, want)
			}
			rejected := map[string]float64{}
			if test.rejected != "" {
				rejected = count("slack " + test.rejected)
			}
			if got := series(t, reg, "rejected_total"); !maps.Equal(got, rejected) {
				t.Errorf("rejections: got %v, want %v", got, rejected)
			}
		})
	}
}

// count is one event in the series with these label values.
func count(labels string) map[string]float64 { return map[string]float64{labels: 1} }

func TestRetriesThatTheBudgetSuppressedAreCounted(t *testing.T) {
	trace, reg := newTrace(t)
	for _, reason := range []transport.RetryReason{transport.RetryServerError, transport.RetryConnection, ""} {
		trace.Finished(t.Context(), transport.FinishedInfo{
			CallInfo: call("slack", "r", 1), Status: http.StatusServiceUnavailable, Suppressed: reason,
		})
	}
	want := map[string]float64{"slack server_error": 1, "slack connection": 1}
	if got := series(t, reg, "retries_suppressed_total"); !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestOnlyDiscordCountsInvalidRequests(t *testing.T) {
	for _, test := range []struct {
		provider string
		status   int
		scope    providers.Scope
		want     map[string]float64
	}{
		{"discord", 401, "", count("401 discord")},
		{"discord", 403, "", count("403 discord")},
		{"discord", 429, providers.ScopeUser, count("429 discord")},
		{"discord", 429, providers.ScopeGlobal, count("429 discord")},
		{"discord", 429, providers.ScopeEgress, count("429 discord")},
		{"discord", 429, providers.ScopeShared, nil},
		{"discord", 404, "", nil},
		{"slack", 401, "", nil},
		{"slack", 429, providers.ScopeUser, nil},
	} {
		t.Run(fmt.Sprint(test.provider, test.status, test.scope), func(t *testing.T) {
			trace, reg := newTrace(t)
			trace.GotResponse(t.Context(), transport.ResponseInfo{
				CallInfo: call(test.provider, "r", 1), Status: test.status, Scope: test.scope, Refused: test.status == 429,
			})
			if got := series(t, reg, "invalid_requests_total"); !maps.Equal(got, test.want) {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

func TestRefusalsAreCountedByScope(t *testing.T) {
	trace, reg := newTrace(t)
	for _, scope := range []providers.Scope{
		providers.ScopeUser, providers.ScopeShared, providers.ScopeGlobal, providers.ScopeWorkspace,
		providers.ScopeEgress, providers.ScopeQuota, providers.ScopeUnknown, "", "made up",
	} {
		trace.GotResponse(t.Context(), transport.ResponseInfo{CallInfo: call("p", "r", 1), Refused: true, Scope: scope})
	}
	// Slack refuses with a 200, too; and a 429 need not be a refusal.
	trace.GotResponse(t.Context(), transport.ResponseInfo{
		CallInfo: call("p", "r", 1), Status: http.StatusOK, Refused: true, Scope: providers.ScopeUser,
	})
	trace.GotResponse(t.Context(), transport.ResponseInfo{CallInfo: call("p", "r", 1), Status: http.StatusTooManyRequests})
	want := map[string]float64{
		"p r user": 2, "p r shared": 1, "p r global": 1, "p r workspace": 1, "p r egress": 1, "p r quota": 1,
		"p r unknown": 3,
	}
	if got := series(t, reg, "upstream_rate_limited_total"); !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestRequestsTurnedAwayOnArrivalDoNotCountAsWaits(t *testing.T) {
	trace, reg := newTrace(t)
	err := &bucket.WaitError{Err: bucket.ErrMaxWait}
	for _, info := range []transport.WaitDoneInfo{
		{CallInfo: call("slack", "r", 1), Err: err},
		{CallInfo: call("slack", "r", 1), Err: err, Waited: time.Second}, // it did wait
		{CallInfo: call("slack", "r", 1)},                                // it went at once
		{CallInfo: call("slack", "r", 2), Waited: time.Minute},
	} {
		trace.WaitDone(t.Context(), info)
	}
	want := map[string]histogram{"slack limit": {2, 1, true}, "slack retry": {1, 60, true}}
	if got := histograms(t, reg, "queue_wait_seconds"); !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestOnlyShadowModeShowsWhatRequestsWouldHaveWaited(t *testing.T) {
	trace, reg := newTrace(t)
	trace.WaitDone(t.Context(), transport.WaitDoneInfo{CallInfo: call("slack", "r", 1), Waited: time.Second})
	trace.WaitDone(t.Context(), transport.WaitDoneInfo{
		CallInfo: call("slack", "r", 1), Mode: bucket.Reject, Err: &bucket.WaitError{Err: bucket.ErrWouldWait},
	})
	each(t, reg, "shadow_wait_seconds", func(labels string, _ *dto.Metric) { t.Errorf("there is a series of %s", labels) })
	for _, would := range []time.Duration{0, 2 * time.Second} {
		info := transport.WaitDoneInfo{CallInfo: call("slack", "r", 1), Mode: bucket.Shadow, Would: would}
		trace.WaitDone(t.Context(), info)
	}
	want := map[string]histogram{"slack": {2, 2, true}}
	if got := histograms(t, reg, "shadow_wait_seconds"); !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	lint(t, reg)
}

func TestFailedSendingsTakeTimeToo(t *testing.T) {
	trace, reg := newTrace(t)
	trace.GotResponse(t.Context(), transport.ResponseInfo{
		CallInfo: call("slack", "r", 1), Took: 2 * time.Second, Err: errors.New("reset"),
	})
	want := map[string]histogram{"slack r": {1, 2, true}}
	if got := histograms(t, reg, "upstream_request_duration_seconds"); !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestAProviderHasTwoHundredRoutesAndOther(t *testing.T) {
	trace, reg := newTrace(t)
	finish := func(route string) {
		trace.Finished(t.Context(), transport.FinishedInfo{CallInfo: call("discord", route, 1), Status: 200})
	}
	finish("other") // the provider's own, which takes no room
	for _, route := range routeNames(203) {
		finish(route)
	}
	finish("route 202")
	finish("route 0")
	finish("other")

	requests := series(t, reg, "requests_total")
	if len(requests) != 201 {
		t.Errorf("%d routes have series", len(requests))
	}
	for series, want := range map[string]float64{
		"200 discord route 0": 2, "200 discord route 199": 1, "200 discord route 200": 0, "200 discord other": 2 + 4,
	} {
		if got := requests[series]; got != want {
			t.Errorf("%s: got %v, want %v", series, got, want)
		}
	}
	if got := series(t, reg, "route_overflow_total")["discord"]; got != 4 {
		t.Errorf("%v overflows are counted, want 4", got)
	}
	trace.Finished(t.Context(), transport.FinishedInfo{CallInfo: call("slack", "r", 1), Status: 200})
	if series(t, reg, "requests_total")["200 slack r"] != 1 {
		t.Error("the routes of one provider take the room of another's")
	}
}

func TestASecondTraceIsAnErrorAndRegistersNothing(t *testing.T) {
	_, reg := newTrace(t)
	trace, err := metrics.NewTrace(reg)
	if _, ok := errors.AsType[prometheus.AlreadyRegisteredError](err); !ok || trace != nil {
		t.Errorf("got %v, %v", trace, err)
	}
	if !strings.HasPrefix(err.Error(), "metrics: ") {
		t.Errorf("the error does not say whose it is: %v", err)
	}
}

func TestAClashWithAnotherMetricRegistersNothing(t *testing.T) {
	reg := prometheus.NewPedanticRegistry()
	counter := func(name string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: "Another."})
	}
	reg.MustRegister(counter("underlimit_route_overflow_total"))
	if _, err := metrics.NewTrace(reg); err == nil {
		t.Fatal("no error")
	}
	if err := reg.Register(counter("underlimit_requests_total")); err != nil {
		t.Errorf("something was left behind: %v", err)
	}
}

func TestTransportsAreToldApartByWrappedRegisterers(t *testing.T) {
	reg := prometheus.NewPedanticRegistry()
	for _, app := range []string{"bot", "importer"} {
		trace, err := metrics.NewTrace(prometheus.WrapRegistererWith(prometheus.Labels{"app": app}, reg))
		if err != nil {
			t.Fatal(err)
		}
		trace.Finished(t.Context(), transport.FinishedInfo{CallInfo: call("slack", "r", 1), Status: 200})
	}
	want := map[string]float64{"bot 200 slack r": 1, "importer 200 slack r": 1}
	if got := series(t, reg, "requests_total"); !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestNothingIsLostWhenRequestsAreConcurrent(t *testing.T) {
	const goroutines, each = 8, 500
	trace, reg := newTrace(t)
	routes := routeNames(250)
	var wg sync.WaitGroup
	for range goroutines {
		wg.Go(func() {
			for i := range each {
				refusedOnce(t.Context(), trace, "discord", routes[i%len(routes)])
				if i%100 == 0 {
					if _, err := reg.Gather(); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	wg.Wait()
	for _, name := range []string{"requests_total", "upstream_rate_limited_total", "retries_total"} {
		var sum float64
		for _, n := range series(t, reg, name) {
			sum += n
		}
		if sum != goroutines*each {
			t.Errorf("%s: got %v, want %v", name, sum, goroutines*each)
		}
	}
	if got := series(t, reg, "route_overflow_total")["discord"]; got != goroutines*each/5 {
		t.Errorf("%v overflows, want %v", got, goroutines*each/5)
	}
}

func TestAFinishedRequestAllocatesNothing(t *testing.T) {
	trace, _ := newTrace(t)
	info := transport.FinishedInfo{CallInfo: call("slack", "chat.postMessage", 1), Status: 200}
	if n := testing.AllocsPerRun(100, func() { trace.Finished(t.Context(), info) }); n != 0 {
		t.Errorf("it allocates %v times", n)
	}
}

func FuzzTraceTakesAnything(f *testing.F) {
	f.Add("slack", "chat.postMessage", 200, 1, "user", int64(time.Second))
	f.Add("\xff", "\xfe{\"", -1, -1, "\x00", int64(math.MinInt64))
	f.Fuzz(func(t *testing.T, provider, route string, status, attempt int, text string, took int64) {
		trace, reg := newTrace(t)
		info := call(provider, route, attempt)
		d := time.Duration(took)
		trace.WaitDone(t.Context(), transport.WaitDoneInfo{CallInfo: info, Waited: d})
		trace.GotResponse(t.Context(), transport.ResponseInfo{
			CallInfo: info, Status: status, Took: d, Refused: true, Scope: providers.Scope(text),
		})
		trace.Retry(t.Context(), transport.RetryInfo{CallInfo: info, Reason: transport.RetryConnection})
		trace.Finished(t.Context(), transport.FinishedInfo{CallInfo: info, Status: status, Err: errors.New(text)})
		trace.Finished(t.Context(), transport.FinishedInfo{CallInfo: info, Status: status})
		if _, err := reg.Gather(); err != nil {
			t.Error(err)
		}
	})
}
