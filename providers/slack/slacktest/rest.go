package slacktest

import (
	"net/http"
	"strings"

	"github.com/underlimit/underlimit/providers/apitest"
)

// A scimLimit is one of https://docs.slack.dev/reference/scim-api/rate-limits, the only page on which Slack tells bursts.
type scimLimit struct{ perMinute, burst int }

var (
	scimReads  = scimLimit{1000, 1000}
	scimWrites = scimLimit{600, 180}
	// scimEndpoints has the limits of single endpoints, of users and groups alike but for one burst.
	scimEndpoints = map[string]scimLimit{
		"GET Users/{id}": {300, 300}, "GET Groups/{id}": {300, 300},
		"POST Users": {180, 20}, "POST Groups": {180, 20},
		"PUT Users/{id}": {180, 20}, "PUT Groups/{id}": {180, 80},
		"DELETE Users/{id}": {180, 20}, "DELETE Groups/{id}": {180, 20},
	}
)

// endpoint names a request to SCIM: PATCH and PUT share a limit.
func endpoint(method, path string) string {
	if method == http.MethodPatch {
		method = http.MethodPut
	}
	parts := strings.Split(strings.Trim(path, "/"), "/") // of /scim/v2/Users/W1
	switch {
	case len(parts) < 3:
		return method
	case len(parts) == 3:
		return method + " " + parts[2]
	}
	return method + " " + parts[2] + "/{id}"
}

// scim answers a request to the SCIM API. Its limits are those of the organization, whatever the app.
func (a *api) scim(c *apitest.Call) apitest.Answer {
	who, refused := a.admin(c)
	if refused != nil {
		return *refused
	}
	method := c.Request.Method
	var draws []draw
	name := endpoint(method, c.Request.URL.Path)
	if l, ok := scimEndpoints[name]; ok {
		draws = append(draws, a.perMinute("scim "+name+" "+who.org, l.perMinute, l.burst))
	}
	org, l := "scim.write ", scimWrites
	if method == http.MethodGet || method == http.MethodHead {
		org, l = "scim.read ", scimReads
	}
	draws = append(draws, a.perMinute(org+who.org, l.perMinute, l.burst))
	return a.answer(c, draws, anyOther, func() apitest.Answer {
		switch method {
		case http.MethodDelete:
			return apitest.Answer{Status: http.StatusNoContent, Header: http.Header{}}
		case http.MethodPost:
			return apitest.Reply(http.StatusCreated, map[string]any{"id": a.id("W")})
		}
		if strings.HasSuffix(name, "/{id}") {
			return apitest.Reply(http.StatusOK, map[string]any{"id": "W1"})
		}
		return apitest.Reply(http.StatusOK, map[string]any{"totalResults": 0, "Resources": []any{}})
	})
}

// audit answers a request to the Audit Logs API, whose limit is the organization's, too.
func (a *api) audit(c *apitest.Call) apitest.Answer {
	who, refused := a.admin(c)
	if refused != nil {
		return *refused
	}
	n, ok := a.opts.Limits["audit"]
	if !ok {
		n = auditPerMinute
	}
	burst := 0
	if a.opts.Burst != nil {
		burst = a.opts.Burst("audit", n)
	}
	return a.answer(c, []draw{a.perMinute("audit "+who.org, n, burst)}, anyOther, func() apitest.Answer {
		return apitest.Reply(http.StatusOK, map[string]any{
			"entries": []any{}, "response_metadata": map[string]any{"next_cursor": ""},
		})
	})
}

// admin returns who calls an API that takes its token in the header only, or how the call fails.
func (a *api) admin(c *apitest.Call) (caller, *apitest.Answer) {
	token := token(c, nil)
	if token != "" && a.authorized(token, c.At) {
		return a.caller(token, ""), nil
	}
	answer := apitest.Reply(http.StatusUnauthorized, map[string]any{"ok": false, "error": "invalid_auth"})
	answer.Violation = "invalid_auth"
	return caller{}, &answer
}
