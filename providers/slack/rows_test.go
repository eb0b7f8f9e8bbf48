package slack_test

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/underlimit/underlimit/bucket"
	"github.com/underlimit/underlimit/providers"
	"github.com/underlimit/underlimit/providers/slack"
	"github.com/underlimit/underlimit/transport"
)

// The model.

func TestAMethodIsCountedByAppAndWorkspaceAndNotByItsTier(t *testing.T) {
	p := slack.New(nil)
	key := func(method, token, install string) bucket.Key {
		draws := classify(t, p, of(with(form(t, method), token), install)).Draws
		return draws[len(draws)-1].Key
	}
	same := key("users.info", token, "A1/T1")
	if same != key("users.info", otherToken, "A1/T1") {
		t.Error("by token")
	}
	for what, other := range map[string]bucket.Key{
		"another method of the tier": key("files.info", token, "A1/T1"),
		"another workspace":          key("users.info", token, "A1/T2"),
		"another app":                key("users.info", token, "A2/T1"),
	} {
		if same == other {
			t.Errorf("together with %s", what)
		}
	}
}

func TestWindowsAreOfAMinuteAtAnyMoment(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		time.Sleep(47 * time.Second) // no matter when a minute begins on any clock
		var at []time.Duration
		for range 300 {
			at = append(at, w.send(form(t, "users.info"), 200, ""))
		}
		for i := 100; i < len(at); i++ {
			if d := at[i] - at[i-100]; d < time.Minute {
				t.Fatalf("101 calls of tier 4 within %v", d)
			}
		}
	})
}

func TestARefusalStopsItsMethodForAllTokensOfTheInstallationAndNothingElse(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		call := func(method, token, install string) *http.Request { return of(with(form(t, method), token), install) }
		w.goes(call("users.info", token, "A1/T1"), 0, 429, "", "Retry-After", "30")
		w.ok(call("users.list", token, "A1/T1"), 0)
		w.ok(call("files.info", token, "A1/T1"), 0) // of the same tier
		w.ok(call("users.info", token, "A1/T2"), 0)
		w.ok(call("users.info", otherToken, "A1/T1"), 30*time.Second)
	})
}

func TestAStricterLimitThatNoPageTellsIsKeptByItsRefusals(t *testing.T) {
	inWorld(t, nil, func(w *world) { // such as that on calls without pagination
		for i := range 4 {
			at := time.Duration(i) * 12 * time.Second
			w.goes(form(t, "conversations.list"), at, 429, "", "Retry-After", "12")
		}
	})
}

func TestRetryAfterIsInSeconds(t *testing.T) {
	for _, n := range []int{1, 30, 86400} {
		inWorld(t, nil, func(w *world) {
			w.goes(form(t, "users.info"), 0, 429, "", "Retry-After", strconv.Itoa(n))
			w.ok(form(t, "users.info"), time.Duration(n)*time.Second)
		})
	}
}

func TestHeadersThatSlackDoesNotSendTellNothing(t *testing.T) {
	p, req := slack.New(nil), form(t, "users.info")
	call := classify(t, p, req)
	a := answer(200, `{"ok":true}`, "X-RateLimit-Limit", "1", "X-RateLimit-Remaining", "0", "X-RateLimit-Reset", "60")
	if v := p.Judge(req, &call, a); !reflect.DeepEqual(v, providers.Verdict{}) {
		t.Errorf("%+v", v)
	}
}

func TestNoWebhookIsUsedSoMuchThatSlackDisablesIt(t *testing.T) {
	inWorld(t, nil, func(w *world) { // which it did after 3,600 messages in five minutes
		for i := range 310 {
			w.goes(request(t, "POST", "https://hooks.slack.com/services/T1/B1/x", "{}"), time.Duration(i)*time.Second, 200, "ok")
		}
	})
}

// The burst.

