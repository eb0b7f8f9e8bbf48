package workload_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/underlimit/underlimit/providers/slack"
	"github.com/underlimit/underlimit/providers/slack/slacktest"
)

// workspace is one app in one workspace of an organization, with two webhooks for one channel, and another app there.
func workspace() []slacktest.Installation {
	return []slacktest.Installation{
		{
			App: "A1", Team: "T1", Org: "E1", Bot: "xoxb-1", User: "xoxp-1", Code: "code-1", Rotates: true,
			Webhooks: map[string]string{"/services/T1/B1/secret": "C1", "/services/T1/B2/secret": "C1"},
		},
		{App: "A2", Team: "T1", Org: "E1", Bot: "xoxb-2", User: "xoxp-2"},
	}
}

// told is a provider whose user knows the workspace: webhooks, too, are the first app's.
func told() *slack.Provider {
	return slack.New(&slack.Options{
		Install: func(r *http.Request) string {
			switch {
			case r.URL.Host == "api.slack.com":
				return "E1"
			case strings.HasSuffix(r.Header.Get("Authorization"), "-2"):
				return "A2/T1"
			}
			return "A1/T1"
		},
		Channel: func(r *http.Request) string {
			if r.URL.Host == "hooks.slack.com" {
				return "C1"
			}
			return ""
		},
	})
}

func TestSlackWebhooksOfAChannelKeepItsPaceTogetherWithPosts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := bursty(slacktest.Options{Installations: workspace(), Hide: true})
		defer f.Close()
		var calls []call
		for range 10 {
			calls = append(calls,
				webhookCall("/services/T1/B1/secret"), webhookCall("/services/T1/B2/secret"),
				webCall("xoxb-1", "chat.postMessage", "channel", "C1", "text", "hello"),
			)
		}
		run(t, told(), f, calls, atBest(demand{aSecond, 30}))
		if got := f.Busiest("post #1 C1", time.Second); got != 1 {
			t.Errorf("%d messages came within a second", got)
		}
	})
}

func TestTheTokensOfASlackInstallationShareItsLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := bursty(slacktest.Options{Installations: workspace()})
		defer f.Close()
		bearer := func(token string) call {
			return call{
				method: http.MethodGet, url: "https://slack.com/api/users.list",
				header: http.Header{"Authorization": {"Bearer " + token}},
			}
		}
		calls := append(times(30, bearer("xoxb-1")), times(30, bearer("xoxp-1"))...)
		calls = append(calls, times(40, bearer("xoxb-2"))...) // another app, which does not wait for the first
		run(t, told(), f, calls, atBest(demand{perMinute(20), 60}, demand{perMinute(20), 40}))
	})
}

// scimDemands is a workload of two apps over the SCIM API, with what it demands of each limit: the endpoints' and the
// organization's.
func scimDemands() (calls []call, demands []demand) {
	published := func(n, burst int) rule {
		return rule{quota: n, window: time.Minute, every: time.Minute / time.Duration(n), burst: burst}
	}
	reads, writes := 0, 0
	for _, d := range []struct {
		method, path string
		n            int
		limit        rule
	}{
		{http.MethodGet, "/scim/v2/Users/W%d", 500, published(300, 300)},
		{http.MethodGet, "/scim/v2/Groups/S%d", 450, published(300, 300)},
		{http.MethodGet, "/scim/v1/Users?startIndex=%d", 300, rule{}},
		{http.MethodPost, "/scim/v2/Users?n=%d", 150, published(180, 20)},
		{http.MethodPatch, "/scim/v2/Users/W%d", 100, published(180, 20)},
		{http.MethodPut, "/scim/v2/Groups/S%d", 200, published(180, 80)},
		{http.MethodDelete, "/scim/v2/Groups/S%d", 90, published(180, 20)},
	} {
		for i := range d.n {
			token := []string{"xoxp-1", "xoxp-2"}[i%2]
			calls = append(calls, restCall(token, d.method, fmt.Sprintf(d.path, i)))
		}
		if d.method == http.MethodGet {
			reads += d.n
		} else {
			writes += d.n
		}
		if d.limit.quota > 0 {
			demands = append(demands, demand{d.limit, d.n})
		}
	}
	return calls, append(demands, demand{published(1000, 1000), reads}, demand{published(600, 180), writes})
}

func TestSlackSCIMUnderTheLimitsOfEndpointsAndOfTheOrganization(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := bursty(slacktest.Options{Installations: workspace()})
		defer f.Close()
		calls, demands := scimDemands()
		run(t, told(), f, calls, atBest(demands...))
	})
}

func TestSlackAuditLogsAreTheOrganizations(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := bursty(slacktest.Options{Installations: workspace()})
		defer f.Close()
		calls := append(times(60, restCall("xoxp-1", http.MethodGet, "/audit/v1/logs")),
			times(60, restCall("xoxp-2", http.MethodGet, "/audit/v1/logs"))...)
		run(t, told(), f, calls, atBest(demand{perMinute(50), 120}))
	})
}

func TestASlackAppOutsideOfTheMarketplaceReadsHistoryOnceAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := bursty(slacktest.Options{NonMarketplace: true})
		defer f.Close()
		p := slack.New(&slack.Options{NonMarketplace: true})
		calls := append(times(10, webCall("xoxb-1", "conversations.history", "channel", "C1")),
			times(10, webCall("xoxb-1", "conversations.replies", "channel", "C1", "ts", "5.2"))...)
		run(t, p, f, calls, atBest(demand{perMinute(1), 10}))
	})
}
