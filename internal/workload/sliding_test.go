package workload_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/underlimit/underlimit/providers/discord/discordtest"
)

// The best possible in a sliding window of n is that n requests go at once and one more in each period. A fixed window
// of the same numbers lets as many through in the long run, but not as soon: the numbers of calls here are such that a
// client which takes the one for the other needs longer.
//
// One answer does not tell them apart: the first of 5 in 5 s, sliding, is that of 5 in 1 s, fixed. The answers to the
// next few requests, which either of them allows, do.

func TestAHotSlidingDiscordBucketFromCold(t *testing.T) {
	for name, tt := range map[string]struct {
		limit discordtest.Limit
		n     int
		best  time.Duration
	}{
		"one comes back in two round trips": {
			discordtest.Limit{N: 50, Window: 10 * time.Second, Sliding: true}, 425, (425-50)*2*roundTrip + roundTrip,
		},
		"four come back in a round trip": {
			discordtest.Limit{N: 200, Window: 5 * time.Second, Sliding: true}, 900, (900-200)*roundTrip/4 + roundTrip,
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := discordFake(discordtest.Options{
					Global: -1, Limits: map[string]discordtest.Limit{postMessage: tt.limit},
				})
				defer f.Close()
				run(t, routesOnly(), f, messages("/v10", 1, tt.n), tt.best)
			})
		})
	}
}

func TestManySlidingDiscordBucketsFromCold(t *testing.T) {
	for name, jitter := range map[string]time.Duration{"on a steady way": 0, "under jitter": jitter} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := discordFake(discordtest.Options{
					Global: -1, Jitter: jitter, Seed: 1,
					Limits: map[string]discordtest.Limit{postMessage: {N: 5, Window: 5 * time.Second, Sliding: true}},
				})
				defer f.Close()
				run(t, routesOnly(), f, messages("/v10", 40, 23), (23-5)*time.Second+roundTrip)
			})
		})
	}
}

func TestASlidingDiscordBucketNextToAFixedOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := discordFake(discordtest.Options{
			Global: -1,
			Limits: map[string]discordtest.Limit{
				postMessage:  {N: 5, Window: 5 * time.Second, Sliding: true},
				patchMessage: {N: 5, Window: 5 * time.Second},
			},
		})
		defer f.Close()
		calls := slices.Concat(messages("/v10", 20, 23), edits(20, 20))
		run(t, routesOnly(), f, calls, (23-5)*time.Second+roundTrip) // the fixed one is through 3 s sooner
	})
}
