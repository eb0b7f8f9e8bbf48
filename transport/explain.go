package transport

import (
	"net/http"
	"time"

	"github.com/underlimit/underlimit/bucket"
)

// An Explanation says what a request would meet if it were sent now.
type Explanation struct {
	// Claimed says whether a provider claims the request. If none does, no limit applies and all else is zero.
	Claimed bool
	// Provider and Route are those that events name, as in CallInfo.
	Provider, Route string
	// What the buckets say: how long it would wait, which one holds it back longest, and what is known of each.
	bucket.Explanation
}

// Explain says what a request would meet, with the priority of its context and whatever the transport's Mode. It sends
// nothing, takes nothing, and neither reads nor closes the request's body: what a provider needs to see of that, it
// takes from GetBody. Where there is none, RoundTrip may know of more buckets, such as that of the channel which a
// small body names.
func (t *Transport) Explain(req *http.Request) Explanation {
	if req.URL == nil || req.Header == nil {
		return Explanation{}
	}
	call, ok := t.provider.Classify(req, time.Now())
	if !ok {
		return Explanation{}
	}
	ticket := &bucket.Ticket{Priority: wishesOf(req.Context()).priority}
	return Explanation{
		Claimed: true, Provider: call.Provider, Route: call.Route,
		Explanation: t.buckets.Explain(ticket, call.Draws...),
	}
}
