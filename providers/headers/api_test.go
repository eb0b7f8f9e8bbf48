package headers_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/underlimit/underlimit/bucket"
	"github.com/underlimit/underlimit/internal/digest"
	"github.com/underlimit/underlimit/providers"
	"github.com/underlimit/underlimit/providers/headers"
	"github.com/underlimit/underlimit/providers/providertest"
)

// acme is an API whose description says something of everything.
func acme() headers.API {
	return headers.API{
		Name:       "acme",
		Hosts:      []string{"api.acme.example", "*.acme.example:8443"},
		Credential: []string{"X-Acme-Key", "?key"},
		Windows: []headers.Window{
			{Limit: "X-Acme-Limit", Remaining: "X-Acme-Left", Reset: "X-Acme-Reset", ResetUnit: headers.Milliseconds},
			{Name: "daily", Limit: "X-Acme-Day", Remaining: "X-Acme-Day-Left", Length: time.Hour},
			{Name: "bucket", Usage: "X-Acme-Usage", Length: 10 * time.Second},
			{Name: "bytes", Remaining: "X-Acme-Bytes-Left", Reset: "X-Acme-Bytes-Reset", Other: true},
		},
		Scope:  "X-Acme-Scope",
		Scopes: []headers.Scope{{Name: "search", Path: "/v1/search"}, {Name: "write", Method: "POST PUT"}},

		Uncounted: []int{304, 410},
		Limits: []headers.Limit{
			{Name: "all", Limit: 100, Per: time.Second, Concurrent: 7},
			{Name: "endpoint", Path: "/v1/slow", Limit: 1, Per: time.Second, Endpoint: true},
			{Name: "endpoint", Limit: 9, Per: time.Second, Endpoint: true, Weight: 2},
			{Host: "api.acme.example", Path: "/v1/*/files/", Method: "post", Limit: 3, Per: time.Minute, Shared: true},
		},
		Refusals: []headers.Refusal{
			{Status: 403, Exhausted: true, Scope: providers.ScopeUser},
			{Status: 420, Field: "X-Acme-Reason", Values: []string{"All", "Too-Many"}, Holds: "all", Wait: time.Minute},
			{Status: 429, Body: "Locked", Not: true},
			{Status: 402, Final: true, Scope: providers.ScopeQuota},
		},
		Retry:       "X-Acme-Again",
		Idempotency: []string{"X-Acme-Request"},
	}
}

func acmeProvider() *headers.Provider {
	return headers.New(&headers.Options{APIs: []headers.API{acme()}})
}

func acmeRequest(method, target string) *http.Request {
	req := httptest.NewRequest(method, target, nil)
	req.Header.Set("X-Acme-Key", "s3cr3t-key")
	return providertest.Secret(req, "s3cr3t-key")
}

func TestEveryAPIKeepsTheRulesOfAProvider(t *testing.T) {
	p := headers.New(&headers.Options{
		APIs: []headers.API{acme(), headers.GitHub(), headers.Stripe()},
		Limits: []headers.Limit{
			{Limit: 10, Per: time.Second},
			{Host: "*.example", Endpoint: true, Limit: 1, Per: time.Second},
		},
	})
	query := httptest.NewRequest(http.MethodGet, "https://api.acme.example/v1/search?key=s3cr3t-key", nil)
	providertest.Test(t, p,
		acmeRequest(http.MethodGet, "https://api.acme.example/v1/search/users"),
		acmeRequest(http.MethodPost, "https://eu.acme.example:8443/v1/S3cret/files"),
		providertest.Secret(query, "s3cr3t-key"),
		request("https://api.github.com/repos/o/r/issues"), request("https://api.stripe.com/v1/customers/cus_123"),
		request("https://bücher.example/"+strings.Repeat("a/", 4000)),
	)
}

// draws lists what a request draws on: the limits, the subjects in brackets.
func draws(call *providers.Call) string {
	var all []string
	for _, d := range call.Draws {
		name := d.Key.Limit
		if d.Key.Subject != "" {
			name += " [" + d.Key.Subject + "]"
		}
		all = append(all, name)
	}
	return strings.Join(all, ", ")
}

