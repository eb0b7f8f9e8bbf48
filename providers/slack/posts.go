package slack

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/underlimit/underlimit/bucket"
)

// postURL is where chat.postMessage is called.
var postURL = &url.URL{Scheme: "https", Host: "slack.com", Path: "/api/" + postMessage}

// Posts returns what says which bucket paces the messages to a channel, for those who send some by other ways than
// HTTP: it is the one that chat.postMessage with that token, in a request of that context, shares with all else that
// posts there. It reports false if there is no such channel, or none can be so named. It may be called concurrently.
func (p *Provider) Posts(ctx context.Context, token string) func(channel string) (bucket.Draw, bool) {
	header := http.Header{"Authorization": {"Bearer " + token}}
	return func(channel string) (bucket.Draw, bool) {
		if channel == "" {
			return bucket.Draw{}, false
		}
		req := (&http.Request{Method: http.MethodPost, URL: postURL, Host: postURL.Host, Header: header}).
			WithContext(WithChannel(ctx, channel))
		call, _ := p.Classify(req, time.Time{})
		for _, d := range call.Draws {
			if d.Key.Limit == post {
				return d, true
			}
		}
		return bucket.Draw{}, false
	}
}
