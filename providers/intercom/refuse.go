package intercom

import (
	"net/http"
	"strconv"
	"time"

	"github.com/underlimit/underlimit/providers"
)

// Refuse returns a 429 as Intercom sends it when a window is used up:
// https://developers.intercom.com/docs/references/rest-api/errors/rate-limiting. It leaves out the limit, which is not
// known here, and which readers would learn from it.
func (*Provider) Refuse(
	_ *http.Request, _ *providers.Call, now time.Time, wait time.Duration,
) (http.Header, []byte) {
	return http.Header{
		"X-Ratelimit-Remaining": {"0"},
		"X-Ratelimit-Reset":     {strconv.FormatInt(now.Add(wait+time.Second-1).Unix(), 10)},
	}, []byte(`{"type":"error.list","errors":[{"code":"rate_limit_exceeded","message":"The rate limit is exceeded."}]}`)
}

var _ providers.Refuser = (*Provider)(nil)
