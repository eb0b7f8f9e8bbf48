// Command restart posts a message to Slack every second until it is interrupted. Its limits outlive it: it loads them
// when it starts, and saves them every minute and when it ends. The part to copy is run.go.
//
// With SLACK_TOKEN and SLACK_CHANNEL it posts to the real Slack. Without them it posts to a strict fake of it in this
// process.
package main

import (
	"context"
	"log"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/slack-go/slack"

	"github.com/underlimit/underlimit/providers/slack/slacktest"
)

func main() {
	token, channel, base := os.Getenv("SLACK_TOKEN"), os.Getenv("SLACK_CHANNEL"), http.DefaultTransport
	if token == "" || channel == "" {
		fake := slacktest.NewServer(nil)
		defer fake.Close()
		token, channel, base = "xoxb-example", "C1", fake.Transport()
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run(ctx, "limits.state", base, func(ctx context.Context, client *http.Client) {
		post(ctx, slack.New(token, slack.OptionHTTPClient(client)), channel)
	})
	if err != nil {
		log.Print(err)
	}
}

// post posts a message every second.
func post(ctx context.Context, api *slack.Client, channel string) {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for ctx.Err() == nil {
		if _, _, err := api.PostMessageContext(ctx, channel, slack.MsgOptionText("still here", false)); err != nil {
			log.Print(err)
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
		}
	}
}
