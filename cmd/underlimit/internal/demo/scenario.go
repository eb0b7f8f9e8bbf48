package demo

import (
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/underlimit/underlimit/providers/apitest"
	"github.com/underlimit/underlimit/providers/discord/discordtest"
	"github.com/underlimit/underlimit/providers/intercom/intercomtest"
	"github.com/underlimit/underlimit/providers/slack/slacktest"
)

// A scenario is what is asked of one API.
type scenario struct {
	api   string
	fake  func() fake
	calls func() []call
	// best is what a client needs that begins now and knows the API's limits and its clock, and keeps the paces that
	// the API asks for.
	best func(now time.Time) time.Duration
}

// A fake is what the three fakes have in common.
type fake interface {
	Loopback() http.RoundTripper
	Report() apitest.Report
	Close()
}

type call struct {
	method, url, body string
	header            http.Header
}

// How long a request is on its way to a fake, and an answer back.
const (
	oneWay    = 20 * time.Millisecond
	roundTrip = 2 * oneWay
)

var scenarios = []scenario{
	{"Slack", slackFake, slackCalls, slackBest},
	{"Discord", discordFake, discordCalls, discordBest},
	{"Intercom", intercomFake, intercomCalls, intercomBest},
}

// Slack: an alert of twenty lines to each of eight channels, one post a second to each being allowed, and a few dozen
// look-ups beside them.
const (
	slackChannels = 8
	slackPosts    = 20
	slackLookups  = 40
)

func slackFake() fake {
	return slacktest.NewServer(&slacktest.Options{Uplink: oneWay, Downlink: oneWay})
}

func slackCalls() []call {
	header := http.Header{
		"Authorization": {"Bearer xoxb-demo"}, "Content-Type": {"application/x-www-form-urlencoded"},
	}
	var calls []call
	for i := range slackPosts {
		for c := range slackChannels {
			form := url.Values{"channel": {fmt.Sprintf("C%d", c)}, "text": {fmt.Sprintf("line %d", i)}}
			calls = append(calls, call{http.MethodPost, "https://slack.com/api/chat.postMessage", form.Encode(), header})
		}
	}
	for i := range slackLookups {
		form := url.Values{"user": {fmt.Sprintf("U%d", i)}}
		calls = append(calls, call{http.MethodPost, "https://slack.com/api/users.info", form.Encode(), header})
	}
	return calls
}

func slackBest(time.Time) time.Duration { return (slackPosts-1)*time.Second + roundTrip }

// Discord: fifteen messages to each of twenty channels. Five go to a channel in 5 s, from the first one's arrival on, and
// fifty to all of them in a second: two seconds' worth for all the channels' first five.
const (
	discordChannels = 20
	discordMessages = 15
)

func discordFake() fake {
	return discordtest.NewServer(&discordtest.Options{Uplink: oneWay, Downlink: oneWay})
}

func discordCalls() []call {
	header := http.Header{"Authorization": {"Bot demo"}, "Content-Type": {"application/json"}}
	var calls []call
	for i := range discordMessages {
		for c := range discordChannels {
			calls = append(calls, call{
				http.MethodPost,
				fmt.Sprintf("https://discord.com/api/v10/channels/%d/messages", 100000000000000000+c),
				fmt.Sprintf(`{"content":"message %d"}`, i),
				header,
			})
		}
	}
	return calls
}

func discordBest(time.Time) time.Duration { return 2*5*time.Second + time.Second + roundTrip }

// Intercom: a sync of four hundred pages, 166 of which fit into each of the server's windows of 10 s.
const (
	intercomPages  = 400
	intercomLimit  = 166
	intercomWindow = 10 * time.Second
)

func intercomFake() fake {
	return intercomtest.NewServer(&intercomtest.Options{Limit: intercomLimit, Uplink: oneWay, Downlink: oneWay})
}

func intercomCalls() []call {
	header := http.Header{"Authorization": {"Bearer demo"}}
	var calls []call
	for i := range intercomPages {
		calls = append(calls, call{
			http.MethodGet, fmt.Sprintf("https://api.intercom.io/contacts?page=%d", i+1), "", header,
		})
	}
	return calls
}

func intercomBest(now time.Time) time.Duration {
	first := now.Truncate(intercomWindow).Add(intercomWindow).Sub(now)
	return first + (intercomPages/intercomLimit-1)*intercomWindow + oneWay
}
