// Package digest turns credentials into names that may be shown.
package digest

import (
	"crypto/sha256"
	"encoding/hex"
	"sync"
)

// size is how much of the hash is kept: 128 bits, so that two credentials never share a name.
const size = 16

// maxCached bounds the memory of a Digester whose credentials never end, such as interaction tokens.
const maxCached = 4096

// A Digester names credentials by the beginning of SHA-256(secret, provider, credential), in hexadecimal. Processes
// with the same secret give the same names. It is safe for concurrent use; create one with New.
type Digester struct {
	prefix string

	mu     sync.RWMutex // guards cached
	cached map[string]string
}

// New returns a Digester for the credentials of one provider. The secret may be empty.
func New(secret, provider string) *Digester {
	return &Digester{prefix: secret + "\x00" + provider + "\x00", cached: map[string]string{}}
}

// Of returns the name of a credential, and "" for the empty credential.
func (d *Digester) Of(credential string) string {
	if credential == "" {
		return ""
	}
	d.mu.RLock()
	name, ok := d.cached[credential]
	d.mu.RUnlock()
	if ok {
		return name
	}
	sum := sha256.Sum256([]byte(d.prefix + credential))
	name = hex.EncodeToString(sum[:size])

	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.cached) >= maxCached {
		clear(d.cached) // a digest is cheap to make again; who is in use comes back at once
	}
	d.cached[credential] = name
	return name
}
