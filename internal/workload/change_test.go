package workload_test

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/underlimit/underlimit/providers/discord/discordtest"
)

// In all of these an answer tells of the change, with room for what is under way then, before it matters.
func TestADiscordLimitThatChangesWithinItsWindow(t *testing.T) {
	const second = time.Second
	for _, tt := range []struct {
		name  string
		limit discordtest.Limit
		at    time.Duration
		n     int // instead of limit.N from then on
		calls []call
		best  time.Duration
	}{
		{
			"lowered",
			discordtest.Limit{N: 100, Window: 10 * second},
			5 * second, 60,
			// Ten a second, of which 60 may go in the first window, too.
			spaced(0, second/10, messages("/v10", 1, 360)), (360/60-1)*10*second + roundTrip,
		},
		{
			"raised",
			discordtest.Limit{N: 50, Window: 10 * second},
			3 * second, 100,
			// 40, ten a second, and then the rest, of which 60 may go in the first window, too.
			slices.Concat(
				spaced(0, second/10, messages("/v10", 1, 40)), spaced(4*second, 0, messages("/v10", 1, 260)),
			), (300/100-1)*10*second + roundTrip,
		},
		{
			"lowered, sliding",
			discordtest.Limit{N: 50, Window: 10 * second, Sliding: true},
			2 * second, 25,
			// All would be back 4 s after the first 20. One call more has the change told. From then on one comes back each
			// 0.4 s, and the last may go when so much is missing that it is the 25th.
			slices.Concat(
				messages("/v10", 1, 20), spaced(2500*time.Millisecond, 0, messages("/v10", 1, 1)),
				spaced(3*second, 0, messages("/v10", 1, 115)),
			), 4*second + (116-25)*10*second/25 + roundTrip,
		},
		{
			"raised, sliding",
			discordtest.Limit{N: 25, Window: 10 * second, Sliding: true},
			2 * second, 50,
			// As above, but all would be back after 8 s, and one comes back each 0.2 s.
			slices.Concat(
				messages("/v10", 1, 20), spaced(2500*time.Millisecond, 0, messages("/v10", 1, 1)),
				spaced(3*second, 0, messages("/v10", 1, 200)),
			), 8*second + (201-50)*10*second/50 + roundTrip,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := discordFake(discordtest.Options{
					Global: -1,
					Limits: map[string]discordtest.Limit{postMessage: tt.limit},
					Change: func(_ string, since time.Duration, l discordtest.Limit) discordtest.Limit {
						if since >= tt.at+uplink {
							l.N = tt.n
						}
						return l
					},
				})
				defer f.Close()
				run(t, routesOnly(), f, tt.calls, tt.best)
			})
		})
	}
}

func TestADiscordBucketThatSomebodyElseHasUsed(t *testing.T) {
	const limit, window = 50, 10 * time.Second
	const before, pause = 30, 4 * time.Second
	for _, tt := range []struct {
		sliding bool
		n       int
		best    time.Duration
	}{
		// The 20 that are left, and 50 in each window after that of the others, which began with their first.
		{false, (limit - before) + 5*limit, 5*window - pause + roundTrip},
		// The 30 and ours together, less what may go at once, one by one.
		{true, 265, (before+265-limit)*window/limit - pause + roundTrip},
	} {
		t.Run(fmt.Sprint("sliding ", tt.sliding), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := discordFake(discordtest.Options{
					Global: -1,
					Limits: map[string]discordtest.Limit{postMessage: {N: limit, Window: window, Sliding: tt.sliding}},
				})
				defer f.Close()
				took := all(t, &http.Client{Transport: f.Transport()}, messages("/v10", 1, before))
				time.Sleep(pause - took)
				run(t, routesOnly(), f, messages("/v10", 1, tt.n), tt.best)
			})
		})
	}
}