func TestARequestDrawsOnItsScopeAndOnAllLimitsThatMatch(t *testing.T) {
	p := acmeProvider()
	const windows, search, write = "acme, acme daily, acme bucket, acme bytes",
		"acme search, acme search daily, acme search bucket, acme search bytes",
		"acme write, acme write daily, acme write bucket, acme write bytes"
	for _, tt := range []struct{ method, target, want string }{
		{"GET", "https://api.acme.example/", windows + ", acme all, acme endpoint [GET ]"},
		{
			"GET", "https://api.acme.example/v1/users/u123/posts",
			windows + ", acme all, acme endpoint [GET /v1/users/*/posts]",
		},
		{"GET", "https://API.acme.example:443//v1//search/x", search + ", acme all, acme endpoint [GET /v1/search/x]"},
		{"GET", "https://api.acme.example/v1/searches", windows + ", acme all, acme endpoint [GET /v1/searches]"},
		{"POST", "https://api.acme.example/v1/search", search + ", acme all, acme endpoint [POST /v1/search]"},
		{"PUT", "https://api.acme.example/v1/slow", write + ", acme all, acme endpoint [PUT /v1/slow]"},
		{
			"POST", "https://api.acme.example/v1/u7/files/f9",
			write + ", acme all, acme endpoint [POST /v1/*/files/*], acme POST api.acme.example/v1/*/files/ 3 per 1m0s",
		},
		{"GET", "https://api.acme.example/v1/u7/files/f9", windows + ", acme all, acme endpoint [GET /v1/*/files/*]"},
		{
			"GET", "https://eu.acme.example:8443/v1",
			strings.ReplaceAll(windows, ",", " [eu.acme.example:8443],") + " [eu.acme.example:8443], " +
				"acme all [eu.acme.example:8443], acme endpoint [eu.acme.example:8443 GET /v1]",
		},
		{"GET", "https://.acme.example:8443/", ".acme.example:8443, .acme.example:8443 2, .acme.example:8443 3"},
		{"GET", "https://acme.example:8443/", "acme.example:8443, acme.example:8443 2, acme.example:8443 3"},
	} {
		call, ok := p.Classify(acmeRequest(tt.method, tt.target), time.Time{})
		if got := draws(&call); !ok || got != tt.want {
			t.Errorf("%s %s draws on\n%s, want\n%s", tt.method, tt.target, got, tt.want)
		}
		if call.Route != call.Draws[0].Key.Limit {
			t.Errorf("%s %s: the route is %q", tt.method, tt.target, call.Route)
		}
	}
}

// As net/http has it.
func TestARequestWithoutAMethodIsAGet(t *testing.T) {
	limit := headers.Limit{Name: "reading", Method: "get", Limit: 1, Per: time.Second, Endpoint: true}
	p := headers.New(&headers.Options{Limits: []headers.Limit{limit}})
	req := request("https://api.example/things")
	req.Method = ""
	call, _ := p.Classify(req, time.Time{})
	if got, want := draws(&call), "api.example, api.example 2, api.example 3, reading [api.example GET /things]"; got != want {
		t.Errorf("it draws on %s, want %s", got, want)
	}
}

func TestAPathIsReadAsServersReadIt(t *testing.T) {
	const windows, search = "acme, acme daily, acme bucket, acme bytes",
		"acme search, acme search daily, acme search bucket, acme search bytes"
	const files = ", acme POST api.acme.example/v1/*/files/ 3 per 1m0s"
	for _, tt := range []struct{ method, path, scope, endpoint, limit string }{
		{"GET", "/v1/search", search, "/v1/search", ""},
		{"GET", "/v1/%73earch", search, "/v1/search", ""},
		{"GET", "//v1///search/", search, "/v1/search", ""},
		{"GET", "/v1/./search", search, "/v1/search", ""},
		{"GET", "/v1/users/../search", search, "/v1/search", ""},
		{"GET", "/../v1/search", search, "/v1/search", ""},
		{"GET", "/v1/search/..", windows, "/v1", ""},
		{"GET", "/v1/.search", windows, "/v1/.search", ""},
		{"GET", "/v1%2Fsearch", windows, "/*", ""},
		{"PATCH", "/v1/group%2Fname/files", windows, "/v1/*/files", ""},
		{"POST", "/v1/group%2Fname/files", strings.ReplaceAll(search, "search", "write"), "/v1/*/files", files},
	} {
		call, _ := acmeProvider().Classify(acmeRequest(tt.method, "https://api.acme.example"+tt.path), time.Time{})
		want := tt.scope + ", acme all, acme endpoint [" + tt.method + " " + tt.endpoint + "]" + tt.limit
		if got := draws(&call); got != want {
			t.Errorf("%s %s draws on\n%s, want\n%s", tt.method, tt.path, got, want)
		}
	}
	req := acmeRequest(http.MethodGet, "https://api.acme.example/v1/search")
	req.URL.RawPath = "/of%2Fanother" // which then does not count
	call, _ := acmeProvider().Classify(req, time.Time{})
	if want := search + ", acme all, acme endpoint [GET /v1/search]"; draws(&call) != want {
		t.Errorf("with another RawPath: draws on\n%s, want\n%s", draws(&call), want)
	}
}

