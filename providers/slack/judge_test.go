package slack_test

import (
	"net/http"
	"reflect"
	"testing"
	"time"

	"github.com/underlimit/underlimit/bucket"
	"github.com/underlimit/underlimit/providers"
	"github.com/underlimit/underlimit/providers/slack"
)

var received = time.Date(2026, time.May, 23, 12, 0, 0, 0, time.UTC)

func answer(status int, body string, header ...string) *providers.Answer {
	a := &providers.Answer{Status: status, Header: http.Header{}, Sent: received, Received: received}
	if body != "" {
		a.Body = []byte(body)
	}
	for i := 0; i < len(header); i += 2 {
		a.Header.Set(header[i], header[i+1])
	}
	return a
}

// refused is the verdict that blocks these buckets.
func refused(scope providers.Scope, wait time.Duration, keys ...bucket.Key) providers.Verdict {
	v := providers.Verdict{Refused: true, Scope: scope}
	for _, k := range keys {
		v.Updates = append(v.Updates, bucket.Block{Key: k, For: wait})
	}
	return v
}

var quota = providers.Verdict{Refused: true, Final: true, Scope: providers.ScopeQuota}

func TestRefusalsAreKnownInEveryForm(t *testing.T) {
	p := slack.New(nil)
	req := form(t, "conversations.members", "channel", "C1")
	call := classify(t, p, req)
	key := call.Draws[0].Key
	limited := func(wait time.Duration) providers.Verdict { return refused(providers.ScopeUser, wait, key) }
	for _, tt := range []struct {
		name string
		a    *providers.Answer
		want providers.Verdict
	}{
		{"JSON", answer(429, `{"ok":false,"error":"ratelimited"}`, "Retry-After", "30"), limited(30 * time.Second)},
		{
			"JSON with more", answer(429, `{"ok":false,"error":"ratelimited","warning":"superfluous_charset",`+
				`"response_metadata":{"warnings":["superfluous_charset"]}}`, "Retry-After", "3"), limited(3 * time.Second),
		},
		{"plain text", answer(429, "ratelimited", "Retry-After", "120"), limited(2 * time.Minute)},
		{"empty", answer(429, "", "Retry-After", "1"), limited(time.Second)},
		{"of a webhook", answer(429, `{"retry_after":1,"ok":false,"error":"rate_limited"}`), limited(time.Second)},
		{
			"header before body",
			answer(429, `{"retry_after":1,"ok":false,"error":"rate_limited"}`, "Retry-After", "5"),
			limited(5 * time.Second),
		},
		{"from the edge", answer(429, "", "X-Envoy-Ratelimited", "true"), refused(providers.ScopeUnknown, 0, key)},
		{"from the old edge", answer(429, "You are sending too many requests. Please relax."), limited(0)},
		{
			"before 2018",
			answer(429, `{"count_hour_ago":1,"count_minute_ago":2,"count_second_ago":3}`, "Retry-After", "1"),
			limited(time.Second),
		},
		{"HTML", answer(429, "<html><body>ratelimited</body></html>"), limited(0)},
		{"of a 200, with an underscore", answer(200, `{"ok":false,"error":"rate_limited"}`), limited(0)},
		{"of a 200", answer(200, `{"ok":false,"error":"ratelimited"}`, "Retry-After", "7"), limited(7 * time.Second)},
		{"of an invitation", answer(200, `{"error":"ratelimit","ok":false}`), limited(0)},
		{"of a bookmark", answer(200, ` {"ok": false, "error": "too_many_requests"}`), limited(0)},
		{"of a 200 without a reason", answer(200, `{"ok":false}`, "Retry-After", "120"), limited(2 * time.Minute)},
		{"cut off", answer(200, `{"ok":false,"error":"ratelimited","deep":[`), limited(0)},
		{"of a 403", answer(403, `{"ok":false,"error":"rate_limited"}`), limited(0)},

		{"Retry-After: 0", answer(429, "", "Retry-After", "0"), limited(0)},
		{
			"Retry-After: 0 and a body", answer(429, `{"ok":false,"retry_after":2}`, "Retry-After", "0"),
			limited(2 * time.Second),
		},
		{"Retry-After: 0.5", answer(429, "", "Retry-After", "0.5"), limited(time.Second)},
		{
			"Retry-After: a date", answer(429, "", "Retry-After", "Sat, 23 May 2026 12:00:09 GMT"),
			limited(9 * time.Second),
		},
		{"Retry-After: an instant", answer(429, "", "Retry-After", "1779537609"), limited(9 * time.Second)},
		{"Retry-After: negative", answer(429, "", "Retry-After", "-5"), limited(0)},
		{"Retry-After: nonsense", answer(429, "", "Retry-After", "soon"), limited(0)},
		{"retry_after: a string", answer(429, `{"retry_after":"2"}`), limited(2 * time.Second)},
		{"retry_after: nonsense", answer(429, `{"retry_after":{},"error":7,"ok":"no"}`), limited(0)},

		{"a quota as plain text", answer(429, "message_limit_exceeded"), quota},
		{"a quota as JSON", answer(429, `{"ok":false,"error":"message_limit_exceeded"}`, "Retry-After", "9"), quota},
		{"a quota of a 200", answer(200, `{"ok":false,"error":"message_limit_exceeded"}`), quota},
		{"a datastore's quota", answer(200, `{"ok":false,"error":"team_quota_exceeded"}`), quota},
		{"too many scheduled", answer(200, `{"ok":false,"error":"restricted_too_many"}`), quota},

		{"done", answer(200, `{"ok":true}`), providers.Verdict{}},
		{
			"done, with a header", answer(200, `{"ok":true,"error":"ratelimited"}`, "Retry-After", "7"),
			providers.Verdict{},
		},
		{"done, said late", answer(200, `{"error":"ratelimited", "ok":true}`, "Retry-After", "7"), providers.Verdict{}},
		{
			"another error", answer(200, `{"ok":false,"error":"channel_not_found"}`, "Retry-After", "7"),
			providers.Verdict{},
		},
		{"half done", answer(200, `{"ok":false,"error":"internal_error"}`), providers.Verdict{}},
		{"an error of nothing", answer(200, `{"ok":false}`), providers.Verdict{}},
		{"text", answer(200, "ratelimited"), providers.Verdict{}},
		{"nothing", answer(204, ""), providers.Verdict{}},
		{"not allowed", answer(403, "invalid_token"), providers.Verdict{}},
		{"broken", answer(503, `{"ok":false,"error":"ratelimited"}`, "Retry-After", "7"), providers.Verdict{}},
		{"elsewhere", answer(302, "ratelimited"), providers.Verdict{}},
	} {
		if got := p.Judge(req, &call, tt.a); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: %+v, want %+v", tt.name, got, tt.want)
		}
	}
}

func TestARefusalHoldsWhatItCanHaveMeant(t *testing.T) {
	owner := ownerOf(t, token)
	key := func(limit, subject string) bucket.Key {
		return bucket.Key{Provider: "slack", Limit: limit, Owner: owner, Subject: subject}
	}
	// wide is the verdict that stops all channels, too, once a second one is stopped.
	wide := func(v providers.Verdict) providers.Verdict {
		b := v.Updates[0].(bucket.Block)
		b.Wider = key("chat.postMessage", "")
		v.Updates[0] = b
		return v
	}
	orgKey := func(limit string) bucket.Key {
		return bucket.Key{Provider: "slack", Limit: limit, Owner: orgOf(t, token)}
	}
	for _, tt := range []struct {
		name string
		req  *http.Request
		want providers.Verdict
	}{
		{
			"a message stops its channel, and not the others", form(t, "chat.postMessage", "channel", "C1"),
			wide(refused(providers.ScopeUser, 3*time.Second, key("post", "C1"))),
		},
		{
			"a message to nobody knows where stops them all", form(t, "chat.postMessage"),
			refused(providers.ScopeUser, 3*time.Second, key("chat.postMessage", "")),
		},
		{
			"a posting method with a tier may have meant either", form(t, "chat.meMessage", "channel", "C1"),
			wide(refused(providers.ScopeUser, 3*time.Second, key("post", "C1"), key("chat.meMessage", ""))),
		},
		{
			"an unknown method stops alone", form(t, "no.such.method"),
			refused(providers.ScopeUser, 3*time.Second, key("other", "no.such.method")),
		},
		{
			"the audit log is the organization's", bearer(t, "GET", "https://api.slack.com/audit/v1/logs", ""),
			refused(providers.ScopeWorkspace, 3*time.Second, orgKey("audit")),
		},
		{
			"SCIM, too, and it does not tell which of its limits it was",
			bearer(t, "PUT", "https://api.slack.com/scim/v2/Users/W1", ""),
			refused(providers.ScopeWorkspace, 3*time.Second, orgKey("scim.users.put"), orgKey("scim.write")),
		},
		{
			"nothing is known of uploads", bearer(t, "POST", "https://files.slack.com/upload/v1/abc", ""),
			refused(providers.ScopeUnknown, 3*time.Second, key("files", "")),
		},
	} {
		p := slack.New(nil)
		call := classify(t, p, tt.req)
		got := p.Judge(tt.req, &call, answer(429, "", "Retry-After", "3"))
		if !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: %+v, want %+v", tt.name, got, tt.want)
		}
	}
}

func TestARefusedWebhookStopsAlone(t *testing.T) {
	p := slack.New(nil)
	req := request(t, "POST", "https://hooks.slack.com/services/T/B/x", "{}")
	call := classify(t, p, req)
	got := p.Judge(req, &call, answer(429, `{"retry_after":1,"ok":false,"error":"rate_limited"}`))
	if want := refused(providers.ScopeUser, time.Second, call.Draws[0].Key); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func BenchmarkJudge(b *testing.B) {
	p := slack.New(nil)
	req := form(b, "chat.postMessage", "channel", "C1")
	call := classify(b, p, req)
	a := answer(200, `{"ok":true,"channel":"C1","ts":"1405895017.000506","message":{"text":"hello"}}`)
	b.ReportAllocs()
	for b.Loop() {
		p.Judge(req, &call, a)
	}
}
