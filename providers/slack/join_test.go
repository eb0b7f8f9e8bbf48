package slack_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/underlimit/underlimit/bucket"
	"github.com/underlimit/underlimit/providers/slack"
)

// A world is a registry with a provider, at a start.
type world struct {
	*testing.T
	reg   *bucket.Registry
	p     *slack.Provider
	start time.Time
}

func newWorld(t *testing.T, opts *slack.Options) *world {
	return &world{t, bucket.NewRegistry(nil), slack.New(opts), time.Now()}
}

// send waits for leave to send req, gets the answer at once and returns how much time has passed since the start.
func (w *world) send(req *http.Request, status int, body string, header ...string) time.Duration {
	w.Helper()
	call := classify(w.T, w.p, req)
	lease, err := w.reg.Acquire(context.Background(), call.Draws...)
	if err != nil {
		w.Fatal(err)
	}
	at := time.Since(w.start)
	a := answer(status, body, header...)
	a.Sent, a.Received = time.Now(), time.Now()
	lease.Done(time.Now(), w.p.Judge(req, &call, a).Updates...)
	return at
}

// told is an answer that a request gets.
type told struct {
	req  *http.Request
	body string
}

// shared says whether a refusal of the one, for half a minute, holds the other, once the answers are told.
func shared(t *testing.T, opts *slack.Options, one, other *http.Request, answers ...told) (is bool) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, opts)
		w.send(one, 429, "", "Retry-After", "30")
		for _, a := range answers {
			w.send(a.req, 200, a.body)
		}
		switch at := w.send(other, 200, `{"ok":true}`); at {
		case 0:
		case 30 * time.Second:
			is = true
		default:
			t.Errorf("the other goes after %v", at)
		}
	})
	return is
}

const (
	botOf1 = `{"ok":true,"url":"https://x.slack.com/","team":"X","user":"b","team_id":"T1","user_id":"U1","bot_id":"B1",` +
		`"is_enterprise_install":false}`
	botOf2  = `{"ok":true,"team_id":"T2","bot_id":"B1","is_enterprise_install":false}`
	orgBot  = `{"ok":true,"team_id":"T1","enterprise_id":"E1","bot_id":"B1","is_enterprise_install":true}`
	userOf1 = `{"ok":true,"team_id":"T1","user_id":"U2","is_enterprise_install":false}`
	granted = `{"ok":true,"app_id":"A1","access_token":"` + token + `","team":{"id":"T1"},"enterprise":null,` +
		`"authed_user":{"id":"U1","access_token":"` + otherToken + `"},"is_enterprise_install":false}`
	rotated   = "xoxe.xoxb-1-abcdef"
	refreshed = `{"ok":true,"app_id":"A1","access_token":"` + rotated + `","expires_in":43200,` +
		`"refresh_token":"xoxe-1-x","team":{"id":"T1"},"is_enterprise_install":false}`
	grantedOrg = `{"ok":true,"app_id":"A1","access_token":"` + token + `","team":null,"enterprise":{"id":"E1"},` +
		`"authed_user":{"id":"U1","access_token":"` + otherToken + `"},"is_enterprise_install":true}`
)

func exchange(t testing.TB, method string) *http.Request {
	const body = "client_id=1.2&client_secret=s&code=c"
	return request(t, "POST", "https://slack.com/api/"+method, body, "Content-Type", formType)
}

func TestAnswersSeenInPassingJoinTheTokensOfAnInstallation(t *testing.T) {
	test := func(token, body string) told { return told{method(t, "auth.test", token), body} }
	access := func(body string) told { return told{exchange(t, "oauth.v2.access"), body} }
	info := func(token string) *http.Request { return method(t, "users.info", token) }
	old := request(t, "POST", "https://slack.com/api/oauth.v2.exchange",
		"client_id=1.2&client_secret=s&token="+otherToken, "Content-Type", formType)
	config := func(token string) *http.Request { return method(t, "apps.manifest.export", token) }
	newConfig := func(token string) told {
		return told{
			request(t, "POST", "https://slack.com/api/tooling.tokens.rotate", "refresh_token=x", "Content-Type", formType),
			`{"ok":true,"token":"` + token + `","refresh_token":"y","team_id":"T1","user_id":"U1","iat":1,"exp":2}`,
		}
	}
	list := func(team ...string) *http.Request { return method(t, "users.list", token, team...) }
	scim := func(token string) *http.Request {
		return with(bearer(t, "GET", "https://api.slack.com/scim/v2/Users", ""), token)
	}
	for _, tt := range []struct {
		name       string
		one, other *http.Request
		answers    []told
	}{
		{"two tokens of one bot", info(token), info(otherToken), []told{test(token, botOf1), test(otherToken, botOf1)}},
		{"a bot that knows its app", info(token), info(otherToken), []told{
			test(token, `{"ok":true,"app_id":"A1","bot_id":"B1","team_id":"T1"}`),
			test(otherToken, `{"ok":true,"app_id":"A1","team_id":"T1"}`),
		}},
		{"a bot's and a user's token", info(token), info(otherToken), []told{access(granted)}},
		{"a user's token that is handed out alone", info(token), info(otherToken), []told{
			access(strings.Replace(granted, otherToken, "", 1)),
			{exchange(t, "oauth.v2.user.access"), strings.Replace(granted, `"access_token":"`+token+`",`, "", 1)},
		}},
		{"the other way round", info(otherToken), info(token), []told{access(granted)}},
		{"a rotated token", info(token), info(rotated), []told{access(granted), access(refreshed)}},
		{"a token that is exchanged", info(otherToken), info(rotated), []told{{old, refreshed}}},
		{"by way of a third", info("xoxb-third"), info(rotated), []told{
			access(granted), test(token, botOf1), test("xoxb-third", botOf1), access(refreshed),
		}},
		{"tokens of a whole organization", info(token), info(otherToken), []told{access(grantedOrg)}},
		{
			"tokens of a whole organization, in a workspace", list("team_id", "T1"),
			method(t, "users.list", otherToken, "team_id", "T1"),
			[]told{access(grantedOrg)},
		},
		{
			"a rotated token of a whole organization, in a workspace", list("team_id", "T1"),
			method(t, "users.list", rotated, "team_id", "T1"),
			[]told{access(grantedOrg), access(strings.Replace(grantedOrg, token, rotated, 1))},
		},
		{
			"bots of a whole organization", info(token), info(otherToken),
			[]told{test(token, orgBot), test(otherToken, orgBot)},
		},
		{"a workspace's token heeds no team_id", list("team_id", "T1"), list(), []told{test(token, userOf1)}},
		{"nor do those that are handed out", list("team_id", "T1"), list(), []told{access(granted)}},
		{
			"a token for the configuration of apps", config(token), config(otherToken),
			[]told{newConfig(token), newConfig(otherToken)},
		},
		{"two apps of an organization", scim(token), scim(otherToken), []told{
			test(token, `{"ok":true,"bot_id":"B1","team_id":"T1","enterprise_id":"E1"}`),
			test(otherToken, `{"ok":true,"bot_id":"B2","team_id":"T2","enterprise_id":"E1"}`),
		}},
		{"two apps of a workspace that is of no organization", scim(token), scim(otherToken), []told{
			test(token, userOf1), test(otherToken, userOf1),
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			opts := &slack.Options{Limits: map[string]slack.Limit{"tooling.tokens.rotate": {PerMinute: -1}}} // else 1
			if shared(t, opts, tt.one, tt.other) {
				t.Error("they are joined before anybody says so")
			}
			if !shared(t, opts, tt.one, tt.other, tt.answers...) {
				t.Error("they are not joined")
			}
		})
	}
}

