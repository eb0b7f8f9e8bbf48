package transport

import (
	"math/rand/v2"
	"net/http"
	"slices"
	"time"
)

// A RetryPolicy decides whether a request is sent again. The ready-made ones are [RateLimitRetry], [ServerErrorRetry]
// and [ConnectionErrorRetry]; [RetryPolicies] makes one of several, and [RetryFunc] one of a function.
type RetryPolicy interface {
	// Retry says whether to send the request again, and how long to wait before it asks for leave to go. After a
	// refusal the buckets hold it back, too, and it goes when both allow it: a delay of 0 leaves it to them.
	//
	// It is called in the goroutine of the request, after every sending that failed and can be repeated: attempts are
	// left, the body can be had again, and nobody has given up. It must neither block nor change what it is given, and
	// is called concurrently for concurrent requests. What it says yes to still needs the retry budget, unless a limit
	// refused the request, and time: a delay beyond the request's deadline is not begun.
	Retry(f Failure) (delay time.Duration, again bool)
}

// RetryFunc is a function that is a [RetryPolicy].
type RetryFunc func(f Failure) (delay time.Duration, again bool)

// Retry calls f.
func (p RetryFunc) Retry(f Failure) (delay time.Duration, again bool) { return p(f) }

// A Failure is a sending that did not succeed, as a [RetryPolicy] is told of it.
type Failure struct {
	// CallInfo's Attempt is how often the request was sent, this time included.
	CallInfo
	// Reason is what became of this sending.
	Reason RetryReason
	// Failures is how many of the sendings failed and were no refusals, this one included.
	Failures int
	// Repeatable says that sending the request again cannot do its work twice: a limit refused it, nothing of it was
	// sent, it may be repeated by its method or its Idempotency-Key, or its provider knows that it may. Only with
	// Options.RetryWrites is a policy asked about any other.
	Repeatable bool
	// Request is the caller's. Its body must not be read; it can be had from GetBody, if that is not nil.
	Request *http.Request
	// Status and Header are of the answer; 0 and nil if there was none.
	Status int
	Header http.Header
	// Err is why there was none.
	Err error
}

// RetryPolicies is the policy that has a request sent again if one of them would; the first that would says when.
type RetryPolicies []RetryPolicy

// Retry asks each of them.
func (ps RetryPolicies) Retry(f Failure) (delay time.Duration, again bool) {
	for _, p := range ps {
		if delay, again = p.Retry(f); again {
			return delay, true
		}
	}
	return 0, false
}

// defaultPolicy is that of a transport which was given none.
var defaultPolicy RetryPolicy = RetryPolicies{RateLimitRetry{}, ServerErrorRetry{}, ConnectionErrorRetry{}}

// RateLimitRetry repeats what a limit refused, when the buckets allow it.
type RateLimitRetry struct {
	// Max is how often, in all, a request is sent again after refusals; 0 means as often as Options.MaxAttempts allows.
	Max int
}

// Retry implements [RetryPolicy].
func (p RateLimitRetry) Retry(f Failure) (delay time.Duration, again bool) {
	return 0, f.Reason == RetryRefused && (p.Max <= 0 || f.Attempt-f.Failures <= p.Max)
}

// ServerErrorRetry repeats what was answered with a server error, if it is repeatable.
type ServerErrorRetry struct {
	// Max is how many failures of a request, connection errors included, are followed by another sending; 0 means 3.
	Max int
	// Statuses are those of the answers that are repeated; nil means 500, 502, 503 and 504. Others than 4xx and 5xx
	// are none of a failure.
	Statuses []int
	// Backoff is how long to wait before.
	Backoff Backoff
}

// passing are the statuses of failures that may pass.
var passing = []int{
	http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout,
}

// Retry implements [RetryPolicy].
func (p ServerErrorRetry) Retry(f Failure) (delay time.Duration, again bool) {
	statuses := p.Statuses
	if statuses == nil {
		statuses = passing
	}
	if f.Reason == RetryRefused || !slices.Contains(statuses, f.Status) {
		return 0, false
	}
	return retryFailure(f, p.Max, p.Backoff)
}

