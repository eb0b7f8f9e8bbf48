package main

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/disgoorg/disgo/discord"
	"github.com/disgoorg/disgo/rest"
	"github.com/disgoorg/snowflake/v2"

	"github.com/underlimit/underlimit/examples/internal/discordload"
	discordlimits "github.com/underlimit/underlimit/providers/discord"
)

func sdk(own rest.RateLimiter) discordload.SDK {
	return func(base http.RoundTripper) (discordload.Program, error) {
		client := newClient("test", base, own, nil)
		return func(channels []string, senders, n int) error { return run(client, channels, senders, n) }, nil
	}
}

// limiters are those that a client of disgo may have of its own, with as many senders to one channel as each stands.
// disgo's limiter has a goroutine that never ends, so that it must begin outside of a bubble, and reads the name of a
// bucket before it locks it: the race detector sees that as soon as two senders share a channel.
func limiters() map[string]limiter {
	senders, hot := 4, 100
	if raceDetector {
		senders, hot = 1, 1
	}
	return map[string]limiter{
		"without its limiter": {rest.NewNoopRateLimiter(), 4, 100, false},
		"with its limiter":    {newLimiter(), senders, hot, true},
	}
}

func newLimiter() rest.RateLimiter { return rest.NewRateLimiter(rest.WithCleanupInterval(time.Hour)) }

type limiter struct {
	rest.RateLimiter
	senders    int // to each of several channels
	hot        int // to one that allows far more than one at a time
	oneAtATime bool
}

func TestDisgoStaysUnderTheLimitsOfManyChannels(t *testing.T) {
	for name, own := range limiters() {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { discordload.Many(t, sdk(own), own.senders, 0) })
		})
	}
}

func TestDisgoUsesTheGlobalLimit(t *testing.T) {
	for name, own := range limiters() {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { discordload.Global(t, sdk(own)) })
		})
	}
}

func TestDisgoUsesAHotBucket(t *testing.T) {
	for name, own := range limiters() {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { discordload.Hot(t, sdk(own), own.hot, own.oneAtATime) })
		})
	}
}

func TestDisgosCallsMayContendOnAnyRoute(t *testing.T) {
	t.Parallel()
	discordload.Contend(t, trialist(rest.NewNoopRateLimiter()))
}

func TestDisgoGetsThroughTrials(t *testing.T) {
	discordload.Trials(t, false, func() discordload.Trialist { return trialist(rest.NewNoopRateLimiter()) })
}

// With its limiter, calls that share a route of a channel would wait for one another, and for what the last answer said.
func TestDisgoGetsThroughTrialsWithItsLimiter(t *testing.T) {
	discordload.Trials(t, true, func() discordload.Trialist { return trialist(newLimiter()) })
}

func trialist(own rest.RateLimiter) discordload.Trialist {
	id := snowflake.MustParse
	return func(base http.RoundTripper, o *discordlimits.Options) (discordload.Calls, error) {
		c := newClient("test", base, own, o)
		execute := func(c rest.Webhooks, webhook, token, text string) error {
			_, err := c.CreateWebhookMessage(id(webhook), token,
				discord.WebhookMessageCreate{Content: text}, rest.CreateWebhookMessageParams{})
			return err
		}
		unversioned := rest.NewWebhooks(rest.NewClient("", rest.WithURL("https://discord.com/api"),
			rest.WithHTTPClient(c.HTTPClient()), rest.WithRateLimiter(rest.NewNoopRateLimiter())), discord.AllowedMentions{})
		return discordload.Calls{
			Send: func(channel, text string) error {
				_, err := c.CreateMessage(id(channel), discord.MessageCreate{Content: text})
				return err
			},
			Edit: func(channel, message, text string) error {
				_, err := c.UpdateMessage(id(channel), id(message), discord.MessageUpdate{Content: &text})
				return err
			},
			Read: func(channel string) error { _, err := c.GetMessages(id(channel), 0, 0, 0, 1); return err },
			Rename: func(channel, name string) error {
				_, err := c.UpdateChannel(id(channel), discord.GuildTextChannelUpdate{Name: &name})
				return err
			},
			Slow: func(channel string, seconds int) error {
				_, err := c.UpdateChannel(id(channel), discord.GuildTextChannelUpdate{RateLimitPerUser: &seconds})
				return err
			},
			Delete:  func(channel, message string) error { return c.DeleteMessage(id(channel), id(message)) },
			Execute: func(webhook, token, text string) error { return execute(c, webhook, token, text) },
			Hook:    func(webhook, token, text string) error { return execute(unversioned, webhook, token, text) },
			Respond: func(interaction, token string) error {
				return c.CreateInteractionResponse(id(interaction), token,
					discord.InteractionResponse{Type: discord.InteractionResponseTypeDeferredCreateMessage})
			},
			FollowUp: func(application, token, text string) error {
				_, err := c.CreateFollowupMessage(id(application), token, discord.MessageCreate{Content: text})
				return err
			},
		}, nil
	}
}