func TestALimitIsWhatItsNumbersSay(t *testing.T) {
	p := headers.New(&headers.Options{Secret: "pepper", Limits: []headers.Limit{
		{Host: "api.github.com", Path: "/search/", Limit: 30, Per: time.Minute},
		{Host: "*.example", Limit: 40, Per: 20 * time.Second, Burst: 40, Weight: 3},
		{Method: "DELETE", Concurrent: 2, Shared: true},
		{Host: "api.github.com", Credential: "Bearer test", Limit: 1, Per: time.Second},
	}})
	d := digest.New("pepper", "headers")
	owner := d.Of("token ghp_abcdef")
	key := func(limit, owner, subject string) bucket.Key {
		return bucket.Key{Provider: "headers", Limit: limit, Owner: owner, Subject: subject}
	}
	for _, tt := range []struct {
		method, target, credential string
		want                       []bucket.Draw // besides the windows
	}{
		{"GET", "https://api.github.com/search/users", "", []bucket.Draw{{
			Key:    key("api.github.com/search/ 30 per 1m0s", owner, ""),
			Policy: &bucket.Policy{Quota: 30, Window: time.Minute},
		}}},
		{"GET", "https://api.github.com/repos", "", nil},
		{"DELETE", "https://api.github.com/search", "Bearer test1", []bucket.Draw{
			{
				Key:    key("api.github.com/search/ 30 per 1m0s", d.Of("Bearer test1"), ""),
				Policy: &bucket.Policy{Quota: 30, Window: time.Minute},
			},
			{Key: key("DELETE 2 at once", "", "api.github.com"), Policy: &bucket.Policy{Concurrent: 2}},
			{
				Key:    key("api.github.com 1 per 1s", d.Of("Bearer test1"), ""),
				Policy: &bucket.Policy{Quota: 1, Window: time.Second},
			},
		}},
		{"GET", "https://shop.example/", "", []bucket.Draw{{
			Key:    key("*.example 40 per 20s", owner, "shop.example"),
			Weight: 3, Policy: &bucket.Policy{Every: 500 * time.Millisecond, Burst: 40},
		}}},
	} {
		req := request(tt.target)
		req.Method = tt.method
		if tt.credential != "" {
			req.Header.Set("Authorization", tt.credential)
		}
		call, _ := p.Classify(req, time.Time{})
		if got := call.Draws[3:]; len(got) != len(tt.want) || len(got) > 0 && !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s %s: got %+v, want %+v", tt.method, tt.target, got, tt.want)
		}
	}
}

func TestTheCredentialIsWhereTheAPISaysItIs(t *testing.T) {
	p := acmeProvider()
	d := digest.New("", "headers")
	get := func(target string, header ...string) string {
		req := httptest.NewRequest(http.MethodGet, target, nil)
		for i := 0; i < len(header); i += 2 {
			req.Header.Set(header[i], header[i+1])
		}
		call, _ := p.Classify(req, time.Time{})
		return call.Draws[0].Key.Owner
	}
	for _, tt := range []struct{ got, want string }{
		{get("https://api.acme.example/", "x-acme-key", "a", "Authorization", "b"), d.Of("a")},
		{get("https://api.acme.example/?key=q", "X-Acme-Key", "a"), d.Of("a")},
		{get("https://api.acme.example/?key=q", "Authorization", "b"), d.Of("q")},
		{get("https://api.acme.example/?k%zz=q&key=%", "Authorization", "b"), ""},
		{get("https://other.example/?key=q", "Authorization", "b"), d.Of("b")},
	} {
		if tt.got != tt.want {
			t.Errorf("got owner %q, want %q", tt.got, tt.want)
		}
	}
}

