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

	// WorkspaceKey names the workspace that a request is for, in any words, such as the id_code that GET /me tells.
	// Requests with the same name share a workspace's limit, whatever their credentials. It is called for each request,
	// at any time, and must give the same answer to the same request. Nil, or an empty name, makes each credential a
	// workspace of its own, which it is where a program is one app.
	WorkspaceKey func(*http.Request) string
	// WorkspacePerMinute is how many requests a minute all apps together may send to a workspace, of which each window
	// of ten seconds holds a sixth. 0 means 25,000, as Intercom documents, but not for an app that may send more by
	// itself: then Intercom has raised the workspace's limit as well. Negative means what only refusals show.
	// https://developers.intercom.com/docs/references/rest-api/errors/rate-limiting
	WorkspacePerMinute int
	// Reserve is the share of each window, from 0 to 0.9, that is for requests of a priority above 0
	// (transport.WithPriority): with 0.2, a sync leaves a fifth of each window to what somebody waits for, and that need
	// not stand in line behind it. What nobody uses is left over; other programs with the same credential have it.
	Reserve float64
	// Spread is over how long a whole window goes to those who waited for it to begin, evenly, so that they are no herd
	// at the very moment at which everybody's windows begin. It delays nobody who need not wait, and nobody of a
	// priority above 0. 0 means a quarter of a second, 5 s is the most; negative, all go at once.
	Spread time.Duration
	// RepeatEvents has POST /events sent again after a failure that does not prove that the event was not taken, if its
	// body is JSON, names the event and says when it was created: Intercom takes two with the same contact, name and
	// created_at for one. Each sending counts against the limits.
	RepeatEvents bool
}

// A Provider is Intercom to a transport. Create one with [New]; it is safe for concurrent use.
type Provider struct {
	hosts        map[string]bool
	digest       *digest.Digester
	workspaceKey func(*http.Request) string
	perWindow    int            // what the workspace's windows hold; 0: nobody knows
	assumed      bool           // nobody said so
	app          *bucket.Policy // never nil
	workspace    *bucket.Policy // never nil
	repeatEvents bool
}

var _ providers.Provider = (*Provider)(nil)

// New returns a provider for the Intercom API. opts may be nil and is copied.
func New(opts *Options) *Provider {
	var o Options
	if opts != nil {
		o = *opts
	}
	if !(o.Reserve > 0) { // NaN, too
		o.Reserve = 0
	}
	manner := bucket.Policy{Reserve: min(o.Reserve, mostReserve), Spread: spreadOf(o.Spread)}
	p := &Provider{
		digest:       digest.New(o.Secret, name),
		workspaceKey: o.WorkspaceKey,
		perWindow:    perWindow(o.WorkspacePerMinute),
		assumed:      o.WorkspacePerMinute == 0,
		app:          &bucket.Policy{Probe: true, Reserve: manner.Reserve, Spread: manner.Spread},
		workspace:    &manner,
		repeatEvents: o.RepeatEvents,
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

const (
	// workspacePerMinute is of all apps together. https://developers.intercom.com/docs/references/rest-api/errors/rate-limiting
	workspacePerMinute = 25_000
	windowsPerMinute   = int(time.Minute / span)

	defaultSpread = span / 40
	mostSpread    = span / 2 // the rest of a window is for what comes late
	mostReserve   = 0.9
)

func perWindow(perMinute int) int {
	switch {
	case perMinute < 0:
		return 0
	case perMinute == 0:
		perMinute = workspacePerMinute
	}
	return max(perMinute/windowsPerMinute, 1)
}

func spreadOf(d time.Duration) time.Duration {
	if d == 0 {
		d = defaultSpread
	}
	return min(max(d, 0), mostSpread)
}

// learned is the policy of limits that only ever hold a request back after a refusal.
var learned bucket.Policy

// Classify claims the requests to Intercom's hosts.
func (p *Provider) Classify(req *http.Request, now time.Time) (providers.Call, bool) {
	return p.AppendClassify(nil, req, now)
}

// AppendClassify is Classify with the draws appended to some.
func (p *Provider) AppendClassify(draws []bucket.Draw, req *http.Request, _ time.Time) (providers.Call, bool) {
	if req.URL == nil || !p.serves(req.URL.Host) {
		return providers.Call{}, false
	}
	owner := p.digest.Of(field.Get(req.Header, "Authorization"))
	route := routeOf(req.Method, req.URL.Path)
	repeat := route.repeat
	read := p.repeatEvents && route.name == postEvents
	if read && dated(req) {
		repeat = providers.Always
	}
	return providers.Call{
		Provider:   name,
		Route:      route.name,
		Repeat:     repeat,
		BodyUnread: !read && p.workspaceKey == nil, // which may read it, too
		Draws: append(draws,
			bucket.Draw{Key: bucket.Key{Provider: name, Limit: limitApp, Owner: owner}, Policy: p.app},
			bucket.Draw{
				Key: bucket.Key{Provider: name, Limit: limitWorkspace, Owner: p.workspaceOf(req, owner)}, Policy: p.workspace,
			},
			bucket.Draw{
				Key: bucket.Key{Provider: name, Limit: limitResource, Owner: owner, Subject: route.name}, Policy: &learned,
			},
		),
	}, true
}

// The draws of a call, by their place.
const (
	app = iota
	workspace
	resource
)

// workspaceOf names the workspace of a request of an owner.
func (p *Provider) workspaceOf(req *http.Request, owner string) string {
	if p.workspaceKey == nil {
		return owner
	}
	if key := p.workspaceKey(req); key != "" {
		return p.digest.Of(key)
	}
	return owner
}

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
