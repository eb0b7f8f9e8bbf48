package intercomtest

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/underlimit/underlimit/internal/fakeapi"
	"github.com/underlimit/underlimit/providers/apitest"
)

// api is the state of a server. Its calls do not overlap.
type api struct {
	opts     Options
	used     map[string]*uses   // by bucket
	jobs     map[string]*[]job  // pending ones, by bucket
	scrolls  map[string]*scroll // the latest, by workspace
	names    fakeapi.Names
	requests int // answered so far
	objects  int // made so far
}

func newAPI(opts Options) *api {
	return &api{
		opts: opts.withDefaults(), used: map[string]*uses{}, jobs: map[string]*[]job{}, scrolls: map[string]*scroll{},
	}
}

func (a *api) serve(c *apitest.Call) apitest.Answer {
	a.requests++
	credential := c.Request.Header.Get("Authorization")
	if !a.opts.Authorized(credential) {
		answer := a.failed(http.StatusUnauthorized, "unauthorized", "Access Token Invalid")
		answer.Violation = "no valid credential"
		return answer
	}
	return a.limited(c, credential)
}

// failed returns Intercom's envelope of an error.
func (a *api) failed(status int, code, message string) apitest.Answer {
	return apitest.Reply(status, map[string]any{
		"type":       "error.list",
		"request_id": "request" + strconv.Itoa(a.requests),
		"errors":     []any{map[string]any{"code": code, "message": message}},
	})
}

// answer processes a request.
func (a *api) answer(c *apitest.Call, credential string) apitest.Answer {
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
	if answer, ok := a.export(c, credential, path); ok {
		return answer
	}
	if c.Request.Method == http.MethodGet && len(path) == 2 && path[0] == "companies" && path[1] == "scroll" {
		return a.scroll(c, credential)
	}
	return a.reply(c.Request.Method, path, body, c.Clock)
}
