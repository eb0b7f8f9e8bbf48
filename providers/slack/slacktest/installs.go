package slacktest

import (
	"cmp"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/underlimit/underlimit/providers/apitest"
)

// An Installation is an app in a workspace, or in a whole organization. Its limits are counted together for all of its
// tokens: https://docs.slack.dev/apis/web-api/rate-limits
type Installation struct {
	// App and Team are the IDs of the app and of the workspace, such as "A1" and "T1".
	App, Team string
	// Org is the ID of the organization that the workspace belongs to, such as "E1"; empty if to none. The limits of
	// SCIM and Audit Logs are those of an organization, whatever the app; without one, of the workspace.
	Org string
	// OrgWide says that the tokens are good for all workspaces of Org, each with limits of its own, and that the argument
	// team_id of a call names the one; Team is the one of a call without it.
	OrgWide bool
	// Bot and User are tokens; either may be empty. auth.test tells the workspace of both, and the bot of the first.
	Bot, User string
	// Code is what oauth.v2.access takes for the tokens.
	Code string
	// Rotates says that oauth.v2.access gives out a refresh_token besides, and for that a new Bot token, and yet another
	// one, that are each good for twelve hours: https://docs.slack.dev/authentication/using-token-rotation
	Rotates bool
	// Webhooks has the channels that incoming webhooks post to, by the paths of their URLs, such as
	// "/services/T1/B1/secret". oauth.v2.access tells the first of them, in the order of the alphabet.
	Webhooks map[string]string
}

// in is what the limits of the app in a workspace are counted by, and org what those of its organization are.
func (i *Installation) in(team string) string { return i.App + " " + team }
func (i *Installation) org() string           { return cmp.Or(i.Org, "team "+i.Team) }

// tokenLife is how long a rotated token is good.
const tokenLife = 12 * time.Hour

// installs knows whose tokens and webhooks are whose. The zero installs knows none.
type installs struct {
	tokens  map[string]*grant
	codes   map[string]*Installation
	refresh map[string]*Installation
	hooks   map[string]hook
	rotated int
}

// A grant is what a token is good for.
type grant struct {
	*Installation
	user  bool
	until time.Time // zero: for ever
}

// A hook is an incoming webhook that is known.
type hook struct {
	*Installation
	channel string
}

func newInstalls(all []Installation) *installs {
	s := &installs{
		tokens: map[string]*grant{}, codes: map[string]*Installation{}, refresh: map[string]*Installation{},
		hooks: map[string]hook{},
	}
	for _, i := range all {
		i.Webhooks = maps.Clone(i.Webhooks)
		if i.Bot != "" {
			s.tokens[i.Bot] = &grant{Installation: &i}
		}
		if i.User != "" {
			s.tokens[i.User] = &grant{Installation: &i, user: true}
		}
		if i.Code != "" {
			s.codes[i.Code] = &i
		}
		for path, channel := range i.Webhooks {
			s.hooks[path] = hook{&i, channel}
		}
	}
	return s
}

// A caller is who a token stands for, by short names.
type caller struct {
	install, org, user string
	team               string // its ID
	grant              *grant // nil if it is of no Installation
}

// caller returns who makes a call. The token may be empty.
func (a *api) caller(token, teamID string) caller {
	g := a.known.tokens[token]
	if g == nil {
		install := a.names.Of(a.opts.Install(token))
		team := "T" + strings.TrimPrefix(install, "#")
		return caller{install: install, org: a.orgs.Of("team " + team), user: a.users.Of(token), team: team}
	}
	team := g.Team
	if g.OrgWide {
		team = cmp.Or(teamID, team)
	}
	return caller{
		install: a.names.Of(g.in(team)), org: a.orgs.Of(g.org()), user: a.users.Of(token), team: team, grant: g,
	}
}

// authorized says whether a token is good.
func (a *api) authorized(token string, now time.Time) bool {
	if g := a.known.tokens[token]; g != nil {
		return g.until.IsZero() || now.Before(g.until)
	}
	switch {
	case a.opts.Authorized != nil:
		return a.opts.Authorized(token)
	case a.ownInstalls:
		return true
	}
	return len(a.opts.Installations) == 0
}

// botID and userID name those of an installation as auth.test does.
func (i *Installation) botID() string { return "B" + i.App + i.Team }

func (i *Installation) userID(user bool) string {
	if user {
		return "U" + i.Team
	}
	return "U" + i.App + i.Team
}

// orNull is what JSON has for an object that is not there.
func orNull(id, name string) any {
	if id == "" {
		return nil
	}
	return map[string]any{"id": id, "name": name}
}

// whoami is the answer of auth.test: https://docs.slack.dev/reference/methods/auth.test
func whoami(who caller) map[string]any {
	answer := map[string]any{
		"url": "https://fake.slack.com/", "team": "Fake", "team_id": who.team,
		"user": "fake", "user_id": "U1", "bot_id": "B1",
	}
	if g := who.grant; g != nil {
		answer["user_id"], answer["bot_id"], answer["is_enterprise_install"] = g.userID(g.user), g.botID(), g.OrgWide
		if g.user {
			delete(answer, "bot_id")
		}
		if g.Org != "" {
			answer["enterprise_id"] = g.Org
		}
	}
	return answer
}

// exchange is the answer of oauth.v2.access, or Slack's word for what is wrong with the call:
// https://docs.slack.dev/reference/methods/oauth.v2.access
func (a *api) exchange(c *apitest.Call, args url.Values) (map[string]any, string) {
	if args.Get("grant_type") == "refresh_token" {
		i := a.known.refresh[args.Get("refresh_token")]
		if i == nil {
			return nil, "invalid_refresh_token"
		}
		a.known.rotated++
		token := "xoxe." + strings.TrimPrefix(i.Bot, "xoxe.") + "-" + strconv.Itoa(a.known.rotated)
		a.known.tokens[token] = &grant{Installation: i, until: c.At.Add(tokenLife)}
		return a.granted(i, token), ""
	}
	i := a.known.codes[args.Get("code")]
	if i == nil {
		return nil, "invalid_code"
	}
	answer := a.granted(i, i.Bot)
	if paths := slices.Sorted(maps.Keys(i.Webhooks)); len(paths) > 0 {
		answer["incoming_webhook"] = map[string]any{
			"url": "https://hooks.slack.com" + paths[0], "channel_id": i.Webhooks[paths[0]],
			"channel": "#fake", "configuration_url": "https://fake.slack.com/services/" + i.botID(),
		}
	}
	return answer, ""
}

func (a *api) granted(i *Installation, bot string) map[string]any {
	answer := map[string]any{
		"access_token": bot, "token_type": "bot", "scope": "chat:write", "bot_user_id": i.userID(false), "app_id": i.App,
		"team": orNull(i.Team, "Fake"), "enterprise": orNull(i.Org, "Fake"), "is_enterprise_install": i.OrgWide,
	}
	user := map[string]any{"id": i.userID(true)}
	if i.User != "" {
		user["access_token"], user["token_type"], user["scope"] = i.User, "user", "chat:write"
	}
	answer["authed_user"] = user
	if i.Rotates {
		refresh := "xoxe-1-" + i.App + i.Team
		a.known.refresh[refresh] = i
		answer["refresh_token"], answer["expires_in"] = refresh, int(tokenLife/time.Second)
	}
	return answer
}
