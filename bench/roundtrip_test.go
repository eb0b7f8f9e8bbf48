package bench_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/underlimit/underlimit/metrics"
	"github.com/underlimit/underlimit/providers"
	"github.com/underlimit/underlimit/providers/discord"
	"github.com/underlimit/underlimit/providers/headers"
	"github.com/underlimit/underlimit/providers/intercom"
	"github.com/underlimit/underlimit/providers/slack"
	"github.com/underlimit/underlimit/transport"
)

// A call is a request to one of the APIs, and its answer.
type call struct {
	api, method, url, contentType string
	body                          func(size int) []byte           // nil: it has none
	header                        func(now time.Time) http.Header // of the answer
	answer                        []byte
}

var calls = []call{
	{
		api: "discord", method: http.MethodPost, url: "https://discord.com/api/v10/channels/123456789012345678/messages",
		contentType: "application/json",
		body:        filled(`{"content":"`, `"}`),
		header: func(now time.Time) http.Header {
			return http.Header{
				"Content-Type":            {"application/json"},
				"Date":                    {now.UTC().Format(http.TimeFormat)},
				"Via":                     {"1.1 google"},
				"X-Ratelimit-Bucket":      {"80c17d2f203122d936070c88c8d10f33"},
				"X-Ratelimit-Limit":       {"16777216"},
				"X-Ratelimit-Remaining":   {"16777215"},
				"X-Ratelimit-Reset":       {strconv.FormatInt(now.Unix()+1, 10) + ".000"},
				"X-Ratelimit-Reset-After": {"1.000"},
			}
		},
		answer: []byte(`{"id":"223456789012345678","channel_id":"123456789012345678","content":"hello"}`),
	},
	{
		api: "slack", method: http.MethodPost, url: "https://slack.com/api/chat.postMessage",
		contentType: "application/x-www-form-urlencoded",
		body:        filled("channel=C0123456789&text=", ""),
		header: func(now time.Time) http.Header {
			return http.Header{
				"Content-Type":   {"application/json; charset=utf-8"},
				"Date":           {now.UTC().Format(http.TimeFormat)},
				"X-Oauth-Scopes": {"chat:write"},
				"X-Slack-Req-Id": {"9b1deb4d3b7d4bad9bdd2b0d7b3dcb6d"},
			}
		},
		answer: []byte(`{"ok":true,"channel":"C0123456789","ts":"1503435956.000247","message":{"text":"hello"}}`),
	},
	{
		api: "intercom", method: http.MethodGet, url: "https://api.intercom.io/contacts/5ba682d23d7cf92bef87bfd4",
		header: func(now time.Time) http.Header {
			return http.Header{
				"Content-Type":          {"application/json; charset=utf-8"},
				"Date":                  {now.UTC().Format(http.TimeFormat)},
				"X-Ratelimit-Limit":     {"16777216"},
				"X-Ratelimit-Remaining": {"16777215"},
				"X-Ratelimit-Reset":     {strconv.FormatInt((now.Unix()/10+1)*10, 10)},
			}
		},
		answer: []byte(`{"type":"contact","id":"5ba682d23d7cf92bef87bfd4"}`),
	},
}

// filled makes bodies of any size between two ends.
func filled(begin, end string) func(int) []byte {
	return func(size int) []byte {
		return []byte(begin + strings.Repeat("x", size-len(begin)-len(end)) + end)
	}
}

// A stub answers at once, as a server on whose clock time passes.
type stub struct {
	*call
	header http.Header
	stale  time.Time // when header is to be made again
}

func (s *stub) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Body != nil {
		_ = req.Body.Close()
	}
	if now := time.Now(); !now.Before(s.stale) {
		s.header, s.stale = s.call.header(now), now.Truncate(time.Second).Add(time.Second)
	}
	return &http.Response{
		Status: "200 OK", StatusCode: http.StatusOK, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: s.header, Body: io.NopCloser(bytes.NewReader(s.answer)), ContentLength: int64(len(s.answer)), Request: req,
	}, nil
}

// limits is a transport as a program has it that uses all of the providers and metrics, but with limits that hold
// nobody back.
func limits(b *testing.B, base http.RoundTripper) http.RoundTripper {
	trace, err := metrics.NewTrace(prometheus.NewRegistry())
	if err != nil {
		b.Fatal(err)
	}
	p := providers.Join(
		slack.New(&slack.Options{
			Limits:       map[string]slack.Limit{"chat.postMessage": {PerMinute: -1}},
			ChannelEvery: time.Nanosecond, ChannelBurst: 1 << 20,
		}),
		discord.New(&discord.Options{GlobalPerSecond: 1 << 24}),
		intercom.New(nil),
		headers.New(nil),
	)
	return transport.New(p, &transport.Options{Base: base, Trace: trace})
}

// BenchmarkRoundTrip sends requests that need not wait through a transport, and straight to the stub that answers them:
// the difference is what the transport costs.
func BenchmarkRoundTrip(b *testing.B) {
	for _, c := range calls {
		sizes := []int{1 << 10, 1 << 20}
		if c.body == nil {
			sizes = []int{0}
		}
		for _, size := range sizes {
			for _, via := range []string{"stub", "underlimit"} {
				b.Run(fmt.Sprintf("api=%s/body=%d/via=%s", c.api, size, via), func(b *testing.B) {
					var rt http.RoundTripper = &stub{call: &c}
					if via == "underlimit" {
						rt = limits(b, rt)
					}
					roundTrips(b, rt, c.request(b, size))
				})
			}
		}
	}
}

// request returns one that can be sent any number of times.
func (c *call) request(b *testing.B, size int) *http.Request {
	req, err := http.NewRequestWithContext(b.Context(), c.method, c.url, nil)
	if err != nil {
		b.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer xoxb-0000")
	if c.body != nil {
		data := c.body(size)
		req.Header.Set("Content-Type", c.contentType)
		req.ContentLength = int64(size)
		req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil }
	}
	return req
}

func roundTrips(b *testing.B, rt http.RoundTripper, req *http.Request) {
	b.ReportAllocs()
	for b.Loop() {
		if req.GetBody != nil {
			req.Body, _ = req.GetBody()
		}
		resp, err := rt.RoundTrip(req)
		if err != nil {
			b.Fatal(err)
		}
		_ = resp.Body.Close()
	}
}
