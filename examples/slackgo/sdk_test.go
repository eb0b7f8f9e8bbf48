package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/slack-go/slack"

	"github.com/underlimit/underlimit/providers/slack/slacktest"
)

// The way to the fake and back.
const (
	oneWay    = 40 * time.Millisecond
	roundTrip = 2 * oneWay
)

const (
	items    = 250 // in each list
	pageSize = 50
	hookURL  = "https://hooks.slack.com/services/T1/B1/secret"
	fileSize = 1 << 20
)

// A work is something that is done through slack-go, and how many requests it takes.
type work struct {
	do    func(ctx context.Context, api *slack.Client, plain *http.Client) error
	calls int
}

// works are the ways in which slack-go is used most.
func works() map[string]work {
	pages := items / pageSize
	return map[string]work{
		"posts": {posting, 4}, "users": {users, pages}, "conversations": {conversations, pages}, "history": {history, pages},
		"an upload": {upload, 3}, "a webhook": {hook, 2},
	}
}

func posting(ctx context.Context, api *slack.Client, _ *http.Client) error {
	for i := range 4 {
		text := slack.MsgOptionText(fmt.Sprint("message ", i), false)
		if _, _, err := api.PostMessageContext(ctx, "C1", text); err != nil {
			return err
		}
	}
	return nil
}

func complete(got int, err error) error {
	if err == nil && got != items {
		return fmt.Errorf("got %d items, want %d", got, items)
	}
	return err
}

func users(ctx context.Context, api *slack.Client, _ *http.Client) error {
	all, err := api.GetUsersContext(ctx, slack.GetUsersOptionLimit(pageSize))
	return complete(len(all), err)
}

func conversations(ctx context.Context, api *slack.Client, _ *http.Client) error {
	all, err := api.GetAllConversationsContext(ctx, slack.GetConversationsOptionLimit(pageSize))
	return complete(len(all), err)
}

func history(ctx context.Context, api *slack.Client, _ *http.Client) error {
	got, params := 0, &slack.GetConversationHistoryParameters{ChannelID: "C1", Limit: pageSize}
	for {
		page, err := api.GetConversationHistoryContext(ctx, params)
		if err != nil {
			return err
		}
		got += len(page.Messages)
		if params.Cursor = page.ResponseMetaData.NextCursor; params.Cursor == "" {
			return complete(got, nil)
		}
	}
}

func upload(ctx context.Context, api *slack.Client, _ *http.Client) error {
	_, err := api.UploadFileContext(ctx, slack.UploadFileParameters{
		Reader: bytes.NewReader(make([]byte, fileSize)), FileSize: fileSize, Filename: "f.bin", Channel: "C1",
	})
	return err
}

func hook(ctx context.Context, _ *slack.Client, plain *http.Client) error {
	for range 2 {
		if err := slack.PostWebhookCustomHTTPContext(ctx, hookURL, plain, &slack.WebhookMessage{Text: "hello"}); err != nil {
			return err
		}
	}
	return nil
}

// clients returns slack-go's client and a plain one, as a program would make them; retries is slack-go's OptionRetry,
// which is off where it is 0.
func clients(fake *slacktest.Server, retries int) (*slack.Client, *http.Client) {
	plain := newHTTPClient(fake.Transport())
	return slack.New("xoxb-test", slack.OptionHTTPClient(plain), slack.OptionRetry(retries)), plain
}

// unhurt fails the test if an error is one by which slack-go tells of a refusal, or any other.
func unhurt(t *testing.T, err error) {
	t.Helper()
	var limited *slack.RateLimitedError
	switch {
	case errors.As(err, &limited):
		t.Errorf("slack-go was refused: %v", err)
	case err != nil:
		t.Error(err)
	}
}
