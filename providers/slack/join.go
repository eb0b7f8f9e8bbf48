package slack

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"github.com/underlimit/underlimit/bucket"
	"github.com/underlimit/underlimit/providers"
)

// Answers that are seen in passing tell which credentials are of one installation. What they tell is taken only from a
// success, whole and in the form that Slack documents, and it never reaches beyond the credentials that the answer is
// about: those of its request, and those that it hands out.

// learn returns what a successful answer tells of which names mean the same.
func (p *Provider) learn(req *http.Request, call *providers.Call, a *providers.Answer) []bucket.Update {
	if call.Draws[0].Key.Limit == post {
		return posted(call, a.Body)
	}
	switch call.Route {
	case "auth.test":
		return p.tested(req, call, a.Body)
	case "oauth.v2.access", "oauth.v2.user.access", "oauth.v2.exchange":
		return p.installed(req, call, a.Body)
	case "tooling.tokens.rotate":
		return p.rotated(req, a.Body)
	}
	return nil
}

// posted reads where a message went that was sent to a channel by its name, or to a user.
func posted(call *providers.Call, body []byte) []bucket.Update {
	key := call.Draws[0].Key
	if isConversation(key.Subject) || call.Draws[1].Key.Limit == post {
		return nil
	}
	var ok bool
	var channel string
	members(body, func(name, value []byte) bool {
		switch string(name) {
		case "ok":
			ok = string(value) == "true"
		case "channel":
			channel, _ = jsonString(value)
		}
		return !ok || channel == ""
	})
	if !ok || !isConversation(channel) {
		return nil
	}
	as := key
	as.Subject = channel
	return []bucket.Update{bucket.SameBucket{Key: key, As: as}}
}

// isConversation says whether s is the ID of a channel, public, private or direct, and so its only one.
func isConversation(s string) bool {
	return validID(s) && (s[0] == 'C' || s[0] == 'G' || s[0] == 'D')
}

// tested reads whose token it was: https://docs.slack.dev/reference/methods/auth.test. A user's token does not tell the
// app that it is of.
func (p *Provider) tested(req *http.Request, call *providers.Call, body []byte) []bucket.Update {
	var said struct {
		OK      bool   `json:"ok"`
		App     string `json:"app_id"`
		Bot     string `json:"bot_id"`
		Team    string `json:"team_id"`
		Org     string `json:"enterprise_id"`
		OrgWide *bool  `json:"is_enterprise_install"`
	}
	owner := call.Draws[len(call.Draws)-1].Key.Owner
	if owner == "" || json.Unmarshal(body, &said) != nil || !said.OK || p.toldInstall(req) != "" {
		return nil
	}
	at := place{team: said.Team, org: said.Org, orgWide: said.OrgWide != nil && *said.OrgWide}
	_, realm := p.site(req.URL.Host)
	j := joiner{realm: realm}
	j.install(owner, "app", said.App, at.id())
	j.install(owner, "bot", said.Bot, at.id())
	if said.OrgWide != nil {
		j.workspace(owner, at)
	}
	j.organization(owner, at)
	return j.updates
}

// installed reads what an installation gets: a bot's token, a user's, or both, and each as often as it is rotated.
// https://docs.slack.dev/authentication/installing-with-oauth
func (p *Provider) installed(req *http.Request, call *providers.Call, body []byte) []bucket.Update {
	type named struct {
		ID string `json:"id"`
	}
	var said struct {
		OK      bool   `json:"ok"`
		App     string `json:"app_id"`
		Token   string `json:"access_token"`
		Team    named  `json:"team"`
		Org     named  `json:"enterprise"`
		OrgWide bool   `json:"is_enterprise_install"`
		User    struct {
			Token string `json:"access_token"`
		} `json:"authed_user"`
		Hook struct {
			URL     string `json:"url"`
			Channel string `json:"channel_id"`
		} `json:"incoming_webhook"`
	}
	if json.Unmarshal(body, &said) != nil || !said.OK || !validID(said.App) {
		return nil
	}
	at := place{team: said.Team.ID, org: said.Org.ID, orgWide: said.OrgWide}
	tokens := []string{said.Token, said.User.Token}
	if call.Route == "oauth.v2.exchange" {
		tokens = append(tokens, tokenOf(req)) // in place of which the others are
	}
	_, realm := p.site(req.URL.Host)
	j := joiner{realm: realm}
	for _, token := range tokens {
		if !validToken(token) {
			continue
		}
		owner := realm.tokens.Of(token)
		j.install(owner, "app", said.App, at.id())
		j.workspace(owner, at)
		j.organization(owner, at)
	}
	if validID(at.id()) && isConversation(said.Hook.Channel) {
		p.hookOf(&j, said.Hook.URL, j.learned.Of("app\x00"+said.App+"\x00"+at.id()), said.Hook.Channel)
	}
	return j.updates
}