func TestAnIdempotencyFieldLetsARequestBeRepeated(t *testing.T) {
	req := acmeRequest(http.MethodPost, "https://api.acme.example/")
	if call, _ := acmeProvider().Classify(req, time.Time{}); call.Repeat != providers.ByMethod {
		t.Errorf("without it: got %v", call.Repeat)
	}
	req.Header.Set("x-acme-request", "7")
	if call, _ := acmeProvider().Classify(req, time.Time{}); call.Repeat != providers.Always {
		t.Errorf("with it: got %v", call.Repeat)
	}
}

// told is what an answer to a request means, in words: updates by the limits of their keys.
func told(v *providers.Verdict) string {
	var words []string
	for _, u := range v.Updates {
		switch u := bucket.Value(u).(type) {
		case bucket.Window:
			words = append(words, "window "+u.Key.Limit)
		case bucket.Rule:
			words = append(words, "rule "+u.Key.Limit)
		case bucket.Uncounted:
			words = append(words, "not "+u.Key.Limit)
		case bucket.Block:
			w := "block " + u.Key.Limit
			if u.Key.Subject != "" {
				w += " [" + u.Key.Subject + "]"
			}
			w += " for " + u.For.String()
			if u.First > 0 {
				w += " at first " + u.First.String()
			}
			words = append(words, w)
		}
	}
	if v.Refused {
		words = append(words, "refused: "+string(v.Scope))
	}
	if v.Final {
		words = append(words, "final")
	}
	return strings.Join(words, ", ")
}

func verdict(p *headers.Provider, req *http.Request, status int, fields, body string) providers.Verdict {
	call, _ := p.Classify(req, time.Time{})
	a := &providers.Answer{Status: status, Header: header(fields), Received: received}
	if body != "" {
		a.Body = []byte(body)
	}
	return p.Judge(req, &call, a)
}

func TestAnAnswerMeansWhatItsAPISays(t *testing.T) {
	p := acmeProvider()
	for _, tt := range []struct {
		name   string
		status int
		fields string
		body   string
		want   string
	}{
		{"nothing", 200, "", "", ""},
		{"fields of others", 200, "X-RateLimit-Remaining: 0~ X-RateLimit-Reset: 9", "", ""},
		{
			"all windows", 200, "X-Acme-Limit: 9~ X-Acme-Left: 3~ X-Acme-Reset: 750~ X-Acme-Day: 100~ X-Acme-Day-Left: 5~ " +
				"X-Acme-Usage: 1/10~ X-Acme-Bytes-Left: 9~ X-Acme-Bytes-Reset: 9", "",
			"window acme, rule acme daily, window acme bucket",
		},
		{"a window whose rest makes no sense", 200, "X-Acme-Left: many~ X-Acme-Reset: 750", "", ""},
		{"a window of which neither limit nor end is told", 200, "X-Acme-Day-Left: 5", "", ""},
		{"no bytes", 200, "X-Acme-Bytes-Left: 0~ X-Acme-Bytes-Reset: 9", "", "block acme for 10s"},
		{
			"another scope", 200, "X-Acme-Left: 3~ X-Acme-Reset: 750~ X-Acme-Scope: Search", "",
			"not acme, not acme daily, not acme bucket, not acme bytes, window acme search",
		},
		{
			"a scope that is not described", 200, "X-Acme-Left: 3~ X-Acme-Reset: 750~ X-Acme-Scope: new", "",
			"not acme, not acme daily, not acme bucket, not acme bytes",
		},
		{
			"one that no window counted", 304, "X-Acme-Left: 3~ X-Acme-Reset: 750", "",
			"not acme, not acme daily, not acme bucket, not acme bytes, window acme",
		},
		{"one that no window counted, without fields", 410, "", "", "not acme, not acme daily, not acme bucket, not acme bytes"},
		{"a 403", 403, "X-Acme-Left: 3~ X-Acme-Reset: 750", "", "window acme"},
		{
			"a 403 with nothing left", 403, "X-Acme-Left: 0~ X-Acme-Reset: 750", "",
			"window acme, block acme for 750ms, refused: user",
		},
		{"a 420", 420, "", "", ""},
		{"a 420 with another reason", 420, "X-Acme-Reason: none", "", ""},
		{"a 420 with a reason", 420, "X-Acme-Reason: too-many", "", "block acme all for 0s at first 1m0s, refused: unknown"},
		{
			"a 420 that says how long", 420, "X-Acme-Reason: all~ Retry-After: 3", "",
			"block acme all for 3s at first 1m0s, refused: unknown",
		},
		{"a 429", 429, "", "", "block acme for 0s, refused: unknown"},
		{"a 429 that is none", 429, "", `{"error":"it is LOCKED"}`, ""},
		{"a 429 that need not be sent again", 429, "X-Acme-Again: False", "", "block acme for 0s, refused: unknown, final"},
		{"a 429 that may be sent again", 429, "X-Acme-Again: true", "", "block acme for 0s, refused: unknown"},
		{"a 402", 402, "Retry-After: 9", "", "refused: quota, final"},
		{"a 503", 503, "Retry-After: 9", "", "block acme for 9s"},
	} {
		v := verdict(p, acmeRequest(http.MethodGet, "https://api.acme.example/"), tt.status, tt.fields, tt.body)
		if got := told(&v); got != tt.want {
			t.Errorf("%s: got\n%s, want\n%s", tt.name, got, tt.want)
		}
	}
}

