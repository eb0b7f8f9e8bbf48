package transport_test

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/underlimit/underlimit/bucket"
	"github.com/underlimit/underlimit/transport"
)

// told is what an answer tells of limits, in all spellings, and what it tells besides.
func told() http.Header {
	return http.Header{
		"X-Ratelimit-Limit":     {"5"},
		"X-RateLimit-Remaining": {"0"}, // as a base transport may leave it
		"x-ratelimit-bucket":    {"abc"},
		"X-Rate-Limit-Reset":    {"1"},
		"Ratelimit":             {`"default";r=0;t=5`},
		"RateLimit-Policy":      {`"default";q=5;w=5`},

		"Limit":         {"7"}, // the test's provider reads it
		"Retry-After":   {"5"},
		"X-Ratelimited": {"no"},
		"Date":          {"Sat, 01 Jan 2000 00:00:00 GMT"},
	}
}

// rest is what is left of told.
var rest = []string{"Date", "Limit", "Retry-After", "X-Ratelimited"}

func TestLimitsAreHiddenFromTheCallerOfACallThatSucceeded(t *testing.T) {
	all := slices.Sorted(maps.Keys(told()))
	for _, test := range []struct {
		name   string
		status int
		extra  http.Header
		opts   transport.Options
		host   string
		want   []string
	}{
		{"a success", 200, nil, transport.Options{HideLimits: true}, "", rest},
		{"a success without content", 204, nil, transport.Options{HideLimits: true}, "", rest},
		{"a redirect", 302, nil, transport.Options{HideLimits: true}, "", rest},
		{"where it would wait", 200, nil, transport.Options{HideLimits: true, Mode: bucket.Reject}, "", rest},
		{"a success, not asked for", 200, nil, transport.Options{}, "", all},
		{"what is all but a failure", 399, nil, transport.Options{HideLimits: true}, "", rest},
		{"the first of failures", 400, nil, transport.Options{HideLimits: true}, "", all},
		{"a failure", 404, nil, transport.Options{HideLimits: true}, "", all},
		{"a server error", 501, nil, transport.Options{HideLimits: true}, "", all},
		{"a refusal", 429, http.Header{"Refused": {"1s"}}, transport.Options{HideLimits: true, MaxAttempts: 1}, "", all},
		{
			"a refusal that looks like a success", 200,
			http.Header{"Refused": {"1s"}},
			transport.Options{HideLimits: true, MaxAttempts: 1},
			"", all,
		},
		{"where nobody else waits", 200, nil, transport.Options{HideLimits: true, Mode: bucket.Shadow}, "", all},
		{"an answer to nobody's limits", 200, nil, transport.Options{HideLimits: true}, "elsewhere.test", all},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				header := told()
				maps.Copy(header, test.extra)
				before := header.Clone()
				var traced http.Header
				test.opts.Trace = &transport.Trace{
					GotResponse: func(_ context.Context, i transport.ResponseInfo) { traced = i.Header },
				}
				test.opts.Base = base(func(*http.Request) (*http.Response, error) {
					return &http.Response{StatusCode: test.status, Header: header, Body: http.NoBody}, nil
				})
				limits := transport.New(&api{}, &test.opts)
				req := request(t.Context(), http.MethodGet, nil)
				if test.host != "" {
					req.URL.Host = test.host
				}
				resp, err := limits.RoundTrip(req)
				if err != nil {
					t.Fatal(err)
				}
				resp.Body.Close()

				want := slices.Sorted(slices.Values(slices.Concat(test.want, slices.Collect(maps.Keys(test.extra)))))
				if got := slices.Sorted(maps.Keys(resp.Header)); !slices.Equal(got, want) {
					t.Errorf("the caller sees %v, want %v", got, want)
				}
				if !maps.EqualFunc(header, before, slices.Equal) {
					t.Errorf("the base transport's own header is now %v", header)
				}
				if test.host == "" && !maps.EqualFunc(traced, before, slices.Equal) {
					t.Errorf("the trace saw %v", traced)
				}
			})
		})
	}
}

func TestLimitsThatAreHiddenAreLearned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		learned := 0
		limits := transport.New(&api{}, &transport.Options{
			Base: serve(answer(200, "Limit: 7", "X-RateLimit-Limit: 7"), answer(429, "Refused: 1s"), answer(200)),
			Trace: &transport.Trace{LimitLearned: func(_ context.Context, i transport.LimitInfo) {
				learned = i.Limit
			}},
			HideLimits: true,
		})
		start := time.Now()
		for range 2 {
			want(t, roundTrip(limits, request(t.Context(), http.MethodGet, nil)), 200)
		}
		if d := time.Since(start); d != time.Second || learned != 7 {
			t.Errorf("took %v and learned a limit of %d", d, learned)
		}
	})
}
