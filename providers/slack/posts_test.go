package slack_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/underlimit/underlimit/providers/slack"
)

func TestPostsNamesTheBucketThatPostsToAChannelShare(t *testing.T) {
	p := slack.New(&slack.Options{Secret: "secret"})
	posts := p.Posts(t.Context(), token)
	for _, method := range []string{"chat.postMessage", "chat.meMessage"} {
		got := posts("C1")
		if want := classify(t, p, form(t, method, "channel", "C1")).Draws; !slices.Equal(got, want[:2]) {
			t.Errorf("%s: got %+v, want %+v", method, got, want)
		}
	}
	if posts("C1")[0].Key == p.Posts(t.Context(), token+"-2")("C1")[0].Key {
		t.Error("two tokens have one channel")
	}
}

func TestPostsKnowsNoChannelThatNoneCanBe(t *testing.T) {
	for _, channel := range []string{"", " ", "\x00", "\xff", strings.Repeat("C", 1000)} {
		if got := slack.New(nil).Posts(slack.WithChannel(t.Context(), "C9"), token)(channel); got != nil {
			t.Errorf("%.20q: got %+v", channel, got)
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
		got := test.p.Posts(test.ctx, token)("C1")
		want := classify(t, test.p, test.req(form(t, "chat.postMessage", "channel", "C1"))).Draws
		untold := classify(t, test.p, form(t, "chat.postMessage", "channel", "C1")).Draws
		if !slices.Equal(got, want) || slices.Equal(got, untold) {
			t.Errorf("%s: got %+v, want %+v", name, got, want)
		}
	}
	p := slack.New(&slack.Options{Channel: func(*http.Request) string { return "C9" }})
	if got := p.Posts(t.Context(), token)(""); got != nil {
		t.Errorf("a channel that is not named is %+v", got)
	}
}

func TestPostsCanBeAskedByMany(t *testing.T) {
	posts := slack.New(nil).Posts(t.Context(), token)
	want := posts("C1")
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 100 {
				if got := posts("C1"); !slices.Equal(got, want) {
					t.Errorf("got %+v", got)
				}
			}
		})
	}
	all.Wait()
}
