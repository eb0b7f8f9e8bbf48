package discordtest

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/underlimit/underlimit/internal/fakeapi"
	"github.com/underlimit/underlimit/providers/apitest"
)

// api is the state of a server. Its calls do not overlap.
type api struct {
	opts   Options
	limits limits
	made   time.Time

	counters map[string]*counter     // by bucket
	globals  map[string]*fakeapi.Log // by bucket
	seconds  map[string]*second      // the same, by Options.GlobalFixed
	names    fakeapi.Names
	invalid  fakeapi.Log
	banned   time.Time // until when
	objects  int       // made so far
}

func newAPI(opts Options) *api {
	if opts.Global == 0 {
		opts.Global = globalLimit
	}
	if opts.Invalid == 0 {
		opts.Invalid = invalidLimit
	}
	if opts.Authorized == nil {
		opts.Authorized = func(credential string) bool { return credential != "" }
	}
	if opts.AuthorizedToken == nil {
		opts.AuthorizedToken = func(string) bool { return true }
	}
	if opts.Forbidden == nil {
		opts.Forbidden = func(*http.Request) bool { return false }
	}
	if opts.Gone == nil {
		opts.Gone = func(string) bool { return false }
	}
	if opts.Missing == nil {
		opts.Missing = func(*http.Request) bool { return false }
	}
	if opts.WebhookChannel == nil {
		opts.WebhookChannel = func(string) string { return "" }
	}
	if opts.Refuse == nil {
		opts.Refuse = func(*http.Request) Refusal { return Refusal{} }
	}
	return &api{
		opts:     opts,
		limits:   newLimits(opts),
		made:     time.Now(),
		counters: map[string]*counter{},
		globals:  map[string]*fakeapi.Log{},
		seconds:  map[string]*second{},
	}
}

const (
	egress = "egress"  // the bucket of those who are shut out
	shared = "shared " // before the bucket of a route, that of its resource
)

// via is how clients tell Discord from its edge.
const via = "1.1 google"

func (a *api) serve(c *apitest.Call) apitest.Answer {
	if wait := a.banned.Sub(c.At); wait > 0 {
		return shutOut(c, Refusal{After: wait})
	}
	forced := a.opts.Refuse(c.Request)
	var answer apitest.Answer
	switch forced.Scope {
	case Cloudflare:
		answer = shutOut(c, forced)
	case Blocked:
		answer = block(forced)
	default:
		answer = a.admit(c, forced)
		forced.Via = true
	}
	if forced.Via {
		answer.Header.Set("Via", via)
	}
	if forced.Scope != Cloudflare {
		a.judge(c, &answer)
	}
	return answer
}

// judge counts an answer that Discord holds against the caller's address.
func (a *api) judge(c *apitest.Call, answer *apitest.Answer) {
	switch {
	case a.opts.Invalid < 0:
		return
	case answer.Status == http.StatusTooManyRequests:
		if strings.HasPrefix(answer.RefusedBy, shared) {
			return
		}
	case answer.Status != http.StatusUnauthorized && answer.Status != http.StatusForbidden:
		return
	}
	a.invalid.Add(c.At)
	if a.invalid.Wait(c.At, a.opts.Invalid, invalidWindow) > 0 {
		a.banned = c.At.Add(banTime)
		a.invalid = fakeapi.Log{}
		answer.Violation = fmt.Sprintf("the last of %d invalid requests in %v, which shuts the caller out",
			a.opts.Invalid, invalidWindow)
	}
}

