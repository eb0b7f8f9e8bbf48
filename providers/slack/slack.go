package slack

import (
	"net/http"
	"strings"
	"time"

	"github.com/underlimit/underlimit/bucket"
	"github.com/underlimit/underlimit/internal/digest"
	"github.com/underlimit/underlimit/providers"
)

const name = "slack"

// Limits that are not those of one method. The names may be used in Options.Limits.
const (
	post      = "post"       // messages to one channel, by whatever method
	webhook   = "webhook"    // an incoming webhook
	trigger   = "trigger"    // a webhook that starts a workflow
	response  = "response"   // a response_url
	files     = "files"      // files.slack.com
	audit     = "audit"      // the Audit Logs API
	scimRead  = "scim.read"  // the SCIM API, GET
	scimWrite = "scim.write" // and all other methods
	apiOther  = "api.other"  // anything else on api.slack.com
	other     = "other"      // methods of the Web API that are not in the table
)

// Options choose how Slack's limits are read. The zero value is what Slack documents.
type Options struct {
	// Secret goes into the digests that stand for credentials. All processes that share limits need the same one.
	// Empty is allowed: the digests can then be recognised by who knows the token.
	Secret string
	// Hosts are more hosts whose /api/<method> is the Web API, such as that of a proxy. A port is ignored.
	Hosts []string
	// Limits overrides the limit of a method by its name, such as {PerMinute: 1} for "conversations.history" in an app
	// that is sold outside the Marketplace, and adds methods that the table lacks. The names "webhook", "trigger",
	// "response", "files", "audit", "scim.read" and "scim.write" stand for what are no methods, "other" for each of
	// the methods that nobody knows.
	Limits map[string]Limit
	// Tiers overrides the limit of all methods of a tier, from 1 to 4. Limits is stronger.
	Tiers map[int]Limit
	// ChannelEvery is how far apart messages to one channel, or through one incoming webhook, are on average, and
	// ChannelBurst how many may go at once. 0 means a second, and one. A negative ChannelEvery turns this off.
	ChannelEvery time.Duration
	ChannelBurst int
	// WorkspacePerMinute bounds what chat.postMessage sends to all channels. 0 means 300, for Slack's "several
	// hundred"; negative, no bound.
	WorkspacePerMinute int
}

// A Limit is how often something may be called: PerMinute in any minute, and Burst of them at once.
type Limit struct {
	// PerMinute of 0 means what it would be without the override; negative, no limit but what refusals show.
	PerMinute int
	// Burst of 0 means a quarter of PerMinute, rounded up: Slack tolerates bursts, but tells no number.
	Burst int
}

// A Provider knows Slack's limits. It is safe for concurrent use; create one with [New].
type Provider struct {
	digests *digest.Digester
	hosts   map[string]bool
	methods map[string]*method
	unknown *method
	channel *bucket.Policy
	rest    map[string]*bucket.Policy // of what are no methods
}

// A method is what there is to know of a method of the Web API.
type method struct {
	limit  string // as in bucket.Key
	policy *bucket.Policy
	effect effect
}

// New returns a Provider. Nil options are the zero Options.
func New(opts *Options) *Provider {
	var o Options
	if opts != nil {
		o = *opts
	}
	p := &Provider{
		digests: digest.New(o.Secret, name),
		hosts:   make(map[string]bool, len(o.Hosts)),
		methods: make(map[string]*method),
		channel: channelPace(o.ChannelEvery, o.ChannelBurst),
	}
	for _, h := range o.Hosts {
		p.hosts[hostname(h)] = true
	}
	policies := policies{}
	for _, r := range table() {
		l := Limit{PerMinute: r.perMinute}
		switch {
		case r.name == postMessage:
			l = l.or(Limit{PerMinute: o.WorkspacePerMinute})
		case r.perMinute == tiers[r.tier]: // else it is stricter than its tier
			l = l.or(o.Tiers[r.tier])
		}
		p.methods[r.name] = &method{r.name, policies.of(l.or(o.Limits[r.name])), r.effect}
	}
	unknown := Limit{PerMinute: tiers[unknownTier]}.or(o.Tiers[unknownTier]).or(o.Limits[other])
	p.unknown = &method{other, policies.of(unknown), writes}
	p.rest = map[string]*bucket.Policy{webhook: p.channel}
	for limit, l := range restLimits {
		p.rest[limit] = policies.of(l.or(o.Limits[limit]))
	}
	if l, ok := o.Limits[webhook]; ok && l.PerMinute != 0 {
		p.rest[webhook] = policies.of(l)
	}
	for n, l := range o.Limits {
		if p.methods[n] == nil && p.rest[n] == nil && n != other && n != post && validMethod(n) {
			p.methods[n] = &method{n, policies.of(unknown.or(l)), writes}
		}
	}
	return p
}

