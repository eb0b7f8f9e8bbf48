package headers_test

import (
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/underlimit/underlimit/bucket"
	"github.com/underlimit/underlimit/internal/field"
	"github.com/underlimit/underlimit/providers"
	"github.com/underlimit/underlimit/providers/headers"
)

// FuzzHeaders holds what header fields are taken to mean to its bounds, whatever stands in them, for an API that
// nothing describes and for some that are described.
func FuzzHeaders(f *testing.F) {
	for _, r := range rows {
		f.Add(r.status, r.header)
	}
	for _, name := range []string{
		"RateLimit", "RateLimit-Policy", "RateLimit-Remaining", "X-RateLimit-Remaining-Tokens", "X-App-Rate-Limit",
		"X-App-Rate-Limit-Count", "X-Shopify-Shop-Api-Call-Limit", "Retry-After-Ms", "X-Acme-Usage", "X-Acme-Reset",
		"X-RateLimit-Resource", "Stripe-Rate-Limited-Reason",
	} {
		for _, v := range []string{
			"", "0", "-1", "1e30", "0/0", "1/1e30", "1:", ":1", "1:1e30", ";;;", ",,,",
			"1;w=1e30", "(", "a=?1",
		} {
			f.Add(429, name+": "+v)
			f.Add(200, "X-RateLimit-Remaining: 0~ X-RateLimit-Reset: 5~ X-Acme-Left: 0~ "+name+": "+v)
		}
	}
	p := headers.New(&headers.Options{APIs: []headers.API{acme(), headers.GitHub(), headers.Stripe()}})
	reqs := []*http.Request{
		request("https://api.example/"), acmeRequest(http.MethodPost, "https://api.acme.example/v1/a/files"),
		gitHubRequest("GET", "/search/code"), stripeRequest("GET", "/v1/charges", "Bearer sk_test_1"),
	}
	f.Fuzz(func(t *testing.T, status int, fields string) {
		h := header(fields)
		for _, req := range reqs {
			call, _ := p.Classify(req, time.Time{})
			a := &providers.Answer{Status: status, Header: h, Sent: received.Add(-s), Received: received}
			v := p.Judge(req, &call, a)
			if !reflect.DeepEqual(v, p.Judge(req, &call, a)) {
				t.Errorf("%s: two verdicts on one answer", req.URL.Host)
			}
			if len(v.Updates) > 24 {
				t.Errorf("%s: %d updates", req.URL.Host, len(v.Updates))
			}
			held := false
			for _, u := range v.Updates {
				switch u := bucket.Value(u).(type) {
				case bucket.Block:
					held = held || slices.ContainsFunc(call.Draws, func(d bucket.Draw) bool { return d.Key == u.Key })
					bounded(t, u.For)
				case bucket.Rule:
					bounded(t, u.Window)
					if u.Quota < 0 || u.Concurrent < 0 || u.Used < 0 || u.Quota > 0 && u.Window == 0 {
						t.Errorf("a rule of %+v", u)
					}
				case bucket.Window:
					bounded(t, u.ResetAfter)
					bounded(t, u.Precision)
					if u.Limit < 0 || u.Remaining < 0 {
						t.Errorf("%d left of %d", u.Remaining, u.Limit)
					}
					if !u.ResetAt.IsZero() {
						now := u.Date
						if now.IsZero() {
							now = received
						}
						bounded(t, max(u.ResetAt.Sub(now), 0))
					}
				}
			}
			if v.Refused && !v.Final && !held {
				t.Errorf("%s: a refusal holds nothing back", req.URL.Host)
			}
		}
	})
}

func bounded(t *testing.T, d time.Duration) {
	t.Helper()
	if d < 0 || d > field.Max {
		t.Errorf("a time of %v", d)
	}
}

// FuzzPaths holds the keys of limits by endpoint to be short and plain.
func FuzzPaths(f *testing.F) {
	for _, p := range []string{
		"", "/", "//", "/v1/customers/cus_123", "/v1/\x00", "/\xff", "/a b", "/ü", "/" + strings.Repeat("a", 1000),
		"/" + strings.Repeat("a/", 1000), "/v", "/v1.2", "/v12345", "/-._", "/search/", "/v1/a/files",
		"..", "/..", "/../..", "/./a/.", strings.Repeat("/..", 1000),
	} {
		f.Add(http.MethodGet, p, "")
	}
	for _, raw := range []string{"/a%2fb", "/%2F", "%2F", "/%2e%2E/a", "/%", "/%00%2F", "/a%2F%ff", "/a/../%2F.."} {
		p, _ := url.PathUnescape(raw)
		f.Add(http.MethodGet, p, raw)
	}
	f.Add("\x00", "/", "")
	f.Add("", "/", "")
	f.Add("get", "/", "")
	p := headers.New(&headers.Options{APIs: []headers.API{acme(), headers.GitHub(), headers.Stripe()}})
	f.Fuzz(func(t *testing.T, method, path, raw string) {
		for _, req := range []*http.Request{request("https://api.acme.example"), request("https://api.github.com")} {
			req.Method, req.URL.Path, req.URL.RawPath = method, path, raw
			call, _ := p.Classify(req, time.Time{})
			for _, d := range call.Draws {
				plain := strings.IndexFunc(d.Key.Subject, func(r rune) bool { return r < ' ' || r > '~' }) < 0
				if len(d.Key.Subject) > 320 || !plain {
					t.Errorf("%q %q is %q", method, path, d.Key.Subject)
				}
			}
		}
	})
}