func (a *api) admit(c *apitest.Call, forced Refusal) apitest.Answer {
	rt, ok := parse(c.Request.Method, c.Request.URL.Path)
	switch {
	case !ok:
		return wrong(http.StatusNotFound, 0, "404: Not Found")
	case rt.version < oldest || rt.version > newest:
		return wrong(http.StatusBadRequest, 50041, "Invalid API version provided")
	}
	credential := c.Request.Header.Get("Authorization")
	if !rt.open() && !a.opts.Authorized(credential) {
		return wrong(http.StatusUnauthorized, 0, "401: Unauthorized")
	}
	var since time.Duration // the interaction that it answers
	if a.opts.InteractionAges {
		since = rt.since(c.Clock)
	}
	expired := rt.name != callback && since > tokenLife
	if rt.secret != "" && (expired || !a.opts.AuthorizedToken(rt.secret)) {
		return wrong(http.StatusUnauthorized, 50027, "Invalid Webhook Token")
	}
	rt.missing = rt.message() && a.opts.Missing(c.Request)
	if name := rt.age(c.Clock); a.limits.has(name) {
		rt.name = name // else deletions have one limit, whatever the age
	}
	body, wellFormed := object(c) // limits count what is malformed, too

	global, answer := a.admitGlobally(c, rt, credential, forced)
	if answer.RefusedBy != "" {
		return answer
	}
	answer = a.admitToRoute(c, rt, credential, body, forced)
	if global != "" {
		answer.Buckets = append(answer.Buckets, global)
	}
	if answer.RefusedBy != "" {
		return answer
	}
	var reply apitest.Answer
	switch webhook := rt.webhook(); {
	case webhook != "" && a.opts.Gone(webhook):
		reply = wrong(http.StatusNotFound, 10015, "Unknown Webhook")
	case rt.name == callback && since > answerIn:
		reply = wrong(http.StatusNotFound, 10062, "Unknown interaction")
	case rt.missing:
		reply = wrong(http.StatusNotFound, 10008, "Unknown Message")
		reply.Violation = "" // nobody can know
	case a.opts.Forbidden(c.Request):
		reply = wrong(http.StatusForbidden, 50013, "Missing Permissions")
	case !wellFormed:
		reply = wrong(http.StatusBadRequest, 50109, "The request body contains invalid JSON.")
	default:
		reply = a.reply(c, rt, body)
	}
	maps.Copy(reply.Header, answer.Header)
	reply.Buckets = answer.Buckets
	return reply
}

// admitGlobally counts a request against the global limit and names its bucket, if it is under one at all.
func (a *api) admitGlobally(c *apitest.Call, rt *route, credential string, forced Refusal) (string, apitest.Answer) {
	owner := cmp.Or(a.names.Of(credential), "ip")
	exempt := rt.interaction() && !(a.opts.GlobalInteractions && credential != "")
	if exempt {
		owner = a.names.Of(rt.secret) // of what Refuse refuses
	}
	name := bucket("global", owner)
	switch {
	case forced.Scope == Global:
	case exempt, a.opts.Global < 0:
		return "", apitest.Answer{}
	default:
		wait := a.countGlobally(c, name)
		if wait == 0 {
			return name, apitest.Answer{}
		}
		forced = Refusal{Scope: Global, After: wait}
	}
	answer := refuse(c, rt, http.Header{}, forced)
	answer.Buckets, answer.RefusedBy = []string{name}, name
	return name, answer
}

// countGlobally counts a request if the global limit allows it, and returns how long it has to wait if not.
func (a *api) countGlobally(c *apitest.Call, name string) time.Duration {
	if a.opts.GlobalFixed {
		s := fakeapi.At(a.seconds, name)
		wait := s.wait(c.Clock, a.opts.Global)
		if wait == 0 {
			s.add(c.Clock)
		}
		return wait
	}
	log := fakeapi.At(a.globals, name)
	wait := log.Wait(c.At, a.opts.Global, globalWindow)
	if wait == 0 {
		log.Add(c.At)
	}
	return wait
}

// A draw is a limit that a request is under, with its state for the request's subject.
type draw struct {
	Limit
	bucket string
	count  *counter
	shared bool // with others, and not told of
	code   int  // of its refusals
}

