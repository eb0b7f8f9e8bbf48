package main

import (
	"cmp"
	"context"
	"errors"
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
	session, err := newSession("test", base, nil)
	if err != nil {
		return nil, err
	}
	return program(session), nil
}

func program(session *discordgo.Session) discordload.Program {
	return func(channels []string, senders, n int) error { return run(session, channels, senders, n) }
}

// seeing is discordgo that sees what answers tell of limits, and sleeps by it.
func seeing(base http.RoundTripper) (discordload.Program, error) {
	session, err := newSession("test", base, nil)
	if err != nil {
		return nil, err
	}
	session.Client.Transport = transport.New(discordlimits.New(nil), &transport.Options{Base: base})
	return program(session), nil
}

// unlocked is discordgo with a bucket of its own limiter for each call, so that no call waits for another's lock.
func unlocked(base http.RoundTripper) (discordload.Program, error) {
	session, err := newSession("test", base, nil)
	return func(channels []string, senders, n int) error {
		errs := make(chan error, senders)
		for sender := range senders {
			go func() {
				for i := range n {
					_, err := session.RequestWithLockedBucket(http.MethodPost, discordgo.EndpointChannelMessages(channels[0]),
						"application/json", fmt.Appendf(nil, `{"content":"%d: message %d"}`, sender, i),
						discordgo.NewRatelimiter().LockBucket(""), 0)
					if err != nil {
						errs <- err
						return
					}
				}
				errs <- nil
			}()
		}
		var err error
		for range senders {
			err = cmp.Or(err, <-errs)
		}
		return err
	}, err
}

var variants = map[string]discordload.SDK{"with hidden limits": sdk, "with limits it sees": seeing}

func TestDiscordGoStaysUnderTheLimitsOfManyChannels(t *testing.T) {
	for name, sdk := range variants {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { discordload.Many(t, sdk, 1, 0) })
		})
	}
}

func TestDiscordGoUsesTheGlobalLimit(t *testing.T) {
	for name, sdk := range variants {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { discordload.Global(t, sdk) })
		})
	}
}

func TestDiscordGoUsesAHotBucket(t *testing.T) {
	for name, sdk := range variants {
		t.Run("one at a time, "+name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { discordload.Hot(t, sdk, 1, true) })
		})
	}
	t.Run("with a bucket for each call", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) { discordload.Hot(t, unlocked, 100, false) })
	})
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
	session, err := newSession("test", fake.Loopback(), nil)
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

// A sixth message has a second to be sent in, and its channel's window ends after five.
func TestDiscordGoSleepsThroughADeadlineUnlessLimitsAreHidden(t *testing.T) {
	for _, test := range []struct {
		hide bool
		took time.Duration
	}{{false, 5 * time.Second}, {true, 0}} {
		t.Run(fmt.Sprintf("hidden: %v", test.hide), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				fake := discordtest.NewServer(&discordtest.Options{Line: discordload.Line})
				defer fake.Close()
				session, err := newSession("test", fake.Transport(), nil)
				if err != nil {
					t.Fatal(err)
				}
				session.Client.Transport = transport.New(discordlimits.New(nil), &transport.Options{
					Base: fake.Transport(), HideLimits: test.hide,
				})
				channels := discordload.Channels(1)
				if err := run(session, channels, 1, 5); err != nil {
					t.Fatal(err)
				}
				start := time.Now()
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				_, err = session.ChannelMessageSend(channels[0], "late", discordgo.WithContext(ctx))
				_, told := errors.AsType[*bucket.WaitError](err)
				if took := time.Since(start); !told || took != test.took {
					t.Errorf("got error %v after %v, want a WaitError after %v", err, took, test.took)
				}
				discordload.Check(t, fake, 5)
			})
		})
	}
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

func TestDiscordGosCallsMayContendOnAnyRoute(t *testing.T) {
	t.Parallel()
	discordload.Contend(t, trialist)
}

func TestDiscordGoGetsThroughTrials(t *testing.T) {
	discordload.Trials(t, true, func() discordload.Trialist { return trialist })
}

func trialist(base http.RoundTripper, o *discordlimits.Options) (discordload.Calls, error) {
	s, err := newSession("test", base, o)
	return discordload.Calls{
		Send: func(channel, text string) error { _, err := s.ChannelMessageSend(channel, text); return err },
		Edit: func(channel, message, text string) error {
			_, err := s.ChannelMessageEdit(channel, message, text)
			return err
		},
		Read: func(channel string) error { _, err := s.ChannelMessages(channel, 1, "", "", ""); return err },
		Rename: func(channel, name string) error {
			_, err := s.ChannelEdit(channel, &discordgo.ChannelEdit{Name: name})
			return err
		},
		Slow: func(channel string, seconds int) error {
			_, err := s.ChannelEdit(channel, &discordgo.ChannelEdit{RateLimitPerUser: &seconds})
			return err
		},
		Delete: func(channel, message string) error { return s.ChannelMessageDelete(channel, message) },
		Execute: func(webhook, token, text string) error {
			_, err := s.WebhookExecute(webhook, token, false, &discordgo.WebhookParams{Content: text})
			return err
		},
		Hook: func(webhook, token, text string) error {
			_, err := s.Request(http.MethodPost, "https://discord.com/api/webhooks/"+webhook+"/"+token,
				map[string]string{"content": text})
			return err
		},
		Respond: func(interaction, token string) error {
			return s.InteractionRespond(&discordgo.Interaction{ID: interaction, Token: token},
				&discordgo.InteractionResponse{Type: discordgo.InteractionResponseDeferredChannelMessageWithSource})
		},
		FollowUp: func(application, token, text string) error {
			_, err := s.FollowupMessageCreate(&discordgo.Interaction{AppID: application, Token: token}, true,
				&discordgo.WebhookParams{Content: text})
			return err
		},
	}, err
}
