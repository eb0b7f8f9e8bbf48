package slack_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/underlimit/underlimit/bucket"
	"github.com/underlimit/underlimit/providers"
	"github.com/underlimit/underlimit/providers/slack"
)

func TestTheTokenAndTheChannelAreFoundInEveryWayThatClientsSendThem(t *testing.T) {
	multi, multiType := multipartBody(t, "token", token, "channel", "C1")
	const web, jsonType = "https://slack.com/api/", "application/json"
	// with has the token in the header, without anywhere else.
	with := func(method, contentType, body string) *http.Request {
		return bearer(t, "POST", web+method, body, "Content-Type", contentType)
	}
	without := func(method, contentType, body string) *http.Request {
		return request(t, "POST", web+method, body, "Content-Type", contentType)
	}
	nested := jsonBody(t, map[string]any{
		"attachments": []any{map[string]any{"channel": "C9", "token": "no"}}, "channel": "C1", "text": "hello",
	})
	const post = "chat.postMessage"
	c1 := []string{"C1"}
	for _, tt := range []struct {
		name   string
		req    *http.Request
		limit  string
		posted []string // channels
	}{
		{"slack-go: form", form(t, post, "channel", "C1", "text", "a&b=c"), post, c1},
		{"slack-go: form, nothing posted", form(t, "reactions.add", "channel", "C1"), "reactions.add", nil},
		{"slack-go: channel_id", form(t, "agents.sessions.rename", "channel_id", "C1"), "agents.sessions.rename", nil},
		{
			"slack-go: a shared file", form(t, "files.completeUploadExternal", "channel_id", "C1"),
			"files.completeUploadExternal", c1,
		},
		{"slack-go: header, query", bearer(t, "GET", web+"chat.getPermalink?channel=C1", ""), "chat.getPermalink", nil},
		{"slack-go: header, JSON", with("views.open", jsonType, `{"view":{}}`), "views.open", nil},
		{"slack-go: header, empty JSON", with("apps.connections.open", jsonType, ""), "apps.connections.open", nil},
		{"node: two tokens, the header's first", with(post, formType, "token=xoxb-other&channel=C1"), post, c1},
		{"python: header, JSON", with(post, jsonType+"; charset=utf-8", nested), post, c1},
		{"python: header, form", with(post, formType+";charset=utf-8", "text=x&channel=C1"), post, c1},
		{"java: header, multipart", with("chat.meMessage", multiType, multi), "chat.meMessage", c1},
		{"multipart", without(post, multiType, multi), post, c1},
		{"JSON", without(post, jsonType, `{"blocks":[[{"a":1}]],"token":"`+token+`","channel":"C1"}`), post, c1},
		{
			"query", request(t, "GET", web+post+"?text=x&channel=%23general&token="+token, ""),
			post,
			[]string{"general"},
		},
		{"token in the query, channel in the form", without(post+"?token="+token, formType, "channel=C1"), post, c1},
		{"an empty argument is none", without(post, formType, "channel=&token=&channel=C1&token="+token), post, c1},
		{"escaped names", without(post, formType, "t%6Fken="+token+"&%63hannel=C1"), post, c1},
		{"no content type", request(t, "POST", web+post, "token="+token+"&channel=C1"), post, c1},
		{
			"scheme in lower case", request(t, "POST", web+"users.list", "", "Authorization", "bearer  "+token+" "),
			"users.list", nil,
		},
		{"no scheme", request(t, "POST", web+"users.list", "", "Authorization", token), "users.list", nil},
		{"several channels", form(t, "files.upload", "channels", "C1, C2,,C3"), "files.upload", []string{"C1", "C2", "C3"}},
		{"posted, but nowhere", form(t, "files.completeUploadExternal"), "files.completeUploadExternal", nil},
		{"a stream is begun", form(t, "chat.startStream", "channel", "C1"), "chat.startStream", c1},
		{"and goes on under its tier", form(t, "chat.appendStream", "channel", "C1"), "chat.appendStream", nil},
		{"a channel of control characters", form(t, post, "channel", "C\x001"), post, nil},
		{"a channel without end", form(t, post, "channel", strings.Repeat("C", 1000)), post, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var want []bucket.Key
			for _, c := range tt.posted {
				want = append(want, bucket.Key{Provider: "slack", Limit: "post", Owner: ownerOf(t, token), Subject: c})
			}
			if len(want) > 0 && tt.limit != post { // the cap on all messages
				want = append(want, bucket.Key{Provider: "slack", Limit: post, Owner: ownerOf(t, token)})
			}
			want = append(want, bucket.Key{Provider: "slack", Limit: tt.limit, Owner: ownerOf(t, token)})
			call := classify(t, slack.New(nil), tt.req)
			if got := keys(call); !reflect.DeepEqual(got, want) {
				t.Errorf("draws on %v, want %v", got, want)
			}
			if call.Route != tt.limit || !call.Peek {
				t.Errorf("route %q, peek %t", call.Route, call.Peek)
			}
		})
	}
}

