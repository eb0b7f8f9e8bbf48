// Package headers learns the rate limits of any HTTP API from the fields that its answers carry: Retry-After and the
// X-RateLimit family. It knows nothing of the API itself, and takes all requests to one host with one credential to
// draw on one limit.
package headers

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/underlimit/underlimit/bucket"
	"github.com/underlimit/underlimit/internal/digest"
	"github.com/underlimit/underlimit/providers"
)

const name = "headers"

// Options configure a [Provider]. The zero value is what most programs want.
type Options struct {
	// Secret goes into the digests that stand for credentials. Processes that share buckets need the same one; empty
	// is a secret like any other.
	Secret string
}

// A Provider is any API to a transport. Create one with [New]; it is safe for concurrent use. In a [providers.Join] it
// goes last, since it claims nearly everything.
type Provider struct {
	digest *digest.Digester
}

var _ providers.Provider = (*Provider)(nil)

// New returns a provider for any API. opts may be nil and is copied.
func New(opts *Options) *Provider {
	var o Options
	if opts != nil {
		o = *opts
	}
	return &Provider{digest: digest.New(o.Secret, name)}
}

// Name returns "headers".
func (*Provider) Name() string { return name }

// Classify claims the HTTP requests to any host, except those that become something else than HTTP once answered. Its
// routes are the hosts, which are as many as the program talks to.
func (p *Provider) Classify(req *http.Request, _ time.Time) (providers.Call, bool) {
	if req.URL == nil || req.Method == http.MethodConnect || len(req.Header["Upgrade"]) > 0 {
		return providers.Call{}, false
	}
	key := bucket.Key{Provider: name, Owner: p.digest.Of(req.Header.Get("Authorization"))}
	host, ok := hostOf(req.URL)
	if !ok {
		return providers.Call{}, false
	}
	if key.Limit = host; !presentable(host) {
		key.Limit, key.Subject = other, p.digest.Of(host)
	}
	return providers.Call{Provider: name, Route: key.Limit, Draws: []bucket.Draw{{Key: key}}}, true
}

// hostOf returns a URL's host in lower case, and its port unless that goes without saying.
func hostOf(u *url.URL) (host string, ok bool) {
	var standard string
	switch u.Scheme {
	case "http":
		standard = "80"
	case "https":
		standard = "443"
	default:
		return "", false
	}
	host = strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
	if host == "" {
		return "", false
	}
	if port := u.Port(); port != "" && port != standard {
		host += ":" + port
	}
	return host, true
}

// other stands for all hosts whose names are not presentable.
const other = "other"

// maxHost is how long the name of a host can be. https://www.rfc-editor.org/rfc/rfc1035#section-2.3.4
const maxHost = 253

// presentable says whether a host's name, or its address, can be one and may be shown.
func presentable(host string) bool {
	return len(host) <= maxHost && strings.Trim(host, "abcdefghijklmnopqrstuvwxyz0123456789-._:") == ""
}
