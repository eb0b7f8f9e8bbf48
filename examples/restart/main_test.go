package main

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slack-go/slack"

	"github.com/underlimit/underlimit/bucket"
	"github.com/underlimit/underlimit/providers/slack/slacktest"
)

const (
	way   = 40 * time.Millisecond // of a request, and of an answer
	block = 10 * time.Minute
)

// closing is a fake that closes the channel C1 for ten minutes when its first message comes.
func closing() *slacktest.Server {
	closed := false
	return slacktest.NewServer(&slacktest.Options{
		Uplink: way, Downlink: way,
		Refuse: func(_ *http.Request, buckets []string) (string, time.Duration) {
			if closed || buckets[0] != "post #1 C1" {
				return "", 0
			}
			closed = true
			return buckets[0], block
		},
	})
}

// posting returns work that posts to C1 until that fails, and counts what it has posted.
func posting(posted *int) func(context.Context, *http.Client) {
	return func(ctx context.Context, client *http.Client) {
		api := slack.New("xoxb-test", slack.OptionHTTPClient(client))
		for ctx.Err() == nil {
			if _, _, err := api.PostMessageContext(ctx, "C1", slack.MsgOptionText("hello", false)); err != nil {
				<-ctx.Done()
				return
			}
			*posted++
		}
	}
}

// bubble runs f in virtual time with a closing fake and the name of a file that does not exist yet.
func bubble(t *testing.T, f func(t *testing.T, fake *slacktest.Server, file string)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		fake := closing()
		defer fake.Close()
		f(t, fake, filepath.Join(t.TempDir(), "limits.state"))
	})
}

func TestABlockOutlivesAProgramThatEnds(t *testing.T) {
	bubble(t, func(t *testing.T, fake *slacktest.Server, file string) {
		start, posted := time.Now(), 0
		first, cancel := context.WithCancel(t.Context())
		time.AfterFunc(30*time.Second, cancel) // before it is saved for the first time while it works
		if err := run(first, file, fake.Transport(), posting(&posted)); err != nil {
			t.Fatal(err)
		}
		if got := time.Since(start); got != 30*time.Second || posted != 0 {
			t.Fatalf("it ended after %v with %d messages", got, posted)
		}

		second, cancel := context.WithCancel(t.Context())
		defer cancel()
		err := run(second, file, fake.Transport(), func(ctx context.Context, client *http.Client) {
			api := slack.New("xoxb-test", slack.OptionHTTPClient(client))
			if _, _, err := api.PostMessageContext(ctx, "C1", slack.MsgOptionText("hello", false)); err != nil {
				t.Error(err)
			}
		})
		if err != nil {
			t.Error(err)
		}
		// Slack tells when the request comes, its answer is known a way later, and the block is kept from then on.
		if got, want := time.Since(start), block+4*way; got != want {
			t.Errorf("the message was posted after %v, want %v", got, want)
		}
		if r := fake.Report(); r.Refused != 1 || r.OK != 1 || r.ViolationCount != 0 {
			t.Errorf("%d refused, %d processed, %v; want 1, 1, none", r.Refused, r.OK, r.Violations)
		}
	})
}

func TestABlockOutlivesAProgramThatIsKilled(t *testing.T) {
	bubble(t, func(t *testing.T, fake *slacktest.Server, file string) {
		posted := 0
		first, cancel := context.WithCancel(t.Context())
		defer cancel()
		ended := make(chan error)
		go func() { ended <- run(first, file, fake.Transport(), posting(&posted)) }()
		time.Sleep(61 * time.Second) // it has saved once; what it does from now on does not count

		second, stop := context.WithTimeout(t.Context(), time.Minute)
		defer stop()
		if err := run(second, file, fake.Transport(), posting(&posted)); err != nil {
			t.Error(err)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if r := fake.Report(); r.Calls != 1 || posted != 0 {
			t.Errorf("%d calls and %d messages, want the first call alone", r.Calls, posted)
		}
	})
}

func TestADamagedFileIsReplaced(t *testing.T) {
	bubble(t, func(t *testing.T, fake *slacktest.Server, file string) {
		if err := os.WriteFile(file, []byte("no registry"), 0o600); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		posted := 0
		if err := run(ctx, file, fake.Transport(), posting(&posted)); err != nil {
			t.Error(err)
		}
		if r := fake.Report(); r.Calls != 1 {
			t.Errorf("%d calls, want the one that is refused", r.Calls)
		}
		if err := bucket.NewRegistry(nil).LoadFile(file); err != nil {
			t.Errorf("what it saved: %v", err)
		}
	})
}