func TestAnAppWithoutATokenIsNamedByItsClientID(t *testing.T) {
	const target = "https://slack.com/api/oauth.v2.access"
	inForm := request(t, "POST", target, "client_id=1.2&client_secret=s&code=c", "Content-Type", formType)
	basic := request(t, "POST", target, "code=c", "Content-Type", formType)
	basic.SetBasicAuth("1.2", "s")
	other := request(t, "POST", target, "client_id=1.3", "Content-Type", formType)

	p := slack.New(nil)
	a, b, c := classify(t, p, inForm), classify(t, p, basic), classify(t, p, other)
	if a.Draws[0].Key != b.Draws[0].Key {
		t.Errorf("%v in a form, %v in the header", a.Draws[0].Key, b.Draws[0].Key)
	}
	if a.Draws[0].Key == c.Draws[0].Key {
		t.Error("two apps share a bucket")
	}
}

func TestRequestsWithoutACredentialShareABucket(t *testing.T) {
	for _, req := range []*http.Request{
		request(t, "POST", "https://slack.com/api/api.test", ""),
		request(t, "POST", "https://slack.com/api/api.test", "", "Authorization", "Bearer"),
		request(t, "POST", "https://slack.com/api/api.test", "token=", "Content-Type", formType),
		request(t, "POST", "https://slack.com/api/api.test", "token="+token, "Content-Type", "text/plain"),
		request(t, "POST", "https://slack.com/api/api.test", `["token"]`, "Content-Type", "application/json"),
		request(t, "POST", "https://slack.com/api/api.test", "x", "Content-Type", "multipart/form-data"),
	} {
		if k := classify(t, slack.New(nil), req).Draws[0].Key; k.Owner != "" {
			t.Errorf("%v for %v", k, req.Header)
		}
	}
}

func TestTheSecretChangesTheDigestOfATokenAndNothingElse(t *testing.T) {
	a := classify(t, slack.New(&slack.Options{Secret: "a"}), form(t, "users.list")).Draws[0].Key
	b := classify(t, slack.New(&slack.Options{Secret: "b"}), form(t, "users.list")).Draws[0].Key
	if a.Owner == b.Owner || a.Owner == "" {
		t.Errorf("owners %q and %q", a.Owner, b.Owner)
	}
	if a.Owner = b.Owner; a != b {
		t.Errorf("%v and %v", a, b)
	}
}

func TestTheContextNamesTheChannelOfABodyThatCannotBeReadTwice(t *testing.T) {
	req := bearer(t, "POST", "https://slack.com/api/chat.postMessage", "channel=C1", "Content-Type", formType)
	req.GetBody = nil
	p := slack.New(nil)
	if call := classify(t, p, req); len(call.Draws) != 1 || call.Draws[0].Key.Limit != "chat.postMessage" {
		t.Errorf("without: %v", keys(call))
	}
	req = req.WithContext(slack.WithChannel(req.Context(), "C2"))
	if call := classify(t, p, req); len(call.Draws) != 2 || call.Draws[0].Key.Subject != "C2" {
		t.Errorf("with: %v", keys(call))
	}
	quiet := req.Clone(req.Context())
	quiet.URL.Path = "/api/reactions.add"
	if call := classify(t, p, quiet); len(call.Draws) != 1 {
		t.Errorf("a method that posts nothing: %v", keys(call))
	}
}

