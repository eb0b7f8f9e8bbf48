package headers_test

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
	"github.com/underlimit/underlimit/internal/field"
	"github.com/underlimit/underlimit/providers"
	"github.com/underlimit/underlimit/providers/headers"
	"github.com/underlimit/underlimit/providers/providertest"
)

func request(target string) *http.Request {
	req := httptest.NewRequest(http.MethodGet, target, nil)
	req.Header.Set("Authorization", "token ghp_abcdef")
	return req
}

// plain has a verdict's updates be values, whether or not it points to them, and none be nil.
func plain(v providers.Verdict) providers.Verdict {
	if len(v.Updates) == 0 {
		v.Updates = nil
	}
	for i, u := range v.Updates {
		v.Updates[i] = bucket.Value(u)
	}
	return v
}

func TestHeadersKeepsTheRulesOfAProvider(t *testing.T) {
	providertest.Test(t, headers.New(nil),
		request("https://user:password@api.example/path/s3cret"),
		httptest.NewRequest(http.MethodPost, "http://[::1]:8080/", strings.NewReader("body")),
	)
}

func FuzzAnswers(f *testing.F) {
	providertest.Fuzz(f, headers.New(nil), request("https://api.example/"))
}

func FuzzHosts(f *testing.F) {
	for _, host := range []string{
		"", "api.example", "API.example.:443", "[::1]:80", "[fe80::1%25eth0]", "bücher.example",
		":", "a:b:c", "[", "]", "\x00", "\xff", strings.Repeat("a", 254),
	} {
		f.Add("https", host)
		f.Add("http", host)
	}
	p := headers.New(nil)
	f.Fuzz(func(t *testing.T, scheme, host string) {
		call, ok := p.Classify(&http.Request{URL: &url.URL{Scheme: scheme, Host: host}}, time.Time{})
		if ok && (call.Route == "" || len(call.Route) > 253 || len(call.Draws) != 3) {
			t.Errorf("%q: got %+v", host, call)
		}
	})
}

func TestAHostAndACredentialMakeALimit(t *testing.T) {
	p := headers.New(&headers.Options{Secret: "pepper"})
	d := digest.New("pepper", "headers")
	for target, want := range map[string]bucket.Key{
		"https://api.example/a/b":                   {Limit: "api.example"},
		"https://API.Example:443/":                  {Limit: "api.example"},
		"https://api.example./":                     {Limit: "api.example"},
		"http://api.example:80/":                    {Limit: "api.example"},
		"http://api.example:443/":                   {Limit: "api.example:443"},
		"https://127.0.0.1:8080/":                   {Limit: "127.0.0.1:8080"},
		"https://[::1]/":                            {Limit: "[::1]"},
		"https://[::1]:8080/":                       {Limit: "[::1]:8080"},
		"https://[::1:8080]/":                       {Limit: "[::1:8080]"},
		"https://b%C3%BCcher.example/":              {Limit: "other", Subject: d.Of("bücher.example")},
		"https://[fe80::1%25eth0]:8080":             {Limit: "other", Subject: d.Of("[fe80::1%eth0]:8080")},
		"https://" + strings.Repeat("a", 254) + "/": {Limit: "other", Subject: d.Of(strings.Repeat("a", 254))},
	} {
		want.Provider, want.Owner = "headers", d.Of("token ghp_abcdef")
		second, third := want, want // for answers that tell of several windows
		second.Limit, third.Limit = want.Limit+" 2", want.Limit+" 3"
		draws := []bucket.Draw{{Key: want}, {Key: second}, {Key: third}}
		wantCall := providers.Call{Provider: "headers", Route: want.Limit, BodyUnread: true, Draws: draws}
		if got, ok := p.Classify(request(target), time.Time{}); !ok || !reflect.DeepEqual(got, wantCall) {
			t.Errorf("%.60s: got %+v, %t, want %+v", target, got, ok, wantCall)
		}
	}
}

func TestTheHostsThatAreRememberedAreBounded(t *testing.T) {
	p := headers.New(nil)
	for i := range headers.MaxPlaces + 10 {
		req := request("https://api" + strconv.Itoa(i) + ".example/")
		call, _ := p.Classify(req, time.Time{})
		if want := "api" + strconv.Itoa(i) + ".example"; call.Route != want {
			t.Fatalf("got route %q, want %q", call.Route, want)
		}
	}
	n := p.Places()
	if n > headers.MaxPlaces {
		t.Errorf("%d hosts are remembered", n)
	}
	if _, ok := p.Classify(request("https://"+strings.Repeat("a", 10_000)+"/"), time.Time{}); !ok || p.Places() != n {
		t.Errorf("a host whose name cannot be one is remembered")
	}
}

