package slacktest_test

import (
	"fmt"
	"net/url"

	"github.com/underlimit/underlimit/providers/slack/slacktest"
)

// This example posts two messages to a channel in a row, which is one too many.
func ExampleNewServer() {
	srv := slacktest.NewServer(nil)
	defer srv.Close()

	for range 2 {
		resp, err := srv.Client().PostForm("https://slack.com/api/chat.postMessage", url.Values{
			"token": {"xoxb-1"}, "channel": {"C123"}, "text": {"hello"},
		})
		if err != nil {
			fmt.Println(err)
			return
		}
		resp.Body.Close()
		fmt.Printf("%s, Retry-After: %q\n", resp.Status, resp.Header.Get("Retry-After"))
	}
	fmt.Println(srv.Report().RefusedBy)
	// Output:
	// 200 OK, Retry-After: ""
	// 429 Too Many Requests, Retry-After: "1"
	// map[post #1 C123:1]
}
