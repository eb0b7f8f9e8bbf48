// Command discordgo sends to several Discord channels from many goroutines through github.com/bwmarrin/discordgo, faster
// than Discord allows, and none of its calls is refused: they wait their turn.
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

	"github.com/bwmarrin/discordgo"

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
	session, err := newSession(token, base, &discordlimits.Options{OmitAuthorization: true})
	if err != nil {
		log.Fatal(err)
	}
	start := time.Now()
	if err := run(session, channels, senders, posts); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%d messages to %d channels in %v\n",
		len(channels)*senders*posts, len(channels), time.Since(start).Round(time.Millisecond))
}

// newSession returns a discordgo session that keeps to Discord's limits. discordgo's own retries are switched off; its
// limiter cannot be, and still sends one request at a time on each route of a channel. As limits are hidden from it, it
// does not sleep, too.
func newSession(token string, base http.RoundTripper, o *discordlimits.Options) (*discordgo.Session, error) {
	session, err := discordgo.New("Bot " + token)
	if err != nil {
		return nil, err
	}
	limits := transport.New(providers.Join(discordlimits.New(o), headers.New(nil)), &transport.Options{
		Base: base, HideLimits: true,
	})
	session.Client = &http.Client{Transport: limits}
	session.ShouldRetryOnRateLimit, session.MaxRestRetries = false, 0
	return session, nil
}

// run sends from several goroutines to each channel, each goroutine's messages in order.
func run(session *discordgo.Session, channels []string, senders, n int) error {
	errs := make(chan error, len(channels)*senders)
	var wg sync.WaitGroup
	for _, channel := range channels {
		for sender := range senders {
			wg.Go(func() {
				for i := range n {
					if _, err := session.ChannelMessageSend(channel, fmt.Sprintf("%s-%d: message %d", channel, sender, i)); err != nil {
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
