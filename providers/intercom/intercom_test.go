package intercom_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/underlimit/underlimit/bucket"
	"github.com/underlimit/underlimit/internal/digest"
	"github.com/underlimit/underlimit/providers"
	"github.com/underlimit/underlimit/providers/intercom"
	"github.com/underlimit/underlimit/providers/providertest"
)

const token = "dG9rOmFiY2RlZg"

func request(method, target string) *http.Request {
	req := httptest.NewRequest(method, target, nil)
	req.Header.Set("Authorization", "Bearer "+token)
	return req
}

func TestIntercomKeepsTheRulesOfAProvider(t *testing.T) {
	body := httptest.NewRequest(http.MethodPost, "https://api.eu.intercom.io/contacts/search", strings.NewReader("{}"))
	providertest.Test(t, intercom.New(nil),
		request(http.MethodGet, "https://api.intercom.io/me"),
		request(http.MethodGet, "https://user:password@api.intercom.io/nothing/known"),
		body,
	)
}

func FuzzAnswers(f *testing.F) {
	providertest.Fuzz(f, intercom.New(nil), request(http.MethodPost, "https://api.intercom.io/events"))
}

func FuzzRequests(f *testing.F) {
	for _, path := range []string{"", "/", "//", "/me", "/contacts/1/tags/2", "/contacts//tags/", "*", "/\x00/\xff"} {
		f.Add("GET", "api.intercom.io", path)
		f.Add("", "API.intercom.io.:443", path)
	}
	p := intercom.New(nil)
	f.Fuzz(func(t *testing.T, method, host, path string) {
		call, ok := p.Classify(&http.Request{Method: method, URL: &url.URL{Host: host, Path: path}}, time.Time{})
		if ok && (len(call.Draws) != 3 || call.Route == "" || strings.Count(call.Route, "/") > 5) {
			t.Errorf("%s %s: got %+v", method, path, call)
		}
	})
}

func TestAllHostsLeadToOneCount(t *testing.T) {
	p := intercom.New(&intercom.Options{Hosts: []string{"Proxy.example", "127.0.0.1:8080"}})
	want, ok := p.Classify(request(http.MethodGet, "https://api.intercom.io/me"), time.Time{})
	if !ok {
		t.Fatal("Intercom itself is not claimed")
	}
	for _, host := range []string{
		"api.eu.intercom.io", "api.au.intercom.io", "API.Intercom.IO", "api.intercom.io:443", "api.intercom.io.",
		"proxy.example", "proxy.example:8080", "127.0.0.1:8080",
	} {
		got, ok := p.Classify(request(http.MethodGet, "https://"+host+"/me"), time.Time{})
		if !ok || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v, %t, want %+v", host, got, ok, want)
		}
	}
	for _, host := range []string{"intercom.io", "xapi.intercom.io", "api.intercom.io.evil.example", "127.0.0.1:8081"} {
		if _, ok := p.Classify(request(http.MethodGet, "https://"+host+"/me"), time.Time{}); ok {
			t.Errorf("%s is claimed", host)
		}
	}
	if _, ok := p.Classify(&http.Request{}, time.Time{}); ok {
		t.Error("a request without a URL is claimed")
	}
}

