package intercom_test

import (
	"errors"
	"io"
	"math"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/underlimit/underlimit/bucket"
	"github.com/underlimit/underlimit/internal/digest"
	"github.com/underlimit/underlimit/providers"
	"github.com/underlimit/underlimit/providers/intercom"
	"github.com/underlimit/underlimit/providers/providertest"
)

// asked is what a provider with these options takes a request for.
func asked(t *testing.T, opts *intercom.Options, req *http.Request) (*intercom.Provider, providers.Call) {
	t.Helper()
	p := intercom.New(opts)
	call, ok := p.Classify(req, time.Time{})
	if !ok {
		t.Fatalf("%s is not claimed", req.URL)
	}
	return p, call
}

func TestEveryOptionKeepsTheRulesOfAProvider(t *testing.T) {
	p := intercom.New(&intercom.Options{
		WorkspaceKey:       func(r *http.Request) string { return r.Header.Get("X-Workspace") },
		WorkspacePerMinute: 1, Reserve: math.Inf(1), Spread: math.MaxInt64, RepeatEvents: true,
	})
	event := request(http.MethodPost, "https://api.intercom.io/events")
	event.Header.Set("X-Workspace", "a workspace")
	event.Body = io.NopCloser(strings.NewReader(`{"event_name":"x","created_at":1}`))
	event.GetBody = func() (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader(`{"event_name":"x","created_at":1}`)), nil
	}
	providertest.Test(t, p,
		event, request(http.MethodPost, "https://api.intercom.io/export/content/data"),
		request(http.MethodGet, "https://api.intercom.io/companies/scroll"))
}

func FuzzAnswersOfTwoLimits(f *testing.F) {
	p := intercom.New(&intercom.Options{WorkspaceKey: func(*http.Request) string { return "one" }})
	providertest.Fuzz(f, p, request(http.MethodPost, "https://api.intercom.io/export/content/data"))
}

func TestAShareAndASpreadAreKeptWithinBounds(t *testing.T) {
	for _, tt := range []struct {
		reserve float64
		spread  time.Duration
		want    bucket.Policy
	}{
		{0, 0, bucket.Policy{Spread: 250 * time.Millisecond}},
		{0.25, time.Second, bucket.Policy{Reserve: 0.25, Spread: time.Second}},
		{1, time.Hour, bucket.Policy{Reserve: 0.9, Spread: 5 * time.Second}},
		{-1, -1, bucket.Policy{}},
		{math.NaN(), 1, bucket.Policy{Spread: 1}},
	} {
		_, call := asked(t, &intercom.Options{Reserve: tt.reserve, Spread: tt.spread},
			request(http.MethodGet, "https://api.intercom.io/me"))
		if got := *call.Draws[1].Policy; got != tt.want {
			t.Errorf("of %v and %v the workspace has %+v, want %+v", tt.reserve, tt.spread, got, tt.want)
		}
		tt.want.Probe = true
		if got := *call.Draws[0].Policy; got != tt.want {
			t.Errorf("of %v and %v the app has %+v, want %+v", tt.reserve, tt.spread, got, tt.want)
		}
	}
}

func TestAppsOfOneWorkspaceShareItsBucketAlone(t *testing.T) {
	opts := &intercom.Options{WorkspaceKey: func(r *http.Request) string { return r.Header.Get("X-Workspace") }}
	keys := func(token, workspace string) [3]bucket.Key {
		req := request(http.MethodGet, "https://api.intercom.io/me")
		req.Header.Set("Authorization", token)
		req.Header.Set("X-Workspace", workspace)
		_, call := asked(t, opts, req)
		return [3]bucket.Key{call.Draws[0].Key, call.Draws[1].Key, call.Draws[2].Key}
	}
	one, two, other, alone := keys("1", "w"), keys("2", "w"), keys("1", "v"), keys("1", "")
	if one[0] == two[0] || one[2] == two[2] || one[1] != two[1] {
		t.Errorf("two apps of a workspace draw on %v and %v", one, two)
	}
	if one[1] == other[1] || one[0] != other[0] {
		t.Errorf("one app in two workspaces draws on %v and %v", one, other)
	}
	if alone[1].Owner != alone[0].Owner {
		t.Errorf("without a name, the workspace is %v, the app %v", alone[1], alone[0])
	}
	if want := digest.New("", "intercom").Of("w"); one[1].Owner != want {
		t.Errorf("the workspace is named %q, want the digest %q", one[1].Owner, want)
	}
}

