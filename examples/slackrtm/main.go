// Command slackrtm writes to Slack's legacy Real Time Messaging API through github.com/slack-go/slack, and posts to the
// same channels by chat.postMessage, faster than Slack allows; and neither is refused: they wait their turn together.
//
// With SLACK_TOKEN (of a classic app) and SLACK_CHANNELS (comma-separated channel IDs) it does so with the real Slack.
// Without them it uses a strict stand-in for it in this process.
package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/slack-go/slack"

	"github.com/underlimit/underlimit/examples/internal/rtmserver"
	slacklimits "github.com/underlimit/underlimit/providers/slack"
	"github.com/underlimit/underlimit/providers/slack/rtm"
	"github.com/underlimit/underlimit/transport"
)

const posts = 3 // to each channel, by each way

func main() {
	token, api, host := os.Getenv("SLACK_TOKEN"), slack.APIURL, "slack.com"
	channels := strings.Split(cmp.Or(os.Getenv("SLACK_CHANNELS"), "C1,C2,C3"), ",")
	if token == "" {
		fake := rtmserver.New(rtmserver.Options{Burst: 4, Leeway: time.Second / 4})
		srv := httptest.NewServer(fake)
		defer srv.Close()
		defer fake.Close()
		token, api, host = "xoxb-example", srv.URL+"/api/", srv.Listener.Addr().String()
	}
	start := time.Now()
	b := newBot(token, http.DefaultTransport, host, slack.OptionAPIURL(api))
	if err := b.run(context.Background(), channels, posts); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%d messages by RTM and as many by HTTP to %d channels in %v\n",
		posts*len(channels), len(channels), time.Since(start).Round(time.Second))
}

// A bot writes by RTM and over HTTP, under the same limits.
type bot struct {
	api   *slack.Client
	rtm   *slack.RTM
	pacer *rtm.Pacer
	acks  chan int // the IDs of frames that were taken
}

// newBot returns a bot whose Web API is at a host, by a base transport. A call that would have to wait for longer than it
// may is answered with a 429: slack-go then waits by itself before it connects again.
func newBot(token string, base http.RoundTripper, host string, opts ...slack.Option) *bot {
	p := slacklimits.New(&slacklimits.Options{Hosts: []string{host}})
	limits := transport.New(p, &transport.Options{Base: base, Refusal: transport.RefuseWith429})
	api := slack.New(token, append(opts, slack.OptionHTTPClient(&http.Client{Transport: limits}))...)
	return &bot{
		api: api, rtm: api.NewRTM(), pacer: rtm.New(limits.Buckets(), p.Posts(context.Background(), token), nil),
	}
}

// send has a message or a typing indicator go when it may. Pacing it before slack-go gets it is the way: that sends,
// pings and reads in one goroutine, which must not be held up.
func (b *bot) send(ctx context.Context, msg *slack.OutgoingMessage) error {
	frame, err := json.Marshal(msg)
	if err != nil {
		return err
	}
	if err := b.pacer.Wait(ctx, append(frame, '\n')); err != nil { // as slack-go writes it
		return err
	}
	b.rtm.SendMessage(msg)
	return nil
}

// listen tells the pacer what slack-go tells of the connection, until that is closed for good, and cancels the run if
// something is amiss.
func (b *bot) listen(ctx context.Context, cancel context.CancelCauseFunc) {
	for event := range b.rtm.IncomingEvents {
		switch e := event.Data.(type) {
		case *slack.ConnectedEvent:
			b.pacer.Reset()
		case *slack.DisconnectedEvent: // goodbyes included
			if e.Intentional {
				return
			}
			b.pacer.Hold()
		case *slack.AckMessage:
			b.pacer.Acknowledge()
			b.acks <- e.ReplyTo
		case *slack.RateLimitEvent:
			b.pacer.Penalize()
			cancel(errors.New("a message came too fast")) // it is lost, and should not happen
		case *slack.AckErrorEvent:
			cancel(e)
		case *slack.OutgoingErrorEvent:
			cancel(e)
		case *slack.LatencyReport: // slack-go sent a ping, which counts
			_ = b.pacer.Wait(ctx, []byte(`{"type":"ping"}`)) // unless it is over
		case *slack.InvalidAuthEvent:
			cancel(errors.New("the token is not valid"))
			return
		}
	}
}

// run sends n messages to each channel by RTM, and as many by HTTP, all at once.
func (b *bot) run(ctx context.Context, channels []string, n int) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	b.acks = make(chan int, 2*n*len(channels)) // typing indicators may be acknowledged, too
	b.pacer.Hold()                             // until it is connected
	defer b.pacer.Reset()
	go b.rtm.ManageConnection()
	var listening, sending sync.WaitGroup
	listening.Go(func() { b.listen(ctx, cancel) })
	var mu sync.Mutex
	sent := map[int]bool{}
	for _, channel := range channels {
		sending.Go(func() {
			ids, err := b.talk(ctx, channel, n)
			if err != nil {
				cancel(err)
			}
			mu.Lock()
			defer mu.Unlock()
			for _, id := range ids {
				sent[id] = true
			}
		})
		sending.Go(func() {
			for i := range n {
				text := slack.MsgOptionText(fmt.Sprintf("HTTP %d", i), false)
				if _, _, err := b.api.PostMessageContext(ctx, channel, text); err != nil {
					cancel(err)
					return
				}
			}
		})
	}
	sending.Wait()
	for len(sent) > 0 && ctx.Err() == nil { // until Slack has all of them
		select {
		case id := <-b.acks:
			delete(sent, id)
		case <-ctx.Done():
		}
	}
	_ = b.rtm.Disconnect() // unless it is already
	listening.Wait()
	return context.Cause(ctx)
}

// talk says that it types, and then what it has to say. It returns the IDs of the messages that it sent.
func (b *bot) talk(ctx context.Context, channel string, n int) (ids []int, err error) {
	for i := range n {
		err := b.send(ctx, b.rtm.NewTypingMessage(channel))
		if err != nil && !errors.Is(err, rtm.ErrDrop) {
			return ids, err
		}
		msg := b.rtm.NewOutgoingMessage(fmt.Sprintf("RTM %d", i), channel)
		if err := b.send(ctx, msg); err != nil {
			return ids, err
		}
		ids = append(ids, msg.ID)
	}
	return ids, nil
}
