package workload_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/underlimit/underlimit/providers/discord"
	"github.com/underlimit/underlimit/providers/discord/discordtest"
)

// interactionToken is the token of an interaction.
func interactionToken(id int) string { return fmt.Sprintf("aW50ZXJhY3Rpb246%d", id) }

// answerTo is the first answer to an interaction, with the bot's token, which it does not need.
func answerTo(id int) call {
	return call{
		method: http.MethodPost, body: `{"type":5}`,
		url:    fmt.Sprintf("https://discord.com/api/v10/interactions/%d/%s/callback", id, interactionToken(id)),
		header: http.Header{"Authorization": {"Bot test"}, "Content-Type": {"application/json"}},
	}
}

// followUps are n later answers to each of some interactions, the interactions in turn, with the bot's token.
func followUps(interactions, n int) []call {
	var calls []call
	for i := range n {
		for id := range interactions {
			c := answerTo(id)
			c.url = "https://discord.com/api/v10/webhooks/300000000000000000/" + interactionToken(id)
			c.body = fmt.Sprintf(`{"content":"message %d"}`, i)
			calls = append(calls, c)
		}
	}
	return calls
}

// A bot sends as much as its global limit lets it, and meanwhile answers interactions through its SDK, which adds its
// token to the answers, too.
func TestLaterAnswersToInteractionsLeaveTheGlobalLimitAlone(t *testing.T) {
	const sent, answers = 1000, 500
	for name, tt := range map[string]struct {
		count, omit bool
		refuses     bool
	}{
		"as Discord documents it":                        {},
		"counted by the token they come with":            {count: true, refuses: true},
		"counted by the token, and sent without one":     {count: true, omit: true},
		"not counted, and sent without one all the same": {omit: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := discordFake(discordtest.Options{GlobalInteractions: tt.count})
				defer f.Close()
				p := discord.New(&discord.Options{OmitAuthorization: tt.omit})
				calls := mixed(messages("/v10", sent/5, 5), followUps(answers, 1))
				if !tt.refuses {
					run(t, p, f, calls, (sent/50-1)*time.Second+roundTrip)
					return
				}
				client, _ := newClient(p, f)
				start := time.Now()
				send(t.Context(), client, calls)
				r := f.Report()
				t.Logf("%d refused, %d processed, took %v", r.Refused, r.OK, time.Since(start))
				if r.Refused != r.RefusedBy["global #1"] || r.Refused < answers {
					t.Errorf("%v refused, want at least as many as there are answers, by the global limit", r.RefusedBy)
				}
			})
		})
	}
}

// arrivals are when requests to a path arrived, since an instant.
func arrivals(f *discordtest.Server, part string, since time.Time) []time.Duration {
	var at []time.Duration
	for _, d := range f.Delivered() {
		if strings.Contains(d.Path, part) {
			at = append(at, d.At.Sub(since))
		}
	}
	return at
}

func TestAFirstAnswerToAnInteractionLeavesAtOnceWhileAllElseIsExhausted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := discordFake(discordtest.Options{Renames: true})
		defer f.Close()
		client, registry := newClient(discord.New(nil), f)
		start := time.Now()
		exhausting := slices.Concat(
			messages("/v10", 40, 50), edits(40, 50), followUps(4, 100), hook("1", 100), renames(8),
		)
		var firsts []call
		for id := range 300 { // six times the global limit, at instants of all kinds
			c := answerTo(id)
			c.at = time.Duration(id/3) * 97 * time.Millisecond
			firsts = append(firsts, c)
		}
		done := make(chan time.Duration)
		go func() { done <- all(t, client, exhausting) }()
		synctest.Wait()
		if waiting := registry.Stats().Providers["discord"].Waiting; waiting < 4000 {
			t.Errorf("%d requests wait, which is no exhaustion", waiting)
		}
		all(t, client, firsts)

		want := make([]time.Duration, len(firsts))
		for i, c := range firsts {
			want[i] = c.at + uplink
		}
		if got := arrivals(f, "/callback", start); !slices.Equal(got, want) {
			t.Errorf("first answers arrived at %v, want %v", got, want)
		}
		<-done
		if r := f.Report(); r.RefusedBy["global #1"] != 0 || r.ViolationCount != 0 {
			t.Errorf("refused by %v, violations %v", r.RefusedBy, r.Violations)
		}
	})
}
