package transport

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/underlimit/underlimit/bucket"
)

// neverSent says whether an error proves that nothing of the request reached the server, so that any request may be
// sent again and nothing was counted. It is asked only once there is an error: who succeeds pays nothing for it. An
// error during a TLS handshake that might as well be one after it is no proof.
func neverSent(err error) bool {
	if op, ok := errors.AsType[*net.OpError](err); ok {
		switch op.Op {
		case "dial", "proxyconnect", "socks connect":
			return true
		}
	}
	return is[*tls.CertificateVerificationError](err) || is[*bucket.WaitError](err) || notTLS(err) ||
		err.Error() == handshakeTimeout || nothingWritten(err) || untyped(err)
}

// handshakeTimeout is what net/http's Transport says of a handshake that took too long. The error has no type.
const handshakeTimeout = "net/http: TLS handshake timeout"

// nothingWritten says whether net/http's Transport knows that not a byte of the request was written to its connection.
// It tells so by a type that has no public name.
func nothingWritten(err error) bool {
	for ; err != nil; err = errors.Unwrap(err) {
		if fmt.Sprintf("%T", err) == "http.nothingWrittenError" {
			return true
		}
	}
	return false
}

// notTLS says whether a server's first words were not those of TLS.
func notTLS(err error) bool {
	e, ok := errors.AsType[tls.RecordHeaderError](err)
	return ok && e.Conn != nil // else there was a handshake
}

// hopeless says whether an error would be the same if the request were sent again: something in the request, in the
// program or at the server is set up wrongly.
func hopeless(err error) bool {
	return is[*tls.CertificateVerificationError](err) ||
		// What a program's own verification of a certificate returns is not wrapped in the above.
		is[x509.UnknownAuthorityError](err) || is[x509.HostnameError](err) || is[x509.CertificateInvalidError](err) ||
		notTLS(err) || errors.Is(err, http.ErrSchemeMismatch) || is[*bucket.WaitError](err) ||
		is[*net.AddrError](err) || unknownHost(err) || unparsable(err) || untyped(err)
}

func is[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

// unknownHost says whether there is no such host, by an answer that holds for a while.
func unknownHost(err error) bool {
	dns, ok := errors.AsType[*net.DNSError](err)
	return ok && dns.IsNotFound && !dns.IsTemporary
}

// unparsable says whether a URL, such as that of a proxy, is none.
func unparsable(err error) bool {
	u, ok := errors.AsType[*url.Error](err)
	return ok && u.Op == "parse"
}

// refusedRequests begin what net/http's Transport says of requests that it does not send. These errors have no types.
var refusedRequests = []string{
	"unsupported protocol scheme",
	"http: no Host in request URL",
	"net/http: invalid ",
}

func untyped(err error) bool {
	text := err.Error()
	return slices.ContainsFunc(refusedRequests, func(s string) bool { return strings.HasPrefix(text, s) })
}
