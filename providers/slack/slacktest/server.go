package slacktest

import (
	"slices"

	"github.com/underlimit/underlimit/providers/apitest"
)

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
	// named by the method and the installation, "users.list #1", and for messages "post #1 C123" for a channel, "post
	// #1" for the workspace and "webhook #2". Those of SCIM and Audit Logs are an organization's: "scim.read #1", "scim
	// GET Users/{id} #1" and "audit #1". A few methods count a user, or the user in question, too: "users.profile.set
	// #1 user #1", "users.profile.set #1 user #1 U123". What is bound by no limit has a bucket for Options.Refuse all
	// the same: "upload #1", "response_url #2". Secrets are numbered as they come: installations (those of
	// Options.Installations before all others, in their order), users by their tokens, webhooks, organizations, and
	// apps that call oauth.v2.access, each kind for itself.
	Arrival = apitest.Arrival
	// A Delivery is a request that was processed: At, Method, Path and Body, as in [apitest.Delivery]. That of an
	// upload has no body: see [Server.Uploads].
	Delivery = apitest.Delivery
)

// A Server is a fake of Slack's API. Create one with [NewServer] and end it with [apitest.Server.Close]. It is an
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
type Server struct {
	*apitest.Server
	uploads *uploads
}

// NewServer returns a server. Nil means the zero Options.
func NewServer(opts *Options) *Server {
	if opts == nil {
		opts = &Options{}
	}
	a := newAPI(*opts)
	return &Server{apitest.NewServer(&apitest.Options{
		Uplink: opts.Uplink, Downlink: opts.Downlink, Jitter: opts.Jitter, Seed: opts.Seed,
		Skew: opts.Skew, Keep: opts.Keep, Fault: opts.Fault, Line: opts.Line, Read: a.uploads.read,
	}, a.serve), &a.uploads}
}

// Uploads returns the files that files.getUploadURLExternal was called for, in that order.
func (s *Server) Uploads() []Upload {
	u := s.uploads
	u.mu.Lock()
	defer u.mu.Unlock()
	all := make([]Upload, len(u.files))
	for i, f := range u.files {
		all[i] = *f
		all[i].Channels = slices.Clone(f.Channels)
	}
	return all
}

// Uploaded returns how many bytes of files have arrived, those of uploads that are still under way included.
func (s *Server) Uploaded() int64 { return s.uploads.arrived.Load() }
