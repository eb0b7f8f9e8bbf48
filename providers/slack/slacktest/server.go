package slacktest

import (
	"slices"

	"github.com/underlimit/underlimit/internal/fakeapi"
)

// What all fakes share.
type (
	// A Fault is something that goes wrong with one request: an answer of another Status, a connection that drops,
	// before or after the request was Processed, or a Delay.
	Fault = fakeapi.Fault
	// A Report counts calls, refusals, violations and inversions.
	Report = fakeapi.Report
	// An Arrival is a request that arrived. Its buckets are named by the method and the installation, "users.list #1",
	// and for messages "post #1 C123" for a channel, "post #1" for the workspace and "webhook #2". Those of SCIM and
	// Audit Logs are an organization's: "scim.read #1", "scim GET Users/{id} #1" and "audit #1". A few methods count a
	// user, or the user in question, too: "users.profile.set #1 user #1", "users.profile.set #1 user #1 U123". What is
	// bound by no limit has a bucket for Options.Refuse all the same: "upload #1", "response_url #2". Secrets are numbered
	// as they come: installations (those of Options.Installations before all others, in their order), users by their
	// tokens, webhooks, organizations, and apps that call oauth.v2.access, each kind for itself.
	Arrival = fakeapi.Arrival
	// A Delivery is a request that was processed. That of an upload has no body: see [Server.Uploads].
	Delivery = fakeapi.Delivery
)

// A Server is a fake of Slack's API. Create one with [NewServer] and end it with its Close. It is an http.Handler; its
// Transport and Client reach it in memory, its URL and Loopback over a loopback address; Report, Arrivals, Delivered
// and Busiest tell what it has seen. All methods are safe for concurrent use.
type Server struct {
	*fakeapi.Server
	uploads *uploads
}

// NewServer returns a server. Nil means the zero Options.
func NewServer(opts *Options) *Server {
	if opts == nil {
		opts = &Options{}
	}
	a := newAPI(*opts)
	return &Server{fakeapi.New(fakeapi.Options{
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
