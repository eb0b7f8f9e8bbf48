package intercomtest

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/underlimit/underlimit/internal/fakeapi"
)

// api is the state of a server. Its calls do not overlap.
type api struct {
	opts     Options
	used     map[string]*uses  // by bucket
	jobs     map[string]*[]job // pending ones, by bucket
	names    fakeapi.Names
	requests int  // answered so far
	objects  int  // made so far
	together uses // of all apps
}

// uses are how many requests the latest windows have seen. There can be several, because the clock may go back to one.
type uses []use

type use struct {
	window int64 // when it began, on the server's clock
	n      int
	at     time.Time // of the latest request
}

// of returns the use of the window that began then. One of which nothing was heard for long is forgotten.
func (u *uses) of(began int64, now time.Time) *use {
	*u = slices.DeleteFunc(*u, func(old use) bool { return now.Sub(old.at) > 2*window })
	i := slices.IndexFunc(*u, func(have use) bool { return have.window == began })
	if i < 0 {
		i = len(*u)
		*u = append(*u, use{window: began})
	}
	(*u)[i].at = now
	return &(*u)[i]
}

func newAPI(opts Options) *api {
	if opts.Limit == 0 {
		opts.Limit = defaultLimit
	}
	if opts.ExportTime == 0 {
		opts.ExportTime = defaultExportTime
	}
	if opts.Authorized == nil {
		opts.Authorized = func(credential string) bool { return credential != "" }
	}
	return &api{opts: opts, used: map[string]*uses{}, jobs: map[string]*[]job{}}
}

const workspace = "workspace"

func (a *api) serve(c *fakeapi.Call) fakeapi.Answer {
	a.requests++
	credential := c.Request.Header.Get("Authorization")
	if !a.opts.Authorized(credential) {
		answer := a.failed(http.StatusUnauthorized, "unauthorized", "Access Token Invalid")
		answer.Violation = "no valid credential"
		return answer
	}
	app := "app"
	if name := a.names.Of(credential); name != "" {
		app += " " + name
	}
	began := c.Clock.Unix() - c.Clock.Unix()%int64(window/time.Second)
	ends := time.Unix(began, 0).Add(window)
	used, together := fakeapi.At(a.used, app).of(began, c.At), a.together.of(began, c.At)
	before := used.n

	var answer fakeapi.Answer
	until := c.At.Add(ends.Sub(c.Clock))
	switch {
	case a.opts.Limit > 0 && before >= a.opts.Limit:
		answer = a.exceeded(a.opts.Limit, app, until)
	case a.opts.WorkspaceLimit > 0 && together.n >= a.opts.WorkspaceLimit:
		answer = a.exceeded(a.opts.WorkspaceLimit, workspace, until)
	default:
		used.n++
		together.n++
		answer = a.answer(c)
	}
	answer.Buckets = append(answer.Buckets, app, workspace)
	if a.opts.Limit > 0 {
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

// exceeded refuses a request until a window is over.
func (a *api) exceeded(limit int, bucket string, until time.Time) fakeapi.Answer {
	answer := a.failed(http.StatusTooManyRequests, "rate_limit_exceeded",
		fmt.Sprintf("Exceeded rate limit of %d in 10_seconds", limit))
	answer.RefusedBy, answer.Until = bucket, until
	return answer
}

// failed returns Intercom's envelope of an error.
func (a *api) failed(status int, code, message string) fakeapi.Answer {
	return fakeapi.Reply(status, map[string]any{
		"type":       "error.list",
		"request_id": "request" + strconv.Itoa(a.requests),
		"errors":     []any{map[string]any{"code": code, "message": message}},
	})
}

// answer processes a request.
func (a *api) answer(c *fakeapi.Call) fakeapi.Answer {
	var body map[string]any
	if strings.HasPrefix(c.Request.Header.Get("Content-Type"), "application/json") {
		var ok bool
		if body, ok = fakeapi.Object(c.Body); !ok {
			answer := a.failed(http.StatusBadRequest, "parameter_invalid", "The body is no JSON object")
			answer.Violation = "the body is no JSON object"
			return answer
		}
	}
	path := strings.Split(strings.Trim(c.Request.URL.Path, "/"), "/")
	if answer, ok := a.export(c, path); ok {
		return answer
	}
	return a.reply(c.Request.Method, path, body, c.Clock)
}
