package transport

import (
	"bytes"
	"io"
	"mime"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/underlimit/underlimit/internal/field"
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
	v := field.Get(h, "Content-Type")
	if rest, ok := strings.CutPrefix(v, "application/json"); ok && (rest == "" || rest[0] == ';') {
		return true // as nearly all write it
	}
	t, _, err := mime.ParseMediaType(v)
	return err == nil && (t == "application/json" || strings.HasSuffix(t, "+json"))
}

// peek returns the first bytes of an answer's body, which the answer keeps: nil if they are slow to come.
func peek(resp *http.Response, most int) []byte {
	if most == 0 || resp.Body == nil || resp.Body == http.NoBody {
		return nil
	}
	p := &peeked{source: onceCloser{ReadCloser: resp.Body}, most: most, expected: resp.ContentLength}
	p.change.L = &p.mu
	resp.Body = p
	// Closing a body does not always end a read of it: net/http's waits for the header of a compressed one.
	go p.fetch()
	runtime.Gosched() // most bodies are there by now, and need no timer
	return p.wait()
}

// A peeked body is one whose beginning was read ahead, or is being read.
type peeked struct {
	source   onceCloser
	most     int   // how much of it somebody wants to see
	expected int64 // how long it should be; negative: nobody knows

	begin bytes.Reader // of data
	data  []byte
	whole io.Reader // the body from its start

	mu     sync.Mutex
	change sync.Cond
	ready  bool // what is above is there, and changes no more
	late   bool // nobody waits any more in order to see it
}

// fetch reads the beginning of the source.
func (p *peeked) fetch() {
	data, all, err := readUpTo(&p.source, p.most+1, p.expected+1)
	p.data = data
	p.begin.Reset(data)
	p.whole = &p.begin
	switch {
	case err != nil:
		p.whole = io.MultiReader(p.whole, failing{err})
	case all:
		_ = p.source.Close() // the connection is free again
	default:
		p.whole = io.MultiReader(p.whole, &p.source)
	}
	p.set(&p.ready)
}

func (p *peeked) set(flag *bool) {
	p.mu.Lock()
	*flag = true
	p.mu.Unlock()
	p.change.Broadcast()
}

// wait returns what was to be seen, or nil once it has taken too long.
func (p *peeked) wait() []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.ready {
		late := time.AfterFunc(peekTime, func() { p.set(&p.late) })
		defer late.Stop()
	}
	for !p.ready && !p.late {
		p.change.Wait()
	}
	if !p.ready {
		return nil
	}
	return p.data[:min(len(p.data), p.most)]
}

func (p *peeked) Read(b []byte) (int, error) {
	p.mu.Lock()
	for !p.ready {
		p.change.Wait()
	}
	p.mu.Unlock()
	return p.whole.Read(b)
}

func (p *peeked) Close() error { return p.source.Close() }

// leastRead is room for any answer that is short.
const leastRead = 512

// readUpTo reads no more than so many bytes, and says whether that is all there is. expected is a guess of how many.
func readUpTo(r io.Reader, most int, expected int64) (data []byte, all bool, err error) {
	if expected <= 0 {
		expected = leastRead
	}
	data = make([]byte, 0, min(expected, int64(most)))
	for len(data) < most {
		n, err := r.Read(data[len(data):min(cap(data), most)])
		data = data[:len(data)+n]
		if err == io.EOF {
			return data, true, nil
		}
		if err != nil {
			return data, false, err
		}
		if len(data) == cap(data) {
			data = slices.Grow(data, leastRead)
		}
	}
	return data, false, nil
}

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