func TestNothingIsJoinedThatAnAnswerDoesNotSay(t *testing.T) {
	info := func(token string) *http.Request { return method(t, "users.info", token) }
	both := func(method1, body1, body2 string) []told {
		return []told{{method(t, method1, token), body1}, {method(t, method1, otherToken), body2}}
	}
	twice := func(body string) []told { return both("auth.test", body, body) }
	access := func(body string) []told { return []told{{exchange(t, "oauth.v2.access"), body}} }
	long := strings.Repeat("x", 5000)
	gov := func(token string) *http.Request {
		return with(request(t, "POST", "https://slack-gov.com/api/auth.test", ""), token)
	}
	for name, answers := range map[string][]told{
		"two workspaces":      both("auth.test", botOf1, botOf2),
		"two bots":            both("auth.test", botOf1, strings.Replace(botOf1, "B1", "B2", 1)),
		"a user has no app":   both("auth.test", botOf1, userOf1),
		"two users":           both("auth.test", userOf1, userOf1),
		"an error":            both("auth.test", botOf1, strings.Replace(botOf1, "true", "false", 1)),
		"an error, said late": both("auth.test", botOf1, `{"team_id":"T1","bot_id":"B1","ok":false,"error":"invalid_auth"}`),
		"no success":          both("auth.test", botOf1, `{"team_id":"T1","bot_id":"B1"}`),
		"another method":      both("users.identity", botOf1, botOf1),
		"cut off":             both("auth.test", botOf1, botOf1[:len(botOf1)-1]),
		"more than an object": both("auth.test", botOf1, botOf1+botOf1),
		"no JSON":             both("auth.test", botOf1, "ok"),
		"null":                both("auth.test", "null", "null"),
		"no text":             twice(`{"ok":true,"team_id":1,"bot_id":"B1"}`),
		"empty IDs":           twice(`{"ok":true,"team_id":"","bot_id":"B1"}`),
		"no IDs":              twice(`{"ok":true,"team_id":"` + long + `","bot_id":"B1"}`),
		"a workspace, but the token is the organization's": both("auth.test",
			`{"ok":true,"team_id":"T1","bot_id":"B1","is_enterprise_install":true}`,
			`{"ok":true,"team_id":"T1","bot_id":"B1","is_enterprise_install":true}`),
		"GovSlack has IDs of its own": {{method(t, "auth.test", token), botOf1}, {gov(otherToken), botOf1}},

		"an error that hands out tokens": access(strings.Replace(granted, "true", "false", 1)),
		"no success, but tokens":         access(strings.Replace(granted, `"ok":true,`, "", 1)),
		"no app":                         access(strings.Replace(granted, "A1", "", 1)),
		"no workspace":                   access(strings.Replace(granted, `{"id":"T1"}`, "null", 1)),
		"a workspace of another form":    access(strings.Replace(granted, `{"id":"T1"}`, `"T1"`, 1)),
		"a token without end":            access(strings.Replace(granted, otherToken, long, 1)),
		"a token with spaces":            access(strings.Replace(granted, otherToken, otherToken+" ", 1)),
		"cut off among tokens":           access(granted[:len(granted)-1]),
		"a configuration's token is no app's": {{
			exchange(t, "tooling.tokens.rotate"), `{"ok":true,"token":"` + token + `","team_id":"T1","user_id":"U1"}`,
		}, {exchange(t, "oauth.v2.access"), strings.Replace(granted, token, "", 1)}},
	} {
		t.Run(name, func(t *testing.T) {
			if shared(t, nil, info(token), info(otherToken), answers...) {
				t.Error("the tokens are joined")
			}
		})
	}
}

func TestATeamCountsUntilAnAnswerSaysThatTheTokenIsAWorkspaces(t *testing.T) {
	list := func(pairs ...string) *http.Request { return method(t, "users.list", token, pairs...) }
	silent := told{method(t, "auth.test", token), `{"ok":true,"team_id":"T1","user_id":"U2"}`}
	if shared(t, nil, list("team_id", "T1"), list(), silent) {
		t.Error("a token that may be the organization's is taken for the workspace's")
	}
}

func TestTheWorkspacesOfAnOrganizationStayApartWhenItsTokensAreJoined(t *testing.T) {
	one := method(t, "users.list", token, "team_id", "T1")
	access := told{exchange(t, "oauth.v2.access"), grantedOrg}
	test := told{method(t, "auth.test", token), orgBot}
	for _, pairs := range [][]string{{"team_id", "T2"}, nil} {
		if shared(t, nil, one, method(t, "users.list", otherToken, pairs...), access, test) {
			t.Errorf("the other token with %q is under the limits of another workspace", pairs)
		}
	}
}

func TestOnlyWhatCanBeATokenIsJoined(t *testing.T) {
	p := slack.New(nil)
	updates := func(method, body string) int {
		req := exchange(t, method)
		call := classify(t, p, req)
		return len(p.Judge(req, &call, answer(200, body)).Updates)
	}
	want := updates("oauth.v2.access", strings.Replace(granted, otherToken, "", 1))
	for _, bad := range []string{
		strings.Repeat("x", 2000), "xoxb with spaces", `xoxb\u0000`, "xöxb", " " + otherToken,
	} {
		if got := updates("oauth.v2.access", strings.Replace(granted, otherToken, bad, 1)); got != want {
			t.Errorf("%.20q leads to %d updates, none to %d", bad, got, want)
		}
		rotate := `{"ok":true,"token":"` + bad + `","team_id":"T1","user_id":"U1"}`
		if got := updates("tooling.tokens.rotate", rotate); got != 0 {
			t.Errorf("%.20q leads to %d updates", bad, got)
		}
	}
	if got := updates("tooling.tokens.rotate", `{"token":"x","team_id":"T1","user_id":"U1"}`); got != 0 {
		t.Errorf("no success leads to %d updates", got)
	}
}

func TestAnAnswerWithAnotherStatusJoinsNothing(t *testing.T) {
	p, req := slack.New(nil), method(t, "auth.test", token)
	call := classify(t, p, req)
	if v := p.Judge(req, &call, answer(200, botOf1)); len(v.Updates) == 0 {
		t.Fatal("a success joins nothing")
	}
	for _, status := range []int{302, 400, 401, 403, 429, 500, 503} {
		for _, u := range p.Judge(req, &call, answer(status, botOf1)).Updates {
			if _, ok := u.(bucket.SameOwner); ok {
				t.Errorf("%d joins by %v", status, u)
			}
		}
	}
}

