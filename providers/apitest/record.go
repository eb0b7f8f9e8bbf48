package apitest

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

const (
	keepByDefault   = 100_000
	keepBodies      = 256 << 20 // bytes of the bodies kept in Delivered
	keepViolations  = 100
	keepPathInWords = 100 // bytes of a path shown in a violation
)

// A Report is what a server has seen.
type Report struct {
	// Calls counts the requests that arrived. OK counts those that were processed, even if the answer was lost,
	// Refused those that a limit refused; the rest were wrong, failed by a Fault or, in Slack's way, hidden.
	Calls, OK, Refused int
	// RefusedBy counts the refusals by bucket.
	RefusedBy map[string]int
	// ViolationCount counts the requests that a well-behaved client would not have made, or not in this way, and
	// Violations describes the first hundred of them. One is a request that was sent to a bucket after the client
	// had received a refusal of that bucket and before the time told there was over: a request that was already
	// under way is none. The fakes document which others there are.
	ViolationCount int
	Violations     []string
	// Inversions counts, where Options.Line is given, the requests that were processed after one of the same line
	// with a larger number.
	Inversions int
	// MaxInFlight is the largest number of requests that were under way, or being answered, at once.
	MaxInFlight int
	// First and Last are when the first and the last request arrived; zero if none did.
	First, Last time.Time
}

// An Arrival is a request that arrived.
type Arrival struct {
	At time.Time // when it arrived, by our clock and not the server's
	// Buckets names what counted the request, the most particular first. It is empty if nothing did.
	Buckets []string
	// RefusedBy is the one that refused it, empty if none did.
	RefusedBy string
	// Status is that of the API's answer, or of the Fault that kept the request from it, 0 if that was a drop.
	Status int
}

// A Delivery is a request that was processed.
type Delivery struct {
	At           time.Time // when it arrived
	Method, Path string
	Body         []byte // empty if Options.Read took it
}

// A notice is what a client was told of a bucket.
type notice struct {
	known time.Time // when the answer reached the client
	until time.Time // when it may come again
}

// record is the memory of a server; the server's lock guards it.
type record struct {
	keep      int
	report    Report
	arrivals  []Arrival
	delivered []Delivery
	bodies    int // bytes in delivered
	notices   map[string]notice
	lines     map[string]int // the largest number processed, by line
}

func newRecord(keep int) record {
	if keep == 0 {
		keep = keepByDefault
	}
	return record{
		keep:    max(keep, 0),
		report:  Report{RefusedBy: map[string]int{}},
		notices: map[string]notice{},
		lines:   map[string]int{},
	}
}

// add notes a call that has arrived, when it was sent and whether it reached the API, and reports whether it was
// processed.
func (r *record) add(c *Call, a *Answer, reached bool, sent time.Time) (processed bool) {
	processed = reached && a.RefusedBy == "" && !a.Void && a.Status < 400
	rep := &r.report
	rep.Calls++
	if rep.First.IsZero() {
		rep.First = c.At
	}
	rep.Last = c.At
	if len(r.arrivals) < r.keep {
		r.arrivals = append(r.arrivals, Arrival{At: c.At, Buckets: a.Buckets, RefusedBy: a.RefusedBy, Status: a.Status})
	}

	violation := a.Violation
	for _, bucket := range a.Buckets {
		if n, ok := r.notices[bucket]; ok && sent.After(n.known) && c.At.Before(n.until) {
			violation = fmt.Sprintf("%s was not to be used for another %v", bucket, n.until.Sub(c.At))
		}
	}
	if violation != "" {
		r.violate(c, violation)
	}

	switch {
	case a.RefusedBy != "":
		rep.Refused++
		rep.RefusedBy[a.RefusedBy]++
	case processed:
		rep.OK++
		if len(r.delivered) < r.keep && r.bodies+len(c.Body) <= keepBodies {
			r.bodies += len(c.Body)
			d := Delivery{At: c.At, Method: c.Request.Method, Path: c.Request.URL.Path, Body: c.Body}
			r.delivered = append(r.delivered, d)
		}
	}
	return processed
}

// tell notes that an answer reached the client. Of two notices on one bucket, the one that ends last counts and, if
// they end together, the one that came first.
func (r *record) tell(a *Answer, now time.Time) {
	if a.RefusedBy != "" && a.Until.After(r.notices[a.RefusedBy].until) {
		r.notices[a.RefusedBy] = notice{known: now, until: a.Until}
	}
}

func (r *record) violate(c *Call, what string) {
	r.report.ViolationCount++
	if len(r.report.Violations) < keepViolations {
		path := c.Request.URL.Path
		path = path[:min(len(path), keepPathInWords)]
		r.report.Violations = append(r.report.Violations, fmt.Sprintf("%s %q: %s", c.Request.Method, path, what))
	}
}

// A place is which number in which line a request has; ok is false if it is in none.
type place struct {
	line string
	n    int
	ok   bool
}

// order notes that the request of a place was processed.
func (r *record) order(p place) {
	if last, ok := r.lines[p.line]; ok && p.n < last {
		r.report.Inversions++
		return
	}
	r.lines[p.line] = p.n
}

func (r *record) copy() Report {
	rep := r.report
	rep.RefusedBy = maps.Clone(rep.RefusedBy)
	rep.Violations = slices.Clone(rep.Violations)
	return rep
}

func (r *record) busiest(bucket string, window time.Duration) int {
	var at []time.Time
	most, from := 0, 0
	for _, a := range r.arrivals {
		if !slices.Contains(a.Buckets, bucket) {
			continue
		}
		at = append(at, a.At)
		for from < len(at)-1 && a.At.Sub(at[from]) >= window {
			from++
		}
		most = max(most, len(at)-from)
	}
	return most
}
