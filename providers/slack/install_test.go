package slack_test

import (
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/underlimit/underlimit/bucket"
	"github.com/underlimit/underlimit/providers"
	"github.com/underlimit/underlimit/providers/providertest"
	"github.com/underlimit/underlimit/providers/slack"
)

const otherToken = "xoxp-9876543210-very-secret"

// of returns the request as one of the installation of that name.
func of(req *http.Request, install string) *http.Request {
	return req.WithContext(slack.WithInstall(req.Context(), install))
}

// to returns the request as one that posts to the channel.
func to(req *http.Request, channel string) *http.Request {
	return req.WithContext(slack.WithChannel(req.Context(), channel))
}

func with(req *http.Request, token string) *http.Request {
	req.Header.Set("Authorization", "Bearer "+token)
	return req
}

func method(t testing.TB, method, token string, pairs ...string) *http.Request {
	return with(form(t, method, pairs...), token)
}

func ownOf(t testing.TB, p *slack.Provider, req *http.Request) string {
	t.Helper()
	draws := classify(t, p, req).Draws
	return draws[len(draws)-1].Key.Owner
}

func TestEachCredentialIsAnInstallationOfItsOwnUnlessSomebodySaysOtherwise(t *testing.T) {
	p := slack.New(nil)
	a, b := method(t, "users.info", token), method(t, "users.info", otherToken)
	if ownOf(t, p, a) == ownOf(t, p, b) {
		t.Error("two tokens share their limits")
	}
	if ownOf(t, p, of(a, "A1/T1")) != ownOf(t, p, of(b, "A1/T1")) {
		t.Error("two tokens of one installation do not")
	}
	if ownOf(t, p, of(a, "A1/T1")) == ownOf(t, p, of(a, "A1/T2")) {
		t.Error("two installations share their limits")
	}
}

func TestTheInstallationIsToldByAnOptionOrMoreStronglyByTheContext(t *testing.T) {
	byHeader := func(req *http.Request) string { return req.Header.Get("X-Install") }
	p := slack.New(&slack.Options{Install: byHeader})
	a, b := method(t, "users.info", token), method(t, "users.info", otherToken)
	a.Header.Set("X-Install", "one")
	b.Header.Set("X-Install", "one")
	if ownOf(t, p, a) != ownOf(t, p, b) || ownOf(t, p, a) != ownOf(t, p, of(method(t, "users.info", "xoxb-3"), "one")) {
		t.Error("the option does not name the installation")
	}
	if ownOf(t, p, of(a, "two")) == ownOf(t, p, b) {
		t.Error("the context is not stronger")
	}
	b.Header.Del("X-Install")
	if ownOf(t, p, b) != ownOf(t, slack.New(nil), b) {
		t.Error("where it says nothing, the token does not count")
	}
}

func TestWhereTheInstallationIsToldNoBodyIsReadForAToken(t *testing.T) {
	for _, name := range []string{"users.info", "users.list"} {
		req := of(form(t, name, "team_id", "T1"), "A1/T1")
		req.GetBody = func() (io.ReadCloser, error) {
			t.Errorf("%s: the body is read", name)
			return http.NoBody, nil
		}
		classify(t, slack.New(nil), req)
	}
}

func TestATokenOfAWholeOrganizationCountsByTheWorkspaceThatTheCallNames(t *testing.T) {
	p := slack.New(nil)
	base := ownOf(t, p, method(t, "users.list", token))
	one := ownOf(t, p, method(t, "users.list", token, "team_id", "T1"))
	two := ownOf(t, p, method(t, "users.list", token, "team_id", "T2"))
	if one == two || one == base || one == "" {
		t.Errorf("without a workspace %q, with one %q, with another %q", base, one, two)
	}
	for name, req := range map[string]*http.Request{
		"in the query": bearer(t, "GET", "https://slack.com/api/users.list?team_id=T1", ""),
		"in JSON": bearer(t, "POST", "https://slack.com/api/users.list", `{"limit":5,"team_id":"T1"}`,
			"Content-Type", "application/json"),
		"after the token":             form(t, "users.list", "team_id", "T1"),
		"of another method":           method(t, "conversations.list", token, "team_id", "T1"),
		"of a method that nobody has": method(t, "no.such.method", token, "team_id", "T1"),
	} {
		if got := ownOf(t, p, req); got != one {
			t.Errorf("%s: %q, want %q", name, got, one)
		}
	}
	if one == ownOf(t, p, method(t, "users.list", otherToken, "team_id", "T1")) {
		t.Error("two tokens in one workspace share their limits")
	}
}