func TestTheContextsChannelIsStrongerThanTheBodys(t *testing.T) {
	req := form(t, "chat.postMessage", "channel", "C1")
	req = req.WithContext(slack.WithChannel(req.Context(), "C2"))
	if k := classify(t, slack.New(nil), req).Draws[0].Key; k.Subject != "C2" {
		t.Errorf("draws on %v", k)
	}
}

// A copied body notes how much of it is read and that it is closed.
type copied struct {
	io.Reader
	read, closed int
}

func (c *copied) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.read += n
	return n, err
}

func (c *copied) Close() error { c.closed++; return nil }

// idle is a body that brings nothing and does not end.
type idle struct{}

func (idle) Read([]byte) (int, error) { return 0, nil }

func TestAtMost64KiBOfACopyOfTheBodyAreRead(t *testing.T) {
	filler := strings.Repeat("x", 1<<20)
	contentTypes := map[string]string{
		formType:                           "text=" + filler,
		"application/json":                 `{"text":"` + filler,
		"multipart/form-data; boundary=xx": "--xx\r\nContent-Disposition: form-data; name=\"text\"\r\n\r\n" + filler,
	}
	for contentType, body := range contentTypes {
		c := &copied{Reader: strings.NewReader(body)}
		req := request(t, "POST", "https://slack.com/api/chat.postMessage", body, "Content-Type", contentType)
		original := &copied{Reader: strings.NewReader(body)}
		req.Body, req.GetBody = original, func() (io.ReadCloser, error) { return c, nil }
		before := req.Clone(req.Context())
		classify(t, slack.New(nil), req)
		if c.read != slack.MaxPrefix || c.closed != 1 {
			t.Errorf("%s: %d bytes read, closed %d times", contentType, c.read, c.closed)
		}
		if original.read != 0 || original.closed != 0 || req.Body != original {
			t.Errorf("%s: the body itself was touched", contentType)
		}
		if !reflect.DeepEqual(req.Header, before.Header) || *req.URL != *before.URL || req.Form != nil || req.PostForm != nil {
			t.Errorf("%s: the request was changed", contentType)
		}
	}
}

func TestOfALongBodyNoMoreIsReadThanItTakes(t *testing.T) {
	body := "channel=C1&text=" + strings.Repeat("x", 1<<20)
	c := &copied{Reader: strings.NewReader(body)}
	req := bearer(t, "POST", "https://slack.com/api/chat.postMessage", body, "Content-Type", formType)
	req.GetBody = func() (io.ReadCloser, error) { return c, nil }
	if k := classify(t, slack.New(nil), req).Draws[0].Key; k.Subject != "C1" {
		t.Errorf("draws on %v", k)
	}
	if c.read != slack.FirstRead || c.closed != 1 {
		t.Errorf("%d bytes read, closed %d times", c.read, c.closed)
	}
}

func TestAnArgumentMayLieWhereReadingPauses(t *testing.T) {
	p := slack.New(nil)
	for n := slack.FirstRead - 200; n <= slack.FirstRead; n++ {
		text := strings.Repeat("x", n)
		multi, multiType := multipartBody(t, "text", text, "channel", "C1")
		for contentType, body := range map[string]string{
			formType:           "text=" + text + "&channel=C1",
			"application/json": `{"text":"` + text + `","channel":"C1"}`,
			multiType:          multi,
		} {
			req := bearer(t, "POST", "https://slack.com/api/chat.postMessage", body, "Content-Type", contentType)
			if k := classify(t, p, req).Draws[0].Key; k.Subject != "C1" {
				t.Fatalf("%s after a text of %d bytes: draws on %v", contentType, n, k)
			}
		}
	}
}

