package discordtest

import (
	"net/http"
	"time"

	"github.com/underlimit/underlimit/providers/apitest"
)

const (
	// The documented numbers: https://docs.discord.com/developers/topics/rate-limits
	globalLimit   = 50
	globalWindow  = time.Second
	invalidLimit  = 10_000
	invalidWindow = 10 * time.Minute

	// banTime is the shortest that people report; others were shut out for a day.
	banTime = time.Hour
)

// Options configure a [Server]. The zero Options are what Discord documents, on a network without latency: one limit on
// each route, in a fixed window and told by each answer, with numbers that people have met; 50 requests a second of a
// credential; and a ban for 10,000 invalid requests in ten minutes. Whatever else Discord has been seen to do is off
// and has an option each. The functions are called concurrently, unless said otherwise, and must not call the server.
type Options struct {
	// Limits overrides limits of routes, by names such as "POST /channels/{channel}/messages": the method and the
	// path, in which an id is written as the singular of the segment before it and the secret of a webhook or an
	// interaction as {token}. A limit of /api/v6, where methods share it, is the strictest of a path's methods.
	//
	// A name with " also" behind is a second limit on the same requests. It is told only if it has a Hash, and then only
	// by the 429s that come of it; else their headers are the route's. Limits on some requests of a route have names of
	// their own, which the options that switch them on tell; to name one here switches it on, too.
	Limits map[string]Limit
	// Change returns what becomes of a limit with time, since the server was made: its numbers may be raised or
	// lowered, its hash go by another name or lead to another counter. l is the limit that Limits or the defaults
	// have under the name; for paths of /api/v6 whose methods share a limit, the name is the path. What is used of a
	// window stays used: of a fixed one so many requests, of a sliding one the time until all are back. Nil changes
	// nothing. Its calls do not overlap.
	Change func(name string, since time.Duration, l Limit) Limit
	// ResetOnly leaves X-RateLimit-Reset-After out, so that only X-RateLimit-Reset says when a window ends: by the
	// server's clock.
	ResetOnly bool
	// Global is how many requests a credential may send in any second; those without one share a counter. 0 means
	// 50, less than 0 no limit. Answers to interactions, the first one and the later ones, are under none.
	Global int
	// GlobalFixed counts them by the seconds of the server's clock instead: in each, so many may come at any time.
	GlobalFixed bool
	// GlobalInteractions counts answers to interactions that come with an Authorization, which they do not need, against
	// the global limit of that credential. Discord documents that they are not bound to it, but has been seen to count
	// them: https://github.com/discord/discord-api-docs/issues/4142
	GlobalInteractions bool
	// DeletionAges has limits of their own for deletions of messages younger than ten seconds, "DELETE
	// /channels/{channel}/messages/{message} young", and older than fourteen days, the same with "old". Each has a hash.
	// What Missing names is young. Discord was also seen to refuse more than five old ones in a second by the limit of the
	// young ones, https://github.com/discord/discord-api-docs/issues/8330: that is a second limit, "… old also", with the
	// Hash and the Counter of "… young".
	DeletionAges bool
	// OldEdits has a further limit on edits of messages older than an hour, "PATCH
	// /channels/{channel}/messages/{message} old". No header tells of it; its refusals have the code 30046.
	OldEdits bool
	// Renames has a further limit on changes of a channel's name or topic, "PATCH /channels/{channel} name". It is told
	// as a second limit on a route is; see Limits.
	Renames bool
	// WebhookChannel returns the channel that a webhook, given by its id, posts to; "" for what is no webhook, such as
	// an application. All webhooks of a channel are then under a limit besides their own, "POST
	// /webhooks/{webhook}/{token} channel", by default 30 requests a minute. No header tells of it: its refusals have
	// the shared scope and the headers of the webhook's own limit. Nil is no such limit. Its calls do not overlap.
	WebhookChannel func(webhook string) string
	// Invalid is how many answers of status 401, 403 or 429 (but not of shared scope) within 10 minutes have the
	// caller shut out for an hour, whatever its credentials. 0 means 10,000, less than 0 no limit.
	Invalid int
	// Authorized says which credentials, such as "Bot abc", are valid; others are answered 401. Nil means all but the
	// empty one. Its calls do not overlap.
	Authorized func(credential string) bool
	// Forbidden says which requests are answered 403, as those of a bot are that may not do something. Nil means none. Its
	// calls do not overlap.
	Forbidden func(*http.Request) bool
	// AuthorizedToken says which tokens of webhooks and interactions, that stand in the path, are valid; others are
	// answered 401 with code 50027. Nil means all. Its calls do not overlap.
	AuthorizedToken func(token string) bool
	// InteractionAges has interactions get too old, by their ids: a first answer that is later than three seconds is
	// answered 404 with code 10062, and later answers after 15 minutes as those with a token that is not valid.
	InteractionAges bool
	// Missing says which requests are about a message that does not exist, of those whose path has one: they are answered
	// 404 with code 10008. Nil means none. Its calls do not overlap.
	Missing func(*http.Request) bool
	// Gone says which webhooks, given by their ids, were deleted: what goes there is answered 404 with code 10015. Nil
	// means none. Its calls do not overlap.
	Gone func(webhook string) bool
	// Refuse refuses requests besides those above the limits. Nil refuses none. Its calls do not overlap.
	Refuse func(*http.Request) Refusal

	// Uplink and Downlink are how long a request is under way to the server, and an answer back. To each, up to
	// Jitter is added at random, from a source that begins with Seed.
	Uplink, Downlink, Jitter time.Duration
	Seed                     uint64
	// Skew is how far the server's clock is ahead: of its Date header and all instants that it tells.
	Skew time.Duration
	// Drift is how much further ahead it is, so long after the server was made: it may run fast or slow, and step.
	// Nil means not at all. Its calls do not overlap.
	Drift func(since time.Duration) time.Duration
	// Keep is how many arrivals and deliveries are kept. 0 means 100,000, less than 0 none.
	Keep int
	// Fault says what goes wrong with a request. Nil means nothing. It may read the body.
	Fault func(*http.Request) Fault
	// Line names the line of requests that one belongs to, and its number in it, to have inversions counted; ok is
	// false for a request in no line.
	Line func(r *http.Request, body []byte) (line string, n int, ok bool)
}