// Name returns "slack".
func (p *Provider) Name() string { return name }

// Classify claims the requests to Slack's APIs and says what they draw on. To find a token or a channel it may read up
// to 64 KiB of what req.GetBody returns.
func (p *Provider) Classify(req *http.Request, _ time.Time) (providers.Call, bool) {
	if req.URL == nil {
		return providers.Call{}, false
	}
	switch s, path := p.site(req.URL.Host), req.URL.Path; s {
	case siteWeb:
		rest, ok := strings.CutPrefix(path, "/api/")
		if !ok {
			return providers.Call{}, false
		}
		return p.webAPI(req, rest), true
	case siteAPI:
		if rest, ok := strings.CutPrefix(path, "/api/"); ok {
			return p.webAPI(req, rest), true
		}
		limit := restAPI(req.Method, path)
		return p.single(limit, p.owner(headerCredential(req)), providers.ByMethod), true
	case siteFiles:
		return p.single(files, p.owner(headerCredential(req)), providers.ByMethod), true
	case siteHooks:
		// The path is the credential: whoever knows it may post.
		return p.single(hook(path), p.owner(strings.TrimRight(path, "/")), providers.Never), true
	}
	return providers.Call{}, false
}

// maxCredential is longer than any credential. What is longer is nonsense and told apart by its beginning, so that it
// does not fill the memory.
const maxCredential = 1 << 10

// owner returns the name of a credential.
func (p *Provider) owner(credential string) string {
	if len(credential) > maxCredential {
		credential = strings.Clone(credential[:maxCredential])
	}
	return p.digests.Of(credential)
}

// single is a call under one limit that is not a method's.
func (p *Provider) single(limit, owner string, repeat providers.Repeat) providers.Call {
	return providers.Call{
		Provider: name,
		Route:    limit,
		Draws:    []bucket.Draw{p.draw(limit, owner, "", p.rest[limit])},
		Repeat:   repeat,
	}
}

func (p *Provider) draw(limit, owner, subject string, policy *bucket.Policy) bucket.Draw {
	return bucket.Draw{
		Key:    bucket.Key{Provider: name, Limit: limit, Owner: owner, Subject: subject},
		Policy: policy,
	}
}

func (p *Provider) webAPI(req *http.Request, path string) providers.Call {
	path = strings.TrimRight(path, "/")
	called := path[strings.LastIndexByte(path, '/')+1:]
	m, subject := p.methods[called], ""
	if m == nil {
		m = p.unknown
		if validMethod(called) {
			subject = called // so that two unknown methods do not share a bucket
		}
	}
	a := args{posting: m.effect == posts}
	a.read(req)

	call := providers.Call{Provider: name, Route: m.limit, Repeat: providers.Never, Peek: true}
	if m.effect == reads {
		call.Repeat = providers.Always
	}
	owner := p.owner(a.credential())
	call.Draws = make([]bucket.Draw, 0, 2)
	for channel := range strings.SplitSeq(a.channels, ",") {
		if channel = strings.TrimSpace(channel); validChannel(channel) && len(call.Draws) < maxChannels {
			call.Draws = append(call.Draws, p.draw(post, owner, channel, p.channel))
		}
	}
	call.Draws = append(call.Draws, p.draw(m.limit, owner, subject, m.policy)) // the last, as Judge knows
	return call
}
