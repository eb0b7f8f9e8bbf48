package transport_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/underlimit/underlimit/bucket"
	"github.com/underlimit/underlimit/providers"
	"github.com/underlimit/underlimit/transport"
)

// constant is a provider that costs nothing, so that the transport's own cost shows.
type constant struct{ call providers.Call }

func (constant) Name() string { return "api" }

func (c *constant) Classify(*http.Request, time.Time) (providers.Call, bool) { return c.call, true }

func (*constant) Judge(*http.Request, *providers.Call, *providers.Answer) (v providers.Verdict) {
	return v
}

// BenchmarkRoundTrip compares a transport with its base alone, which does next to nothing.
func BenchmarkRoundTrip(b *testing.B) {
	header := http.Header{}
	stub := base(func(req *http.Request) (*http.Response, error) {
		if req.Body != nil {
			_ = req.Body.Close()
		}
		return &http.Response{StatusCode: 200, Header: header, Body: http.NoBody, Request: req}, nil
	})
	p := &constant{providers.Call{Provider: "api", Route: "all", Draws: []bucket.Draw{
		openKey, {Key: bucket.Key{Provider: "api", Limit: "other", Owner: "me"}, Policy: &bucket.Policy{}},
	}}}
	events := 0
	trace := &transport.Trace{
		WaitStart:   func(context.Context, transport.WaitStartInfo) { events++ },
		WaitDone:    func(context.Context, transport.WaitDoneInfo) { events++ },
		GotResponse: func(context.Context, transport.ResponseInfo) { events++ },
		Finished:    func(context.Context, transport.FinishedInfo) { events++ },
	}
	for _, body := range []struct {
		name string
		size int
	}{{"GET", 0}, {"POST 1 KiB", 1 << 10}, {"POST 1 MiB", 1 << 20}} {
		data := make([]byte, body.size)
		for _, rt := range []struct {
			name string
			http.RoundTripper
		}{
			{"base", stub},
			{"limits", transport.New(p, &transport.Options{Base: stub})},
			{"limits with trace", transport.New(p, &transport.Options{Base: stub, Trace: trace})},
		} {
			b.Run(fmt.Sprint(body.name, "/", rt.name), func(b *testing.B) {
				b.ReportAllocs()
				method := http.MethodGet
				if body.size > 0 {
					method = http.MethodPost
				}
				req := request(b.Context(), method, bytes.NewReader(data))
				for b.Loop() {
					if body.size > 0 {
						req.Body, _ = req.GetBody()
					}
					resp, err := rt.RoundTrip(req)
					if err != nil {
						b.Fatal(err)
					}
					_ = resp.Body.Close()
				}
			})
		}
	}
}

// BenchmarkPeek is what it costs to look at a small answer.
func BenchmarkPeek(b *testing.B) {
	p := &constant{providers.Call{Provider: "api", Route: "all", Draws: []bucket.Draw{openKey}, Peek: true}}
	header := http.Header{"Content-Type": {"application/json"}}
	data := []byte(`{"ok":true}`)
	stub := base(func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 200, Header: header, Body: io.NopCloser(bytes.NewReader(data))}, nil
	})
	limits := transport.New(p, &transport.Options{Base: stub})
	req := request(b.Context(), http.MethodGet, nil)
	b.ReportAllocs()
	for b.Loop() {
		resp, err := limits.RoundTrip(req)
		if err != nil {
			b.Fatal(err)
		}
		_ = resp.Body.Close()
	}
}
