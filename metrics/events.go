package metrics

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/underlimit/underlimit/providers"
	"github.com/underlimit/underlimit/transport"
)

const namespace = "underlimit"

// maxRoutes is how many routes of one provider get series of their own.
const maxRoutes = 200

// Values of the label reason of waits.
const (
	waitLimit = "limit" // before the first sending
	waitRetry = "retry" // before another one
)

// discord is the one provider that counts invalid requests, per address and over all tokens:
// https://discord.com/developers/docs/topics/rate-limits#invalid-request-limit-aka-cloudflare-bans
const discord = "discord"

// events are the metrics that a Trace keeps. They are one collector, so that all of them are registered or none.
type events struct {
	requests   *prometheus.CounterVec
	duration   *prometheus.HistogramVec
	waits      *prometheus.HistogramVec
	shadow     *prometheus.HistogramVec
	limited    *prometheus.CounterVec
	retries    *prometheus.CounterVec
	suppressed *prometheus.CounterVec
	rejected   *prometheus.CounterVec
	invalid    *prometheus.CounterVec
	warnings   *prometheus.CounterVec
	overflow   *prometheus.CounterVec

	providers table[*provider]
	recent    [256]atomic.Pointer[route] // routes by their place, to be found at once; nil: none yet
}

// A provider has the series of one provider at hand.
type provider struct {
	name       string // as it is told
	routes     table[*route]
	other      func() *route // for the routes that the table has no room for
	firstWait  prometheus.Observer
	retryWait  prometheus.Observer
	shadow     func() prometheus.Observer // most transports are not in shadow mode and have no such series
	retries    *counters
	suppressed *counters
	rejected   *counters
	invalid    *counters // nil where nobody counts them
	warnings   *counters
	overflow   prometheus.Counter
}

// A route has the series of one route at hand.
type route struct {
	provider *provider
	name     string    // as it is told
	requests *counters // by code
	limited  *counters // by scope
	duration prometheus.Observer
}

// counters are a vector's series that differ in the last label only.
type counters struct{ table[prometheus.Counter] }

func newEvents() *events {
	e := &events{
		requests: counterVec("requests_total",
			"Finished requests by their final status, or error, refused (never sent) or canceled.",
			"provider", "route", "code"),
		duration: histogramVec("upstream_request_duration_seconds",
			"Time of one sending until the header of its answer, or its failure.",
			prometheus.DefBuckets, "provider", "route"),
		waits: histogramVec("queue_wait_seconds",
			"Time that requests were held back, before their first sending (limit) or another one (retry).",
			waitBuckets, "provider", "reason"),
		shadow: histogramVec("shadow_wait_seconds",
			"Time that requests would have been held back, by estimate, were the transport not in shadow mode.",
			waitBuckets, "provider"),
		limited: counterVec("upstream_rate_limited_total",
			"Answers that refused a request because of a limit, by whose limit it was.",
			"provider", "route", "scope"),
		retries: counterVec("retries_total",
			"Requests sent again, by why.",
			"provider", "reason"),
		suppressed: counterVec("retries_suppressed_total",
			"Failed requests not sent again because the retry budget was spent, by why they would have been.",
			"provider", "reason"),
		rejected: counterVec("rejected_total",
			"Requests that ended unsent, by why.",
			"provider", "reason"),
		invalid: counterVec("invalid_requests_total",
			"Answers that count towards a ban of the address: 401, 403, and 429 unless of a shared limit.",
			"provider", "code"),
		warnings: counterVec("invalid_warnings_total",
			"Answers by which so many percent of the invalid requests that lead to a ban were used up.",
			"provider", "percent"),
		overflow: counterVec("route_overflow_total",
			"Finished requests counted as route other because their provider has too many routes.",
			"provider"),
	}
	e.providers.create = e.newProvider
	return e
}

func counterVec(name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help}, labels)
}

// waitBuckets reach from a wait that nobody notices to one that nobody would want to sit through.
var waitBuckets = []float64{
	.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 120, 300,
}

// histogramVec makes histograms that are both classic and native: a server takes the one that it knows.
func histogramVec(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	return prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Namespace: namespace, Name: name, Help: help,
		Buckets:                         buckets,
		NativeHistogramBucketFactor:     1.1,
		NativeHistogramMaxBucketNumber:  100,
		NativeHistogramMinResetDuration: time.Hour,
	}, labels)
}

