package headers

import (
	"net/http"
	"time"

	"github.com/underlimit/underlimit/providers"
)

// GitHub describes the API of GitHub, those of github.com and of Enterprise Cloud with its own hosts: the hourly limits
// that its answers tell of, each resource apart, and the secondary limits that it publishes. All is by credential.
//
// Of GraphQL, which counts the cost of queries, the description sees the requests and what answers tell. A refusal that
// GraphQL gives with status 200 goes to the caller; with nothing left, what comes after it waits. What goes by the time
// that GitHub's processors take, or is not published, only refusals show.
//
// https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api
func GitHub() API {
	const content = http.MethodPost + " " + http.MethodPut + " " + http.MethodPatch
	api := API{
		Name:  "github",
		Hosts: []string{"api.github.com", "uploads.github.com", "api.*.ghe.com"},
		Windows: []Window{{
			Limit: "X-RateLimit-Limit", Remaining: "X-RateLimit-Remaining",
			Reset: "X-RateLimit-Reset", ResetUnit: EpochSeconds,
		}},
		// https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api
		Uncounted: []int{http.StatusNotModified},
		// https://docs.github.com/en/rest/rate-limit/rate-limit
		Scope: "X-RateLimit-Resource",
		Scopes: []Scope{
			{Name: "code_search", Path: "/search/code"},
			{Name: "search", Path: "/search"},
			{Name: "graphql", Path: "/graphql"},
			{Name: "integration_manifest", Path: "/app-manifests"},
			{Name: "scim", Path: "/scim"},
			{Name: "code_scanning_upload", Path: "/repos/*/*/code-scanning/sarifs", Method: http.MethodPost},
			{Name: "actions_runner_registration", Path: "/repos/*/*/actions/runners/registration-token"},
			{Name: "actions_runner_registration", Path: "/orgs/*/actions/runners/registration-token"},
			{Name: "dependency_snapshots", Path: "/repos/*/*/dependency-graph/snapshots"},
			{Name: "dependency_sbom", Path: "/repos/*/*/dependency-graph/sbom"},
			{Name: "source_import", Path: "/repos/*/*/import"},
			{Name: "core"},
		},
		Limits: []Limit{
			{Name: "all", Concurrent: 100},
			// Points, of which reading takes one and writing five.
			{Name: "points", Path: "/graphql", Limit: 2000, Per: time.Minute, Endpoint: true},
			{
				Name: "points", Method: http.MethodGet + " " + http.MethodHead + " " + http.MethodOptions,
				Limit: 900, Per: time.Minute, Endpoint: true,
			},
			{Name: "points", Limit: 900, Per: time.Minute, Weight: 5, Endpoint: true},
		},
		Refusals: []Refusal{
			{Status: http.StatusForbidden, Field: "Retry-After", Holds: "all", Scope: providers.ScopeGlobal},
			{Status: http.StatusTooManyRequests, Field: "Retry-After", Holds: "all", Scope: providers.ScopeGlobal},
			{Status: http.StatusForbidden, Exhausted: true, Scope: providers.ScopeUser},
			{Status: http.StatusTooManyRequests, Exhausted: true, Scope: providers.ScopeUser},
			{
				Status: http.StatusForbidden, Body: "secondary rate limit", Wait: time.Minute,
				Holds: "all", Scope: providers.ScopeGlobal,
			},
			{
				Status: http.StatusForbidden, Body: "abuse detection", Wait: time.Minute, // as it was called before
				Holds: "all", Scope: providers.ScopeGlobal,
			},
			{Status: http.StatusTooManyRequests, Wait: time.Minute, Holds: "all", Scope: providers.ScopeGlobal},
		},
	}
	for _, path := range []string{"/repos", "/orgs", "/user", "/gists", "/teams", "/projects", "/enterprises"} {
		api.Limits = append(api.Limits,
			Limit{Name: "content a minute", Path: path, Method: content, Limit: 80, Per: time.Minute},
			Limit{Name: "content an hour", Path: path, Method: content, Limit: 500, Per: time.Hour},
		)
	}
	return api
}
