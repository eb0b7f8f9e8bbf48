// Package intercom knows the rate limits of the Intercom REST API.
//
// Intercom counts requests in windows of ten seconds, once for the app that a credential belongs to and once for the
// workspace over all its apps. Only the first is told in header fields; the second shows in a refusal that comes while
// the app has something left. The three regional hosts lead to one count, so that buckets go by credential, not by
// host.
package intercom

import (
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/underlimit/underlimit/bucket"
	"github.com/underlimit/underlimit/internal/digest"
	"github.com/underlimit/underlimit/internal/field"
	"github.com/underlimit/underlimit/providers"
)

const name = "intercom"

// The limits, as in [bucket.Key].
const (
	limitApp       = "app"       // of the credential; told in header fields
	limitWorkspace = "workspace" // of all apps together; never told
	limitResource  = "resource"  // of one kind of request, when Intercom says so
)

// Options configure a [Provider]. The zero value is what most programs want.
type Options struct {
	// Secret goes into the digests that stand for credentials. Processes that share buckets need the same one; empty
	// is a secret like any other.
	Secret string
	// Hosts are further hosts that serve the API, such as a proxy or a test server: "localhost", or "localhost:8080"
	// for that port alone.
	Hosts []string
}

// A Provider is Intercom to a transport. Create one with [New]; it is safe for concurrent use.
type Provider struct {
	hosts  map[string]bool
	digest *digest.Digester
}

var _ providers.Provider = (*Provider)(nil)

// New returns a provider for the Intercom API. opts may be nil and is copied.
func New(opts *Options) *Provider {
	var o Options
	if opts != nil {
		o = *opts
	}
	p := &Provider{
		digest: digest.New(o.Secret, name),
		hosts: map[string]bool{ // https://developers.intercom.com/docs/build-an-integration/learn-more/rest-apis
			"api.intercom.io": true, "api.eu.intercom.io": true, "api.au.intercom.io": true,
		},
	}
	for _, h := range o.Hosts {
		p.hosts[strings.ToLower(h)] = true
	}
	return p
}

// Name returns "intercom".
func (*Provider) Name() string { return name }

// learned is the policy of limits that only ever hold a request back after a refusal.
var learned bucket.Policy

// Classify claims the requests to Intercom's hosts.
func (p *Provider) Classify(req *http.Request, _ time.Time) (providers.Call, bool) {
	if req.URL == nil || !p.serves(req.URL.Host) {
		return providers.Call{}, false
	}
	owner := p.digest.Of(field.Get(req.Header, "Authorization"))
	route := routeOf(req.Method, req.URL.Path)
	return providers.Call{
		Provider: name,
		Route:    route,
		Draws: []bucket.Draw{
			{Key: bucket.Key{Provider: name, Limit: limitApp, Owner: owner}},
			{Key: bucket.Key{Provider: name, Limit: limitWorkspace, Owner: owner}, Policy: &learned},
			{Key: bucket.Key{Provider: name, Limit: limitResource, Owner: owner, Subject: route}, Policy: &learned},
		},
	}, true
}

// The draws of a call, by their place.
const (
	app = iota
	workspace
	resource
)

func (p *Provider) serves(host string) bool {
	if p.hosts[host] {
		return true
	}
	host = strings.ToLower(host)
	if p.hosts[host] {
		return true
	}
	bare, _, err := net.SplitHostPort(host)
	if err != nil {
		bare = host
	}
	return p.hosts[strings.TrimSuffix(bare, ".")]
}
