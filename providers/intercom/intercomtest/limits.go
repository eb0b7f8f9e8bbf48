package intercomtest

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/underlimit/underlimit/internal/fakeapi"
	"github.com/underlimit/underlimit/providers/apitest"
)

// uses are how many requests the latest windows have seen. There can be several, because the clock may go back to one.
type uses []use

type use struct {
	ends time.Time // on the server's clock
	n    int
	at   time.Time // of the latest request
}

// of returns the use of the window that ends then. One of which nothing was heard for long is forgotten.
func (u *uses) of(ends, now time.Time) *use {
	*u = slices.DeleteFunc(*u, func(old use) bool { return now.Sub(old.at) > 2*window })
	i := slices.IndexFunc(*u, func(have use) bool { return have.ends.Equal(ends) })
	if i < 0 {
		i = len(*u)
		*u = append(*u, use{ends: ends})
	}
	(*u)[i].at = now
	return &(*u)[i]
}

// end is when a window ends that is open as the server's clock shows something.
func (a *api) end(clock time.Time) time.Time {
	ends := time.Unix(clock.Unix()-clock.Unix()%int64(window/time.Second), 0).Add(window)
	if early := a.opts.Early(ends); early > 0 && !clock.Before(ends.Add(-early)) {
		return ends.Add(window)
	}
	return ends
}

// limited counts a request of an app, or refuses it.
func (a *api) limited(c *apitest.Call, credential string) apitest.Answer {
	app, space := "app", a.in(credential, "workspace")
	if name := a.names.Of(credential); name != "" {
		app += " " + name
	}
	ends := a.end(c.Clock)
	used, together := fakeapi.At(a.used, app).of(ends, c.At), fakeapi.At(a.used, space).of(ends, c.At)
	before := used.n

	var answer apitest.Answer
	until := c.At.Add(ends.Sub(c.Clock))
	switch limit, whole := a.opts.Limit, a.opts.WorkspaceLimit; {
	case limit > 0 && before >= limit:
		answer = a.exceeded(limit, app, c.At, until)
	case whole > 0 && together.n >= whole:
		answer = a.exceeded(whole, space, c.At, until)
	default:
		used.n++
		together.n++
		if a.opts.Busy(c.Request) {
			answer = a.failed(http.StatusTooManyRequests, "too_many_requests",
				"The server is receiving too many requests for this resource; retry later")
			answer.RefusedBy = "resource"
			break
		}
		answer = a.answer(c, credential)
	}
	answer.Buckets = append(answer.Buckets, app, space)
	if a.opts.Limit > 0 && !a.opts.Bare(c.Request) {
		counted := used.n
		if a.opts.ExcludeSelf {
			counted = before
		}
		answer.Header.Set("X-RateLimit-Limit", strconv.Itoa(a.opts.Limit))
		answer.Header.Set("X-RateLimit-Remaining", strconv.Itoa(a.opts.Limit-counted))
		answer.Header.Set("X-RateLimit-Reset", strconv.FormatInt(ends.Unix(), 10))
	}
	return answer
}

// in names a bucket of a credential's workspace.
func (a *api) in(credential, bucket string) string {
	if name := a.opts.Workspace(credential); name != "" {
		return bucket + " " + name
	}
	return bucket
}

// exceeded refuses a request until a window is over.
func (a *api) exceeded(limit int, bucket string, now, until time.Time) apitest.Answer {
	answer := a.failed(http.StatusTooManyRequests, "rate_limit_exceeded",
		fmt.Sprintf("Exceeded rate limit of %d in 10_seconds", limit))
	answer.RefusedBy, answer.Until = bucket, until
	if a.opts.RetryAfter {
		answer.Header.Set("Retry-After", strconv.FormatInt(fakeapi.Ceil(until.Sub(now), time.Second), 10))
	}
	return answer
}