// draws returns the limits that a request to a route is under; the first is the one that the headers tell, unless
// another with a hash refuses.
func (a *api) draws(c *apitest.Call, rt *route, credential string, body map[string]any) []draw {
	since := c.At.Sub(a.made)
	owner, subject := a.names.Of(credential), rt.subject
	if rt.secret != "" {
		owner, subject = "", bucket(rt.subject, a.names.Of(rt.secret)) // the secret is the credential
	}
	on := func(limit Limit, name string) draw {
		name = bucket(name, owner, subject)
		return draw{Limit: limit, bucket: name, count: fakeapi.At(a.counters, name)}
	}
	draws := []draw{on(a.limits.of(rt, since))}
	for _, name := range rt.further(body, c.Clock) {
		if a.limits.has(name) {
			d := on(a.limits.sub(name, since))
			if name == oldEdit {
				d.code = codeOldEdits
			}
			draws = append(draws, d)
		}
	}
	if rt.name != executeWebhook {
		return draws
	}
	if channel := a.opts.WebhookChannel(rt.webhook()); channel != "" {
		owner, subject = "", channel
		hidden := on(a.limits.sub(ofWebhooksChannel, since))
		hidden.shared = true
		draws = append(draws, hidden)
	}
	return draws
}

// admitToRoute counts a request against the limits of its route: all or none.
func (a *api) admitToRoute(
	c *apitest.Call, rt *route, credential string, body map[string]any, forced Refusal,
) apitest.Answer {
	answer := apitest.Answer{Header: http.Header{}}
	draws := a.draws(c, rt, credential, body)
	shown := draws[0]
	refused := Refusal{Scope: user}
	for _, d := range draws {
		answer.Buckets = append(answer.Buckets, d.bucket)
		if w := d.count.wait(c.At, d.Limit); w > refused.After {
			refused.After, refused.Code, answer.RefusedBy = w, d.code, d.bucket
			switch {
			case d.shared: // it comes last
				refused.Scope, answer.RefusedBy = Shared, shared+d.bucket
			case d.Hash != "":
				shown = d
			}
		}
	}
	if forced.Scope == Shared {
		refused, answer.RefusedBy = forced, shared+draws[0].bucket
		shown = draws[0]
		answer.Buckets = append(answer.Buckets, answer.RefusedBy)
	}
	if answer.RefusedBy == "" {
		for _, d := range draws {
			d.count.add(c.At, d.Limit)
		}
	}
	if shown.N > 0 && !shown.Silent {
		tell(answer.Header, c, rt, shown)
		if a.opts.ResetOnly {
			answer.Header.Del("X-RateLimit-Reset-After")
		}
	}
	if answer.RefusedBy != "" {
		refusal := refuse(c, rt, answer.Header, refused)
		refusal.Buckets, refusal.RefusedBy = answer.Buckets, answer.RefusedBy
		return refusal
	}
	return answer
}

// user is the scope of a limit on a credential's requests to one route.
const user Scope = "user"

// tell sets the headers that show a limit's state.
func tell(h http.Header, c *apitest.Call, rt *route, d draw) {
	h.Set("X-RateLimit-Limit", strconv.Itoa(d.N))
	h.Set("X-RateLimit-Remaining", strconv.Itoa(d.count.left(c.At, d.Limit)))
	after := d.count.rest(c.At, d.Limit)
	reset := fakeapi.Ceil(time.Duration(c.Clock.UnixNano())+after, time.Millisecond)
	if !rt.old() {
		h.Set("X-RateLimit-Bucket", d.Hash)
		h.Set("X-RateLimit-Reset", thousandths(reset))
		h.Set("X-RateLimit-Reset-After", thousandths(fakeapi.Ceil(after, time.Millisecond)))
		return
	}
	// https://github.com/discord/discord-api-docs/pull/1064
	switch precision := c.Request.Header.Get("X-RateLimit-Precision"); precision {
	case "millisecond":
		h.Set("X-RateLimit-Reset", thousandths(reset))
		h.Set("X-RateLimit-Reset-After", thousandths(fakeapi.Ceil(after, time.Millisecond)))
	case "", "second":
		h.Set("X-RateLimit-Reset", strconv.FormatInt((reset+999)/1000, 10))
		h.Set("X-RateLimit-Reset-After", strconv.FormatInt(fakeapi.Ceil(after, time.Second), 10))
	default:
		h.Set("X-RateLimit-Reset", "invalid X-RateLimit-Precision")
	}
}

