package slack

import (
	"net/http"
	"time"

	"github.com/underlimit/underlimit/providers"
)

// Refuse returns a 429 as Slack's methods send it: https://docs.slack.dev/apis/web-api/rate-limits. What it tells of
// the time is in Retry-After alone.
func (p *Provider) Refuse(*http.Request, *providers.Call, time.Time, time.Duration) (http.Header, []byte) {
	return http.Header{}, []byte(`{"ok":false,"error":"ratelimited"}`)
}

var _ providers.Refuser = (*Provider)(nil)
