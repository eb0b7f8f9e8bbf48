package intercom

import (
	"net/http"
	"time"

	"github.com/underlimit/underlimit/internal/field"
)

// Details are what an answer tells of its app's limit, for programs that show it or plan by it: the fields themselves,
// as the rate_limit_details of Intercom's own clients.
type Details struct {
	// Limit is how many requests a window of ten seconds holds; 0 if the answer does not say.
	Limit int
	// Remaining is how many of them are left.
	Remaining int
	// ResetAt is when the window ends, by Intercom's clock.
	ResetAt time.Time
}

// ReadDetails returns what an answer's header tells. It reports false where it does not tell both what is left and
// until when, as in answers to requests without a valid credential.
func ReadDetails(h http.Header) (Details, bool) {
	limit, _ := field.Count(field.Get(h, "X-Ratelimit-Limit"))
	remaining, left := field.Count(field.Get(h, "X-Ratelimit-Remaining"))
	resetAt, until := field.Instant(field.Get(h, "X-Ratelimit-Reset"))
	if !left || !until {
		return Details{}, false
	}
	return Details{Limit: limit, Remaining: remaining, ResetAt: resetAt}, true
}
