package transport_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/underlimit/underlimit/bucket"
	"github.com/underlimit/underlimit/transport"
)

func TestClientSeesWaitErrorsAsTheyAre(t *testing.T) {
	for name, prepare := range map[string]func(*http.Client, *http.Request) (*http.Request, context.CancelFunc){
		"deadline of the request": func(_ *http.Client, req *http.Request) (*http.Request, context.CancelFunc) {
			ctx, cancel := context.WithTimeout(req.Context(), time.Second)
			return req.WithContext(ctx), cancel
		},
		"timeout of the client": func(c *http.Client, req *http.Request) (*http.Request, context.CancelFunc) {
			c.Timeout = time.Second
			return req, func() {}
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				limits := transport.New(&api{}, &transport.Options{Base: serve(answer(200))})
				block(t, limits, time.Hour)
				client := &http.Client{Transport: limits}
				req, cancel := prepare(client, request(t.Context(), http.MethodGet, nil))
				defer cancel()
				resp, err := client.Do(req)
				if err == nil {
					resp.Body.Close()
				}
				var wait *bucket.WaitError
				var outer *url.Error
				if !errors.As(err, &wait) || !errors.As(err, &outer) {
					t.Fatalf("got error %v", err)
				}
				if !outer.Timeout() || outer.Err != error(wait) { //nolint:errorlint // there is to be nothing between
					t.Errorf("got %v, which holds %T", err, outer.Err)
				}
				if strings.Count(err.Error(), target) != 1 {
					t.Errorf("the error repeats itself: %v", err)
				}
			})
		})
	}
}

func TestErrorsOfTheBaseAreNotWrapped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limits := transport.New(&api{}, &transport.Options{Base: serve(fail(errBroken))})
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			if got := roundTrip(limits, request(t.Context(), method, nil)); got.err != errBroken { //nolint:errorlint // itself
				t.Errorf("%s: got error %v", method, got.err)
			}
		}
	})
}

func TestRedirectsAreTheCallersAffair(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		redirect := answer(302, "Location: /next")
		srv := serve(answer(429, "Refused: 1s"), redirect, answer(429, "Refused: 1s"), answer(200))
		var waits []string
		limits := transport.New(&api{}, &transport.Options{Base: srv, Trace: &transport.Trace{
			WaitStart: func(_ context.Context, info transport.WaitStartInfo) { waits = append(waits, info.Route) },
		}})
		var asked []string
		client := &http.Client{Transport: limits, CheckRedirect: func(req *http.Request, _ []*http.Request) error {
			asked = append(asked, req.URL.Path)
			return nil
		}}
		resp, err := client.Do(request(t.Context(), http.MethodGet, nil))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != 200 || !slices.Equal(asked, []string{"/next"}) {
			t.Errorf("got %d and was asked for %v", resp.StatusCode, asked)
		}
		if !slices.Equal(waits, []string{"/things", "/things", "/next", "/next"}) {
			t.Errorf("waited for %v", waits)
		}

		client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		limits = transport.New(&api{}, &transport.Options{Base: serve(answer(429, "Refused: 1s"), redirect)})
		client.Transport = limits
		if resp, err = client.Do(request(t.Context(), http.MethodGet, nil)); err != nil || resp.StatusCode != 302 {
			t.Fatal(resp, err)
		}
		resp.Body.Close()
	})
}

func TestRetriesCarryNothingThatTheFirstSendingDidNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := serve(answer(429, "Refused: 1s"), answer(503), answer(200))
		req := request(t.Context(), http.MethodGet, nil)
		req.URL.User = url.UserPassword("name", "secret")
		req.Header.Set("Accept", "*/*")
		want(t, roundTrip(transport.New(&api{}, &transport.Options{Base: srv}), req), 200)
		for i, got := range srv.sent {
			if h := got.req.Header; len(h) != 1 || h.Get("Accept") != "*/*" {
				t.Errorf("sending %d had the headers %v", i+1, h)
			}
			if got.req.URL != req.URL || got.req.Context() != req.Context() {
				t.Errorf("sending %d went to %v", i+1, got.req.URL)
			}
		}
	})
}

