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

// Posts returns what says on which buckets a message to a channel draws, for those who send some by other ways than
// HTTP: it is those of chat.postMessage with that token, in a request of that context, which all that posts there shares.
// It says none if there is no such channel, or none can be so named. It may be called concurrently.
func (p *Provider) Posts(ctx context.Context, token string) func(channel string) []bucket.Draw {
	header := http.Header{"Authorization": {"Bearer " + token}}
	return func(channel string) []bucket.Draw {
		if channel == "" {
			return nil
		}
		req := (&http.Request{Method: http.MethodPost, URL: postURL, Host: postURL.Host, Header: header}).
			WithContext(WithChannel(ctx, channel))
		call, _ := p.Classify(req, time.Time{})
		if len(call.Draws) == 0 || call.Draws[0].Key.Limit != post {
			return nil
		}
		return call.Draws
	}
}
