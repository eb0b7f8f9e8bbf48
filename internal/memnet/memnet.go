// Package memnet is a network in memory, on which a testing/synctest bubble can go idle: a real one keeps its clock
// standing.
package memnet

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
)

// A Listener accepts the connections that its [Listener.Dial] makes. It is safe for concurrent use. Create one with
// [Listen], in the bubble that uses it.
type Listener struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
	dials  atomic.Int64
}

// Listen returns a listener. It has no goroutine.
func Listen() *Listener { return &Listener{conns: make(chan net.Conn), closed: make(chan struct{})} }

// Dial connects to the listener, whatever the address, once it accepts. It is a net/http.Transport's DialContext. After
// Close it fails with net.ErrClosed.
func (l *Listener) Dial(ctx context.Context, _, _ string) (net.Conn, error) {
	l.dials.Add(1)
	client, server := net.Pipe()
	select {
	case l.conns <- server:
		return client, nil
	case <-l.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Dials is how often Dial was called.
func (l *Listener) Dials() int { return int(l.dials.Load()) }

// Accept waits for the next connection, or for Close: then its error is net.ErrClosed.
func (l *Listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Close ends Dial and Accept, but no connection. It may be called twice.
func (l *Listener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

// Addr is the same for all listeners.
func (*Listener) Addr() net.Addr { return &net.UnixAddr{Name: "memory", Net: "memory"} }
