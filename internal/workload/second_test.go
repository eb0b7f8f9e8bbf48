package workload_test

import (
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/underlimit/underlimit/providers/discord"
	"github.com/underlimit/underlimit/providers/discord/discordtest"
)

// Deletions of old messages are refused by the limit of young ones, too, of which no other answer to them tells:
// https://github.com/discord/discord-api-docs/issues/8330
func TestTheSecondLimitOfOldDeletionsRefusesOne(t *testing.T) {
	for name, hash := range map[string]string{"told as it refuses": "young", "not told of": ""} {
		t.Run(name, func(t *testing.T) {
			afterTheEpoch(t, func(t *testing.T) {
				f := discordFake(discordtest.Options{Global: -1, DeletionAges: true, Limits: map[string]discordtest.Limit{
					deleteMessage + " young":    {N: 5, Window: time.Second, Hash: "young"},
					deleteMessage + " old also": {N: 5, Window: time.Second, Hash: hash, Counter: "young"},
				}})
				defer f.Close()
				client, _ := newClient(discord.New(nil), f)
				quick(t, all(t, client, deletions(aMonth, 300)), 59*time.Second+roundTrip)
				oneRefusal(t, f, 300)
			})
		})
	}
}

// Of users, many may be asked for in a long time, and few in a short one, of which only refusals tell:
// https://github.com/discord/discord-api-docs/issues/7394
func TestASecondLimitOfWhichNobodyKnowsIsLearnedByItsSecondRefusal(t *testing.T) {
	const route, n = "GET /users/{user}", 300
	for name, tt := range map[string]struct {
		first, second discordtest.Limit
	}{
		"told as it refuses":              {discordtest.Limit{N: 2000, Window: time.Hour}, discordtest.Limit{Hash: "narrow"}},
		"not told of":                     {discordtest.Limit{N: 2000, Window: time.Hour}, discordtest.Limit{}},
		"of a route that tells of none":   {discordtest.Limit{}, discordtest.Limit{}},
		"alone, and told by nothing else": {discordtest.Limit{Silent: true}, discordtest.Limit{}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tt.second.N, tt.second.Window = 30, 30*time.Second
				f := discordFake(discordtest.Options{Limits: map[string]discordtest.Limit{
					route: tt.first, route + " also": tt.second,
				}})
				defer f.Close()
				client, _ := newClient(discord.New(nil), f)
				calls := messages("/v10", 1, n)
				for i := range calls {
					calls[i].method, calls[i].body = http.MethodGet, ""
					calls[i].url = fmt.Sprintf("https://discord.com/api/v10/users/%d", 400000000000000000+i)
				}
				quick(t, all(t, client, calls), (n/30-1)*30*time.Second+roundTrip)
				// Of the fifty that the global limit lets go at once, the twenty too many, and one more.
				if r := f.Report(); r.Refused > 20+1 || r.ViolationCount != 0 || r.OK != n {
					t.Errorf("%d refused, %d violations, %d processed; want at most 21, 0, %d: %v",
						r.Refused, r.ViolationCount, r.OK, n, r.RefusedBy)
				}
			})
		})
	}
}
