package discord_test

import (
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/underlimit/underlimit/bucket"
	"github.com/underlimit/underlimit/providers"
	"github.com/underlimit/underlimit/providers/discord"
)

// blockedFor returns which of keys a verdict blocks, and for how long at most; it fails if it blocks any other.
func blockedFor(t *testing.T, v providers.Verdict, keys ...bucket.Key) (held []bucket.Key, wait time.Duration) {
	t.Helper()
	for _, u := range v.Updates {
		switch u := bucket.Value(u).(type) {
		case bucket.Block:
			if !slices.Contains(keys, u.Key) {
				t.Errorf("it blocks %v", u.Key)
			}
			held, wait = append(held, u.Key), max(wait, u.For)
		case bucket.Window:
			t.Errorf("it tells of a window: %+v", u)
		}
	}
	return held, wait
}

// Every refusal is of a version, a scope and a sender, which nothing but the path, the headers and the form of the body
// tells; each has a wait in the header, in the body, in both or in neither, of which the longer counts.
func TestEachKindOfRefusalBlocksWhatItIsAboutForTheLongerWait(t *testing.T) {
	units := map[string]time.Duration{
		"/v10": time.Second, "/v9": time.Second, "/v8": time.Second,
		"/v7": time.Millisecond, "/v6": time.Millisecond, "": time.Millisecond,
	}
	scopes := map[string]providers.Scope{
		"": providers.ScopeUnknown, "user": providers.ScopeUser, "shared": providers.ScopeShared,
		"global": providers.ScopeGlobal,
	}
	waits := []struct{ inHeader, inBody, longer int }{
		{7, 0, 7}, {0, 7, 7}, {7, 6, 7}, {1, 1163, 1163}, {0, 0, 0},
	}
	for version, unit := range units {
		for scope, wantScope := range scopes {
			for _, via := range []bool{true, false} {
				for _, form := range []string{"object", "page", "nothing"} {
					for _, told := range waits {
						h := http.Header{}
						if told.inHeader > 0 {
							h.Set("Retry-After", fmt.Sprint(told.inHeader))
						}
						if via {
							h.Set("Via", "1.1 google")
						}
						if scope != "" {
							h.Set("X-RateLimit-Scope", scope)
						}
						body, want := "", told.longer
						switch form {
						case "object":
							body = fmt.Sprintf(`{"message":"x","retry_after":%d}`, told.inBody)
						case "page":
							body, want = "<html>error 1015</html>", told.inHeader
						default:
							want = told.inHeader
						}
						wait := time.Duration(want) * unit
						wantScope, held := wantScope, route
						// Discord's have a Via or a field of their own, and an object if anything.
						switch {
						case form == "page", scope == "" && (!via || form == "nothing"):
							// In seconds, whatever the version.
							wantScope, held, wait = providers.ScopeEgress, egress, time.Duration(want)*time.Second
						case scope == "global":
							held = global
						case unit == time.Millisecond && scope != "shared":
							held = old // methods share it
						}
						name := fmt.Sprintf("%s scope %q via %t, %s, waits %d and %d", version, scope, via, form,
							told.inHeader, told.inBody)
						t.Run(name, func(t *testing.T) {
							url := strings.Replace(messages, "/v10", version, 1)
							v := judge(t, "POST", url, &providers.Answer{Status: 429, Header: h, Body: []byte(body)})
							keys, got := blockedFor(t, v, held)
							if !v.Refused || v.Final || v.Scope != wantScope || len(keys) != 1 || got != wait {
								t.Errorf("got %+v, want %v for %v by scope %s", v, held, wait, wantScope)
							}
						})
					}
				}
			}
		}
	}
}

