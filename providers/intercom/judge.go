package intercom

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/underlimit/underlimit/bucket"
	"github.com/underlimit/underlimit/internal/field"
	"github.com/underlimit/underlimit/providers"
)

// Judge reads the rate-limit fields of any answer, and of a refusal whose limit it was. Answers without the fields tell
// nothing: Intercom leaves them out where it does not know the credential, and now and then besides.
func (p *Provider) Judge(_ *http.Request, call *providers.Call, a *providers.Answer) (v providers.Verdict) {
	date := field.Date(a.Header)
	w, told := window(a, date)
	if told {
		w.Key = call.Draws[app].Key
		v.Updates = p.lesson(&w, call)
	}
	if a.Status != http.StatusTooManyRequests {
		return v
	}
	v.Refused = true
	wait, _ := field.RetryAfter(a.Header, time.Second, a.Received)
	blocked := app
	remaining, _ := field.Count(field.Get(a.Header, "X-Ratelimit-Remaining"))
	switch reasonOf(call, a.Body, remaining) {
	case jobs:
		v.Final, v.Scope = true, providers.ScopeQuota
		return v
	case busy:
		blocked, v.Scope = resource, providers.ScopeShared
	default:
		if wait == 0 && told {
			wait = untilReset(&w, a)
		}
		v.Scope = providers.ScopeUser
		if remaining > 0 {
			blocked, v.Scope = workspace, providers.ScopeWorkspace
		}
	}
	v.Updates = append(v.Updates, bucket.Block{Key: call.Draws[blocked].Key, For: wait})
	return v
}

// lesson is what follows from an app's window. The workspace's begins and ends with it. How much is left of that, no
// answer tells, so that all counts that is not granted here.
func (p *Provider) lesson(w *bucket.Window, call *providers.Call) []bucket.Update {
	room := call.GetRoom()
	mine, theirs := &room.Windows[0], &room.Windows[1]
	*mine, room.Updates[0] = *w, mine
	if !p.tells(w.Limit) {
		return room.Updates[:1:1]
	}
	*theirs, room.Updates[1] = *w, theirs
	theirs.Key, theirs.Doubt = call.Draws[workspace].Key, 0
	theirs.Limit, theirs.Remaining = p.perWindow, p.perWindow
	return room.Updates[:]
}

// tells says whether there is something to tell of the workspace's window where an app's holds limit.
func (p *Provider) tells(limit int) bool {
	switch more := limit > p.perWindow; {
	case p.perWindow == 0, more && p.assumed: // nobody knows it
		return false
	case p.workspaceKey == nil: // the app has it to itself, as far as anybody knows
		return more
	}
	return true
}

const (
	// span is the length of a window; windows end at its multiples on the server's clock.
	// https://developers.intercom.com/docs/references/2.17/rest-api/errors/rate-limiting
	span = 10 * time.Second
	// maxAhead and maxBehind are how far from the present a reset may be that is believed. Date is cut to whole seconds.
	maxAhead  = 60 * time.Second
	maxBehind = time.Second
)

// window reads the app's window, its key left out, from the fields of an answer.
func window(a *providers.Answer, date time.Time) (w bucket.Window, told bool) {
	d, ok := ReadDetails(a.Header)
	now := date
	if now.IsZero() {
		now = a.Received
	}
	if ahead := d.ResetAt.Sub(now); !ok || ahead > maxAhead || ahead < -maxBehind {
		return bucket.Window{}, false
	}
	w = bucket.Window{Limit: d.Limit, Remaining: d.Remaining, Doubt: 1, ResetAt: d.ResetAt, Date: date}
	if d.Limit > 0 && d.Remaining >= d.Limit {
		w.Remaining, w.Doubt = d.Limit-1, 0 // for sure, the first answer of a window does not count its own request
	}
	if d.ResetAt.Nanosecond() == 0 && d.ResetAt.Unix()%int64(span/time.Second) != 0 {
		w.ResetAt, w.Precision = d.ResetAt.Add(time.Second), time.Second // no end of a window: cut to whole seconds
	}
	return w, true
}

const (
	// apart is how far the clocks of a server's machines may be from each other.
	apart = 100 * time.Millisecond
	// skewed is the same for its clock and ours.
	skewed = time.Second
)

// untilReset is how long a window that refused still lasts: 0 if it seems to be over.
func untilReset(w *bucket.Window, a *providers.Answer) time.Duration {
	now, margin := w.Date, apart // Date is cut to whole seconds, so that this is never too short
	if now.IsZero() {
		now, margin = a.Received, skewed
	}
	wait := w.ResetAt.Sub(now)
	if wait <= 0 {
		return 0
	}
	return wait + margin
}

// A reason is why Intercom refused, as the body has it.
type reason uint8

const (
	limited reason = iota // too many requests of the app, or of the workspace
	busy                  // too many requests for the resource, whoever sends them
	jobs                  // too many jobs are pending: waiting for a window is of no use
)

// reasonOf reads a refusal's body, which may be cut off, compressed, or no JSON at all. Of several reasons, what jobs
// there are decides, and then the app.
// https://developers.intercom.com/docs/references/rest-api/errors/error-codes
func reasonOf(call *providers.Call, body []byte, remaining int) reason {
	var list struct {
		Errors []struct{ Code, Message string }
	}
	_ = json.Unmarshal(body, &list) // what is of another type stays empty, and so does everything if it is no JSON
	why, told := limited, false
	for _, e := range list.Errors {
		if m := strings.ToLower(e.Message); strings.Contains(m, "pending") && strings.Contains(m, "job") {
			return jobs
		}
		switch e.Code {
		case "rate_limit_exceeded":
			why, told = limited, true
		case "too_many_requests":
			if !told {
				why, told = busy, true
			}
		}
	}
	if !told && remaining > 0 && startsJob(call.Route) {
		return jobs // which is far more often used up than the workspace
	}
	return why
}

// startsJob says whether a route is one that starts an export, of which there may be only so many at a time.
func startsJob(route string) bool {
	return route == "POST /export/content/data" || route == "POST /export/reporting_data/enqueue"
}
