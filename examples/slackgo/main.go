// Command slackgo posts to several Slack channels at once through github.com/slack-go/slack, faster than Slack allows,
// and none of its posts is refused: they wait their turn.
//
// With SLACK_TOKEN and SLACK_CHANNELS (comma-separated channel IDs) it posts to the real Slack. Without them it posts to
// a strict fake of it in this process.
package main

import (
	"cmp"
	"context"
	"fmt"
	"log"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/slack-go/slack"

	"github.com/underlimit/underlimit/providers"
	"github.com/underlimit/underlimit/providers/headers"
	slacklimits "github.com/underlimit/underlimit/providers/slack"
	"github.com/underlimit/underlimit/providers/slack/slacktest"
	"github.com/underlimit/underlimit/transport"
)

const posts = 5 // to each channel

func main() {
	token, base := os.Getenv("SLACK_TOKEN"), http.DefaultTransport
	channels := strings.Split(cmp.Or(os.Getenv("SLACK_CHANNELS"), "C1,C2,C3"), ",")
	if token == "" {
		fake := slacktest.NewServer(nil)
		defer fake.Close()
		token, base = "xoxb-example", fake.Transport()
	}
	start := time.Now()
	if err := run(context.Background(), newClient(token, base), channels, posts); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%d posts to %d channels in %v\n", posts*len(channels), len(channels), time.Since(start).Round(time.Millisecond))
}

// newClient returns a Slack client that keeps to Slack's limits. slack-go's own retries (OptionRetry) stay off, as they
// are unless asked for.
func newClient(token string, base http.RoundTripper) *slack.Client {
	return slack.New(token, slack.OptionHTTPClient(newHTTPClient(base)))
}

// newHTTPClient returns the client below it, which slack.PostWebhookCustomHTTP takes for webhooks, too.
func newHTTPClient(base http.RoundTripper) *http.Client {
	limits := transport.New(providers.Join(slacklimits.New(nil), headers.New(nil)), &transport.Options{Base: base})
	return &http.Client{Transport: limits}
}

// run posts n messages to each channel, each channel's in order and all channels at once.
func run(ctx context.Context, client *slack.Client, channels []string, n int) error {
	errs := make(chan error, len(channels))
	var wg sync.WaitGroup
	for _, channel := range channels {
		wg.Go(func() {
			for i := range n {
				text := slack.MsgOptionText(fmt.Sprintf("%s: message %d", channel, i), false)
				if _, _, err := client.PostMessageContext(ctx, channel, text); err != nil {
					errs <- fmt.Errorf("posting to %s: %w", channel, err)
					return
				}
			}
		})
	}
	wg.Wait()
	close(errs)
	return <-errs // nil if there is none
}
