package transport

import (
	"io"
	"net/http"

	"github.com/underlimit/underlimit/internal/field"
	"github.com/underlimit/underlimit/providers"
)

// net/http's Transport has a retry of its own: what it takes to be repeatable it sends once more if a connection that
// was kept breaks before the answer, even though the server may have read the request. https://pkg.go.dev/net/http#Transport
// It does so only where the body is none, or can be had again.

// nobody is a body of nothing that cannot be had again, other than http.NoBody.
type nobody struct{}

func (nobody) Read([]byte) (int, error) { return 0, io.EOF }
func (nobody) Close() error             { return nil }

// lone says whether the base transport has to be kept from repeating the request, which may write though it looks as if
// it only read.
func (x *exchange) lone() bool { return x.call.Repeat == providers.Never && looksRepeatable(x.req) }

// looksRepeatable says whether HTTP, or a key that the caller has set, allows a request to be repeated. net/http goes by
// the same.
func looksRepeatable(req *http.Request) bool {
	switch req.Method {
	case "", http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
		return true
	}
	return field.Get(req.Header, "Idempotency-Key") != "" || field.Get(req.Header, "X-Idempotency-Key") != ""
}
