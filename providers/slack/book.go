package slack

import (
	"maps"
	"time"

	"github.com/underlimit/underlimit/bucket"
)

// Overrides change the limits of one installation. A zero field means what it is for all others; see the fields of
// [Options] by the same names.
type Overrides struct {
	Limits             map[string]Limit
	Tiers              map[int]Limit
	NonMarketplace     bool
	ChannelEvery       time.Duration
	ChannelBurst       int
	WorkspacePerMinute int
}

func (o *Options) overrides() Overrides {
	return Overrides{
		Limits: o.Limits, Tiers: o.Tiers, NonMarketplace: o.NonMarketplace,
		ChannelEvery: o.ChannelEvery, ChannelBurst: o.ChannelBurst, WorkspacePerMinute: o.WorkspacePerMinute,
	}
}

// with returns o with what an installation has otherwise.
func (o Overrides) with(i *Overrides) Overrides {
	o.Limits, o.Tiers = merged(o.Limits, i.Limits), merged(o.Tiers, i.Tiers)
	o.NonMarketplace = o.NonMarketplace || i.NonMarketplace
	if i.ChannelEvery != 0 {
		o.ChannelEvery = i.ChannelEvery
	}
	if i.ChannelBurst != 0 {
		o.ChannelBurst = i.ChannelBurst
	}
	if i.WorkspacePerMinute != 0 {
		o.WorkspacePerMinute = i.WorkspacePerMinute
	}
	return o
}

func merged[K comparable](all, some map[K]Limit) map[K]Limit {
	m := make(map[K]Limit, len(all)+len(some))
	maps.Copy(m, all)
	for k, l := range some {
		m[k] = m[k].or(l)
	}
	return m
}

// A book has the limits of all methods, and of what are no methods.
type book struct {
	methods map[string]*method
	unknown *method
	channel *bucket.Policy
	all     *bucket.Policy // of the messages to all channels
	rest    map[string]*bucket.Policy
}

// A method is what there is to know of a method of the Web API.
type method struct {
	limit  string // as in bucket.Key
	policy *bucket.Policy
	effect effect
	wants  wants
	narrow []narrow
	draws  int // how many a call mostly has
}

// A narrow limit is one that a method has besides its own, on a part of its calls.
type narrow struct {
	limit  string
	policy *bucket.Policy
	user   bool // by the user that a call is about, and not by the token alone
}

// newBook returns the limits as overridden. Those that are equal share a policy, over all books that are made with the
// same policies.
func newBook(o Overrides, shared policies) *book {
	b := &book{methods: map[string]*method{}, channel: shared.of(channelPace(o.ChannelEvery, o.ChannelBurst))}
	for _, r := range table() {
		l := Limit{PerMinute: r.perMinute, Burst: r.burst}
		switch {
		case r.name == postMessage:
			l = l.or(Limit{PerMinute: o.WorkspacePerMinute})
		case o.NonMarketplace && nonMarketplace[r.name]:
			l = Limit{PerMinute: nonMarketplacePerMinute}
		case r.perMinute == tiers[r.tier]: // else it is stricter than its tier
			l = l.or(o.Tiers[r.tier])
		}
		m := &method{limit: r.name, policy: shared.of(l.or(o.Limits[r.name]).policy()), effect: r.effect, wants: r.wants()}
		for _, n := range narrows[r.name] {
			policy := shared.of(n.Limit.or(o.Limits[n.limit]).policy())
			m.narrow = append(m.narrow, narrow{n.limit, policy, n.user})
			if n.user {
				m.wants |= wantUser
			}
		}
		switch m.draws = 1 + len(m.narrow); {
		case r.name == postMessage:
			m.draws = 2 // one channel, and all
		case r.effect == posts:
			m.draws = 3
		}
		b.methods[r.name] = m
	}
	b.all = b.methods[postMessage].policy
	unknown := Limit{PerMinute: tiers[unknownTier]}.or(o.Tiers[unknownTier]).or(o.Limits[other])
	b.unknown = &method{
		limit: other, policy: shared.of(unknown.policy()), effect: writes, wants: wantToken | wantTeam, draws: 1,
	}
	b.rest = map[string]*bucket.Policy{webhook: b.channel, response: shared.of(responses)}
	for limit, l := range restLimits {
		b.rest[limit] = shared.of(l.or(o.Limits[limit]).policy())
	}
	for _, limit := range [...]string{webhook, response} {
		if l := o.Limits[limit]; l.PerMinute != 0 {
			b.rest[limit] = shared.of(l.policy())
		}
	}
	for n, l := range o.Limits {
		if b.methods[n] == nil && b.rest[n] == nil && !reserved[n] && validMethod(n) {
			m := *b.unknown
			m.limit, m.policy = n, shared.of(unknown.or(l).policy())
			b.methods[n] = &m
		}
	}
	return b
}
