package slack

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/underlimit/underlimit/bucket"
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
	// Install names the installation, an app in a workspace, that a request is of: see [WithInstall]. "" means that it
	// does not say. Where nothing says, each credential is taken for an installation of its own until an answer shows
	// that two are one. It must be safe for concurrent use and give the same answer to the same question; nil says
	// nothing.
	Install func(*http.Request) string
	// Channel names the channel that a request posts to where the request itself does not, such as that of an incoming
	// webhook: see [WithChannel], which is stronger. The same holds for it as for Install.
	Channel func(*http.Request) string
	// Limits overrides the limit of a method by its name, such as {PerMinute: 400} for "assistant.search.context" in a
	// large workspace, and adds methods that the table lacks. The names "webhook", "trigger", "response", "files",
	// "audit", "scim.read", "scim.write", and "scim.users.get" with its like for each endpoint, stand for what are no
	// methods; "users.profile.set.token", "users.profile.set.user" and "assistant.search.context.user" for the limits
	// that a method has besides its own; "other" for each of the methods that nobody knows.
	Limits map[string]Limit
	// Tiers overrides the limit of all methods of a tier, from 1 to 4. Limits is stronger.
	// https://docs.slack.dev/apis/web-api/rate-limits
	Tiers map[int]Limit
	// Installs overrides limits for single installations, by the names that WithInstall or Install give them. A method's
	// limit is stronger than a tier's there, too, wherever it is from.
	Installs map[string]Overrides
	// NonMarketplace is for apps that are sold outside of Slack's Marketplace: conversations.history and
	// conversations.replies may be called once a minute, and return at most 15 objects.
	// https://docs.slack.dev/changelog/2025/05/29/rate-limit-changes-for-non-marketplace-apps
	NonMarketplace bool
	// ChannelEvery is how far apart messages to one channel, or through one incoming webhook, are on average, and
	// ChannelBurst how many may go at once. 0 means a second, and one. A negative ChannelEvery turns this off.
	// https://docs.slack.dev/apis/web-api/rate-limits
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
	hosts    map[string]bool
	install  func(*http.Request) string
	channel  func(*http.Request) string
	slack    *realm
	gov      *realm
	limits   *book
	installs map[string]*book // of those that have overrides
	slow     *bucket.Policy   // of the methods that an app sold outside of the Marketplace may hardly call
	hooked   bool             // whether webhooks are paced as channels are, by everybody
}

// New returns a Provider. opts may be nil, which means the zero Options, and is copied, its maps included.
func New(opts *Options) *Provider {
	var o Options
	if opts != nil {
		o = *opts
	}
	shared, all := policies{}, o.overrides()
	p := &Provider{
		hosts:    make(map[string]bool, len(o.Hosts)),
		install:  o.Install,
		channel:  o.Channel,
		slack:    newRealm(o.Secret, name),
		gov:      newRealm(o.Secret, name+"-gov"),
		limits:   newBook(all, shared),
		installs: make(map[string]*book, len(o.Installs)),
		slow:     shared.of(Limit{PerMinute: nonMarketplacePerMinute}.policy()),
	}
	for _, h := range o.Hosts {
		p.hosts[hostname(h)] = true
	}
	for id, i := range o.Installs {
		p.installs[id] = newBook(all.with(&i), shared)
	}
	p.hooked = p.limits.rest[webhook] == p.limits.channel
	for _, b := range p.installs {
		p.hooked = p.hooked && b.rest[webhook] == p.limits.channel && b.channel == p.limits.channel
	}
	return p
}

// Name returns "slack".
func (p *Provider) Name() string { return name }

// A caller is whose request it is, as far as one can tell without reading its arguments.
type caller struct {
	*realm
	*book

	told string // what the user calls the installation
}

func (p *Provider) caller(req *http.Request, r *realm) caller {
	c := caller{realm: r, book: p.limits, told: p.toldInstall(req)}
	if c.told != "" && len(p.installs) > 0 {
		if b := p.installs[c.told]; b != nil {
			c.book = b
		}
	}
	return c
}

// Classify claims the requests to Slack's APIs and says what they draw on. To find a token or a channel it may read up
// to 64 KiB of what req.GetBody returns.
func (p *Provider) Classify(req *http.Request, now time.Time) (providers.Call, bool) {
	return p.AppendClassify(nil, req, now)
}

// AppendClassify is Classify with the draws appended to some.
func (p *Provider) AppendClassify(draws []bucket.Draw, req *http.Request, _ time.Time) (providers.Call, bool) {
	if req.URL == nil {
		return providers.Call{}, false
	}
	path := req.URL.Path
	s, realm := p.site(req.URL.Host)
	switch s {
	case siteWeb, siteAPI:
		if rest, ok := strings.CutPrefix(path, "/api/"); ok {
			return p.webAPI(draws, req, p.caller(req, realm), rest), true
		}
		if s == siteAPI {
			return p.restAPI(req, p.caller(req, realm)), true
		}
	case siteFiles:
		c := p.caller(req, realm)
		call, a := rest(files, providers.ByMethod), headerArgs(req)
		call.Draws = []bucket.Draw{draw(files, c.owner(c.told, &a), "", c.rest[files])}
		return call, true
	case siteHooks:
		return p.hook(req, p.caller(req, realm)), true
	}
	return providers.Call{}, false
}