func TestWhoIsCalledByTheUserIsJoinedByNobodyElse(t *testing.T) {
	one, other := of(method(t, "users.info", token), "one"), of(method(t, "users.info", otherToken), "two")
	answers := []told{
		{of(method(t, "auth.test", token), "one"), botOf1}, {of(method(t, "auth.test", otherToken), "two"), botOf1},
	}
	if shared(t, nil, one, other, answers...) {
		t.Error("two installations with names of their own are joined")
	}
}

func TestNobodyIsJoinedWithThoseWhoHaveNoToken(t *testing.T) {
	p := slack.New(nil)
	req := request(t, "POST", "https://slack.com/api/auth.test", "", "Content-Type", formType)
	call := classify(t, p, req)
	if v := p.Judge(req, &call, answer(200, botOf1)); v.Updates != nil {
		t.Errorf("joined by %v", v.Updates)
	}
}

func TestAnAppsClientIDIsNotJoinedWithItsInstallations(t *testing.T) {
	p := slack.New(nil)
	basic := request(t, "POST", "https://slack.com/api/oauth.v2.exchange", "token=", "Content-Type", formType)
	basic.SetBasicAuth("1.2", "s")
	for _, req := range []*http.Request{exchange(t, "oauth.v2.access"), exchange(t, "oauth.v2.exchange"), basic} {
		call := classify(t, p, req)
		v := p.Judge(req, &call, answer(200, granted))
		if len(v.Updates) == 0 {
			t.Fatalf("%s joins nothing", req.URL)
		}
		for _, u := range v.Updates {
			s, ok := u.(bucket.SameOwner)
			if client := call.Draws[0].Key.Owner; !ok || s.Owner == client || s.As == client || client == "" {
				t.Errorf("%s: %v", req.URL, u)
			}
		}
	}
}

func TestTokensThatAreJoinedShareTheirQuota(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		list := func(token string) time.Duration { return w.send(method(t, "users.list", token), 200, `{"ok":true}`) }
		for range 5 { // what goes at once
			list(token)
		}
		w.send(exchange(t, "oauth.v2.access"), 200, granted)
		if at := list(otherToken); at != 3*time.Second {
			t.Errorf("the other token goes after %v", at)
		}
		w.send(exchange(t, "oauth.v2.access"), 200, refreshed)
		if at := list(rotated); at != 6*time.Second {
			t.Errorf("the rotated token goes after %v", at)
		}
	})
}

func TestNoAnswerPutsATokenIntoAKey(t *testing.T) {
	p := slack.New(nil)
	for _, tt := range []told{
		{exchange(t, "oauth.v2.access"), granted},
		{exchange(t, "oauth.v2.exchange"), refreshed},
		{method(t, "auth.test", token), botOf1},
		{exchange(t, "tooling.tokens.rotate"), `{"ok":true,"token":"` + token + `","team_id":"T1","user_id":"U1"}`},
	} {
		call := classify(t, p, tt.req)
		for _, u := range p.Judge(tt.req, &call, answer(200, tt.body)).Updates {
			s, ok := u.(bucket.SameOwner)
			if !ok || !isOwner(s.Owner) || !isOwner(s.As) {
				t.Errorf("%s: %v is no pair of digests", tt.req.URL, u)
			}
		}
	}
}

func FuzzJoins(f *testing.F) {
	f.Add("auth.test", botOf1)
	f.Add("auth.test", orgBot)
	f.Add("oauth.v2.access", granted)
	f.Add("oauth.v2.exchange", grantedOrg)
	f.Add("tooling.tokens.rotate", `{"ok":true,"token":"x","team_id":"T1","user_id":"U1"}`)
	f.Add("chat.postMessage", `{"ok":true,"channel":"C1"}`)
	f.Fuzz(func(t *testing.T, name, body string) {
		p, req := slack.New(nil), request(t, "POST", "https://slack.com/", "channel=%23general", "Content-Type", formType)
		req.URL.Path = "/api/" + name
		call := classify(t, p, with(req, token))
		for _, u := range p.Judge(req, &call, answer(200, body)).Updates {
			if s, ok := u.(bucket.SameOwner); ok {
				if !isOwner(s.Owner) || !isOwner(s.As) || s.Owner == s.As {
					t.Errorf("%v", s)
				}
				if !strings.Contains(body, "true") {
					t.Errorf("no success joins: %v", s)
				}
			}
		}
	})
}
