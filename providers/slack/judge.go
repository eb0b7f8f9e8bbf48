package slack

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/underlimit/underlimit/bucket"
	"github.com/underlimit/underlimit/internal/field"
	"github.com/underlimit/underlimit/providers"
)

// verdicts are the errors that speak of limits. True is a refusal; false, a quota that waiting does not help against.
// Each method's page lists its errors: https://docs.slack.dev/reference/methods
var verdicts = map[string]bool{
	"ratelimited":       true,
	"rate_limited":      true,
	"ratelimit":         true, // conversations.inviteShared
	"too_many_requests": true, // bookmarks.add

	"message_limit_exceeded": false, // the messages of a free workspace
	"team_quota_exceeded":    false, // apps.datastore.*
	"restricted_too_many":    false, // chat.scheduleMessage: too many messages for one span of time
}

// Judge finds refusals by their status, and in the body of successful answers. From these it also learns which tokens
// are of one installation.
func (p *Provider) Judge(req *http.Request, call *providers.Call, a *providers.Answer) providers.Verdict {
	if a.Status < 200 || a.Status >= 300 && a.Status < 400 || a.Status >= 500 {
		return providers.Verdict{}
	}
	said := parseReply(a.Body)
	if a.Status < 300 && !said.failed {
		if len(a.Body) == 0 {
			return providers.Verdict{}
		}
		return providers.Verdict{Updates: p.joins(req, call, a)}
	}
	wait, _ := field.RetryAfter(a.Header, time.Second, a.Received)
	if wait == 0 {
		wait = said.retryAfter
	}
	refused, known := verdicts[said.err]
	switch {
	case known && !refused:
		return providers.Verdict{Refused: true, Final: true, Scope: providers.ScopeQuota}
	case refused, a.Status == http.StatusTooManyRequests, said.failed && said.err == "" && wait > 0:
		return providers.Verdict{Updates: blocks(call, wait), Refused: true, Scope: scope(call, a.Header)}
	}
	return providers.Verdict{}
}

// blocks holds all that the refusal may have meant, as it does not say which limit it was. The workspace's cap on
// chat.postMessage is left out where the channel is known: that limit is by far the stricter, and one busy channel must
// not stop the others.
func blocks(call *providers.Call, wait time.Duration) []bucket.Update {
	draws := call.Draws
	if call.Route == postMessage && len(draws) > 1 {
		draws = draws[:len(draws)-1]
	}
	updates := make([]bucket.Update, len(draws))
	for i, d := range draws {
		updates[i] = bucket.Block{Key: d.Key, For: wait}
	}
	return updates
}

func scope(call *providers.Call, h http.Header) providers.Scope {
	if h.Get("X-Envoy-Ratelimited") != "" {
		return providers.ScopeUnknown // Slack's edge, which does not say what it counts
	}
	switch call.Route {
	case audit:
		return providers.ScopeWorkspace
	case files, response, apiOther:
		return providers.ScopeUnknown
	}
	if strings.HasPrefix(call.Route, "scim.") {
		return providers.ScopeWorkspace
	}
	return providers.ScopeUser
}

// A reply is what a body says of limits.
type reply struct {
	failed     bool // it says "ok":false
	err        string
	retryAfter time.Duration
}

// maxError is longer than any error that Slack gives as plain text.
const maxError = 64

// parseReply reads a body, which may be JSON, plain text, anything or nothing.
func parseReply(body []byte) reply {
	text := bytes.TrimSpace(body)
	if len(text) == 0 || bytes.HasPrefix(text, []byte(`{"ok":true`)) {
		return reply{} // as nearly all are
	}
	if text[0] != '{' {
		if len(text) > maxError {
			return reply{}
		}
		return reply{err: string(text)}
	}
	var r reply
	members(text, func(name string, value []byte) bool {
		switch name {
		case "ok":
			r.failed = string(value) == "false"
			return string(value) != "true"
		case "error":
			if json.Unmarshal(value, &r.err) != nil {
				r.err = ""
			}
		case "retry_after":
			r.retryAfter, _ = field.Duration(strings.Trim(string(value), `"`), time.Second)
		}
		return true
	})
	return r
}
