package slack_test

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

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

func TestPostsKnowsInstallations(t *testing.T) {
	byToken := func(req *http.Request) string { return "of " + req.Header.Get("Authorization") }
	for name, test := range map[string]struct {
		p   *slack.Provider
		ctx context.Context
		req func(*http.Request) *http.Request
	}{
		"of the context": {
			slack.New(nil), slack.WithInstall(t.Context(), "A1/T1"), func(req *http.Request) *http.Request {
				return req.WithContext(slack.WithInstall(t.Context(), "A1/T1"))
			},
		},
		"of an option": {slack.New(&slack.Options{Install: byToken}), t.Context(), func(req *http.Request) *http.Request {
			req.Header.Set("Authorization", "Bearer "+token)
			return req
		}},
		"with limits of its own": {
			slack.New(&slack.Options{Installs: map[string]slack.Overrides{"A1/T1": {ChannelEvery: time.Minute}}}),
			slack.WithInstall(t.Context(), "A1/T1"), func(req *http.Request) *http.Request {
				return req.WithContext(slack.WithInstall(t.Context(), "A1/T1"))
			},
		},
	} {
		got, ok := test.p.Posts(test.ctx, token)("C1")
		want := classify(t, test.p, test.req(form(t, "chat.postMessage", "channel", "C1"))).Draws[0]
		if !ok || got != want || want.Key == classify(t, test.p, form(t, "chat.postMessage", "channel", "C1")).Draws[0].Key {
			t.Errorf("%s: got %+v and %t, want %+v", name, got, ok, want)
		}
	}
	p := slack.New(&slack.Options{Channel: func(*http.Request) string { return "C9" }})
	if d, ok := p.Posts(t.Context(), token)(""); ok {
		t.Errorf("a channel that is not named is %+v", d)
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