func TestBurstsThatOthersHaveSeenCanBeAllowed(t *testing.T) {
	inWorld(t, &slack.Options{ChannelBurst: 25}, func(w *world) { // a leaky bucket of 25, one a second
		for range 25 {
			w.ok(postTo(t, "C1"), 0)
		}
		w.ok(postTo(t, "C1"), time.Second)
	})
	faster := &slack.Options{Tiers: map[int]slack.Limit{2: {PerMinute: 40, Burst: 3}, 3: {PerMinute: 170, Burst: 5}}}
	inWorld(t, faster, func(w *world) {
		for _, at := range []time.Duration{0, 0, 0, 1500 * time.Millisecond, 3 * time.Second} {
			w.ok(form(t, "users.list"), at)
		}
	})
	slower := &slack.Options{Limits: map[string]slack.Limit{"emoji.upload": {PerMinute: 15, Burst: 1}}} // 20 were refused
	inWorld(t, slower, func(w *world) {
		for i := range 4 {
			w.ok(form(t, "emoji.upload"), time.Duration(i)*4*time.Second)
		}
	})
}

// Special limits. Those of posting, profiles, searches, invitations, SCIM and response URLs are in posting_test.go.

func TestSpecialLimits(t *testing.T) {
	p := slack.New(nil)
	for _, tt := range []struct {
		row    string
		req    *http.Request
		route  string
		want   bucket.Policy // of the last draw
		shared bool          // by all tokens of an installation
	}{
		{"auth.test: hundreds", form(t, "auth.test"), "auth.test", tier(600), true},
		{"chat.getPermalink: hundreds", form(t, "chat.getPermalink"), "chat.getPermalink", tier(600), true},
		{
			"assistant.threads.setStatus: of app and team, in whatever thread",
			form(t, "assistant.threads.setStatus", "channel_id", "D1"), "assistant.threads.setStatus", tier(600), true,
		},
		{
			"apps.event.authorizations.list: of app and team", form(t, "apps.event.authorizations.list"),
			"apps.event.authorizations.list", tier(600), true,
		},
		{"oauth.v2.access", exchange(t, "oauth.v2.access"), "oauth.v2.access", tier(600), true},
		{
			"admin.analytics.messages.metadata: with the burst that is published",
			form(t, "admin.analytics.messages.metadata"), "admin.analytics.messages.metadata", limit(1200, 2000), true,
		},
		{"apps.connections.open: tier 3", form(t, "apps.connections.open"), "apps.connections.open", tier(50), true},
		{"rtm.connect: no more than one a minute", form(t, "rtm.connect"), "rtm.connect", limit(1, 1), true},
		{"rtm.start, too", form(t, "rtm.start"), "rtm.start", limit(1, 1), true},
		{
			"chat.scheduleMessage: tier 3, and not by channel", form(t, "chat.scheduleMessage", "channel", "C1"),
			"chat.scheduleMessage", tier(50), true,
		},
		{
			"a workflow's trigger",
			request(t, "POST", "https://hooks.slack.com/triggers/T1/1/x", "{}"), "trigger", tier(10), false,
		},
		{
			"Audit Logs: of the organization", bearer(t, "GET", "https://api.slack.com/audit/v1/logs", ""), "audit",
			tier(50), true,
		},
	} {
		t.Run(tt.row, func(t *testing.T) {
			call := classify(t, p, tt.req)
			if len(call.Draws) != 1 || call.Route != tt.route || *call.Draws[0].Policy != tt.want {
				t.Errorf("%s draws on %v by %+v", call.Route, keys(call), *call.Draws[0].Policy)
			}
			one, other := of(tt.req, "A1/T1"), of(with(tt.req.Clone(t.Context()), otherToken), "A1/T1")
			if a, b := ownOf(t, p, one), ownOf(t, p, other); a != b {
				t.Errorf("two tokens: %q and %q", a, b)
			}
			if a, b := ownOf(t, p, one), ownOf(t, p, of(tt.req, "A2/T1")); (a == b) == tt.shared {
				t.Errorf("two installations: %q and %q", a, b)
			}
		})
	}
}

func TestASearchersHistoryCanBeHeldToItsLimit(t *testing.T) {
	// With a user's token, to supplement a search: five a minute. Nothing in a request tells that it is for that.
	opts := &slack.Options{Limits: map[string]slack.Limit{"conversations.history": {PerMinute: 5, Burst: 1}}}
	inWorld(t, opts, func(w *world) {
		for i := range 6 {
			w.ok(form(t, "conversations.history", "channel", "C1"), time.Duration(i)*12*time.Second)
		}
	})
}

