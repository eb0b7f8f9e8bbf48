package workload_test

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/underlimit/underlimit/providers/discord"
	"github.com/underlimit/underlimit/providers/discord/discordtest"
)

// Discord's edge lets nothing of ours in, whatever token it has, for an hour.
func TestAClientThatTheEdgeBlocksAsksOnceAMinuteAndHeals(t *testing.T) {
	for form, page := range map[string]bool{"an object": false, "a page": true} {
		t.Run(form, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				mended := time.Now().Add(time.Hour)
				f := discordFake(discordtest.Options{Refuse: func(*http.Request) discordtest.Refusal {
					if time.Now().After(mended) {
						return discordtest.Refusal{}
					}
					return discordtest.Refusal{Scope: discordtest.Blocked, Page: page}
				}})
				defer f.Close()
				client, registry := newClient(discord.New(nil), f)
				calls := messages("/v10", 30, 30)
				for i := range calls {
					calls[i].header = maps.Clone(calls[i].header)
					calls[i].header.Set("Authorization", fmt.Sprint("Bot test", i%3))
				}
				ctx, stop := context.WithCancel(t.Context())
				defer stop()
				for _, c := range calls {
					go do(ctx, client, c) // they are answered with 403, or not at all
				}
				time.Sleep(time.Hour)
				// One to each channel with each token, which left before the first answer; and those that went to see.
				if n, most := f.Report().Calls, 90+6+60; n > most {
					t.Errorf("%d calls in an hour, want at most %d", n, most)
				}
				time.Sleep(10 * time.Minute)
				if left := registry.Stats().Providers["discord"]; left.Waiting != 0 || left.InFlight != 0 {
					t.Errorf("%d calls wait though nothing is in their way", left.Waiting)
				}
			})
		})
	}
}

// A webhook is gone for all that uses it, by whatever route.
func TestADeletedWebhookIsLeftAloneOnAllOfItsRoutes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := discordFake(discordtest.Options{Gone: func(webhook string) bool { return webhook == "1" }})
		defer f.Close()
		client, _ := newClient(discord.New(nil), f)
		if err := do(t.Context(), client, hook("1", 1)[0]); err == nil {
			t.Fatal("it is not gone")
		}
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		for i, c := range hook("1", 400) {
			switch i % 4 {
			case 0:
				c.method, c.url = http.MethodPatch, c.url+"/messages/3"
			case 1:
				c.method, c.url = http.MethodDelete, c.url+"/messages/3"
			case 2:
				c.url += "/slack"
			}
			go do(ctx, client, c)
		}
		time.Sleep(time.Hour)
		if n, most := f.Report().Calls, 1+6+60; n > most {
			t.Errorf("%d calls in an hour, want at most %d", n, most)
		}
	})
}
