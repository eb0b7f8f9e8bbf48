package workload_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/underlimit/underlimit/providers/slack"
	"github.com/underlimit/underlimit/providers/slack/slacktest"
)

// exchanged calls oauth.v2.access and returns the tokens that it gives out, and what it takes for the next ones.
func exchanged(t *testing.T, client *http.Client, pairs ...string) (bot, user, refresh string) {
	t.Helper()
	c := webCall("", "oauth.v2.access", append(pairs, "client_id", "1.2", "client_secret", "x")...)
	resp, err := client.Post(c.url, c.header.Get("Content-Type"), strings.NewReader(c.body))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var said struct {
		Bot     string `json:"access_token"`
		Refresh string `json:"refresh_token"`
		User    struct {
			Token string `json:"access_token"`
		} `json:"authed_user"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&said); err != nil {
		t.Fatal(err)
	}
	return said.Bot, said.User.Token, said.Refresh
}

// shared sends 30 calls of one method with each of the tokens, all at once, through a client that may know that they are
// of one installation, and fails the test unless they are done in the time that its one limit takes and none is refused.
func shared(t *testing.T, f fake, client *http.Client, tokens ...string) {
	t.Helper()
	before := f.Report()
	var calls []call
	for _, token := range tokens {
		calls = append(calls, times(30, webCall(token, "users.list"))...)
	}
	took := all(t, client, calls)
	report := f.Report()
	if report.OK-before.OK != len(calls) || report.Refused != 0 || report.ViolationCount != 0 {
		t.Errorf("%d of %d processed, refused %v, violations %v",
			report.OK-before.OK, len(calls), report.RefusedBy, report.Violations)
	}
	quick(t, took, atBest(demand{perMinute(20), len(calls)}))
}

func TestSlackTokensThatAnInstallationGivesOutAreOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := bursty(slacktest.Options{Installations: workspace()})
		defer f.Close()
		client, _ := newClient(slack.New(nil), f)
		bot, user, refresh := exchanged(t, client, "code", "code-1")
		rotated, _, _ := exchanged(t, client, "grant_type", "refresh_token", "refresh_token", refresh)
		shared(t, f, client, bot, user, rotated)
	})
}

func TestSlackTokensThatAuthTestNamesAreOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := bursty(slacktest.Options{Installations: workspace()})
		defer f.Close()
		bot, _, refresh := exchanged(t, f.Client(), "code", "code-1") // which our client does not see
		rotated, _, _ := exchanged(t, f.Client(), "grant_type", "refresh_token", "refresh_token", refresh)
		client, _ := newClient(slack.New(nil), f)
		all(t, client, []call{webCall(bot, "auth.test"), webCall(rotated, "auth.test")})
		shared(t, f, client, bot, rotated)
	})
}

// Without such an answer, nobody can know: the test above would fail.
func TestSlackTokensThatNothingNamesAreTwo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := bursty(slacktest.Options{Installations: workspace()})
		defer f.Close()
		client, _ := newClient(slack.New(nil), f)
		for _, token := range []string{"xoxb-1", "xoxp-1"} {
			all(t, client, times(5, webCall(token, "users.list")))
		}
		if f.Report().Refused == 0 {
			t.Error("no call was refused")
		}
	})
}

func TestASlackBlockHoldsTheTokensThatJoinIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first := true
		f := bursty(slacktest.Options{
			Installations: workspace(),
			Refuse: func(r *http.Request, buckets []string) (string, time.Duration) {
				if !first || !strings.HasSuffix(r.URL.Path, "users.list") {
					return "", 0
				}
				first = false
				return buckets[0], time.Minute
			},
		})
		defer f.Close()
		client, _ := newClient(slack.New(nil), f)
		start := time.Now()
		done := make(chan struct{})
		go func() {
			defer close(done)
			all(t, client, []call{webCall("xoxb-1", "users.list")})
		}()
		time.Sleep(time.Second)
		exchanged(t, client, "code", "code-1")
		all(t, client, []call{webCall("xoxp-1", "users.list")})
		// The block counts from the answer that told of it.
		if took, want := time.Since(start), roundTrip+time.Minute+2*roundTrip; took != want {
			t.Errorf("the other token's call ended after %v, want %v", took, want)
		}
		<-done
		if r := f.Report(); r.Refused != 1 || r.ViolationCount != 0 {
			t.Errorf("refused %v, violations %v", r.RefusedBy, r.Violations)
		}
	})
}

func TestSlackSCIMOfAppsWhoseOrganizationIsKnownIsOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := bursty(slacktest.Options{Installations: workspace()})
		defer f.Close()
		client, registry := newClient(slack.New(nil), f)
		all(t, client, []call{webCall("xoxp-1", "auth.test"), webCall("xoxp-2", "auth.test")})
		before := f.Report()
		calls, demands := scimDemands()
		took := all(t, client, calls)
		clean(t, f, before, registry, len(calls))
		quick(t, took, atBest(demands...))
	})
}

func TestATokenOfASlackOrganizationHasLimitsInEachWorkspace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := bursty(slacktest.Options{Installations: []slacktest.Installation{
			{App: "A1", Team: "T0", Org: "E1", OrgWide: true, Bot: "xoxb-1"},
		}})
		defer f.Close()
		var calls []call
		for _, team := range []string{"T1", "T2", "T3"} {
			calls = append(calls, times(40, webCall("xoxb-1", "users.list", "team_id", team))...)
		}
		run(t, slack.New(nil), f, calls, atBest(demand{perMinute(20), 40}))
	})
}

func TestTheTokensOfASlackOrganizationShareTheLimitsOfEachWorkspace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := bursty(slacktest.Options{Installations: []slacktest.Installation{{
			App: "A1", Team: "T0", Org: "E1", OrgWide: true, Bot: "xoxe.xoxb-1", User: "xoxp-1", Code: "code-1", Rotates: true,
		}}})
		defer f.Close()
		client, registry := newClient(slack.New(nil), f)
		bot, user, refresh := exchanged(t, client, "code", "code-1")
		rotated, _, _ := exchanged(t, client, "grant_type", "refresh_token", "refresh_token", refresh)
		before := f.Report()
		var calls []call
		for _, token := range []string{bot, user, rotated} {
			for _, team := range []string{"T1", "T2"} {
				calls = append(calls, times(20, webCall(token, "users.list", "team_id", team))...)
			}
		}
		took := all(t, client, calls)
		clean(t, f, before, registry, len(calls))
		quick(t, took, atBest(demand{perMinute(20), 60}))
	})
}
