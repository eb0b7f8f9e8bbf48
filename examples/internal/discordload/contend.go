package discordload

import (
	"fmt"
	"sync"
	"testing"
	"time"

	discordlimits "github.com/underlimit/underlimit/providers/discord"
	"github.com/underlimit/underlimit/providers/discord/discordtest"
)

// Contend has goroutines of an SDK meet on all kinds of routes, over a loopback address and in real time, for which all
// windows are short. It fails the test unless everything is processed once, each goroutine's in order, and nothing
// refused.
func Contend(t *testing.T, sdk Trialist) {
	t.Helper()
	const goroutines, n = 4, 6
	limit := discordtest.Limit{N: 5, Window: 300 * time.Millisecond}
	fake := discordtest.NewServer(&discordtest.Options{
		Line: Line, GlobalInteractions: true,
		Limits: map[string]discordtest.Limit{
			PostMessage:                                     limit,
			"POST /webhooks/{webhook}/{token}":              limit,
			"PATCH /channels/{channel}/messages/{message}":  limit,
			"DELETE /channels/{channel}/messages/{message}": limit,
		},
	})
	defer fake.Close()
	calls, err := sdk(fake.Loopback(), &discordlimits.Options{OmitAuthorization: true})
	if err != nil {
		t.Fatal(err)
	}
	channel := Channels(1)[0]
	kinds := []func(g, i int) error{
		func(g, i int) error { return calls.Send(channel, text(fmt.Sprint("messages ", g), i)) },
		func(g, i int) error { return calls.Edit(channel, channel, text(fmt.Sprint("edits ", g), i)) },
		func(g, i int) error { return calls.Delete(channel, message(aDay, g*n+i)) },
		func(g, i int) error { return calls.Execute(channel, "secret", text(fmt.Sprint("webhook ", g), i)) },
		func(g, i int) error {
			return calls.FollowUp(channel, token(channel), text(fmt.Sprint("answers ", g), i))
		},
		func(g, i int) error {
			interaction := message(0, g*n+i)
			return calls.Respond(interaction, token(interaction))
		},
	}
	var wg sync.WaitGroup
	for _, kind := range kinds {
		for g := range goroutines {
			wg.Go(func() {
				for i := range n {
					if err := kind(g, i); err != nil {
						t.Error(err)
					}
				}
			})
		}
	}
	wg.Wait()
	Check(t, fake, len(kinds)*goroutines*n)
}
