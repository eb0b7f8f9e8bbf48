package transport_test

import (
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/underlimit/underlimit/bucket"
	"github.com/underlimit/underlimit/transport"
)

// aQuota has a second sending wait for hours unless the first is given back.
var aQuota = bucket.Draw{Key: apiKey, Policy: &bucket.Policy{Quota: 1, Window: 10 * time.Hour}}

func TestWhatWasNeverSentIsFreeAndMayGoAgainWhateverItIs(t *testing.T) {
	pipe := func(server func(net.Conn)) func(context.Context, string, string) (net.Conn, error) {
		return func(context.Context, string, string) (net.Conn, error) {
			client, end := net.Pipe()
			go func() {
				defer end.Close()
				server(end)
			}()
			return client, nil
		}
	}
	says := func(words string) func(net.Conn) {
		return func(c net.Conn) {
			_, _ = c.Read(make([]byte, 4096)) // the client speaks first
			_, _ = io.WriteString(c, words)
		}
	}
	dead := func(context.Context, string, string) (net.Conn, error) {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: errBroken}
	}
	proxy := func(u string) func(*http.Request) (*url.URL, error) {
		return func(*http.Request) (*url.URL, error) { return url.Parse(u) }
	}
	for _, test := range []struct {
		name string
		rt   *http.Transport
		text string // of the error
		sent int
		free bool
		tls  bool
	}{
		{"no connection", &http.Transport{DialContext: dead}, "dial tcp", 4, true, true},
		{
			"no proxy", &http.Transport{DialContext: dead, Proxy: proxy("http://proxy.test")}, "proxyconnect tcp",
			4, true, true,
		},
		{
			"a SOCKS proxy that hangs up", &http.Transport{DialContext: pipe(says("")), Proxy: proxy("socks5://proxy.test")},
			"socks connect", 4, true, true,
		},
		{
			"a handshake that takes too long", &http.Transport{
				DialContext: pipe(func(c net.Conn) { _, _ = io.Copy(io.Discard, c) }), TLSHandshakeTimeout: time.Second,
			}, "TLS handshake timeout", 4, true, true,
		},
		{
			"what is no TLS", &http.Transport{DialContext: pipe(says("220 mail.test ESMTP"))}, "does not look like",
			1, true, true,
		},
		{
			"HTTP in place of TLS", &http.Transport{DialContext: pipe(says("HTTP/1.1 400 Bad Request\r\n"))},
			"does not look like", 1, true, true,
		},
		{
			"a certificate that nobody trusts", &http.Transport{
				DialContext:     pipe(func(c net.Conn) { handshake(t, c) }),
				TLSClientConfig: &tls.Config{ServerName: "another.test", MinVersion: tls.VersionTLS13},
			}, "certificate", 1, true, true,
		},
		{"one closed after a byte", &http.Transport{DialContext: pipe(func(c net.Conn) {
			_, _ = c.Read(make([]byte, 1))
		})}, "", 1, false, false},
		{"one closed instead of an answer", &http.Transport{DialContext: pipe(says(""))}, "EOF", 1, false, false},
		{"a handshake that breaks off", &http.Transport{DialContext: pipe(says(""))}, "EOF", 1, false, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				defer test.rt.CloseIdleConnections()
				sent := 0
				srv := base(func(req *http.Request) (*http.Response, error) {
					sent++
					return test.rt.RoundTrip(req)
				})
				limits := transport.New(&api{draws: []bucket.Draw{aQuota}}, &transport.Options{Base: srv})
				req := request(t.Context(), http.MethodPost, strings.NewReader("x"))
				if test.tls {
					req.URL.Scheme = "https"
				}
				got := roundTrip(limits, req)
				if got.err == nil || !strings.Contains(got.err.Error(), test.text) {
					t.Errorf("got %+v", got)
				}
				if sent != test.sent {
					t.Errorf("it was sent %d times, want %d", sent, test.sent)
				}
				checkQuiet(t, limits)
				checkFree(t, limits, test.free)
			})
		})
	}
}

func TestWhatNetHTTPKnowsNothingOfToBeWrittenIsFreeAndGoesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rt := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
			client, _ := net.Pipe()
			return deaf{client}, nil
		}}
		// Mostly that is what it says, but it may as well notice first that it has closed the connection.
		var told error
		for range 1000 {
			if _, told = rt.RoundTrip(request(t.Context(), http.MethodGet, nil)); errors.Is(told, errBroken) {
				break
			}
		}
		srv := serve(fail(fmt.Errorf("wrapped: %w", told)))
		limits := transport.New(&api{draws: []bucket.Draw{aQuota}}, &transport.Options{Base: srv})
		roundTrip(limits, request(t.Context(), http.MethodPost, strings.NewReader("x")))
		if len(srv.sent) != 4 {
			t.Errorf("after %v it was sent %d times", told, len(srv.sent))
		}
		checkFree(t, limits, true)
	})
}

// A deaf connection is one that nothing can be written to.
type deaf struct{ net.Conn }

func (deaf) Write([]byte) (int, error) { return 0, errBroken }

// checkFree checks whether all of aQuota is there.
func checkFree(t *testing.T, limits *transport.Transport, free bool) {
	t.Helper()
	ticket := bucket.Ticket{Mode: bucket.Reject}
	lease, err := limits.Buckets().AcquireTicket(t.Context(), &ticket, aQuota)
	if (err == nil) != free {
		t.Errorf("afterwards the quota says %v", err)
	}
	if err == nil {
		lease.Cancel()
	}
}

// handshake is what a server says of itself that has a certificate of its own making.
func handshake(t *testing.T, c net.Conn) {
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Error(err)
		return
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	cert, err := x509.CreateCertificate(nil, template, template, public, private)
	if err != nil {
		t.Error(err)
		return
	}
	_ = tls.Server(c, &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{cert}, PrivateKey: private}}, MinVersion: tls.VersionTLS13,
	}).Handshake() // the client breaks it off
}

func TestWhatATransportWithinDidNotSendIsFreeAndNotRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inner := transport.New(&api{}, &transport.Options{Base: serve(answer(200)), MaxWait: time.Second})
		block(t, inner, time.Hour)
		srv := serve(func(req *http.Request) (*http.Response, error) {
			resp, err := inner.RoundTrip(req)
			if err != nil {
				err = fmt.Errorf("within: %w", err)
			}
			return resp, err
		})
		limits := transport.New(&api{draws: []bucket.Draw{aQuota}}, &transport.Options{Base: srv})
		got := roundTrip(limits, request(t.Context(), http.MethodGet, nil))
		if !errors.Is(got.err, bucket.ErrMaxWait) || len(srv.sent) != 1 {
			t.Errorf("got %+v after %d sendings", got, len(srv.sent))
		}
		checkFree(t, limits, true)
	})
}
