package discord

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/underlimit/underlimit/bucket"
	"github.com/underlimit/underlimit/internal/field"
	"github.com/underlimit/underlimit/providers"
)

// Limits that are not those of a route.
const (
	global = "global"  // all requests of a credential
	egress = "egress"  // all requests of our address; also the owner of what is counted by address
	hook   = "webhook" // all requests to a webhook by one credential: it may be gone
)

// authorization is the field that holds the credential of a request.
var authorization = []string{"Authorization"}

// egressKey is that of the one bucket on which all requests draw.
var egressKey = bucket.Key{Provider: name, Limit: egress}

// Classify claims requests to /api on a host of Discord's. Their routes are the documented ones, with the method, such
// as "POST /channels/{channel}/messages", or "other". The age of a message goes by its ID and by now.
func (p *Provider) Classify(req *http.Request, now time.Time) (providers.Call, bool) {
	return p.AppendClassify(nil, req, now)
}

// AppendClassify is Classify with the draws appended to some.
func (p *Provider) AppendClassify(
	draws []bucket.Draw, req *http.Request, now time.Time,
) (providers.Call, bool) {
	if req.URL == nil {
		return providers.Call{}, false
	}
	domain, ok := p.domain(req.URL)
	if !ok {
		return providers.Call{}, false
	}
	var at path
	if !at.parse(req.URL) {
		return providers.Call{}, false
	}

	call := providers.Call{Provider: name}
	token, r := at.token(), at.route()
	account := egress
	if p.omit && token != "" && r != nil {
		call.Omit = authorization
	} else {
		account = p.owner(field.Get(req.Header, authorization[0]))
	}
	key := bucket.Key{Provider: name, Owner: account}
	switch {
	case at.reply() != "":
		// The token is but the id of an interaction of the application's: an owner each would make as many kinds of buckets.
		key.Owner = p.owner(at.buf[1])
	case token != "":
		key.Owner = p.owner(token)
	}
	if r != nil {
		key.Limit, key.Subject = r[method(req.Method)], at.major()
	} else {
		key.Limit, key.Subject = other, at.shape()
	}
	call.Route = key.Limit
	call.BodyUnread = key.Limit != editChannel
	if !at.legacy && at.reacts(req.Method) {
		key.Limit = reacting
	}
	if key.Limit == deletion {
		key.Limit = deletionOf(at.buf[at.n-1], now)
	}

	n := 3 // as many as most have
	if at.webhook() {
		n = 4
	}
	call.Draws = slices.Grow(draws, n)
	if key.Limit == firstAnswer {
		// It is under no limit that anybody has seen, so nothing is learned here; but a refusal has to hold something
		// back, and this is what holds nobody else. The id is as unique as the token; with an owner each, there would be
		// as many kinds of buckets as interactions.
		key.Owner = egress
		call.Draws = append(call.Draws, bucket.Draw{Key: key, Policy: p.stop})
	} else {
		call.Draws = append(call.Draws, bucket.Draw{Key: key, Policy: p.routePolicy(&at, key.Limit)})
		if at.legacy {
			if old := oldRule(key); old != key {
				call.Draws = append(call.Draws, bucket.Draw{Key: old})
			}
		}
		if key.Limit == editChannel && mayRename(req) {
			key.Limit = renaming
			call.Draws = append(call.Draws, bucket.Draw{Key: key, Policy: p.narrow})
		}
		if limit := rare(key.Limit); limit != "" {
			// Others use it up, too, in each guild and channel in another way: what is learned of one is not so of the next.
			key := bucket.Key{Provider: name, Limit: limit, Owner: key.Owner + " " + key.Subject, Subject: key.Subject}
			call.Draws = append(call.Draws, bucket.Draw{Key: key, Policy: p.narrow})
		}
		if key.Limit == deletionOld {
			key.Limit = deletionOldToo
			call.Draws = append(call.Draws, bucket.Draw{Key: key, Policy: p.brief})
		}
		if key.Limit == edit && mayEditOld(at.buf[at.n-1], now) {
			key.Limit = editOld
			call.Draws = append(call.Draws, bucket.Draw{Key: key, Policy: p.narrow})
		}
	}
	if at.webhook() {
		key := bucket.Key{Provider: name, Limit: hook, Owner: key.Owner, Subject: at.major()}
		call.Draws = append(call.Draws, bucket.Draw{Key: key, Policy: p.stop})
	}
	if !at.interaction() {
		// https://discord.com/developers/docs/topics/rate-limits#global-rate-limit exempts interactions, and counts
		// what has no Authorization by address.
		key := bucket.Key{Provider: name, Limit: global, Owner: account, Subject: domain}
		call.Draws = append(call.Draws, bucket.Draw{Key: key, Policy: p.global})
	}
	call.Draws = append(call.Draws, bucket.Draw{Key: egressKey, Policy: p.egress})
	return call, true
}

// domain returns the Subject of a host's global limit; it reports false if the host is not ours.
func (p *Provider) domain(u *url.URL) (string, bool) {
	host := u.Host
	if !field.IsName(host) {
		host = strings.ToLower(u.Hostname())
	}
	if domain, ok := ours(host); ok {
		return domain, true
	}
	return "", p.hosts[host]
}

// ours is domain for Discord's own hosts: those of two domains, and of their test clients.
func ours(host string) (string, bool) {
	domain := ""
	sub, ok := strings.CutSuffix(host, newDomain)
	if !ok {
		sub, ok = strings.CutSuffix(host, oldDomain)
		domain = oldDomain
	}
	return domain, ok && (sub == "" || sub == "ptb." || sub == "canary.")
}

// owner returns whose limits a credential falls under.
func (p *Provider) owner(credential string) string {
	if credential == "" {
		return egress
	}
	return p.owners.Of(credential)
}
