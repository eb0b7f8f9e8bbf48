package metrics

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/underlimit/underlimit/bucket"
	"github.com/underlimit/underlimit/providers"
)

// other stands for what is not worth a label value of its own.
const other = "other"

// Values of the label code for requests that brought no answer.
const (
	codeError    = "error"    // the sending failed
	codeRefused  = "refused"  // never sent, for a limit would have held it too long
	codeCanceled = "canceled" // the caller gave up
)

// codes are the label values of the statuses below 600.
var codes = func() (names [600]string) {
	for status := range names {
		switch {
		case status < 100:
			names[status] = other
		case http.StatusText(status) != "":
			names[status] = strconv.Itoa(status)
		default:
			names[status] = strconv.Itoa(status/100) + "xx"
		}
	}
	return names
}()

// statusCode folds a status, which can be any number, to a label value.
func statusCode(status int) string {
	if status < 0 || status >= len(codes) {
		return other
	}
	return codes[status]
}

// errorCode returns the code of a request that ended with err, and, if it was refused here, the reason.
func errorCode(ctx context.Context, err error) (code, rejected string) {
	if wait, ok := errors.AsType[*bucket.WaitError](err); ok {
		reason := rejection(wait)
		if reason == rejectedGone {
			return codeCanceled, reason
		}
		return codeRefused, reason
	}
	// The base transport reports a cause given to context.WithCancelCause instead of context.Canceled.
	if errors.Is(err, context.Canceled) || errors.Is(ctx.Err(), context.Canceled) {
		return codeCanceled, ""
	}
	return codeError, ""
}

// Values of the label reason of rejections.
const (
	rejectedQueueFull = "queue_full"
	rejectedMaxWait   = "max_wait"
	rejectedDeadline  = "deadline"
	rejectedWouldWait = "would_wait"
	rejectedGone      = "caller_gone"
)

func rejection(err *bucket.WaitError) string {
	switch {
	case errors.Is(err, context.Canceled): // with a cause that can be any error
		return rejectedGone
	case errors.Is(err, bucket.ErrQueueFull):
		return rejectedQueueFull
	case errors.Is(err, bucket.ErrMaxWait):
		return rejectedMaxWait
	case errors.Is(err, context.DeadlineExceeded):
		return rejectedDeadline
	case errors.Is(err, bucket.ErrWouldWait):
		return rejectedWouldWait
	}
	return rejectedGone
}

// scopeName keeps the label to the closed set, whatever a provider from elsewhere says.
func scopeName(s providers.Scope) string {
	switch s {
	case providers.ScopeUser, providers.ScopeShared, providers.ScopeGlobal, providers.ScopeWorkspace,
		providers.ScopeEgress, providers.ScopeQuota:
		return string(s)
	}
	return string(providers.ScopeUnknown)
}

// valid makes s fit for a label value: Prometheus takes nothing but UTF-8.
func valid(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }
