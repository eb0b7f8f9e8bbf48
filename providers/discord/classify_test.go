package discord_test

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/underlimit/underlimit/bucket"
	"github.com/underlimit/underlimit/internal/digest"
	"github.com/underlimit/underlimit/providers"
	"github.com/underlimit/underlimit/providers/discord"
	"github.com/underlimit/underlimit/providers/providertest"
)

const (
	bot         = "Bot MTk4NjIyNDgzNDcxOTI1MjQ4.Cl2FMQ.ZnCjm1XVW7vRze4b7Cq4se7kKWs"
	hookToken   = "3d89bb7572e0fb30d8128367b3b1b44fecd1726de135cbe28a41f8b2f777c372ba29"
	replyToken  = "aW50ZXJhY3Rpb246ODQ2NDYyNjM5MTM0NjA1MzEyOkZnY0ZxVnpVRWJYYk"
	interaction = "/interactions/77/" + replyToken + "/callback"

	application = "8"                               // in whose name interactions are answered later
	replied     = "interactions/846462639134605312" // as replyToken has it

	otherReply = "aW50ZXJhY3Rpb246ODQ2NDYyNjM5MTM0NjA1MzEzOkZnY0ZxVnpVRWJYYk" // of the next interaction
)

var owners = digest.New("", "discord")

// request makes a request with the bot's token; a method in lower case leaves the token out.
func request(t testing.TB, method, rawURL string) *http.Request {
	t.Helper()
	req, err := http.NewRequest(strings.ToUpper(method), rawURL, nil)
	if err != nil {
		t.Fatal(err)
	}
	if method == strings.ToUpper(method) {
		req.Header.Set("Authorization", bot)
	}
	return req
}

func classify(t testing.TB, method, rawURL string) providers.Call {
	t.Helper()
	call, ok := discord.New(nil).Classify(request(t, method, rawURL), received)
	if !ok {
		t.Fatalf("%s %s is not claimed", method, rawURL)
	}
	return call
}

func key(limit, owner, subject string) bucket.Key {
	if owner != "" && owner != "egress" {
		owner = owners.Of(owner)
	}
	return bucket.Key{Provider: "discord", Limit: limit, Owner: owner, Subject: subject}
}

var egress = key("egress", "", "")

func TestARequestDrawsOnRouteGlobalAndEgress(t *testing.T) {
	global, byAddress := key("global", bot, ""), key("global", "egress", "")
	const (
		v10      = "https://discord.com/api/v10"
		commands = "POST /applications/{application}/guilds/{guild}/commands"
		ownEmoji = "PUT /channels/{channel}/messages/{message}/reactions/{emoji}/@me"
		anEmoji  = "DELETE /channels/{channel}/messages/{message}/reactions/{emoji}/{user}"
		deletion = "DELETE /channels/{channel}/messages/{message}"
		answer   = "POST /interactions/{interaction}/{token}/callback"
		followUp = "PATCH /webhooks/{webhook}/{token}/messages/{message}"
	)
	for _, tt := range []struct {
		method, url string
		route       string
		want        []bucket.Key
	}{
		{"POST", v10 + "/channels/123/messages?wait=1", "POST /channels/{channel}/messages", []bucket.Key{
			key("POST /channels/{channel}/messages", bot, "channels/123"), global, egress,
		}},
		{"PATCH", v10 + "/guilds/5/members/6", "PATCH /guilds/{guild}/members/{user}", []bucket.Key{
			key("PATCH /guilds/{guild}/members/{user}", bot, "guilds/5"), global, egress,
		}},
		{"GET", v10 + "/users/@me", "GET /users/@me", []bucket.Key{
			key("GET /users/@me", bot, ""), global, egress,
		}},
		{"GET", v10 + "/users/%40me", "GET /users/@me", []bucket.Key{
			key("GET /users/@me", bot, ""), global, egress,
		}},
		{"GET", v10 + "/users/6", "GET /users/{user}", []bucket.Key{
			key("GET /users/{user}", bot, ""), global, egress,
		}},
		{"GET", v10 + "/guilds/templates/hgM48av5Q69A", "GET /guilds/templates/{code}", []bucket.Key{
			key("GET /guilds/templates/{code}", bot, ""), global, egress,
		}},
		{"POST", v10 + "/applications/1/guilds/2/commands", commands, []bucket.Key{
			key(commands, bot, ""), global, egress,
		}},
		{"get", v10 + "/invites/abc", "GET /invites/{code}", []bucket.Key{
			key("GET /invites/{code}", "egress", ""), byAddress, egress,
		}},
		{"PURGE", v10 + "/channels/1/", "OTHER /channels/{channel}", []bucket.Key{
			key("OTHER /channels/{channel}", bot, "channels/1"), global, egress,
		}},

		// Emoji, in all the forms in which they are sent.
		{"PUT", v10 + "/channels/1/messages/2/reactions/%F0%9F%94%A5/@me", ownEmoji, []bucket.Key{
			key("reactions", bot, "channels/1"), global, egress,
		}},
		{"PUT", v10 + "/channels/1/messages/2/reactions/a%3A7/%40me", ownEmoji, []bucket.Key{
			key("reactions", bot, "channels/1"), global, egress,
		}},
		{"DELETE", v10 + "/channels/1/messages/2/reactions/a%2Fb/9", anEmoji, []bucket.Key{
			key("reactions", bot, "channels/1"), global, egress,
		}},

		// The version decides whether the old rule applies from the start.
		{"PUT", "https://discord.com/api/v7/channels/1/pins/2", "PUT /channels/{channel}/pins/{message}", []bucket.Key{
			key("PUT /channels/{channel}/pins/{message}", bot, "channels/1"),
			key("/channels/{channel}/pins/{message}", bot, "channels/1"), global, egress,
		}},
		{"PATCH", "https://discord.com/api/channels/1/messages/2", "PATCH /channels/{channel}/messages/{message}", []bucket.Key{
			key("PATCH /channels/{channel}/messages/{message}", bot, "channels/1"),
			key("/channels/{channel}/messages/{message}", bot, "channels/1"),
			key("PATCH /channels/{channel}/messages/{message} old", bot, "channels/1"), global, egress,
		}},
		{"DELETE", "https://discord.com/api/v6/channels/1/messages/2", deletion, []bucket.Key{
			key(deletion+" old", bot, "channels/1"), key(deletion+" old too", bot, "channels/1"), global, egress,
		}},

		// A webhook is its own credential, but an Authorization sent along is counted, too.
		{"post", "https://discord.com/api/webhooks/9/" + hookToken, "POST /webhooks/{webhook}/{token}", []bucket.Key{
			key("POST /webhooks/{webhook}/{token}", hookToken, "webhooks/9"),
			key("/webhooks/{webhook}/{token}", hookToken, "webhooks/9"), key("webhook", hookToken, "webhooks/9"), byAddress, egress,
		}},
		{"POST", v10 + "/webhooks/9/" + hookToken, "POST /webhooks/{webhook}/{token}", []bucket.Key{
			key("POST /webhooks/{webhook}/{token}", hookToken, "webhooks/9"), key("webhook", hookToken, "webhooks/9"), global, egress,
		}},
		{"PATCH", v10 + "/webhooks/9", "PATCH /webhooks/{webhook}", []bucket.Key{
			key("PATCH /webhooks/{webhook}", bot, "webhooks/9"), key("webhook", bot, "webhooks/9"), global, egress,
		}},

		// Interactions are not under the global limit, and the first answer is under no limit of a route.
		{"post", v10 + interaction, answer, []bucket.Key{key(answer, "egress", "interactions/77"), egress}},
		{"POST", "https://discord.com/api" + interaction, answer, []bucket.Key{
			key(answer, "egress", "interactions/77"), egress,
		}},
		{"POST", v10 + "/interactions/77/x/unheard-of", "other", []bucket.Key{
			key("other", "x", "/interactions/77/{}/unheard-of"), egress,
		}},
		{"PATCH", v10 + "/webhooks/8/" + replyToken + "/messages/@original", followUp, []bucket.Key{
			key(followUp, application, replied), key("webhook", application, replied), egress,
		}},

		// The old domain counts by itself.
		{"GET", "https://DiscordApp.com:443/api/v9/gateway/bot", "GET /gateway/bot", []bucket.Key{
			key("GET /gateway/bot", bot, ""), key("global", bot, "discordapp.com"), egress,
		}},

		// What is not documented is told apart by its shape.
		{"GET", v10, "other", []bucket.Key{key("other", bot, "/"), global, egress}},
		{"GET", v10 + "/channels/123/secret-santa/456", "other", []bucket.Key{
			key("other", bot, "/channels/123/secret-santa/{}"), global, egress,
		}},
		{"POST", "https://discord.com/api/channels/123/x", "other", []bucket.Key{
			key("other", bot, "/channels/123/x"), global, egress,
		}},
		{"POST", v10 + "/webhooks/9/short/unheard-of", "other", []bucket.Key{
			key("other", "short", "/webhooks/9/{}/unheard-of"), key("webhook", "short", "webhooks/9"), global, egress,
		}},
		{"GET", v10 + "/channels/%00/messages", "other", []bucket.Key{
			key("other", bot, "/channels/{}/messages"), global, egress,
		}},
		{"GET", v10 + "/a/b/c/d/e/f/g/h/i/j/k", "other", []bucket.Key{
			key("other", bot, "/a/b/c/d/e/f/g/h/..."), global, egress,
		}},
	} {
		t.Run(tt.method+" "+tt.url, func(t *testing.T) {
			call := classify(t, tt.method, tt.url)
			if call.Route != tt.route {
				t.Errorf("the route is %q, want %q", call.Route, tt.route)
			}
			var got []bucket.Key
			for _, d := range call.Draws {
				got = append(got, d.Key)
			}
			if !reflect.DeepEqual(got, tt.want) {
				t.Errorf("draws on\n%v, want\n%v", got, tt.want)
			}
		})
	}
}

// Where a token stands in the path, a request that is sent without the bot's is one that never had it.
func TestOmittingAuthorizationMakesRequestsThoseOfTheirOwnToken(t *testing.T) {
	const v10 = "https://discord.com/api/v10"
	p := discord.New(&discord.Options{OmitAuthorization: true})
	for _, tt := range []struct {
		method, url string
		omits       bool
	}{
		{"POST", v10 + "/webhooks/9/" + hookToken, true},
		{"POST", "https://discord.com/api/webhooks/9/" + hookToken + "/slack", true},
		{"PATCH", v10 + "/webhooks/9/" + hookToken + "/messages/3", true},
		{"POST", v10 + "/webhooks/8/" + replyToken, true},
		{"POST", v10 + interaction, true},
		{"DELETE", v10 + "/webhooks/8/" + replyToken + "/messages/@original", true},

		{"GET", v10 + "/webhooks/9", false},
		{"POST", v10 + "/webhooks/9/" + hookToken + "/unheard-of", false},
		{"POST", v10 + "/channels/1/webhooks", false},
		{"POST", v10 + "/channels/1/messages", false},
		{"GET", v10 + "/invites/abc", false},
	} {
		got, _ := p.Classify(request(t, tt.method, tt.url), received)
		want := classify(t, tt.method, tt.url)
		if tt.omits {
			want = classify(t, strings.ToLower(tt.method), tt.url)
			want.Omit = []string{"Authorization"}
		}
		if !reflect.DeepEqual(got.Omit, want.Omit) || got.Route != want.Route || !slices.EqualFunc(got.Draws, want.Draws,
			func(a, b bucket.Draw) bool { return a.Key == b.Key }) {
			t.Errorf("%s %s is\n%+v, want\n%+v", tt.method, tt.url, got, want)
		}
	}
}

func TestOnlyMajorParametersAndCredentialsTellBucketsApart(t *testing.T) {
	const one, two = "111111111111111111", "222222222222222222"
	for _, tt := range []struct {
		method, path string // the braces are one id or the other
		apart        bool
	}{
		{"POST", "/channels/{}/messages", true},
		{"GET", "/guilds/{}/members", true},
		{"PATCH", "/webhooks/{}", true},
		{"post", "/webhooks/{}/x", true},
		{"post", "/webhooks/9/{}", true},
		{"post", "/interactions/{}/x/callback", true},
		{"PATCH", "/webhooks/8/aW50ZXJhY3Rpb246{}/messages/@original", true},
		{"GET", "/channels/{}/unheard-of", true},

		{"GET", "/channels/1/messages/{}", false},
		{"DELETE", "/channels/1/messages/{}", false},
		{"PUT", "/channels/1/messages/2/reactions/{}/@me", false},
		{"DELETE", "/channels/1/messages/2/reactions/x/{}", false},
		{"PUT", "/guilds/1/members/{}/roles/3", false},
		{"PUT", "/guilds/1/members/2/roles/{}", false},
		{"PATCH", "/guilds/1/emojis/{}", false},
		{"DELETE", "/channels/1/thread-members/{}", false},
		{"PATCH", "/webhooks/9/x/messages/{}", false},
		{"GET", "/users/{}", false},
		{"GET", "/users/@me/guilds/{}/member", false},
		{"GET", "/invites/{}", false},
		{"GET", "/stickers/{}", false},
		{"PATCH", "/applications/{}/commands/2", false},
		{"PATCH", "/applications/1/guilds/{}/commands/2", false},
		{"GET", "/channels/1/unheard-of/{}", false},
	} {
		for _, version := range []string{"/v10", "/v9", "/v8", "/v7", "/v6", ""} {
			a := classify(t, tt.method, "https://discord.com/api"+version+strings.Replace(tt.path, "{}", one, 1))
			b := classify(t, tt.method, "https://discord.com/api"+version+strings.Replace(tt.path, "{}", two, 1))
			if a.Route != b.Route || len(a.Draws) != len(b.Draws) {
				t.Fatalf("%s%s: %+v and %+v", version, tt.path, a, b)
			}
			if apart := a.Draws[0].Key != b.Draws[0].Key; apart != tt.apart {
				t.Errorf("%s%s: %v and %v, apart is %t", version, tt.path, a.Draws[0].Key, b.Draws[0].Key, apart)
			}
		}
	}
}

func TestHowAPathIsWrittenTellsNoBucketsApart(t *testing.T) {
	want := classify(t, "POST", "https://discord.com/api/v10/channels/123/messages")
	for _, path := range []string{
		"//api/v10/channels/123/messages", "/api//v10//channels/123/messages//", "/api/v10/channels//123/messages",
		"/api/v10/channels/123//messages", "/api/v10/channels/%3123/messages", "/%61pi/v1%30/channels/123/messages",
	} {
		if got := classify(t, "POST", "https://discord.com"+path); got.Draws[0].Key != want.Draws[0].Key {
			t.Errorf("%s draws on %v, not on %v", path, got.Draws[0].Key, want.Draws[0].Key)
		}
	}
}

func TestAVersionIsOneInItsPlaceAlone(t *testing.T) {
	for path, want := range map[string]string{
		"/api/v10/webhooks/123/v7":     "GET /webhooks/{webhook}/{token}",
		"/api/webhooks/123/v10":        "GET /webhooks/{webhook}/{token}",
		"/api/v10/v9/channels/123":     "other",
		"/api/v10/channels/123/v9":     "other",
		"/api/version/channels/123":    "other",
		"/api/v10/webhooks/v9/a/v8/v7": "other",
	} {
		if got := classify(t, "GET", "https://discord.com"+path); got.Route != want {
			t.Errorf("%s is %q, not %q", path, got.Route, want)
		}
	}
}

func TestHostsDifferInTheirGlobalLimitAlone(t *testing.T) {
	const path = "/api/v9/channels/1/messages"
	want := classify(t, "POST", "https://discord.com"+path)
	for _, host := range []string{"discord.com", "discordapp.com"} {
		for _, prefix := range []string{"", "ptb.", "canary."} {
			got := classify(t, "POST", "https://"+prefix+host+path)
			subject := map[string]string{"discordapp.com": host}[host]
			for i, d := range got.Draws {
				w := want.Draws[i].Key
				if w.Limit == "global" {
					w.Subject = subject
				}
				if d.Key != w {
					t.Errorf("%s%s: draws on %v, want %v", prefix, host, d.Key, w)
				}
			}
		}
	}
}

func TestAChangeOfANameDrawsOnAFurtherLimit(t *testing.T) {
	const (
		edit = "PATCH /channels/{channel}"
		v10  = "https://discord.com/api/v10/channels/1"
	)
	long := `{"permission_overwrites":"` + strings.Repeat("x", 16<<10) + `"}`
	for _, tt := range []struct {
		name, method, url, body string
		want                    bool
	}{
		{"A name.", "PATCH", v10, `{"name":"x"}`, true},
		{"A topic behind something else.", "PATCH", v10, ` { "nsfw" : true, "tags":[{"a":1}], "topic" : null }`, true},
		{"Below version 8.", "PATCH", "https://discord.com/api/v6/channels/1", `{"name":"x"}`, true},
		{"Neither.", "PATCH", v10, `{"nsfw":true}`, false},
		{"Neither at the top.", "PATCH", v10, `{"available_tags":[{"name":"x"}],"metadata":{"topic":"name"}}`, false},
		{"Nothing.", "PATCH", v10, `{}`, false},
		{"No body.", "PATCH", v10, "", false},
		{"Another method.", "PUT", v10, `{"name":"x"}`, false},
		{"Another route.", "PATCH", v10 + "/messages/2", `{"name":"x"}`, false},
		{"A long one may.", "PATCH", v10, long, true},
		{"One that breaks off may.", "PATCH", v10, `{"nsfw":true`, true},
		{"One that is no object may.", "PATCH", v10, `["x"]`, true},
		{"One that is no JSON may.", "PATCH", v10, "nsfw=true", true},
		{"One that cannot be seen may.", "PATCH", v10, "unseen", true},
		{"One that cannot be read may.", "PATCH", v10, "unreadable", true},
		{"One that does not come may.", "PATCH", v10, "stuck", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			req := request(t, tt.method, tt.url)
			if tt.body != "" {
				req.Body = io.NopCloser(iotest.ErrReader(errors.New("the body itself was read")))
				req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(tt.body)), nil }
			}
			switch tt.body {
			case "unseen":
				req.GetBody = nil
			case "unreadable":
				req.GetBody = func() (io.ReadCloser, error) { return nil, errors.New("gone") }
			case "stuck":
				req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(stuck{}), nil }
			}
			call, _ := discord.New(nil).Classify(req, received)
			i := slices.IndexFunc(call.Draws, func(d bucket.Draw) bool { return d.Key.Limit == edit+" name" })
			switch {
			case i < 0 && tt.want:
				t.Errorf("draws on %v", call.Draws)
			case i < 0:
			case !tt.want:
				t.Errorf("draws on %v", call.Draws[i])
			default:
				want := bucket.Draw{Key: key(edit+" name", bot, "channels/1"), Policy: &bucket.Policy{Hidden: true, Concurrent: 1}}
				if !reflect.DeepEqual(call.Draws[i], want) || call.Draws[0].Key.Limit != edit || call.Route != edit {
					t.Errorf("%s draws on %v", call.Route, call.Draws)
				}
			}
		})
	}
}

// stuck is a reader that never has anything.
type stuck struct{}

func (stuck) Read([]byte) (int, error) { return 0, nil }

