package intercomtest

import "github.com/underlimit/underlimit/internal/fakeapi"

// What all fakes share.
type (
	// A Fault is something that goes wrong with one request: an answer of another Status, a connection that drops,
	// before or after the request was Processed, or a Delay.
	Fault = fakeapi.Fault
	// A Report counts calls, refusals, violations and inversions.
	Report = fakeapi.Report
	// An Arrival is a request that arrived. Its buckets are "app #1", where credentials are numbered as they come,
	// "workspace", and, for requests that start one, "content exports" and "reporting exports". Of workspaces that
	// Options.Workspace names, the name is added to these. What Options.Busy refuses is refused by "resource".
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