func TestADescriptionIsData(t *testing.T) {
	for _, api := range []headers.API{acme(), headers.GitHub(), headers.Stripe()} {
		text, err := json.Marshal(api)
		if err != nil {
			t.Fatal(err)
		}
		var back headers.API
		if err := json.Unmarshal(text, &back); err != nil || !reflect.DeepEqual(back, api) {
			t.Errorf("%v:\n%s\nbecomes %+v, not %+v", err, text, back, api)
		}
	}
	const text = `{"hosts": ["a.example"], "windows": [{"remaining": "Left", "reset": "Reset", "length": "1m30s"}],
		"limits": [{"path": "/search", "limit": 30, "per": "1m"}], "refusals": [{"status": 420, "wait": "5s"}]}`
	want := headers.API{
		Hosts:    []string{"a.example"},
		Windows:  []headers.Window{{Remaining: "Left", Reset: "Reset", Length: 90 * time.Second}},
		Limits:   []headers.Limit{{Path: "/search", Limit: 30, Per: time.Minute}},
		Refusals: []headers.Refusal{{Status: 420, Wait: 5 * time.Second}},
	}
	var got headers.API
	if err := json.Unmarshal([]byte(text), &got); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
}

// YAML is read by other packages, which go by the tags.
func TestADescriptionHasTheSameNamesInYAMLAsInJSON(t *testing.T) {
	var check func(reflect.Type)
	check = func(of reflect.Type) {
		for of.Kind() == reflect.Slice {
			of = of.Elem()
		}
		if of.Kind() != reflect.Struct {
			return
		}
		for f := range of.Fields() {
			if j, y := f.Tag.Get("json"), f.Tag.Get("yaml"); j == "" || j != y {
				t.Errorf("%v.%s is %q in JSON and %q in YAML", of, f.Name, j, y)
			}
			check(f.Type)
		}
	}
	check(reflect.TypeFor[headers.API]())
}

func TestADescriptionThatIsMisspelledIsNotRead(t *testing.T) {
	for _, text := range []string{
		`{"host": "a.example"}`, `{"windows": [{"left": "X"}]}`, `{"limits": [{"limit": 1, "pro": "1s"}]}`,
		`{"limits": [{"limit": 1, "per": "1"}]}`, `{"limits": [{"limit": 1, "per": 60}]}`,
		`{"scopes": [{"paht": "/"}]}`, `{"refusals": [{"stat": 1}]}`,
	} {
		var a headers.API
		if err := json.Unmarshal([]byte(text), &a); err == nil {
			t.Errorf("%s is read as %+v", text, a)
		}
	}
}

