package discordtest

import (
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/underlimit/underlimit/internal/fakeapi"
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

func (a *api) serve(c *fakeapi.Call) fakeapi.Answer {
	if wait := a.banned.Sub(c.At); wait > 0 {
		return shutOut(c, wait)
	}
	forced := a.opts.Refuse(c.Request)
	if forced.Scope == Cloudflare {
		answer := shutOut(c, forced.After)
		if forced.Via {
			answer.Header.Set("Via", via)
		}
		return answer
	}
	answer := a.admit(c, forced)
	answer.Header.Set("Via", via)
	a.judge(c, &answer)
	return answer
}

// judge counts an answer that Discord holds against the caller's address.
func (a *api) judge(c *fakeapi.Call, answer *fakeapi.Answer) {
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

func (a *api) admit(c *fakeapi.Call, forced Refusal) fakeapi.Answer {
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
	if rt.secret != "" && !a.opts.AuthorizedToken(rt.secret) {
		return wrong(http.StatusUnauthorized, 50027, "Invalid Webhook Token")
	}
	rt.refine(c.Clock)
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
	var reply fakeapi.Answer
	switch webhook := rt.webhook(); {
	case webhook != "" && a.opts.Gone(webhook):
		reply = wrong(http.StatusNotFound, 10015, "Unknown Webhook")
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
func (a *api) admitGlobally(c *fakeapi.Call, rt *route, credential string, forced Refusal) (string, fakeapi.Answer) {
	if rt.name == callback || a.opts.Global < 0 && forced.Scope != Global {
		return "", fakeapi.Answer{}
	}
	owner := a.names.Of(credential)
	if owner == "" {
		owner = "ip"
	}
	name := bucket("global", owner)
	wait := forced.After
	if forced.Scope != Global {
		if wait = a.countGlobally(c, name); wait == 0 {
			return name, fakeapi.Answer{}
		}
	}
	answer := refuse(c, rt, http.Header{}, Global, wait)
	answer.Buckets, answer.RefusedBy = []string{name}, name
	return name, answer
}

// countGlobally counts a request if the global limit allows it, and returns how long it has to wait if not.
func (a *api) countGlobally(c *fakeapi.Call, name string) time.Duration {
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
}

// draws returns the limits that a request to a route is under; the first is the one that the headers tell, unless
// another with a hash refuses.
func (a *api) draws(c *fakeapi.Call, rt *route, credential string, body map[string]any) []draw {
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
	if name := rt.sublimit(body); name != "" {
		draws = append(draws, on(a.limits.sub(name, since), name))
	}
	if rt.name != executeWebhook {
		return draws
	}
	if channel := a.opts.WebhookChannel(rt.webhook()); channel != "" {
		owner, subject = "", channel
		hidden := on(a.limits.sub(executeWebhook+" channel", since), executeWebhook+" channel")
		hidden.shared = true
		draws = append(draws, hidden)
	}
	return draws
}

// admitToRoute counts a request against the limits of its route: all or none.
func (a *api) admitToRoute(
	c *fakeapi.Call, rt *route, credential string, body map[string]any, forced Refusal,
) fakeapi.Answer {
	answer := fakeapi.Answer{Header: http.Header{}}
	draws := a.draws(c, rt, credential, body)
	shown := draws[0]
	scope, wait := user, time.Duration(0)
	for _, d := range draws {
		answer.Buckets = append(answer.Buckets, d.bucket)
		if w := d.count.wait(c.At, d.Limit); w > wait {
			wait, answer.RefusedBy = w, d.bucket
			switch {
			case d.shared: // it comes last
				scope, answer.RefusedBy = Shared, shared+d.bucket
			case d.Hash != "":
				shown = d
			}
		}
	}
	if forced.Scope == Shared {
		scope, wait, answer.RefusedBy = Shared, forced.After, shared+draws[0].bucket
		shown = draws[0]
		answer.Buckets = append(answer.Buckets, answer.RefusedBy)
	}
	if answer.RefusedBy == "" {
		for _, d := range draws {
			d.count.add(c.At, d.Limit)
		}
	}
	if shown.N > 0 {
		tell(answer.Header, c, rt, shown)
		if a.opts.ResetOnly {
			answer.Header.Del("X-RateLimit-Reset-After")
		}
	}
	if answer.RefusedBy != "" {
		refusal := refuse(c, rt, answer.Header, scope, wait)
		refusal.Buckets, refusal.RefusedBy = answer.Buckets, answer.RefusedBy
		return refusal
	}
	return answer
}

// user is the scope of a limit on a credential's requests to one route.
const user Scope = "user"

// tell sets the headers that show a limit's state.
func tell(h http.Header, c *fakeapi.Call, rt *route, d draw) {
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

// refuse returns a 429 with these headers and those of a refusal.
func refuse(c *fakeapi.Call, rt *route, h http.Header, scope Scope, wait time.Duration) fakeapi.Answer {
	ms := fakeapi.Ceil(wait, time.Millisecond)
	body := map[string]any{
		"message": "You are being rate limited.", "global": scope == Global, "retry_after": float64(ms) / 1000,
	}
	if scope == Shared {
		body["message"] = "The resource is being rate limited."
	}
	if rt.old() {
		body["retry_after"] = ms
		h.Set("Retry-After", strconv.FormatInt(ms, 10))
	} else {
		h.Set("Retry-After", strconv.FormatInt(fakeapi.Ceil(wait, time.Second), 10))
		h.Set("X-RateLimit-Scope", string(scope))
	}
	if scope == Global {
		h.Set("X-RateLimit-Global", "true")
	}
	answer := fakeapi.Reply(http.StatusTooManyRequests, body)
	h.Set("Content-Type", answer.Header.Get("Content-Type"))
	answer.Header = h
	answer.Until = c.At.Add(time.Duration(ms) * time.Millisecond)
	return answer
}

// shutOut returns the answer of Discord's edge, which has nothing of Discord's own.
func shutOut(c *fakeapi.Call, wait time.Duration) fakeapi.Answer {
	answer := fakeapi.Reply(http.StatusTooManyRequests, map[string]any{
		"message": "You are being blocked from accessing our API temporarily due to exceeding our rate limits frequently.",
		"code":    0,
	})
	if wait > 0 {
		seconds := fakeapi.Ceil(wait, time.Second)
		answer = fakeapi.Text(http.StatusTooManyRequests, "text/html; charset=UTF-8",
			"<!DOCTYPE html><title>Access denied</title><p>You are being rate limited. Error code: 1015")
		answer.Header.Set("Retry-After", strconv.FormatInt(seconds, 10))
		answer.Until = c.At.Add(time.Duration(seconds) * time.Second)
	}
	answer.Header.Set("Server", "cloudflare")
	answer.Buckets, answer.RefusedBy = []string{egress}, egress
	return answer
}

// wrong returns an answer to a request that should not have been made in this way.
func wrong(status, code int, message string) fakeapi.Answer {
	answer := fakeapi.Reply(status, map[string]any{"message": message, "code": code})
	answer.Violation = strings.ToLower(message[:1]) + message[1:]
	return answer
}

// thousandths writes a number of thousandths with three decimals.
func thousandths(n int64) string { return fmt.Sprintf("%d.%03d", n/1000, n%1000) }