func TestAnAnswerTellsOfTheWorkspacesWindowWhereThatMatters(t *testing.T) {
	named := func(*http.Request) string { return "one" }
	for _, tt := range []struct {
		name  string
		opts  intercom.Options
		limit string
		want  int // what the workspace's window holds; 0: nothing is told of it
	}{
		{"an app that cannot use it up", intercom.Options{}, "1667", 0},
		{"an app that just cannot", intercom.Options{}, "4166", 0},
		{"an app that can, of which it was raised as well", intercom.Options{}, "4167", 0},
		{"an app that can", intercom.Options{WorkspacePerMinute: 25_000}, "4167", 4166},
		{"one of several apps whose limits were raised", intercom.Options{WorkspaceKey: named}, "4167", 0},
		{"one of several apps that can", intercom.Options{WorkspaceKey: named, WorkspacePerMinute: 25_000}, "4167", 4166},
		{"one of several apps", intercom.Options{WorkspaceKey: named}, "1667", 4166},
		{"another size", intercom.Options{WorkspaceKey: named, WorkspacePerMinute: 600}, "1667", 100},
		{"a tiny size", intercom.Options{WorkspaceKey: named, WorkspacePerMinute: 1}, "1667", 1},
		{"a size below the app's", intercom.Options{WorkspacePerMinute: 600}, "166", 100},
		{"no size", intercom.Options{WorkspaceKey: named, WorkspacePerMinute: -1}, "99999", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, call := asked(t, &tt.opts, request(http.MethodGet, "https://api.intercom.io/me"))
			v := p.Judge(nil, &call, &providers.Answer{Status: 200, Header: limits(tt.limit, "50", "1487332510"), Received: received})
			var got []bucket.Window
			for _, u := range v.Updates {
				if w, ok := bucket.Value(u).(bucket.Window); ok && w.Key == call.Draws[1].Key {
					got = append(got, w)
				}
			}
			var want []bucket.Window
			if tt.want > 0 {
				want = []bucket.Window{{
					Key: call.Draws[1].Key, Limit: tt.want, Remaining: tt.want,
					ResetAt: time.Unix(1487332510, 0).UTC(), Date: date,
				}}
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("got  %+v\nwant %+v", got, want)
			}
		})
	}
}

func TestAnExportRefusedInWordsThatCannotBeReadIsForItsJobs(t *testing.T) {
	for _, tt := range []struct {
		method, path, remaining, body string
		want                          providers.Scope
	}{
		{"POST", "/export/content/data", "42", "\x1f\x8b", providers.ScopeQuota},
		{"POST", "/export/reporting_data/enqueue", "42", "", providers.ScopeQuota},
		{"POST", "/export/content/data", "0", "", providers.ScopeUser},
		{"POST", "/export/content/data", "42", `{"errors":[{"code":"too_many_requests"}]}`, providers.ScopeShared},
		{"POST", "/export/content/data", "42", `{"errors":[{"code":"rate_limit_exceeded"}]}`, providers.ScopeWorkspace},
		{"GET", "/export/content/data/1", "42", "", providers.ScopeWorkspace},
		{"POST", "/contacts", "42", "", providers.ScopeWorkspace},
	} {
		p, call := asked(t, nil, request(tt.method, "https://api.intercom.io"+tt.path))
		h := limits("167", tt.remaining, "1487332510")
		v := p.Judge(nil, &call, &providers.Answer{Status: 429, Header: h, Body: []byte(tt.body), Received: received})
		if v.Scope != tt.want || v.Final != (tt.want == providers.ScopeQuota) {
			t.Errorf("%s %s, %s left, %q: got %q, final %t, want %q",
				tt.method, tt.path, tt.remaining, tt.body, v.Scope, v.Final, tt.want)
		}
	}
}

