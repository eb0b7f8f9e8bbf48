// Package headers learns the rate limits of any HTTP API from the fields that its answers carry: those of the IETF,
// RateLimit and RateLimit-Policy, with their older forms, the X-RateLimit family, and Retry-After. Where more is known
// of an API, an [API] says it as data, and a [Limit] a number that is documented.
//
// What is not described is taken to be one API for each host, limited by credential.
package headers

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/underlimit/underlimit/bucket"
	"github.com/underlimit/underlimit/internal/digest"
	"github.com/underlimit/underlimit/internal/field"
	"github.com/underlimit/underlimit/providers"
)

const name = "headers"

// Options configure a [Provider]. The zero value is what most programs want.
type Options struct {
	// Secret goes into the digests that stand for credentials. Processes that share buckets need the same one; empty
	// is a secret like any other.
	Secret string

	// APIs describe hosts of which more is known. Of several that claim one host, the first has it.
	APIs []API

	// Limits are documented limits of any hosts. A request is under all that match it, besides those that its answers
	// tell of and those of its API.
	Limits []Limit
}

// A Provider is any API to a transport. Create one with [New]; it is safe for concurrent use. In a [providers.Join] it
// goes last, since it claims nearly everything.
type Provider struct {
	digest *digest.Digester
	apis   []*api
	plain  *api    // of hosts that no API describes
	limits []limit // of Options
	places places
}

var (
	_ providers.Provider = (*Provider)(nil)
	_ providers.Appender = (*Provider)(nil)
)

// New returns a provider for any API. opts may be nil and is copied. It panics with what [Options.Validate] finds: call
// that first for options that do not stand in the program.
func New(opts *Options) *Provider {
	var o Options
	if opts != nil {
		o = *opts
	}
	if err := o.Validate(); err != nil {
		panic(err)
	}
	p := &Provider{digest: digest.New(o.Secret, name), plain: compile(&API{})}
	for i := range o.APIs {
		p.apis = append(p.apis, compile(&o.APIs[i]))
	}
	for i := range o.Limits {
		p.limits = append(p.limits, compileLimit("", &o.Limits[i]))
	}
	return p
}

// Name returns "headers".
func (*Provider) Name() string { return name }

// Classify claims the HTTP requests to any host, except those that become something else than HTTP once answered. Its
// routes are the hosts, which are as many as the program talks to, and the scopes of APIs.
func (p *Provider) Classify(req *http.Request, now time.Time) (providers.Call, bool) {
	return p.AppendClassify(nil, req, now)
}

// AppendClassify is Classify with the draws appended to some.
func (p *Provider) AppendClassify(draws []bucket.Draw, req *http.Request, _ time.Time) (providers.Call, bool) {
	if req.URL == nil || req.Method == http.MethodConnect || len(req.Header["Upgrade"]) > 0 {
		return providers.Call{}, false
	}
	place := p.place(req.URL)
	if place == nil {
		return providers.Call{}, false
	}
	api := place.api
	credential := api.credentialOf(req)
	owner := p.digest.Of(credential)
	path := pathOf(req.URL)
	names := place.names[api.scopeOf(req.Method, path)]
	draws = slices.Grow(draws, len(names)+len(place.limits))
	for _, n := range names {
		key := bucket.Key{Provider: name, Limit: n, Owner: owner, Subject: place.subject}
		draws = append(draws, bucket.Draw{Key: key, Policy: api.policy})
	}
	for i := range place.limits {
		if d, ok := place.limits[i].draw(req.Method, path, credential, owner); ok {
			draws = append(draws, d)
		}
	}
	call := providers.Call{Provider: name, Route: names[0], BodyUnread: true, Draws: draws}
	if api.idempotent(req) {
		call.Repeat = providers.Always
	}
	return call, true
}

// credentialOf returns what tells whose limits a request is under.
func (a *api) credentialOf(req *http.Request) string {
	if len(a.credential) == 0 {
		return field.Get(req.Header, "Authorization")
	}
	for _, from := range a.credential {
		var v string
		if key, ok := strings.CutPrefix(from, "?"); ok {
			v = req.URL.Query().Get(key)
		} else {
			v = field.Get(req.Header, from)
		}
		if v != "" {
			return v
		}
	}
	return ""
}

// scopeOf returns the index of the scope of a request to a path; that of the nameless one is the last.
func (a *api) scopeOf(method, path string) int {
	for i := range a.scopes {
		if a.scopes[i].matches(method, path) {
			return i
		}
	}
	return len(a.scopes)
}

func (a *api) idempotent(req *http.Request) bool {
	for _, f := range a.idempotency {
		if field.Get(req.Header, f) != "" {
			return true
		}
	}
	return false
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
	if strings.Contains(host, ":") {
		host = "[" + host + "]" // an address of IPv6, whose end must not be taken for a port
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
	if address, port, ok := strings.Cut(host, "]"); ok && strings.HasPrefix(address, "[") {
		host = address[1:] + port
	}
	return len(host) <= maxHost && strings.Trim(host, "abcdefghijklmnopqrstuvwxyz0123456789-._:") == ""
}
