package slacktest

import (
	"cmp"
	"net/http"
	"strconv"
	"time"

	"github.com/underlimit/underlimit/internal/fakeapi"
	"github.com/underlimit/underlimit/providers/apitest"
)

// Refusal is the form that the fake gives to all its refusals, one of those in which Slack refuses requests or has
// refused them at times. Which requests are refused is another matter: see [Options].Limits and [Options].Refuse.
type Refusal int

const (
	// JSON is a status 429 with Retry-After and a JSON body, to a webhook with retry_after in it.
	JSON Refusal = iota
	// Plain is a status 429 with Retry-After and the word "ratelimited" alone.
	Plain
	// Envoy is the answer of Slack's edge: a status 429 without a body or Retry-After, but x-envoy-ratelimited.
	Envoy
	// InBody is a status 200 with Retry-After whose JSON body says that the call was refused. What is no method and no
	// webhook refuses as in JSON.
	InBody
	// Quota is the status 429 of a used-up quota of messages, without Retry-After. Waiting does not help against it.
	Quota
	// Warned is JSON with a warning and response_metadata.
	Warned
	// Empty is a status 429 with Retry-After and an empty body, as webhooks have it.
	Empty
	// Seconds is a status 429 whose JSON body says retry_after, while no header does.
	Seconds
	// Relax is what Slack's edge said of old: a status 429 with a sentence for people, and no time.
	Relax
	// Counts is the status 429 of before 2018, whose JSON body has counts of calls.
	Counts
)

// A kind is what a request is for.
type kind int

const (
	aMethod kind = iota
	aWebhook
	anyOther
)

// refuse returns a refusal of some kind of request that asks to wait.
func (a *api) refuse(c *apitest.Call, wait time.Duration, kind kind) apitest.Answer {
	const status = http.StatusTooManyRequests
	word := cmp.Or(a.opts.RefusalError, "ratelimited")
	seconds := fakeapi.Ceil(wait, time.Second)
	object := map[string]any{"ok": false, "error": word}
	switch a.opts.Refusal {
	case Envoy:
		answer := apitest.Text(status, "text/plain", "")
		answer.Header.Set("X-Envoy-Ratelimited", "true")
		return answer
	case Quota:
		return apitest.Text(status, "text/plain", "message_limit_exceeded")
	case Relax:
		return apitest.Text(status, "text/plain", "You are sending too many requests. Please relax.")
	case Seconds:
		answer := apitest.Reply(status, map[string]any{"ok": false, "error": "rate_limited", "retry_after": seconds})
		answer.Until = after(c, seconds)
		return answer
	case Plain:
		return a.tell(c, apitest.Text(status, "text/plain", word), wait)
	case Empty:
		return a.tell(c, apitest.Text(status, "text/plain", ""), wait)
	case InBody:
		if kind != anyOther {
			return a.tell(c, apitest.Reply(http.StatusOK, object), wait)
		}
	case Warned:
		object["warning"] = "superfluous_charset"
		object["response_metadata"] = map[string]any{"warnings": []any{"superfluous_charset"}}
	case Counts:
		object["count_hour_ago"], object["count_minute_ago"], object["count_second_ago"] = 3600, 60, 1
	case JSON:
		if kind == aWebhook {
			object["error"], object["retry_after"] = cmp.Or(a.opts.RefusalError, "rate_limited"), seconds
		}
	}
	return a.tell(c, apitest.Reply(status, object), wait)
}

// tell adds Retry-After to a refusal.
func (a *api) tell(c *apitest.Call, answer apitest.Answer, wait time.Duration) apitest.Answer {
	said := strconv.FormatInt(fakeapi.Ceil(wait, time.Second), 10)
	if a.opts.RetryAfter != nil {
		said = a.opts.RetryAfter(wait)
	}
	if said == "" {
		return answer
	}
	answer.Header.Set("Retry-After", said)
	if seconds, err := strconv.ParseInt(said, 10, 32); err == nil {
		answer.Until = after(c, seconds)
	}
	return answer
}

func after(c *apitest.Call, seconds int64) time.Time {
	return c.At.Add(time.Duration(seconds) * time.Second)
}

// failed returns Slack's answer to a call that should not have been made in this way.
func failed(word string) apitest.Answer {
	answer := apitest.Reply(http.StatusOK, map[string]any{"ok": false, "error": word})
	answer.Void, answer.Violation = true, word
	return answer
}