func TestAMediaTypeIsKnownHoweverItIsWritten(t *testing.T) {
	multi, multiType := multipartBody(t, "channel", "C1")
	_, boundary, _ := strings.Cut(multiType, ";")
	for contentType, body := range map[string]string{
		"application/JSON":                   `{"channel":"C1"}`,
		"Application/Json ; charset=utf-8":   `{"channel":"C1"}`,
		strings.ToUpper(formType):            "channel=C1",
		formType + "; charset=UTF-8":         "channel=C1",
		"Multipart/Form-Data;" + boundary:    multi,
		" multipart/FORM-DATA ; " + boundary: multi,
	} {
		req := bearer(t, "POST", "https://slack.com/api/chat.postMessage", body, "Content-Type", contentType)
		if k := classify(t, slack.New(nil), req).Draws[0].Key; k.Subject != "C1" {
			t.Errorf("%q: draws on %v", contentType, k)
		}
	}
}

func TestTheBodyIsNotReadWhereTheHeaderSaysEnough(t *testing.T) {
	for _, req := range []*http.Request{
		bearer(t, "POST", "https://slack.com/api/reactions.add", "channel=C1", "Content-Type", formType),
		bearer(t, "POST", "https://slack.com/api/chat.postMessage?channel=C1", "channel=C1", "Content-Type", formType),
		bearer(t, "POST", "https://slack.com/api/chat.postMessage", "\x01\x02", "Content-Type", "image/png"),
		request(t, "POST", "https://hooks.slack.com/services/T/B/x", `{"channel":"C1"}`),
	} {
		req.GetBody = func() (io.ReadCloser, error) {
			t.Errorf("%s: the body is read", req.URL)
			return http.NoBody, nil
		}
		classify(t, slack.New(nil), req)
	}
}

func TestABodyThatCannotBeHadIsNoBody(t *testing.T) {
	for name, get := range map[string]func() (io.ReadCloser, error){
		"an error": func() (io.ReadCloser, error) { return nil, errors.New("gone") },
		"idle":     func() (io.ReadCloser, error) { return io.NopCloser(idle{}), nil },
		"broken": func() (io.ReadCloser, error) {
			return io.NopCloser(io.MultiReader(strings.NewReader("token=xo"), broken{})), nil
		},
		"cut short": func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(cutForm())), nil },
	} {
		req := form(t, "users.list")
		req.GetBody = get
		if k := classify(t, slack.New(nil), req).Draws[0].Key; k.Owner != "" {
			t.Errorf("%s: %v", name, k)
		}
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("broken") }

// cutForm returns a form whose token lies across the end of what is read.
func cutForm() []byte {
	text := "text=" + strings.Repeat("x", slack.MaxPrefix-16)
	return []byte(text + "&token=" + token)
}

func TestHosts(t *testing.T) {
	for _, tt := range []struct{ target, limit string }{ // "" is not claimed
		{"https://slack.com/api/users.list", "users.list"},
		{"https://SLACK.com:443/api/users.list", "users.list"},
		{"https://slack.com./api/users.list/", "users.list"},
		{"https://www.slack.com/api/users.list", "users.list"},
		{"https://acme.slack.com/api/users.list", "users.list"},
		{"https://acme.enterprise.slack.com/api/users.list", "users.list"},
		{"https://slack-gov.com/api/users.list", "users.list"},
		{"https://acme.slack-gov.com/api/users.list", "users.list"},
		{"https://slack.com/api/", "other"},
		{"https://slack.com/api/no.such.method", "other"},
		{"https://slack.com/oauth/v2/authorize", ""},
		{"https://acme.slack.com/archives/C1", ""},
		{"https://status.slack.com/api/v2.0.0/current", ""},
		{"https://notslack.com/api/users.list", ""},
		{"https://slack.com.example.org/api/users.list", ""},
		{"https://discord.com/api/v10/gateway", ""},
		{"https://proxy.example.org:8080/api/users.list", "users.list"},
		{"http://[::1]:8080/api/users.list", "users.list"},
		{"https://api.slack.com/audit/v1/logs", "audit"},
		{"https://api.slack-gov.com/audit/v1/schemas", "audit"},
		{"https://api.slack.com/scim/v1/Users", "scim.read"},
		{"https://api.slack.com/methods", "api.other"},
		{"https://api.slack.com/api/users.list", "users.list"},
		{"https://files.slack.com/upload/v1/abc", "files"},
		{"https://files.slack-gov.com/upload/v1/abc", "files"},
		{"https://hooks.slack.com/services/T/B/x", "webhook"},
		{"https://hooks.slack.com/T/B/x", "webhook"},
		{"https://hooks.slack-gov.com/services/T/B/x", "webhook"},
		{"https://hooks.slack.com/triggers/T/1/x", "trigger"},
		{"https://hooks.slack.com/workflows/T/A/1/x", "trigger"},
		{"https://hooks.slack.com/commands/T/1/x", "response"},
		{"https://hooks.slack.com/actions/T/1/x", "response"},
		{"https://hooks.slack.com/app/T/1/x", "response"},
	} {
		p := slack.New(&slack.Options{Hosts: []string{"Proxy.example.org:80", "[::1]"}})
		call, ok := p.Classify(request(t, "GET", tt.target, ""), time.Time{})
		switch {
		case ok != (tt.limit != ""):
			t.Errorf("%s: claimed %t", tt.target, ok)
		case ok && (call.Route != tt.limit || call.Draws[0].Key.Limit != tt.limit):
			t.Errorf("%s: route %q, draws on %v, want %q", tt.target, call.Route, keys(call), tt.limit)
		}
	}
	if _, ok := slack.New(nil).Classify(&http.Request{}, time.Time{}); ok {
		t.Error("a request without a URL is claimed")
	}
	bare := &http.Request{URL: &url.URL{Host: "slack.com", Path: "/api/api.test"}}
	if _, ok := slack.New(nil).Classify(bare, time.Time{}); !ok {
		t.Error("a request without a header is not claimed")
	}
}

