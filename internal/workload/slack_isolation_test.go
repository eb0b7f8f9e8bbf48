package workload_test

import (
	"io"
	"maps"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/underlimit/underlimit/providers/slack"
	"github.com/underlimit/underlimit/providers/slack/slacktest"
)

// arrived is the call that a request is, as far as it matters.
func arrived(r *http.Request) call {
	body, _ := io.ReadAll(r.Body) // which a fake has in memory
	return call{url: r.Host + r.URL.Path, body: string(body)}
}

// neighbours is what may be troubled, and what goes on beside it: two methods of two installations, and two channels of
// each.
func neighbours() []call {
	var calls []call
	for range 8 {
		for _, token := range []string{"xoxb-1", "xoxb-2"} {
			calls = append(calls,
				webCall(token, "users.list"), webCall(token, "users.info", "user", "U1"),
				webCall(token, "chat.postMessage", "channel", "C1", "text", "hello"),
				webCall(token, "chat.postMessage", "channel", "C2", "text", "hello"),
				webCall(token, "chat.update", "channel", "C1", "ts", "5.2", "text", "hello"),
				webhookCall("/services/T1/B1/"+token), webhookCall("/services/T1/B2/"+token),
			)
		}
	}
	return calls
}

func TestABlockedOrSlowSlackBucketDelaysNobodyElseByOneTick(t *testing.T) {
	inCall := func(parts ...string) func(call) bool {
		return func(c call) bool {
			for _, p := range parts {
				if !strings.Contains(c.url+" "+c.body, p) {
					return false
				}
			}
			return true
		}
	}
	for name, troubled := range map[string]func(call) bool{
		"a method of one installation":  inCall("users.list", "xoxb-1"),
		"a channel of one installation": inCall("chat.postMessage", "channel=C1", "xoxb-1"),
		"a webhook":                     inCall("/services/T1/B1/xoxb-1"),
	} {
		t.Run(name, func(t *testing.T) {
			when := func(o slacktest.Options) (ended map[int]time.Duration) {
				synctest.Test(t, func(t *testing.T) {
					o.Uplink, o.Downlink = uplink, downlink
					f := slacktest.NewServer(&o)
					defer f.Close()
					client, registry := newClient(slack.New(nil), f)
					ended = others(t, client, neighbours(), troubled)
					idle(t, registry)
				})
				return ended
			}
			undisturbed := when(slacktest.Options{})
			closed := false
			refused := when(slacktest.Options{Refuse: func(r *http.Request, buckets []string) (string, time.Duration) {
				if closed || !troubled(arrived(r)) {
					return "", 0
				}
				closed = true
				return buckets[0], time.Minute
			}})
			if !closed {
				t.Error("nothing was refused")
			}
			if !maps.Equal(undisturbed, refused) {
				t.Errorf("with a bucket closed, the others ended at %v; without, at %v", refused, undisturbed)
			}
			slow := when(slacktest.Options{Fault: func(r *http.Request) slacktest.Fault {
				if troubled(arrived(r)) {
					return slacktest.Fault{Delay: time.Minute}
				}
				return slacktest.Fault{}
			}})
			if !maps.Equal(undisturbed, slow) {
				t.Errorf("with slow answers, the others ended at %v; without, at %v", slow, undisturbed)
			}
		})
	}
}
