package discord

import (
	"bufio"
	"bytes"
	"encoding/json"
	"net/http"

	"github.com/underlimit/underlimit/bucket"
)

// A PATCH of a channel that changes its name or its topic is under a further limit, which is far stricter than the
// route's. No page has it, and only its refusals show it: https://github.com/discord/discord-api-docs/issues/2190
const (
	editChannel = http.MethodPatch + " /channels/{channel}"
	renaming    = editChannel + " name" // the limit
)

// Messages by webhooks are under a limit of their channel, which all of its webhooks share and only refusals show:
// https://github.com/discord/discord-api-docs/issues/6753
const execution = http.MethodPost + " /webhooks/{webhook}/{token}"

// routePolicy is the policy of a route's own bucket.
func (p *Provider) routePolicy(at *path, limit string) *bucket.Policy {
	switch limit {
	case execution, execution + "/github", execution + "/slack":
		if !at.interaction() {
			return p.hidden
		}
	}
	return nil
}

// reacting is the limit of all that sets or removes reactions of a channel's messages: they have a counter in common, as
// their hash tells once each of them was answered. Before, the first of each would be refused for the other:
// https://github.com/discord/discord-api-docs/issues/182
const reacting = "reactions"

// reacts says whether the path is one of those, with a method that sets or removes.
func (p *path) reacts(method string) bool {
	return p.n > 4 && p.buf[4] == "reactions" && p.buf[2] == "messages" && p.buf[0] == "channels" &&
		(method == http.MethodPut || method == http.MethodDelete)
}

// Emoji and stickers of a guild, and messages that are published, are under limits of an hour of which headers tell wrong
// or nothing: https://discord.com/developers/docs/resources/emoji, https://github.com/discord/discord-api-docs/issues/4008,
// https://github.com/discordjs/discord.js/issues/4956
const (
	emojis     = "emojis of a guild"
	stickers   = "stickers of a guild"
	crossposts = "crossposts of a channel"
)

// rare returns the limit of those that the requests of a route are under, "" if they are under none.
func rare(route string) string {
	switch route {
	case "POST /guilds/{guild}/emojis", "PATCH /guilds/{guild}/emojis/{emoji}", "DELETE /guilds/{guild}/emojis/{emoji}":
		return emojis
	case "POST /guilds/{guild}/stickers", "PATCH /guilds/{guild}/stickers/{sticker}",
		"DELETE /guilds/{guild}/stickers/{sticker}":
		return stickers
	case "POST /channels/{channel}/messages/{message}/crosspost":
		return crossposts
	}
	return ""
}

// maxPrefix is how much is read of the body of an editChannel. Permissions may make it long, and only in groups of
// users has it a picture.
const maxPrefix = 16 << 10

// mayRename says whether an editChannel changes a name or a topic. What cannot be told may: the worst is that it waits
// with those that do, while an unknown one among the others would be refused again and again.
func mayRename(req *http.Request) bool {
	if req.Body == nil || req.Body == http.NoBody {
		return false
	}
	if req.GetBody == nil {
		return true
	}
	body, err := req.GetBody()
	if err != nil {
		return true
	}
	defer body.Close()
	prefix, _ := bufio.NewReaderSize(body, maxPrefix).Peek(maxPrefix) // of a shorter body, all
	dec := json.NewDecoder(bytes.NewReader(prefix))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return true
	}
	for dec.More() {
		t, err := dec.Token()
		var value json.RawMessage
		if err != nil || t == "name" || t == "topic" || dec.Decode(&value) != nil {
			return true
		}
	}
	_, err = dec.Token() // the closing brace, if it was not cut off
	return err != nil
}
