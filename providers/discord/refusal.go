package discord

import (
	"bytes"
	"encoding/json"
	"strings"
	"time"

	"github.com/underlimit/underlimit/bucket"
	"github.com/underlimit/underlimit/internal/field"
	"github.com/underlimit/underlimit/providers"
)

// codeDailyCommands says that the application commands that may be created in a day are used up:
// https://discord.com/developers/docs/topics/opcodes-and-status-codes#json
const codeDailyCommands = "30034"

// answerIn is how long an interaction may go without an answer. One that is late is of no use:
// https://discord.com/developers/docs/interactions/receiving-and-responding
const answerIn = 3 * time.Second

// refusal reads a 429.
//
// Its wait is the longer of what header and body say. That of the bucket, Reset-After, is no wait: with a limit on a
// shared resource it is of another limit, and in a sliding window it is when all is back, not when one is. For this
// reason nothing is learned of the window here, either.
func (x *exchange) refusal() providers.Verdict {
	body, isObject := readNotice(x.answer.Body)
	v := providers.Verdict{Refused: true}
	if !x.byDiscord(&body, isObject) {
		v.Scope = providers.ScopeEgress
		v.Updates = append(blocks(x.wait(body, time.Second), &egressKey), x.spared()...)
		return v
	}

	unit := time.Second
	if x.path().legacy {
		unit = time.Millisecond
	}
	wait := x.wait(body, unit)
	h := x.answer.Header
	scope := field.Get(h, fieldScope)
	remaining, _ := field.Count(field.Get(h, fieldRemaining))
	c, hashed := x.counter()
	resource := drawn(x.route, x.callback)
	v.Final = x.callback != nil && wait >= answerIn
	switch {
	case scope == "global" || strings.EqualFold(field.Get(h, fieldGlobal), "true") || body.Global.is("true"):
		v.Scope = providers.ScopeGlobal
		if key := drawn(x.global, resource); key != nil {
			v.Updates = blocks(wait, key) // an interaction's must not stop the rest
		}
		v.Updates = append(v.Updates, x.spared()...)
		return v
	case scope == "shared":
		v.Scope = providers.ScopeShared
	case scope == "user":
		v.Scope = providers.ScopeUser
	default:
		v.Scope = providers.ScopeUnknown
	}
	if resource == nil { // the draws are not those that Classify gave
		return v
	}
	if body.Code.is(codeDailyCommands) {
		v.Final, v.Scope = true, providers.ScopeQuota
	}

	hidden := func(key *bucket.Key) bucket.Block {
		return bucket.Block{Key: *key, For: wait, Hidden: true, Precision: x.over(&body, wait)}
	}
	ofRoute := bucket.Block{Key: *resource, For: wait}
	if x.hidden || v.Scope != providers.ScopeShared && !body.hasCode() {
		ofRoute = hidden(resource) // else it may be of this channel only, and how much of it others used, nobody knows
	}
	switch {
	case resource == x.callback, v.Scope == providers.ScopeQuota:
		v.Updates = append(blocks(wait, resource), x.spared()...)
	case x.editOld != nil && body.Code.is(codeEditOld):
		v.Updates = append([]bucket.Update{hidden(x.editOld)}, x.spared()...)
	case x.further != nil && x.route != nil:
		v.Updates = x.byFurther(hidden(x.further))
	case v.Scope == providers.ScopeShared, remaining > 0:
		// It is not this counter that is empty, but one that nothing names.
		v.Updates = append([]bucket.Update{ofRoute}, x.spared()...)
	case hashed:
		// The route is blocked by itself, too: its next answer may name another counter, and this one still be empty.
		v.Updates = []bucket.Update{bucket.Alias{Key: *resource, To: c}, ofRoute, bucket.Block{Key: c, For: wait}}
	case x.path().legacy:
		old := oldRule(*resource)
		v.Updates = blocks(wait, &old)
	default:
		v.Updates = []bucket.Update{ofRoute}
	}
	return v
}

