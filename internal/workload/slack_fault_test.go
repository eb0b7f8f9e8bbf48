package workload_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/underlimit/underlimit/providers/slack"
	"github.com/underlimit/underlimit/providers/slack/slacktest"
)

// A message whose answer is lost may have been posted, so that it must not go again; a read may, although it is a POST.
func TestAfterAFailureSlackReadsGoAgainAndPostsDoNot(t *testing.T) {
	post := webCall("xoxb-1", "chat.postMessage", "channel", "C1", "text", "hello")
	read := webCall("xoxb-1", "conversations.history", "channel", "C1")
	for name, tt := range map[string]struct {
		call      call
		fault     slacktest.Fault
		arrive    int // requests
		delivered int
		fails     bool
	}{
		"a post whose answer is lost":    {post, slacktest.Fault{Drop: true, Processed: true}, 1, 1, true},
		"a post that fails":              {post, slacktest.Fault{Status: 503, Processed: true}, 1, 1, true},
		"a webhook whose answer is lost": {webhookCall("/services/T1/B1/x"), slacktest.Fault{Drop: true, Processed: true}, 1, 1, true},
		"a read whose answer is lost":    {read, slacktest.Fault{Drop: true, Processed: true}, 2, 2, false},
		"a read that fails":              {read, slacktest.Fault{Status: 503}, 2, 1, false},
		"a slow post":                    {post, slacktest.Fault{Delay: time.Minute}, 1, 1, false},
		"an SCIM write that fails":       {restCall("xoxp-1", "PATCH", "/scim/v2/Users/W1"), slacktest.Fault{Status: 500}, 1, 0, true},
		"an SCIM read that fails":        {restCall("xoxp-1", "GET", "/scim/v2/Users/W1"), slacktest.Fault{Status: 500}, 2, 1, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				faults := 0
				f := slacktest.NewServer(&slacktest.Options{
					Uplink: uplink, Downlink: downlink, Fault: func(r *http.Request) slacktest.Fault {
						if faults++; faults == 1 {
							return tt.fault
						}
						return slacktest.Fault{}
					},
				})
				defer f.Close()
				client, registry := newClient(slack.New(nil), f)
				if err := do(t.Context(), client, tt.call); (err != nil) != tt.fails {
					t.Errorf("the error is %v", err)
				}
				r := f.Report()
				if r.Calls != tt.arrive || r.OK != tt.delivered || r.Refused != 0 || r.ViolationCount != 0 {
					t.Errorf("%d arrived, %d processed, refused %v, violations %v; want %d, %d and none",
						r.Calls, r.OK, r.RefusedBy, r.Violations, tt.arrive, tt.delivered)
				}
				if s := registry.Stats().Providers["slack"]; s.InFlight != 0 || s.Waiting != 0 {
					t.Errorf("%d left in flight, %d waiting", s.InFlight, s.Waiting)
				}
			})
		})
	}
}