// rest is a call under a limit that is not a method's.
func rest(limit string, repeat providers.Repeat) providers.Call {
	return providers.Call{Provider: name, Route: limit, Repeat: repeat}
}

func draw(limit, owner, subject string, policy *bucket.Policy) bucket.Draw {
	return bucket.Draw{
		Key:    bucket.Key{Provider: name, Limit: limit, Owner: owner, Subject: subject},
		Policy: policy,
	}
}

// restAPI is a call of the SCIM or Audit Logs API, whose limits are those of an organization: of all its apps together,
// and for some endpoints further ones. https://docs.slack.dev/reference/scim-api/rate-limits
func (p *Provider) restAPI(req *http.Request, c caller) providers.Call {
	limit, endpoint := restAPI(req.Method, req.URL.Path)
	a := headerArgs(req)
	owner := c.owner(c.told, &a)
	if limit != apiOther {
		owner = c.orgs.Of(owner)
	}
	call := rest(limit, providers.ByMethod)
	if endpoint != "" {
		call.Route = endpoint
		call.Draws = []bucket.Draw{
			draw(endpoint, owner, "", c.rest[endpoint]), draw(limit, owner, "", c.rest[limit]),
		}
		return call
	}
	call.Draws = []bucket.Draw{draw(limit, owner, "", c.rest[limit])}
	return call
}

// hook is a call of a URL that is its own credential: whoever knows it may post. An incoming webhook shares what its
// channel allows with all else that the installation posts there, where both are known.
func (p *Provider) hook(req *http.Request, c caller) providers.Call {
	path := strings.TrimRight(req.URL.Path, "/")
	limit := hook(path)
	call := rest(limit, providers.Never)
	call.Peek = true // their 200s are "ok", in plain text: one in JSON has something to say
	url := c.tokens.Of(bounded(path))
	if limit == webhook && c.told != "" {
		if channel := channelOf(p.toldChannel(req)); channel != "" {
			owner := c.owner(c.told, nil)
			call.Draws = []bucket.Draw{
				draw(post, owner, channel, c.channel), draw(postMessage, owner, "", c.all),
				draw(limit, url, "", c.rest[limit]),
			}
			return call
		}
	}
	call.Draws = []bucket.Draw{draw(limit, url, "", c.rest[limit])}
	return call
}

// webAPI is a call of a method.
func (p *Provider) webAPI(draws []bucket.Draw, req *http.Request, c caller, path string) providers.Call {
	path = strings.TrimRight(path, "/")
	called := path[strings.LastIndexByte(path, '/')+1:]
	m, subject := c.methods[called], ""
	if m == nil {
		m = c.unknown
		if validMethod(called) {
			subject = called // so that two unknown methods do not share a bucket
		}
	}
	a := args{wants: m.wants}
	if c.told != "" {
		a.wants &^= wantTeam
		if len(m.narrow) == 0 {
			a.wants &^= wantToken
		}
	}
	if m.effect == posts {
		if a.channels = p.toldChannel(req); a.channels != "" {
			a.wants &^= wantChannel
		}
	}
	a.read(req)

	call := providers.Call{Provider: name, Route: m.limit, Repeat: providers.Never, Peek: true}
	if m.effect == reads {
		call.Repeat = providers.Always
	}
	owner := c.owner(c.told, &a)
	call.Draws = slices.Grow(draws, m.draws)
	for channels := a.channels; channels != "" && len(call.Draws) < maxChannels; {
		var channel string
		channel, channels, _ = strings.Cut(channels, ",")
		if channel = channelOf(channel); channel != "" {
			call.Draws = append(call.Draws, draw(post, owner, channel, c.channel))
		}
	}
	if len(call.Draws) > 0 && m.limit != postMessage {
		call.Draws = append(call.Draws, draw(postMessage, owner, "", c.all)) // the cap is on all messages
	}
	for i := range m.narrow {
		n := &m.narrow[i]
		call.Draws = append(call.Draws, draw(n.limit, owner, c.part(&a, n.user), n.policy))
	}
	call.Draws = append(call.Draws, draw(m.limit, owner, subject, m.policy)) // the last, as Judge knows
	return call
}

// part names the token of a call, and the user whom it is about unless that is the token's own, within an owner that
// may have several.
func (r *realm) part(a *args, user bool) string {
	token := r.tokens.Of(bounded(a.credential()))
	if !user || !validID(a.user) {
		return token
	}
	return token + " " + a.user
}