func TestUnknownMethodsHaveABucketEachAndOneRoute(t *testing.T) {
	for method, subject := range map[string]string{
		"no.such.method":          "no.such.method",
		"noSuchMethod2":           "noSuchMethod2",
		"x%20y":                   "",
		"xoxb-1-2":                "",
		strings.Repeat("a", 1000): "",
	} {
		call := classify(t, slack.New(nil), form(t, method))
		want := bucket.Key{Provider: "slack", Limit: "other", Owner: ownerOf(t, token), Subject: subject}
		if call.Route != "other" || len(call.Draws) != 1 || call.Draws[0].Key != want || call.Repeat != providers.Never {
			t.Errorf("%s: %+v", method, call)
		}
		if got := *call.Draws[0].Policy; got != tier(20) {
			t.Errorf("%s: %+v", method, got)
		}
	}
}

func TestWebhooksAreKeyedByTheirURL(t *testing.T) {
	p := slack.New(nil)
	of := func(target string) bucket.Draw {
		return classify(t, p, request(t, "POST", target, "{}")).Draws[0]
	}
	a, b := of("https://hooks.slack.com/services/T1/B1/secret"), of("https://hooks.slack.com/services/T1/B1/secret/?x=1")
	if a != b || a.Key.Owner == "" || a.Key.Subject != "" {
		t.Errorf("one webhook: %+v and %+v", a, b)
	}
	if c := of("https://hooks.slack.com/services/T1/B1/other"); c.Key == a.Key {
		t.Errorf("two webhooks share %v", c.Key)
	}
	if want := (bucket.Policy{Every: time.Second, Burst: 1}); *a.Policy != want {
		t.Errorf("a webhook: %+v, want %+v", *a.Policy, want)
	}
	if got := *of("https://hooks.slack.com/triggers/T1/1/x").Policy; got != tier(10) {
		t.Errorf("a trigger: %+v", got)
	}
	five := bucket.Policy{Quota: 5, Window: 30 * time.Minute}
	if got := *of("https://hooks.slack.com/commands/T1/1/x").Policy; got != five {
		t.Errorf("a response URL: %+v", got)
	}
}