// vectors is everything to be collected.
func (e *events) vectors() [11]prometheus.Collector {
	return [...]prometheus.Collector{
		e.requests, e.duration, e.waits, e.shadow, e.limited, e.retries, e.suppressed, e.rejected, e.invalid, e.warnings,
		e.overflow,
	}
}

func (e *events) Describe(ch chan<- *prometheus.Desc) {
	for _, v := range e.vectors() {
		v.Describe(ch)
	}
}

func (e *events) Collect(ch chan<- prometheus.Metric) {
	for _, v := range e.vectors() {
		v.Collect(ch)
	}
}

// newProvider also starts the series whose names are known at 0: a rate sees no first event in a series that starts
// with it.
func (e *events) newProvider(told string) *provider {
	name := valid(told)
	p := &provider{
		name:      told,
		firstWait: e.waits.WithLabelValues(name, waitLimit),
		retryWait: e.waits.WithLabelValues(name, waitRetry),
		shadow:    sync.OnceValue(func() prometheus.Observer { return e.shadow.WithLabelValues(name) }),
		retries: newCounters(e.retries, name).start(
			string(transport.RetryRefused), string(transport.RetryServerError), string(transport.RetryConnection)),
		suppressed: newCounters(e.suppressed, name).start(
			string(transport.RetryServerError), string(transport.RetryConnection)),
		rejected: newCounters(e.rejected, name).start(
			rejectedQueueFull, rejectedMaxWait, rejectedDeadline, rejectedWouldWait, rejectedGone),
		warnings: newCounters(e.warnings, name),
		overflow: e.overflow.WithLabelValues(name),
	}
	if name == discord {
		p.warnings.start("50", "80", "95")
		p.invalid = newCounters(e.invalid, name).start("401", "403", "429")
	}
	p.routes.max = maxRoutes
	p.routes.create = func(route string) *route { return e.newRoute(p, route) }
	p.other = sync.OnceValue(func() *route { return e.newRoute(p, other) })
	return p
}

func (e *events) newRoute(p *provider, told string) *route {
	provider, name := valid(p.name), valid(told)
	return &route{
		provider: p,
		name:     told,
		requests: newCounters(e.requests, provider, name),
		// The other scopes are too rare to have series for each route before they occur.
		limited:  newCounters(e.limited, provider, name).start(string(providers.ScopeUser)),
		duration: e.duration.WithLabelValues(provider, name),
	}
}

func (e *events) provider(name string) *provider {
	p, _ := e.providers.of(name) // there is always room
	return p
}

// route returns that of a request. It reports true if that is one too many and counted as other.
func (e *events) route(call *transport.CallInfo) (r *route, overflow bool) {
	place := e.place(call.Route)
	if r = place.Load(); r != nil && r.name == call.Route && r.provider.name == call.Provider {
		return r, false
	}
	if r, overflow = e.provider(call.Provider).route(call.Route); !overflow {
		place.CompareAndSwap(nil, r) // of routes with one place the first has it: to take turns would take time
	}
	return r, overflow
}

// place is where a route is kept, if it is. Routes differ in their middles and their ends.
func (e *events) place(name string) *atomic.Pointer[route] {
	n := len(name)
	if n > 0 {
		n += 7*int(name[n-1]) + 31*int(name[n/2])
	}
	return &e.recent[n%len(e.recent)]
}

// route reports true if the route is one too many and counted as other.
func (p *provider) route(name string) (r *route, overflow bool) {
	if name == other {
		return p.other(), false
	}
	if r, ok := p.routes.of(name); ok {
		return r, false
	}
	return p.other(), true
}

// newCounters returns the series of v whose labels are these and one more.
func newCounters(v *prometheus.CounterVec, labels ...string) *counters {
	c := &counters{}
	c.create = func(last string) prometheus.Counter {
		return v.WithLabelValues(append(slices.Clip(labels), last)...)
	}
	return c
}

// start makes series that begin at 0.
func (c *counters) start(values ...string) *counters {
	for _, v := range values {
		c.of(v)
	}
	return c
}

func (c *counters) inc(value string) {
	counter, _ := c.of(value) // there is always room
	counter.Inc()
}
