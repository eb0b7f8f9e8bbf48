// Package rtm keeps what a program writes to Slack's legacy Real Time Messaging API under its limits:
// https://docs.slack.dev/legacy/legacy-rtm-api
//
// A [Pacer] is asked before a frame is written, and told what was read. It knows nothing of websockets and works with
// any client. Messages share what their channel allows with chat.postMessage, where both use the same registry:
//
//	p := slack.New(nil)
//	limits := transport.New(p, nil)
//	pacer := rtm.New(limits.Buckets(), p.Posts(ctx, token), nil)
//
//	err := pacer.Wait(ctx, frame) // and then conn.Write(ctx, websocket.MessageText, frame)
//
// The call that opens a connection, rtm.connect, needs none of this: it is a method like others. Socket Mode needs it
// neither, as what is written there are answers.
package rtm

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/underlimit/underlimit/bucket"
)

const provider = "slack-rtm" // in keys

// MaxFrame is how many bytes a frame may have: Slack closes the connection for a longer one.
// https://docs.slack.dev/legacy/legacy-rtm-api
const MaxFrame = 16_384

var (
	// ErrFrameTooLarge says that a frame is longer than [MaxFrame].
	ErrFrameTooLarge = errors.New("rtm: the frame is larger than 16384 bytes")
	// ErrDrop says that a typing indicator is better not sent: one went out for its channel less than three seconds
	// ago, or is about to.
	ErrDrop = errors.New("rtm: a typing indicator went out for this channel just now")
)

// Options are how fast a connection takes frames. The zero value is what Slack documents.
type Options struct {
	// Every is how far apart frames are on average; 0 means a second.
	// https://docs.slack.dev/apis/web-api/rate-limits
	Every time.Duration
	// Burst is how many may go at once; 0 means 3. Slack allows bursts, but tells no number.
	Burst int
}

const (
	defaultEvery = time.Second
	defaultBurst = 3
)

// What the buckets of a pacer have in common.
var (
	atWill  = &bucket.Policy{}
	oneOnly = &bucket.Policy{Concurrent: 1}
	typing  = &bucket.Policy{Every: 3 * time.Second} // https://docs.slack.dev/legacy/legacy-rtm-api
)

// A Pacer holds back what is written to one connection, and to those that come after it. It is safe for concurrent use;
// create one with [New]. It needs no closing, but one that holds writes after a goodbye is to be Reset before it is
// dropped.
type Pacer struct {
	registry *bucket.Registry
	posts    func(channel string) []bucket.Draw
	id       string // of the connection, and of those after it

	write    bucket.Draw // a frame
	cooldown bucket.Draw // what "slow down" blocks
	open     bucket.Draw // what a goodbye takes all of

	mu    sync.Mutex
	held  bool
	hold  bucket.Lease // while held
	reset int          // how often
}

// New returns a Pacer for a connection, whose buckets are kept in the registry. posts says what a message to a channel
// draws on besides, none meaning that there is no such channel: that of [slack.Provider.Posts] has them share with those
// sent by chat.postMessage. Nil leaves channels alone. opts may be nil and is copied.
//
// [slack.Provider.Posts]: https://pkg.go.dev/github.com/underlimit/underlimit/providers/slack#Provider.Posts
func New(registry *bucket.Registry, posts func(channel string) []bucket.Draw, opts *Options) *Pacer {
	var o Options
	if opts != nil {
		o = *opts
	}
	if o.Every <= 0 {
		o.Every = defaultEvery
	}
	if o.Burst <= 0 {
		o.Burst = defaultBurst
	}
	if posts == nil {
		posts = func(string) []bucket.Draw { return nil }
	}
	p := &Pacer{registry: registry, posts: posts, id: strconv.FormatUint(rand.Uint64(), 36)}
	p.write = draw("write", p.id, &bucket.Policy{Every: o.Every, Burst: o.Burst})
	p.cooldown = draw("cooldown", p.id, atWill)
	p.open = draw("open", p.id, oneOnly)
	return p
}

func draw(limit, subject string, policy *bucket.Policy) bucket.Draw {
	return bucket.Draw{Key: bucket.Key{Provider: provider, Limit: limit, Subject: subject}, Policy: policy}
}

// Wait waits until a frame, the JSON text that is about to be written, may be written. If it fails, nothing was taken:
// with [ErrFrameTooLarge], with [ErrDrop] for a typing indicator, or with a [*bucket.WaitError] as ctx ends, or would
// end, before. A ping never waits; it is counted, so that others wait for it.
func (p *Pacer) Wait(ctx context.Context, frame []byte) error {
	if len(frame) > MaxFrame {
		return ErrFrameTooLarge
	}
	var f struct {
		Type    string `json:"type"`
		Channel string `json:"channel"`
	}
	_ = json.Unmarshal(frame, &f) // what makes no sense is a frame like others
	switch f.Type {
	case "ping":
		return p.take(ctx, bucket.Shadow, p.write)
	case "typing":
		return p.typing(ctx, f.Channel)
	case "message":
		return p.message(ctx, f.Channel)
	}
	return p.take(ctx, bucket.Wait, p.frame()...)
}

