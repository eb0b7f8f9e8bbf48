package intercom

import (
	"net/http"
	"time"

	"github.com/underlimit/underlimit/bucket"
	"github.com/underlimit/underlimit/internal/field"
)

// Details are how the limit of an app stands, for programs that show it or plan by it: what the rate_limit_details of
// Intercom's own clients are. [ReadDetails] has those of one answer, [Provider.RateLimitDetails] those of a credential.
type Details struct {
	// Limit is how many requests a window of ten seconds holds; 0 if no answer said.
	Limit int
	// Remaining is how many of them are left.
	Remaining int
	// ResetAt is when the window ends.
	ResetAt time.Time
}

// ReadDetails returns what an answer's header tells, as it stands there: ResetAt is by Intercom's clock. It reports false
// where the header does not tell both what is left and until when, as in answers to requests without a valid credential.
func ReadDetails(h http.Header) (Details, bool) {
	limit, _ := field.Count(field.Get(h, "X-Ratelimit-Limit"))
	remaining, left := field.Count(field.Get(h, "X-Ratelimit-Remaining"))
	resetAt, until := field.Instant(field.Get(h, "X-Ratelimit-Reset"))
	if !left || !until {
		return Details{}, false
	}
	return Details{Limit: limit, Remaining: remaining, ResetAt: resetAt}, true
}

// RateLimitDetails returns how the limit stands that a request like req would meet now, from all answers to requests with
// its credential, and all that are in flight. Buckets is the registry of the transport that sends them. Only the address
// and the header of req count; it need not be one that was, or will be, sent.
//
// Remaining is how many requests may go now. That is the app's share of what the workspace has left, if that is less,
// and none while a refusal holds them back. ResetAt is when more may go, by our clock; it is zero where nothing is used
// of the window. Of a Limit without any answer since, all is left.
//
// It reports false while no answer has told anything, and for a request that is none to Intercom. Failures on the way
// change nothing but that a request which was not answered counts as used until its window ends.
func (p *Provider) RateLimitDetails(buckets *bucket.Registry, req *http.Request) (Details, bool) {
	call, ok := p.Classify(req, time.Time{})
	if !ok {
		return Details{}, false
	}
	stand := buckets.Explain(nil, call.Draws[:resource]...).Buckets
	d := Details{Limit: stand[app].Limit, Remaining: stand[app].Remaining, ResetAt: stand[app].Reset}
	ok = stand[app].Known
	if s := &stand[workspace]; s.Known && s.Remaining < d.Remaining {
		d.Remaining, d.ResetAt = s.Remaining, s.Reset
	}
	for i := range stand {
		until := stand[i].Blocked
		if until.IsZero() {
			continue
		}
		if d.Remaining > 0 || until.After(d.ResetAt) {
			d.ResetAt = until
		}
		d.Remaining, ok = 0, true
	}
	return d, ok
}