func TestALargeWorkspaceCanSearchMore(t *testing.T) {
	p := slack.New(&slack.Options{Installs: map[string]slack.Overrides{
		"large": {Limits: map[string]slack.Limit{"assistant.search.context": {PerMinute: 400}}},
	}})
	search := classify(t, p, of(form(t, "assistant.search.context", "cursor", "x"), "large")) // a page counts as well
	if *search.Draws[1].Policy != tier(400) || *search.Draws[0].Policy != tier(10) {
		t.Errorf("%+v and %+v", *search.Draws[0].Policy, *search.Draws[1].Policy)
	}
}

// Refusals, as the transport deals with them. What Judge makes of each form is in judge_test.go.

// A server answers requests one by one.
type server struct {
	answers []reply
	sent    []time.Duration
	start   time.Time
}

type reply struct {
	status int
	body   string
	header http.Header
}

func (s *server) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Body != nil {
		_, _ = io.Copy(io.Discard, req.Body)
		_ = req.Body.Close()
	}
	s.sent = append(s.sent, time.Since(s.start))
	r := reply{status: 200, body: `{"ok":true}`}
	if len(s.answers) > 0 {
		r, s.answers = s.answers[0], s.answers[1:]
	}
	h := http.Header{"Content-Type": {"application/json"}}
	maps.Copy(h, r.header)
	return &http.Response{
		StatusCode: r.status, Header: h, Body: io.NopCloser(strings.NewReader(r.body)), ContentLength: int64(len(r.body)),
		Request: req,
	}, nil
}

// roundTrip sends a request through a transport, and returns its last answer and when it was sent.
func roundTrip(t *testing.T, req *http.Request, answers ...reply) (status int, body string, sent []time.Duration) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := &server{answers: answers, start: time.Now()}
		resp, err := transport.New(slack.New(nil), &transport.Options{Base: s}).RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		status, body, sent = resp.StatusCode, string(b), s.sent
	})
	return status, body, sent
}

func retryAfter(v string) http.Header { return http.Header{"Retry-After": {v}} }

func TestEveryRefusalIsSentAgainWhenItMayBe(t *testing.T) {
	web, hook := postTo(t, "C1"), request(t, "POST", "https://hooks.slack.com/services/T1/B1/x", "{}")
	envoy := http.Header{"X-Envoy-Ratelimited": {"true"}}
	for _, tt := range []struct {
		row  string
		req  *http.Request
		a    reply
		wait time.Duration
	}{
		{
			"JSON and Retry-After", web,
			reply{429, `{"ok":false,"error":"ratelimited"}`, retryAfter("30")},
			30 * time.Second,
		},
		{
			"with a warning", web,
			reply{
				429, `{"ok":false,"error":"ratelimited","warning":"superfluous_charset","response_metadata":{}}`,
				retryAfter("2"),
			},
			2 * time.Second,
		},
		{"plain text", web, reply{429, "ratelimited", retryAfter("120")}, 2 * time.Minute},
		{"a 200 with Retry-After and no more", web, reply{200, `{"ok":false}`, retryAfter("120")}, 2 * time.Minute},
		{"an empty one to a webhook", hook, reply{429, "", retryAfter("7")}, 7 * time.Second},
		{
			"seconds in the body", hook,
			reply{429, `{"retry_after":3,"ok":false,"error":"rate_limited"}`, nil},
			3 * time.Second,
		},
		{"of the edge", web, reply{429, "", envoy}, time.Second},
		{"of the old edge", web, reply{429, "You are sending too many requests. Please relax.", nil}, time.Second},
		{
			"before 2018", web,
			reply{429, `{"count_hour_ago":1,"count_minute_ago":2,"count_second_ago":3}`, nil},
			time.Second,
		},
		{"rate_limited", web, reply{200, `{"ok":false,"error":"rate_limited"}`, nil}, time.Second},
		{"ratelimited", web, reply{200, `{"ok":false,"error":"ratelimited"}`, retryAfter("9")}, 9 * time.Second},
		{
			"ratelimit", form(t, "conversations.inviteShared"),
			reply{200, `{"ok":false,"error":"ratelimit"}`, nil},
			time.Second,
		},
		{
			"too_many_requests", form(t, "bookmarks.add"),
			reply{200, `{"ok":false,"error":"too_many_requests"}`, nil},
			time.Second,
		},

		{"Retry-After: 0", web, reply{429, "", retryAfter("0")}, time.Second},
		{"Retry-After: 0.2", web, reply{429, "", retryAfter("0.2")}, time.Second},
		{"Retry-After: 1.5", web, reply{429, "", retryAfter("1.5")}, 1500 * time.Millisecond},
		{"Retry-After: -1", web, reply{429, "", retryAfter("-1")}, time.Second},
		{"Retry-After: a date", web, reply{429, "", retryAfter("Sat, 01 Jan 2000 00:00:20 GMT")}, 20 * time.Second},
		{
			"Retry-After: a date that is past", web,
			reply{429, "", retryAfter("Fri, 31 Dec 1999 00:00:20 GMT")},
			time.Second,
		},
		{"Retry-After: a year", web, reply{429, "", retryAfter("31536000")}, 24 * time.Hour},
		{"Retry-After: nonsense", web, reply{429, "", retryAfter("later")}, time.Second},
	} {
		t.Run(tt.row, func(t *testing.T) {
			status, body, sent := roundTrip(t, tt.req, tt.a)
			if status != 200 || body != `{"ok":true}` || !reflect.DeepEqual(sent, []time.Duration{0, tt.wait}) {
				t.Errorf("%d %s, sent at %v, want the second after %v", status, body, sent, tt.wait)
			}
		})
	}
}

