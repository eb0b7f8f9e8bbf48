package transport

import (
	"bytes"
	"io"
	"net/http"
	"reflect"
	"slices"
	"strings"
)

// A memory is a reader that has all its bytes at hand.
type memory interface {
	io.ReaderAt
	Len() int // of what is still to be read
	Size() int64
}

// wrapped is the type that io.NopCloser gives the readers below, which shows what it holds.
var wrapped = reflect.TypeOf(io.NopCloser((*bytes.Reader)(nil)))

// memoryOf returns what holds a body that is in memory, such as those of caches and of servers in tests; nil if it may
// be elsewhere, so that reading it may take any time.
func memoryOf(body io.ReadCloser) memory {
	v := reflect.ValueOf(body)
	if !v.IsValid() || v.Type() != wrapped || wrapped.Kind() != reflect.Struct || !wrapped.Field(0).IsExported() {
		return nil
	}
	switch r := v.Field(0).Interface().(type) {
	case *bytes.Reader:
		return r
	case *strings.Reader:
		return r
	}
	return nil
}

// peek returns the first bytes of an answer's body, which the answer keeps: nil if they are slow to come. The slice holds
// until the exchange is over.
func (x *exchange) peek(resp *http.Response, most int) []byte {
	if most == 0 {
		return nil
	}
	m := memoryOf(resp.Body)
	if m == nil {
		return peek(resp, most)
	}
	n := min(m.Len(), most)
	x.begin = slices.Grow(x.begin[:0], n)[:n]
	_, _ = m.ReadAt(x.begin, m.Size()-int64(m.Len())) // it is all there
	return x.begin
}
