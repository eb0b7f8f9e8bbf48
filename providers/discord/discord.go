// Package discord knows the rate limits of Discord's REST API.
//
// A request draws on the bucket of its route, its credential and its major parameter (channel, guild or webhook), on
// the global limit of 50 requests a second of its credential, or of our address if it has none, and on a bucket that
// holds everything back when our address is banned. Which routes share a counter, and what it holds, is learned from
// answers: Discord asks that no limit of a route be written into programs.
//
// Changes of a channel's name or topic are under a limit of their own besides, which only its refusals show and which
// does not hold other changes back. To find them, the body of such a request is read as req.GetBody gives it.
//
// Deletions of messages wait for those of messages of about the same age: Discord has a limit for those made in the
// last ten seconds, one for those older than fourteen days, and one for the rest. The age goes by the message's ID.
// Edits of messages older than an hour are under a further limit, which only its refusals show and which holds no
// others back.
//
// Answers to interactions are not under the global limit, and the first answer to one, which is due within three
// seconds, waits for nothing but a ban; if it is refused all the same, that holds nothing else back.
//
// A token that Discord refuses with a 401 is held back for a time that grows from a second to a minute, and so is what
// goes to a webhook that is gone (404 with code 10015), by any of its routes, and everything where Cloudflare lets nothing
// of ours in (403), so that our address is not banned. The answers themselves go to the caller. Another token passes at
// once.
//
// Limits that only refusals show are learned from the first of them, and kept from then on.
//
// A bot that answers interactions or posts to webhooks should set Options.OmitAuthorization: otherwise Discord may
// count these requests against the bot's 50 a second.
//
// See https://discord.com/developers/docs/topics/rate-limits.
package discord

import (
	"net/url"
	"strings"
	"time"

	"github.com/underlimit/underlimit/bucket"
	"github.com/underlimit/underlimit/internal/digest"
)

const name = "discord"

// Options configure a [Provider]. The zero value is what most programs want.
type Options struct {
	// Secret is mixed into the digests that stand for credentials in keys. Processes that share limits must have the
	// same one. The default is empty.
	Secret string
	// GlobalPerSecond is the global limit of a credential in requests a second; 0 or less means 50, which is what Discord
	// allows unless it has raised it for a large bot:
	// https://discord.com/developers/docs/topics/rate-limits#global-rate-limit
	GlobalPerSecond int
	// InvalidPer10Minutes is how many invalid requests, answered 401, 403, or 429 unless for the sake of a shared limit, may
	// be sent within ten minutes, over all credentials; then everything waits. Discord bans an address at 10,000; 0 means
	// 9,500, which leaves some to other processes, and negative no bound. Requests in flight count until they are
	// answered.
	// https://discord.com/developers/docs/topics/rate-limits#invalid-request-limit-aka-cloudflare-bans
	InvalidPer10Minutes int
	// OmitAuthorization is wise for a bot that answers interactions or posts to webhooks. These requests have a token of
	// their own in the path, and need no other. SDKs send the bot's as well, and then Discord counts the request against
	// the bot's global limit; answers to interactions too, as bots have seen, though Discord documents otherwise:
	// https://github.com/discord/discord-api-docs/issues/4142. With this option the Authorization header is left out of
	// what is sent on the documented routes of this kind, and on no other. What goes to webhooks then counts by address,
	// up to 50 a second: that matters to those who run many bots behind one address. The zero value sends what the SDK
	// sends.
	OmitAuthorization bool
	// Hosts are claimed besides discord.com, discordapp.com, and the ptb and canary hosts of both: those of a proxy
	// or a test server. Ports are ignored.
	Hosts []string
}

// globalPerSecond: https://discord.com/developers/docs/topics/rate-limits#global-rate-limit
const globalPerSecond = 50

// What gets an address banned, and how much of it is left to others:
// https://discord.com/developers/docs/topics/rate-limits#invalid-request-limit-aka-cloudflare-bans
const (
	invalidPer10Minutes = 9_500
	invalidWindow       = 10 * time.Minute
)

// The domains. The old one has had a global limit of its own since October 2023:
// https://discord.com/developers/docs/change-log
const (
	newDomain = "discord.com"
	oldDomain = "discordapp.com"
)

// A Provider is a [providers.Provider] for Discord. Create one with [New]; it is safe for concurrent use.
type Provider struct {
	owners *digest.Digester
	hosts  map[string]bool // of Options, in lower case
	omit   bool            // Options.OmitAuthorization

	// Shared by all draws.
	global *bucket.Policy
	egress *bucket.Policy
	stop   *bucket.Policy // of what only ever holds a request back after a refusal
	hidden *bucket.Policy // of what is under a limit that only its refusals show
	narrow *bucket.Policy // the same, of what is so rare that it may go one at a time until that limit is known
	brief  *bucket.Policy // the same, of what is limited by seconds
}

// New returns a provider for Discord's REST API. opts may be nil and is copied.
func New(opts *Options) *Provider {
	var o Options
	if opts != nil {
		o = *opts
	}
	if o.GlobalPerSecond <= 0 {
		o.GlobalPerSecond = globalPerSecond
	}
	p := &Provider{
		owners: digest.New(o.Secret, name),
		hosts:  map[string]bool{},
		omit:   o.OmitAuthorization,
		global: &bucket.Policy{Quota: o.GlobalPerSecond, Window: time.Second},
		egress: &bucket.Policy{},
		stop:   &bucket.Policy{},
		hidden: &bucket.Policy{Hidden: true, Probe: true},
		narrow: &bucket.Policy{Hidden: true, Concurrent: 1},
		brief:  &bucket.Policy{Hidden: true, Window: 2 * time.Second},
	}
	if o.InvalidPer10Minutes == 0 {
		o.InvalidPer10Minutes = invalidPer10Minutes
	}
	if o.InvalidPer10Minutes > 0 {
		*p.egress = bucket.Policy{Quota: o.InvalidPer10Minutes, Window: invalidWindow, Charged: true}
	}
	for _, h := range o.Hosts {
		u := url.URL{Host: h}
		p.hosts[strings.ToLower(u.Hostname())] = true
	}
	delete(p.hosts, "") // a request without a host is not for us
	return p
}

// Name returns "discord".
func (p *Provider) Name() string { return name }
