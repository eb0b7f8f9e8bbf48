// Command arikawa sends to several Discord channels from many goroutines through github.com/diamondburned/arikawa,
// faster than Discord allows, and none of its calls is refused: they wait their turn.
//
// With DISCORD_TOKEN (a bot's, without "Bot ") and DISCORD_CHANNELS (comma-separated channel IDs) it sends to the real
// Discord. Without them it sends to a strict fake of it in this process.
package main

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/diamondburned/arikawa/v3/api"
	"github.com/diamondburned/arikawa/v3/discord"
	"github.com/diamondburned/arikawa/v3/utils/httputil"
	"github.com/diamondburned/arikawa/v3/utils/httputil/httpdriver"

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
	client := newClient(token, base, &discordlimits.Options{OmitAuthorization: true})
	if err := run(client, channels, senders, posts); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%d messages to %d channels in %v\n",
		len(channels)*senders*posts, len(channels), time.Since(start).Round(time.Millisecond))
}

// newClient returns a client of arikawa that keeps to Discord's limits. arikawa's own limiter is in its hooks, which are
// replaced by one that does the rest of what they do; its retries are switched off.
func newClient(token string, base http.RoundTripper, o *discordlimits.Options) *api.Client {
	limits := transport.New(providers.Join(discordlimits.New(o), headers.New(nil)), &transport.Options{Base: base})
	client := api.NewCustomClient("Bot "+token, httputil.NewClient())
	client.Client.Client = driver{httpdriver.WrapClient(http.Client{Transport: limits})}
	client.OnRequest = []httputil.RequestOption{func(r httpdriver.Request) error {
		r.AddHeader(http.Header{"Authorization": {client.Token}, "User-Agent": {client.UserAgent}})
		return nil
	}}
	client.Client.OnResponse, client.Retries = nil, 1
	return client
}

// A driver lets JSON be sent again after a refusal. arikawa streams all bodies, and a stream can be sent only once.
type driver struct{ httpdriver.Client }

func (d driver) Do(r httpdriver.Request) (httpdriver.Response, error) {
	req, ok := r.(*httpdriver.DefaultRequest)
	if ok && req.Body != nil && req.Header.Get("Content-Type") == "application/json" {
		data, err := io.ReadAll(req.Body)
		if err != nil {
			return nil, err
		}
		req.ContentLength = int64(len(data))
		req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil }
		req.Body, _ = req.GetBody()
	}
	return d.Client.Do(r)
}

// run sends from several goroutines to each channel, each goroutine's messages in order.
func run(client *api.Client, channels []string, senders, n int) error {
	errs := make(chan error, len(channels)*senders)
	var wg sync.WaitGroup
	for _, channel := range channels {
		id, err := discord.ParseSnowflake(channel)
		if err != nil {
			return fmt.Errorf("channel %q: %w", channel, err)
		}
		for sender := range senders {
			wg.Go(func() {
				for i := range n {
					text := fmt.Sprintf("%s-%d: message %d", channel, sender, i)
					if _, err := client.SendMessage(discord.ChannelID(id), text); err != nil {
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
