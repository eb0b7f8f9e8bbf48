package metrics

import (
	"context"
	"fmt"
	"net/http"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/underlimit/underlimit/bucket"
	"github.com/underlimit/underlimit/providers"
	"github.com/underlimit/underlimit/transport"
)

// NewTrace registers the metrics of events with reg and returns the trace that counts them, for
// transport.Options.Trace. One trace may serve any number of transports.
//
// A second one for the same registerer is an error, which wraps [prometheus.AlreadyRegisteredError]; to tell
// transports apart, give each its own prometheus.WrapRegistererWith. If there is an error, nothing was registered.
func NewTrace(reg prometheus.Registerer) (*transport.Trace, error) {
	e := newEvents()
	if err := reg.Register(e); err != nil {
		return nil, fmt.Errorf("metrics: registering the metrics of a trace: %w", err)
	}
	return &transport.Trace{
		WaitDone:    e.waitDone,
		GotResponse: e.gotResponse,
		Retry:       e.retry,
		Charged:     e.charged,
		Finished:    e.finished,
	}, nil
}

// waitDone leaves out requests turned away on arrival: they did not wait, and would make waits look short.
func (e *events) waitDone(_ context.Context, info transport.WaitDoneInfo) {
	if info.Err != nil && info.Waited == 0 {
		return
	}
	p := e.provider(info.Provider)
	wait := p.firstWait
	if info.Attempt > 1 {
		wait = p.retryWait
	}
	wait.Observe(info.Waited.Seconds())
	if info.Mode == bucket.Shadow {
		p.shadow().Observe(info.Would.Seconds())
	}
}

func (e *events) gotResponse(_ context.Context, info transport.ResponseInfo) {
	r, _ := e.route(&info.CallInfo)
	r.duration.Observe(info.Took.Seconds())
	if info.Refused {
		r.limited.inc(scopeName(info.Scope))
	}
	if p := r.provider; p.invalid != nil && isInvalid(&info) {
		p.invalid.inc(statusCode(info.Status))
	}
}

// isInvalid says whether an answer counts towards a ban of the address.
func isInvalid(info *transport.ResponseInfo) bool {
	switch info.Status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return true
	case http.StatusTooManyRequests:
		return info.Scope != providers.ScopeShared
	}
	return false
}

func (e *events) retry(_ context.Context, info transport.RetryInfo) {
	e.provider(info.Provider).retries.inc(string(info.Reason))
}

func (e *events) charged(_ context.Context, info transport.ChargeInfo) {
	if info.Passed > 0 {
		e.provider(info.Provider).warnings.inc(strconv.Itoa(info.Passed))
	}
}

func (e *events) finished(ctx context.Context, info transport.FinishedInfo) {
	r, overflow := e.route(&info.CallInfo)
	p := r.provider
	if overflow {
		p.overflow.Inc()
	}
	if info.Suppressed != "" {
		p.suppressed.inc(string(info.Suppressed))
	}
	if info.Err == nil {
		r.requests.inc(statusCode(info.Status))
		return
	}
	code, rejected := errorCode(ctx, info.Err)
	r.requests.inc(code)
	if rejected != "" {
		p.rejected.inc(rejected)
	}
}