// hookOf says that an incoming webhook posts to a channel: what that allows is all that the webhook may.
func (p *Provider) hookOf(j *joiner, target, owner, channel string) {
	u, err := url.Parse(target)
	if err != nil || len(target) > maxCredential || !p.hooked {
		return
	}
	path := strings.TrimRight(u.Path, "/")
	if s, realm := p.site(u.Host); s != siteHooks || realm != j.realm || path == "" || hook(path) != webhook {
		return
	}
	j.updates = append(j.updates, bucket.SameBucket{
		Key: bucket.Key{Provider: name, Limit: webhook, Owner: j.tokens.Of(path)},
		As:  bucket.Key{Provider: name, Limit: post, Owner: owner, Subject: channel},
	})
}

// rotated reads a new token for the configuration of apps, of which a user has one for each workspace.
// https://docs.slack.dev/reference/methods/tooling.tokens.rotate
func (p *Provider) rotated(req *http.Request, body []byte) []bucket.Update {
	var said struct {
		OK    bool   `json:"ok"`
		Token string `json:"token"`
		Team  string `json:"team_id"`
		User  string `json:"user_id"`
	}
	if json.Unmarshal(body, &said) != nil || !said.OK || !validToken(said.Token) {
		return nil
	}
	_, realm := p.site(req.URL.Host)
	j := joiner{realm: realm}
	j.install(realm.tokens.Of(said.Token), "config", said.User, said.Team)
	return j.updates
}

// A place is where an app is installed.
type place struct {
	team, org string
	orgWide   bool
}

// id is the workspace, or all of the organization.
func (p place) id() string {
	if p.orgWide {
		return p.org
	}
	return p.team
}

// A joiner makes updates of what an answer tells.
type joiner struct {
	*realm

	updates []bucket.Update
}

func (j *joiner) same(owner, as string) {
	j.updates = append(j.updates, bucket.SameOwner{Provider: name, Owner: owner, As: as})
}

// install says that an owner is the installation in a place that an ID of some kind names.
func (j *joiner) install(owner, kind, id, place string) {
	if validID(id) && validID(place) {
		j.same(owner, j.learned.Of(kind+"\x00"+id+"\x00"+place))
	}
}

// workspace says that an owner is of one workspace, whose calls heed no team_id.
func (j *joiner) workspace(owner string, at place) {
	if !at.orgWide && validID(at.team) {
		j.same(j.inTeam(owner, at.team), owner)
	}
}

// organization says which one an owner belongs to. A workspace that belongs to none is one by itself.
func (j *joiner) organization(owner string, at place) {
	if id := at.org; validID(id) {
		j.same(j.orgs.Of(owner), j.learned.Of("org\x00"+id))
	} else if validID(at.team) {
		j.same(j.orgs.Of(owner), j.learned.Of("org\x00"+at.team))
	}
}

// tokenOf returns the token of a request.
func tokenOf(req *http.Request) string {
	a := args{wants: wantToken}
	if a.token, _ = headerCredential(req); a.token == "" {
		a.readForm([]byte(req.URL.RawQuery), true)
		if !a.complete() {
			a.readBody(req)
		}
	}
	return a.token
}

// validToken says whether s can be a token.
func validToken(s string) bool {
	if s == "" || len(s) > maxCredential {
		return false
	}
	for _, c := range []byte(s) {
		if c <= ' ' || c > '~' {
			return false
		}
	}
	return true
}
