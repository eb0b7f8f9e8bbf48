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

// others sends the calls at once and returns when each of those ended, since the start, that do not go to the troubled
// channel. A call is named by its place among the calls.
func others(t *testing.T, client *http.Client, calls []call) map[int]time.Duration {
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
			if !strings.Contains(c.url, troubled) {
				mu.Lock()
				defer mu.Unlock()
				ended[i] = time.Since(start)
			}
		})
		synctest.Wait() // so that both runs have the same order
	}
	wg.Wait()
	return ended
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
					client, _ := newClient(discord.New(nil), f)
					// Fewer than the global limit allows at once, or the troubled channel's share of it would go to the others.
					ended = others(t, client, messages("/v10", 6, 8))
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