func TestServesAReverseProxy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var bodies []string
		upstream, _ := listen(t, func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			bodies = append(bodies, r.Method+" "+r.URL.Path+" "+string(body))
			if len(bodies) == 1 {
				w.Header().Set("Refused", "5s")
				w.WriteHeader(http.StatusTooManyRequests)
			}
		})
		limits := transport.New(&api{}, &transport.Options{Base: upstream})
		proxy := &httputil.ReverseProxy{
			Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(&url.URL{Scheme: "http", Host: "api.test"}) },
			Transport: limits,
		}
		front, _ := listen(t, proxy.ServeHTTP)
		start := time.Now()
		got := roundTrip(front, request(t.Context(), http.MethodPost, strings.NewReader("body")))
		if got != (result{200, "", nil}) || time.Since(start) != 5*time.Second {
			t.Errorf("got %+v after %v", got, time.Since(start))
		}
		if want := "POST /things body"; !slices.Equal(bodies, []string{want, want}) {
			t.Errorf("upstream got %q", bodies)
		}
		checkQuiet(t, limits)
	})
}

func TestUpgradePassesThroughAReverseProxy(t *testing.T) {
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		conn, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		_, _ = rw.WriteString("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
		_ = rw.Flush()
		_, _ = io.CopyN(conn, rw, 5)
	}))
	defer upstream.Close()
	to, err := url.Parse(upstream.URL)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httptest.NewServer(&httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(to) },
		Transport: transport.New(&api{}, nil),
	})
	defer proxy.Close()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, proxy.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Connection", "Upgrade")
	req.Header.Set("Upgrade", "echo")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	conn, ok := resp.Body.(io.ReadWriter)
	if !ok || resp.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("got %s and a body of type %T", resp.Status, resp.Body)
	}
	echo := make([]byte, 5)
	if _, err := io.WriteString(conn, "hello"); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(conn, echo); err != nil || string(echo) != "hello" {
		t.Errorf("the echo is %q, error %v", echo, err)
	}
}

// A closer is a base transport that counts how often its idle connections are closed.
type closer struct {
	http.RoundTripper
	closes int
}

func (c *closer) CloseIdleConnections() { c.closes++ }

func TestIdleConnectionsAreClosedOnlyWhenAskedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		refuse, broken := answer(429, "Refused: 1s"), answer(503)
		for name, turn := range map[string]base{"refusals": refuse, "failures": broken, "no answers": fail(errBroken)} {
			for _, timeout := range []time.Duration{time.Hour, 1200 * time.Millisecond} {
				c := &closer{RoundTripper: serve(turn)}
				limits := transport.New(&api{}, &transport.Options{Base: c, MaxAttempts: 4})
				ctx, cancel := context.WithCancel(t.Context())
				stop := time.AfterFunc(timeout, cancel) // in the midst of a wait, or never
				roundTrip(limits, request(ctx, http.MethodGet, nil))
				stop.Stop()
				cancel()
				if c.closes != 0 {
					t.Errorf("%s: closed %d times", name, c.closes)
				}
				(&http.Client{Transport: limits}).CloseIdleConnections()
				if c.closes != 1 {
					t.Errorf("%s: asked for once, closed %d times", name, c.closes)
				}
			}
		}
		transport.New(&api{}, &transport.Options{Base: serve(refuse)}).CloseIdleConnections() // it has none
	})
}

func TestFilesAreSentFromWhereTheyStand(t *testing.T) {
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, []byte("headerbody"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, length := range []int64{-1, 4} {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Seek(6, io.SeekStart); err != nil {
			t.Fatal(err)
		}
		srv := serve(answer(429, "Refused: 1ms"), answer(200))
		req := request(t.Context(), http.MethodPost, nil)
		req.Body, req.ContentLength = f, length
		roundTrip(transport.New(&api{}, &transport.Options{Base: srv}), req)
		for _, got := range srv.bodies() {
			if got != "body" {
				t.Errorf("length %d: sent %q", length, got)
			}
		}
		if err := f.Close(); !errors.Is(err, os.ErrClosed) {
			t.Errorf("length %d: the file was left open", length)
		}
	}
}

func TestNothingIsLogged(t *testing.T) {
	var logged bytes.Buffer
	log.SetOutput(&logged)
	defer log.SetOutput(os.Stderr)
	stderr := os.Stderr
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	os.Stderr = w
	synctest.Test(t, func(t *testing.T) {
		srv := serve(answer(429, "Refused: 1s"), answer(503), fail(errBroken), answer(200))
		want(t, roundTrip(transport.New(&api{}, &transport.Options{Base: srv}), request(t.Context(), http.MethodGet, nil)), 200)
	})
	os.Stderr = stderr
	_ = w.Close()
	if _, err := logged.ReadFrom(r); err != nil {
		t.Fatal(err)
	}
	if logged.Len() > 0 {
		t.Errorf("logged %q", &logged)
	}
}
