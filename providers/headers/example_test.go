package headers_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/underlimit/underlimit/bucket"
	"github.com/underlimit/underlimit/providers"
	"github.com/underlimit/underlimit/providers/headers"
	"github.com/underlimit/underlimit/transport"
)

// shop is an API that needs no code.
var shop = headers.API{
	Name:       "shop",
	Hosts:      []string{"api.shop.example"},
	Credential: []string{"X-Shop-Token"},
	Windows: []headers.Window{
		{Limit: "X-Shop-Limit", Remaining: "X-Shop-Left", Reset: "X-Shop-Reset", ResetUnit: headers.EpochSeconds},
		{Name: "daily", Limit: "X-Shop-Day", Remaining: "X-Shop-Day-Left", Length: 24 * time.Hour},
	},
	Scopes: []headers.Scope{{Name: "search", Path: "/v2/search"}},
	Limits: []headers.Limit{
		{Name: "writes", Method: "POST PUT PATCH DELETE", Limit: 2, Per: time.Second},
		{Name: "exports", Path: "/v2/shops/*/exports", Concurrent: 1},
	},
	Refusals: []headers.Refusal{
		{Status: http.StatusForbidden, Exhausted: true, Scope: providers.ScopeUser},
		{Status: 420, Field: "X-Shop-Reason", Values: []string{"writes"}, Holds: "writes", Wait: 5 * time.Second},
	},
	Idempotency: []string{"X-Shop-Request"},
}

func ExampleAPI() {
	p := headers.New(&headers.Options{APIs: []headers.API{shop}})
	limits := transport.New(p, &transport.Options{Base: answers(func(r *http.Request, h http.Header) {
		h.Set("X-Shop-Limit", "60")
		h.Set("X-Shop-Left", "0")
		h.Set("X-Shop-Reset", fmt.Sprint(time.Now().Add(time.Hour).Unix()))
	}), MaxWait: time.Minute})
	client := &http.Client{Transport: limits}

	for _, path := range []string{"/v2/search?q=tea", "/v2/products", "/v2/search?q=milk"} {
		req, _ := http.NewRequest(http.MethodGet, "https://api.shop.example"+path, nil)
		req.Header.Set("X-Shop-Token", "t0k3n")
		resp, err := client.Do(req)
		var wait *bucket.WaitError
		switch {
		case errors.As(err, &wait):
			fmt.Println(path, "was not sent:", wait.Key.Limit, "is used up for", time.Until(wait.Until).Round(time.Hour))
		case err == nil:
			resp.Body.Close()
			fmt.Println(path, resp.Status)
		}
	}
	// Output:
	// /v2/search?q=tea 200 OK
	// /v2/products 200 OK
	// /v2/search?q=milk was not sent: shop search is used up for 1h0m0s
}

// A description can come from a file.
func ExampleAPI_json() {
	const file = `{
		"hosts": ["*.shop.example"],
		"windows": [{"usage": "X-Shop-Usage", "length": "20s"}],
		"limits": [{"path": "/v2/search", "limit": 30, "per": "1m"}],
		"refusals": [{"status": 403, "field": "Retry-After"}]
	}`
	var api headers.API
	if err := json.Unmarshal([]byte(file), &api); err != nil {
		fmt.Println(err)
	}
	opts := &headers.Options{APIs: []headers.API{api}}
	if err := opts.Validate(); err != nil { // a file can be wrong
		fmt.Println(err)
	}
	req := httptest.NewRequest("GET", "https://tea.shop.example/v2/search", nil)
	call, _ := headers.New(opts).Classify(req, time.Now())
	for _, d := range call.Draws {
		fmt.Println(d.Key)
	}
	// Output:
	// headers *.shop.example [tea.shop.example]
	// headers *.shop.example /v2/search 30 per 1m0s [tea.shop.example]
}

// A documented limit of a host that is otherwise learned.
func ExampleLimit() {
	p := headers.New(&headers.Options{Limits: []headers.Limit{
		{Host: "api.github.com", Path: "/search/", Limit: 30, Per: time.Minute},
	}})
	limits := transport.New(p, &transport.Options{Base: answers(nil), Mode: bucket.Reject})
	client := &http.Client{Transport: limits}
	sent := 0
	for range 100 {
		if resp, err := client.Get("https://api.github.com/search/issues?q=limits"); err == nil {
			resp.Body.Close()
			sent++
		}
	}
	fmt.Println(sent, "sent in a minute")
	// Output:
	// 30 sent in a minute
}

// Descriptions that are there already.
func ExampleGitHub() {
	p := headers.New(&headers.Options{APIs: []headers.API{headers.GitHub(), headers.Stripe()}})
	call, _ := p.Classify(httptest.NewRequest("GET", "https://api.github.com/search/issues", nil), time.Now())
	for _, d := range call.Draws {
		fmt.Println(d.Key)
	}
	// Output:
	// headers github search
	// headers github all
	// headers github points [GET /search/issues]
}

// answers is a server.
type answers func(r *http.Request, h http.Header)

func (f answers) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	if f != nil {
		f(r, w.Header())
	}
	return w.Result(), nil
}
