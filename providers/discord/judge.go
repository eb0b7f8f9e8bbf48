package discord

import (
	"net/http"
	"strings"
	"time"

	"github.com/underlimit/underlimit/bucket"
	"github.com/underlimit/underlimit/internal/field"
	"github.com/underlimit/underlimit/providers"
)

// Header fields, as net/http spells them: https://discord.com/developers/docs/topics/rate-limits#header-format
const (
	fieldPrefix     = "X-Ratelimit-"
	fieldLimit      = "X-Ratelimit-Limit"
	fieldRemaining  = "X-Ratelimit-Remaining"
	fieldReset      = "X-Ratelimit-Reset"
	fieldResetAfter = "X-Ratelimit-Reset-After"
	fieldBucket     = "X-Ratelimit-Bucket"
	fieldGlobal     = "X-Ratelimit-Global"
	fieldScope      = "X-Ratelimit-Scope"

	// fieldPrecision is of requests, below version 8: it asks for milliseconds.
	fieldPrecision = "X-Ratelimit-Precision"
)

// Judge reads an answer: a 429 blocks what it is about, any other tells of the window of the route's counter, and a few
// errors block a webhook or a credential that is of no more use.
func (p *Provider) Judge(req *http.Request, call *providers.Call, a *providers.Answer) providers.Verdict {
	x := exchange{req: req, call: call, answer: a}
	for i := range call.Draws {
		d := &call.Draws[i]
		key := &d.Key
		switch key.Limit {
		case egress: // the same for all
		case global:
			x.global = key
		case renaming, emojis, stickers, crossposts, deletionOldToo:
			x.further = key
		case editOld:
			x.editOld = key
		case hook:
			x.hook = key
		case firstAnswer:
			x.callback = key
		default:
			if x.route == nil {
				x.route = key // the first; by the old rule there may be another
				x.hidden = d.Policy != nil && d.Policy.Hidden
			}
		}
	}
	if a.Status == http.StatusTooManyRequests {
		v := x.refusal()
		if v.Scope != providers.ScopeShared {
			v.Updates = append(v.Updates, bucket.Charge{Key: egressKey})
		}
		return v
	}
	spared := x.mistaken()
	return providers.Verdict{Updates: append(append(x.learn(), x.gone()...), spared...)}
}

// An exchange is a request, what it drew on, and the answer.
type exchange struct {
	req    *http.Request
	call   *providers.Call
	answer *providers.Answer
	parsed path // once asked for: few answers need it

	route, further, editOld, callback, hook, global *bucket.Key // nil: it did not draw on any

	hidden bool // the route is under a limit, too, that only refusals show
}

func (x *exchange) path() *path {
	if x.parsed.n == 0 {
		x.parsed.parse(x.req.URL) // Classify claimed it, so it can be parsed
	}
	return &x.parsed
}

// learn returns what an answer that refuses nothing says of the route's counter.
func (x *exchange) learn() []bucket.Update {
	if x.route == nil {
		return nil
	}
	room := x.call.GetRoom()
	w := &room.Windows[0]
	if !x.window(w) {
		return nil
	}
	c, hashed := x.counter()
	if !hashed {
		c = oldRule(*x.route)
	}
	w.Key = c
	room.Updates[1] = w
	if c == *x.route {
		return room.Updates[1:]
	}
	// Below version 8 a request draws on the old rule's bucket itself; that it counts the route tells newer ones of it.
	room.Alias = bucket.Alias{Key: *x.route, To: c}
	room.Updates[0] = &room.Alias
	return room.Updates[:]
}

// counter returns the bucket that Discord's hash names. The hash stands for a kind of bucket: each credential and major
// parameter has one. It reports false if there is no hash, or nothing that it could count.
func (x *exchange) counter() (bucket.Key, bool) {
	hash := field.Get(x.answer.Header, fieldBucket)
	if x.route == nil || !isHash(hash) {
		return bucket.Key{}, false
	}
	subject := x.route.Subject
	if x.route.Limit == other { // then it is the path's shape
		subject = x.path().major()
	}
	return bucket.Key{Provider: name, Limit: hash, Owner: x.route.Owner, Subject: subject}, true
}

// maxHash is twice as long as hashes are.
const maxHash = 64

// isHash says whether s may stand in a key as a Limit, and is none of the others.
func isHash(s string) bool {
	if s == "" || len(s) > maxHash || s == global || s == egress || s == hook || s == reacting || s == other {
		return false
	}
	for i := range len(s) {
		if !inHashes[s[i]] {
			return false
		}
	}
	return true
}

// inHashes are the bytes that hashes are made of.
var inHashes = setOf("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")

// window has w be what the answer says of a window, its Key aside. It reports false if that is not enough to be of use.
func (x *exchange) window(w *bucket.Window) bool {
	h := x.answer.Header
	*w = bucket.Window{}
	var ok bool
	if w.Remaining, ok = field.Count(field.Get(h, fieldRemaining)); !ok {
		return false
	}
	w.Limit, _ = field.Count(field.Get(h, fieldLimit))

	after := field.Get(h, fieldResetAfter)
	if d, ok := field.Duration(after, time.Second); ok && d > 0 {
		var late time.Duration
		late, w.Precision = x.rounding(after)
		w.ResetAfter = min(d+late, field.Max)
		return true
	}
	reset := field.Get(h, fieldReset)
	at, ok := field.Instant(reset)
	if !ok {
		return false
	}
	now := x.answer.Received
	if date := field.Date(h); date.Year() >= 1970 && date.Year() <= 2200 { // else no clock shows it
		w.Date, now = date, date
	}
	var late time.Duration
	late, w.Precision = x.rounding(reset)
	w.ResetAt = at.Add(late)
	if latest := now.Add(field.Max); w.ResetAt.After(latest) {
		w.ResetAt = latest
	}
	return true
}

// rounding returns how much later than told a window may end, and by how much less than that, which is the Precision.
//
// Times are told in milliseconds, and nothing says whether they are rounded up or down; but in whole seconds, rounded
// up, below version 8 to a request that did not ask for more.
//
// https://discord.com/developers/docs/change-log, at version 8 and at "more precise rate limits"
func (x *exchange) rounding(value string) (late, precision time.Duration) {
	if !strings.Contains(value, ".") && x.path().legacy && field.Get(x.req.Header, fieldPrecision) != "millisecond" {
		return 0, time.Second
	}
	return time.Millisecond, 2 * time.Millisecond
}
