package discord_test

import (
	"net/http"
	"net/http/httptest"
	"reflect"
	"testing"
	"time"

	"github.com/underlimit/underlimit/providers"
	"github.com/underlimit/underlimit/providers/discord"
)

// refuse returns the refusal of a request for 2.5 s from received on, in whole seconds.
func refuse(t *testing.T, method, url string) (http.Header, string) {
	t.Helper()
	p, req := discord.New(nil), httptest.NewRequest(method, url, nil)
	call, ok := p.Classify(req, received)
	if !ok {
		t.Fatalf("%s is not claimed", url)
	}
	h, body := providers.Refuse(p, req, &call, received, 2500*time.Millisecond)
	return h, string(body)
}

func TestARefusalSpeaksTheLanguageOfItsVersion(t *testing.T) {
	for _, test := range []struct{ url, header, body string }{
		{messages, "3", "3.0"},
		{"https://discord.com/api/v8/channels/1/messages", "3", "3.0"},
		{oldMessages, "3000", "3000"},
		{"https://discord.com/api/v7/channels/1/messages", "3000", "3000"},
		{"https://discord.com/api/channels/1/messages", "3000", "3000"},
	} {
		h, body := refuse(t, http.MethodPost, test.url)
		hash := h.Get("X-RateLimit-Bucket")
		h.Del("X-RateLimit-Bucket")
		want := header("Content-Type: application/json", "Date: Sat, 23 May 2026 12:00:03 GMT", "Via: 1.1 underlimit",
			"Retry-After: "+test.header, "X-RateLimit-Limit: 1", "X-RateLimit-Remaining: 0", "X-RateLimit-Scope: user",
			"X-RateLimit-Reset: 1779537607", "X-RateLimit-Reset-After: 3.0")
		if !reflect.DeepEqual(h, want) {
			t.Errorf("%s: got %v, want %v", test.url, h, want)
		}
		wantBody := `{"message":"You are being rate limited.","retry_after":` + test.body + `,"global":false}`
		if body != wantBody || len(hash) != 32 {
			t.Errorf("%s: got %s of %s, want %s", test.url, body, hash, wantBody)
		}
	}
}

func TestARefusalNamesABucketForEachRoute(t *testing.T) {
	seen := map[string]string{}
	for _, url := range []string{
		messages, "https://discord.com/api/v10/channels/1/pins", "https://discord.com/api/v10/new/things",
		"https://discord.com/api/v10/new/others", "https://discord.com/api/v10/interactions/1/token/callback",
	} {
		h, _ := refuse(t, http.MethodPost, url)
		hash := h.Get("X-RateLimit-Bucket")
		if other, ok := seen[hash]; ok {
			t.Errorf("%s has the bucket of %s", url, other)
		}
		seen[hash] = url
	}
	h, _ := refuse(t, http.MethodPost, messages)
	elsewhere, _ := refuse(t, http.MethodPost, "https://discord.com/api/v10/channels/2/messages")
	if h.Get("X-RateLimit-Bucket") != elsewhere.Get("X-RateLimit-Bucket") {
		t.Error("one route has two buckets in two channels")
	}
}
