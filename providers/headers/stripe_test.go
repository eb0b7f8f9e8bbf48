package headers_test

import (
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/underlimit/underlimit/bucket"
	"github.com/underlimit/underlimit/providers/headers"
)

func stripe() *headers.Provider {
	return headers.New(&headers.Options{APIs: []headers.API{headers.Stripe()}})
}

func stripeRequest(method, path, credential string) *http.Request {
	req := request("https://api.stripe.com" + path)
	req.Method = method
	req.Header.Set("Authorization", credential)
	return req
}

// https://docs.stripe.com/rate-limits#rate-limits
func TestStripesLimitsAreThoseOfTheAccountAndOfTheEndpoint(t *testing.T) {
	basic := func(key string) string {
		req := request("https://api.stripe.com")
		req.SetBasicAuth(key, "")
		return req.Header.Get("Authorization")
	}
	for _, tt := range []struct {
		method, path, credential string
		global, endpoint         int
		subject                  string
	}{
		{"GET", "/v1/customers/cus_9s6XKzkNRiz8i3", "Bearer sk_live_1", 100, 25, "GET /v1/customers/*"},
		{"POST", "/v1/payment_intents", "Bearer sk_live_1", 100, 25, "POST /v1/payment_intents"},
		{"GET", "/v1/customers/search", "Bearer rk_live_1", 100, 20, "GET /v1/customers/search"},
		{"GET", "/v1/files/file_1", "Bearer sk_live_1", 100, 20, "GET /v1/files/*"},
		{"GET", "/v1/charges", "Bearer sk_test_1", 25, 25, "GET /v1/charges"},
		{"GET", "/v1/charges", "Bearer rk_test_1", 25, 25, "GET /v1/charges"},
		{"GET", "/v1/charges", basic("sk_test_abc"), 25, 25, "GET /v1/charges"},
		{"GET", "/v1/charges", basic("rk_test_xyz"), 25, 25, "GET /v1/charges"},
		{"GET", "/v1/charges", basic("sk_live_xyz"), 100, 25, "GET /v1/charges"},
	} {
		call, _ := stripe().Classify(stripeRequest(tt.method, tt.path, tt.credential), time.Time{})
		if got, want := draws(&call), "stripe, stripe endpoint ["+tt.subject+"], stripe global"; got != want {
			t.Errorf("%s %s draws on %s, want %s", tt.method, tt.path, got, want)
			continue
		}
		want := []*bucket.Policy{{}, {Quota: tt.endpoint, Window: time.Second}, {Quota: tt.global, Window: time.Second}}
		for i, d := range call.Draws {
			if !reflect.DeepEqual(d.Policy, want[i]) {
				t.Errorf("%s %s as %.15s: %s is %+v, want %+v", tt.method, tt.path, tt.credential, d.Key.Limit, d.Policy, want[i])
			}
		}
	}
}

// https://docs.stripe.com/rate-limits#handling-limiting-gracefully
func TestStripesRefusalsAreToldApart(t *testing.T) {
	const global = "block stripe global for 0s, refused: global"
	const unknown = "block stripe for 0s, refused: unknown"
	const endpoint = "block stripe endpoint [GET /v1/charges/*] for 0s, refused: user"
	for _, tt := range []struct{ fields, body, want string }{
		{"Stripe-Rate-Limited-Reason: global-rate", "", global},
		{"Stripe-Rate-Limited-Reason: global-concurrency", "", global},
		{"Stripe-Rate-Limited-Reason: endpoint-rate", "", endpoint},
		{"Stripe-Rate-Limited-Reason: endpoint-concurrency", "", endpoint},
		{"Stripe-Rate-Limited-Reason: resource-specific", "", endpoint},
		{"Stripe-Rate-Limited-Reason: endpoint-rate~ Retry-After: 2", "", strings.Replace(endpoint, "0s", "2s", 1)},
		{"Stripe-Rate-Limited-Reason: global-rate~ Stripe-Should-Retry: true", "", global},
		{"Stripe-Rate-Limited-Reason: global-rate~ Stripe-Should-Retry: false", "", global + ", final"},
		{"", `{"error":{"code":"lock_timeout","type":"invalid_request_error"}}`, ""},
		{"Stripe-Should-Retry: true", `{"error":{"code": "lock_timeout"}}`, ""},
		{"Stripe-Rate-Limited-Reason: something-new", `{"error":{"code":"rate_limit"}}`, unknown},
		{"", "", unknown},
		{"X-RateLimit-Remaining: 0~ X-RateLimit-Reset: 60", "", unknown},
	} {
		v := verdict(stripe(), stripeRequest("GET", "/v1/charges/ch_1", "Bearer sk_live_1"), 429, tt.fields, tt.body)
		if got := told(&v); got != tt.want {
			t.Errorf("%s %s: got %s, want %s", tt.fields, tt.body, got, tt.want)
		}
	}
}
