package workload_test

import (
	"fmt"
	"net/http"
	"net/url"
	"testing"
	"testing/synctest"
	"time"

	"github.com/underlimit/underlimit/providers/slack"
	"github.com/underlimit/underlimit/providers/slack/slacktest"
)

// posts is n posts to each of so many channels, the channels in turn, as slack-go sends them.
func posts(channels, n int) []call {
	header := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
	var calls []call
	for i := range n {
		for c := range channels {
			form := url.Values{
				"token": {"xoxb-test"}, "channel": {fmt.Sprintf("C%d", c)}, "text": {fmt.Sprintf("message %d", i)},
			}
			calls = append(calls, call{
				method: http.MethodPost, url: "https://slack.com/api/chat.postMessage", body: form.Encode(), header: header,
			})
		}
	}
	return calls
}

func TestSlackPostsAtOneASecondOverManyChannels(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := slacktest.NewServer(&slacktest.Options{Uplink: uplink, Downlink: downlink})
		defer f.Close()
		run(t, slack.New(nil), f, posts(5, 30), 29*time.Second+roundTrip)
	})
}

func TestSlackPostsKeepTheirPaceUnderJitter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := slacktest.NewServer(&slacktest.Options{
			Uplink: uplink, Downlink: downlink, Jitter: jitter, Seed: 1,
		})
		defer f.Close()
		// Nobody knows how long one request will be under way: the quickest must not arrive within a second of the
		// slowest.
		run(t, slack.New(nil), f, posts(5, 30), 29*(time.Second+jitter)+roundTrip)
	})
}

func TestSlackPostsUnderTheWorkspacesCap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := slacktest.NewServer(&slacktest.Options{Uplink: uplink, Downlink: downlink})
		defer f.Close()
		// By default 300 a minute for the workspace, a quarter of them at once and then five a second.
		run(t, slack.New(nil), f, posts(50, 5), (50*5-300/4)*time.Second/5+roundTrip)
	})
}

func TestSlackMethodsOfEveryTierAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := slacktest.NewServer(&slacktest.Options{Uplink: uplink, Downlink: downlink})
		defer f.Close()
		header := http.Header{"Authorization": {"Bearer xoxb-test"}}
		var calls []call
		for method, n := range map[string]int{
			"team.accessLogs": 30, "users.list": 60, "users.info?user=U1": 200, "conversations.history?channel=C1": 100,
		} {
			for range n {
				calls = append(calls, call{method: http.MethodGet, url: "https://slack.com/api/" + method, header: header})
			}
		}
		// Of tier 2's 20 a minute 5 go at once and then one every 3 s; the other methods are through sooner.
		run(t, slack.New(nil), f, calls, (60-20/4)*3*time.Second+roundTrip)
	})
}