func TestSearchesOnlyReadAndScrollsMoveOn(t *testing.T) {
	for _, tt := range []struct {
		method, path string
		want         providers.Repeat
	}{
		{"POST", "/contacts/search", providers.Always},
		{"POST", "/conversations/search", providers.Always},
		{"POST", "/tickets/search", providers.Always},
		{"POST", "/calls/search", providers.Always},
		{"POST", "/companies/list", providers.Always},
		{"GET", "/companies/scroll", providers.Never},
		{"GET", "/contacts", providers.ByMethod},
		{"POST", "/contacts", providers.ByMethod},
		{"POST", "/events", providers.ByMethod},
		{"POST", "/unknown/search", providers.ByMethod},
		{"PUT", "/contacts/1", providers.ByMethod},
	} {
		if _, call := asked(t, nil, request(tt.method, "https://api.intercom.io"+tt.path)); call.Repeat != tt.want {
			t.Errorf("%s %s may be repeated: %d, want %d", tt.method, tt.path, call.Repeat, tt.want)
		}
	}
}

func TestOnlyADatedEventMayBeRepeated(t *testing.T) {
	const good = `{"event_name":"x","created_at":1700000000,"user_id":"1"}`
	reads := 0
	of := func(body string) func() (io.ReadCloser, error) {
		return func() (io.ReadCloser, error) { reads++; return io.NopCloser(strings.NewReader(body)), nil }
	}
	for _, tt := range []struct {
		name string
		opts intercom.Options
		path string
		body func() (io.ReadCloser, error)
		want providers.Repeat
	}{
		{"dated", intercom.Options{RepeatEvents: true}, "/events", of(good), providers.Always},
		{"not asked for", intercom.Options{}, "/events", of(good), providers.ByMethod},
		{"another route", intercom.Options{RepeatEvents: true}, "/contacts", of(good), providers.ByMethod},
		{"no date", intercom.Options{RepeatEvents: true}, "/events", of(`{"event_name":"x"}`), providers.ByMethod},
		{"no name", intercom.Options{RepeatEvents: true}, "/events", of(`{"created_at":1}`), providers.ByMethod},
		{"no JSON", intercom.Options{RepeatEvents: true}, "/events", of(good[:40]), providers.ByMethod},
		{
			"too long",
			intercom.Options{RepeatEvents: true},
			"/events",
			of(`{"metadata":"` + strings.Repeat("a", 64<<10) + `",` + good[1:]), providers.ByMethod,
		},
		{"no second copy", intercom.Options{RepeatEvents: true}, "/events", nil, providers.ByMethod},
		{
			"a copy that fails",
			intercom.Options{RepeatEvents: true},
			"/events",
			func() (io.ReadCloser, error) { return nil, errors.New("gone") }, providers.ByMethod,
		},
		{
			"a copy that fails midway",
			intercom.Options{RepeatEvents: true},
			"/events",
			func() (io.ReadCloser, error) {
				return io.NopCloser(io.MultiReader(strings.NewReader(good), failing{})), nil
			}, providers.ByMethod,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			reads = 0
			req := request(http.MethodPost, "https://api.intercom.io"+tt.path)
			req.GetBody = tt.body
			_, call := asked(t, &tt.opts, req)
			if call.Repeat != tt.want {
				t.Errorf("got %d, want %d", call.Repeat, tt.want)
			}
			if reads > 0 && call.BodyUnread {
				t.Error("the body was read, which can take any time, and the call denies it")
			}
			if reads > 0 && (!tt.opts.RepeatEvents || tt.path != "/events") {
				t.Error("the body was read, though nobody needs it")
			}
		})
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errors.New("broken") }