func TestANumberWithoutATimeIsOneMistake(t *testing.T) {
	err := (&headers.Options{Limits: []headers.Limit{{Host: "a.example", Limit: 3}}}).Validate()
	want := `headers: limit 0 ("a.example 3 per 0s") needs both a number of requests and a time, or neither`
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestOptionsThatMakeNoSenseAreTold(t *testing.T) {
	valid := acme()
	change := func(f func(*headers.API)) *headers.Options {
		a := acme()
		f(&a)
		return &headers.Options{APIs: []headers.API{valid, a}}
	}
	limit := func(l ...headers.Limit) *headers.Options { return &headers.Options{Limits: l} }
	for want, o := range map[string]*headers.Options{
		"no hosts":              change(func(a *headers.API) { a.Hosts = nil }),
		`"a b" is no host`:      change(func(a *headers.API) { a.Hosts = []string{"a b"} }),
		`"*.*" is no host`:      change(func(a *headers.API) { a.Hosts = []string{"*.*"} }),
		`"::1" is no host`:      change(func(a *headers.API) { a.Hosts = []string{"::1"} }),
		`"[a" is no host`:       change(func(a *headers.API) { a.Hosts = []string{"[a"} }),
		"its name is not plain": change(func(a *headers.API) { a.Name = "a\nb" }),
		"it is silent":          change(func(a *headers.API) { a.Silent = true }),
		"window \"\" is not":    change(func(a *headers.API) { a.Windows[1].Name = "" }),
		"what is left of":       change(func(a *headers.API) { a.Windows[0].Remaining = "" }),
		"the length of window":  change(func(a *headers.API) { a.Windows[0].Length = -1 }),
		"when window \"\" ends": change(func(a *headers.API) { a.Windows[0].Reset = "" }),
		`"weeks": the units are ["seconds" "milliseconds" "epoch" "epoch milliseconds"]`: change(func(a *headers.API) { a.Windows[0].ResetUnit = "weeks" }),
		"the name of scope \"\"":        change(func(a *headers.API) { a.Scopes[0].Name = "" }),
		"a status that refuses":         change(func(a *headers.API) { a.Refusals[0].Status = 200 }),
		"99 is the status of no":        change(func(a *headers.API) { a.Uncounted[1] = 99 }),
		"refusal 2 has a status":        change(func(a *headers.API) { a.Refusals[2].Status = 0 }),
		"the wait of refusal":           change(func(a *headers.API) { a.Refusals[0].Wait = -1 }),
		"values of no field":            change(func(a *headers.API) { a.Refusals[1].Field = "" }),
		"which is no limit":             change(func(a *headers.API) { a.Refusals[1].Holds = "some" }),
		`"me": the scopes are ["user" `: change(func(a *headers.API) { a.Refusals[0].Scope = "me" }),
		"API 1 (\"acme\"): limit 0 (\"acme all\") has a negative number": change(func(a *headers.API) {
			a.Limits[0].Limit = -1
		}),
		"a window of scope \"\" has the name of one of \"daily\"": change(func(a *headers.API) {
			a.Scopes[0].Name = "daily"
		}),
		"(\"acme search\") has the name of a window": change(func(a *headers.API) {
			a.Limits[1].Name = "search"
		}),
		"another has its name":           change(func(*headers.API) {}),
		"has no number":                  limit(headers.Limit{Host: "a.example"}),
		"needs both":                     limit(headers.Limit{Limit: 1}),
		"limit 0 (\"1 at once\") needs":  limit(headers.Limit{Per: time.Second, Concurrent: 1}),
		"is a burst of nothing":          limit(headers.Limit{Burst: 1, Concurrent: 1}),
		"more than one request per nano": limit(headers.Limit{Limit: 2, Per: 1}),
		"is of a host that is none":      limit(headers.Limit{Host: "/", Limit: 2, Per: time.Second}),
		"has a path or a method":         limit(headers.Limit{Path: "/\n", Limit: 2, Per: time.Second}),
		"has a name that is not plain":   limit(headers.Limit{Name: strings.Repeat("a", 101), Limit: 2, Per: time.Second}),
		"differs from another of its name": limit(
			headers.Limit{Name: "a", Limit: 1, Per: 1}, headers.Limit{Name: "a", Limit: 1, Per: 2},
		),
		"(\"b\") differs": limit(
			headers.Limit{Name: "b", Limit: 1, Per: 1, Shared: true},
			headers.Limit{Name: "b", Limit: 1, Per: 2, Shared: true, Credential: "x"},
		),
	} {
		if err := o.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q in it", err, want)
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("New takes what is not valid")
		}
	}()
	headers.New(limit(headers.Limit{}))
}

func TestOptionsThatMakeSensePass(t *testing.T) {
	for _, o := range []*headers.Options{
		nil,
		{},
		{APIs: []headers.API{acme(), headers.GitHub(), headers.Stripe()}},
		{Limits: []headers.Limit{
			{Name: "a", Credential: "x", Limit: 1, Per: 9},
			{Name: "a", Limit: 2, Per: 9},
			{Name: "b", Path: "/a", Limit: 1, Per: 9, Endpoint: true},
			{Name: "b", Limit: 2, Per: 9, Endpoint: true},
			{Limit: 1, Per: 9},
			{Limit: 2, Per: 9},
			{Host: "[::1]:8080", Limit: 2, Per: 9},
		}},
	} {
		if err := o.Validate(); err != nil {
			t.Error(err)
		}
	}
}
