package workload_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/underlimit/underlimit/providers/slack"
	"github.com/underlimit/underlimit/providers/slack/slacktest"
)

// named is a fake in which a channel and a conversation with a user have two names each.
func named() *slacktest.Server {
	return bursty(slacktest.Options{
		Installations: workspace(), Hide: true, Channels: map[string]string{"#general": "C1", "U1": "D1"},
	})
}

func TestASlackChannelIsOneUnderAllItsNamesOnceAnAnswerTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := named()
		defer f.Close()
		client, registry := newClient(slack.New(nil), f)
		post := func(channel string) call {
			return webCall("xoxb-1", "chat.postMessage", "channel", channel, "text", "hello")
		}
		all(t, client, []call{post("#general"), post("U1")})
		time.Sleep(time.Minute)

		before := f.Report()
		var calls []call
		for range 15 {
			calls = append(calls, post("#general"), post("C1"), post("U1"), post("D1"))
		}
		took := all(t, client, calls)
		clean(t, f, before, registry, len(calls))
		quick(t, took, atBest(demand{aSecond, 30}))
		for _, channel := range []string{"C1", "D1"} {
			if got := f.Busiest("post #1 "+channel, time.Second); got != 1 {
				t.Errorf("%d messages reached %s within a second", got, channel)
			}
		}
	})
}

func TestASlackWebhookSharesItsChannelOnceItsInstallationIsKnown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := named()
		defer f.Close()
		client, registry := newClient(slack.New(nil), f)
		all(t, client, []call{webhookCall("/services/T1/B1/secret")}) // which is paced by itself
		bot, _, _ := exchanged(t, client, "code", "code-1")
		before := f.Report()
		time.Sleep(time.Minute)
		var calls []call
		for range 15 {
			calls = append(calls, webCall(bot, "chat.postMessage", "channel", "C1", "text", "hello"),
				webhookCall("/services/T1/B1/secret"))
		}
		took := all(t, client, calls)
		clean(t, f, before, registry, len(calls))
		quick(t, took, atBest(demand{aSecond, 30}))
	})
}

func TestAllThatPostsIsUnderTheCapOfASlackWorkspace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := bursty(slacktest.Options{Installations: workspace()})
		defer f.Close()
		var calls []call
		for i := range 10 {
			for c := range 50 {
				method := "chat.postMessage"
				if (i+c)%10 == 0 {
					method = "chat.meMessage"
				}
				calls = append(calls, webCall("xoxb-1", method, "channel", fmt.Sprintf("C%d", 10+c), "text", "hello"))
				if len(calls)%17 == 0 {
					calls = append(calls, webhookCall("/services/T1/B1/secret"))
				}
			}
		}
		// In this order, as nothing else would have the webhook's messages, a second apart, begin in time.
		run(t, told(), f, spaced(0, time.Nanosecond, calls),
			atBest(demand{perMinute(300), len(calls)}, demand{perMinute(50), 50}))
	})
}

// A workspace that takes less than Slack's "several hundred" a minute refuses for a minute what is too much. Nobody can
// know before; but then all wait for it, and not channel by channel.
func TestASlackWorkspaceThatTakesLessIsFoundOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := slacktest.NewServer(&slacktest.Options{Uplink: uplink, Downlink: downlink, WorkspacePerMinute: 60})
		defer f.Close()
		client, registry := newClient(slack.New(nil), f)
		var calls []call
		for i := range 6 {
			for c := range 50 {
				text := fmt.Sprintf("message %d", i)
				calls = append(calls, webCall("xoxb-1", "chat.postMessage", "channel", fmt.Sprintf("C%d", c), "text", text))
			}
		}
		took := all(t, client, calls)
		report := f.Report()
		// In each of five minutes, what our client lets go at once beyond the limit, and what goes before it hears of that.
		if most := 5 * (300/4 - 60 + 5); report.Refused > most {
			t.Errorf("%d refused, want at most %d", report.Refused, most)
		}
		if report.OK != len(calls) || report.ViolationCount != 0 {
			t.Errorf("%d processed, violations %v", report.OK, report.Violations)
		}
		if s := registry.Stats().Providers["slack"]; s.InFlight != 0 || s.Waiting != 0 {
			t.Errorf("%d left in flight, %d waiting", s.InFlight, s.Waiting)
		}
		quick(t, took, rule{quota: 60, window: time.Minute}.alone(len(calls))+roundTrip)
	})
}
