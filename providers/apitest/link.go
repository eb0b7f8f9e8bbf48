package apitest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"

	"github.com/underlimit/underlimit/internal/memnet"
)

var errClosed = errors.New("apitest: the server is closed")

// idlePerHost lets as many connections be kept as a load test may use at once; all of them lead to one host.
const idlePerHost = 4096

// link is how clients reach a server: connections in memory, and a listener on a loopback address.
type link struct {
	http     *http.Server
	running  sync.WaitGroup // the serving goroutines, and the connections
	memory   *reach
	loopback *reach
	pipes    *memnet.Listener

	mu     sync.Mutex // guards what follows
	closed bool
	serves bool   // pipes are being served
	url    string // of the loopback listener, once it is there
}

func (l *link) init(s *Server) {
	l.http = &http.Server{Handler: s, ConnState: func(conn net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			l.running.Add(1)
			if s.closed() {
				conn.Close() // accepted just before the end, and too late for http.Server.Close to know of it
			}
		case http.StateClosed, http.StateHijacked:
			l.running.Done()
		}
	}}
	l.pipes = memnet.Listen()
	l.memory = newReach(l.dialMemory)
	l.loopback = newReach(l.dialLoopback)
}

func (l *link) dialMemory(ctx context.Context, network, addr string) (net.Conn, error) {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return nil, errClosed
	}
	if !l.serves {
		l.serves = true
		l.running.Go(func() { _ = l.http.Serve(l.pipes) })
	}
	l.mu.Unlock()
	conn, err := l.pipes.Dial(ctx, network, addr)
	if errors.Is(err, net.ErrClosed) {
		err = errClosed
	}
	return conn, err
}

func (l *link) dialLoopback(ctx context.Context, _, _ string) (net.Conn, error) {
	url, err := l.listen()
	if err != nil {
		return nil, err
	}
	var d net.Dialer
	return d.DialContext(ctx, "tcp", url[len("http://"):])
}

// listen returns the URL of the loopback listener, which it starts if need be.
func (l *link) listen() (string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.closed:
		return "", errClosed
	case l.url != "":
		return l.url, nil
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("apitest: no loopback listener: %w", err)
	}
	l.url = "http://" + listener.Addr().String()
	l.running.Go(func() { _ = l.http.Serve(listener) })
	return l.url, nil
}

// Transport returns a RoundTripper that sends every request to the server, whatever host and scheme it names, through
// connections in memory. It leaves the Host header as it would be. It works in a testing/synctest bubble.
func (s *Server) Transport() http.RoundTripper { return s.link.memory }

// Client returns a new client that uses [Server.Transport].
func (s *Server) Client() *http.Client { return &http.Client{Transport: s.link.memory} }

// URL returns the server's address on a loopback interface, such as "http://127.0.0.1:34567". The first call opens the
// listener; like httptest.NewServer, it panics if it cannot, or if the server is closed.
func (s *Server) URL() string {
	url, err := s.link.listen()
	if err != nil {
		panic(err)
	}
	return url
}

// Loopback returns a RoundTripper that sends every request to [Server.URL], in plain HTTP, whatever host and scheme it
// names. It leaves the Host header as it would be.
func (s *Server) Loopback() http.RoundTripper { return s.link.loopback }

// Close ends all connections, answers nothing more and waits until the server's goroutines have ended. It must not be
// called by a function in Options. Records stay readable.
func (s *Server) Close() {
	l := &s.link
	l.mu.Lock()
	if !l.closed {
		l.closed = true
		close(s.done)
	}
	l.mu.Unlock()
	l.http.Close()
	l.pipes.Close()
	l.running.Wait()
	l.memory.CloseIdleConnections()
	l.loopback.CloseIdleConnections()
}

// A reach is a RoundTripper all of whose requests go to one server.
type reach struct{ base *http.Transport }

func newReach(dial func(ctx context.Context, network, addr string) (net.Conn, error)) *reach {
	return &reach{&http.Transport{DialContext: dial, MaxIdleConnsPerHost: idlePerHost}}
}

func (t *reach) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL == nil {
		return t.base.RoundTrip(req) // which knows what to say and what to close
	}
	there := req.Clone(req.Context())
	if there.Host == "" {
		there.Host = req.URL.Host
	}
	there.URL.Scheme, there.URL.Host = "http", "fake"
	resp, err := t.base.RoundTrip(there)
	if resp != nil {
		resp.Request = req
	}
	return resp, err
}

// CloseIdleConnections is what http.Client.CloseIdleConnections calls.
func (t *reach) CloseIdleConnections() { t.base.CloseIdleConnections() }
