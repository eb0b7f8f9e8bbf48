package transport

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
)

// maxBuffer is how large a body may be that is kept in memory in order to be sent again. Larger ones, and those of
// unknown length, are sent once, unless the request says how to get them again.
const maxBuffer = 64 << 10

// A body is what a request carries, and how often.
type body struct {
	source io.ReadCloser // nil: none
	again  func() (io.ReadCloser, error)
	buffer *buffer // nil: again is the request's own GetBody, or nil
	used   bool    // source was handed on, and with it the duty to close it
}

func newBody(req *http.Request) body {
	if req.Body == nil || req.Body == http.NoBody {
		return body{}
	}
	b := body{source: req.Body, again: req.GetBody}
	if b.again == nil && 0 < req.ContentLength && req.ContentLength <= maxBuffer {
		b.buffer = &buffer{ctx: req.Context(), source: req.Body, size: int(req.ContentLength)}
		b.again = b.buffer.reader
	}
	return b
}

// request returns req, or a copy of it that can give its body to a provider that asks.
func (b *body) request(req *http.Request) *http.Request {
	if b.buffer == nil {
		return req
	}
	c := *req
	c.GetBody = b.again
	return &c
}

// settle reads a body that is to be kept in memory before the request holds any leave: whoever sends it slowly keeps
// nobody waiting, and a server notices only then that its client has gone.
func (b *body) settle() error {
	if b.buffer == nil {
		return nil
	}
	_, err := b.again()
	return err
}

// taken says whether the buffer has read the request's own body.
func (b *body) taken() bool { return b.buffer != nil && b.buffer.done }

// replayable says whether the request can be sent once more.
func (b *body) replayable() bool { return b.source == nil || b.again != nil }

// next returns the body for the next sending. The caller closes it.
func (b *body) next() (io.ReadCloser, error) {
	switch {
	case b.source == nil:
		return nil, nil //nolint:nilnil // a request without a body has none
	case b.buffer == nil && !b.used:
		b.used = true
		return b.source, nil
	}
	return b.again()
}

// close closes the request's own body if nobody else does.
func (b *body) close() {
	if b.source != nil && !b.used && (b.buffer == nil || !b.buffer.done) {
		b.used = true
		_ = b.source.Close() // it is not needed any more
	}
}

// A buffer reads a small body into memory when it is first asked for.
type buffer struct {
	ctx    context.Context
	source io.ReadCloser
	size   int

	done bool // source was read and closed, or is about to be
	data []byte
	err  error
}

// reader returns the body from the start.
func (b *buffer) reader() (io.ReadCloser, error) {
	if !b.done {
		b.done = true
		b.data, b.err = b.read()
	}
	if b.err != nil {
		return nil, b.err
	}
	return io.NopCloser(bytes.NewReader(b.data)), nil
}

// read reads the source to its end, or until the context ends: then it closes the source, and leaves a reader behind
// that still hangs on it.
func (b *buffer) read() ([]byte, error) {
	if b.ctx.Done() == nil {
		return readAndClose(b.source, b.size)
	}
	type result struct {
		data []byte
		err  error
	}
	results := make(chan result, 1)
	once := &onceCloser{ReadCloser: b.source}
	go func() {
		data, err := readAndClose(once, b.size)
		results <- result{data, err}
	}()
	select {
	case r := <-results:
		return r.data, r.err
	case <-b.ctx.Done():
		go func() { _ = once.Close() }() // most readers let go then; a server's waits until they do by themselves
		return nil, context.Cause(b.ctx)
	}
}

var errBodyLength = errors.New("transport: the request's body is not as long as its ContentLength says")

func readAndClose(r io.ReadCloser, size int) ([]byte, error) {
	defer r.Close()
	data := make([]byte, size+1)
	n, err := io.ReadFull(r, data)
	switch {
	case err == nil || n < size && (errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)):
		return nil, errBodyLength
	case n < size:
		return nil, err
	}
	return data[:n:n], nil
}
