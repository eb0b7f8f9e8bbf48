package slack_test

import (
	"encoding/json"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/underlimit/underlimit/bucket"
	"github.com/underlimit/underlimit/providers"
	"github.com/underlimit/underlimit/providers/providertest"
	"github.com/underlimit/underlimit/providers/slack"
)

const token = "xoxb-1234567890-very-secret"

// request returns a request with a body; header holds names and values in turn.
func request(t testing.TB, method, target, body string, header ...string) *http.Request {
	t.Helper()
	var r io.Reader
	if body != "" {
		r = strings.NewReader(body)
	}
	req, err := http.NewRequest(method, target, r)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	return req
}

const formType = "application/x-www-form-urlencoded"

// form is a call as slack-go makes it: everything in the form, the token included.
func form(t testing.TB, method string, pairs ...string) *http.Request {
	t.Helper()
	v := url.Values{"token": {token}}
	for i := 0; i < len(pairs); i += 2 {
		v.Set(pairs[i], pairs[i+1])
	}
	return request(t, "POST", "https://slack.com/api/"+method, v.Encode(), "Content-Type", formType)
}

// bearer is a call with the token in the header.
func bearer(t testing.TB, method, target, body string, header ...string) *http.Request {
	t.Helper()
	return request(t, method, target, body, append([]string{"Authorization", "Bearer " + token}, header...)...)
}

func jsonBody(t testing.TB, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// multipartBody returns a multipart form, with a file first, and its content type.
func multipartBody(t testing.TB, pairs ...string) (body, contentType string) {
	t.Helper()
	var b strings.Builder
	w := multipart.NewWriter(&b)
	file, err := w.CreateFormFile("channel", "channel.txt")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(file, "not-a-channel"); err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(pairs); i += 2 {
		if err := w.WriteField(pairs[i], pairs[i+1]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String(), w.FormDataContentType()
}

func classify(t testing.TB, p providers.Provider, req *http.Request) providers.Call {
	t.Helper()
	call, ok := p.Classify(req, time.Time{})
	if !ok {
		t.Fatalf("%s %s is not claimed", req.Method, req.URL)
	}
	return call
}

// ownerOf returns the digest that stands for a token in a provider without a secret.
func ownerOf(t testing.TB, token string) string {
	t.Helper()
	req := request(t, "POST", "https://slack.com/api/auth.test", "", "Authorization", "Bearer "+token)
	return classify(t, slack.New(nil), req).Draws[0].Key.Owner
}

// orgOf returns the digest that stands for the organization of a token.
func orgOf(t testing.TB, token string) string {
	t.Helper()
	req := request(t, "GET", "https://api.slack.com/audit/v1/logs", "", "Authorization", "Bearer "+token)
	return classify(t, slack.New(nil), req).Draws[0].Key.Owner
}

func keys(call providers.Call) (all []bucket.Key) {
	for _, d := range call.Draws {
		all = append(all, d.Key)
	}
	return all
}

func TestTheProviderConforms(t *testing.T) {
	multi, multiType := multipartBody(t, "token", token, "channels", "C1,C2")
	providertest.Test(t, slack.New(nil),
		providertest.Secret(form(t, "chat.postMessage", "channel", "C1", "text", "hello"), token),
		providertest.Secret(form(t, "users.list"), token),
		providertest.Secret(form(t, "no.such.method"), token),
		providertest.Secret(request(t, "GET", "https://slack.com/api/users.list?token="+token, ""), token),
		providertest.Secret(request(t, "POST", "https://slack.com/api/"+token, ""), token),
		providertest.Secret(request(t, "POST", "https://slack.com/api/files.upload", multi, "Content-Type", multiType), token),
		bearer(t, "POST", "https://slack.com/api/chat.meMessage", `{"channel":"C1"}`, "Content-Type", "application/json"),
		bearer(t, "GET", "https://api.slack.com/audit/v1/logs", ""),
		bearer(t, "GET", "https://api.slack.com/scim/v2/Users", ""),
		bearer(t, "PATCH", "https://api.slack.com/scim/v2/Users/W1", "{}"),
		bearer(t, "GET", "https://api.slack.com/", ""),
		bearer(t, "POST", "https://files.slack.com/upload/v1/abc", "content"),
		providertest.Secret(request(t, "POST", "https://hooks.slack.com/services/T1/B1/verysecret", "{}"), "T1", "verysecret"),
		providertest.Secret(request(t, "POST", "https://hooks.slack.com/triggers/T1/1/verysecret", "{}"), "verysecret"),
		providertest.Secret(request(t, "POST", "https://hooks.slack.com/commands/T1/1/verysecret", "{}"), "verysecret"),
	)
}

func FuzzJudge(f *testing.F) {
	providertest.Fuzz(f, slack.New(nil), form(f, "chat.postMessage", "channel", "C1"))
}
