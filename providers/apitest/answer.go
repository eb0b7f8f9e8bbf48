package apitest

import (
	"net/http"
	"time"

	"github.com/underlimit/underlimit/internal/fakeapi"
)

// A Call is a request that has arrived.
type Call struct {
	Request *http.Request // without its body
	Body    []byte        // all of it, unless Options.Read took it
	Content any           // what Options.Read made of the body, which is then empty
	At      time.Time     // when it arrived
	Clock   time.Time     // what the server's clock showed then; see Options.Skew
}

// An Answer is what an API says to a [Call]. The zero Answer is a 200 without a body, to a request that no limit
// counts. The server adds the Date and Content-Length headers. It keeps what is in an Answer, which must not be changed
// once it is returned.
type Answer struct {
	Status int         // 0 means 200
	Header http.Header // nil means none
	Body   []byte

	// Buckets names what counted the request, the most particular first.
	Buckets []string
	// RefusedBy is the bucket that refused the request; empty if none did.
	RefusedBy string
	// Until is how long the answer tells the client to leave RefusedBy alone: a request that is sent there earlier is a
	// violation. Zero means that the answer does not say.
	Until time.Time
	// Void means that the request was not processed although the status is that of a success.
	Void bool
	// Violation says what a well-behaved client would have done otherwise; empty if nothing.
	Violation string
}

// Reply returns an answer with v as its body, in JSON. It panics if v has no JSON.
func Reply(status int, v any) Answer {
	return Answer{Status: status, Header: http.Header{"Content-Type": {"application/json"}}, Body: fakeapi.JSON(v)}
}

// Text returns an answer with a body of a media type such as "text/plain".
func Text(status int, mediaType, body string) Answer {
	return Answer{Status: status, Header: http.Header{"Content-Type": {mediaType}}, Body: []byte(body)}
}