// Codes that come with a 429: https://discord.com/developers/docs/topics/opcodes-and-status-codes#json
func TestACodeInARefusalBlocksTheRouteAlone(t *testing.T) {
	for code, what := range map[int]string{
		20016: "slowmode", 20022: "announcement edits", 20028: "channel writes", 20029: "guild writes",
		30034: "commands of a day", 40062: "service resource", 0: "none", 31001: "unheard of",
	} {
		for _, scope := range []string{"shared", ""} {
			h := full("X-RateLimit-Remaining: 4", "Retry-After: 1")
			if scope != "" {
				h.Set("X-RateLimit-Scope", scope)
			}
			body := fmt.Sprintf(`{"message":"x","retry_after":30.5,"global":false,"code":%d}`, code)
			v := judge(t, "POST", messages, &providers.Answer{Status: 429, Header: h, Body: []byte(body)})
			held, wait := blockedFor(t, v, route)
			if len(held) != 1 || wait != 30500*time.Millisecond || v.Final != (code == 30034) {
				t.Errorf("%s, scope %q: %+v", what, scope, v)
			}
		}
	}
}

func TestWhatIsLeftInARefusalLeavesTheCounterAlone(t *testing.T) {
	for _, remaining := range []string{"9", "1"} {
		for _, scope := range []string{"user", "shared", "none"} {
			h := full("X-RateLimit-Remaining: "+remaining, "Retry-After: 2", "X-RateLimit-Scope: "+scope)
			v := judge(t, "POST", messages, &providers.Answer{Status: 429, Header: h, Body: []byte("{}")})
			held := hidden(2*time.Second, route)
			if scope == "shared" { // of which nobody knows how much others used
				held = blocked(2*time.Second, route)
			}
			if want := append(held, bucket.Uncounted{Key: route}); !reflect.DeepEqual(v.Updates, want) {
				t.Errorf("%s left, scope %s: got %+v, want %+v", remaining, scope, v.Updates, want)
			}
		}
	}
}

// The resources of the table of special routes, each refused with headers that mislead.
func TestASharedLimitHoldsOneResourceOfOneRoute(t *testing.T) {
	const v10 = "https://discord.com/api/v10"
	for _, tt := range []struct{ name, method, path, limit, owner, subject string }{
		{"announcement edit", "PATCH", "/channels/1/messages/2", "/channels/{channel}/messages/{message}", bot, "channels/1"},
		{
			"crosspost", "POST", "/channels/1/messages/2/crosspost",
			"/channels/{channel}/messages/{message}/crosspost", bot, "channels/1",
		},
		{"emoji", "POST", "/guilds/5/emojis", "/guilds/{guild}/emojis", bot, "guilds/5"},
		{"sticker", "PATCH", "/guilds/5/stickers/6", "/guilds/{guild}/stickers/{sticker}", bot, "guilds/5"},
		{"webhook of a channel", "POST", "/webhooks/9/" + hookToken, "/webhooks/{webhook}/{token}", hookToken, "webhooks/9"},
		{
			"follow-up", "POST", "/webhooks/8/" + replyToken, "/webhooks/{webhook}/{token}", application, replied,
		},
		{"commands", "PUT", "/applications/3/commands", "/applications/{application}/commands", bot, ""},
		{"threads", "POST", "/channels/1/threads", "/channels/{channel}/threads", bot, "channels/1"},
		{"lobby", "POST", "/lobbies", "/lobbies", bot, ""},
		{"invite", "GET", "/invites/abc", "/invites/{code}", bot, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := full("X-RateLimit-Remaining: 4", "Retry-After: 41", "X-RateLimit-Scope: shared")
			v := judge(t, tt.method, v10+tt.path, &providers.Answer{
				Status: 429, Header: h, Body: []byte(`{"message":"The resource is being rate limited.","retry_after":40.5}`),
			})
			resource := key(tt.method+" "+tt.limit, tt.owner, tt.subject)
			held := blocked(41*time.Second, resource)
			if tt.name == "webhook of a channel" {
				held = rounded(41*time.Second, 500*time.Millisecond, resource)
			}
			if limit := map[string]string{
				"crosspost": "crossposts of a channel", "emoji": "emojis of a guild", "sticker": "stickers of a guild",
			}[tt.name]; limit != "" { // of which others use some, too
				further := resource
				further.Limit, further.Owner = limit, resource.Owner+" "+resource.Subject
				held = rounded(41*time.Second, 500*time.Millisecond, further)
			}
			want := providers.Verdict{
				Updates: append(held, bucket.Uncounted{Key: resource}),
				Refused: true, Scope: providers.ScopeShared,
			}
			if !reflect.DeepEqual(v, want) {
				t.Errorf("got\n%+v, want\n%+v", v, want)
			}
		})
	}
}

