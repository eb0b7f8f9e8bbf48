package main

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bwmarrin/discordgo"

	discordlimits "github.com/underlimit/underlimit/providers/discord"
	"github.com/underlimit/underlimit/providers/discord/discordtest"
)

// InteractionResponseEdit has one lock for all interactions: 20 edits would take 20 round trips.
func TestEditsOfAnswersPastDiscordGosLockGoAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const up, down = 40 * time.Millisecond, 60 * time.Millisecond
		fake := discordtest.NewServer(&discordtest.Options{Uplink: up, Downlink: down})
		defer fake.Close()
		session, err := newSession("test", fake.Transport(), &discordlimits.Options{OmitAuthorization: true})
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		var edits sync.WaitGroup
		for i := range 20 {
			edits.Go(func() {
				url := discordgo.EndpointWebhookMessage("1", fmt.Sprint("token", i), "@original")
				_, err := session.RequestWithLockedBucket(http.MethodPatch, url, "application/json",
					[]byte(`{"content":"done"}`), discordgo.NewRatelimiter().LockBucket(""), 0)
				if err != nil {
					t.Error(err)
				}
			})
		}
		edits.Wait()
		if took := time.Since(start); took != up+down {
			t.Errorf("20 edits took %v, want one round trip, %v", took, up+down)
		}
		if r := fake.Report(); r.OK != 20 || r.Refused != 0 {
			t.Errorf("processed %d and refused %d, want 20 and 0", r.OK, r.Refused)
		}
	})
}
