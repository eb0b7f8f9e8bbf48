package providers

import (
	"net/http"
	"strconv"
	"time"
)

// A Refuser is a [Provider] that can speak for its API: it says in the API's own words that a request was refused, so
// that whoever reads the API's refusals understands it.
type Refuser interface {
	// Refuse returns the header and the body, which is JSON, of a 429 to a request that Classify claimed. The answer is
	// given at now, and the request may be sent again after wait, which is a whole number of seconds, from one to those
	// of a day. Judge takes such an answer for a refusal of about that length. Fields that any refusal has, [Refuse]
	// adds.
	Refuse(req *http.Request, call *Call, now time.Time, wait time.Duration) (http.Header, []byte)
}

// maxRefusal is the longest wait that a refusal tells: no answer is believed for longer by default. Whoever asks again
// then hears the rest.
const maxRefusal = 24 * time.Hour

// generic is the body of refusals by providers that have no words of their own.
const generic = `{"error":"rate_limited","message":"The request was not sent: it would have had to wait too long."}`

// Refuse returns the header and the body of a 429 that tells, in the name of p's API, to send a request again after a
// time. p must have claimed the request as call. The header is complete but for Content-Length:
//
//   - Content-Type is application/json and nothing else: some clients compare the whole value.
//   - Retry-After is a whole number, of seconds unless p says otherwise, and at least 1: some read no fraction, and
//     some take 0 for leave to ask again at once.
//   - Via names underlimit: some take a 429 that came through no proxy for a ban of their address.
//
// Body and header are the caller's to keep.
func Refuse(p Provider, req *http.Request, call *Call, now time.Time, wait time.Duration) (http.Header, []byte) {
	wait = wholeSeconds(wait)
	header, body := refusal(p, req, call, now, wait)
	header.Set("Content-Type", "application/json")
	header.Set("Date", now.UTC().Format(http.TimeFormat))
	header.Set("Via", "1.1 underlimit")
	if header.Get("Retry-After") == "" {
		header.Set("Retry-After", strconv.FormatInt(int64(wait/time.Second), 10))
	}
	return header, body
}

// refusal is what is particular to a provider.
func refusal(p Provider, req *http.Request, call *Call, now time.Time, wait time.Duration) (http.Header, []byte) {
	if r, ok := p.(Refuser); ok {
		if header, body := r.Refuse(req, call, now, wait); header != nil {
			return header, body
		}
	}
	return http.Header{}, []byte(generic)
}

func wholeSeconds(d time.Duration) time.Duration {
	d = min(max(d, time.Second), maxRefusal)
	return (d + time.Second - 1).Truncate(time.Second)
}
