package apitest

import (
	"net/http"
	"time"
)

// Options configure a [Server]. The zero Options are a network without latency on which nothing goes wrong. The
// functions must not call the server; their calls overlap, unless said otherwise.
type Options struct {
	// Uplink and Downlink are how long a request is under way to the server, and an answer back. To each, up to
	// Jitter is added at random, from a source that begins with Seed. Less than 0 is 0.
	Uplink, Downlink, Jitter time.Duration
	Seed                     uint64
	// Skew is how far the server's clock is ahead: of its Date header, and of Call.Clock.
	Skew time.Duration
	// Drift is how much further ahead it is, so long after the server was made: it may run fast or slow, and step.
	// Nil means not at all. Its calls do not overlap.
	Drift func(since time.Duration) time.Duration
	// Keep is how many arrivals and deliveries are kept. 0 means 100,000, less than 0 none.
	Keep int
	// Fault says what goes wrong with a request. Nil means nothing. It may read the body.
	Fault func(*http.Request) Fault
	// Line names the line of requests that one belongs to, and its number in it, to have inversions counted; ok is
	// false for a request in no line. Nil means that none is in one.
	Line func(r *http.Request, body []byte) (line string, n int, ok bool)
	// Read reads a body that is not to be kept as it is, and returns what it makes of it: Call.Content. It returns nil
	// for a request whose body it leaves alone. Nil leaves all alone. After an error the request is answered 400, and
	// the API does not see it.
	Read func(*http.Request) (content any, err error)
}

// A Fault is something that goes wrong with one request. The zero Fault is none.
type Fault struct {
	// Status, unless 0, is the status of the answer, such as 503, in place of the real one.
	Status int
	// Drop closes the connection in place of an answer. Mind that net/http's Transport by itself repeats a GET that
	// was dropped on a connection which had served before.
	Drop bool
	// Processed says that the request reaches the API before Status or Drop spoils the answer. If it is false, the
	// API does not see the request and no limit counts it.
	Processed bool
	// Delay holds the answer back; the request is processed before it.
	Delay time.Duration
}

func (f Fault) spoils() bool { return f.Drop || f.Status != 0 }
