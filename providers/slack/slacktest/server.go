package slacktest

import (
	"net/http"
	"time"

	"github.com/underlimit/underlimit/internal/fakeapi"
)

// Options configure a [Server]. The zero Options are Slack's documented numbers on a network without latency. The
// functions must not call the server.
type Options struct {
	// Limits overrides how many requests a minute a method allows, by names such as "users.list". Less than 0 is no
	// limit. A method of which the package knows nothing is held to 20.
	Limits map[string]int
	// ChannelBurst is how many messages may be posted to a channel, or by a webhook, at once after a rest. 0 means 1.
	ChannelBurst int
	// Tolerance is how much too early a message may come, to allow for the jitter of the network. 0 means not at all.
	Tolerance time.Duration
	// WorkspacePerMinute is how many calls of chat.postMessage an installation may make in any minute. 0 means 300,
	// less than 0 no limit.
	WorkspacePerMinute int
	// Hide accepts a message that comes too soon for its channel but never shows it, as Slack may. Such a message is a
	// violation and not among the deliveries. Otherwise it is refused.
	Hide bool
	// Refusal is what refusals look like. The zero value is the usual form.
	Refusal Refusal
	// Install names the installation, the app in a workspace, that a token belongs to. Nil means that each token is
	// one of its own. Its calls do not overlap.
	Install func(token string) string
	// Authorized says which tokens are valid. Nil means all. Its calls do not overlap.
	Authorized func(token string) bool
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
	// Fault says what goes wrong with a request. Nil means nothing. It may read the body. Its calls may overlap.
	Fault func(*http.Request) Fault
	// Line names the line of requests that one belongs to, and its number in it, to have inversions counted; ok is
	// false for a request in no line. Its calls may overlap.
	Line func(r *http.Request, body []byte) (line string, n int, ok bool)
}

// What all fakes share.
type (
	// A Fault is something that goes wrong with one request: an answer of another Status, a connection that drops,
	// before or after the request was Processed, or a Delay.
	Fault = fakeapi.Fault
	// A Report counts calls, refusals, violations and inversions.
	Report = fakeapi.Report
	// An Arrival is a request that arrived. Its buckets are named by the method and the installation, "users.list #1",
	// and for messages "post #1 C123" for a channel, "post #1" for the workspace and "webhook #2". Secrets are
	// numbered as they come.
	Arrival = fakeapi.Arrival
	// A Delivery is a request that was processed.
	Delivery = fakeapi.Delivery
)

// Refusal is a form in which Slack refuses requests.
type Refusal int

const (
	// JSON is a status 429 with Retry-After and a JSON body.
	JSON Refusal = iota
	// Plain is a status 429 with Retry-After and the word "ratelimited" alone.
	Plain
	// Envoy is the answer of Slack's edge: a status 429 without a body or Retry-After, but x-envoy-ratelimited.
	Envoy
	// InBody is a status 200 with Retry-After whose JSON body says that the call was refused.
	InBody
	// Quota is the status 429 of a used-up quota of messages, without Retry-After.
	Quota
)

// A Server is a fake of Slack's API. Create one with [NewServer] and end it with its Close. It is an http.Handler; its
// Transport and Client reach it in memory, its URL and Loopback over a loopback address; Report, Arrivals, Delivered
// and Busiest tell what it has seen. All methods are safe for concurrent use.
type Server struct{ *fakeapi.Server }

// NewServer returns a server. Nil means the zero Options.
func NewServer(opts *Options) *Server {
	if opts == nil {
		opts = &Options{}
	}
	a := newAPI(*opts)
	return &Server{fakeapi.New(fakeapi.Options{
		Uplink: opts.Uplink, Downlink: opts.Downlink, Jitter: opts.Jitter, Seed: opts.Seed,
		Skew: opts.Skew, Keep: opts.Keep, Fault: opts.Fault, Line: opts.Line,
	}, a.serve)}
}
