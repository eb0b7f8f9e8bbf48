package transport

import (
	"bytes"
	"io"
	"mime"
	"net/http"
	"strings"
	"sync"
	"time"
)

const (
	// maxPeek is how much of a refusal a provider may see.
	maxPeek = 64 << 10
	// maxPeekOK is how much of a successful answer: what refuses in disguise is short.
	maxPeekOK = 4 << 10
	// peekTime is how long the beginning of a body may take to arrive. A provider does without one that takes longer,
	// so that nobody waits for the buckets of a server that has stopped talking.
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

// peek returns the first bytes of an answer's body, which the answer keeps: nil if they are slow to come.
func peek(resp *http.Response, most int) []byte {
	if most == 0 || resp.Body == nil || resp.Body == http.NoBody {
		return nil
	}
	p := &peeked{source: &onceCloser{ReadCloser: resp.Body}, ready: make(chan struct{})}
	resp.Body = p
	// Closing a body does not always end a read of it: net/http's waits for the header of a compressed one.
	go p.fetch(most)
	late := time.NewTimer(peekTime)
	defer late.Stop()
	select {
	case <-p.ready:
		return p.data[:min(len(p.data), most)]
	case <-late.C:
		return nil
	}
}

// A peeked body is one whose beginning was read ahead, or is being read.
type peeked struct {
	source *onceCloser
	ready  chan struct{} // closed when what follows is there
	data   []byte
	whole  io.Reader // the body from its start
}

// fetch reads the beginning of the source.
func (p *peeked) fetch(most int) {
	defer close(p.ready)
	data, err := io.ReadAll(io.LimitReader(p.source, int64(most)+1))
	p.data, p.whole = data, bytes.NewReader(data)
	switch {
	case err != nil:
		p.whole = io.MultiReader(p.whole, failing{err})
	case len(data) > most:
		p.whole = io.MultiReader(p.whole, p.source)
	default:
		_ = p.source.Close() // all of it is here: the connection is free again
	}
}

func (p *peeked) Read(b []byte) (int, error) {
	<-p.ready
	return p.whole.Read(b)
}

func (p *peeked) Close() error { return p.source.Close() }

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// onceCloser closes its reader once.
type onceCloser struct {
	io.ReadCloser
	once sync.Once
	err  error
}

func (c *onceCloser) Close() error {
	c.once.Do(func() { c.err = c.ReadCloser.Close() })
	return c.err
}
