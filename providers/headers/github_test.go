package headers_test

import (
	"net/http"
	"reflect"
	"testing"
	"time"

	"github.com/underlimit/underlimit/bucket"
	"github.com/underlimit/underlimit/providers/headers"
)

func github() *headers.Provider {
	return headers.New(&headers.Options{APIs: []headers.API{headers.GitHub()}})
}

func gitHubRequest(method, path string) *http.Request {
	req := request("https://api.github.com" + path)
	req.Method = method
	return req
}

// https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api
func TestGitHubCountsEachResourceApart(t *testing.T) {
	const points = ", github all, github points"
	for _, tt := range []struct{ method, path, want string }{
		{"GET", "/repos/o/r", "github core" + points + " [GET /repos/o/r]"},
		{"GET", "/search/issues", "github search" + points + " [GET /search/issues]"},
		{"GET", "/search/code", "github code_search" + points + " [GET /search/code]"},
		{"POST", "/graphql", "github graphql" + points + " [POST /graphql]"},
		{
			"POST", "/app-manifests/0a1b/conversions",
			"github integration_manifest" + points + " [POST /app-manifests/*/conversions]",
		},
		{
			"POST", "/repos/o/r/issues",
			"github core" + points + " [POST /repos/o/r/issues], github content a minute, github content an hour",
		},
		{"DELETE", "/repos/o/r/issues/1/lock", "github core" + points + " [DELETE /repos/o/r/issues/*/lock]"},
		{
			"POST", "/repos/o/r/code-scanning/sarifs", "github code_scanning_upload" + points +
				" [POST /repos/o/r/code-scanning/sarifs], github content a minute, github content an hour",
		},
	} {
		call, _ := github().Classify(gitHubRequest(tt.method, tt.path), time.Time{})
		if got := draws(&call); got != tt.want {
			t.Errorf("%s %s draws on\n%s, want\n%s", tt.method, tt.path, got, tt.want)
		}
	}
}

// https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#about-secondary-rate-limits
func TestGitHubsSecondaryLimitsAreThoseThatItPublishes(t *testing.T) {
	minute := func(n int) *bucket.Policy { return &bucket.Policy{Quota: n, Window: time.Minute} }
	for _, tt := range []struct {
		method, path string
		want         map[string]bucket.Draw
	}{
		{"GET", "/repos/o/r", map[string]bucket.Draw{
			"github all": {Policy: &bucket.Policy{Concurrent: 100}}, "github points": {Policy: minute(900)},
		}},
		{"POST", "/graphql", map[string]bucket.Draw{
			"github all": {Policy: &bucket.Policy{Concurrent: 100}}, "github points": {Policy: minute(2000)},
		}},
		{"PATCH", "/repos/o/r", map[string]bucket.Draw{
			"github all":              {Policy: &bucket.Policy{Concurrent: 100}},
			"github points":           {Policy: minute(900), Weight: 5},
			"github content a minute": {Policy: minute(80)},
			"github content an hour":  {Policy: &bucket.Policy{Quota: 500, Window: time.Hour}},
		}},
	} {
		call, _ := github().Classify(gitHubRequest(tt.method, tt.path), time.Time{})
		got := map[string]bucket.Draw{}
		for _, d := range call.Draws[1:] {
			got[d.Key.Limit] = bucket.Draw{Weight: d.Weight, Policy: d.Policy}
		}
		if !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s %s: got %+v, want %+v", tt.method, tt.path, got, tt.want)
		}
	}
}

// https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#exceeding-the-rate-limit
func TestGitHubsRefusalsAreToldApart(t *testing.T) {
	const (
		left   = "X-RateLimit-Limit: 5000~ X-RateLimit-Remaining: 4000~ X-RateLimit-Reset: 1700000060~ "
		none   = "X-RateLimit-Limit: 5000~ X-RateLimit-Remaining: 0~ X-RateLimit-Reset: 1700000060~ "
		core   = "X-RateLimit-Resource: core"
		search = "X-RateLimit-Resource: search"
	)
	for _, tt := range []struct {
		name   string
		status int
		fields string
		body   string
		want   string
	}{
		{"a success", 200, left + core, "", "window github core"},
		{"a success of another resource", 200, left + search, "", "not github core, window github search"},
		{"what the asker has already", 304, left + core, "", "not github core, window github core"},
		{"an end of the hour that makes no sense", 200, "X-RateLimit-Remaining: 0~ X-RateLimit-Reset: 30", "", ""},
		{"an hour long over", 200, "X-RateLimit-Remaining: 0~ X-RateLimit-Reset: 1699990000", "", ""},
		{"forbidden", 403, left + core, `{"message":"Resource not accessible"}`, "window github core"},
		{"the hour is used up", 403, none + core, "", "window github core, block github core for 1m1s, refused: user"},
		{
			"the hour is used up, says 429", 429, none + core, "",
			"window github core, block github core for 1m1s, refused: user",
		},
		{
			"a secondary limit says how long", 403, left + core + "~ Retry-After: 30", "",
			"window github core, block github all for 30s, refused: global",
		},
		{
			"a secondary limit says how long, says 429", 429, none + core + "~ Retry-After: 30", "",
			"window github core, block github all for 30s, refused: global",
		},
		{
			"a secondary limit", 403, left + core, `{"message":"You have exceeded a secondary rate limit. Please wait"}`,
			"window github core, block github all for 0s at first 1m0s, refused: global",
		},
		{
			"a secondary limit, says 429", 429, left + core, "",
			"window github core, block github all for 0s at first 1m0s, refused: global",
		},
		{
			"a secondary limit of old", 403, left, `{"message":"You have triggered an abuse detection mechanism"}`,
			"window github core, block github all for 0s at first 1m0s, refused: global",
		},
		{"a bare 429", 429, "", "", "block github all for 0s at first 1m0s, refused: global"},
	} {
		v := verdict(github(), gitHubRequest("GET", "/repos/o/r"), tt.status, tt.fields, tt.body)
		if got := told(&v); got != tt.want {
			t.Errorf("%s: got\n%s, want\n%s", tt.name, got, tt.want)
		}
	}
}
