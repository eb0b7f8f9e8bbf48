package workload_test

import (
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/underlimit/underlimit/providers/slack"
	"github.com/underlimit/underlimit/providers/slack/slacktest"
)

// bursty is a fake that lets a quarter of a minute's calls go at once, and no more, as our client takes Slack to do.
func bursty(o slacktest.Options) *slacktest.Server {
	o.Uplink, o.Downlink, o.Burst = uplink, downlink, quarter
	return slacktest.NewServer(&o)
}

func TestASimulatedClientKeepsItsRules(t *testing.T) {
	for _, tt := range []struct {
		rule
		n    int
		want time.Duration
	}{
		{aSecond, 1, 0},
		{aSecond, 30, 29 * time.Second},
		{perMinute(20), 5, 0},
		{perMinute(20), 6, 3 * time.Second},
		{perMinute(20), 20, 45 * time.Second},
		{perMinute(20), 21, time.Minute}, // no more in the minute, although the pace would let it go
		{perMinute(1), 3, 2 * time.Minute},
		{rule{quota: 5, window: time.Minute}, 11, 2 * time.Minute},
	} {
		if got := tt.alone(tt.n); got != tt.want {
			t.Errorf("the last of %d under %+v goes after %v, want %v", tt.n, tt.rule, got, tt.want)
		}
	}
}

func TestSlackPostsByAllMethodsOverManyChannels(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := bursty(slacktest.Options{})
		defer f.Close()
		const channels, rounds = 8, 6
		var calls []call
		for range rounds {
			for c := range channels {
				// What the strictest limit holds up comes first, or else it could be in time only by overtaking the others.
				for _, method := range []string{"chat.startStream", "chat.postMessage", "chat.meMessage", "chat.postMessage"} {
					calls = append(calls, webCall("xoxb-test", method, "channel", fmt.Sprintf("C%d", c), "text", "hello"))
				}
			}
		}
		const each = channels * rounds
		run(t, slack.New(nil), f, spaced(0, time.Nanosecond, calls), atBest(
			demand{aSecond, 4 * rounds}, demand{perMinute(20), each}, demand{perMinute(50), each},
			demand{perMinute(300), 2 * each},
		))
	})
}

// A loop calls one method after another's answer, as pagers do.
func TestSlackLoopsOfEveryTier(t *testing.T) {
	for method, tier := range map[string]struct{ n, perMinute int }{
		"rtm.connect": {4, 1}, "users.list": {60, 20}, "conversations.history": {150, 50}, "users.info": {300, 100},
		"auth.test": {1300, 600},
	} {
		t.Run(method, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := bursty(slacktest.Options{})
				defer f.Close()
				client, registry := newClient(slack.New(nil), f)
				before := f.Report()
				start := time.Now()
				for range tier.n {
					if err := do(t.Context(), client, webCall("xoxb-test", method, "channel", "C1", "user", "U1")); err != nil {
						t.Fatal(err)
					}
				}
				took := time.Since(start)
				clean(t, f, before, registry, tier.n)
				// One at a time, it can be no faster than its round trips, either.
				quick(t, took, max(atBest(demand{perMinute(tier.perMinute), tier.n}), time.Duration(tier.n)*roundTrip))
			})
		})
	}
}

func TestSlackWebhooksAtOneASecondEach(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := bursty(slacktest.Options{Hide: true})
		defer f.Close()
		var calls []call
		for i := range 20 {
			calls = append(calls, times(30, webhookCall(fmt.Sprintf("/services/T1/B%d/secret", i)))...)
		}
		calls = append(calls, times(12, webhookCall("/triggers/T1/1/secret"))...)
		run(t, slack.New(nil), f, calls, atBest(demand{aSecond, 30}, demand{perMinute(10), 12}))
	})
}

// Everything at once: what one limit holds up must not keep the rest from being done in time.
func TestSlackOfEverything(t *testing.T) {
	for _, jittery := range []time.Duration{0, jitter} {
		t.Run(jittery.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := bursty(slacktest.Options{Hide: true, Jitter: jittery, Seed: 2})
				defer f.Close()
				calls, demands := everything()
				run(t, slack.New(nil), f, calls, atBest(demands...))
			})
		})
	}
}

// everything is a workload over all kinds of limits, of two installations, with what it demands of each.
func everything() (calls []call, demands []demand) {
	add := func(r rule, more ...call) {
		calls, demands = append(calls, more...), append(demands, demand{r, len(more)})
	}
	for _, token := range []string{"xoxb-1", "xoxb-2"} {
		var all []call
		for c := range 10 {
			channel := fmt.Sprintf("C%d", c)
			to := times(25, webCall(token, "chat.postMessage", "channel", channel, "text", "hello"))
			add(aSecond, to...)
			all = append(all, to...)
		}
		demands = append(demands, demand{perMinute(300), len(all)})
		add(perMinute(20), times(40, webCall(token, "users.list"))...)
		add(perMinute(50), times(80, webCall(token, "chat.update", "channel", "C1", "ts", "5.2", "text", "hello"))...)
		add(perMinute(100), times(160, webCall(token, "users.info", "user", "U1"))...)
		add(perMinute(50), times(70, restCall(token, http.MethodGet, "/audit/v1/logs"))...)
		add(rule{quota: 1000, window: time.Minute, every: time.Minute / 1000, burst: 1000},
			times(300, restCall(token, http.MethodGet, "/scim/v2/Users"))...)
		for _, hook := range []string{"1", "2"} {
			add(aSecond, times(30, webhookCall("/services/T1/B"+hook+"/"+token))...)
		}
	}
	return calls, demands
}