func TestTheGlobalLimitAndTheBanHavePoliciesAndRoutesHaveNone(t *testing.T) {
	for _, tt := range []struct {
		opts           *discord.Options
		quota, invalid int
	}{
		{nil, 50, 9500},
		{&discord.Options{GlobalPerSecond: -1}, 50, 9500},
		{&discord.Options{GlobalPerSecond: 500, InvalidPer10Minutes: 7}, 500, 7},
		{&discord.Options{InvalidPer10Minutes: -1}, 50, 0},
	} {
		p := discord.New(tt.opts)
		call, _ := p.Classify(request(t, "GET", "https://discord.com/api/v10/channels/1"), received)
		again, _ := p.Classify(request(t, "GET", "https://discord.com/api/v10/channels/2"), received)
		var got []*bucket.Policy
		for i, d := range call.Draws {
			got = append(got, d.Policy)
			if d.Policy != again.Draws[i].Policy {
				t.Errorf("%v: each request has a policy of its own", d.Key)
			}
		}
		ban := &bucket.Policy{}
		if tt.invalid > 0 {
			*ban = bucket.Policy{Quota: tt.invalid, Window: 10 * time.Minute, Charged: true}
		}
		want := []*bucket.Policy{nil, {Quota: tt.quota, Window: time.Second}, ban}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%+v: got %v, want %v", tt.opts, got, want)
		}
	}
}

// snowflake returns an id that was made at a time: https://discord.com/developers/docs/reference#snowflakes
func snowflake(made time.Time) string {
	return strconv.FormatInt((made.UnixMilli()-1420070400000)<<22|123, 10)
}

func TestADeletionDrawsOnTheLimitForTheAgeOfTheMessage(t *testing.T) {
	const (
		route = "DELETE /channels/{channel}/messages/{message}"
		ms    = time.Millisecond
		days  = 24 * time.Hour
	)
	epoch := time.UnixMilli(1420070400000)
	aged := func(age time.Duration) string { return snowflake(received.Add(-age)) }
	for _, tt := range []struct {
		name, id string
		now      time.Time
		want     string
	}{
		{"Made now.", aged(0), received, " young"},
		{"A little less than ten seconds old.", aged(10*time.Second - ms), received, " young"},
		{"Ten seconds old.", aged(10 * time.Second), received, ""},
		{"Fourteen days old.", aged(14 * days), received, ""},
		{"A little more than fourteen days old.", aged(14*days + ms), received, " old"},
		{"The documented example.", "175928847299117063", time.UnixMilli(1462015105796 + 9999), " young"},
		{"The documented example, later.", "175928847299117063", time.UnixMilli(1462015105796 + 10000), ""},
		{"By a clock elsewhere.", aged(time.Minute), received.In(time.FixedZone("", 5*60*60)), ""},
		{"Made at the epoch.", "0", received, " old"},
		{"Digits enough for a year.", "0000000000000000000000000000001", received, " old"},

		{"From the future.", aged(-time.Hour), received, " young"},
		{"From as far as can be.", "18446744073709551615", received, " young"},
		{"From farther.", "18446744073709551616", received, " young"},
		{"Before the epoch.", "-1", received, " young"},
		{"No number.", "last", received, " young"},

		{"By a clock before the epoch.", aged(0), epoch.Add(-ms), " young"},
		{"By a clock at the epoch.", "0", epoch, " young"},
		{"By no clock.", "0", time.Time{}, " young"},
		{"By a clock at the end.", aged(0), time.Date(9999, time.December, 31, 0, 0, 0, 0, time.UTC), " old"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, version := range []string{"/v10", "/v6"} { // by the old rule deletions have a counter of their own, too
				req := request(t, "DELETE", "https://discord.com/api"+version+"/channels/1/messages/"+tt.id)
				call, _ := discord.New(nil).Classify(req, tt.now)
				draws := 3
				if tt.want == " old" { // and on what only refusals show
					draws++
				}
				if want := key(route+tt.want, bot, "channels/1"); call.Draws[0].Key != want || len(call.Draws) != draws {
					t.Errorf("%s: draws on %v, want first %v", version, call.Draws, want)
				}
				if call.Route != route {
					t.Errorf("%s: the route is %q", version, call.Route)
				}
			}
		})
	}
}

func TestAnEditOfAnOldMessageDrawsOnAFurtherLimit(t *testing.T) {
	const route = "PATCH /channels/{channel}/messages/{message}"
	aged := func(age time.Duration) string { return snowflake(received.Add(-age)) }
	for _, tt := range []struct {
		name, method, path string
		want               bool
	}{
		{"An hour old.", "PATCH", aged(time.Hour), false},
		{"Older.", "PATCH", aged(time.Hour + time.Millisecond), true},
		{"From the future.", "PATCH", aged(-time.Hour), false},
		{"Of an age that cannot be told.", "PATCH", "last", true},
		{"Another method.", "GET", aged(2 * time.Hour), false},
		{"Another route.", "PATCH", aged(2*time.Hour) + "/x", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, version := range []string{"/v10", "/v6"} {
				call := classify(t, tt.method, "https://discord.com/api"+version+"/channels/1/messages/"+tt.path)
				want := bucket.Draw{Key: key(route+" old", bot, "channels/1"), Policy: &bucket.Policy{Hidden: true, Concurrent: 1}}
				i := slices.IndexFunc(call.Draws, func(d bucket.Draw) bool { return d.Key == want.Key })
				if i >= 0 != tt.want || i >= 0 && (!reflect.DeepEqual(call.Draws[i], want) || call.Route != route) {
					t.Errorf("%s: %s draws on %v", version, call.Route, call.Draws)
				}
			}
		})
	}
}

func TestOnlyTheAPIIsClaimed(t *testing.T) {
	p := discord.New(&discord.Options{Hosts: []string{"Proxy.example:8080", "", "[::1]"}})
	for rawURL, want := range map[string]bool{
		"https://discord.com/api/v10/users/@me":             true,
		"https://ptb.discord.com/api/v10/users/@me":         true,
		"https://canary.discordapp.com/api/v9/users/@me":    true,
		"https://DISCORD.COM:8443/api/webhooks/1/x":         true,
		"https://discord.com/api":                           true,
		"http://proxy.example/api/v10/users/@me":            true,
		"http://[::1]:80/api/v10/users/@me":                 true,
		"https://discord.com/apiv10/users/@me":              false,
		"https://discord.com/":                              false,
		"https://discord.com":                               false,
		"https://discord.com/channels/1/2":                  false,
		"https://cdn.discordapp.com/api/avatars/1/a.png":    false,
		"https://gateway.discord.gg/api/?v=10":              false,
		"https://discord.com.example.org/api/v10/users/@me": false,
		"/api/v10/users/@me":                                false,
		"mailto:discord.com/api/v10":                        false,
	} {
		if _, got := p.Classify(request(t, "GET", rawURL), received); got != want {
			t.Errorf("%s: claimed is %t, want %t", rawURL, got, want)
		}
	}
	if _, claimed := p.Classify(&http.Request{}, received); claimed {
		t.Error("a request without a URL is claimed")
	}
}

func TestCredentialsAreToldApartByDigestsThatDependOnTheSecret(t *testing.T) {
	owner := func(secret, authorization string) string {
		req := request(t, "get", "https://discord.com/api/v10/users/@me")
		req.Header.Set("Authorization", authorization)
		call, _ := discord.New(&discord.Options{Secret: secret}).Classify(req, received)
		return call.Draws[0].Key.Owner
	}
	all := []string{owner("", "Bot x"), owner("", "Bearer x"), owner("s", "Bot x")}
	if all[0] != owner("", "Bot x") {
		t.Error("one credential has two owners")
	}
	slices.Sort(all)
	if len(slices.Compact(all)) != 3 {
		t.Errorf("owners %q are not three", all)
	}
}

func TestEveryDocumentedPathMatchesItsOwnTemplateAlone(t *testing.T) {
	shapes := map[string]string{}
	for _, template := range discord.Templates {
		segments := strings.Split(template[1:], "/")
		if len(segments) >= discord.MaxSegments {
			t.Errorf("%s has %d segments: too many to be told from a longer path", template, len(segments))
		}
		path := strings.Split(template, "/")
		shape := slices.Clone(path)
		for i, seg := range path {
			if strings.HasPrefix(seg, "{") {
				path[i], shape[i] = "12", "{}"
			}
		}
		if twin, ok := shapes[strings.Join(shape, "/")]; ok {
			t.Errorf("%s and %s are one", template, twin)
		}
		shapes[strings.Join(shape, "/")] = template
		for _, method := range []string{"GET", "DELETE"} {
			call := classify(t, method, "https://discord.com/api/v10"+strings.Join(path, "/"))
			if want := method + " " + template; call.Route != want {
				t.Errorf("%s is taken for %q, want %q", strings.Join(path, "/"), call.Route, want)
			}
		}
	}
}

