package transport_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/underlimit/underlimit/providers"
	"github.com/underlimit/underlimit/transport"
)

// breaking answers the first request and breaks the connection instead of answering the second.
func breaking(t *testing.T) (url string, arrived *atomic.Int32, last *atomic.Pointer[http.Request]) {
	t.Helper()
	arrived, last = new(atomic.Int32), new(atomic.Pointer[http.Request])
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
		last.Store(req)
		if arrived.Add(1) == 2 {
			panic(http.ErrAbortHandler)
		}
	}))
	t.Cleanup(s.Close)
	return s.URL, arrived, last
}

// requestTo is a request as clients make it.
func requestTo(t *testing.T, method, url string, body io.Reader) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	return req
}

func TestARequestThatAServerGotIsSentAsAClientsIs(t *testing.T) {
	srv := serve(answer(200))
	limits := transport.New(open(), &transport.Options{Base: srv})
	req := httptest.NewRequestWithContext(t.Context(), http.MethodGet, target, nil)
	want(t, roundTrip(limits, req), 200)
	if got := srv.sent[0].req.RequestURI; got != "" || req.RequestURI == "" {
		t.Errorf("it was sent with the RequestURI %q, and has %q", got, req.RequestURI)
	}
}

func TestWhatMustNotBeRepeatedIsNotRepeatedByTheBaseTransportEither(t *testing.T) {
	for _, tt := range []struct {
		name   string
		repeat providers.Repeat
		req    func(url string) *http.Request
		want   int32 // requests that arrive, of two
	}{
		{"a GET that writes", providers.Never, func(url string) *http.Request {
			return requestTo(t, http.MethodGet, url, nil)
		}, 2},
		{"a write with a key that its API does not heed", providers.Never, func(url string) *http.Request {
			req := requestTo(t, http.MethodPost, url, strings.NewReader("hello")) // which can be had again
			req.Header.Set("Idempotency-Key", "1")
			return req
		}, 2},
		{"a GET that reads", providers.ByMethod, func(url string) *http.Request {
			return requestTo(t, http.MethodGet, url, nil)
		}, 3},
	} {
		t.Run(tt.name, func(t *testing.T) {
			url, arrived, last := breaking(t)
			base := &http.Transport{}
			defer base.CloseIdleConnections()
			limits := transport.New(&api{repeat: tt.repeat, none: true}, &transport.Options{Base: base, MaxAttempts: 1})
			var err error
			for range 2 {
				var resp *http.Response
				if resp, err = limits.RoundTrip(tt.req(url)); err == nil {
					_, _ = io.Copy(io.Discard, resp.Body)
					_ = resp.Body.Close() // so that the connection is kept
				}
			}
			if n := arrived.Load(); n != tt.want || (err == nil) != (tt.want == 3) {
				t.Errorf("%d arrived, the last with %v; want %d", n, err, tt.want)
			}
			if req := last.Load(); req.Method == http.MethodGet && (req.ContentLength != 0 || req.TransferEncoding != nil) {
				t.Errorf("a GET came with a body: length %d, %v", req.ContentLength, req.TransferEncoding)
			}
		})
	}
}