// What all fakes share. The fields are listed in package apitest.
type (
	// A Fault is something that goes wrong with one request, as Options.Fault says: an answer of another Status, a
	// connection that is closed (Drop), before or after the request was Processed, or a Delay. The zero Fault is none.
	// Its fields are those of [apitest.Fault].
	Fault = apitest.Fault
	// A Report is what the server has seen: Calls, OK, Refused, RefusedBy, ViolationCount, Violations, Inversions,
	// MaxInFlight, First and Last. Its fields are those of [apitest.Report].
	Report = apitest.Report
	// An Arrival is a request that arrived: At, Buckets, RefusedBy and Status, as in [apitest.Arrival]. Its buckets are
	// named by the Limit.Counter, or else the Limit.Hash, or else the route, and by the credential and the id in front:
	// "POST /channels/{channel}/messages #1 123", "global #1". Secrets are numbered as they come; requests without a
	// credential leave it out, but count in "global ip".
	Arrival = apitest.Arrival
	// A Delivery is a request that was processed: At, Method, Path and Body, as in [apitest.Delivery].
	Delivery = apitest.Delivery
)

// A Refusal is one refusal more than the fake's own count would give, as [Options].Refuse asks for it: a 429, or a 403 of
// Discord's edge. The zero Refusal is none.
type Refusal struct {
	// Scope is what refuses; empty if nothing does.
	Scope Scope
	// After is how long, to be told to the caller. 0 leaves Cloudflare's answer without a time.
	After time.Duration
	// Header is what the Retry-After header tells in its place, where header and body differ. 0 means the same.
	Header time.Duration
	// Code is the code in the body, such as 20028 for a limit on writing to a channel. 0 means none.
	Code int
	// Page makes the answer of Discord's edge a page in HTML, which it is anyway if it tells a time, and not JSON.
	Page bool
	// Via gives that answer the Via header that otherwise only Discord's own answers have.
	Via bool
}

// Scope is what a [Refusal] comes from. The set is closed.
type Scope string

const (
	// Shared is a limit on the resource that others share. The route's own headers go on as if nothing were.
	Shared Scope = "shared"
	// Global is the limit on all requests of a credential. Of an answer to an interaction it holds nothing else back.
	Global Scope = "global"
	// Cloudflare is Discord's edge shutting out an address, with a 429 that has none of Discord's headers.
	Cloudflare Scope = "cloudflare"
	// Blocked is Discord's edge not letting a client in at all, for its User-Agent, say: a 403, with the code 40333 if it
	// is JSON. It counts as an invalid request and is a violation.
	Blocked Scope = "blocked"
)

// A Server is a fake of Discord's API. Create one with [NewServer] and end it with [apitest.Server.Close]. It is an
// http.Handler, and has all methods of [apitest.Server]:
//
//	Transport() http.RoundTripper // reaches it in memory, whatever host a request names
//	Client() *http.Client         // a new client with that Transport
//	Loopback() http.RoundTripper  // the same over a loopback address
//	URL() string                  // that address, such as "http://127.0.0.1:34567"
//	Report() Report               // what it has seen so far
//	Arrivals() []Arrival          // the first requests that arrived, as many as Options.Keep says
//	Delivered() []Delivery        // the first requests that were processed
//	Busiest(bucket string, window time.Duration) int // the most that reached a bucket within such a time
//	Close()                       // ends it; what it has seen can still be read
//
// All methods are safe for concurrent use.
type Server struct{ *apitest.Server }

// NewServer returns a server. Nil means the zero Options.
func NewServer(opts *Options) *Server {
	if opts == nil {
		opts = &Options{}
	}
	a := newAPI(*opts)
	return &Server{apitest.NewServer(&apitest.Options{
		Uplink: opts.Uplink, Downlink: opts.Downlink, Jitter: opts.Jitter, Seed: opts.Seed,
		Skew: opts.Skew, Drift: opts.Drift, Keep: opts.Keep, Fault: opts.Fault, Line: opts.Line,
	}, a.serve)}
}
