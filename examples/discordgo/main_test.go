package main

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bwmarrin/discordgo"

	"github.com/underlimit/underlimit/bucket"
	"github.com/underlimit/underlimit/examples/internal/discordload"
	discordlimits "github.com/underlimit/underlimit/providers/discord"
	"github.com/underlimit/underlimit/providers/discord/discordtest"
	"github.com/underlimit/underlimit/transport"
)

// sdk is discordgo. In a bubble no two of its senders may go to one channel: if they met on discordgo's own mutex, they
// would stop the bubble's clock.
func sdk(base http.RoundTripper) (discordload.Program, error) {
	session, err := newSession("test", base)
	return func(channels []string, senders, n int) error { return run(session, channels, senders, n) }, err
}

func TestDiscordGoStaysUnderTheLimitsOfManyChannels(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { discordload.Many(t, sdk, 1, 0) })
}

func TestDiscordGoUsesTheGlobalLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { discordload.Global(t, sdk) })
}

func TestDiscordGoUsesAHotBucketOneAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { discordload.Hot(t, sdk, 1, true) })
}

func TestDiscordGoKeepsEachSendersOrderUnderContention(t *testing.T) {
	t.Parallel()
	fake := discordtest.NewServer(&discordtest.Options{
		Line: discordload.Line,
		Limits: map[string]discordtest.Limit{ // short windows, as this takes real time
			discordload.PostMessage: {N: 5, Window: 500 * time.Millisecond},
		},
	})
	defer fake.Close()
	session, err := newSession("test", fake.Loopback())
	if err != nil {
		t.Fatal(err)
	}
	channels := []string{"100000000000000001", "100000000000000002", "100000000000000003"}
	const senders, n = 4, 5
	if err := run(session, channels, senders, n); err != nil {
		t.Fatal(err)
	}
	discordload.Check(t, fake, len(channels)*senders*n)
}

// Two sessions send to one channel, and neither knows what the other takes: what is too much, the transport refuses in
// Discord's own words, and discordgo waits.
func TestDiscordGoUnderstandsRefusals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := discordtest.NewServer(&discordtest.Options{Line: discordload.Line})
		defer fake.Close()
		refused := 0
		limits := transport.New(discordlimits.New(nil), &transport.Options{
			Base: fake.Transport(), Mode: bucket.Reject, Refusal: transport.RefuseWith429, Trace: &transport.Trace{
				Finished: func(_ context.Context, i transport.FinishedInfo) {
					if i.Err != nil {
						refused++
					}
				},
			},
		})
		var sessions [2]*discordgo.Session
		for i := range sessions {
			session, err := discordgo.New("Bot test")
			if err != nil {
				t.Fatal(err)
			}
			session.Client = &http.Client{Transport: limits} // and its own retries stay on
			sessions[i] = session
		}
		const n = 12
		for i := range n {
			if _, err := sessions[i%2].ChannelMessageSend("100000000000000001", fmt.Sprintf("a: message %d", i)); err != nil {
				t.Fatal(err)
			}
		}
		discordload.Check(t, fake, n)
		if refused == 0 {
			t.Error("nothing was refused")
		}
	})
}
