package slacktest

import (
	"net/http"
	"strings"
	"time"

	"github.com/underlimit/underlimit/internal/fakeapi"
	"github.com/underlimit/underlimit/providers/apitest"
)

// listItems is how many items a list has by default: a few pages.
const listItems = 250

// api is the state of a server. Its calls do not overlap.
type api struct {
	opts        Options
	ownInstalls bool // Options.Install says whose tokens there are

	quotas    map[string]*fakeapi.Log  // by bucket
	paces     map[string]*fakeapi.Pace // by bucket
	held      map[string]time.Time     // until when, by bucket
	responses map[string]*uses         // by path
	scheduled map[schedule]int

	known *installs
	// Of installations, of users by their tokens, of webhooks, of organizations, and of apps by their client IDs.
	names, users, hooks, orgs, clients fakeapi.Names

	uploads uploads
	owners  map[string]string // the installations of upload URLs
	stamp   time.Time         // of the last message
	objects int               // made so far
}

func newAPI(opts Options) *api {
	if opts.WorkspacePerMinute == 0 {
		opts.WorkspacePerMinute = workspacePerMinute
	}
	own := opts.Install != nil
	if !own {
		opts.Install = func(token string) string { return token }
	}
	if opts.Items == 0 {
		opts.Items = listItems
	}
	opts.ChannelBurst = max(opts.ChannelBurst, 1)
	a := &api{
		opts: opts, ownInstalls: own, known: newInstalls(opts.Installations),
		quotas: map[string]*fakeapi.Log{}, paces: map[string]*fakeapi.Pace{}, held: map[string]time.Time{},
		responses: map[string]*uses{}, scheduled: map[schedule]int{}, owners: map[string]string{},
	}
	for _, i := range opts.Installations { // in this order, whoever comes first
		a.names.Of(i.in(i.Team))
		a.orgs.Of(i.org())
	}
	return a
}

func (a *api) serve(c *apitest.Call) apitest.Answer {
	first, rest, _ := strings.Cut(strings.TrimPrefix(c.Request.URL.Path, "/"), "/")
	switch {
	case first == "api" && rest != "" && !strings.Contains(rest, "/"):
		return a.call(c, rest)
	case first == "services", strings.HasPrefix(first, "T") && strings.HasPrefix(rest, "B"):
		return a.webhook(c)
	case first == "triggers" || first == "workflows":
		return a.trigger(c)
	case first == "commands" || first == "actions" || first == "app": // a response_url
		return a.respond(c)
	case first == "upload":
		return a.upload(c)
	case first == "scim":
		return a.scim(c)
	case first == "audit":
		return a.audit(c)
	}
	answer := apitest.Text(http.StatusNotFound, "text/html", "not found")
	answer.Violation = "there is no such page"
	return answer
}

// call answers a call of a method.
func (a *api) call(c *apitest.Call, method string) apitest.Answer {
	args, wrong := args(c)
	if wrong != "" {
		return failed(wrong)
	}
	token := token(c, args)
	var who caller
	switch {
	case public[method]:
		who.install = a.clients.Of(client(c, args))
	case token == "":
		return failed("not_authed")
	case !a.authorized(token, c.At):
		return failed("invalid_auth")
	default:
		who = a.caller(token, args.Get("team_id"))
	}
	channels := a.channels(args)
	draws := a.draws(method, who, channels, args.Get("user"))
	return a.answer(c, draws, aMethod, func() apitest.Answer { return a.reply(c, method, who, args, channels) })
}