// WaitMessage is Wait for a message to a channel whose frame, of so many bytes, somebody else makes.
func (p *Pacer) WaitMessage(ctx context.Context, channel string, size int) error {
	if size > MaxFrame {
		return ErrFrameTooLarge
	}
	return p.message(ctx, channel)
}

func (p *Pacer) message(ctx context.Context, channel string) error {
	return p.take(ctx, bucket.Wait, append(p.frame(), p.posts(channel)...)...)
}

// typing has an indicator go, if the last of its channel is old enough. Only who has the channel's turn looks how old
// that is, and so finds it still as old when the connection has room.
func (p *Pacer) typing(ctx context.Context, channel string) error {
	if len(p.posts(channel)) == 0 {
		return p.take(ctx, bucket.Wait, p.frame()...)
	}
	mine, err := p.acquire(ctx, bucket.Reject, draw("typing.turn", p.id+"/"+channel, oneOnly))
	if err != nil {
		return dropped(err)
	}
	defer mine.Cancel()
	pace := p.typingPace(channel)
	old, err := p.acquire(ctx, bucket.Reject, pace)
	if err != nil {
		return dropped(err)
	}
	old.Cancel() // it is not yet sent
	if err := p.take(ctx, bucket.Wait, append(p.frame(), pace)...); err != nil {
		return err
	}
	if now := p.typingPace(channel); now.Key != pace.Key { // it goes to a new connection
		return p.take(context.WithoutCancel(ctx), bucket.Shadow, now)
	}
	return nil
}

// typingPace is for indicators of a channel on this connection.
func (p *Pacer) typingPace(channel string) bucket.Draw {
	p.mu.Lock()
	defer p.mu.Unlock()
	return draw("typing", p.id+"/"+strconv.Itoa(p.reset)+"/"+channel, typing)
}

func dropped(err error) error {
	if errors.Is(err, bucket.ErrWouldWait) {
		return ErrDrop
	}
	return err
}

// frame is what every frame draws on that waits.
func (p *Pacer) frame() []bucket.Draw { return []bucket.Draw{p.open, p.cooldown, p.write} }

func (p *Pacer) acquire(ctx context.Context, mode bucket.Mode, draws ...bucket.Draw) (bucket.Lease, error) {
	return p.registry.AcquireTicket(ctx, &bucket.Ticket{Mode: mode}, draws...)
}

// take waits for leave to write a frame. It has no answer of which one could tell how long it took.
func (p *Pacer) take(ctx context.Context, mode bucket.Mode, draws ...bucket.Draw) error {
	lease, err := p.acquire(ctx, mode, draws...)
	if err != nil {
		return err
	}
	lease.Lost()
	return nil
}

// maxRead is longer than any frame that matters here: the longest is an answer that repeats a message.
const maxRead = 64 << 10

// Observe is told each frame that was read from the connection: that a message was taken or came too fast, see
// Acknowledge and Penalize, or that the connection is about to be closed, see Hold.
func (p *Pacer) Observe(frame []byte) {
	if len(frame) > maxRead {
		return
	}
	var f struct {
		Type  string          `json:"type"`
		OK    *bool           `json:"ok"`
		Error json.RawMessage `json:"error"` // an object that has a msg, or that itself
	}
	if json.Unmarshal(frame, &f) != nil {
		return
	}
	switch {
	case f.Type == "goodbye":
		p.Hold()
	case f.OK == nil:
	case *f.OK:
		p.Acknowledge()
	case tooFast(f.Error):
		p.Penalize()
	}
}

// tooFast says whether the error in an answer is that of the limit, which has no code of its own: -1 is that of any.
func tooFast(text json.RawMessage) bool {
	var e struct {
		Msg string `json:"msg"`
	}
	if json.Unmarshal(text, &e) != nil && json.Unmarshal(text, &e.Msg) != nil {
		return false
	}
	msg := strings.ToLower(e.Msg)
	return strings.Contains(msg, "slow down") || strings.Contains(msg, "too many")
}

// Penalize has all writes but pings wait, as one came too fast: for a second, as Slack does not say how long, and for
// twice as long each further time before a message is taken, up to a minute. Observe does it by itself; it is for
// clients that keep frames to themselves and tell of this in another way.
func (p *Pacer) Penalize() { p.observe(bucket.Block{Key: p.cooldown.Key}) }

// Acknowledge ends the doubling of what Penalize has writes wait, as Slack took a message.
func (p *Pacer) Acknowledge() { p.observe() }

func (p *Pacer) observe(updates ...bucket.Update) {
	if lease, err := p.acquire(context.Background(), bucket.Shadow, p.cooldown); err == nil {
		lease.Done(time.Now(), updates...)
	}
}

// Hold has all writes but pings wait until Reset is called, as the connection is about to be closed.
func (p *Pacer) Hold() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.held {
		return
	}
	lease, err := p.acquire(context.Background(), bucket.Shadow, p.open)
	p.hold, p.held = lease, err == nil
}

// Reset says that there is a new connection. What was held goes on; typing indicators are as if none had gone out. What
// channels allow, and how fast frames may follow one another, stay as they are: a new connection makes no room there.
func (p *Pacer) Reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.reset++
	if p.held {
		p.held = false
		p.hold.Cancel()
	}
}
