package intercom_test

import (
	"context"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/underlimit/underlimit/providers"
	"github.com/underlimit/underlimit/providers/intercom"
	"github.com/underlimit/underlimit/providers/intercom/intercomtest"
	"github.com/underlimit/underlimit/transport"
)

// The way to the fake and back, in all worlds.
const up, down = 30 * time.Millisecond, 50 * time.Millisecond

// A world is a client that keeps Intercom's limits, and a strict fake of Intercom, in virtual time. It begins as a window
// of a clock does that is right.
type world struct {
	*testing.T
	*intercomtest.Server
	p      *intercom.Provider
	limits *transport.Transport
	began  time.Time

	mu     sync.Mutex // guards what follows
	scopes []providers.Scope
}

// inWorld runs f in a world of its own. What the fake's options say of the way is overridden.
func inWorld(t *testing.T, fake intercomtest.Options, opts *intercom.Options, f func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		fake.Uplink, fake.Downlink = up, down
		w := &world{T: t, Server: intercomtest.NewServer(&fake), p: intercom.New(opts), began: time.Now()}
		defer w.Close()
		w.limits = transport.New(w.p, &transport.Options{Base: w.Transport(), Trace: &transport.Trace{
			GotResponse: func(_ context.Context, info transport.ResponseInfo) {
				w.mu.Lock()
				defer w.mu.Unlock()
				if info.Refused {
					w.scopes = append(w.scopes, info.Scope)
				}
			},
		}})
		f(w)
	})
}

// traced are the scopes of the refusals so far.
func (w *world) traced() []providers.Scope {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.scopes)
}

// now is how long the world has lasted.
func (w *world) now() time.Duration { return time.Since(w.began) }

// until lets time pass.
func (w *world) until(at time.Duration) { time.Sleep(at - w.now()) }

// An answered call is what came of one.
type answered struct {
	status int
	header http.Header
	body   string
	err    error
	at     time.Duration
}

// req is a request of an app.
func (w *world) req(ctx context.Context, token, method, path, body string) *http.Request {
	w.Helper()
	if !strings.HasPrefix(path, "https://") {
		path = "https://api.intercom.io" + path
	}
	req, err := http.NewRequestWithContext(ctx, method, path, strings.NewReader(body))
	if err != nil {
		w.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	return req
}

// do makes a request and reads the answer.
func (w *world) do(req *http.Request) (a answered) {
	w.Helper()
	resp, err := w.limits.RoundTrip(req)
	a.at = w.now()
	if err != nil {
		a.err = err
		return a
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		w.Error(err)
	}
	a.status, a.header, a.body = resp.StatusCode, resp.Header, string(text)
	return a
}

func (w *world) call(token, method, path, body string) answered {
	w.Helper()
	return w.do(w.req(w.Context(), token, method, path, body))
}

func (w *world) get(path string) answered {
	w.Helper()
	return w.call("a", http.MethodGet, path, "")
}

// all makes n calls at once, and returns what came of them in the order of their answers.
func (w *world) all(n int, token, path string) []answered {
	w.Helper()
	var mu sync.Mutex
	var got []answered
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			a := w.call(token, http.MethodGet, path, "")
			mu.Lock()
			defer mu.Unlock()
			got = append(got, a)
		})
	}
	wg.Wait()
	return got
}

// before has another program make n calls with the credential of a, one by one.
func (w *world) before(n int) {
	w.Helper()
	for range n {
		resp, err := w.Transport().RoundTrip(w.req(w.Context(), "a", http.MethodGet, "/me", ""))
		if err != nil {
			w.Fatal(err)
		}
		resp.Body.Close()
	}
}

func expect[T comparable](w *world, what string, got, want T) {
	w.Helper()
	if got != want {
		w.Errorf("at %v: %s is %v, want %v", w.now(), what, got, want)
	}
}

// refusals fails the test unless the fake has refused so many requests, and no client ought to have known better.
func (w *world) refusals(want int) {
	w.Helper()
	r := w.Report()
	if r.Refused != want || r.ViolationCount != 0 {
		w.Errorf("at %v: %d refused and %d violations, want %d and none: %v %v",
			w.now(), r.Refused, r.ViolationCount, want, r.RefusedBy, r.Violations)
	}
}
