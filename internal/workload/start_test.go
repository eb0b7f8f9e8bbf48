package workload_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/underlimit/underlimit/providers"
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

// held is a fake on the way to which requests are held up for a while, once the connections are made.
type held struct {
	fake
	since    time.Time
	from, to time.Duration
}

func (h *held) Transport() http.RoundTripper {
	base := h.fake.Transport()
	return roundTripper(func(req *http.Request) (*http.Response, error) {
		if at := time.Since(h.since); h.from <= at && at < h.to {
			time.Sleep(roundTrip / 2)
		}
		return base.RoundTrip(req)
	})
}

// Where the way gets quick again of a sudden, what was held up and what follows come close together at the server. Those
// of the first second have shown how quick one can be; that the way is no better now, nobody knows, so it takes longer.
func TestNobodyIsRefusedAsTheWayGetsQuickAgain(t *testing.T) {
	refused := func(t *testing.T, p providers.Provider, f fake, calls []call) {
		client, registry := newClient(p, f)
		before := f.Report()
		all(t, client, calls)
		clean(t, f, before, registry, len(calls))
	}
	const from = 900 * time.Millisecond
	for _, to := range []time.Duration{1900 * time.Millisecond, 2900 * time.Millisecond, 5900 * time.Millisecond} {
		t.Run("after "+to.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &held{discordFake(discordtest.Options{}), time.Now(), from, to}
				defer f.Close()
				refused(t, discord.New(nil), f, messages("/v10", 300, 4))
			})
			synctest.Test(t, func(t *testing.T) {
				s := slacktest.NewServer(&slacktest.Options{Uplink: uplink, Downlink: downlink})
				f := &held{s, time.Now(), from, to}
				defer f.Close()
				refused(t, slack.New(nil), f, posts(5, 30))
			})
		})
	}
}
