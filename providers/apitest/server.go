package apitest

import (
	"bytes"
	"cmp"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// maxBody bounds what is read of a request: it is above what Slack, Discord or Intercom accepts in one.
const maxBody = 32 << 20

// A Server runs an API. Create one with [NewServer] and end it with [Server.Close]. It is an http.Handler, and is reached in
// memory through [Server.Transport] and [Server.Client], or on a loopback address through [Server.URL] and
// [Server.Loopback]. What it has seen it tells by [Server.Report], [Server.Arrivals], [Server.Delivered] and
// [Server.Busiest], at any time, after Close too. All methods are safe for concurrent use. To be used in a
// testing/synctest bubble, it must be made in that bubble.
type Server struct {
	opts Options
	made time.Time
	done chan struct{} // closed by Close
	link link

	mu       sync.Mutex // guards what follows; held for arithmetic only
	api      func(*Call) Answer
	record   record
	rand     *rand.Rand
	inFlight int
}

// NewServer returns a server of an API. opts may be nil and is copied. No two calls of api overlap; it must neither block
// nor call the server.
func NewServer(opts *Options, api func(*Call) Answer) *Server {
	var o Options
	if opts != nil {
		o = *opts
	}
	s := &Server{
		opts:   o,
		made:   time.Now(),
		done:   make(chan struct{}),
		api:    api,
		record: newRecord(o.Keep),
		rand:   rand.New(rand.NewPCG(o.Seed, 0)),
	}
	s.link.init(s)
	return s
}

// ServeHTTP carries a request to the API and the answer back. To drop a connection it panics with
// http.ErrAbortHandler, as net/http has it.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	sent := time.Now()
	up, down := s.enter()
	defer s.leave()

	body, content, err := s.read(w, r)
	if err != nil {
		http.Error(w, "the body cannot be read", http.StatusBadRequest)
		return
	}
	fault := s.fault(r, body)
	place := s.place(r, body)
	r.Body = http.NoBody

	s.pause(up)
	call := &Call{Request: r, Body: body, Content: content}
	answer := s.arrive(call, fault, place, sent)
	s.pause(down + fault.Delay)

	switch {
	case fault.Drop:
		panic(http.ErrAbortHandler)
	case fault.Status != 0:
		answer = Text(fault.Status, "text/plain", http.StatusText(fault.Status))
	case r.Context().Err() == nil:
		s.told(&answer)
	}
	write(w, &answer, call.Clock)
}

// arrive has the API answer a call, if the fault lets it through, and notes what became of it. If a function of the
// user's panics, or ends a test, the lock is free again: net/http closes the connection, and the server goes on.
func (s *Server) arrive(call *Call, fault Fault, place place, sent time.Time) Answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	call.At = time.Now()
	call.Clock = s.clock(call.At)
	answer := Answer{Status: fault.Status, Header: http.Header{}}
	reached := fault.Processed || !fault.spoils()
	if reached {
		answer = s.api(call)
		answer.Status = cmp.Or(answer.Status, http.StatusOK)
	}
	if s.record.add(call, &answer, reached, sent) && place.ok {
		s.record.order(place)
	}
	return answer
}

func (s *Server) read(w http.ResponseWriter, r *http.Request) (body []byte, content any, err error) {
	if s.opts.Read != nil {
		if content, err = s.opts.Read(r); content != nil || err != nil {
			return nil, content, err
		}
	}
	body, err = io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	return body, nil, err
}

// clock returns what the server's clock shows.
func (s *Server) clock(now time.Time) time.Time {
	ahead := s.opts.Skew
	if s.opts.Drift != nil {
		ahead += s.opts.Drift(now.Sub(s.made))
	}
	return now.Add(ahead)
}

// told notes what the client learns from an answer.
func (s *Server) told(a *Answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.record.tell(a, time.Now())
}

// enter counts a request in and draws the times that it and its answer will be under way.
func (s *Server) enter() (up, down time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.inFlight++
	s.record.report.MaxInFlight = max(s.record.report.MaxInFlight, s.inFlight)
	up, down = max(s.opts.Uplink, 0), max(s.opts.Downlink, 0)
	if s.opts.Jitter > 0 {
		up += time.Duration(s.rand.Int64N(int64(s.opts.Jitter) + 1))
		down += time.Duration(s.rand.Int64N(int64(s.opts.Jitter) + 1))
	}
	return up, down
}

func (s *Server) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.inFlight--
}

func (s *Server) fault(r *http.Request, body []byte) Fault {
	if s.opts.Fault == nil {
		return Fault{}
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	return s.opts.Fault(r)
}

func (s *Server) place(r *http.Request, body []byte) (p place) {
	if s.opts.Line != nil {
		r.Body = io.NopCloser(bytes.NewReader(body))
		p.line, p.n, p.ok = s.opts.Line(r, body)
	}
	return p
}

// pause waits, whether or not the client is still there: what was sent arrives. It aborts the handler when the server
// closes.
func (s *Server) pause(d time.Duration) {
	if d > 0 {
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-s.done:
		}
	}
	if s.closed() {
		panic(http.ErrAbortHandler)
	}
}

func (s *Server) closed() bool {
	select {
	case <-s.done:
		return true
	default:
		return false
	}
}

func write(w http.ResponseWriter, a *Answer, clock time.Time) {
	header := w.Header()
	maps.Copy(header, a.Header)
	header.Set("Date", clock.UTC().Format(http.TimeFormat))
	if a.Status != http.StatusNoContent {
		header.Set("Content-Length", strconv.Itoa(len(a.Body)))
	}
	w.WriteHeader(a.Status)
	_, _ = w.Write(a.Body) // an error means that the client is gone, which is its own affair
}

// Report returns what the server has seen so far.
func (s *Server) Report() Report {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.record.copy()
}

// Arrivals returns the first requests that arrived, in the order of their arrival, as many as Options.Keep says.
func (s *Server) Arrivals() []Arrival {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Arrival(nil), s.record.arrivals...)
}

// Delivered returns the first requests that were processed, in that order, as many as Options.Keep says; their bodies
// must not be changed.
func (s *Server) Delivered() []Delivery {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Delivery(nil), s.record.delivered...)
}

// Busiest returns the largest number of requests, refused ones included, that reached a bucket within any span as long
// as window, an arrival at its very end not counted. It looks at [Server.Arrivals].
func (s *Server) Busiest(bucket string, window time.Duration) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.record.busiest(bucket, window)
}
