package workload_test

import (
	"context"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/underlimit/underlimit/providers/discord"
	"github.com/underlimit/underlimit/providers/discord/discordtest"
)

func TestAnAnswerToAnInteractionWaitsForNothing(t *testing.T) {
	refused := map[string]bool{}
	once := func(r *http.Request, part string, answer discordtest.Refusal) discordtest.Refusal {
		if !strings.Contains(r.URL.Path, part) || refused[part] {
			return discordtest.Refusal{}
		}
		refused[part] = true
		return answer
	}
	synctest.Test(t, func(t *testing.T) {
		f := discordFake(discordtest.Options{Refuse: func(r *http.Request) discordtest.Refusal {
			for part, answer := range map[string]discordtest.Refusal{
				"/messages":        {Scope: discordtest.Global, After: 30 * time.Second},
				"/interactions/1/": {Scope: discordtest.Shared, After: 2 * time.Second},
				"/interactions/2/": {Scope: discordtest.Shared, After: 30 * time.Second},
			} {
				if answer = once(r, part, answer); answer.Scope != "" {
					return answer
				}
			}
			return discordtest.Refusal{}
		}})
		defer f.Close()
		client, _ := newClient(discord.New(nil), f)
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		for _, c := range messages("/v10", 5, 100) {
			go do(ctx, client, c) // they are only in the way
		}
		time.Sleep(time.Second) // by then all of them wait

		took := func(c call) (time.Duration, error) {
			start := time.Now()
			err := do(t.Context(), client, c)
			return time.Since(start), err
		}
		if d, err := took(answerTo(1)); d != 2*time.Second+2*roundTrip || err != nil {
			t.Errorf("one that was refused for two seconds took %v: %v", d, err)
		}
		if d, err := took(answerTo(2)); d != roundTrip || err == nil || !strings.Contains(err.Error(), "429") {
			t.Errorf("one that was refused until it is too late ended after %v with %v", d, err)
		}
		for id := range 60 { // more than the global limit
			if d, err := took(answerTo(10 + id)); d != roundTrip || err != nil {
				t.Errorf("an answer took %v: %v", d, err)
			}
		}
		if f.Report().RefusedBy["global #1"] != 1 || len(refused) != 3 {
			t.Errorf("refused by %v", f.Report().RefusedBy)
		}
	})
}

func TestARefusedCredentialIsAskedWithOnceAMinuteAndHeals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var valid atomic.Bool
		f := discordFake(discordtest.Options{
			Authorized: func(credential string) bool { return credential == "Bot other" || valid.Load() },
		})
		defer f.Close()
		client, registry := newClient(discord.New(nil), f)
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		calls := messages("/v10", 40, 50)
		for _, c := range calls {
			go do(ctx, client, c) // most of them are answered with 401, or not at all
		}
		time.Sleep(time.Hour)
		// Those that left before the first answer came, and those that went to see: six in the first minute.
		if n, most := f.Report().Calls, 40+6+60; n > most {
			t.Errorf("%d calls in an hour, want at most %d", n, most)
		}
		c := calls[0]
		c.header = http.Header{"Authorization": {"Bot other"}}
		start := time.Now()
		if err := do(t.Context(), client, c); err != nil || time.Since(start) != roundTrip {
			t.Errorf("with another credential it took %v: %v", time.Since(start), err)
		}
		valid.Store(true)
		time.Sleep(10 * time.Minute)
		if left := registry.Stats().Providers["discord"]; left.Waiting != 0 || left.InFlight != 0 {
			t.Errorf("%d calls wait though the credential is valid", left.Waiting)
		}
	})
}

// hook is n messages by a webhook.
func hook(id string, n int) []call {
	calls := messages("/v10", 1, n)
	for i := range calls {
		calls[i].url = "https://discord.com/api/v10/webhooks/" + id + "/aWebhookSecret"
		calls[i].header = http.Header{"Content-Type": {"application/json"}}
	}
	return calls
}

func TestADeletedWebhookIsLeftAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := discordFake(discordtest.Options{Gone: func(webhook string) bool { return webhook == "1" }})
		defer f.Close()
		client, _ := newClient(discord.New(nil), f)
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		for _, c := range hook("1", 1000) {
			go do(ctx, client, c) // they are answered with 404, or not at all
		}
		time.Sleep(time.Hour)
		if n, most := f.Report().Calls, 6+60; n > most {
			t.Errorf("%d calls in an hour, want at most %d", n, most)
		}
		start := time.Now()
		if err := do(t.Context(), client, hook("2", 1)[0]); err != nil || time.Since(start) != roundTrip {
			t.Errorf("another webhook took %v: %v", time.Since(start), err)
		}
	})
}
