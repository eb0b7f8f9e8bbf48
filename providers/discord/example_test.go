package discord_test

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/underlimit/underlimit/providers/discord"
	"github.com/underlimit/underlimit/transport"
)

// This example is how a bot should be set up that answers interactions or posts to webhooks. Their own token is in the
// path; without the bot's beside it, they do not use up the bot's 50 requests a second.
func ExampleNew() {
	limits := transport.New(
		discord.New(&discord.Options{OmitAuthorization: true}),
		&transport.Options{Base: show{}}, // leave Base out to send to Discord
	)
	client := &http.Client{Transport: limits}
	for _, path := range []string{"/channels/1/messages", "/interactions/2/aW50ZXJhY3Rpb24/callback", "/webhooks/3/t0k3n"} {
		req, err := http.NewRequest(http.MethodPost, "https://discord.com/api/v10"+path, strings.NewReader("{}"))
		if err != nil {
			fmt.Println(err)
			return
		}
		req.Header.Set("Authorization", "Bot abc") // as SDKs do
		resp, err := client.Do(req)
		if err != nil {
			fmt.Println(err)
			return
		}
		resp.Body.Close()
	}
	// Output:
	// /api/v10/channels/1/messages "Bot abc"
	// /api/v10/interactions/2/aW50ZXJhY3Rpb24/callback ""
	// /api/v10/webhooks/3/t0k3n ""
}

// show is a base transport that sends nothing, and prints what it is given.
type show struct{}

func (show) RoundTrip(req *http.Request) (*http.Response, error) {
	defer req.Body.Close()
	fmt.Printf("%s %q\n", req.URL.Path, req.Header.Get("Authorization"))
	return &http.Response{StatusCode: http.StatusNoContent, Header: http.Header{}, Body: http.NoBody, Request: req}, nil
}