// ConnectionErrorRetry repeats what was not answered, if it is repeatable and the error is none that another sending
// would meet, too, such as that of a certificate which nobody trusts, or of a host that does not exist.
type ConnectionErrorRetry struct {
	// Max is how many failures of a request, server errors included, are followed by another sending; 0 means 3.
	Max int
	// Backoff is how long to wait before.
	Backoff Backoff
}

// Retry implements [RetryPolicy].
func (p ConnectionErrorRetry) Retry(f Failure) (delay time.Duration, again bool) {
	if f.Reason != RetryConnection || hopeless(f.Err) {
		return 0, false
	}
	return retryFailure(f, p.Max, p.Backoff)
}

const defaultFailures = 3 // that are followed by another sending

func retryFailure(f Failure, most int, b Backoff) (delay time.Duration, again bool) {
	if most <= 0 {
		most = defaultFailures
	}
	if !f.Repeatable || f.Failures > most {
		return 0, false
	}
	return b.Delay(f.Failures), true
}

// A Backoff is how long to wait after failures. The zero value is a random time of up to half a second after the first,
// up to a second after the next, and so on, up to half a minute.
type Backoff struct {
	// First is the bound after the first failure, which doubles with each; 0 means half a second.
	First time.Duration
	// Most is where it stops doubling; 0 means half a minute.
	Most time.Duration
	// Jitter chooses another kind of wait: the whole bound, and a random time of up to Jitter more. 0 means a random
	// time up to the bound, which spreads those best that failed together. Negative: the bound itself.
	Jitter time.Duration
	// Rand returns a random number of at least 0 and less than 1, and may be called concurrently; nil means that of
	// math/rand/v2.
	Rand func() float64
}

const (
	firstBackoff = 500 * time.Millisecond
	mostBackoff  = 30 * time.Second
)

// Delay returns how long to wait after the nth failure in a row, counted from 1; n below that counts as 1.
func (b Backoff) Delay(n int) time.Duration {
	if b.First <= 0 {
		b.First = firstBackoff
	}
	if b.Most <= 0 {
		b.Most = mostBackoff
	}
	bound := min(b.First, b.Most)
	for ; n > 1 && bound < b.Most; n-- {
		if bound > b.Most/2 {
			bound = b.Most
		} else {
			bound *= 2
		}
	}
	switch {
	case b.Jitter < 0:
		return bound
	case b.Jitter > 0:
		return bound + b.random(b.Jitter)
	}
	return b.random(bound) + 1
}

// random returns a time of at least 0 and less than most.
func (b Backoff) random(most time.Duration) time.Duration {
	if b.Rand == nil {
		return rand.N(most)
	}
	return min(max(time.Duration(b.Rand()*float64(most)), 0), most-1)
}

// consider has the request, which failed, sent again if the policy wants it so and nothing else speaks against it.
func (x *exchange) consider(reason RetryReason, repeatable bool) {
	if reason != RetryRefused {
		x.failures++
	}
	if !x.sendable() || !repeatable && !x.t.retryWrites {
		return
	}
	f := Failure{
		CallInfo: x.info(), Reason: reason, Failures: x.failures, Repeatable: repeatable, Request: x.req, Err: x.last.err,
	}
	if resp := x.last.resp; resp != nil {
		f.Status, f.Header = resp.StatusCode, resp.Header
	}
	delay, again := x.t.policy.Retry(f)
	if !again {
		return
	}
	delay = max(delay, 0)
	if deadline, ok := x.ctx.Deadline(); ok && time.Until(deadline) < delay {
		return
	}
	if reason != RetryRefused && !x.t.budgets.spend(x.call.Provider) {
		x.suppressed = reason
		return
	}
	x.again(reason, delay)
}
