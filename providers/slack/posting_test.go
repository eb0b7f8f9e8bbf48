package slack_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/underlimit/underlimit/bucket"
	"github.com/underlimit/underlimit/providers/slack"
)

// inWorld runs f in a bubble.
func inWorld(t *testing.T, opts *slack.Options, f func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { f(newWorld(t, opts)) })
}

// ok sends a request that is answered with success, and wants it to go at a certain moment.
func (w *world) ok(req *http.Request, at time.Duration) {
	w.Helper()
	w.goes(req, at, 200, `{"ok":true}`)
}

// goes sends a request and wants it to go at a certain moment.
func (w *world) goes(req *http.Request, at time.Duration, status int, body string, header ...string) {
	w.Helper()
	if got := w.send(req, status, body, header...); got != at {
		w.Errorf("%s goes after %v, want %v", req.URL.Path, got, at)
	}
}

func postTo(t testing.TB, channel string) *http.Request {
	return form(t, "chat.postMessage", "channel", channel)
}

func TestAllRoutesThatPostAMessageShareWhatTheChannelAllows(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		at := time.Duration(0)
		for _, m := range []string{
			"chat.postMessage", "chat.meMessage", "chat.startStream", "chat.postEphemeral", "files.completeUploadExternal",
			"files.remote.share", "files.upload",
		} {
			name := "channel"
			if strings.HasPrefix(m, "files.") {
				name = "channels"
			}
			w.ok(form(t, m, name, "C1"), at)
			at += time.Second
		}
		for _, m := range []string{
			"chat.appendStream", "chat.stopStream", "chat.update", "chat.scheduleMessage", "chat.delete",
		} {
			w.ok(form(t, m, "channel", "C1"), at-time.Second) // under their tiers alone
		}
	})
}

func TestAllMessagesOfAWorkspaceShareItsCap(t *testing.T) {
	inWorld(t, &slack.Options{WorkspacePerMinute: 4}, func(w *world) {
		hook := to(of(request(t, "POST", "https://hooks.slack.com/services/T1/B1/x", "{}"), "A1/T1"), "C2")
		w.ok(of(postTo(t, "C1"), "A1/T1"), 0)
		w.ok(hook, 15*time.Second)
		w.ok(of(form(t, "chat.meMessage", "channel", "C3"), "A1/T1"), 30*time.Second)
		w.ok(of(postTo(t, "C4"), "A1/T2"), 30*time.Second) // another workspace
	})
}

func TestAChannelsOtherNamesCountAsItself(t *testing.T) {
	for _, name := range []string{"#general", "general", "U024BE7LH", "@somebody"} {
		for _, m := range []string{"chat.postMessage", "chat.meMessage"} {
			t.Run(m+" to "+name, func(t *testing.T) {
				inWorld(t, nil, func(w *world) {
					w.goes(form(t, m, "channel", name), 0, 200, `{"ok":true,"channel":"C1","ts":"1.2","message":{"channel":"C9"}}`)
					w.ok(postTo(t, "C1"), time.Second)
					w.ok(form(t, m, "channel", name), 2*time.Second)
					w.ok(postTo(t, "C2"), 2*time.Second)
				})
			})
		}
	}
}

func TestAChannelsNameIsTheSameWithAndWithoutItsSign(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.ok(postTo(t, "#general"), 0)
		w.ok(postTo(t, "general"), time.Second)
		w.ok(to(postTo(t, ""), " #general"), 2*time.Second)
		w.ok(form(t, "files.upload", "channels", "C9, #general"), 3*time.Second)
		w.ok(postTo(t, "#"), 3*time.Second)         // no channel, which Slack will say
		w.ok(postTo(t, "#C9"), 3*time.Second)       // not the ID
		w.ok(postTo(t, "##general"), 3*time.Second) // nor the name
	})
}

func TestAChannelThatIsRenamedIsAnother(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.goes(postTo(t, "#general"), 0, 200, `{"ok":true,"channel":"C1"}`)
		w.goes(postTo(t, "#general"), time.Second, 200, `{"ok":true,"channel":"C2"}`)
		w.ok(postTo(t, "C2"), time.Second)
		w.ok(postTo(t, "#general"), 2*time.Second)
	})
}

func TestNoOtherNameIsLearnedFromWhatDoesNotTellIt(t *testing.T) {
	p := slack.New(nil)
	two := form(t, "files.upload", "channels", "#a,#b")
	for _, tt := range []struct {
		req  *http.Request
		body string
	}{
		{postTo(t, "#general"), `{"ok":false,"channel":"C1","error":"x"}`},
		{postTo(t, "#general"), `{"channel":"C1"}`},
		{postTo(t, "#general"), `{"ok":true,"channel":"#general"}`},
		{postTo(t, "#general"), `{"ok":true,"channel":"U1"}`},
		{postTo(t, "#general"), `{"ok":true,"channel":"c1"}`},
		{postTo(t, "#general"), `{"ok":true,"channel":7}`},
		{postTo(t, "#general"), `{"ok":true,"message":{"channel":"C1"}}`},
		{postTo(t, "#general"), `{"ok":true,"channel":"C` + strings.Repeat("1", 100) + `"}`},
		{postTo(t, "#general"), `["C1"]`},
		{postTo(t, "C2"), `{"ok":true,"channel":"C1"}`}, // an ID is what it is
		{two, `{"ok":true,"channel":"C1"}`},
		{form(t, "reactions.add", "channel", "#general"), `{"ok":true,"channel":"C1"}`},
		{
			to(of(request(t, "POST", "https://hooks.slack.com/services/T/B/x", "{}"), "A"), "#general"),
			`{"ok":true,"channel":"x"}`,
		},
	} {
		call := classify(t, p, tt.req)
		if v := p.Judge(tt.req, &call, answer(200, tt.body)); v.Updates != nil {
			t.Errorf("%s: %v", tt.body, v.Updates)
		}
	}
}

func TestASecondChannelThatIsRefusedStopsTheWorkspace(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.goes(postTo(t, "C1"), 0, 429, "", "Retry-After", "30")
		w.ok(postTo(t, "C2"), 0) // the channel cools alone
		w.goes(postTo(t, "C3"), 0, 429, `{"ok":false,"error":"ratelimited"}`, "Retry-After", "10")
		w.ok(form(t, "chat.update", "channel", "C4"), 0)
		w.ok(postTo(t, "C4"), 10*time.Second)
		w.ok(postTo(t, "C1"), 30*time.Second)
	})
}

func TestOneChannelThatIsRefusedAgainStopsNoOther(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.goes(postTo(t, "C1"), 0, 429, "", "Retry-After", "3")
		w.goes(postTo(t, "C1"), 3*time.Second, 429, "", "Retry-After", "3")
		w.ok(postTo(t, "C2"), 3*time.Second)
	})
}

// installation is an answer of oauth.v2.access with an incoming webhook.
func installation(target, channel string) string {
	return `{"ok":true,"app_id":"A1","access_token":"` + token + `","team":{"id":"T1"},"incoming_webhook":{` +
		`"channel":"#general","channel_id":"` + channel + `","configuration_url":"https://x.slack.com/B1",` +
		`"url":"` + target + `"}}`
}

func TestAWebhookThatIsHandedOutSharesWhatItsChannelAllows(t *testing.T) {
	const target = "https://hooks.slack.com/services/T1/B1/secret"
	hook := func() *http.Request { return request(t, "POST", target, "{}") }
	inWorld(t, nil, func(w *world) {
		w.send(exchange(t, "oauth.v2.access"), 200, installation(target, "C1"))
		w.goes(hook(), 0, 200, "ok")
		w.ok(postTo(t, "C1"), time.Second)
		w.goes(hook(), 2*time.Second, 200, "ok")
		w.ok(postTo(t, "C2"), 2*time.Second)
		w.goes(hook(), 3*time.Second, 429, `{"retry_after":9,"ok":false,"error":"rate_limited"}`)
		w.ok(postTo(t, "C1"), 12*time.Second)
	})
}

func TestAWebhookThatWasUsedBeforeItsChannelIsKnownSharesWhatThatAllows(t *testing.T) {
	const target = "https://hooks.slack.com/services/T1/B1/secret"
	hook := func() *http.Request { return request(t, "POST", target, "{}") }
	inWorld(t, nil, func(w *world) {
		w.goes(hook(), 0, 200, "ok")
		w.send(exchange(t, "oauth.v2.access"), 200, installation(target, "C1"))
		w.ok(postTo(t, "C1"), time.Second)
		w.goes(hook(), 2*time.Second, 200, "ok")
		w.ok(postTo(t, "C1"), 3*time.Second)
	})
}

func TestNoWebhookIsLearnedFromWhatIsNone(t *testing.T) {
	const target = "https://hooks.slack.com/services/T1/B1/secret"
	learns := func(opts *slack.Options, body string) bool {
		p, req := slack.New(opts), exchange(t, "oauth.v2.access")
		call := classify(t, p, req)
		for _, u := range p.Judge(req, &call, answer(200, body)).Updates {
			if _, ok := u.(bucket.SameBucket); ok {
				return true
			}
		}
		return false
	}
	if !learns(nil, installation(target, "C1")) {
		t.Fatal("none is learned at all")
	}
	for name, tt := range map[string]struct {
		opts *slack.Options
		body string
	}{
		"a trigger":      {nil, installation("https://hooks.slack.com/triggers/T1/1/secret", "C1")},
		"another host":   {nil, installation("https://hooks.example/services/T1/B1/secret", "C1")},
		"GovSlack":       {nil, installation("https://hooks.slack-gov.com/services/T1/B1/secret", "C1")},
		"no URL":         {nil, installation(":", "C1")},
		"no path":        {nil, installation("https://hooks.slack.com/", "C1")},
		"a URL too long": {nil, installation(target+strings.Repeat("x", 2000), "C1")},
		"no channel":     {nil, installation(target, "#general")},
		"no workspace":   {nil, strings.Replace(installation(target, "C1"), `"id":"T1"`, "", 1)},
		"webhooks have a limit of their own": {
			&slack.Options{Limits: map[string]slack.Limit{"webhook": {PerMinute: 5}}}, installation(target, "C1"),
		},
		"some channels have a limit of their own": {
			&slack.Options{Installs: map[string]slack.Overrides{"x": {ChannelBurst: 9}}}, installation(target, "C1"),
		},
	} {
		if learns(tt.opts, tt.body) {
			t.Errorf("%s is learned", name)
		}
	}
}

func TestALongRefusalOfTheHistoryShowsAnAppOutsideOfTheMarketplace(t *testing.T) {
	for _, m := range []string{"conversations.history", "conversations.replies"} {
		read := func() *http.Request { return form(t, m, "channel", "C1") }
		t.Run(m, func(t *testing.T) {
			inWorld(t, nil, func(w *world) {
				w.ok(read(), 0)
				w.goes(read(), 0, 429, "", "Retry-After", "20")
				for i := range 5 {
					w.ok(read(), 20*time.Second+time.Duration(i)*time.Minute)
				}
				w.ok(form(t, "conversations.members", "channel", "C1"), 260*time.Second)
				w.ok(with(read(), otherToken), 260*time.Second)
				time.Sleep(time.Hour)
				w.ok(read(), time.Hour+260*time.Second)
				w.ok(read(), time.Hour+260*time.Second) // it is tried again
			})
		})
	}
	short := func(m, wait string) (second time.Duration) {
		inWorld(t, nil, func(w *world) {
			w.goes(form(t, m, "channel", "C1"), 0, 429, "", "Retry-After", wait)
			first := w.send(form(t, m, "channel", "C1"), 200, "")
			second = w.send(form(t, m, "channel", "C1"), 200, "") - first
		})
		return second
	}
	if d := short("conversations.history", "19"); d != 0 {
		t.Errorf("after a short refusal the history waits for %v", d)
	}
	if d := short("conversations.info", "60"); d != 0 {
		t.Errorf("another method waits for %v", d)
	}
}

func TestAppsOutsideOfTheMarketplaceReadTheHistoryOnceAMinute(t *testing.T) {
	inWorld(t, &slack.Options{NonMarketplace: true}, func(w *world) {
		for i := range 3 {
			w.ok(form(t, "conversations.history", "channel", "C1"), time.Duration(i)*time.Minute)
		}
		w.ok(form(t, "conversations.info", "channel", "C1"), 2*time.Minute)
	})
}

