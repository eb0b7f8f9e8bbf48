package transport

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/hashicorp/go-retryablehttp"
)

type exchangeKey struct{}

// tokenURL is where the loop believes its requests to go.
var tokenURL = &url.URL{Scheme: "http", Host: "retry.invalid"}

// retryClient returns the loop that sends requests again: go-retryablehttp, told everything. It counts the attempts
// and sleeps between them; whether and when to send again, the gate has decided, and what comes of it stays in the
// exchange. So the loop sees neither the caller's request nor its answers, and can neither read, drop nor wrap them.
func retryClient(maxAttempts int) *retryablehttp.Client {
	return &retryablehttp.Client{
		HTTPClient: &http.Client{
			Transport:     gate{},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		Logger:   nil,
		RetryMax: maxAttempts - 1,
		CheckRetry: func(ctx context.Context, _ *http.Response, _ error) (bool, error) {
			return exchangeOf(ctx).last.again, nil
		},
		Backoff: func(_, _ time.Duration, _ int, resp *http.Response) time.Duration {
			return exchangeOf(resp.Request.Context()).last.delay
		},
		ErrorHandler: retryablehttp.PassthroughErrorHandler,
	}
}

// A gate is what the loop takes for the network. It has no CloseIdleConnections on purpose: the loop would call it
// whenever it gives up, and drop the connections that others use.
type gate struct{}

// RoundTrip makes the next attempt. The loop's first is the one already made, whose outcome brought the loop about.
func (gate) RoundTrip(req *http.Request) (*http.Response, error) {
	x := exchangeOf(req.Context())
	if x.looping {
		x.try()
	}
	x.looping = true
	x.keep()
	return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody, Request: req}, nil
}

func exchangeOf(ctx context.Context) *exchange {
	return ctx.Value(exchangeKey{}).(*exchange)
}

// retry sends the request again until the gate says that it is enough.
func (t *Transport) retry(x *exchange) {
	ctx := context.WithValue(x.ctx, exchangeKey{}, x)
	token := (&http.Request{Method: http.MethodGet, URL: tokenURL, Header: http.Header{}}).WithContext(ctx)
	resp, err := t.retries.Do(&retryablehttp.Request{Request: token})
	if resp != nil {
		_ = resp.Body.Close() // the loop's own, and empty
	}
	if err != nil && x.last.resp == nil {
		x.last.err = context.Cause(x.ctx) // it ended during a back-off
	}
}