func TestOnlyA429Refuses(t *testing.T) {
	for _, tt := range []struct {
		name   string
		status int
		body   string
	}{
		{"An index that is not there yet.", 202, `{"message":"Index not yet available.","code":110000,"retry_after":5}`},
		{"A daily quota told otherwise.", 400, `{"message":"Max number of daily creates","code":30034}`},
		{"A webhook that is gone, of a channel.", 404, `{"message":"Unknown Webhook","code":10015}`},
		{"Forbidden.", 403, `{"message":"Missing Access","code":50001}`},
		{"Something else is gone.", 404, `{"message":"Unknown Message","code":10008}`},
		{"An answer that comes too late.", 404, `{"message":"Unknown interaction","code":10062}`},
		{"Unavailable.", 503, `{"retry_after":5}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v := judge(t, "POST", messages, &providers.Answer{
				Status: tt.status, Header: header("Via: 1.1 google", "Retry-After: 5"), Body: []byte(tt.body),
			})
			if !reflect.DeepEqual(v, providers.Verdict{}) {
				t.Errorf("got %+v", v)
			}
		})
	}
}

func TestADeletedWebhookAndARefusedCredentialAreHeldBack(t *testing.T) {
	const v10 = "https://discord.com/api/v10"
	const unknown, revoked = `{"message":"Unknown Webhook","code":10015}`, `{"message":"401: Unauthorized","code":0}`
	const expired = `{"message":"Invalid Webhook Token","code":50027}`
	for _, tt := range []struct {
		name, method, url string
		status            int
		body              string
		want              []bucket.Key
	}{
		{"A webhook.", "post", v10 + "/webhooks/9/" + hookToken, 404, unknown, []bucket.Key{
			key("webhook", hookToken, "webhooks/9"),
		}},
		{"A webhook by its own URL.", "post", "https://discord.com/api/webhooks/9/" + hookToken, 404, unknown, []bucket.Key{
			key("webhook", hookToken, "webhooks/9"),
		}},
		{"A webhook, looked at by a bot.", "GET", v10 + "/webhooks/9", 404, unknown, []bucket.Key{
			key("webhook", bot, "webhooks/9"),
		}},
		{"What passes for a webhook.", "POST", v10 + "/webhooks/8/" + replyToken, 404, unknown, []bucket.Key{
			key("webhook", application, replied),
		}},
		{"A webhook, by its message.", "PATCH", v10 + "/webhooks/9/" + hookToken + "/messages/3", 404, unknown, []bucket.Key{
			key("webhook", hookToken, "webhooks/9"),
		}},
		{"A message of a webhook.", "PATCH", v10 + "/webhooks/9/x/messages/3", 404, `{"code":10008}`, nil},
		{"No word of what is gone.", "POST", v10 + "/webhooks/9/x", 404, "", nil},
		{"A bot.", "GET", v10 + "/channels/1", 401, revoked, []bucket.Key{global}},
		{"A bot on the old domain.", "GET", "https://discordapp.com/api/v9/channels/1", 401, "", []bucket.Key{
			key("global", bot, "discordapp.com"),
		}},
		{"Nobody.", "get", v10 + "/channels/1", 401, revoked, nil},
		{"The token of a webhook.", "post", v10 + "/webhooks/9/" + hookToken, 401, expired, nil},
		{"The token of a webhook, sent with a bot's.", "POST", v10 + "/webhooks/9/" + hookToken, 401, expired, nil},
		{"No token of an interaction.", "POST", v10 + "/interactions/77", 401, revoked, nil},
		{"The token of an interaction.", "POST", v10 + interaction, 401, expired, nil},
		{"The token of an interaction, later.", "POST", v10 + "/webhooks/8/" + replyToken, 401, expired, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v := judge(t, tt.method, tt.url, &providers.Answer{Status: tt.status, Body: []byte(tt.body)})
			want := providers.Verdict{Updates: blocked(0, tt.want...)}
			if !reflect.DeepEqual(v, want) {
				t.Errorf("got\n%+v, want\n%+v", v, want)
			}
		})
	}
}

// So that what goes to a webhook by any of its routes waits once one of them has shown that it is gone, and no other
// webhook, nor the same one by another token.
func TestAWebhookThatIsGoneIsHeldOnAllOfItsRoutes(t *testing.T) {
	const v10 = "https://discord.com/api/v10/webhooks/9"
	v := judge(t, "POST", v10+"/"+hookToken, &providers.Answer{Status: 404, Body: []byte(`{"code":10015}`)})
	held, _ := blockedFor(t, v, key("webhook", hookToken, "webhooks/9"))
	for path, want := range map[string]bool{
		"/" + hookToken: true, "/" + hookToken + "/messages/3": true, "/" + hookToken + "/slack": true,
		"/" + hookToken + "/unheard-of": true, "/another": false, "": false,
	} {
		for _, method := range []string{"GET", "POST", "PATCH", "DELETE"} {
			call := classify(t, method, v10+path)
			if got := slices.ContainsFunc(call.Draws, func(d bucket.Draw) bool { return slices.Contains(held, d.Key) }); got != want {
				t.Errorf("%s %s waits for it: %t, want %t", method, path, got, want)
			}
		}
	}
}

// A 403 is Discord's own, of a permission say, or of Cloudflare before it, which lets nothing of ours in.
func TestCloudflaresRefusalOfAClientStopsEverything(t *testing.T) {
	for _, tt := range []struct {
		name, body string
		header     http.Header
		want       []bucket.Update
	}{
		{"By its code.", `{"message":"internal network error","code":40333}`, nil, blocked(0, egress)},
		{"With a time.", `{"code":40333}`, header("Retry-After: 30"), blocked(30*time.Second, egress)},
		{"A page.", "<!DOCTYPE html><title>Access denied</title>", nil, blocked(0, egress)},
		{"A line of text.", "error code: 1010", header("Retry-After: 5"), blocked(5*time.Second, egress)},
		{"A permission.", `{"message":"Missing Access","code":50001}`, header("Retry-After: 5"), nil},
		{"An object that is cut off.", `{"message":"Missing Acc`, nil, nil},
		{"The answer to a HEAD.", "", nil, nil},
	} {
		for _, url := range []string{messages, oldMessages, "https://discord.com/api/webhooks/9/" + hookToken} {
			v := judge(t, "POST", url, &providers.Answer{Status: 403, Header: tt.header, Body: []byte(tt.body)})
			if !reflect.DeepEqual(v, providers.Verdict{Updates: tt.want}) {
				t.Errorf("%s %s: %+v, want %+v", url, tt.name, v, tt.want)
			}
		}
	}
}

// Neither scheme's letters nor what is no token at all is left to chance.
func TestOfRefusedCredentialsTokensAreHeldBack(t *testing.T) {
	p := discord.New(nil)
	for credential, held := range map[string]bool{
		"Bot x.y": true, "bot x.y": true, "Bearer x.y": true, "bearer x.y": true, "Basic eDp5": false, "x.y": false, "Botox x": false, "Bearers x": false,
	} {
		req := request(t, "GET", "https://discord.com/api/v10/users/@me/guilds")
		req.Header.Set("Authorization", credential)
		call, _ := p.Classify(req, received)
		v := charged(t, 401, p.Judge(req, &call, &providers.Answer{Status: 401, Received: received}))
		var want []bucket.Update
		if held {
			want = blocked(0, key("global", credential, ""))
		}
		if !reflect.DeepEqual(v.Updates, want) {
			t.Errorf("after a 401 to %q it updates\n%+v, want\n%+v", credential, v.Updates, want)
		}
	}
}