// codeOldEdits is the code of a refusal by the limit on edits of old messages:
// https://docs.discord.com/developers/topics/opcodes-and-status-codes
const codeOldEdits = 30046

// messages are what the bodies of refusals say, where that is not the usual.
var messages = map[int]string{
	codeOldEdits: "Maximum number of edits to messages older than 1 hour reached. Try again later",
}

// refuse returns a 429 with these headers and those of a refusal.
func refuse(c *apitest.Call, rt *route, h http.Header, r Refusal) apitest.Answer {
	ms := fakeapi.Ceil(r.After, time.Millisecond)
	body := map[string]any{
		"message": "You are being rate limited.", "global": r.Scope == Global, "retry_after": float64(ms) / 1000,
	}
	if r.Scope == Shared {
		body["message"] = "The resource is being rate limited."
	}
	if r.Code != 0 {
		body["code"], body["message"] = r.Code, cmp.Or(messages[r.Code], body["message"].(string))
	}
	after := cmp.Or(r.Header, r.After)
	if rt.old() {
		body["retry_after"] = ms
		h.Set("Retry-After", strconv.FormatInt(fakeapi.Ceil(after, time.Millisecond), 10))
	} else {
		h.Set("Retry-After", strconv.FormatInt(fakeapi.Ceil(after, time.Second), 10))
		h.Set("X-RateLimit-Scope", string(r.Scope))
	}
	if r.Scope == Global {
		h.Set("X-RateLimit-Global", "true")
	}
	answer := apitest.Reply(http.StatusTooManyRequests, body)
	h.Set("Content-Type", answer.Header.Get("Content-Type"))
	answer.Header = h
	answer.Until = c.At.Add(time.Duration(ms) * time.Millisecond)
	return answer
}

// shutOut returns the 429 of Discord's edge, which has nothing of Discord's own.
func shutOut(c *apitest.Call, r Refusal) apitest.Answer {
	answer := edge(http.StatusTooManyRequests, r.Page || r.After > 0, 0, 1015,
		"You are being blocked from accessing our API temporarily due to exceeding our rate limits frequently.")
	if r.After > 0 {
		seconds := fakeapi.Ceil(r.After, time.Second)
		answer.Header.Set("Retry-After", strconv.FormatInt(seconds, 10))
		answer.Until = c.At.Add(time.Duration(seconds) * time.Second)
	}
	answer.Buckets, answer.RefusedBy = []string{egress}, egress
	return answer
}

// block returns the 403 of Discord's edge: https://github.com/discord/discord-api-docs/issues/6473
func block(r Refusal) apitest.Answer {
	answer := edge(http.StatusForbidden, r.Page, 40333, 1010, "internal network error")
	answer.Violation = "a client that Discord's edge does not let in"
	return answer
}

// edge returns an answer of Discord's edge: a page for people with one code, or JSON with the other.
func edge(status int, page bool, code, ofPage int, message string) apitest.Answer {
	answer := apitest.Reply(status, map[string]any{"message": message, "code": code})
	if page {
		answer = apitest.Text(status, "text/html; charset=UTF-8",
			fmt.Sprintf("<!DOCTYPE html><title>Access denied</title><p>Error code: %d", ofPage))
	}
	answer.Header.Set("Server", "cloudflare")
	return answer
}

// wrong returns an answer to a request that should not have been made in this way.
func wrong(status, code int, message string) apitest.Answer {
	answer := apitest.Reply(status, map[string]any{"message": message, "code": code})
	answer.Violation = strings.ToLower(message[:1]) + message[1:]
	return answer
}

// thousandths writes a number of thousandths with three decimals.
func thousandths(n int64) string { return fmt.Sprintf("%d.%03d", n/1000, n%1000) }
