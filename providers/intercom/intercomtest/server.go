package intercomtest

import (
	"net/http"
	"time"

	"github.com/underlimit/underlimit/internal/fakeapi"
)

const (
	// Both from https://developers.intercom.com/docs/references/rest-api/errors/rate-limiting
	defaultLimit = 166 // a sixth of 1,000 a minute
	window       = 10 * time.Second

	defaultExportTime = time.Minute
)

// Options configure a [Server]. The zero Options are a small app's limits on a network without latency. The functions
// must not call the server.
type Options struct {
	// Limit is how many requests an app may send in each window. 0 means 166, less than 0 no limit: answers then
	// have no rate-limit headers.
	Limit int
	// WorkspaceLimit is how many requests all apps together may send in each window. No header tells it. 0 means no
	// limit.
	WorkspaceLimit int
	// ExcludeSelf leaves the request that an answer belongs to out of its X-RateLimit-Remaining, as the documentation
	// shows it: the first answer of a window says that all is left.
	ExcludeSelf bool
	// ExportTime is how long an export job is pending. One of content data may be at a time, and five of reporting
	// data. 0 means a minute.
	ExportTime time.Duration
	// Authorized says which credentials, such as "Bearer abc", are valid. Nil means all but the empty one. Its calls
	// do not overlap.
	Authorized func(credential string) bool

	// Uplink and Downlink are how long a request is under way to the server, and an answer back. To each, up to
	// Jitter is added at random, from a source that begins with Seed.
	Uplink, Downlink, Jitter time.Duration
	Seed                     uint64
	// Skew is how far the server's clock is ahead: of its Date header, its windows and the instants that it tells.
	Skew time.Duration
	// Drift is how much further ahead it is, so long after the server was made: it may run fast or slow, and step.
	// Nil means not at all. Its calls do not overlap.
	Drift func(since time.Duration) time.Duration
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
	// An Arrival is a request that arrived. Its buckets are "app #1", where credentials are numbered as they come,
	// "workspace", and, for requests that start one, "content exports" and "reporting exports".
	Arrival = fakeapi.Arrival
	// A Delivery is a request that was processed.
	Delivery = fakeapi.Delivery
)

// A Server is a fake of Intercom's API. Create one with [NewServer] and end it with its Close. It is an http.Handler;
// its Transport and Client reach it in memory, its URL and Loopback over a loopback address; Report, Arrivals,
// Delivered and Busiest tell what it has seen. All methods are safe for concurrent use.
type Server struct{ *fakeapi.Server }

// NewServer returns a server. Nil means the zero Options.
func NewServer(opts *Options) *Server {
	if opts == nil {
		opts = &Options{}
	}
	a := newAPI(*opts)
	return &Server{fakeapi.New(fakeapi.Options{
		Uplink: opts.Uplink, Downlink: opts.Downlink, Jitter: opts.Jitter, Seed: opts.Seed,
		Skew: opts.Skew, Drift: opts.Drift, Keep: opts.Keep, Fault: opts.Fault, Line: opts.Line,
	}, a.serve)}
}
