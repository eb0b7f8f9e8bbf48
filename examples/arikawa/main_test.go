package main

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/diamondburned/arikawa/v3/api"
	"github.com/diamondburned/arikawa/v3/api/rate"
	"github.com/diamondburned/arikawa/v3/discord"
	"github.com/diamondburned/arikawa/v3/utils/httputil"
	"github.com/diamondburned/arikawa/v3/utils/httputil/httpdriver"
	"github.com/diamondburned/arikawa/v3/utils/json/option"

	"github.com/underlimit/underlimit/examples/internal/discordload"
	discordlimits "github.com/underlimit/underlimit/providers/discord"
	"github.com/underlimit/underlimit/providers/discord/discordtest"
	"github.com/underlimit/underlimit/transport"
)

func sdk(base http.RoundTripper) (discordload.Program, error) {
	return program(newClient("test", base, nil)), nil
}

// withItsLimiter is arikawa with the hooks that it comes with, which see what answers tell of limits, or do not.
func withItsLimiter(hide bool) discordload.SDK {
	return func(base http.RoundTripper) (discordload.Program, error) {
		limits := transport.New(discordlimits.New(nil), &transport.Options{Base: base, HideLimits: hide})
		client := api.NewCustomClient("Bot test", httputil.NewClient())
		client.Client.Client = driver{httpdriver.WrapClient(http.Client{Transport: limits})}
		return program(client), nil
	}
}

func program(client *api.Client) discordload.Program {
	return func(channels []string, senders, n int) error { return run(client, channels, senders, n) }
}

var variants = map[string]struct {
	sdk        discordload.SDK
	late       time.Duration // for each window
	oneAtATime bool
}{
	"without its limiter":                {sdk: sdk},
	"with its limiter":                   {withItsLimiter(false), rate.ExtraDelay, true},
	"with its limiter and hidden limits": {withItsLimiter(true), 0, true},
}

func TestArikawaStaysUnderTheLimitsOfManyChannels(t *testing.T) {
	for name, v := range variants {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { discordload.Many(t, v.sdk, 4, v.late) })
		})
	}
}

func TestArikawaUsesTheGlobalLimit(t *testing.T) {
	for name, v := range variants {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { discordload.Global(t, v.sdk) })
		})
	}
}

func TestArikawaUsesAHotBucket(t *testing.T) {
	for name, v := range variants {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { discordload.Hot(t, v.sdk, 100, v.oneAtATime) })
		})
	}
}

// Somebody else has used the channel's limit up, which nobody can know.
func TestArikawasMessagesAreSentAgainAfterARefusal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const wait = 3 * time.Second
		refused := false
		fake := discordtest.NewServer(&discordtest.Options{
			Line: discordload.Line,
			Refuse: func(*http.Request) discordtest.Refusal {
				if refused {
					return discordtest.Refusal{}
				}
				refused = true
				return discordtest.Refusal{Scope: discordtest.Shared, After: wait}
			},
		})
		defer fake.Close()
		start := time.Now()
		if err := run(newClient("test", fake.Transport(), nil), discordload.Channels(1), 1, 2); err != nil {
			t.Fatal(err)
		}
		report := fake.Report()
		if report.OK != 2 || report.Refused != 1 || report.ViolationCount != 0 || report.Inversions != 0 {
			t.Errorf("got %+v", report)
		}
		if d := time.Since(start); d < wait || d > wait+time.Second {
			t.Errorf("took %v", d)
		}
	})
}

func TestArikawasCallsMayContendOnAnyRoute(t *testing.T) {
	t.Parallel()
	discordload.Contend(t, trialist)
}

func TestArikawaGetsThroughTrials(t *testing.T) {
	discordload.Trials(t, false, func() discordload.Trialist { return trialist })
}

func trialist(base http.RoundTripper, o *discordlimits.Options) (discordload.Calls, error) {
	c := newClient("test", base, o)
	id := func(s string) discord.Snowflake { id, _ := discord.ParseSnowflake(s); return id }
	execute := func(webhooks string) func(webhook, token, text string) error {
		return func(webhook, token, text string) error {
			return c.FastRequest(http.MethodPost, webhooks+webhook+"/"+token,
				httputil.WithJSONBody(map[string]string{"content": text}))
		}
	}
	return discordload.Calls{
		Send: func(channel, text string) error {
			_, err := c.SendMessage(discord.ChannelID(id(channel)), text)
			return err
		},
		Edit: func(channel, message, text string) error {
			_, err := c.EditText(discord.ChannelID(id(channel)), discord.MessageID(id(message)), text)
			return err
		},
		Read: func(channel string) error {
			_, err := c.Messages(discord.ChannelID(id(channel)), 1)
			return err
		},
		Rename: func(channel, name string) error {
			return c.ModifyChannel(discord.ChannelID(id(channel)), api.ModifyChannelData{Name: name})
		},
		Slow: func(channel string, seconds int) error {
			return c.ModifyChannel(discord.ChannelID(id(channel)), api.ModifyChannelData{
				UserRateLimit: option.NewNullableUint(uint(seconds)),
			})
		},
		Delete: func(channel, message string) error {
			return c.DeleteMessage(discord.ChannelID(id(channel)), discord.MessageID(id(message)), "")
		},
		Execute: execute(api.EndpointWebhooks),
		Hook:    execute("https://discord.com/api/webhooks/"),
		Respond: func(interaction, token string) error {
			return c.RespondInteraction(discord.InteractionID(id(interaction)), token, api.InteractionResponse{
				Type: api.DeferredMessageInteractionWithSource,
			})
		},
		FollowUp: func(application, token, text string) error {
			_, err := c.FollowUpInteraction(discord.AppID(id(application)), token, api.InteractionResponseData{
				Content: option.NewNullableString(text),
			})
			return err
		},
	}, nil
}