func TestRefusalsWithoutATimeAreSentAgainMoreAndMoreSlowly(t *testing.T) {
	var answers []reply
	for range 20 {
		answers = append(answers, reply{429, "", retryAfter("0")})
	}
	status, _, sent := roundTrip(t, postTo(t, "C1"), answers...)
	want := []time.Duration{0, 1, 3, 7, 15, 31, 63, 123, 183, 243}
	for i := range want {
		want[i] *= time.Second
	}
	if status != 429 || !reflect.DeepEqual(sent, want) {
		t.Errorf("%d, sent at %v", status, sent)
	}
}

func TestQuotasArePassedOnUntouchedAndStopNothing(t *testing.T) {
	for _, tt := range []struct {
		row string
		req *http.Request
		a   reply
	}{
		{
			"message_limit_exceeded to a webhook", request(t, "POST", "https://hooks.slack.com/services/T1/B1/x", "{}"),
			reply{429, "message_limit_exceeded", nil},
		},
		{
			"message_limit_exceeded", form(t, "chat.postMessage"),
			reply{200, `{"ok":false,"error":"message_limit_exceeded"}`, retryAfter("9")},
		},
		{
			"team_quota_exceeded", form(t, "apps.datastore.put"),
			reply{200, `{"ok":false,"error":"team_quota_exceeded"}`, nil},
		},
		{
			"restricted_too_many", form(t, "chat.scheduleMessage", "channel", "C1"),
			reply{200, `{"ok":false,"error":"restricted_too_many"}`, retryAfter("9")},
		},
	} {
		t.Run(tt.row, func(t *testing.T) {
			status, body, sent := roundTrip(t, tt.req, tt.a)
			if status != tt.a.status || body != tt.a.body || len(sent) != 1 {
				t.Errorf("%d %s, sent at %v", status, body, sent)
			}
			p, call := slack.New(nil), classify(t, slack.New(nil), tt.req)
			if v := p.Judge(tt.req, &call, answer(tt.a.status, tt.a.body)); v.Updates != nil || !v.Final {
				t.Errorf("%+v", v)
			}
		})
	}
}

func TestNothingIsWrittenTwiceThatMayHaveBeenWritten(t *testing.T) {
	writes, reads := postTo(t, "C1"), form(t, "users.info")
	for _, tt := range []struct {
		row  string
		req  *http.Request
		a    reply
		sent int
	}{
		{"internal_error", writes, reply{200, `{"ok":false,"error":"internal_error"}`, nil}, 1},
		{"fatal_error", writes, reply{200, `{"ok":false,"error":"fatal_error"}`, retryAfter("1")}, 1},
		{"internal_error, to a read", reads, reply{200, `{"ok":false,"error":"internal_error"}`, nil}, 1},
		{"500", writes, reply{500, `{"ok":false,"error":"internal_error"}`, nil}, 1},
		{"503 that speaks of limits", writes, reply{503, `{"ok":false,"error":"ratelimited"}`, retryAfter("1")}, 1},
		{
			"504 to a webhook", request(t, "POST", "https://hooks.slack.com/services/T/B/x", "{}"),
			reply{504, "", nil},
			1,
		},
		{
			"a GET that writes", request(t, "GET", "https://slack.com/api/chat.postMessage?channel=C1&token=x", ""),
			reply{502, "", nil},
			1,
		},
		{"a POST that reads", reads, reply{500, "", nil}, 2},
	} {
		t.Run(tt.row, func(t *testing.T) {
			if _, _, sent := roundTrip(t, tt.req, tt.a); len(sent) != tt.sent {
				t.Errorf("sent at %v", sent)
			}
		})
	}
}

