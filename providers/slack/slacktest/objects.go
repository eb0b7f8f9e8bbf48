package slacktest

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/underlimit/underlimit/providers/apitest"
)

const (
	pageSize = 100  // how many items a page has if the call does not say
	maxPage  = 1000 // how many it may ask for

	// How many messages a page of a channel's history has at most with Options.NonMarketplace:
	// https://docs.slack.dev/changelog/2025/05/29/rate-limit-changes-for-non-marketplace-apps
	restrictedPage = 15
)

// required are the arguments without which a call fails, and Slack's word for it.
var required = map[string][][2]string{
	"chat.appendStream":     {{"channel", "channel_not_found"}, {"ts", "message_not_found"}},
	"chat.delete":           {{"channel", "channel_not_found"}, {"ts", "message_not_found"}},
	"chat.meMessage":        {{"channel", "channel_not_found"}},
	"chat.postEphemeral":    {{"channel", "channel_not_found"}, {"user", "user_not_in_channel"}},
	"chat.postMessage":      {{"channel", "channel_not_found"}},
	"chat.scheduleMessage":  {{"channel", "channel_not_found"}},
	"chat.startStream":      {{"channel", "channel_not_found"}},
	"chat.stopStream":       {{"channel", "channel_not_found"}, {"ts", "message_not_found"}},
	"chat.update":           {{"channel", "channel_not_found"}, {"ts", "message_not_found"}},
	"conversations.history": {{"channel", "channel_not_found"}},
	"conversations.info":    {{"channel", "channel_not_found"}},
	"conversations.members": {{"channel", "channel_not_found"}},
	"conversations.replies": {{"channel", "channel_not_found"}, {"ts", "thread_not_found"}},
	"reactions.add":         {{"name", "invalid_name"}, {"channel", "no_item_specified"}},
	"users.info":            {{"user", "user_not_found"}},
}

// reply makes up what Slack might say to a call that it processed.
func (a *api) reply(
	c *apitest.Call, method string, who caller, args url.Values, channels []string,
) apitest.Answer {
	for _, arg := range required[method] {
		if args.Get(arg[0]) == "" {
			return failed(arg[1])
		}
	}
	if method == "chat.postMessage" || method == "chat.update" {
		if args.Get("text") == "" && args.Get("blocks") == "" && args.Get("attachments") == "" {
			return failed("no_text")
		}
	}
	object, wrong := a.object(c, method, who, args, channels)
	if wrong != "" {
		return failed(wrong)
	}
	object["ok"] = true
	return apitest.Reply(http.StatusOK, object)
}

// object returns what an answer has besides its ok, or Slack's word for what is wrong with the call.
func (a *api) object(
	c *apitest.Call, method string, who caller, args url.Values, channels []string,
) (map[string]any, string) {
	team, channel := who.team, strings.Join(channels, ",")
	if object, wrong, ok := a.chat(c, method, channel, team, args); ok {
		return object, wrong
	}
	switch method {
	case "auth.test":
		return whoami(who), ""
	case "oauth.v2.access":
		return a.exchange(c, args)
	case "apps.connections.open", "rtm.connect":
		return map[string]any{"url": "wss://wss-primary.slack.com/link"}, ""
	case "conversations.info", "conversations.join":
		return map[string]any{"channel": conversation(channel, "channel")}, ""
	case "conversations.open":
		if id := a.opts.Channels[args.Get("users")]; id != "" {
			return map[string]any{"channel": map[string]any{"id": id}}, ""
		}
		return map[string]any{"channel": map[string]any{"id": a.id("D")}}, ""
	case "conversations.list", "users.conversations":
		return a.page(args, "channels", func(i int) any { return conversation(id("C", i), "channel-"+strconv.Itoa(i)) })
	case "conversations.members":
		return a.page(args, "members", func(i int) any { return id("U", i) })
	case "conversations.history", "conversations.replies":
		if a.opts.NonMarketplace {
			args.Set("limit", strconv.Itoa(shorter(args.Get("limit"))))
		}
		return a.page(args, "messages", func(i int) any {
			return map[string]any{
				"type": "message", "user": "U1", "text": "message " + strconv.Itoa(i),
				"ts": strconv.Itoa(1_500_000_000-i) + ".000000", // the latest comes first
			}
		})
	case "users.list":
		return a.page(args, "members", func(i int) any { return user(id("U", i), team) })
	case "users.info":
		return map[string]any{"user": user(args.Get("user"), team)}, ""
	case "files.getUploadURLExternal":
		return a.announce(who, args)
	case "files.completeUploadExternal":
		return a.complete(args, channels)
	case "views.open", "views.publish", "views.push", "views.update":
		return map[string]any{"view": map[string]any{"id": a.id("V"), "type": "modal", "team_id": team}}, ""
	}
	return map[string]any{}, ""
}

// shorter returns how many messages a page has in an app that is sold outside of the Marketplace, whatever it asks for.
func shorter(limit string) int {
	if n, err := strconv.Atoi(limit); err == nil && n > 0 {
		return min(n, restrictedPage)
	}
	return restrictedPage
}

// page returns the part of a list that a call asks for, and the cursor of the next part.
func (a *api) page(args url.Values, name string, item func(i int) any) (map[string]any, string) {
	from, size := 0, pageSize
	if cursor := args.Get("cursor"); cursor != "" {
		var err error
		if from, err = strconv.Atoi(strings.TrimPrefix(cursor, "next:")); err != nil || from < 0 || from > a.opts.Items {
			return nil, "invalid_cursor"
		}
	}
	if limit := args.Get("limit"); limit != "" && limit != "0" {
		var err error
		if size, err = strconv.Atoi(limit); err != nil || size < 0 || size > maxPage {
			return nil, "invalid_limit"
		}
	}
	to, next := min(from+size, max(a.opts.Items, 0)), ""
	if to < a.opts.Items {
		next = "next:" + strconv.Itoa(to)
	}
	items := []any{}
	for i := from; i < to; i++ {
		items = append(items, item(i+1))
	}
	return map[string]any{
		name: items, "has_more": next != "", "response_metadata": map[string]any{"next_cursor": next},
	}, ""
}

// id makes a new id of a kind.
func (a *api) id(kind string) string {
	a.objects++
	return id(kind, a.objects)
}

func id(kind string, n int) string { return fmt.Sprintf("%s%09d", kind, n) }

func conversation(id, name string) map[string]any {
	return map[string]any{"id": id, "name": name, "is_channel": true, "is_member": true, "created": 1_500_000_000}
}

func user(id, team string) map[string]any {
	name := "user-" + strings.ToLower(id)
	return map[string]any{"id": id, "team_id": team, "name": name, "real_name": name, "profile": map[string]any{}}
}
