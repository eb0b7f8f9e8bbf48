package providers

import (
	"net/http"
	"time"

	"github.com/underlimit/underlimit/bucket"
)

// A Provider knows the rate limits of one API, or, through [Join], of several. Its methods are safe for concurrent use,
// do not keep or change what they are given, and give the same answer to the same question.
type Provider interface {
	// Name is the provider's name, as in [bucket.Key].
	Name() string

	// Classify says what req is to this provider. It reports false if req is not a request to its API. It must not
	// consume req.Body; it may read a bounded prefix of the copy that req.GetBody gives. now, which may be any time, is
	// when the request is about to ask for leave, on our clock: limits may depend on the age of what a request is about.
	Classify(req *http.Request, now time.Time) (Call, bool)

	// Judge reads an answer to a request that Classify claimed.
	Judge(req *http.Request, call *Call, a *Answer) Verdict
}

// An Appender is a [Provider] that can do without memory of its own for what a request draws on.
type Appender interface {
	// AppendClassify is Classify with Call.Draws appended to draws, which is empty but may have room.
	AppendClassify(draws []bucket.Draw, req *http.Request, now time.Time) (Call, bool)
}

// A Call is what a request is to its provider.
type Call struct {
	// Provider is the name of the provider that claimed the request.
	Provider string
	// Route names the kind of request and is one of a closed set, "other" included, so that it can label a metric.
	Route string
	// Draws is what the request takes: all of it or none.
	Draws []bucket.Draw
	// Repeat says whether the request may be sent again after a failure that does not prove that it was not
	// processed.
	Repeat Repeat
	// BodyUnread says that Classify did not ask for the request's body, which can take any time to come. It saves a
	// reading of the clock, and may always be false.
	BodyUnread bool
	// Peek asks for the beginning of small successful JSON answers, too, where a provider refuses in those.
	Peek bool
	// Omit names header fields that are left out of what is sent, in any case of letters. The caller's request keeps
	// them. It must not be changed.
	Omit []string
	// Room is memory that Judge may use for the updates it returns. Whoever classified the request may set it, once for
	// each answer to be judged, and has to be done with the updates before it is used again. Nil: Judge takes its own.
	Room *Room

	by Provider // who claimed it, set by Join
}

// Repeat says whether a request may be repeated without proof that its first sending had no effect.
type Repeat uint8

const (
	// ByMethod leaves it to HTTP: GET, HEAD, OPTIONS and TRACE may, and whatever carries an Idempotency-Key.
	ByMethod Repeat = iota
	// Always is for requests that the provider knows to have no effect, or the same effect twice.
	Always
	// Never is for requests that write whatever their method says.
	Never
)

// A Room is memory for the updates that most answers bring, which may point to each other.
type Room struct {
	Updates [2]bucket.Update
	Alias   bucket.Alias
	Windows [2]bucket.Window
}

// GetRoom returns c.Room, or new memory if that is nil.
func (c *Call) GetRoom() *Room {
	if c.Room != nil {
		return c.Room
	}
	return &Room{}
}

// An Answer is what came back, as much of it as a provider may see.
type Answer struct {
	Status int
	Header http.Header // must not be changed
	// Body is the beginning of the body, at most 64 KiB: of every answer with a status of 400 to 499 and, if
	// Call.Peek asks for it, of a successful JSON answer. It is nil otherwise and may be cut off.
	Body []byte
	// Sent and Received are when the request left and when the answer's header arrived, on our clock.
	Sent, Received time.Time
}

// A Verdict is what an answer means.
type Verdict struct {
	// Updates is what the answer says of the call's buckets. An answer that refuses blocks at least one of them.
	Updates []bucket.Update
	// Refused means that the provider did not process the request because of a limit, so that any request may be
	// sent again.
	Refused bool
	// Final means that sending it again soon is of no use, such as when a monthly quota is used up: the caller gets
	// this answer.
	Final bool
	// Scope says whose limit refused; empty if none did.
	Scope Scope
}

// Scope says whose limit it was by which a provider refused a request. The set is closed.
type Scope string

const (
	ScopeUser      Scope = "user"      // this credential's limit on this route, method or channel
	ScopeShared    Scope = "shared"    // a limit on the resource, shared with others
	ScopeGlobal    Scope = "global"    // this credential's limit on all its requests
	ScopeWorkspace Scope = "workspace" // the limit of the workspace, over all apps in it
	ScopeEgress    Scope = "egress"    // the limit of our address
	ScopeQuota     Scope = "quota"     // a quota of something other than requests
	ScopeUnknown   Scope = "unknown"   // the answer does not tell
)