func TestAMessageIsPacedBeforeSlackMayHideIt(t *testing.T) {
	inWorld(t, nil, func(w *world) { // though every answer is a success
		for i := range 5 {
			w.goes(postTo(t, "C1"), time.Duration(i)*time.Second, 200, `{"ok":true,"channel":"C1","ts":"1.2"}`)
		}
	})
}

// How tokens and channels travel. More forms are in classify_test.go.

func TestEveryClientsCallsAreUnderTheirLimits(t *testing.T) {
	const web, jsonType = "https://slack.com/api/", "application/json"
	multi, multiType := multipartBody(t, "channel", "C1")
	stream := bearer(t, "POST", "https://files.slack.com/upload/v1/abc", "content", "Content-Type", multiType)
	stream.GetBody, stream.ContentLength = nil, -1
	for _, tt := range []struct {
		row, limits string // of the draws
		req         *http.Request
	}{
		{"slack-go PostMessage", "post chat.postMessage", form(t, "chat.postMessage", "channel", "C1", "text", "x")},
		{
			"slack-go PostEphemeral", "post chat.postMessage chat.postEphemeral",
			form(t, "chat.postEphemeral", "channel", "C1", "user", "U1"),
		},
		{"slack-go UpdateMessage", "chat.update", form(t, "chat.update", "channel", "C1", "ts", "1.2")},
		{"slack-go GetConversationHistory", "conversations.history", form(t, "conversations.history", "channel", "C1")},
		{"slack-go AddReaction", "reactions.add", form(t, "reactions.add", "channel", "C1")},
		{"slack-go AuthTest", "auth.test", form(t, "auth.test")},
		{"slack-go ConnectRTM", "rtm.connect", form(t, "rtm.connect")},
		{
			"slack-go GetUploadURLExternal", "files.getUploadURLExternal",
			form(t, "files.getUploadURLExternal", "filename", "x", "length", "1"),
		},
		{
			"slack-go SetAssistantThreadsStatus", "assistant.threads.setStatus",
			form(t, "assistant.threads.setStatus", "channel_id", "D1"),
		},
		{
			"slack-go CompleteUploadExternal", "post chat.postMessage files.completeUploadExternal",
			form(t, "files.completeUploadExternal", "channel_id", "C1"),
		},
		{
			"slack-go GetPermalink", "chat.getPermalink",
			bearer(t, "GET", web+"chat.getPermalink?channel=C1&message_ts=1", ""),
		},
		{
			"slack-go OpenView", "views.open",
			bearer(t, "POST", web+"views.open", `{"view":{},"trigger_id":"1"}`, "Content-Type", jsonType),
		},
		{
			"slack-go StartSocketMode", "apps.connections.open",
			bearer(t, "POST", web+"apps.connections.open", "", "Content-Type", jsonType),
		},
		{
			"slack-go workflows", "workflows.stepCompleted",
			bearer(t, "POST", web+"workflows.stepCompleted", `{}`, "Content-Type", jsonType),
		},
		{"slack-go UploadFile, step 2", "files", stream},
		{"slack-go GetAuditLogs", "audit", bearer(t, "GET", "https://api.slack.com/audit/v1/logs?limit=1", "")},
		{
			"node, every call with the token twice", "post chat.postMessage",
			bearer(t, "POST", web+"chat.postMessage", "text=x&channel=C1&token="+otherToken, "Content-Type", formType),
		},
		{
			"node, a read", "conversations.list",
			bearer(t, "POST", web+"conversations.list", "limit=1000&types=im", "Content-Type", formType),
		},
		{
			"node, step 2 of an upload", "files",
			bearer(t, "POST", "https://files.slack.com/upload/v1/abc", multi, "Content-Type", multiType),
		},
		{
			"python, by json=", "post chat.postMessage",
			bearer(t, "POST", web+"chat.postMessage", `{"channel":"C1","text":"x"}`,
				"Content-Type", "application/json;charset=utf-8"),
		},
		{"python, by params=", "conversations.info", bearer(t, "GET", web+"conversations.info?channel=C1", "")},
		{
			"python, with files", "post chat.postMessage files.upload",
			bearer(t, "POST", web+"files.upload", multi, "Content-Type", multiType),
		},
		{
			"java, form", "post chat.postMessage",
			bearer(t, "POST", web+"chat.postMessage", "channel=C1&text=x", "Content-Type", formType),
		},
		{
			"java, multipart", "post chat.postMessage files.upload",
			bearer(t, "POST", web+"files.upload", multi, "Content-Type", multiType),
		},
	} {
		t.Run(tt.row, func(t *testing.T) {
			call := classify(t, slack.New(nil), tt.req)
			var limits []string
			for _, k := range keys(call) {
				limits = append(limits, k.Limit)
				if k.Owner != ownerOf(t, token) && k.Limit != "audit" {
					t.Errorf("%v is not the token's", k)
				}
			}
			if got := strings.Join(limits, " "); got != tt.limits {
				t.Errorf("draws on %s, want %s", got, tt.limits)
			}
		})
	}
	for row, target := range map[string]string{
		"slack-go PostWebhook":          "https://hooks.slack.com/services/T1/B1/secret",
		"slack-go MsgOptionResponseURL": "https://hooks.slack.com/actions/T1/1/secret",
		"node IncomingWebhook":          "https://hooks.slack.com/T1/B1/secret",
		"node WebhookTrigger":           "https://hooks.slack.com/triggers/T1/1/secret",
	} {
		a := classify(t, slack.New(nil), request(t, "POST", target, `{"text":"x"}`, "Content-Type", jsonType))
		b := classify(t, slack.New(nil), request(t, "POST", target+"2", `{"text":"x"}`, "Content-Type", jsonType))
		if len(a.Draws) != 1 || a.Draws[0].Key == b.Draws[0].Key || strings.Contains(fmt.Sprint(a.Draws), "secret") {
			t.Errorf("%s: %v and %v", row, keys(a), keys(b))
		}
	}
}

