package workload_test

import (
	"maps"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/underlimit/underlimit/providers/discord"
	"github.com/underlimit/underlimit/providers/discord/discordtest"
)

// The channel that something is wrong with: the first of messages.
const troubled = "/channels/100000000000000000/"

// others sends the calls at once, in their order, and returns when each ended, since the start, that is not troubled. A
// call is named by its place among the calls.
func others(t *testing.T, client *http.Client, calls []call, troubled func(call) bool) map[int]time.Duration {
	t.Helper()
	ended := map[int]time.Duration{}
	var mu sync.Mutex
	var wg sync.WaitGroup
	start := time.Now()
	for i, c := range calls {
		wg.Go(func() {
			if err := do(t.Context(), client, c); err != nil {
				t.Error(err)
			}
			if !troubled(c) {
				mu.Lock()
				defer mu.Unlock()
				ended[i] = time.Since(start)
			}
		})
		synctest.Wait() // so that the order is the same in each run
	}
	wg.Wait()
	return ended
}

func TestASublimitStopsOnlyWhatItIsAbout(t *testing.T) {
	patches := func(body string, n int) []call {
		calls := messages("/v10", 1, n)
		for i := range calls {
			calls[i].method, calls[i].body = http.MethodPatch, body
			calls[i].url = strings.TrimSuffix(calls[i].url, "/messages")
		}
		return calls
	}
	for name, hash := range map[string]string{"not told of": "", "told when it refuses": "narrow"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := discordFake(discordtest.Options{Limits: map[string]discordtest.Limit{
					patchChannel:           {N: 10, Window: 15 * time.Second},
					patchChannel + " name": {N: 2, Window: 10 * time.Minute, Hash: hash},
				}})
				defer f.Close()
				client, registry := newClient(routesOnly(), f)
				var renames, others time.Duration
				var wg sync.WaitGroup
				wg.Go(func() { renames = all(t, client, patches(`{"name":"x"}`, 4)) })
				wg.Go(func() { others = all(t, client, spaced(time.Second, 0, patches(`{"nsfw":true}`, 28))) })
				wg.Wait()

				// Two new names and the other changes are three windows' worth, and the other new names go when the sub-limit
				// lets them. Nobody can know of it before one of them was refused.
				quick(t, others, 2*15*time.Second+roundTrip)
				quick(t, renames, 10*time.Minute+roundTrip)
				report := f.Report()
				if report.Refused > 1 || report.ViolationCount != 0 || report.OK != 32 {
					t.Errorf("%d refused, %d violations, %d processed; want at most 1, 0, 32",
						report.Refused, report.ViolationCount, report.OK)
				}
				idle(t, registry)
			})
		})
	}
}

func TestABlockedOrSlowBucketDelaysNobodyElse(t *testing.T) {
	toTroubled := func(r *http.Request) bool { return strings.Contains(r.URL.Path, troubled) }
	refusals := 0
	for name, o := range map[string]discordtest.Options{
		"refused for half a minute": {Refuse: func(r *http.Request) discordtest.Refusal {
			if !toTroubled(r) || refusals > 0 {
				return discordtest.Refusal{}
			}
			refusals++
			return discordtest.Refusal{Scope: discordtest.Shared, After: 30 * time.Second}
		}},
		"answered after half a minute": {Fault: func(r *http.Request) discordtest.Fault {
			if !toTroubled(r) {
				return discordtest.Fault{}
			}
			return discordtest.Fault{Delay: 30 * time.Second}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			when := func(o discordtest.Options) (ended map[int]time.Duration) {
				synctest.Test(t, func(t *testing.T) {
					f := discordFake(o)
					defer f.Close()
					client, registry := newClient(discord.New(nil), f)
					// Fewer than the global limit allows at once, or the troubled channel's share of it would go to the others.
					ended = others(t, client, messages("/v10", 6, 8), func(c call) bool { return strings.Contains(c.url, troubled) })
					idle(t, registry)
				})
				return ended
			}
			undisturbed, disturbed := when(discordtest.Options{}), when(o)
			if !maps.Equal(undisturbed, disturbed) {
				t.Errorf("the others ended at %v, without the trouble at %v", disturbed, undisturbed)
			}
		})
	}
}
