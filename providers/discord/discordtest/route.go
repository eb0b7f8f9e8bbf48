package discordtest

import (
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// A route is what a request's path means.
type route struct {
	version  int      // of the API
	segments []string // of the path behind the version
	path     string   // the same with placeholders: "/channels/{channel}/messages"
	name     string   // "POST /channels/{channel}/messages", perhaps with a word behind
	subject  string   // the id in front, for which counters are kept apart
	secret   string   // of a webhook or an interaction, in the path
	missing  bool     // the message that it is about does not exist
}

// unversioned is what a path without a version means: https://docs.discord.com/developers/reference#api-versioning
const unversioned = 6

// The versions that are answered; older ones were discontinued.
const oldest, newest = 6, 10

// old says whether times are told in the manner of v6.
func (rt *route) old() bool { return rt.version < 8 }

// parse reads a path such as /api/v10/channels/123/messages. It reports false if it is no path of the API.
func parse(method, path string) (*route, bool) {
	segments := strings.Split(strings.Trim(path, "/"), "/")
	if len(segments) < 2 || segments[0] != "api" {
		return nil, false
	}
	rt := &route{version: unversioned, segments: segments[1:]}
	if v, ok := strings.CutPrefix(segments[1], "v"); ok && digits(v) {
		rt.version, _ = strconv.Atoi(v)
		rt.segments = segments[2:]
	}
	if len(rt.segments) == 0 {
		return nil, false
	}
	rt.path = template(rt.segments)
	rt.name = method + " " + rt.path

	switch resource := rt.segments[0]; resource {
	case "channels", "guilds", "webhooks":
		if len(rt.segments) > 1 {
			rt.subject = rt.segments[1]
		}
	}
	if secret(rt.segments, 2) {
		rt.secret = rt.segments[2]
	}
	return rt, true
}

// named are the resources whose next segment is an id even if it is no number, as in tests or for emoji and invites.
var named = map[string]bool{
	"channels": true, "guilds": true, "webhooks": true, "interactions": true, "users": true, "applications": true,
	"invites": true, "templates": true, "reactions": true,
}

// template returns a path with ids and secrets replaced by placeholders.
func template(segments []string) string {
	var b strings.Builder
	before, id := "", false // the segment before, and whether it is an id
	for i, segment := range segments {
		switch {
		case secret(segments, i):
			segment, id = "{token}", true
		case strings.HasPrefix(segment, "@"), before == "guilds" && segment == "templates":
			id = false
		case id && digits(segment): // the user of /reactions/{reaction}/{id}
			segment = "{id}"
		case !id && (named[before] || digits(segment)):
			segment, id = "{"+strings.TrimSuffix(before, "s")+"}", true
		default:
			id = false
		}
		b.WriteString("/" + segment)
		before = segment
	}
	return b.String()
}

// secret reports whether segment i is the secret of a webhook or an interaction.
func secret(segments []string, i int) bool {
	return i == 2 && len(segments) > 2 && (segments[0] == "webhooks" || segments[0] == "interactions")
}

func digits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

// The ages of messages that limits depend on.
const (
	young    = 10 * time.Second    // the deletion of younger ones is apart
	old      = 14 * 24 * time.Hour // and that of older ones, too
	editable = time.Hour           // the edit of older ones is under a further limit
)

// age returns the name of the limit on the deletion of a message of that age, and of one that does not exist. It is the
// name of the route if that is no deletion.
func (rt *route) age(clock time.Time) string {
	if rt.name != deleteMessage {
		return rt.name
	}
	switch age := clock.Sub(created(rt.segments[3], clock)); {
	case rt.missing, age < young:
		return youngDeletion
	case age > old:
		return oldDeletion
	}
	return deleteMessage
}

// further returns the names of the limits that a request may be under besides that of its route.
func (rt *route) further(body map[string]any, clock time.Time) []string {
	names := []string{rt.name + also}
	switch _, name := body["name"]; rt.name {
	case patchChannel:
		if _, topic := body["topic"]; name || topic {
			return append(names, rename)
		}
	case patchMessage:
		if clock.Sub(created(rt.segments[3], clock)) > editable {
			return append(names, oldEdit)
		}
	}
	return names
}

// message reports whether the path is that of a message, or of something about it.
func (rt *route) message() bool { return strings.Contains(rt.path, "/messages/{message}") }

// interactionToken is what the tokens of all interactions begin with: "interaction:" in base64.
const interactionToken = "aW50ZXJhY3Rpb246"

// What an interaction may take: https://docs.discord.com/developers/interactions/receiving-and-responding
const (
	answerIn  = 3 * time.Second
	tokenLife = 15 * time.Minute
)

// since returns how old the interaction is that the request answers; 0 if it answers none, or nothing tells. An
// interaction's token has its id, too.
func (rt *route) since(clock time.Time) time.Duration {
	if !rt.interaction() || rt.secret == "" {
		return 0
	}
	id := rt.segments[1]
	if rt.webhook() != "" {
		token, _ := base64.RawStdEncoding.DecodeString(strings.TrimRight(rt.secret, "="))
		id, _, _ = strings.Cut(strings.TrimPrefix(string(token), "interaction:"), ":")
	}
	if !digits(id) {
		return 0
	}
	return clock.Sub(created(id, clock))
}

// interaction reports whether the request answers an interaction, at once or later.
func (rt *route) interaction() bool {
	return rt.segments[0] == "interactions" || strings.HasPrefix(rt.secret, interactionToken)
}

// webhook returns the id of the webhook that the path begins with; empty if it begins with something else.
func (rt *route) webhook() string {
	if rt.segments[0] != "webhooks" {
		return ""
	}
	return rt.subject
}

// open reports whether the route needs no credential but the one in the path, if any.
func (rt *route) open() bool {
	return rt.secret != "" || rt.name == http.MethodGet+" /gateway"
}

// epoch is the beginning of Discord's time: https://docs.discord.com/developers/reference#snowflakes
var epoch = time.UnixMilli(1420070400000)

// began is the epoch of the ids on a server's clock: that of Unix if the clock stands before Discord's, as it does in
// a testing/synctest bubble, because ids are positive.
func began(clock time.Time) time.Time {
	if clock.Before(epoch) {
		return time.UnixMilli(0)
	}
	return epoch
}

// created returns when an id was made; an id that is no number is as old as can be.
func created(id string, clock time.Time) time.Time {
	n, _ := strconv.ParseInt(id, 10, 64)
	return began(clock).Add(time.Duration(n>>22) * time.Millisecond)
}

// snowflake returns the n-th id, made now.
func snowflake(clock time.Time, n int) string {
	return strconv.FormatInt(clock.Sub(began(clock)).Milliseconds()<<22|int64(n&(1<<22-1)), 10)
}

// bucket names a counter.
func bucket(name string, parts ...string) string {
	for _, part := range parts {
		if part != "" {
			name += " " + part
		}
	}
	return name
}
