package workload_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/underlimit/underlimit/providers/discord"
	"github.com/underlimit/underlimit/providers/discord/discordtest"
	"github.com/underlimit/underlimit/providers/slack"
	"github.com/underlimit/underlimit/providers/slack/slacktest"
)

// slow is how much longer it takes to make a connection, when all do at once.
const slow = 3 * roundTrip

// starting is a fake on the way to which the requests of the first half second take much longer: they make connections,
// all at once. So the first cannot arrive before slow and the uplink.
type starting struct {
	fake
	since time.Time
}

func (s *starting) Transport() http.RoundTripper {
	base := s.fake.Transport()
	return roundTripper(func(req *http.Request) (*http.Response, error) {
		if time.Since(s.since) < 500*time.Millisecond {
			time.Sleep(slow)
		}
		return base.RoundTrip(req)
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

func TestAQuotaHoldsThoughTheFirstRequestsMakeConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &starting{discordFake(discordtest.Options{}), time.Now()}
		defer f.Close()
		run(t, discord.New(nil), f, messages("/v10", 20, 30), slow+26*time.Second+roundTrip)
	})
}

func TestAPaceHoldsThoughTheFirstRequestsMakeConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &starting{slacktest.NewServer(&slacktest.Options{Uplink: uplink, Downlink: downlink}), time.Now()}
		defer f.Close()
		run(t, slack.New(nil), f, posts(5, 30), slow+29*time.Second+roundTrip)
	})
}
