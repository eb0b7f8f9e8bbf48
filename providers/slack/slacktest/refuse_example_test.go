package slacktest_test

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/underlimit/underlimit/providers/slack/slacktest"
)

// This example has a channel refuse for half a minute, in plain text, while another goes on.
func ExampleOptions_refuse() {
	closed := false
	srv := slacktest.NewServer(&slacktest.Options{
		Refusal: slacktest.Plain,
		Refuse: func(_ *http.Request, buckets []string) (string, time.Duration) {
			if closed || buckets[0] != "post #1 C1" {
				return "", 0
			}
			closed = true
			return buckets[0], 30 * time.Second
		},
	})
	defer srv.Close()

	for _, channel := range []string{"C1", "C2"} {
		resp, err := srv.Client().PostForm("https://slack.com/api/chat.postMessage", url.Values{
			"token": {"xoxb-1"}, "channel": {channel}, "text": {"hello"},
		})
		if err != nil {
			fmt.Println(err)
			return
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil {
			fmt.Println(err)
			return
		}
		if resp.StatusCode == http.StatusOK {
			body = []byte("posted")
		}
		fmt.Println(channel, resp.StatusCode, resp.Header.Get("Retry-After"), string(body))
	}
	// Output:
	// C1 429 30 ratelimited
	// C2 200  posted
}