func TestAProfileIsUnderThreeLimits(t *testing.T) {
	set := func(token string, user ...string) *http.Request {
		return of(with(form(t, "users.profile.set", user...), token), "A1/T1")
	}
	keysOf := func(req *http.Request) []bucket.Key { return keys(classify(t, slack.New(nil), req)) }
	one := keysOf(set(token, "user", "U1"))
	if len(one) != 3 || one[0].Limit != "users.profile.set.user" || one[1].Limit != "users.profile.set.token" {
		t.Fatalf("draws on %v", one)
	}
	two, own, others := keysOf(set(token, "user", "U2")), keysOf(set(token)), keysOf(set(otherToken, "user", "U1"))
	if one[0] == two[0] || one[1] != two[1] || one[2] != two[2] {
		t.Errorf("another user: %v and %v", one, two)
	}
	if own[0] == one[0] || own[1] != one[1] {
		t.Errorf("one's own profile: %v and %v", one, own)
	}
	if others[0] == one[0] || others[1] == one[1] || others[2] != one[2] {
		t.Errorf("another token of the installation: %v and %v", one, others)
	}
	for i, want := range []bucket.Policy{tier(10), tier(30), tier(50)} {
		if got := *classify(t, slack.New(nil), set(token, "user", "U1")).Draws[i].Policy; got != want {
			t.Errorf("%v: %+v, want %+v", one[i], got, want)
		}
	}
	p := slack.New(&slack.Options{Limits: map[string]slack.Limit{"users.profile.set.user": {PerMinute: -1}}})
	if got := *classify(t, p, set(token)).Draws[0].Policy; got != (bucket.Policy{}) {
		t.Errorf("as overridden: %+v", got)
	}
}

func TestASearchIsUnderALimitOfItsUser(t *testing.T) {
	p := slack.New(nil)
	search := func(token string) []bucket.Draw {
		return classify(t, p, of(with(form(t, "assistant.search.context"), token), "A1/T1")).Draws
	}
	a, b := search(token), search(otherToken)
	if len(a) != 2 || a[0].Key == b[0].Key || a[1] != b[1] || *a[0].Policy != tier(10) {
		t.Errorf("one user %+v, another %+v", a, b)
	}
}

func TestAnInvitationTooManyForAUserStopsThatUserAlone(t *testing.T) {
	invite := func(token string) *http.Request {
		return of(with(form(t, "conversations.inviteShared", "emails", "a@b.example"), token), "A1/T1")
	}
	inWorld(t, nil, func(w *world) {
		w.goes(invite(token), 0, 200, `{"ok":false,"error":"ratelimit"}`, "Retry-After", "30")
		w.ok(invite(otherToken), 0)
		w.ok(invite(token), 30*time.Second)
		w.goes(invite(token), 30*time.Second, 429, "", "Retry-After", "30") // the method's
		w.ok(invite(otherToken), 60*time.Second)
	})
}

func TestSCIMIsUnderTheTighterOfEndpointAndOrganization(t *testing.T) {
	call := func(method, path string) *http.Request {
		return bearer(t, method, "https://api.slack.com/scim/"+path, "")
	}
	inWorld(t, nil, func(w *world) {
		for i := range 180 { // what goes at once of all endpoints together
			kind := []string{"v1/Users", "v2/Groups", "v2/Users/W1", "v2/Groups/S1", "v1/Groups/S2", "v2/Schemas"}[i%6]
			verb := []string{"POST", "POST", "DELETE", "DELETE", "PATCH", "POST"}[i%6]
			if i >= 120 {
				kind, verb = "v2/Schemas", "POST" // no endpoint with a limit of its own has so much at once
			}
			w.goes(call(verb, kind), 0, 200, "")
		}
		w.goes(call("PUT", "v2/Groups/S9"), 100*time.Millisecond, 200, "") // 600 a minute
		w.goes(call("GET", "v2/Users/W1"), 100*time.Millisecond, 200, "")  // reads are apart
	})
	inWorld(t, nil, func(w *world) {
		for range 20 {
			w.goes(call("PUT", "v2/Users/W1"), 0, 200, "")
		}
		every := time.Minute / 180
		w.goes(call("PATCH", "v1/Users/W2"), every, 200, "") // one limit for both, and for both versions
		w.goes(call("DELETE", "v1/Users/W2"), every, 200, "")
	})
}

