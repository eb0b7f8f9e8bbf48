package slacktest_test

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/underlimit/underlimit/providers/slack/slacktest"
)

// installations are one app in two workspaces, the first of an organization, and another app in the first.
var installations = []slacktest.Installation{
	{
		App: "A1", Team: "T1", Org: "E1", Bot: "xoxb-1", User: "xoxp-1", Code: "code-1",
		Webhooks: map[string]string{"/services/T1/B1/secret": "C1", "/services/T1/B2/secret": "C1"},
	},
	{App: "A1", Team: "T2", Bot: "xoxe.xoxb-2", Code: "code-2", Rotates: true},
	{App: "A2", Team: "T1", Org: "E1", Bot: "xoxb-3"},
}

// parsed returns a JSON answer.
func parsed(t *testing.T, body string) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal([]byte(body), &m); err != nil {
		t.Fatal(err)
	}
	return m
}

func TestTheTokensOfAnInstallationAreCountedTogether(t *testing.T) {
	opts := &slacktest.Options{Installations: installations, Limits: map[string]int{"users.list": 2}}
	bubble(t, opts, func(t *testing.T, srv *slacktest.Server, c *http.Client) {
		for _, tt := range []struct {
			token  string
			status int
		}{
			{"xoxb-1", 200},
			{"xoxp-1", 200},
			{"xoxb-1", 429},
			{"xoxe.xoxb-2", 200}, // another workspace
			{"xoxb-3", 200},      // another app
		} {
			resp, _ := call(t, c, "users.list", "token="+tt.token)
			expect(t, "status of "+tt.token, resp.StatusCode, tt.status)
		}
		_, body := call(t, c, "users.list", "token=xoxb-9")
		contains(t, "body of an unknown token", body, "invalid_auth")
	})
}

func TestInstallationsAreNumberedInTheirOrder(t *testing.T) {
	bubble(t, &slacktest.Options{Installations: installations}, func(t *testing.T, srv *slacktest.Server, c *http.Client) {
		call(t, c, "oauth.v2.access", "client_id=1.2&code=code-2")
		for i, token := range []string{"xoxb-3", "xoxe.xoxb-2", "xoxp-1"} {
			call(t, c, "users.list", "token="+token)
			expect(t, "bucket", srv.Arrivals()[1+i].Buckets[0], []string{"users.list #3", "users.list #2", "users.list #1"}[i])
		}
	})
}

func TestAuthTestNamesTheInstallation(t *testing.T) {
	bubble(t, &slacktest.Options{Installations: installations}, func(t *testing.T, srv *slacktest.Server, c *http.Client) {
		for _, tt := range []struct{ token, want string }{
			{"xoxb-1", `"bot_id":"BA1T1","enterprise_id":"E1","is_enterprise_install":false,"ok":true,"team":"Fake",` +
				`"team_id":"T1","url":"https://fake.slack.com/","user":"fake","user_id":"UA1T1"}`},
			{"xoxp-1", `{"enterprise_id":"E1","is_enterprise_install":false,"ok":true,"team":"Fake",` +
				`"team_id":"T1","url":"https://fake.slack.com/","user":"fake","user_id":"UT1"}`},
			{"xoxe.xoxb-2", `"team_id":"T2"`},
		} {
			_, body := call(t, c, "auth.test", "token="+tt.token)
			contains(t, "auth.test", body, tt.want)
		}
	})
}