// byFurther blocks what may have refused a request that is under a further limit besides its route's: that limit, since
// the other one would show in the next answer to whatever else draws on the route, but this one never does. A counter is
// blocked, too, if the answer tells that it is empty; but it may be that of the further limit, and so the route is not
// said to be its.
func (x *exchange) byFurther(further bucket.Block) []bucket.Update {
	spared := bucket.Uncounted{Key: *x.route}
	var w bucket.Window
	if !x.window(&w) || w.Remaining > 0 || further.For > x.left(&w)+time.Second { // Retry-After is in whole seconds, rounded up
		return []bucket.Update{further, spared}
	}
	c, hashed := x.counter()
	switch {
	case hashed:
	case x.path().legacy:
		c = oldRule(*x.route)
	default:
		c = *x.route
	}
	return []bucket.Update{further, bucket.Block{Key: c, For: further.For}, spared}
}

// left is how long a window of the answer lasts, at least.
func (x *exchange) left(w *bucket.Window) time.Duration {
	switch {
	case w.ResetAfter > 0:
		return w.ResetAfter
	case w.Date.IsZero():
		return w.ResetAt.Sub(x.answer.Received)
	}
	return w.ResetAt.Sub(w.Date)
}

// spared says that the route's counter did not count the request, which something else refused: else what was refused
// at once would be taken for used up when the block is over.
func (x *exchange) spared() []bucket.Update {
	if x.route == nil {
		return nil
	}
	us := []bucket.Update{bucket.Uncounted{Key: *x.route}}
	if old := oldRule(*x.route); x.path().legacy && old != *x.route {
		us = append(us, bucket.Uncounted{Key: old}) // it was drawn on, too
	}
	return us
}

// drawn returns key, or instead if the request did not draw on that.
func drawn(key, instead *bucket.Key) *bucket.Key {
	if key == nil {
		return instead
	}
	return key
}

func blocks(wait time.Duration, key *bucket.Key) []bucket.Update {
	return []bucket.Update{bucket.Block{Key: *key, For: wait}}
}

// over is by how much a wait is too long: the header's is the body's, rounded up to a second.
func (x *exchange) over(body *notice, wait time.Duration) time.Duration {
	told, _ := field.Duration(string(body.RetryAfter), time.Second)
	if over := wait - told; told > 0 && over < time.Second && !x.path().legacy {
		return over
	}
	return 0
}

// byDiscord says whether a 429 is from Discord itself. If not, it is from Cloudflare before it, which has banned our
// address: such an answer speaks of no bucket, and passed no further proxy or tells neither a time nor a code; or it is a
// page for people.
func (x *exchange) byDiscord(body *notice, isObject bool) bool {
	h := x.answer.Header
	for k, v := range h {
		if len(v) > 0 && len(k) > len(fieldPrefix) && strings.EqualFold(k[:len(fieldPrefix)], fieldPrefix) {
			return isObject || len(x.answer.Body) == 0 // the answer to a HEAD has no body
		}
	}
	tells := body.RetryAfter != "" || body.hasCode() || field.Get(h, "Retry-After") != ""
	return isObject && tells && field.Get(h, "Via") != ""
}

// wait returns the longer of what header and body say; 0 if neither says anything.
func (x *exchange) wait(body notice, unit time.Duration) time.Duration {
	header, _ := field.RetryAfter(x.answer.Header, unit, x.answer.Received)
	told, _ := field.Duration(string(body.RetryAfter), unit)
	return max(header, told)
}

// A notice is the body of a 429: https://discord.com/developers/docs/topics/rate-limits#exceeding-a-rate-limit
type notice struct {
	RetryAfter scalar `json:"retry_after"`
	Global     scalar `json:"global"`
	Code       scalar `json:"code"`
}

// hasCode says whether a code tells what is refused, such as a message to a slow channel; 0 is none.
func (n *notice) hasCode() bool { return n.Code != "" && !n.Code.is("0") }

// readNotice reports false if body is not a whole JSON object.
func readNotice(body []byte) (n notice, ok bool) {
	if !bytes.HasPrefix(bytes.TrimLeft(body, " \t\r\n"), []byte("{")) {
		return notice{}, false
	}
	err := json.Unmarshal(body, &n)
	return n, err == nil
}

// A scalar is a JSON value as it is written, without the quotes of a string.
type scalar string

// UnmarshalJSON takes any value.
func (s *scalar) UnmarshalJSON(b []byte) error {
	*s = scalar(bytes.Trim(b, `"`))
	return nil
}

func (s scalar) is(value string) bool { return string(s) == value }