func TestEverySCIMEndpointHasItsPublishedLimit(t *testing.T) {
	p := slack.New(nil)
	for _, tt := range []struct {
		method, path, route string
		want                []bucket.Policy
	}{
		{"GET", "v2/Users/W1", "scim.users.get", []bucket.Policy{limit(300, 300), limit(1000, 1000)}},
		{"HEAD", "v1/Users/W1/", "scim.users.get", []bucket.Policy{limit(300, 300), limit(1000, 1000)}},
		{"POST", "v2/Users", "scim.users.post", []bucket.Policy{limit(180, 20), limit(600, 180)}},
		{"PUT", "v2/Users/W1", "scim.users.put", []bucket.Policy{limit(180, 20), limit(600, 180)}},
		{"PATCH", "v1/users/W1", "scim.users.put", []bucket.Policy{limit(180, 20), limit(600, 180)}},
		{"DELETE", "v2/Users/W1", "scim.users.delete", []bucket.Policy{limit(180, 20), limit(600, 180)}},
		{"GET", "v2/Groups/S1", "scim.groups.get", []bucket.Policy{limit(300, 300), limit(1000, 1000)}},
		{"POST", "v2/Groups/", "scim.groups.post", []bucket.Policy{limit(180, 20), limit(600, 180)}},
		{"PUT", "v2/Groups/S1", "scim.groups.put", []bucket.Policy{limit(180, 80), limit(600, 180)}},
		{"PATCH", "v2/Groups/S1", "scim.groups.put", []bucket.Policy{limit(180, 80), limit(600, 180)}},
		{"DELETE", "v2/Groups/S1", "scim.groups.delete", []bucket.Policy{limit(180, 20), limit(600, 180)}},
		{"GET", "v2/Users", "scim.read", []bucket.Policy{limit(1000, 1000)}},
		{"", "v2/Groups?count=1", "scim.read", []bucket.Policy{limit(1000, 1000)}},
		{"GET", "v2/ServiceProviderConfig", "scim.read", []bucket.Policy{limit(1000, 1000)}},
		{"DELETE", "v2/Users", "scim.write", []bucket.Policy{limit(600, 180)}},
		{"POST", "", "scim.write", []bucket.Policy{limit(600, 180)}},
		{"OPTIONS", "v2/Users/W1", "scim.write", []bucket.Policy{limit(600, 180)}},
	} {
		req := bearer(t, "GET", "https://api.slack.com/scim/"+tt.path, "")
		req.Method = tt.method
		call := classify(t, p, req)
		var got []bucket.Policy
		for _, d := range call.Draws {
			got = append(got, *d.Policy)
			if d.Key.Owner != orgOf(t, token) {
				t.Errorf("%s %s: %v is not the organization's", tt.method, tt.path, d.Key)
			}
		}
		if call.Route != tt.route || fmt.Sprint(got) != fmt.Sprint(tt.want) {
			t.Errorf("%s %s: %s by %+v, want %s by %+v", tt.method, tt.path, call.Route, got, tt.route, tt.want)
		}
	}
}

func TestAResponseURLTakesFiveMessagesInHalfAnHour(t *testing.T) {
	respond := func(path string) *http.Request {
		return request(t, "POST", "https://hooks.slack.com/actions/T1/1/"+path, "{}")
	}
	inWorld(t, nil, func(w *world) {
		for range 5 {
			w.goes(respond("x"), 0, 200, "ok")
		}
		w.goes(respond("y"), 0, 200, "ok")
		w.goes(respond("x"), 30*time.Minute, 200, "ok")
	})
	p := slack.New(&slack.Options{Limits: map[string]slack.Limit{"response": {PerMinute: -1}}})
	if got := *classify(t, p, respond("x")).Draws[0].Policy; got != (bucket.Policy{}) {
		t.Errorf("as overridden: %+v", got)
	}
}
