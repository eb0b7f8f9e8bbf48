package workload_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/underlimit/underlimit/providers/discord/discordtest"
)

// All that sets or removes a reaction has one counter, which no answer can tell of before the first.
func TestDiscordReactionsSetAndRemovedAtOnceAreNotRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := discordFake(discordtest.Options{Global: -1})
		defer f.Close()
		const n = 120
		var kinds [][]call
		for _, kind := range [][2]string{
			{http.MethodPut, "/a:7/@me"}, {http.MethodDelete, "/a:7/@me"}, {http.MethodDelete, "/a:7/9"}, {http.MethodDelete, ""},
		} {
			calls := messages("/v10", 1, n/4)
			for i := range calls {
				calls[i].method, calls[i].body = kind[0], ""
				calls[i].url = strings.TrimSuffix(calls[i].url, "/messages") + fmt.Sprintf("/messages/%d/reactions%s", 5+i, kind[1])
			}
			kinds = append(kinds, calls)
		}
		// One each quarter of a second, and told in milliseconds, of which one may not be trusted.
		run(t, routesOnly(), f, mixed(kinds...), (n-1)*251*time.Millisecond+roundTrip)
	})
}