func TestATeamThatIsNoWorkspaceOfTheCallIsNotLookedAt(t *testing.T) {
	p := slack.New(nil)
	long := strings.Repeat("T", 100)
	for name, req := range map[string]*http.Request{
		"an administrator's call acts on the organization": method(t, "admin.users.list", token, "team_id", "T1"),
		"a channel says it already":                        method(t, "conversations.history", token, "team_id", "T1"),
		"nonsense":                                         method(t, "users.list", token, "team_id", "the best"),
		"nonsense without end":                             method(t, "users.list", token, "team_id", long),
		"nonsense in lower case":                           method(t, "users.list", token, "team_id", "t1"),
	} {
		if got, want := ownOf(t, p, req), ownerOf(t, token); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	anonymous := request(t, "POST", "https://slack.com/api/users.list", "team_id=T1", "Content-Type", formType)
	if got := ownOf(t, p, anonymous); got != "" {
		t.Errorf("without a token: %q", got)
	}
}

func TestABodyThatIsTooShortForATeamIsNotRead(t *testing.T) {
	req := bearer(t, "POST", "https://slack.com/api/users.list", "limit=99", "Content-Type", formType)
	req.GetBody = func() (io.ReadCloser, error) {
		t.Error("the body is read")
		return http.NoBody, nil
	}
	classify(t, slack.New(nil), req)
}

func TestAShortBodyCanHoldAToken(t *testing.T) {
	req := request(t, "POST", "https://slack.com/api/users.list", "token=abc", "Content-Type", formType)
	if got := ownOf(t, slack.New(nil), req); got != ownerOf(t, "abc") {
		t.Errorf("%q", got)
	}
}

func TestANameWithoutEndIsToldApartByItsBeginning(t *testing.T) {
	p, long := slack.New(nil), strings.Repeat("x", 1<<20)
	a, b := ownOf(t, p, of(form(t, "users.info"), long+"a")), ownOf(t, p, of(form(t, "users.info"), long+"b"))
	if a != b || a == ownOf(t, p, of(form(t, "users.info"), "x")) {
		t.Errorf("%q and %q", a, b)
	}
}

func TestGovSlackIsApart(t *testing.T) {
	p := slack.New(nil)
	for _, install := range []string{"", "A1/T1"} {
		for _, target := range []string{
			"https://%/api/users.info", "https://api.%/scim/v2/Users", "https://files.%/upload/v1/x",
			"https://hooks.%/services/T1/B1/x",
		} {
			at := func(domain string) string {
				return ownOf(t, p, of(bearer(t, "GET", strings.Replace(target, "%", domain, 1), ""), install))
			}
			if a, b := at("slack.com"), at("slack-gov.com"); a == b || a == "" || b == "" {
				t.Errorf("%s, install %q: %q on both", target, install, a)
			}
		}
	}
}

func TestAWorkspacesOwnHostIsSlack(t *testing.T) {
	p, want := slack.New(nil), ownerOf(t, token)
	for _, host := range []string{"www.slack.com", "acme.slack.com", "acme.enterprise.slack.com", "SLACK.com:443"} {
		if got := ownOf(t, p, bearer(t, "GET", "https://"+host+"/api/users.info", "")); got != want {
			t.Errorf("%s: %q, want %q", host, got, want)
		}
	}
}

func TestAWebhookSharesWhatItsChannelAllows(t *testing.T) {
	p := slack.New(nil)
	hook := func() *http.Request { return request(t, "POST", "https://hooks.slack.com/services/T1/B1/x", "{}") }
	alone := keys(classify(t, p, hook()))
	posted := keys(classify(t, p, of(form(t, "chat.postMessage", "channel", "C1"), "A1/T1")))
	got := keys(classify(t, p, to(of(hook(), "A1/T1"), "C1")))
	if want := append(posted[:2:2], alone...); len(alone) != 1 || !reflect.DeepEqual(got, want) {
		t.Errorf("it draws on %v, want %v", got, want)
	}

	byURL := slack.New(&slack.Options{
		Install: func(*http.Request) string { return "A1/T1" },
		Channel: func(req *http.Request) string {
			if req.URL.Path == "/services/T1/B1/x" {
				return "C1"
			}
			return ""
		},
	})
	if told := keys(classify(t, byURL, hook())); !reflect.DeepEqual(told, got) {
		t.Errorf("by options %v, by context %v", told, got)
	}
	if told := keys(classify(t, byURL, to(hook(), "C2"))); told[0].Subject != "C2" {
		t.Errorf("the context is not stronger: %v", told)
	}
	trigger := request(t, "POST", "https://hooks.slack.com/triggers/T1/1/x", "")
	for name, req := range map[string]*http.Request{
		"whose channel of that name it is, nobody knows": to(hook(), "C1"),
		"the channel is nonsense":                        to(of(hook(), "A1/T1"), "C\n1"),
		"a trigger posts nothing":                        to(of(trigger, "A1"), "C1"),
	} {
		if got := keys(classify(t, p, req)); len(got) != 1 {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestAnInstallationCanHaveLimitsOfItsOwn(t *testing.T) {
	p := slack.New(&slack.Options{
		Limits:             map[string]slack.Limit{"users.info": {PerMinute: 90, Burst: 9}, "users.list": {PerMinute: 25}},
		Tiers:              map[int]slack.Limit{3: {PerMinute: 70}, 4: {PerMinute: 200}},
		ChannelBurst:       2,
		ChannelEvery:       3 * time.Second,
		WorkspacePerMinute: 500,
		Installs: map[string]slack.Overrides{
			"big": {
				Limits: map[string]slack.Limit{
					"users.info": {PerMinute: 400}, "my.own": {PerMinute: 3}, "webhook": {PerMinute: 30},
				},
				Tiers:              map[int]slack.Limit{3: {Burst: 1}, 2: {PerMinute: 30}},
				WorkspacePerMinute: 900,
				ChannelEvery:       2 * time.Second,
			},
			"sold": {NonMarketplace: true},
		},
	})
	policy := func(method, install string) bucket.Policy {
		draws := classify(t, p, of(form(t, method, "channel", "C1"), install)).Draws
		return *draws[len(draws)-1].Policy
	}
	for _, tt := range []struct {
		method, install string
		want            bucket.Policy
	}{
		{"users.info", "", limit(90, 9)},
		{"users.info", "big", tier(400)},
		{"users.info", "sold", limit(90, 9)},
		{"users.list", "", tier(25)},
		{"users.list", "big", tier(25)}, // a method's limit is stronger than a tier's
		{"rtm.connect", "big", tier(1)},
		{"search.messages", "big", tier(30)},
		{"conversations.history", "", tier(70)},
		{"conversations.history", "big", limit(70, 1)},
		{"conversations.history", "sold", tier(1)},
		{"conversations.replies", "sold", tier(1)},
		{"conversations.info", "sold", tier(70)},
		{"chat.postMessage", "", tier(500)},
		{"chat.postMessage", "sold", tier(500)},
		{"chat.postMessage", "big", tier(900)},
		{"my.own", "big", tier(3)},
		{"my.own", "", tier(20)}, // as one that nobody knows
	} {
		if got := policy(tt.method, tt.install); got != tt.want {
			t.Errorf("%s of %q: %+v, want %+v", tt.method, tt.install, got, tt.want)
		}
	}
	const two, three = 2 * time.Second, 3 * time.Second
	for install, want := range map[string]time.Duration{"": three, "sold": three, "big": two} {
		post := classify(t, p, of(form(t, "chat.postMessage", "channel", "C1"), install)).Draws[0]
		if *post.Policy != (bucket.Policy{Every: want, Burst: 2}) {
			t.Errorf("%q posts by %+v", install, *post.Policy)
		}
	}
	hook := of(request(t, "POST", "https://hooks.slack.com/services/T1/B1/x", "{}"), "big")
	if got := *classify(t, p, hook).Draws[0].Policy; got != tier(30) {
		t.Errorf("its webhooks: %+v", got)
	}
}

func TestOptionsAreCopied(t *testing.T) {
	limits := map[string]slack.Limit{"users.list": {PerMinute: 30}}
	p := slack.New(&slack.Options{Limits: limits})
	limits["users.list"] = slack.Limit{PerMinute: 1}
	if got := policyOf(t, p, "users.list"); got != tier(30) {
		t.Errorf("%+v", got)
	}
}

func TestTheProviderConformsWithInstallations(t *testing.T) {
	p := slack.New(&slack.Options{
		Install:  func(req *http.Request) string { return req.Header.Get("X-Install") },
		Channel:  func(*http.Request) string { return "C7" },
		Installs: map[string]slack.Overrides{"A1/T1": {NonMarketplace: true}},
	})
	told := func(req *http.Request) *http.Request {
		req.Header.Set("X-Install", "A1/T1")
		return req
	}
	var _ providers.Provider = p
	hook := request(t, "POST", "https://hooks.slack.com/services/T1/B1/verysecret", "{}")
	providertest.Test(t, p,
		providertest.Secret(told(form(t, "chat.postMessage", "channel", "C1")), token, "A1/T1"),
		providertest.Secret(told(form(t, "conversations.history")), token, "A1/T1"),
		providertest.Secret(form(t, "users.list", "team_id", "T777777"), token, "T777777"),
		providertest.Secret(told(form(t, "users.profile.set", "user", "U1")), token, "A1/T1"),
		providertest.Secret(form(t, "assistant.search.context"), token),
		providertest.Secret(told(hook), "verysecret"),
		bearer(t, "DELETE", "https://api.slack-gov.com/scim/v2/Groups/S1", ""),
	)
}