func TestATokenThatTheBodyMayNotHoldIsTakenFromTheHeader(t *testing.T) {
	const target = "https://slack.com/api/apps.event.authorizations.list"
	req := bearer(t, "POST", target, "event_context=x", "Content-Type", formType)
	if got := ownOf(t, slack.New(nil), req); got != ownerOf(t, token) {
		t.Errorf("%q", got)
	}
}

func TestTokensOfAllKindsAreNames(t *testing.T) {
	seen := map[string]string{}
	for _, kind := range []string{
		"xoxb-1-2-x", "xoxp-1-2-x", "xoxe.xoxb-1-x", "xoxe.xoxp-1-x", "xapp-1-A1-2-x", "xoxc-1-2-x", "xoxa-2-x", "xwfp-x",
	} {
		owner := ownerOf(t, kind)
		if len(owner) != 32 || seen[owner] != "" {
			t.Errorf("%s is %q, as is %s", kind, owner, seen[owner])
		}
		seen[owner] = kind
	}
}

func TestArgumentsThatNameChannelsToReadAreNotPaced(t *testing.T) {
	for _, tt := range []struct{ method, arg string }{
		{"conversations.invite", "channel"},
		{"admin.conversations.bulkArchive", "channel_ids"},
		{"usergroups.create", "channels"},
		{"canvases.access.set", "channel_ids"},
		{"conversations.canvases.create", "channel_id"},
	} {
		if call := classify(t, slack.New(nil), form(t, tt.method, tt.arg, "C1")); len(call.Draws) != 1 {
			t.Errorf("%s draws on %v", tt.method, keys(call))
		}
	}
}

func TestAWholeBodyArrivesAtTheServerWhateverWasReadOfIt(t *testing.T) {
	body := "text=" + strings.Repeat("x", 100<<10) + "&channel=C1&token=" + token
	req := request(t, "POST", "https://slack.com/api/chat.postMessage", body, "Content-Type", formType)
	classify(t, slack.New(nil), req)
	got, err := io.ReadAll(req.Body)
	if err != nil || !bytes.Equal(got, []byte(body)) {
		t.Errorf("%d bytes are left of %d, %v", len(got), len(body), err)
	}
}
