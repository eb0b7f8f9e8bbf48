package discord_test

import (
	"bytes"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/underlimit/underlimit/bucket"
	"github.com/underlimit/underlimit/internal/field"
	"github.com/underlimit/underlimit/providers"
	"github.com/underlimit/underlimit/providers/discord"
)

// What the requests of FuzzJudge are made of.
var (
	fuzzHosts    = []string{"discord.com", "canary.discord.com", "discordapp.com", "PTB.discordapp.com:443"}
	fuzzVersions = []string{"/v10", "/v9", "/v8", "/v7", "/v6", "", "/v11", "/v3"}
	fuzzMethods  = []string{"POST", "GET", "PATCH", "DELETE", "PUT", "HEAD", "post", "PURGE", ""}
	fuzzPaths    = []string{
		"/channels/1/messages", "/channels/1/messages/2", "/channels/1", "/channels/1/x", "", "/users/@me",
		"/channels/1/messages/1288193243275722752", "/channels/1/messages/2/reactions/a%3A7/@me", "/guilds/5/emojis",
		"/channels/1/messages/2/crosspost", "/channels/1/threads", "/invites/abc", "/webhooks/9", "/webhooks/9/" + hookToken,
		"/webhooks/9/" + hookToken + "/slack", "/webhooks/9/" + hookToken + "/messages/2", "/webhooks/9/" + hookToken + "/x",
		interaction, "/webhooks/8/" + replyToken, "/webhooks/8/" + replyToken + "/messages/@original", "/interactions/77",
		"/applications/3/commands",
	}
	fuzzCredentials = []string{bot, "Bearer y", "", "z", "Basic eDp5"}
)

// fuzzRequest makes a request of a number, and says whether Authorization is to be left out.
func fuzzRequest(t *testing.T, pick uint64, body string) (req *http.Request, omit bool) {
	t.Helper()
	choose := func(n int) int {
		i := int(pick % uint64(n))
		pick /= uint64(n)
		return i
	}
	path := fuzzPaths[choose(len(fuzzPaths))]
	url := "https://" + fuzzHosts[choose(len(fuzzHosts))] + "/api" + fuzzVersions[choose(len(fuzzVersions))] + path
	method := fuzzMethods[choose(len(fuzzMethods))]
	req, err := http.NewRequest(method, url, bytes.NewReader([]byte(body)))
	if err != nil {
		t.Fatal(err)
	}
	if choose(4) == 0 {
		req.GetBody = nil
	}
	if c := fuzzCredentials[choose(len(fuzzCredentials))]; c != "" {
		req.Header.Set("Authorization", c)
	}
	if choose(3) == 0 {
		req.Header.Set("X-RateLimit-Precision", "millisecond")
	}
	return req, choose(2) == 0
}

func FuzzJudge(f *testing.F) {
	for i := range uint64(len(fuzzPaths)) {
		pick := i + 7919*i*uint64(len(fuzzPaths))
		f.Add(pick, `{"name":"x"}`, 429, "65", "1.1 google", "10", "0", "1470173023.123", "64.57", hash, "", "user", "", limited)
		f.Add(pick, "", 404, "", "", "10", "9", "", "1", hash, "", "", "", `{"code":10015}`)
		f.Add(pick, "[", 403, "5", "", "", "", "", "", "", "", "", "", "<html>")
		f.Add(pick, "{", 200, "", "", "10", "9", "1e300", "-1", "a b", "true", "shared", "Mon, 01 Jan 0001 00:00:00 GMT", "")
		f.Add(pick, "", 404, "", "", "10", "9", "", "1", hash, "", "", "", `{"code":10008}`)
		f.Add(pick, "", 401, "", "", "NaN", "", "", "", "reactions", "", "", "", "{}")
	}
	providerOf := map[bool]*discord.Provider{
		false: discord.New(nil), true: discord.New(&discord.Options{OmitAuthorization: true}),
	}
	f.Fuzz(func(t *testing.T, pick uint64, sent string, status int,
		retryAfter, via, limit, remaining, reset, resetAfter, bucketHash, isGlobal, scope, date, body string,
	) {
		req, omit := fuzzRequest(t, pick, sent)
		p := providerOf[omit]
		call, ok := p.Classify(req, received)
		if !ok {
			t.Fatalf("%s is not claimed", req.URL)
		}
		h := http.Header{}
		for name, v := range map[string]string{
			"Retry-After": retryAfter, "Via": via, "Date": date, "X-RateLimit-Limit": limit, "X-RateLimit-Reset": reset,
			"X-RateLimit-Remaining": remaining, "X-RateLimit-Reset-After": resetAfter, "X-RateLimit-Bucket": bucketHash,
			"X-RateLimit-Global": isGlobal, "X-RateLimit-Scope": scope,
		} {
			if v != "" {
				h.Set(name, v)
			}
		}
		answer := &providers.Answer{Status: status, Header: h, Body: []byte(body), Received: received}
		drawn := slices.Clone(call.Draws)
		v := p.Judge(req, &call, answer)
		if !slices.Equal(call.Draws, drawn) {
			t.Errorf("the draws are %v by now, and were %v", call.Draws, drawn)
		}
		if again := p.Judge(req, &call, answer); !reflect.DeepEqual(v, again) {
			t.Errorf("first %+v, then %+v", v, again)
		}
		checkVerdict(t, status, &call, &v)
		for n := range call.Draws { // should somebody have taken draws away
			fewer := call
			fewer.Draws = slices.Delete(slices.Clone(call.Draws), n, n+1)
			p.Judge(req, &fewer, answer)
			fewer.Draws = call.Draws[:n]
			p.Judge(req, &fewer, answer)
		}
	})
}

// checkVerdict checks what holds of any verdict.
func checkVerdict(t *testing.T, status int, call *providers.Call, v *providers.Verdict) {
	t.Helper()
	if v.Refused != (status == 429) || v.Refused != (v.Scope != "") {
		t.Errorf("status %d: refused is %t, scope %q", status, v.Refused, v.Scope)
	}
	holds, charges := false, 0
	for _, u := range v.Updates {
		var at bucket.Key
		switch u := bucket.Value(u).(type) {
		case bucket.Block:
			if u.For < 0 || u.For > field.Max {
				t.Errorf("a block of %v", u.For)
			}
			for _, d := range call.Draws {
				holds = holds || d.Key == u.Key
			}
			at = u.Key
		case bucket.Window:
			if u.Remaining < 0 || u.Limit < 0 || u.ResetAfter < 0 || u.ResetAfter > field.Max || v.Refused {
				t.Errorf("window %+v", u)
			}
			if u.ResetAt.Year() > 2201 {
				t.Errorf("a window until %v", u.ResetAt)
			}
			at = u.Key
		case bucket.Charge:
			charges++
			at = u.Key
		}
		if s := at.Limit + at.Owner + at.Subject; strings.Contains(s, hookToken) || strings.Contains(s, replyToken) {
			t.Errorf("a credential is in %+v", at)
		}
	}
	if gone := status == 401 || status == 403 || status == 404; v.Refused != holds && !gone {
		t.Errorf("refused is %t, but that it blocks a draw is %t", v.Refused, holds)
	}
	if invalid := status == 401 || status == 403 || status == 429 && v.Scope != providers.ScopeShared; invalid != (charges == 1) {
		t.Errorf("status %d of scope %q is charged %d times", status, v.Scope, charges)
	}
}
