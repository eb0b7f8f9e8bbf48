// Command disgo sends to several Discord channels from many goroutines through github.com/disgoorg/disgo, faster than
// Discord allows, and none of its calls is refused: they wait their turn.
//
// With DISCORD_TOKEN (a bot's, without "Bot ") and DISCORD_CHANNELS (comma-separated channel IDs) it sends to the real
// Discord. Without them it sends to a strict fake of it in this process.
package main

import (
	"cmp"
	"fmt"
	"log"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/disgoorg/disgo/discord"
	"github.com/disgoorg/disgo/rest"
	"github.com/disgoorg/snowflake/v2"

	"github.com/underlimit/underlimit/providers"
	discordlimits "github.com/underlimit/underlimit/providers/discord"
	"github.com/underlimit/underlimit/providers/discord/discordtest"
	"github.com/underlimit/underlimit/providers/headers"
	"github.com/underlimit/underlimit/transport"
)

const (
	senders = 3 // to each channel, at once
	posts   = 4 // from each sender
)

func main() {
	token, base := os.Getenv("DISCORD_TOKEN"), http.DefaultTransport
	channels := strings.Split(cmp.Or(os.Getenv("DISCORD_CHANNELS"), "100000000000000001,100000000000000002"), ",")
	if token == "" {
		fake := discordtest.NewServer(nil)
		defer fake.Close()
		token, base = "example", fake.Loopback()
	}
	start := time.Now()
	client := newClient(token, base, rest.NewNoopRateLimiter(), &discordlimits.Options{OmitAuthorization: true})
	if err := run(client, channels, senders, posts); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%d messages to %d channels in %v\n",
		len(channels)*senders*posts, len(channels), time.Since(start).Round(time.Millisecond))
}

// newClient returns a client of disgo that keeps to Discord's limits. disgo's own limiter, for which NewNoopRateLimiter
// is none, would send one request at a time on each route of a channel. A bot takes the same options, by
// bot.WithRestClientConfigOpts.
func newClient(token string, base http.RoundTripper, own rest.RateLimiter, o *discordlimits.Options) rest.Rest {
	limits := transport.New(providers.Join(discordlimits.New(o), headers.New(nil)), &transport.Options{Base: base})
	return rest.New(rest.NewClient(token,
		rest.WithHTTPClient(&http.Client{Transport: limits}), rest.WithRateLimiter(own)))
}

// run sends from several goroutines to each channel, each goroutine's messages in order.
func run(client rest.Rest, channels []string, senders, n int) error {
	errs := make(chan error, len(channels)*senders)
	var wg sync.WaitGroup
	for _, channel := range channels {
		id, err := snowflake.Parse(channel)
		if err != nil {
			return fmt.Errorf("channel %q: %w", channel, err)
		}
		for sender := range senders {
			wg.Go(func() {
				for i := range n {
					text := fmt.Sprintf("%s-%d: message %d", channel, sender, i)
					if _, err := client.CreateMessage(id, discord.MessageCreate{Content: text}); err != nil {
						errs <- fmt.Errorf("sending to %s: %w", channel, err)
						return
					}
				}
			})
		}
	}
	wg.Wait()
	close(errs)
	return <-errs // nil if there is none
}
