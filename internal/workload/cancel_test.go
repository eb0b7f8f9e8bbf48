package workload_test

import (
	"context"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/underlimit/underlimit/providers/apitest"
	"github.com/underlimit/underlimit/providers/discord/discordtest"
)

func TestHalfOfTenThousandWaitersGoAwayAndTheOthersAreNoneTheWorse(t *testing.T) {
	const n, limit, window = 10_000, 500, 10 * time.Second
	random := rand.New(rand.NewPCG(1, 0))
	half := random.Perm(n - limit)[:n/2]
	slices.Sort(half)
	// When each of that half goes away: before the window in which it would be sent even if the whole half before it
	// were gone already. The first window's stay.
	leaves := map[int]time.Duration{}
	for gone, i := range half {
		i += limit
		before := time.Duration((i-gone)/limit)*window - roundTrip
		leaves[i] = time.Duration(random.Int64N(int64(before)))
	}

	// serve returns when each request ended that stayed.
	serve := func(t *testing.T, leaves map[int]time.Duration, only bool) (ended map[int]time.Duration) {
		synctest.Test(t, func(t *testing.T) {
			f := direct{discordFake(discordtest.Options{
				Global: -1, Limits: map[string]discordtest.Limit{postMessage: {N: limit, Window: window}},
			})}
			defer f.Close()
			client, registry := newClient(routesOnly(), f)
			ended = map[int]time.Duration{}
			var mu sync.Mutex
			var wg sync.WaitGroup
			start := time.Now()
			for i, c := range messages("/v10", 1, n) {
				away, goes := leaves[i]
				if goes && only {
					continue
				}
				ctx, cancel := context.WithCancel(t.Context())
				if goes {
					time.AfterFunc(away, cancel)
				}
				wg.Go(func() {
					defer cancel()
					time.Sleep(time.Duration(i)) // in this order
					err := do(ctx, client, c)
					if goes != (err != nil) {
						t.Errorf("request %d, which goes away: %t, ended with %v", i, goes, err)
					}
					if !goes {
						mu.Lock()
						defer mu.Unlock()
						ended[i] = time.Since(start)
					}
				})
			}
			wg.Wait()
			clean(t, f, apitest.Report{}, registry, n-len(leaves))
		})
		return ended
	}
	with, without := serve(t, leaves, false), serve(t, leaves, true)
	if !maps.Equal(with, without) {
		t.Error("those that stayed ended at other times than without the others")
	}
	quick(t, slices.Max(slices.Collect(maps.Values(with))), (n/2/limit-1)*window+roundTrip)
}
