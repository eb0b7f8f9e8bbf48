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
