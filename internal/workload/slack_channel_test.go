package workload_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/underlimit/underlimit/providers/slack"
	"github.com/underlimit/underlimit/providers/slack/slacktest"
)

// toOneChannel is n messages to a channel, by each of the methods in turn.
func toOneChannel(n int, methods ...string) []call {
	calls := make([]call, n)
	for i := range calls {
		text := fmt.Sprintf("message %d", i)
		calls[i] = webCall("xoxb-test", methods[i%len(methods)], "channel", "C1", "user", "U1", "text", text)
	}
	return calls
}

func TestNoTwoMessagesReachASlackChannelWithinASecondAfterTheBurst(t *testing.T) {
	const n = 30
	for _, burst := range []int{1, 3} {
		for _, jittery := range []time.Duration{0, jitter} {
			for name, methods := range map[string][]string{
				"one method": {"chat.postMessage"},
				"any method": {"chat.postMessage", "chat.meMessage", "chat.startStream", "chat.postEphemeral"},
			} {
				t.Run(fmt.Sprintf("burst of %d, jitter of %v, %s", burst, jittery, name), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						f := slacktest.NewServer(&slacktest.Options{
							Uplink: uplink, Downlink: downlink, Jitter: jittery, Seed: 5, ChannelBurst: burst, Hide: true,
						})
						defer f.Close()
						best := time.Duration(n-burst)*time.Second + roundTrip
						if burst == 1 { // with a burst to spare, what is late for one message is not lost for the next
							best += time.Duration(n-burst) * jittery
						}
						run(t, slack.New(&slack.Options{ChannelBurst: burst}), f, toOneChannel(n, methods...), best)

						if got := f.Busiest("post #1 C1", time.Second); got != burst {
							t.Errorf("%d messages came within a second, want at most %d", got, burst)
						}
					})
				})
			}
		}
	}
}
