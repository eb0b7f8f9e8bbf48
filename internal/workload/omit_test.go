package workload_test

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/underlimit/underlimit/providers/discord"
	"github.com/underlimit/underlimit/providers/discord/discordtest"
)

// A bot sends as much as its global limit lets it, and next to it webhooks send through its SDK, which adds its token.
func TestWebhooksSentWithoutABotsTokenLeaveItsGlobalLimitAlone(t *testing.T) {
	const bots, ids, each = 1000, 10, 20
	const hooks = ids*each + 1 // one is refused, and sent again
	for _, omit := range []bool{false, true} {
		t.Run("omit "+strconv.FormatBool(omit), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				withToken, refused := 0, false
				f := discordFake(discordtest.Options{Refuse: func(r *http.Request) (refusal discordtest.Refusal) {
					if !strings.Contains(r.URL.Path, "/webhooks/") {
						return refusal
					}
					if r.Header["Authorization"] != nil {
						withToken++
					}
					if !refused {
						refused = true
						refusal = discordtest.Refusal{Scope: discordtest.Shared, After: time.Second}
					}
					return refusal
				}})
				defer f.Close()
				client, _ := newClient(discord.New(&discord.Options{OmitAuthorization: omit}), f)
				calls := messages("/v10", bots/5, 5)
				for id := range ids {
					for _, c := range hook(strconv.Itoa(id), each) {
						c.header = calls[0].header
						calls = append(calls, c)
					}
				}
				took := all(t, client, calls)
				ofBot := 0 // counted against it
				for _, a := range f.Arrivals() {
					if slices.ContainsFunc(a.Buckets, func(b string) bool { return strings.HasPrefix(b, "global #") }) {
						ofBot++
					}
				}
				if r := f.Report(); r.Calls != bots+hooks || r.Refused != 1 || r.ViolationCount != 0 {
					t.Errorf("%d calls, %v refused, violations %v", r.Calls, r.RefusedBy, r.Violations)
				}
				if !omit {
					if withToken != hooks || ofBot != bots+hooks {
						t.Errorf("%d calls came with the token, %d were the bot's, want all", withToken, ofBot)
					}
					return
				}
				if withToken != 0 || ofBot != bots {
					t.Errorf("%d calls of webhooks came with the token, %d were the bot's, want 0 and %d", withToken, ofBot, bots)
				}
				quick(t, took, (bots/50-1)*time.Second+roundTrip)
			})
		})
	}
}
