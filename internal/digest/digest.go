// Package digest turns credentials into names that may be shown.
package digest

import (
	"crypto/sha256"
	"encoding/hex"
	"sync"
	"sync/atomic"
)

// size is how much of the hash is kept: 128 bits, so that two credentials never share a name.
const size = 16

// maxCached bounds the memory of a Digester whose credentials never end, such as interaction tokens.
const maxCached = 4096

// A Digester names credentials by the beginning of SHA-256(secret, provider, credential), in hexadecimal. Processes
// with the same secret give the same names. It is safe for concurrent use; create one with New.
type Digester struct {
	prefix string

	recent [64]atomic.Pointer[named] // of those cached, some that were asked for of late: most programs have few

	mu     sync.Mutex // guards cached
	cached map[string]*named
}

type named struct{ credential, name string }

// New returns a Digester for the credentials of one provider. The secret may be empty.
func New(secret, provider string) *Digester {
	return &Digester{prefix: secret + "\x00" + provider + "\x00", cached: map[string]*named{}}
}

// Of returns the name of a credential, and "" for the empty credential.
func (d *Digester) Of(credential string) string {
	if credential == "" {
		return ""
	}
	place := &d.recent[placeOf(credential)]
	n := place.Load()
	if n == nil || n.credential != credential {
		n = d.find(credential)
		place.Store(n)
	}
	return n.name
}

// placeOf is where in Digester.recent a credential stands. Credentials differ at their ends.
func placeOf(credential string) int {
	n := len(credential)
	return (n + 7*int(credential[n-1]) + 31*int(credential[n/2])) % len(Digester{}.recent)
}

// find returns a credential's entry, made if there is none.
func (d *Digester) find(credential string) *named {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := d.cached[credential]
	if n == nil {
		if len(d.cached) >= maxCached {
			clear(d.cached) // a digest is cheap to make again; who is in use comes back at once
		}
		n = &named{credential, d.digest(credential)}
		d.cached[credential] = n
	}
	return n
}

func (d *Digester) digest(credential string) string {
	sum := sha256.Sum256([]byte(d.prefix + credential))
	return hex.EncodeToString(sum[:size])
}
