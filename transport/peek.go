package transport

import (
	"bytes"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"
)

const (
	// maxPeek is how much of a refusal a provider may see.
	maxPeek = 64 << 10
	// maxPeekOK is how much of a successful answer: what refuses in disguise is short.
	maxPeekOK = 4 << 10
	// peekTime is how long the beginning of a body may take to arrive. A body that takes longer is cut off there, so
	// that nobody waits for the buckets of a server that has stopped talking.
	peekTime = 10 * time.Second
)

// wanted is how much of an answer's body the provider is to see.
func wanted(resp *http.Response, ok bool) int {
	switch {
	case resp.StatusCode >= 400 && resp.StatusCode < 500:
		return maxPeek
	case ok && resp.StatusCode >= 200 && resp.StatusCode < 300 && resp.ContentLength <= maxPeekOK && isJSON(resp.Header):
		return maxPeekOK
	}
	return 0
}

func isJSON(h http.Header) bool {
	t, _, err := mime.ParseMediaType(h.Get("Content-Type"))
	return err == nil && (t == "application/json" || strings.HasSuffix(t, "+json"))
}

// peek returns the first bytes of an answer's body, which the answer keeps.
func peek(resp *http.Response, most int) []byte {
	if most == 0 || resp.Body == nil || resp.Body == http.NoBody {
		return nil
	}
	source := &onceCloser{ReadCloser: resp.Body}
	late := time.AfterFunc(peekTime, func() { _ = source.Close() })
	data, err := io.ReadAll(io.LimitReader(source, int64(most)+1))
	late.Stop()
	if err == nil && len(data) <= most {
		_ = source.Close() // all of it is here: the connection is free again
		resp.Body = io.NopCloser(bytes.NewReader(data))
		return data
	}
	rest := io.Reader(source)
	if err != nil {
		rest = failing{err}
	}
	resp.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(data), rest), source}
	return data[:min(len(data), most)]
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }
