package transport

import (
	"net/http"
	"time"

	"github.com/hashicorp/go-retryablehttp"

	"github.com/underlimit/underlimit/bucket"
	"github.com/underlimit/underlimit/providers"
)

// Options configure a [Transport]. The zero value is what most programs want.
type Options struct {
	// Base sends the requests; nil means http.DefaultTransport.
	Base http.RoundTripper
	// Buckets is where the limits are kept. Transports that share a registry share the limits. Nil means a registry
	// of the transport's own.
	Buckets *bucket.Registry
	// MaxAttempts is how often a request is sent at most; 0 means 10, and 1 never sends it again.
	MaxAttempts int
	// Retry decides which requests are sent again. Nil means [RateLimitRetry], [ServerErrorRetry] and
	// [ConnectionErrorRetry], each with its zero value: what a limit refused goes again in its turn, and at most 3
	// sendings may follow failures that were no refusals: answers of 500, 502, 503 or 504, and broken connections.
	Retry RetryPolicy
	// RetryWrites has Retry asked, too, about requests that may have been processed and would do their work twice:
	// what is no [Failure.Repeatable]. If it then says yes, a message may be posted twice. The ready-made policies never
	// do.
	RetryWrites bool
	// RetryBudget is how many sendings after failures a request pays for on average, so that a provider which fails all of them
	// gets no more than 1 + RetryBudget sendings a request. Each provider has a budget, which begins with 10 sendings
	// and saves up no more; when it is spent, failures are returned at once. 0 means 0.1; negative, no bound.
	RetryBudget float64
	// MaxWait bounds the time that a request waits for leave, over all its attempts; 0 leaves it to the request's
	// context.
	MaxWait time.Duration
	// Mode says what becomes of a request that would have to wait. The zero value, bucket.Wait, has it wait its turn.
	// With bucket.Reject it fails at once, with the cause bucket.ErrWouldWait, and a refused one is not sent again.
	// With bucket.Shadow limits delay and fail nothing, and no request is sent again for any reason: the transport
	// learns, and tells the Trace how long it would have held requests back.
	Mode bucket.Mode
	// Refusal is what a request gets that cannot be sent in time, or not in its Mode. The zero value,
	// RefuseWithError, is a *bucket.WaitError.
	Refusal Refusal
	// HideLimits keeps from the caller what answers that succeeded, those of a status below 400, tell of limits: the
	// fields X-RateLimit-*, X-Rate-Limit-* and RateLimit*. It is for SDKs that wait by these fields themselves and
	// cannot be told not to. The provider and the Trace see them before. Refusals and other failures are returned
	// whole, as are all answers in mode bucket.Shadow, in which nobody but the SDK waits.
	HideLimits bool
	// Trace is told of every request; nil means nobody is.
	Trace *Trace
}

const defaultAttempts = 10

// A Transport is an http.RoundTripper that keeps requests under their provider's limits. It is safe for concurrent
// use; create one with [New].
type Transport struct {
	provider    providers.Provider
	appender    providers.Appender // the same; nil if it is none
	base        http.RoundTripper
	buckets     *bucket.Registry
	maxAttempts int
	policy      RetryPolicy
	retryWrites bool
	maxWait     time.Duration
	mode        bucket.Mode
	refusal     Refusal
	hideLimits  bool
	trace       *Trace
	retries     *retryablehttp.Client
	budgets     budgets
}

// New returns a Transport that keeps to the limits that p knows. opts may be nil and is copied.
func New(p providers.Provider, opts *Options) *Transport {
	var o Options
	if opts != nil {
		o = *opts
	}
	t := &Transport{
		provider:    p,
		base:        o.Base,
		buckets:     o.Buckets,
		maxAttempts: o.MaxAttempts,
		policy:      o.Retry,
		retryWrites: o.RetryWrites,
		maxWait:     o.MaxWait,
		mode:        o.Mode,
		refusal:     o.Refusal,
		hideLimits:  o.HideLimits && o.Mode != bucket.Shadow,
		trace:       o.Trace,
	}
	t.appender, _ = p.(providers.Appender)
	if t.base == nil {
		t.base = http.DefaultTransport
	}
	if t.policy == nil {
		t.policy = defaultPolicy
	}
	if t.buckets == nil {
		t.buckets = bucket.NewRegistry(nil)
	}
	switch {
	case t.mode == bucket.Shadow:
		t.maxAttempts = 1 // the traffic is to be what it would be without a transport
	case t.maxAttempts <= 0:
		t.maxAttempts = defaultAttempts
	}
	t.retries = retryClient(t.maxAttempts)
	t.budgets.init(o.RetryBudget)
	return t
}

// Buckets returns the registry that keeps the limits.
func (t *Transport) Buckets() *bucket.Registry { return t.buckets }

// CloseIdleConnections closes the base transport's idle connections, if it can.
func (t *Transport) CloseIdleConnections() {
	if c, ok := t.base.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

// RoundTrip sends a request when its limits allow it and returns its answer. A request that no provider claims goes
// straight to the base transport.
//
// The error is a [*bucket.WaitError] if the request was not sent, unless Options.Refusal has it answered, and the base
// transport's if no answer came. An answer is never turned into an error: a refusal that may not be waited out, or not
// sent again, is returned as it is. When the request's context ends while it waits, nothing was taken and nothing is
// sent.
func (t *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL == nil || req.Header == nil {
		return t.base.RoundTrip(req) // which knows what to say of it
	}
	body := newBody(req)
	// This is not asked again, though a message gets older while its deletion waits: at worst a limit refuses it once
	// that it did not draw on, and by that answer its bucket leads there.
	now := time.Now()
	x := exchanges.Get().(*exchange)
	x.t, x.ctx, x.req, x.body, x.trace = t, req.Context(), req, body, t.trace
	if ok := x.classify(body.request(req), now); !ok {
		if body.taken() {
			return x.pass()
		}
		x.recycle()
		return t.base.RoundTrip(req)
	}
	switch {
	case body.buffer != nil: // it is read only now, or was by the provider, and that can take any time
	case body.again != nil && !x.call.BodyUnread: // here the provider may have read it, too
		x.now = since(now)
	default:
		x.now = now
	}
	w := wishesOf(x.ctx)
	x.ticket.MaxWait, x.ticket.Mode, x.ticket.Priority = t.maxWait, t.mode, w.priority
	if w.trace != nil {
		x.trace = JoinTraces(t.trace, w.trace)
	}
	resp, err := x.run()
	if x.attempt == 1 && !x.looping && x.ticket.Waited() == 0 { // else more had to do with it
		x.recycle()
	}
	return resp, err
}

// info says which request and which sending of it an event is about.
func (x *exchange) info() CallInfo {
	return CallInfo{Provider: x.call.Provider, Route: x.call.Route, Attempt: x.attempt}
}