func TestWhatIsNoExchangeOfHTTPIsNotClaimed(t *testing.T) {
	p := headers.New(nil)
	upgrade := request("https://api.example/")
	upgrade.Header.Set("Upgrade", "websocket")
	connect := request("https://api.example/")
	connect.Method = http.MethodConnect
	for what, req := range map[string]*http.Request{
		"an upgrade": upgrade, "a tunnel": connect, "another scheme": request("ftp://api.example/"),
		"a request to nowhere": {URL: &url.URL{Scheme: "https", Path: "/"}}, "a request without a URL": {},
	} {
		if _, ok := p.Classify(req, time.Time{}); ok {
			t.Errorf("%s is claimed", what)
		}
	}
}

// The server's clock is an hour ahead of ours in all of what follows.
var (
	date     = time.Unix(1_700_000_000, 0).UTC()
	received = date.Add(250*time.Millisecond - time.Hour)
)

func TestVerdicts(t *testing.T) {
	p := headers.New(nil)
	call, _ := p.Classify(request("https://api.example/"), time.Time{})
	key := call.Draws[0].Key

	at := func(limit, remaining int, reset time.Time, precision time.Duration) bucket.Window {
		return bucket.Window{
			Key: key, Limit: limit, Remaining: remaining, ResetAt: reset, Date: date, Precision: precision,
		}
	}
	after := func(limit, remaining int, d, precision time.Duration) bucket.Window {
		return bucket.Window{Key: key, Limit: limit, Remaining: remaining, ResetAfter: d, Precision: precision}
	}
	says := func(u ...bucket.Update) providers.Verdict { return providers.Verdict{Updates: u} }
	refused := func(u ...bucket.Update) providers.Verdict {
		return providers.Verdict{Refused: true, Scope: providers.ScopeUnknown, Updates: u}
	}
	block := func(d time.Duration) bucket.Block { return bucket.Block{Key: key, For: d} }
	none := providers.Verdict{}

	for _, tt := range []struct {
		name   string
		status int
		header string // fields, separated by "; "
		want   providers.Verdict
	}{
		// Windows. A number in whole seconds may have been rounded either way.
		{
			"an epoch in seconds", 200, "X-RateLimit-Limit: 60; X-RateLimit-Remaining: 59; X-RateLimit-Reset: 1700003600",
			says(at(60, 59, date.Add(3601*s), 2*s)),
		},
		{
			"an epoch in milliseconds", 200, "X-RateLimit-Limit: 60; X-RateLimit-Remaining: 9; X-RateLimit-Reset: 1700003600250",
			says(at(60, 9, date.Add(3600250*ms), 0)),
		},
		{
			"a number of seconds", 200, "X-RateLimit-Limit: 60; X-RateLimit-Remaining: 59; X-RateLimit-Reset: 30",
			says(after(60, 59, 31*s, 2*s)),
		},
		{
			"a fraction of seconds", 200, "X-RateLimit-Limit: 60; X-RateLimit-Remaining: 59; X-RateLimit-Reset: 0.5",
			says(after(60, 59, 500*ms, 0)),
		},
		{
			"a date", 200, "X-RateLimit-Remaining: 1; X-RateLimit-Reset: Tue, 14 Nov 2023 22:13:30 GMT",
			says(at(0, 1, date.Add(11*s), 2*s)),
		},
		{
			"another spelling", 404, "X-Rate-Limit-Limit: 900; X-Rate-Limit-Remaining: 0; X-Rate-Limit-Reset: 1700000010",
			says(at(900, 0, date.Add(11*s), 2*s)),
		},
		{
			"both, one unreadable", 200, "X-RateLimit-Remaining: many; X-Rate-Limit-Remaining: 4; X-Rate-Limit-Reset: 10",
			says(after(0, 4, 11*s, 2*s)),
		},
		{
			"a limit that is a list", 200, "X-RateLimit-Limit: 3, 3;w=3600; X-RateLimit-Remaining: 2; X-RateLimit-Reset: 9",
			says(after(3, 2, 10*s, 2*s)),
		},
		{
			"a window just over", 200, "X-RateLimit-Remaining: 2; X-RateLimit-Reset: 1699999940",
			says(at(0, 2, date.Add(-59*s), 2*s)),
		},
		{
			"the longest of windows", 200, "X-RateLimit-Remaining: 2; X-RateLimit-Reset: 31622400",
			says(after(0, 2, field.Max, 2*s)),
		},

		// No information.
		{"no fields", 200, "", none},
		{"no reset", 200, "X-RateLimit-Limit: 60; X-RateLimit-Remaining: 59", none},
		{"a reset now", 200, "X-RateLimit-Remaining: 59; X-RateLimit-Reset: 0", none},
		{"a reset long ago", 200, "X-RateLimit-Remaining: 59; X-RateLimit-Reset: 1699999939", none},
		{"a reset in a hundred years", 200, "X-RateLimit-Remaining: 59; X-RateLimit-Reset: 4855668000", none},
		{"nothing said of the rest", 200, "X-RateLimit-Limit: 60; X-RateLimit-Reset: 30", none},
		{"negative numbers", 200, "X-RateLimit-Limit: -1; X-RateLimit-Remaining: -1; X-RateLimit-Reset: -1", none},
		{"an answer from a cache", 200, "Age: 3; X-RateLimit-Remaining: 0; X-RateLimit-Reset: 30", none},
		{"an answer from two caches", 200, "Age: 3, 9; X-RateLimit-Remaining: 0; X-RateLimit-Reset: 30", none},
		{
			"an answer fresh from a cache", 200, "Age: 0; X-RateLimit-Remaining: 0; X-RateLimit-Reset: 29",
			says(after(0, 0, 30*s, 2*s)),
		},
		{"Retry-After on success", 200, "Retry-After: 5", none},
		{"Retry-After on a redirection", 302, "Retry-After: 5", none},

		// Refusals.
		{"a bare 429", 429, "", refused(block(0))},
		{"seconds", 429, "Retry-After: 7", refused(block(7 * s))},
		{"half a second", 429, "Retry-After: 0.5", refused(block(500 * ms))},
		{"no time at all", 429, "Retry-After: 0", refused(block(0))},
		{"less than no time", 429, "Retry-After: -3", refused(block(0))},
		{"a date by the server's clock", 429, "Retry-After: Tue, 14 Nov 2023 22:13:30 GMT", refused(block(10 * s))},
		{"an epoch by the server's clock", 429, "Retry-After: 1700000010", refused(block(10 * s))},
		{"for ever", 429, "Retry-After: 1e30", refused(block(field.Max))},
		{
			"a window with nothing left", 429, "X-RateLimit-Limit: 60; X-RateLimit-Remaining: 0; X-RateLimit-Reset: 1700000010",
			refused(at(60, 0, date.Add(11*s), 2*s), block(11*s)),
		},
		{
			"a window with nothing left, relative", 429, "X-RateLimit-Remaining: 0; X-RateLimit-Reset: 30",
			refused(after(0, 0, 31*s, 2*s), block(31*s)),
		},
		{
			"a window with something left", 429, "X-RateLimit-Remaining: 5; X-RateLimit-Reset: 30",
			refused(after(0, 5, 31*s, 2*s), block(0)),
		},
		{
			"a window that is over", 429, "X-RateLimit-Remaining: 0; X-RateLimit-Reset: 1699999990",
			refused(at(0, 0, date.Add(-9*s), 2*s), block(0)),
		},
		{
			"Retry-After comes first", 429, "Retry-After: 2; X-RateLimit-Remaining: 0; X-RateLimit-Reset: 30",
			refused(after(0, 0, 31*s, 2*s), block(2*s)),
		},
		{
			"from a cache", 429, "Age: 3; Retry-After: 2; X-RateLimit-Remaining: 0; X-RateLimit-Reset: 30",
			refused(block(2 * s)),
		},

		// A server in trouble.
		{"for a time", 503, "Retry-After: 7", says(block(7 * s))},
		{"for some time", 503, "", none},
		{"for no time", 503, "Retry-After: 0", none},
		{"some time ago", 503, "Age: 30; Retry-After: 7", none},
		{"of another kind", 500, "Retry-After: 7", none},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := http.Header{"Date": {date.Format(http.TimeFormat)}}
			for line := range strings.SplitSeq(tt.header, "; ") {
				if name, v, ok := strings.Cut(line, ": "); ok {
					h.Set(name, v)
				}
			}
			a := &providers.Answer{Status: tt.status, Header: h, Received: received}
			if got := plain(p.Judge(request("https://api.example/"), &call, a)); !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got  %+v\nwant %+v", got, tt.want)
			}
		})
	}
}

func TestWithoutADateOurClockIsTakenForTheServers(t *testing.T) {
	p := headers.New(nil)
	call, _ := p.Classify(request("https://api.example/"), time.Time{})
	h := http.Header{"X-Ratelimit-Remaining": {"0"}, "X-Ratelimit-Reset": {"1700000010"}}
	want := providers.Verdict{
		Refused: true,
		Scope:   providers.ScopeUnknown,
		Updates: []bucket.Update{
			bucket.Window{Key: call.Draws[0].Key, ResetAt: date.Add(11 * time.Second), Precision: 2 * time.Second},
			bucket.Block{Key: call.Draws[0].Key, For: 12 * time.Second},
		},
	}
	a := &providers.Answer{Status: 429, Header: h, Received: date.Add(-time.Second)}
	if got := plain(p.Judge(request("https://api.example/"), &call, a)); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}
