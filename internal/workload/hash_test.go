package workload_test

import (
	"fmt"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/underlimit/underlimit/providers/discord/discordtest"
)

func TestADiscordHashThatFlipsDelaysNobody(t *testing.T) {
	const window = 10 * time.Second
	const limit, n = 50, 300
	answers := 0
	for name, flip := range map[string]func(since time.Duration) (hash, counter string){
		"now and then": func(since time.Duration) (string, string) {
			return numbered(int(since / (7 * time.Second))), "posts"
		},
		"with every answer": func(time.Duration) (string, string) {
			answers++
			return numbered(answers % 2), "posts"
		},
	} {
		for how, every := range map[string]time.Duration{"at once": 0, "one by one": 150 * time.Millisecond} {
			t.Run(fmt.Sprint(name, ", calls ", how), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					f := flipping(limit, window, flip)
					defer f.Close()
					// The counter goes on, whatever it is called. Calls that come one by one are more than fit, too.
					run(t, routesOnly(), f, spaced(0, every, messages("/v10", 1, n)), (n/limit-1)*window+roundTrip)
				})
			})
		}
	}
}

func TestADiscordHashThatFlipsToAnotherCounterDelaysNobody(t *testing.T) {
	const window = 10 * time.Second
	const limit, n = 50, 300
	synctest.Test(t, func(t *testing.T) {
		f := flipping(limit, window, func(since time.Duration) (string, string) {
			return numbered(int((since + 5*time.Second) / (20 * time.Second))), ""
		})
		defer f.Close()
		// Each window is used up at once. That the route has another counter in the middle of it, which is full, nobody
		// can know before the window ends and an answer tells; so this is the best possible for all but a prophet.
		run(t, routesOnly(), f, messages("/v10", 1, n), (n/limit-1)*window+roundTrip)
	})
}

func numbered(i int) (hash string) { return "hash" + strconv.Itoa(i) }

// flipping is a fake with a limit on messages whose hash and counter change with the time since the start.
func flipping(
	n int, window time.Duration, flip func(since time.Duration) (hash, counter string),
) *discordtest.Server {
	return discordFake(discordtest.Options{
		Global: -1,
		Limits: map[string]discordtest.Limit{postMessage: {N: n, Window: window}},
		Change: func(_ string, since time.Duration, l discordtest.Limit) discordtest.Limit {
			l.Hash, l.Counter = flip(since)
			return l
		},
	})
}

func TestADiscordHashThatMeansTwoCounters(t *testing.T) {
	limit := func(counter string) discordtest.Limit {
		return discordtest.Limit{N: 5, Window: 5 * time.Second, Hash: "hash", Counter: counter}
	}
	synctest.Test(t, func(t *testing.T) {
		f := discordFake(discordtest.Options{
			Global: -1, Limits: map[string]discordtest.Limit{postMessage: limit("posts"), patchMessage: limit("edits")},
		})
		defer f.Close()
		// The first answers prove it: both say that 4 are left.
		calls := slices.Concat(messages("/v10", 20, 30), edits(20, 30))
		run(t, routesOnly(), f, calls, (30/5-1)*5*time.Second+roundTrip)
	})
}

func TestADiscordHashThatMeansOneCounter(t *testing.T) {
	limit := discordtest.Limit{N: 5, Window: 5 * time.Second, Hash: "hash"}
	synctest.Test(t, func(t *testing.T) {
		f := discordFake(discordtest.Options{
			Global: -1, Limits: map[string]discordtest.Limit{postMessage: limit, patchMessage: limit},
		})
		defer f.Close()
		// Nobody knows of two routes that they share a counter before both were answered once: the first of each go one
		// after the other, to a channel where nothing else is, which leaves no reason for a refusal anywhere.
		const known = time.Second
		calls := slices.Concat(
			spaced(0, 0, messages("/v10", 21, 1)[20:]), spaced(known/2, 0, edits(21, 1)[20:]),
			spaced(known, 0, messages("/v10", 20, 15)), spaced(known, 0, edits(20, 15)),
		)
		run(t, routesOnly(), f, calls, known+(30/5-1)*5*time.Second+roundTrip)
	})
}
