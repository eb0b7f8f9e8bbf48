package headers

import (
	"net/http"
	"time"

	"github.com/underlimit/underlimit/providers"
)

// Stripe describes the API of Stripe: what an account may send in a second, in live mode or in a sandbox, and what it
// may send to each endpoint. Stripe's answers tell of limits only in refusals, and of no time to wait.
//
// It counts credentials apart, where Stripe counts accounts. A 429 because an object is locked is no refusal: the
// caller gets it. Meter events, which Stripe does not count with the rest, are counted with it here.
//
// https://docs.stripe.com/rate-limits
func Stripe() API {
	api := API{
		Name:   "stripe",
		Hosts:  []string{"api.stripe.com", "files.stripe.com"},
		Silent: true,
		Limits: []Limit{
			{Name: "endpoint", Path: "/v1/files", Limit: 20, Per: time.Second, Endpoint: true},
			{Name: "endpoint", Path: "/v1/*/search", Limit: 20, Per: time.Second, Endpoint: true},
			{Name: "endpoint", Limit: 25, Per: time.Second, Endpoint: true},
		},
		Refusals: []Refusal{
			{
				Status: http.StatusTooManyRequests,
				Field:  "Stripe-Rate-Limited-Reason", Values: []string{"global-rate", "global-concurrency"},
				Holds: "global", Scope: providers.ScopeGlobal,
			},
			{
				Status: http.StatusTooManyRequests, Field: "Stripe-Rate-Limited-Reason",
				Values: []string{"endpoint-rate", "endpoint-concurrency", "resource-specific"},
				Holds:  "endpoint", Scope: providers.ScopeUser,
			},
			{Status: http.StatusTooManyRequests, Body: "lock_timeout", Not: true},
		},
		Retry: "Stripe-Should-Retry",
	}
	// Keys of sandboxes, secret and restricted ones, also as the user of Basic authentication.
	for _, key := range []string{"Bearer sk_test_", "Bearer rk_test_", "Basic c2tfdGVzdF", "Basic cmtfdGVzdF"} {
		api.Limits = append(api.Limits, Limit{Name: "global", Credential: key, Limit: 25, Per: time.Second})
	}
	api.Limits = append(api.Limits, Limit{Name: "global", Limit: 100, Per: time.Second})
	return api
}
