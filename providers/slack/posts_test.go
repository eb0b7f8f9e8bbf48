package slack_test

import (
	"strings"
	"sync"
	"testing"

	"github.com/underlimit/underlimit/bucket"
	"github.com/underlimit/underlimit/providers/slack"
)

func TestPostsNamesTheBucketThatPostsToAChannelShare(t *testing.T) {
	p := slack.New(&slack.Options{Secret: "secret"})
	posts := p.Posts(t.Context(), token)
	for _, method := range []string{"chat.postMessage", "chat.meMessage", "chat.postEphemeral"} {
		got, ok := posts("C1")
		if want := classify(t, p, form(t, method, "channel", "C1")).Draws[0]; !ok || got != want {
			t.Errorf("%s: got %+v and %t, want %+v", method, got, ok, want)
		}
	}
	other, _ := p.Posts(t.Context(), token+"-2")("C1")
	if d, _ := posts("C1"); d.Key == other.Key {
		t.Error("two tokens have one channel")
	}
}

func TestPostsKnowsNoChannelThatNoneCanBe(t *testing.T) {
	for _, channel := range []string{"", " ", "\x00", "\xff", strings.Repeat("C", 1000)} {
		if d, ok := slack.New(nil).Posts(slack.WithChannel(t.Context(), "C9"), token)(channel); ok || d != (bucket.Draw{}) {
			t.Errorf("%.20q: got %+v", channel, d)
		}
	}
}

func TestPostsCanBeAskedByMany(t *testing.T) {
	posts := slack.New(nil).Posts(t.Context(), token)
	want, _ := posts("C1")
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 100 {
				if got, ok := posts("C1"); !ok || got != want {
					t.Errorf("got %+v", got)
				}
			}
		})
	}
	all.Wait()
}