func TestACodeIsExchangedForTheTokens(t *testing.T) {
	bubble(t, &slacktest.Options{Installations: installations}, func(t *testing.T, srv *slacktest.Server, c *http.Client) {
		const url = "https://slack.com/api/oauth.v2.access"
		_, body := send(t, c, url, form, "client_id=1.2&client_secret=x&code=code-1")
		for _, want := range []string{
			`"access_token":"xoxb-1"`, `"app_id":"A1"`, `"team":{"id":"T1","name":"Fake"}`,
			`"enterprise":{"id":"E1","name":"Fake"}`, `"authed_user":{"access_token":"xoxp-1"`, `"channel_id":"C1"`,
			`"url":"https://hooks.slack.com/services/T1/B1/secret"`,
		} {
			contains(t, "answer", body, want)
		}
		_, body = send(t, c, url, form, "client_id=1.2&code=other")
		contains(t, "answer to another code", body, "invalid_code")
		expect(t, "bucket", srv.Arrivals()[0].Buckets[0], "oauth.v2.access #1")

		_, body = send(t, c, url, form, "code=code-2", "Authorization", "Basic Og==")
		contains(t, "answer", body, `"enterprise":null`)
		expect(t, "bucket", srv.Arrivals()[2].Buckets[0], "oauth.v2.access")
	})
}

func TestTokensRotate(t *testing.T) {
	opts := &slacktest.Options{Installations: installations, Limits: map[string]int{"users.list": 1}}
	bubble(t, opts, func(t *testing.T, srv *slacktest.Server, c *http.Client) {
		const url = "https://slack.com/api/oauth.v2.access"
		_, body := send(t, c, url, form, "client_id=1.2&code=code-2")
		refresh, _ := parsed(t, body)["refresh_token"].(string)
		tokens := map[string]bool{}
		for range 2 {
			_, body = send(t, c, url, form, "client_id=1.2&grant_type=refresh_token&refresh_token="+refresh)
			token, _ := parsed(t, body)["access_token"].(string)
			tokens[token] = true
			expect(t, "life", parsed(t, body)["expires_in"], 43200.0)
		}
		expect(t, "tokens", len(tokens), 2)
		statuses := map[int]int{}
		for token := range tokens {
			resp, body := call(t, c, "users.list", "token="+token)
			contains(t, "body", body, `"ok":`)
			statuses[resp.StatusCode]++
		}
		expect(t, "refused", statuses[429], 1) // they share the limits
		time.Sleep(12 * time.Hour)
		for token := range tokens {
			_, body := call(t, c, "users.list", "token="+token)
			contains(t, "body half a day later", body, "invalid_auth")
		}
		_, body = send(t, c, url, form, "client_id=1.2&grant_type=refresh_token&refresh_token=x")
		contains(t, "body", body, "invalid_refresh_token")
	})
}

func TestATokenOfAnOrganizationHasLimitsInEachWorkspace(t *testing.T) {
	opts := &slacktest.Options{
		Installations: []slacktest.Installation{{App: "A1", Team: "T1", Org: "E1", OrgWide: true, Bot: "xoxb-1"}},
		Limits:        map[string]int{"users.list": 1},
	}
	bubble(t, opts, func(t *testing.T, srv *slacktest.Server, c *http.Client) {
		for _, tt := range []struct {
			args   string
			status int
		}{{"team_id=T1", 200}, {"team_id=T2", 200}, {"", 429}, {"team_id=T2", 429}} {
			resp, _ := call(t, c, "users.list", tt.args)
			expect(t, "status of "+tt.args, resp.StatusCode, tt.status)
		}
		_, body := call(t, c, "auth.test", "team_id=T2")
		contains(t, "auth.test", body, `"team_id":"T2"`)
	})
}

func TestNobodyElsesOptionsDecideWhoIsAuthorized(t *testing.T) {
	for name, opts := range map[string]slacktest.Options{
		"Install":    {Install: func(token string) string { return token }},
		"Authorized": {Authorized: func(token string) bool { return token == "xoxb-9" }},
	} {
		opts.Installations = installations
		bubble(t, &opts, func(t *testing.T, srv *slacktest.Server, c *http.Client) {
			for _, token := range []string{"xoxb-9", "xoxb-1"} {
				_, body := call(t, c, "auth.test", "token="+token)
				contains(t, "with "+name+", "+token, body, `"ok":true`)
			}
		})
	}
}
