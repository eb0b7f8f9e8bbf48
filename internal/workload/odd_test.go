package workload_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/underlimit/underlimit/providers/discord"
	"github.com/underlimit/underlimit/providers/discord/discordtest"
)

// renames is n changes of the name of a channel.
func renames(n int) []call {
	calls := messages("/v10", 1, n)
	for i := range calls {
		calls[i].method, calls[i].body = http.MethodPatch, fmt.Sprintf(`{"name":"%d"}`, i)
		calls[i].url = strings.TrimSuffix(calls[i].url, "/messages")
	}
	return calls
}

// A bot does everything at once, and Discord is as odd as it has been seen to be.
func TestABotThatDoesEverythingIsRefusedWhatNobodyCouldKnowOnly(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			afterTheEpoch(t, func(t *testing.T) {
				rnd := rand.New(rand.NewPCG(seed, 5))
				f := discordFake(discordtest.Options{
					DeletionAges: true, OldEdits: true, Renames: true, GlobalInteractions: true, GlobalFixed: rnd.IntN(2) == 0,
					WebhookChannel: func(webhook string) string { return strings.Trim(webhook, "0123456789") },
					Jitter:         jitter, Seed: seed, Skew: time.Duration(rnd.IntN(1000)) * time.Millisecond,
					Limits: map[string]discordtest.Limit{
						postMessage: {N: 5, Window: 5 * time.Second, Sliding: rnd.IntN(2) == 0},
					},
				})
				defer f.Close()
				client, registry := newClient(discord.New(&discord.Options{OmitAuthorization: true}), f)
				var firsts []call
				for id := range 200 {
					firsts = append(firsts, answerTo(id))
				}
				calls := slices.Concat(messages("/v10", 20, 30), edits(2, 12), renames(6),
					deletions(aMonth, 60), deletions(anHour, 60), hook("1a", 40), hook("2a", 40), hook("3b", 20),
					followUps(10, 12), firsts)
				rnd.Shuffle(len(calls), func(i, j int) { calls[i], calls[j] = calls[j], calls[i] })
				took := all(t, client, calls)

				quick(t, took, 2*10*time.Minute+2*jitter+roundTrip) // of the renames, two in ten minutes
				r := f.Report()
				if r.Calls-r.Refused != len(calls) || r.OK != len(calls) || r.ViolationCount != 0 {
					t.Errorf("%d calls, %d refused, %d processed, want %d; violations %v",
						r.Calls, r.Refused, r.OK, len(calls), r.Violations)
				}
				for bucket, n := range r.RefusedBy {
					if n > hidden(bucket) {
						t.Errorf("%s refused %d, want at most %d", bucket, n, hidden(bucket))
					}
				}
				idle(t, registry)
			})
		})
	}
}

// hidden is how often a limit that only refusals show may refuse: once, and where webhooks share it, each of them, and
// again as it turns out that others use it, too.
func hidden(bucket string) int {
	switch {
	case strings.HasPrefix(bucket, patchChannel+" name"), strings.HasPrefix(bucket, patchMessage+" old"):
		return 1
	case strings.HasPrefix(bucket, "shared"):
		return 2 * 2
	}
	return 0
}
