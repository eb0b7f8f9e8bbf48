package slack

import (
	"bytes"
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

// Judge finds refusals by their status, and in the body of successful answers. From these it also learns which names
// mean the same: of installations, and of channels.
func (p *Provider) Judge(req *http.Request, call *providers.Call, a *providers.Answer) providers.Verdict {
	if a.Status < 200 || a.Status >= 300 && a.Status < 400 || a.Status >= 500 {
		return providers.Verdict{}
	}
	said := parseReply(a.Body)
	if a.Status < 300 && !said.failed {
		if len(a.Body) == 0 {
			return providers.Verdict{}
		}
		return providers.Verdict{Updates: p.learn(req, call, a)}
	}
	wait, _ := field.RetryAfter(a.Header, time.Second, a.Received)
	if wait == 0 {
		wait = said.retryAfter
	}
	if wait > 0 {
		wait = max(wait, leastWait)
	}
	refused, known := verdicts[said.err]
	switch {
	case known && !refused:
		return providers.Verdict{Refused: true, Final: true, Scope: providers.ScopeQuota}
	case refused, a.Status == http.StatusTooManyRequests, said.failed && said.err == "" && wait > 0:
		return providers.Verdict{
			Updates: p.blocks(call, wait, said.err), Refused: true, Scope: scope(call, a.Header),
		}
	}
	return providers.Verdict{}
}

// leastWait is the least that Slack means where it tells a time: it counts in whole seconds.
const leastWait = time.Second

// blocks holds all that the refusal may have meant, as it does not say which limit it was. But the cap on what a
// workspace's channels get together is left out as long as a single channel is refused: that limit is by far the
// stricter, and one busy channel must not stop the others.
func (p *Provider) blocks(call *providers.Call, wait time.Duration, err string) []bucket.Update {
	draws, wider := call.Draws, bucket.Key{}
	if i := capOf(draws); i > 0 {
		wider = draws[i].Key
	}
	updates := make([]bucket.Update, 0, len(draws)+1)
	for i := range draws {
		switch d := &draws[i]; {
		case d.Key == wider:
		case d.Key.Limit == post:
			updates = append(updates, bucket.Block{Key: d.Key, For: wait, Wider: wider})
		case err == "ratelimit" && d.Key.Limit == inviteLimit:
			// Slack's word for a limit on one user: https://docs.slack.dev/reference/methods/conversations.inviteShared
			return []bucket.Update{bucket.Block{Key: d.Key, For: wait}}
		default:
			updates = append(updates, bucket.Block{Key: d.Key, For: wait})
		}
	}
	if nonMarketplace[call.Route] && wait >= longWait {
		updates = append(updates, bucket.Stricter{Key: draws[len(draws)-1].Key, Policy: p.slow, For: slowFor})
	}
	return updates
}

// capOf returns which of the draws is that on what all channels get; less than 0 if none is.
func capOf(draws []bucket.Draw) int {
	for i := range draws {
		if draws[i].Key.Limit == postMessage {
			return i
		}
	}
	return -1
}

const (
	// longWait is a Retry-After that apps see which are sold outside of the Marketplace, as they may call but once a
	// minute, and hardly others: with fifty calls in a minute, there is one soon.
	longWait = 20 * time.Second
	// slowFor is how long such an app is taken for one. Then it is tried again.
	slowFor = time.Hour
)

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
	members(text, func(name, value []byte) bool {
		switch string(name) {
		case "ok":
			r.failed = string(value) == "false"
			return string(value) != "true"
		case "error":
			r.err, _ = jsonString(value)
		case "retry_after":
			r.retryAfter, _ = field.Duration(strings.Trim(string(value), `"`), time.Second)
		}
		return true
	})
	return r
}
