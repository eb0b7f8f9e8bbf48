package discordtest

import (
	"bytes"
	"io"
	"maps"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"
	"time"

	"github.com/underlimit/underlimit/internal/fakeapi"
	"github.com/underlimit/underlimit/providers/apitest"
)

// object returns the JSON object that a body is, or, in a multipart body, its part payload_json. It reports false if
// there should be one and is none. A body of another media type has no object, nor has a JSON body that is a list.
func object(c *apitest.Call) (map[string]any, bool) {
	mediaType, params, _ := mime.ParseMediaType(c.Request.Header.Get("Content-Type"))
	switch mediaType {
	case "application/json":
		if bytes.HasPrefix(bytes.TrimSpace(c.Body), []byte("[")) {
			return nil, true // such as an overwrite of all commands
		}
		return fakeapi.Object(c.Body)
	case "multipart/form-data":
		parts := multipart.NewReader(bytes.NewReader(c.Body), params["boundary"])
		for {
			part, err := parts.NextPart()
			if err != nil {
				return nil, err == io.EOF
			}
			if part.FormName() == "payload_json" {
				payload, err := io.ReadAll(part) // within the body, which is bounded
				if err != nil {
					return nil, false
				}
				return fakeapi.Object(payload)
			}
		}
	}
	return nil, true
}

// fake is what a bot's answers look like.
var fake = map[string]any{
	"id": "1", "username": "fake", "discriminator": "0000", "global_name": nil, "avatar": nil, "bot": true,
}

// reply makes up what Discord might say to a request that it processed.
func (a *api) reply(c *apitest.Call, rt *route, body map[string]any) apitest.Answer {
	method, last := c.Request.Method, rt.path[strings.LastIndexByte(rt.path, '/')+1:]
	item := strings.HasPrefix(last, "{") && last != "{reaction}" || strings.HasPrefix(last, "@")
	switch {
	case rt.name == callback, method == http.MethodDelete, method == http.MethodPut && !listed(last),
		method == http.MethodPost && (last == "typing" || last == "bulk-delete"),
		rt.name == executeWebhook && !rt.interaction() && c.Request.URL.Query().Get("wait") != "true":
		return apitest.Answer{Status: http.StatusNoContent, Header: http.Header{}}
	case rt.path == "/gateway":
		return apitest.Reply(http.StatusOK, map[string]any{"url": "wss://gateway.discord.gg"})
	case rt.path == "/gateway/bot":
		return apitest.Reply(http.StatusOK, map[string]any{
			"url": "wss://gateway.discord.gg", "shards": 1,
			"session_start_limit": map[string]any{
				"total": 1000, "remaining": 1000, "reset_after": 86_400_000, "max_concurrency": 1,
			},
		})
	case !item && method == http.MethodGet, method == http.MethodPut:
		return apitest.Reply(http.StatusOK, []any{})
	}
	return apitest.Reply(http.StatusOK, a.thing(c, rt, body))
}

// listed reports whether a collection is answered with a list when it is overwritten.
func listed(collection string) bool { return collection == "commands" || collection == "permissions" }

// thing makes up an object of the kind that a path names: the one with the id at its end, or else a new one. It has
// what the request's body has, too.
func (a *api) thing(c *apitest.Call, rt *route, body map[string]any) map[string]any {
	last := rt.segments[len(rt.segments)-1]
	id := last
	if c.Request.Method == http.MethodPost || !digits(id) {
		a.objects++
		id = snowflake(c.Clock, a.objects)
	}
	thing := map[string]any{}
	maps.Copy(thing, body)
	thing["id"] = id

	switch {
	case rt.secret != "", strings.Contains(rt.path, "/messages"):
		thing["channel_id"] = rt.subject
		thing["author"] = fake
		thing["timestamp"] = c.Clock.UTC().Format(time.RFC3339Nano)
		thing["edited_timestamp"] = nil
		thing["type"] = 0
		for _, list := range []string{"mentions", "mention_roles", "attachments", "embeds"} {
			if _, ok := thing[list]; !ok {
				thing[list] = []any{}
			}
		}
	case rt.path == "/users/{user}", rt.path == "/users/@me":
		maps.Copy(thing, fake)
		if digits(last) {
			thing["id"] = last
		}
	case thing["name"] == nil:
		thing["name"] = "fake"
	}
	return thing
}
