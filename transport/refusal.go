package transport

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/underlimit/underlimit/bucket"
	"github.com/underlimit/underlimit/providers"
)

// A Refusal chooses what the caller gets for a request that this transport does not send, as it cannot go in time or in
// its Mode: an error or a 429. What a provider refuses is something else: see providers.Verdict.
type Refusal uint8

const (
	// RefuseWithError is a *bucket.WaitError, which names the bucket and the time.
	RefuseWithError Refusal = iota
	// RefuseWith429 is an answer of 429, as the provider itself would send it, with the time to wait in Retry-After and
	// in X-Underlimit-Reason why the request was not sent: "queue_full", "max_wait", "deadline" or "would_wait". It is
	// for clients that cannot deal with an error, or that wait by themselves. A request whose caller has gone still
	// fails with an error.
	RefuseWith429
)

// reason returns the value of X-Underlimit-Reason; "" where nobody waits for an answer.
func reason(err *bucket.WaitError) string {
	switch {
	case errors.Is(err, context.Canceled): // with a cause that can be any error
		return ""
	case errors.Is(err, bucket.ErrQueueFull):
		return "queue_full"
	case errors.Is(err, bucket.ErrMaxWait):
		return "max_wait"
	case errors.Is(err, context.DeadlineExceeded):
		return "deadline"
	case errors.Is(err, bucket.ErrWouldWait):
		return "would_wait"
	}
	return ""
}

// refusal returns the answer that the request gets in place of an error; nil if it gets the error.
func (x *exchange) refusal() *http.Response {
	if x.t.refusal != RefuseWith429 || x.attempt > 0 {
		return nil
	}
	wait, ok := errors.AsType[*bucket.WaitError](x.last.err)
	if !ok {
		return nil
	}
	why := reason(wait)
	if why == "" {
		return nil
	}
	now := time.Now()
	header, body := providers.Refuse(x.t.provider, x.req, &x.call, now, wait.Until.Sub(now))
	header.Set("X-Underlimit-Reason", why)
	header.Set("Content-Length", strconv.Itoa(len(body)))
	resp := &http.Response{
		Status:     "429 Too Many Requests",
		StatusCode: http.StatusTooManyRequests,
		Proto:      "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header:        header,
		Body:          io.NopCloser(bytes.NewReader(body)),
		ContentLength: int64(len(body)),
	}
	if x.req.Method == http.MethodHead {
		resp.Body = http.NoBody
	}
	return resp
}
