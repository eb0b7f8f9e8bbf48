package workload_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/underlimit/underlimit/providers/discord"
	"github.com/underlimit/underlimit/providers/discord/discordtest"
)

const (
	postMessage  = "POST /channels/{channel}/messages"
	patchChannel = "PATCH /channels/{channel}"
	patchMessage = "PATCH /channels/{channel}/messages/{message}"
)

// messages is n messages to each of so many channels, the channels in turn.
func messages(version string, channels, n int) []call {
	var calls []call
	for i := range n {
		for c := range channels {
			calls = append(calls, call{
				method: http.MethodPost,
				url:    fmt.Sprintf("https://discord.com/api%s/channels/%d/messages", version, 100000000000000000+c),
				body:   fmt.Sprintf(`{"content":"message %d"}`, i),
				header: http.Header{"Authorization": {"Bot test"}, "Content-Type": {"application/json"}},
			})
		}
	}
	return calls
}

// edits is n edits of a message in each of so many channels, the channels in turn.
func edits(channels, n int) []call {
	calls := messages("/v10", channels, n)
	for i := range calls {
		calls[i].method = http.MethodPatch
		calls[i].url += "/200000000000000000"
	}
	return calls
}

// routesOnly has no global limit in its way.
func routesOnly() *discord.Provider { return discord.New(&discord.Options{GlobalPerSecond: 1_000_000}) }

func discordFake(o discordtest.Options) *discordtest.Server {
	o.Uplink, o.Downlink = uplink, downlink
	return discordtest.NewServer(&o)
}

// direct is a fake that is reached without connections, which take the most of the real time where requests are many.
type direct struct{ *discordtest.Server }

func (d direct) Transport() http.RoundTripper {
	return roundTripper(func(req *http.Request) (*http.Response, error) {
		defer req.Body.Close()
		rec := httptest.NewRecorder()
		d.ServeHTTP(rec, req.Clone(req.Context()))
		return rec.Result(), nil
	})
}

func TestManyDiscordChannelsWithABucketEach(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := direct{discordFake(discordtest.Options{Global: -1})}
		defer f.Close()
		// 5 messages every 5 s to each channel, the windows beginning as the first ones arrive.
		run(t, routesOnly(), f, messages("/v10", 200, 30), 5*5*time.Second+roundTrip)
	})
}

func TestAHotDiscordBucketIsUsedInParallel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := discordFake(discordtest.Options{
			Global: -1,
			Limits: map[string]discordtest.Limit{postMessage: {N: 200, Window: 5 * time.Second}},
		})
		defer f.Close()
		// One at a time, a round trip each, would be 50 in a window.
		run(t, routesOnly(), f, messages("/v10", 1, 1000), 4*5*time.Second+roundTrip)
	})
}

func TestTheDiscordGlobalLimitOverHundredsOfChannels(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := discordFake(discordtest.Options{})
		defer f.Close()
		// 50 in any second, whatever the channel.
		run(t, discord.New(nil), f, messages("/v10", 300, 4), 23*time.Second+roundTrip)
	})
}

func TestTheDiscordGlobalLimitHoldsByTheServersSecondsToo(t *testing.T) {
	for _, skew := range []time.Duration{0, 300 * time.Millisecond, 930 * time.Millisecond} {
		t.Run(skew.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := discordFake(discordtest.Options{GlobalFixed: true, Skew: skew})
				defer f.Close()
				// No second of whatever clock sees more than the best that any clock allows.
				run(t, discord.New(nil), f, messages("/v10", 300, 4), 23*time.Second+roundTrip)
			})
		})
	}
}

func TestTheDiscordGlobalLimitHoldsUnderJitter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := discordFake(discordtest.Options{Jitter: jitter, Seed: 1})
		defer f.Close()
		// Nobody knows how long one request will be under way: the quickest must not arrive within a second of what was
		// slowest of the fifty before.
		run(t, discord.New(nil), f, messages("/v10", 300, 4), 23*(time.Second+jitter)+roundTrip)
	})
}

func TestTheOldDiscordDialect(t *testing.T) {
	for _, version := range []string{"/v6", "/v7", ""} {
		t.Run("path"+version, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := direct{discordFake(discordtest.Options{Global: -1})}
				defer f.Close()
				run(t, routesOnly(), f, messages(version, 50, 30), 5*5*time.Second+roundTrip)
			})
		})
	}
}

// A bot's library speaks a new dialect, and some script of it an old one, to the same channel.
func TestTwoDiscordDialectsAtOnceAreNotRefused(t *testing.T) {
	for name, sliding := range map[string]bool{"fixed windows": false, "sliding ones": true} {
		for _, first := range []string{"/v6", "/v10"} {
			t.Run(name+", first"+first, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					f := discordFake(discordtest.Options{Global: -1, Limits: map[string]discordtest.Limit{
						postMessage: {N: 5, Window: 5 * time.Second, Sliding: sliding},
					}})
					defer f.Close()
					client, registry := newClient(routesOnly(), f)
					before := f.Report()
					calls := mixed(messages("/v10", 1, 30), messages("/v6", 1, 30))
					took := all(t, client, append(messages(first, 1, 1), spaced(time.Millisecond, 0, calls)...))
					clean(t, f, before, registry, 61)
					// They may have one counter or two: as from one, five at a time. The old one tells whole seconds.
					if most := 61/5*5*time.Second + time.Second + roundTrip; took > most {
						t.Errorf("took %v, want at most %v", took, most)
					}
				})
			})
		}
	}
}