func TestTheProviderConforms(t *testing.T) {
	var reqs []*http.Request
	for _, r := range []struct{ method, path string }{
		{"POST", "/v10/channels/123/messages"},
		{"POST", "/v6/channels/123/messages"},
		{"DELETE", "/v6/channels/123/messages/456"},
		{"PATCH", "/v10/channels/123/messages/456"},
		{"DELETE", "/v10/channels/123/messages/" + snowflake(received.Add(-time.Minute))},
		{"get", "/v10/invites/abc"},
		{"post", "/webhooks/9/" + hookToken},
		{"POST", "/v10/webhooks/9/" + hookToken + "/unheard-of"},
		{"PATCH", "/v10/webhooks/8/" + replyToken + "/messages/@original"},
		{"post", "/v10" + interaction},
		{"GET", "/channels/123/secret-santa/456"},
	} {
		req := request(t, r.method, "https://discord.com/api"+r.path)
		reqs = append(reqs, providertest.Secret(req, hookToken, replyToken))
	}
	for _, version := range []string{"/v10", "/v6"} {
		rename, err := http.NewRequest(http.MethodPatch, "https://discord.com/api"+version+"/channels/123",
			strings.NewReader(`{"name":"x"}`))
		if err != nil {
			t.Fatal(err)
		}
		reqs = append(reqs, rename)
	}
	providertest.Test(t, discord.New(nil), reqs...)
	providertest.Test(t, discord.New(&discord.Options{OmitAuthorization: true}), reqs...)
}

func FuzzClassify(f *testing.F) {
	for _, t := range discord.Templates {
		f.Add("GET", "/api/v10"+t, "", int64(0))
	}
	f.Add("", "/api//v7//webhooks/1/"+hookToken, "Bot x", int64(0))
	f.Add("DELETE", "/api/v99999999999/channels/1/../%2f/%zz", "", int64(0))
	f.Add("DELETE", "/api/channels/1/messages/175928847299117063", "", int64(1462015115))
	f.Add("\x00", "/api/%76/"+strings.Repeat("/a", 99), "", int64(0))
	p := discord.New(nil)
	routes := map[string]bool{"other": true}
	for _, t := range discord.Templates {
		for _, m := range []string{"GET", "POST", "PUT", "PATCH", "DELETE", "OTHER"} {
			routes[m+" "+t] = true
		}
	}
	f.Fuzz(func(t *testing.T, method, path, authorization string, now int64) {
		u := &url.URL{Scheme: "https", Host: "discord.com", Path: path}
		if decoded, err := url.PathUnescape(path); err == nil {
			u.Path, u.RawPath = decoded, path
		}
		req := &http.Request{Method: method, URL: u, Header: http.Header{"Authorization": {authorization}}}
		call, ok := p.Classify(req, time.Unix(now, 0))
		if !ok {
			return
		}
		if !routes[call.Route] {
			t.Errorf("route %q is not of the closed set", call.Route)
		}
		for _, d := range call.Draws {
			unprintable := func(r rune) bool { return r < ' ' || r > '~' }
			if len(d.Key.Subject) > 512 || strings.ContainsFunc(d.Key.Subject, unprintable) {
				t.Errorf("subject %q", d.Key.Subject)
			}
		}
	})
}

func BenchmarkClassify(b *testing.B) {
	p := discord.New(nil)
	for name, req := range map[string]*http.Request{
		"message": request(b, "POST", "https://discord.com/api/v10/channels/123456789012345678/messages"),
		"reaction": request(b, "PUT", "https://discord.com/api/v10/channels/123456789012345678"+
			"/messages/123456789012345678/reactions/%F0%9F%94%A5/@me"),
		"webhook": request(b, "post", "https://discord.com/api/webhooks/123456789012345678/"+hookToken),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				p.Classify(req, received)
			}
		})
	}
}