func TestARequestIsRepeatedOnlyWhereItReads(t *testing.T) {
	for _, tt := range []struct {
		method, target string
		want           providers.Repeat
	}{
		{"POST", "https://slack.com/api/conversations.history", providers.Always},
		{"POST", "https://slack.com/api/auth.test", providers.Always},
		{"GET", "https://slack.com/api/search.messages", providers.Always},
		{"GET", "https://slack.com/api/chat.postMessage", providers.Never},
		{"GET", "https://slack.com/api/auth.revoke", providers.Never},
		{"GET", "https://slack.com/api/rtm.connect", providers.Never},
		{"GET", "https://slack.com/api/some.list", providers.Never},
		{"POST", "https://slack.com/api/files.getUploadURLExternal", providers.Never},
		{"POST", "https://hooks.slack.com/services/T/B/x", providers.Never},
		{"GET", "https://api.slack.com/scim/v2/Users", providers.ByMethod},
		{"GET", "https://files.slack.com/files-pri/T-F/x", providers.ByMethod},
	} {
		if got := classify(t, slack.New(nil), request(t, tt.method, tt.target, "")).Repeat; got != tt.want {
			t.Errorf("%s %s: %d, want %d", tt.method, tt.target, got, tt.want)
		}
	}
}

// isOwner says whether s is a digest, or that of an owner and of a part of it.
func isOwner(s string) bool {
	isDigest := func(s string) bool { return len(s) == 32 && strings.Trim(s, "0123456789abcdef") == "" }
	whole, part, isPart := strings.Cut(s, "/")
	return isDigest(whole) && (!isPart || isDigest(part))
}

func FuzzClassify(f *testing.F) {
	multi, multiType := multipartBody(f, "token", token, "channel", "C1")
	f.Add("/api/chat.postMessage", "", formType, "", []byte("token=a&channel=b"))
	f.Add("/api/files.upload", "channels=C1,C2", multiType, "A1/T1", []byte(multi))
	f.Add("/api/chat.meMessage", "a=%", "application/json", "", []byte(`{"a":{"b":[1]},"channel":"x","token":null}`))
	f.Add("/api/chat.postMessage", "", "application/json", "", []byte(strings.Repeat(`{"a":`, 20000)))
	f.Add("/api/chat.postMessage", "", "application/json", "\x00", []byte(strings.Repeat(`[`, 70000)))
	f.Add("/api/users.list", "team_id=T1", formType, "", []byte("token=a&team_id=T2&team_id="))
	f.Add("/api/users.profile.set", "user=U1", formType, "A1", []byte("token=a&user=U2"))
	f.Add("/api/%00", "token=%zz&&=;", "", "", []byte("&&==%&token=%%"))
	p := slack.New(&slack.Options{
		Install:  func(req *http.Request) string { return req.Header.Get("X-Install") },
		Installs: map[string]slack.Overrides{"A1": {NonMarketplace: true}},
	})
	f.Fuzz(func(t *testing.T, path, query, contentType, install string, body []byte) {
		req := request(t, "POST", "https://slack.com/", string(body))
		req.URL.Path, req.URL.RawQuery = path, query
		req.Header["Content-Type"], req.Header["X-Install"] = []string{contentType}, []string{install}
		call, ok := p.Classify(req, time.Time{})
		if ok != strings.HasPrefix(path, "/api/") {
			t.Fatalf("claimed: %t", ok)
		}
		if !ok {
			return
		}
		if n := len(call.Draws); n < 1 || n > 22 {
			t.Errorf("%d draws", n)
		}
		for _, d := range call.Draws {
			if len(d.Key.Subject) > 128 || d.Policy == nil {
				t.Errorf("draws on %v", d)
			}
			o := d.Key.Owner
			if o != call.Draws[0].Key.Owner || o != "" && !isOwner(o) {
				t.Errorf("the owner is %q", o)
			}
		}
	})
}

func BenchmarkClassify(b *testing.B) {
	p := slack.New(nil)
	for name, req := range map[string]*http.Request{
		"slack-go form": form(b, "chat.postMessage", "channel", "C0123456789", "text", strings.Repeat("hello world ", 40)),
		"header":        bearer(b, "POST", "https://slack.com/api/users.list", "limit=10", "Content-Type", formType),
		"json": bearer(b, "POST", "https://slack.com/api/chat.postMessage",
			`{"channel":"C0123456789","text":"`+strings.Repeat("hello world ", 40)+`"}`, "Content-Type", "application/json"),
		"webhook": request(b, "POST", "https://hooks.slack.com/services/T0/B0/0123456789", `{"text":"hello"}`),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				p.Classify(req, time.Time{})
			}
		})
	}
}
