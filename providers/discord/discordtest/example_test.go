package discordtest_test

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/underlimit/underlimit/providers/discord/discordtest"
)

// This example sends six messages in a row, which is one too many.
func ExampleNewServer() {
	srv := discordtest.NewServer(nil)
	defer srv.Close()

	for range 6 {
		req, err := http.NewRequest("POST", "https://discord.com/api/v10/channels/123/messages",
			strings.NewReader(`{"content":"hello"}`))
		if err != nil {
			fmt.Println(err)
			return
		}
		req.Header.Set("Authorization", "Bot abc")
		req.Header.Set("Content-Type", "application/json")
		resp, err := srv.Client().Do(req)
		if err != nil {
			fmt.Println(err)
			return
		}
		resp.Body.Close()
		fmt.Println(resp.Status, resp.Header.Get("X-RateLimit-Remaining"))
	}
	fmt.Println(srv.Report().RefusedBy)
	// Output:
	// 200 OK 4
	// 200 OK 3
	// 200 OK 2
	// 200 OK 1
	// 200 OK 0
	// 429 Too Many Requests 0
	// map[POST /channels/{channel}/messages #1 123:1]
}
