package transport

import (
	"context"
	"net/http"
	"time"

	"github.com/underlimit/underlimit/bucket"
	"github.com/underlimit/underlimit/providers"
)

// A Trace is a set of hooks that run as a request passes through the transport. Any of them may be nil. They run in
// the goroutine of the request, outside all locks, and must neither block nor change what they are given; hooks of
// concurrent requests run concurrently.
//
// A Trace in Options.Trace sees all requests of a Transport, one attached by [WithTrace] those of its context.
// Requests that no provider claims run no hook.
type Trace struct {
	// WaitStart runs before each sending of a request asks for leave to go, whether or not it then has to wait.
	WaitStart func(context.Context, WaitStartInfo)
	// WaitDone runs when it has leave, or will not get it.
	WaitDone func(context.Context, WaitDoneInfo)
	// GotResponse runs for each sending that ended, with an answer or an error.
	GotResponse func(context.Context, ResponseInfo)
	// Retry runs when a request is about to be sent again.
	Retry func(context.Context, RetryInfo)
	// LimitLearned runs when an answer showed a limit that was not known, or a changed one.
	LimitLearned func(context.Context, LimitInfo)
	// Blocked runs when an answer blocked a bucket, or prolonged its block.
	Blocked func(context.Context, BlockInfo)
	// Charged runs when an answer was charged to a quota of what goes wrong, such as invalid requests.
	Charged func(context.Context, ChargeInfo)
	// Finished runs once for each request, when RoundTrip returns.
	Finished func(context.Context, FinishedInfo)
}

// CallInfo says which request an event is about.
type CallInfo struct {
	// Provider and Route are of small, closed sets; but the routes of package headers are the hosts called.
	Provider, Route string
	// Attempt counts the sendings, from 1.
	Attempt int
}

// WaitStartInfo says that a request asks for leave to go.
type WaitStartInfo struct{ CallInfo }

// WaitDoneInfo says how the wait for leave ended.
type WaitDoneInfo struct {
	CallInfo
	// Mode is the transport's.
	Mode bucket.Mode
	// Waited is how long this one wait took; 0 if the request could go at once.
	Waited time.Duration
	// Would is how long it would have been in mode bucket.Wait, by estimate, if Mode is bucket.Shadow; else 0.
	Would time.Duration
	// Err is nil when the request may go, else usually a *bucket.WaitError.
	Err error
}

// ResponseInfo says how one sending ended.
type ResponseInfo struct {
	CallInfo
	// Status and Header are of the answer; 0 and nil if Err is not nil.
	Status int
	Header http.Header
	// Took is the time from sending to the answer's header.
	Took time.Duration
	// Refused, Scope: see providers.Verdict.
	Refused bool
	Scope   providers.Scope
	// Err is why no answer came; nil if one did.
	Err error
}

// RetryReason says why a request is sent again. The set is closed.
type RetryReason string

const (
	RetryRefused     RetryReason = "refused"      // a limit refused it
	RetryServerError RetryReason = "server_error" // a 5xx
	RetryClientError RetryReason = "client_error" // another 4xx, which only a policy of the program's own repeats
	RetryConnection  RetryReason = "connection"   // no answer came
)

// RetryInfo says that a request is about to be sent again. Attempt is the sending to come.
type RetryInfo struct {
	CallInfo
	Reason RetryReason
	// Delay is the back-off before it rejoins its queue; 0 after a refusal, where the buckets know when.
	Delay time.Duration
}

// LimitInfo says what limit an answer showed.
type LimitInfo struct {
	CallInfo
	Key bucket.Key
	// Limit is how many units a window, or a quota, holds.
	Limit int
}

// BlockInfo says until when a bucket is blocked.
type BlockInfo struct {
	CallInfo
	Key bucket.Key
	// Until is by our clock.
	Until time.Time
}

// ChargeInfo says how much of a quota of what goes wrong is used up, see bucket.Policy.Charged.
type ChargeInfo struct {
	CallInfo
	Key bucket.Key
	// Charged is how much was charged within the quota's window, this time included, of Quota.
	Charged, Quota int
	// Passed is 50, 80 or 95 if this one used up that share, in percent; 0 otherwise.
	Passed int
}

// shares are what a quota is watched for, in percent.
var shares = [...]int{95, 80, 50}

// passed returns the highest share that the nth of a quota uses up and the one before did not; 0 if it is none.
func passed(n, quota int) int {
	for _, share := range shares {
		if (n-1)*100 < share*quota && share*quota <= n*100 {
			return share
		}
	}
	return 0
}

// FinishedInfo says how a request ended. Attempt is how often it was sent.
type FinishedInfo struct {
	CallInfo
	// Status is that of the response returned; 0 if there is none.
	Status int
	// Err is why there is none or, with RefuseWith429, why the request was not sent.
	Err error
	// Waited is the time spent waiting for leave, over all attempts.
	Waited time.Duration
	// Would is the time that it would have waited, by estimate, in mode bucket.Shadow; else 0.
	Would time.Duration
	// Suppressed says why the request would have been sent again, had the retry budget not been spent; usually empty.
	Suppressed RetryReason
}

// WithTrace returns a context whose requests also run t's hooks, after those of Options.Trace and of any trace that
// ctx already has.
func WithTrace(ctx context.Context, t *Trace) context.Context {
	if t == nil {
		return ctx
	}
	w := wishesOf(ctx)
	w.trace = JoinTraces(w.trace, t)
	return context.WithValue(ctx, wishesKey{}, &w)
}

// JoinTraces returns a trace that runs a's hooks and then b's, such as those of metrics and one's own; it changes neither.
// A nil one has no hooks.
func JoinTraces(a, b *Trace) *Trace {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	}
	return &Trace{
		WaitStart:    both(a.WaitStart, b.WaitStart),
		WaitDone:     both(a.WaitDone, b.WaitDone),
		GotResponse:  both(a.GotResponse, b.GotResponse),
		Retry:        both(a.Retry, b.Retry),
		LimitLearned: both(a.LimitLearned, b.LimitLearned),
		Blocked:      both(a.Blocked, b.Blocked),
		Charged:      both(a.Charged, b.Charged),
		Finished:     both(a.Finished, b.Finished),
	}
}

func both[T any](f, g func(context.Context, T)) func(context.Context, T) {
	switch {
	case f == nil:
		return g
	case g == nil:
		return f
	}
	return func(ctx context.Context, info T) {
		f(ctx, info)
		g(ctx, info)
	}
}
