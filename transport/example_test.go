package transport_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/underlimit/underlimit/bucket"
	"github.com/underlimit/underlimit/providers/headers"
	"github.com/underlimit/underlimit/transport"
)

// refusing is an API that refuses its first request, for some seconds.
func refusing(seconds string) *httptest.Server {
	first := true
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if first {
			first = false
			w.Header().Set("Retry-After", seconds)
			w.WriteHeader(http.StatusTooManyRequests)
		}
	}))
}

func ExampleNew() {
	server := refusing("0.01")
	defer server.Close()

	client := &http.Client{Transport: transport.New(headers.New(nil), nil)}
	resp, err := client.Get(server.URL)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Body.Close()
	fmt.Println(resp.Status)
	// Output: 200 OK
}

func ExampleWithTrace() {
	server := refusing("0.01")
	defer server.Close()

	ctx := transport.WithTrace(context.Background(), &transport.Trace{
		Retry: func(_ context.Context, info transport.RetryInfo) {
			fmt.Println("sending", info.Attempt, "because the first was", info.Reason)
		},
		Finished: func(_ context.Context, info transport.FinishedInfo) {
			fmt.Println("finished with", info.Status, "and waited:", info.Waited > 0)
		},
	})
	client := &http.Client{Transport: transport.New(headers.New(nil), nil)}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	resp, err := client.Do(req)
	if err != nil {
		fmt.Println(err)
		return
	}
	resp.Body.Close()
	// Output:
	// sending 2 because the first was refused
	// finished with 200 and waited: true
}

// A request that cannot be sent before its deadline fails at once, and the error says when it could be.
func ExampleTransport_RoundTrip_deadline() {
	server := refusing("3600")
	defer server.Close()

	client := &http.Client{
		Transport: transport.New(headers.New(nil), nil),
		Timeout:   10 * time.Second,
	}
	for range 2 {
		resp, err := client.Get(server.URL)
		var wait *bucket.WaitError
		switch {
		case errors.As(err, &wait):
			fmt.Printf("%s is closed for another %v\n", wait.Key.Provider, time.Until(wait.Until).Round(time.Minute))
		case err != nil:
			fmt.Println(err)
		default:
			fmt.Println(resp.Status)
			resp.Body.Close()
		}
	}
	// Output:
	// 429 Too Many Requests
	// headers is closed for another 1h0m0s
}

// Server errors are repeated twice, connection errors once, and what a resource's lock refused after two seconds.
func ExampleRetryPolicies() {
	locked := func(f transport.Failure) (time.Duration, bool) {
		return 2 * time.Second, f.Status == http.StatusLocked && f.Failures < 3
	}
	policy := transport.RetryPolicies{
		transport.RateLimitRetry{},
		transport.ServerErrorRetry{Max: 2},
		transport.ConnectionErrorRetry{Max: 1},
		transport.RetryFunc(locked),
	}
	limits := transport.New(headers.New(nil), &transport.Options{Retry: policy})
	client := &http.Client{Transport: limits}
	defer client.CloseIdleConnections()

	fmt.Println(policy.Retry(transport.Failure{Status: http.StatusLocked, Failures: 1}))
	fmt.Println(policy.Retry(transport.Failure{Status: http.StatusLocked, Failures: 3}))
	// Output:
	// 2s true
	// 0s false
}
