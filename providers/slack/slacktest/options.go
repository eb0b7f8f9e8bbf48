package slacktest

import (
	"net/http"
	"time"
)

// Options configure a [Server]. The zero Options are Slack's documented numbers on a network without latency. The
// functions must not call the server.
type Options struct {
	// Limits overrides how many requests a minute a method allows, by names such as "users.list"; "audit" is the Audit
	// Logs API. Less than 0 is no limit. A method of which the package knows nothing is held to 20.
	Limits map[string]int
	// Burst says how many of a method's calls go at once after a rest; the rest of a minute's follow one by one, evenly.
	// The method "post" stands for all messages of an installation, as in WorkspacePerMinute. Nil, or a burst of 0, lets a
	// whole minute's go at once. Its calls do not overlap.
	Burst func(method string, perMinute int) int
	// ChannelBurst is how many messages may be posted to a channel, or by a webhook, at once after a rest. 0 means 1.
	ChannelBurst int
	// Tolerance is how much too early a message may come, to allow for the jitter of the network. 0 means not at all.
	Tolerance time.Duration
	// WorkspacePerMinute is how many messages an installation may post in any minute, by whatever method, and by the
	// webhooks of Installations. 0 means 300, less than 0 no limit.
	WorkspacePerMinute int
	// NonMarketplace is for an app that is sold outside of the Marketplace: conversations.history and
	// conversations.replies take one call a minute, and a page of them has 15 messages, however many it asks for.
	// https://docs.slack.dev/changelog/2025/05/29/rate-limit-changes-for-non-marketplace-apps
	NonMarketplace bool
	// Hide accepts a message that comes too soon for its channel, or by its webhook, but never shows it, as Slack may.
	// Such a message is a violation and not among the deliveries. Otherwise it is refused.
	Hide bool

	// Refuse has one of a request's buckets, named as in [Arrival], refuse it and whatever comes to that bucket within d,
	// whatever the limits say. An empty name refuses nothing. It may read the body. Its calls do not overlap.
	Refuse func(r *http.Request, buckets []string) (bucket string, d time.Duration)
	// Refusal is what refusals look like. The zero value is the usual form.
	Refusal Refusal
	// RefusalError is the error that refusals of the forms JSON, Warned, Counts, Plain and InBody name. Empty means
	// "ratelimited", and "rate_limited" in JSON to a webhook.
	RefusalError string
	// RetryAfter is the Retry-After of the refusals that have one, where the wait is so long; empty leaves it out. Nil
	// means whole seconds, rounded up. A client is held to what it says in whole seconds, and to nothing else that it
	// may say. Its calls do not overlap.
	RetryAfter func(wait time.Duration) string

	// Installations are the apps in workspaces, with what belongs to them. If there are any, and neither Install nor
	// Authorized, other tokens than theirs are not valid.
	Installations []Installation
	// Install names the installation, the app in a workspace, that a token belongs to. Nil means that each token is
	// one of its own, unless it is among Installations. Its calls do not overlap.
	Install func(token string) string
	// Authorized says which tokens are valid. Nil means all. Its calls do not overlap.
	Authorized func(token string) bool
	// Channels has the IDs of channels that have other names besides: of "#general", which "general" is, too, and of a
	// user, such as "U1", to whom messages go in a channel of their own. A message is counted by the ID, and its answer
	// has the ID.
	Channels map[string]string
	// Items is how many channels, users or messages there are in each list. 0 means 250.
	Items int

	// Uplink and Downlink are how long a request is under way to the server, and an answer back. To each, up to
	// Jitter is added at random, from a source that begins with Seed.
	Uplink, Downlink, Jitter time.Duration
	Seed                     uint64
	// Skew is how far the server's clock is ahead: of its Date header and of message timestamps.
	Skew time.Duration
	// Keep is how many arrivals and deliveries are kept. 0 means 100,000, less than 0 none.
	Keep int
	// Fault says what goes wrong with a request. Nil means nothing. It may read the body, but for that of an upload. Its
	// calls may overlap.
	Fault func(*http.Request) Fault
	// Line names the line of requests that one belongs to, and its number in it, to have inversions counted; ok is
	// false for a request in no line. Its calls may overlap.
	Line func(r *http.Request, body []byte) (line string, n int, ok bool)
}