func TestARequestDrawsOnAppWorkspaceAndResource(t *testing.T) {
	p := intercom.New(&intercom.Options{Secret: "pepper", Reserve: 0.2, Spread: time.Second})
	owner := digest.New("pepper", "intercom").Of("Bearer " + token)
	got, _ := p.Classify(request(http.MethodPut, "https://api.intercom.io/contacts/5ba682d23d7cf92bef87bfd4"), time.Time{})
	const route = "PUT /contacts/{id}"
	want := providers.Call{
		Provider:   "intercom",
		Route:      route,
		BodyUnread: true,
		Draws: []bucket.Draw{
			{
				Key:    bucket.Key{Provider: "intercom", Limit: "app", Owner: owner},
				Policy: &bucket.Policy{Probe: true, Reserve: 0.2, Spread: time.Second},
			},
			{
				Key:    bucket.Key{Provider: "intercom", Limit: "workspace", Owner: owner},
				Policy: &bucket.Policy{Reserve: 0.2, Spread: time.Second},
			},
			{
				Key:    bucket.Key{Provider: "intercom", Limit: "resource", Owner: owner, Subject: route},
				Policy: &bucket.Policy{},
			},
		},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestCredentialsAreCountedApart(t *testing.T) {
	p := intercom.New(nil)
	one, _ := p.Classify(request(http.MethodGet, "https://api.intercom.io/me"), time.Time{})
	req := request(http.MethodGet, "https://api.intercom.io/me")
	req.Header.Set("Authorization", "Bearer another")
	two, _ := p.Classify(req, time.Time{})
	req.Header.Del("Authorization")
	none, _ := p.Classify(req, time.Time{})
	if a, b, c := one.Draws[0].Key, two.Draws[0].Key, none.Draws[0].Key; a == b || a == c || b == c || c.Owner != "" {
		t.Errorf("got %v, %v and, without a credential, %v", a, b, c)
	}
}

func TestRoutesAreTemplatesOfAClosedSet(t *testing.T) {
	p := intercom.New(nil)
	for _, tt := range []struct{ method, path, want string }{
		{"GET", "/me", "GET /me"},
		{"", "/me", "GET /me"},
		{"GET", "/me/", "GET /me"},
		{"GET", "/companies/scroll", "GET /companies/scroll"},
		{"GET", "/companies/scroll1", "GET /companies/{id}"},
		{"DELETE", "/contacts/63a07ddf05a32042dffac965/tags/7522907", "DELETE /contacts/{id}/tags/{id}"},
		{"GET", "/contacts/find_by_external_id/70", "GET /contacts/find_by_external_id/{id}"},
		{"POST", "/contacts/search", "POST /contacts/search"},
		{"POST", "/contacts/5/search", "other"},
		{"POST", "/export/content/data", "POST /export/content/data"},
		{"PATCH", "/contacts/5", "other"},
		{"get", "/me", "other"},
		{"GET", "", "other"},
		{"GET", "//me", "other"},
		{"GET", "/contacts//tags", "other"},
		{"GET", "/contacts/5/tags/6/7", "other"},
		{"GET", "/" + strings.Repeat("a/", 10_000), "other"},
	} {
		req := &http.Request{Method: tt.method, URL: &url.URL{Host: "api.intercom.io", Path: tt.path}}
		call, ok := p.Classify(req, time.Time{})
		if !ok || call.Route != tt.want {
			t.Errorf("%s %.40s: got %q, %t, want %q", tt.method, tt.path, call.Route, ok, tt.want)
		}
	}
}

// The server's clock is an hour ahead of ours in all of what follows.
var (
	date     = time.Unix(1487332505, 0).UTC()
	received = date.Add(250*time.Millisecond - time.Hour)
)

func TestVerdicts(t *testing.T) {
	p := intercom.New(nil)
	call, _ := p.Classify(request(http.MethodGet, "https://api.intercom.io/contacts"), time.Time{})
	app, workspace, resource := call.Draws[0].Key, call.Draws[1].Key, call.Draws[2].Key

	const (
		exceeded = `{"type":"error.list","request_id":"1","errors":[{"code":"rate_limit_exceeded",` +
			`"message":"Exceeded rate limit of 167 in 10_seconds"}]}`
		dataJob = `{"type":"error.list","errors":[{"code":"rate_limit_exceeded",` +
			`"message":"Exceeded rate limit of 1 pending message data export jobs"}]}`
		reportJobs = `{"type":"error.list","errors":[{"code":"rate_limit_exceeded",` +
			`"message":"Exceeded rate limit of 5 pending reporting dataset export jobs"}]}`
		busy     = `{"type":"error.list","errors":[{"code":"too_many_requests","message":"Retry later"}]}`
		busyBoth = `{"errors":[{"code":"too_many_requests"},{"code":"rate_limit_exceeded","message":"Exceeded"}]}`
		scroll   = `{"type":"error.list","errors":[{"code":"scroll_exists","message":"scroll already exists"}]}`
	)
	window := func(limit, remaining int, reset int64) bucket.Window {
		return bucket.Window{Key: app, Limit: limit, Remaining: remaining, Doubt: 1, ResetAt: time.Unix(reset, 0).UTC(), Date: date}
	}
	sure := func(w bucket.Window) bucket.Window {
		w.Doubt = 0
		return w
	}
	cut := func(w bucket.Window) bucket.Window {
		w.ResetAt, w.Precision = w.ResetAt.Add(time.Second), time.Second
		return w
	}
	refused := func(s providers.Scope, u ...bucket.Update) providers.Verdict {
		return providers.Verdict{Refused: true, Scope: s, Updates: u}
	}
	says := func(u ...bucket.Update) providers.Verdict { return providers.Verdict{Updates: u} }
	none := providers.Verdict{}

	for _, tt := range []struct {
		name   string
		status int
		header http.Header
		body   string
		want   providers.Verdict
	}{
		// Windows.
		{"the first of a window", 200, limits("100", "100", "1487332510"), "", says(sure(window(100, 99, 1487332510)))},
		{"the second of it", 200, limits("100", "99", "1487332510"), "", says(window(100, 99, 1487332510))},
		{"the next window", 200, limits("100", "100", "1487332520"), "", says(sure(window(100, 99, 1487332520)))},
		{"1000 a minute, rounded up", 200, limits("167", "166", "1487332510"), "", says(window(167, 166, 1487332510))},
		{"500 a minute, rounded down", 200, limits("83", "0", "1487332510"), "", says(window(83, 0, 1487332510))},
		{"more left than there is", 200, limits("83", "90", "1487332510"), "", says(sure(window(83, 82, 1487332510)))},
		{"the last of a tiny limit", 200, limits("1", "1", "1487332510"), "", says(sure(window(1, 0, 1487332510)))},
		{"a failure counts, too", 500, limits("167", "3", "1487332510"), "", says(window(167, 3, 1487332510))},
		{"an unauthorised request, told", 401, limits("167", "3", "1487332510"), "", says(window(167, 3, 1487332510))},
		{"a second cut off", 200, limits("167", "3", "1487332509"), "", says(cut(window(167, 3, 1487332509)))},
		{"a reset within the second", 200, limits("167", "3", "1487332505"), "", says(cut(window(167, 3, 1487332505)))},
		{"a limit not told", 200, limits("", "3", "1487332510"), "", says(window(0, 3, 1487332510))},
		{"as far ahead as is believed", 200, limits("167", "3", "1487332565"), "", says(cut(window(167, 3, 1487332565)))},
		{"as far behind as is believed", 200, limits("167", "3", "1487332504"), "", says(cut(window(167, 3, 1487332504)))},

		// No information.
		{"no fields", 200, http.Header{"Date": {date.Format(http.TimeFormat)}}, "", none},
		{"no header", 401, nil, "", none},
		{"nothing said of the rest", 200, limits("167", "", "1487332510"), "", none},
		{"nonsense said of the rest", 200, limits("167", "-1", "1487332510"), "", none},
		{"no reset", 200, limits("167", "3", ""), "", none},
		{"a reset in the year 33658", 200, limits("167", "3", "999999999999999"), "", none},
		{"a reset too far ahead", 200, limits("167", "3", "1487332566"), "", none},
		{"a reset too far behind", 200, limits("167", "3", "1487332503"), "", none},
		{"a reset by our clock", 200, limits("167", "3", strconv.FormatInt(received.Unix()+5, 10)), "", none},
		{"a scroll that is open", 400, nil, scroll, none},
		{"a forbidden request", 403, nil, busy, none},
		{"a server in trouble", 503, http.Header{"Retry-After": {"5"}}, busy, none},

		// Refusals.
		{
			"the app has nothing left", 429, limits("167", "0", "1487332510"), exceeded,
			refused(providers.ScopeUser, window(167, 0, 1487332510), bucket.Block{Key: app, For: 5100 * time.Millisecond}),
		},
		{
			"the app has something left", 429, limits("167", "42", "1487332510"), exceeded,
			refused(providers.ScopeWorkspace, window(167, 42, 1487332510),
				bucket.Block{Key: workspace, For: 5100 * time.Millisecond}),
		},
		{
			"the reset is cut off", 429, limits("167", "0", "1487332507"), exceeded,
			refused(providers.ScopeUser, cut(window(167, 0, 1487332507)), bucket.Block{Key: app, For: 3100 * time.Millisecond}),
		},
		{
			"the reset is this very second", 429, limits("167", "0", "1487332504"), exceeded,
			refused(providers.ScopeUser, cut(window(167, 0, 1487332504)), bucket.Block{Key: app}),
		},
		{
			"the reset is past", 429, limits("167", "0", "1487332500"), exceeded,
			refused(providers.ScopeUser, bucket.Block{Key: app}),
		},
		{
			"Retry-After comes first", 429, with(limits("167", "0", "1487332510"), "Retry-After", "2"), exceeded,
			refused(providers.ScopeUser, window(167, 0, 1487332510), bucket.Block{Key: app, For: 2 * time.Second}),
		},
		{
			"Retry-After is a fraction", 429, with(nil, "Retry-After", "0.5"), exceeded,
			refused(providers.ScopeUser, bucket.Block{Key: app, For: 500 * time.Millisecond}),
		},
		{
			"Retry-After is nothing", 429, with(limits("167", "0", "1487332510"), "Retry-After", "0"), exceeded,
			refused(providers.ScopeUser, window(167, 0, 1487332510), bucket.Block{Key: app, For: 5100 * time.Millisecond}),
		},
		{"nothing but the status", 429, nil, "", refused(providers.ScopeUser, bucket.Block{Key: app})},
		{
			"an unbelievable reset", 429, limits("167", "0", "1487339999"), exceeded,
			refused(providers.ScopeUser, bucket.Block{Key: app}),
		},
		{
			"an unbelievable reset, something left", 429, limits("167", "1", "1487339999"), exceeded,
			refused(providers.ScopeWorkspace, bucket.Block{Key: workspace}),
		},
		{
			"the resource is busy", 429, limits("167", "42", "1487332510"), busy,
			refused(providers.ScopeShared, window(167, 42, 1487332510), bucket.Block{Key: resource}),
		},
		{
			"the resource is busy for a time", 429, with(nil, "Retry-After", "3"), busy,
			refused(providers.ScopeShared, bucket.Block{Key: resource, For: 3 * time.Second}),
		},
		{"resource and app at once", 429, nil, busyBoth, refused(providers.ScopeUser, bucket.Block{Key: app})},
		{
			"app and resource at once", 429, nil,
			`{"errors":[{"code":"rate_limit_exceeded","message":"Exceeded"},{"code":"too_many_requests"}]}`,
			refused(providers.ScopeUser, bucket.Block{Key: app}),
		},
		{"a body cut off", 429, nil, busy[:40], refused(providers.ScopeUser, bucket.Block{Key: app})},
		{
			"codes of other types", 429, nil, `{"errors":[{"code":7},null,{"code":"too_many_requests","message":[]}]}`,
			refused(providers.ScopeShared, bucket.Block{Key: resource}),
		},

		{
			"a window that has to do with jobs", 429, nil,
			`{"errors":[{"code":"too_many_requests","message":"Too many requests for /jobs"}]}`,
			refused(providers.ScopeShared, bucket.Block{Key: resource}),
		},

		// Quotas of jobs.
		{
			"a pending job", 429, with(limits("167", "42", "1487332510"), "Retry-After", "2"), dataJob,
			providers.Verdict{
				Refused: true, Final: true, Scope: providers.ScopeQuota,
				Updates: []bucket.Update{window(167, 42, 1487332510)},
			},
		},
		{
			"a pending job under another code", 429, nil,
			`{"errors":[{"code":"too_many_requests","message":"Retry later"},{"message":"2 Pending Jobs"}]}`,
			providers.Verdict{Refused: true, Final: true, Scope: providers.ScopeQuota},
		},
		{
			"five pending jobs", 429, nil, reportJobs,
			providers.Verdict{Refused: true, Final: true, Scope: providers.ScopeQuota},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := &providers.Answer{Status: tt.status, Header: tt.header, Body: []byte(tt.body), Received: received}
			if got := values(p.Judge(nil, &call, a)); !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got  %+v\nwant %+v", got, tt.want)
			}
		})
	}
}

