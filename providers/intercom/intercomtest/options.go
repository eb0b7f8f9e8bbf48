package intercomtest

import (
	"net/http"
	"time"
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
	// WorkspaceLimit is how many requests all apps of a workspace may send in each window. No header tells it. 0 means no
	// limit.
	WorkspaceLimit int
	// Workspace names the workspace of a credential. Nil means that there is one, without a name. Its calls do not
	// overlap.
	Workspace func(credential string) string
	// ExcludeSelf leaves the request that an answer belongs to out of its X-RateLimit-Remaining, as the documentation
	// shows it: the first answer of a window says that all is left.
	ExcludeSelf bool
	// RetryAfter has refusals by the limits of apps and workspaces tell in a Retry-After, too, how long they hold.
	// Intercom documents none, but its clients heed it.
	RetryAfter bool
	// Bare says which answers lack the rate-limit headers, as some do now and then. Nil means none but those to requests
	// without a valid credential. Its calls do not overlap.
	Bare func(*http.Request) bool
	// Busy says which requests are refused because their resource gets too many, whoever sends them: with the code
	// too_many_requests, and counted as any other. Nil means none. Its calls do not overlap.
	Busy func(*http.Request) bool
	// Early is how much before the end that is told of a window the next one begins. Nil means not at all. Its calls do
	// not overlap.
	Early func(ends time.Time) time.Duration
	// ExportTime is how long an export job is pending. One of content data may be at a time, and five of reporting
	// data, in each workspace. 0 means a minute.
	ExportTime time.Duration
	// ScrollPages is how many pages of companies a scroll has, before the empty one at its end. 0 means 1.
	ScrollPages int
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

// withDefaults returns the options with what their zero values mean.
func (o Options) withDefaults() Options {
	if o.Limit == 0 {
		o.Limit = defaultLimit
	}
	if o.ExportTime == 0 {
		o.ExportTime = defaultExportTime
	}
	if o.ScrollPages == 0 {
		o.ScrollPages = 1
	}
	if o.Authorized == nil {
		o.Authorized = func(credential string) bool { return credential != "" }
	}
	if o.Workspace == nil {
		o.Workspace = func(string) string { return "" }
	}
	if o.Bare == nil {
		o.Bare = func(*http.Request) bool { return false }
	}
	if o.Busy == nil {
		o.Busy = func(*http.Request) bool { return false }
	}
	if o.Early == nil {
		o.Early = func(time.Time) time.Duration { return 0 }
	}
	return o
}
