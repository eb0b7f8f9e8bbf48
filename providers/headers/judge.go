package headers

import (
	"net/http"
	"time"

	"github.com/underlimit/underlimit/bucket"
	"github.com/underlimit/underlimit/internal/field"
	"github.com/underlimit/underlimit/providers"
)

// Judge reads the fields of an answer. A 429 is a refusal. A 503 holds further requests back if it says for how long,
// but proves nothing about the one that it answers.
func (*Provider) Judge(_ *http.Request, call *providers.Call, a *providers.Answer) (v providers.Verdict) {
	key := call.Draws[0].Key
	refused := a.Status == http.StatusTooManyRequests
	cached := isCached(a.Header)
	wait, _ := field.RetryAfter(a.Header, time.Second, a.Received)

	if w, ok := window(a); ok && !cached {
		w.Key = key
		v.Updates = append(v.Updates, w)
		if refused && wait == 0 && w.Remaining == 0 {
			wait = untilReset(&w, a)
		}
	}
	switch {
	case refused: // from a cache, too: asking it again sooner is of no use
		v.Refused, v.Scope = true, providers.ScopeUnknown
		v.Updates = append(v.Updates, bucket.Block{Key: key, For: wait})
	case a.Status == http.StatusServiceUnavailable && wait > 0 && !cached:
		v.Updates = append(v.Updates, bucket.Block{Key: key, For: wait})
	}
	return v
}

// isCached says whether an answer comes out of a cache: its fields tell of the request that it was made for.
func isCached(h http.Header) bool {
	age, _ := field.Number(h.Get("Age"))
	return age > 0
}

// families are the prefixes under which servers tell of a limit, in canonical form.
var families = []string{"X-Ratelimit-", "X-Rate-Limit-"}

// window reads a window, its key left out, from the first family of fields that tells how much is left and until when.
func window(a *providers.Answer) (bucket.Window, bool) {
	for _, prefix := range families {
		remaining, ok := field.Count(a.Header.Get(prefix + "Remaining"))
		if !ok {
			continue
		}
		w := bucket.Window{Remaining: remaining}
		w.Limit, _ = field.Count(a.Header.Get(prefix + "Limit"))
		if readReset(&w, a, a.Header.Get(prefix+"Reset")) {
			return w, true
		}
	}
	return bucket.Window{}, false
}

// rounding is how much a time in whole seconds may be off. Nobody tells whether a server rounds up or down.
const rounding = time.Second

// maxBehind is how long ago a window may have ended that is still believed.
const maxBehind = time.Minute

// readReset reads the end of a window: an instant, or a number of seconds from now.
func readReset(w *bucket.Window, a *providers.Answer, s string) bool {
	at, ok := field.Instant(s)
	if !ok {
		after, _ := field.Duration(s, time.Second)
		if after <= 0 {
			return false
		}
		w.ResetAfter = after
		if after%time.Second == 0 {
			w.ResetAfter, w.Precision = min(after+rounding, field.Max), 2*rounding
		}
		return true
	}
	w.ResetAt, w.Date = at, field.Date(a.Header)
	if ahead := at.Sub(serverTime(w, a)); ahead < -maxBehind || ahead > field.Max-rounding {
		return false
	}
	if at.Nanosecond() == 0 {
		w.ResetAt, w.Precision = at.Add(rounding), 2*rounding
	}
	return true
}

// untilReset is how long a window still lasts: 0 if it seems to be over.
func untilReset(w *bucket.Window, a *providers.Answer) time.Duration {
	if w.ResetAfter > 0 {
		return w.ResetAfter
	}
	return max(w.ResetAt.Sub(serverTime(w, a)), 0)
}

// serverTime is the server's clock at the answer or, where it does not show it, ours.
func serverTime(w *bucket.Window, a *providers.Answer) time.Time {
	if w.Date.IsZero() {
		return a.Received
	}
	return w.Date
}