func TestWithoutADateOurClockIsTakenForTheServers(t *testing.T) {
	p := intercom.New(nil)
	call, _ := p.Classify(request(http.MethodGet, "https://api.intercom.io/contacts"), time.Time{})
	h := limits("167", "0", "1487332510")
	h.Del("Date")
	a := &providers.Answer{Status: 429, Header: h, Received: time.Unix(1487332506, 0)}
	want := providers.Verdict{
		Refused: true,
		Scope:   providers.ScopeUser,
		Updates: []bucket.Update{
			bucket.Window{Key: call.Draws[0].Key, Limit: 167, Doubt: 1, ResetAt: time.Unix(1487332510, 0).UTC()},
			bucket.Block{Key: call.Draws[0].Key, For: 5 * time.Second},
		},
	}
	if got := values(p.Judge(nil, &call, a)); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

// values returns a verdict whose updates are no pointers.
func values(v providers.Verdict) providers.Verdict {
	us := v.Updates
	v.Updates = nil
	for _, u := range us {
		v.Updates = append(v.Updates, bucket.Value(u))
	}
	return v
}

// limits returns the header of an answer; what is empty is left out.
func limits(limit, remaining, reset string) http.Header {
	h := http.Header{"Date": {date.Format(http.TimeFormat)}}
	for name, v := range map[string]string{"Limit": limit, "Remaining": remaining, "Reset": reset} {
		if v != "" {
			h.Set("X-RateLimit-"+name, v)
		}
	}
	return h
}

func with(h http.Header, name, value string) http.Header {
	if h == nil {
		h = http.Header{}
	}
	h.Set(name, value)
	return h
}
