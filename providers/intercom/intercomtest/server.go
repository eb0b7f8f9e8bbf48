package intercomtest

import "github.com/underlimit/underlimit/providers/apitest"

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
	// "app #1", where credentials are numbered as they come, "workspace", and, for requests that start one, "content
	// exports" and "reporting exports". Of workspaces that Options.Workspace names, the name is added to these. What
	// Options.Busy refuses is refused by "resource".
	Arrival = apitest.Arrival
	// A Delivery is a request that was processed: At, Method, Path and Body, as in [apitest.Delivery].
	Delivery = apitest.Delivery
)

// A Server is a fake of Intercom's API. Create one with [NewServer] and end it with [apitest.Server.Close]. It is an
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
