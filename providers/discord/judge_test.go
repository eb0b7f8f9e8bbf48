package discord_test

import (
	"context"
	"io"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/underlimit/underlimit/bucket"
	"github.com/underlimit/underlimit/internal/field"
	"github.com/underlimit/underlimit/providers"
	"github.com/underlimit/underlimit/providers/discord"
)

const (
	messages    = "https://discord.com/api/v10/channels/1/messages"
	oldMessages = "https://discord.com/api/v6/channels/1/messages"
	hash        = "abcd1234"
	limited     = `{"message":"You are being rate limited.","retry_after":64.57,"global":false}`
)

var (
	received = time.Date(2026, 5, 23, 12, 0, 3, 250e6, time.UTC)

	route   = key("POST /channels/{channel}/messages", bot, "channels/1")
	old     = key("/channels/{channel}/messages", bot, "channels/1")
	counter = key(hash, bot, "channels/1")
	global  = key("global", bot, "")
)

// header makes a header of "Name: value" lines.
func header(lines ...string) http.Header {
	h := http.Header{}
	for _, line := range lines {
		name, value, _ := strings.Cut(line, ": ")
		h.Add(name, value)
	}
	return h
}

// full is a header with all that a bucket's answers have, and more.
func full(lines ...string) http.Header {
	return header(append([]string{
		"Via: 1.1 google", "X-RateLimit-Limit: 10", "X-RateLimit-Reset: 1470173023.123",
		"X-RateLimit-Reset-After: 64.57", "X-RateLimit-Bucket: " + hash,
	}, lines...)...)
}

func judge(t *testing.T, method, rawURL string, a *providers.Answer) providers.Verdict {
	t.Helper()
	p := discord.New(nil)
	req := request(t, method, rawURL)
	call, ok := p.Classify(req, received)
	if !ok {
		t.Fatalf("%s is not claimed", rawURL)
	}
	a.Received = received
	drawn := slices.Clone(call.Draws)
	v := p.Judge(req, &call, a)
	if !slices.Equal(call.Draws, drawn) {
		t.Errorf("judging an answer %d changed the draws to %v", a.Status, call.Draws)
	}
	return charged(t, a.Status, v)
}

// charged takes the charge for an invalid request off a verdict, and fails the test unless it has one if, and only if, it
// should: https://discord.com/developers/docs/topics/rate-limits#invalid-request-limit-aka-cloudflare-bans
func charged(t *testing.T, status int, v providers.Verdict) providers.Verdict {
	t.Helper()
	var rest []bucket.Update
	charges := 0
	for _, u := range v.Updates {
		u = bucket.Value(u)
		if c, ok := u.(bucket.Charge); ok && c.Key == egress {
			charges++
			continue
		}
		rest = append(rest, u)
	}
	want := 0
	if status == 401 || status == 403 || status == 429 && v.Scope != providers.ScopeShared {
		want = 1
	}
	if charges != want {
		t.Errorf("a %d of scope %q is charged %d times, want %d", status, v.Scope, charges, want)
	}
	v.Updates = rest
	return v
}

func blocked(wait time.Duration, keys ...bucket.Key) (us []bucket.Update) {
	for _, k := range keys {
		us = append(us, bucket.Block{Key: k, For: wait})
	}
	return us
}

func TestTheDeletionOfAMessageThatIsGoneTellsOfTheCounterOfYoungOnes(t *testing.T) {
	at := func(age string) bucket.Key {
		return key("DELETE /channels/{channel}/messages/{message}"+age, bot, "channels/1")
	}
	between := snowflake(received.Add(-time.Hour))
	for _, tt := range []struct {
		name, id, age string // what the request drew on
		status        int
		body          string
		gone          bool
	}{
		{"old", "2", " old", 404, `{"message":"Unknown Message","code":10008}`, true},
		{"between", between, "", 404, `{"message":"Unknown Message","code":10008}`, true},
		{"an unknown channel", "2", " old", 404, `{"message":"Unknown Channel","code":10003}`, false},
		{"no JSON", "2", " old", 404, `<!DOCTYPE html>`, false},
		{"deleted", "2", " old", 204, ``, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := judge(t, "DELETE", messages+"/"+tt.id, &providers.Answer{
				Status: tt.status, Header: full("X-RateLimit-Remaining: 4"), Body: []byte(tt.body),
			})
			want := []bucket.Update{
				bucket.Alias{Key: at(tt.age), To: counter},
				bucket.Window{
					Key: counter, Limit: 10, Remaining: 4, ResetAfter: 64571 * time.Millisecond, Precision: 2 * time.Millisecond,
				},
			}
			if tt.gone {
				want[0] = bucket.Alias{Key: at(" young"), To: counter}
				want = append(want, bucket.Uncounted{Key: at(tt.age)})
			}
			if want := (providers.Verdict{Updates: want}); !equal(got, want) {
				t.Errorf("got %+v, want %+v", got, want)
			}
		})
	}
}

// hidden is the block of a limit that only refusals show.
func hidden(wait time.Duration, key bucket.Key) []bucket.Update {
	return []bucket.Update{bucket.Block{Key: key, For: wait, Hidden: true}}
}

// rounded is the same, and by how much the wait was rounded up.
func rounded(wait, by time.Duration, key bucket.Key) []bucket.Update {
	return []bucket.Update{bucket.Block{Key: key, For: wait, Hidden: true, Precision: by}}
}

func TestAnAnswerTellsOfTheCountersWindow(t *testing.T) {
	const ms = time.Millisecond
	date := time.Date(2026, 5, 23, 12, 0, 2, 0, time.UTC)
	byPath := bucket.Alias{Key: route, To: old}
	for _, tt := range []struct {
		name, method, url string
		status            int
		header            http.Header
		want              []bucket.Update
	}{
		{
			"The hash names the counter.", "POST", messages, 200, full("X-RateLimit-Remaining: 9"),
			[]bucket.Update{
				bucket.Alias{Key: route, To: counter},
				bucket.Window{Key: counter, Limit: 10, Remaining: 9, ResetAfter: 64571 * ms, Precision: 2 * ms},
			},
		},
		{
			"An error was counted, too.", "POST", messages, 404, full("X-RateLimit-Remaining: 0"),
			[]bucket.Update{
				bucket.Alias{Key: route, To: counter},
				bucket.Window{Key: counter, Limit: 10, ResetAfter: 64571 * ms, Precision: 2 * ms},
			},
		},
		{
			"A 202 with a wait in its body is no refusal.", "GET", messages, 202, header("Retry-After: 5"), nil,
		},
		{
			"Below version 8 the counter is that of the path.", "POST", oldMessages, 200,
			header("X-RateLimit-Remaining: 4", "X-RateLimit-Limit: 5", "X-RateLimit-Reset-After: 5"),
			[]bucket.Update{byPath, bucket.Window{Key: old, Limit: 5, Remaining: 4, ResetAfter: 5 * time.Second, Precision: time.Second}},
		},
		{
			"Below version 8 a hash may come, too, and a fraction if it was asked for.", "POST", oldMessages, 200,
			full("X-RateLimit-Remaining: 4"),
			[]bucket.Update{
				bucket.Alias{Key: route, To: counter},
				bucket.Window{Key: counter, Limit: 10, Remaining: 4, ResetAfter: 64571 * ms, Precision: 2 * ms},
			},
		},
		{
			"Without a hash the methods of a route share a counter.", "POST", messages, 200,
			header("X-RateLimit-Remaining: 4", "X-RateLimit-Reset-After: 5"),
			[]bucket.Update{
				bucket.Alias{Key: route, To: old},
				bucket.Window{Key: old, Remaining: 4, ResetAfter: 5001 * ms, Precision: 2 * ms},
			},
		},
		{
			"Without a hash deleting a message has its own.", "DELETE", messages + "/2", 204,
			header("X-RateLimit-Remaining: 4", "X-RateLimit-Reset-After: 1"),
			[]bucket.Update{bucket.Window{
				Key:       key("DELETE /channels/{channel}/messages/{message} old", bot, "channels/1"),
				Remaining: 4, ResetAfter: 1001 * ms, Precision: 2 * ms,
			}},
		},
		{
			"A hash that is none does not get into a key.", "POST", messages, 200,
			header("X-RateLimit-Remaining: 4", "X-RateLimit-Reset-After: 1", "X-RateLimit-Bucket: a b"),
			[]bucket.Update{
				bucket.Alias{Key: route, To: old},
				bucket.Window{Key: old, Remaining: 4, ResetAfter: 1001 * ms, Precision: 2 * ms},
			},
		},
		{
			"A hash does not pass for another limit.", "POST", messages, 200,
			header("X-RateLimit-Remaining: 4", "X-RateLimit-Reset-After: 1", "X-RateLimit-Bucket: global"),
			[]bucket.Update{
				bucket.Alias{Key: route, To: old},
				bucket.Window{Key: old, Remaining: 4, ResetAfter: 1001 * ms, Precision: 2 * ms},
			},
		},
		{
			"The counter of an unknown route belongs to its major parameter.", "GET", "https://discord.com/api/v9/channels/1/x",
			200, full("X-RateLimit-Remaining: 9"),
			[]bucket.Update{
				bucket.Alias{Key: key("other", bot, "/channels/1/x"), To: counter},
				bucket.Window{Key: counter, Limit: 10, Remaining: 9, ResetAfter: 64571 * ms, Precision: 2 * ms},
			},
		},
		{
			"An unknown route without a hash counts for itself.", "GET", "https://discord.com/api/v6/x", 200,
			header("X-RateLimit-Remaining: 9", "X-RateLimit-Reset-After: 3"),
			[]bucket.Update{bucket.Window{
				Key: key("other", bot, "/x"), Remaining: 9, ResetAfter: 3 * time.Second, Precision: time.Second,
			}},
		},
		{
			"An instant does where there is no time from now.", "POST", messages, 200,
			header("X-RateLimit-Remaining: 9", "X-RateLimit-Reset: 1779537605.250", "Date: Sat, 23 May 2026 12:00:02 GMT"),
			[]bucket.Update{
				bucket.Alias{Key: route, To: old},
				bucket.Window{Key: old, Remaining: 9, ResetAt: time.Unix(1779537605, 251e6), Date: date, Precision: 2 * ms},
			},
		},
		{
			"An instant is rounded up to a second below version 8.", "POST", oldMessages, 200,
			header("X-RateLimit-Remaining: 9", "X-RateLimit-Reset: 1779537605", "X-RateLimit-Reset-After: 0"),
			[]bucket.Update{byPath, bucket.Window{Key: old, Remaining: 9, ResetAt: time.Unix(1779537605, 0), Precision: time.Second}},
		},
		{
			"An absurd instant is cut.", "POST", oldMessages, 200,
			header("X-RateLimit-Remaining: 9", "X-RateLimit-Reset: 499999999999", "Date: Mon, 01 Jan 0001 00:00:00 GMT"),
			[]bucket.Update{byPath, bucket.Window{Key: old, Remaining: 9, ResetAt: received.Add(field.Max), Precision: time.Second}},
		},
		{"No time says nothing.", "POST", messages, 200, header("X-RateLimit-Remaining: 9", "X-RateLimit-Reset-After: 0"), nil},
		{
			"A time that is none says nothing.", "POST", messages, 200,
			header("X-RateLimit-Remaining: 9", "X-RateLimit-Reset-After: NaN", "X-RateLimit-Reset: Invalid precision"), nil,
		},
		{"A negative rest says nothing.", "POST", messages, 200, full("X-RateLimit-Remaining: -1"), nil},
		{"No header says nothing.", "POST", messages, 200, nil, nil},
		{
			"An answer to an interaction is under no bucket.", "POST", "https://discord.com/api/v10" + interaction, 204,
			full("X-RateLimit-Remaining: 9"), nil,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := judge(t, tt.method, tt.url, &providers.Answer{Status: tt.status, Header: tt.header})
			if want := (providers.Verdict{Updates: tt.want}); !equal(got, want) {
				t.Errorf("got\n%+v, want\n%+v", got, want)
			}
		})
	}
}

// equal compares verdicts but for the time zones in them.
func equal(a, b providers.Verdict) bool { return reflect.DeepEqual(inUTC(a), inUTC(b)) }

func inUTC(v providers.Verdict) providers.Verdict {
	us := v.Updates
	v.Updates = nil
	for _, u := range us {
		u = bucket.Value(u)
		if w, ok := u.(bucket.Window); ok {
			w.ResetAt = w.ResetAt.UTC()
			u = w
		}
		v.Updates = append(v.Updates, u)
	}
	return v
}

func TestMillisecondsThatWereAskedForAreNotTakenForSeconds(t *testing.T) {
	p := discord.New(nil)
	req := request(t, "POST", oldMessages)
	req.Header.Set("X-RateLimit-Precision", "millisecond")
	call, _ := p.Classify(req, received)
	got := p.Judge(req, &call, &providers.Answer{
		Status: 200, Header: header("X-RateLimit-Remaining: 4", "X-RateLimit-Reset-After: 5"), Received: received,
	}).Updates
	want := []bucket.Update{&bucket.Alias{Key: route, To: old}, &bucket.Window{
		Key: old, Remaining: 4, ResetAfter: 5001 * time.Millisecond, Precision: 2 * time.Millisecond,
	}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestARefusalBlocksWhatItIsAbout(t *testing.T) {
	const (
		v10      = "https://discord.com/api/v10"
		hook     = "https://discord.com/api/webhooks/9/" + hookToken
		commands = v10 + "/applications/1/guilds/2/commands"
	)
	hashed := bucket.Alias{Key: route, To: counter}
	hookRoute := key("POST /webhooks/{webhook}/{token}", hookToken, "webhooks/9")
	firstAnswer := key("POST /interactions/{interaction}/{token}/callback", "egress", "interactions/77")
	hookOld := key("/webhooks/{webhook}/{token}", hookToken, "webhooks/9")
	for _, tt := range []struct {
		name, method, url string
		header            http.Header
		body              string
		scope             providers.Scope
		want              []bucket.Update
	}{
		// The examples of https://discord.com/developers/docs/topics/rate-limits
		{
			"A user's limit.", "POST", messages,
			full("X-RateLimit-Remaining: 0", "Retry-After: 65", "X-RateLimit-Scope: user"), limited,
			providers.ScopeUser, slices.Concat([]bucket.Update{hashed},
				rounded(65*time.Second, 430*time.Millisecond, route), blocked(65*time.Second, counter)),
		},
		{
			"A shared limit.", "POST", messages,
			full("X-RateLimit-Remaining: 9", "Retry-After: 1337", "X-RateLimit-Scope: shared"),
			`{"message":"The resource is being rate limited.","retry_after":1336.57,"global":false}`,
			providers.ScopeShared, blocked(1337*time.Second, route),
		},
		{
			"The global limit.", "POST", messages,
			header("Retry-After: 65", "X-RateLimit-Global: true", "X-RateLimit-Scope: global"),
			`{"message":"You are being rate limited.","retry_after":64.57,"global":true}`,
			providers.ScopeGlobal, blocked(65*time.Second, global),
		},

		{
			"The global limit, as captured.", "POST", messages,
			header("Via: 1.1 google", "Retry-After: 1", "X-RateLimit-Scope: global"),
			`{"message": "You are being rate limited.", "retry_after": 0.661, "global": true}`,
			providers.ScopeGlobal, blocked(time.Second, global),
		},
		{
			"The global limit, told by the body alone.", "POST", messages, header("Via: 1.1 google"),
			`{"retry_after": 0.661, "global": true}`,
			providers.ScopeGlobal, blocked(661*time.Millisecond, global),
		},
		{
			"The global limit of the old domain.", "GET", "https://discordapp.com/api/v9/users/@me",
			header("X-RateLimit-Global: true", "Retry-After: 2"), "",
			providers.ScopeGlobal, blocked(2*time.Second, key("global", bot, "discordapp.com")),
		},
		{
			"The global limit of an address.", "get", v10 + "/invites/abc",
			header("X-RateLimit-Global: true", "Retry-After: 2"), "",
			providers.ScopeGlobal, blocked(2*time.Second, key("global", "egress", "")),
		},
		{
			"A global limit of which the first answer to an interaction knows nothing.", "post", v10 + interaction,
			header("X-RateLimit-Global: true", "Retry-After: 2"), `{"global":true}`,
			providers.ScopeGlobal, blocked(2*time.Second, firstAnswer),
		},
		{
			"A global limit of which a later answer to an interaction knows nothing.", "POST", v10 + "/webhooks/8/" + replyToken,
			header("X-RateLimit-Global: true", "Retry-After: 2"), `{"global":true}`,
			providers.ScopeGlobal, blocked(2*time.Second, key("POST /webhooks/{webhook}/{token}", application, replied)),
		},
		{
			"A limit on the first answer to an interaction.", "POST", v10 + interaction,
			full("X-RateLimit-Remaining: 0", "Retry-After: 2", "X-RateLimit-Scope: user"), `{"retry_after":1.5}`,
			providers.ScopeUser, blocked(2*time.Second, firstAnswer),
		},
		{
			"A shared limit on the first answer to an interaction.", "POST", v10 + interaction,
			header("Via: 1.1 google", "Retry-After: 2", "X-RateLimit-Scope: shared"), "{}",
			providers.ScopeShared, blocked(2*time.Second, firstAnswer),
		},
		{
			"Cloudflare's, to the first answer to an interaction.", "POST", v10 + interaction,
			header("Retry-After: 900"), "<html>", providers.ScopeEgress, blocked(900*time.Second, egress),
		},
		{
			"The body says more than the header.", "PATCH", messages + "/2",
			full("X-RateLimit-Remaining: 4", "Retry-After: 1", "X-RateLimit-Scope: shared"),
			`{"message":"Announcement messages are being edited too fast.","code":20028,"retry_after":1163.097,"global":false}`,
			providers.ScopeShared,
			blocked(1163097*time.Millisecond, key("PATCH /channels/{channel}/messages/{message}", bot, "channels/1")),
		},
		{
			"A narrower limit than the counter's leaves the counter alone.", "PATCH", v10 + "/channels/1",
			full("X-RateLimit-Remaining: 3", "Retry-After: 600", "X-RateLimit-Scope: user"),
			`{"retry_after":599.5,"global":false}`,
			providers.ScopeUser,
			rounded(600*time.Second, 500*time.Millisecond, key("PATCH /channels/{channel}", bot, "channels/1")),
		},
		{
			"No scope and no hash.", "POST", messages, header("Via: 1.1 google", "Retry-After: 2"), limited,
			providers.ScopeUnknown, hidden(64570*time.Millisecond, route),
		},
		{
			"Milliseconds below version 8.", "POST", oldMessages, header("Via: 1.1 google", "Retry-After: 6457"),
			`{"message":"You are being rate limited.","retry_after":6458,"global":false}`,
			providers.ScopeUnknown, blocked(6458*time.Millisecond, old),
		},
		{
			"Seconds from version 8 on.", "POST", strings.Replace(messages, "v10", "v8", 1),
			header("Via: 1.1 google", "Retry-After: 6457"), `{"retry_after":"6458"}`,
			providers.ScopeUnknown, hidden(6458*time.Second, route),
		},
		{
			"Milliseconds without a version.", "post", hook, full("X-RateLimit-Remaining: 0", "Retry-After: 500"), "",
			providers.ScopeUnknown,
			append([]bucket.Update{bucket.Alias{Key: hookRoute, To: key(hash, hookToken, "webhooks/9")}},
				append(hidden(500*time.Millisecond, hookRoute), blocked(500*time.Millisecond, key(hash, hookToken, "webhooks/9"))...)...),
		},
		{
			"A webhook by the old rule.", "post", hook, header("Via: 1.1 google", "Retry-After: 500"), "{}",
			providers.ScopeUnknown, blocked(500*time.Millisecond, hookOld),
		},
		{
			"A quota of commands.", "POST", commands, full("X-RateLimit-Remaining: 2", "Retry-After: 3600"),
			`{"message":"Max number of daily application command creates","code":30034,"retry_after":3600.5}`,
			providers.ScopeQuota,
			blocked(3600500*time.Millisecond, key("POST /applications/{application}/guilds/{guild}/commands", bot, "")),
		},

		// Cloudflare's, which speak of the address.
		{
			"A page for people.", "POST", messages, header("Retry-After: 900"), "<html>error 1015</html>",
			providers.ScopeEgress, blocked(900*time.Second, egress),
		},
		{
			"A page for people, in seconds on a path of milliseconds.", "post", hook,
			header("Retry-After: 900"), "error code: 1015",
			providers.ScopeEgress, blocked(900*time.Second, egress),
		},
		{
			"A ban that does not say for how long.", "POST", messages, nil,
			`{"message":"You are being blocked from accessing our API temporarily","code":0}`,
			providers.ScopeEgress, blocked(0, egress),
		},
		{
			"A page that passed a proxy.", "POST", messages, header("Via: 1.1 google", "Retry-After: 3"), "<html>",
			providers.ScopeEgress, blocked(3*time.Second, egress),
		},
		{
			"A ban that passed a proxy and does not say for how long.", "POST", messages, header("Via: 1.1 google"),
			`{"message":"You are being blocked from accessing our API temporarily","code":0}`,
			providers.ScopeEgress, blocked(0, egress),
		},
		{"Nothing at all.", "POST", messages, nil, "", providers.ScopeEgress, blocked(0, egress)},

		// Waits that make no sense are left to the registry.
		{
			"A wait of 0.", "POST", messages, header("Via: a", "Retry-After: 0"), `{"retry_after":0}`,
			providers.ScopeUnknown, hidden(0, route),
		},
		{
			"A negative wait.", "POST", messages, header("Via: a", "Retry-After: -5"), `{"retry_after":-5}`,
			providers.ScopeUnknown, hidden(0, route),
		},
		{
			"No number.", "POST", messages, header("Via: a", "Retry-After: NaN"), `{"retry_after":{"a":[]}}`,
			providers.ScopeUnknown, hidden(0, route),
		},
		{
			"Too long a wait.", "POST", messages, header("Via: a"), `{"retry_after":1e300}`,
			providers.ScopeUnknown, hidden(field.Max, route),
		},
		{
			"A date.", "POST", messages,
			header("Via: a", "Date: Sat, 23 May 2026 12:00:00 GMT", "Retry-After: Sat, 23 May 2026 12:00:30 GMT"), "{}",
			providers.ScopeUnknown, hidden(30*time.Second, route),
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := judge(t, tt.method, tt.url, &providers.Answer{Status: 429, Header: tt.header, Body: []byte(tt.body)})
			got.Updates, _ = withoutUncounted(got.Updates)
			want := providers.Verdict{
				Updates: tt.want, Refused: true, Scope: tt.scope, Final: tt.scope == providers.ScopeQuota,
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("got\n%+v, want\n%+v", got, want)
			}
		})
	}
}

// withoutUncounted takes out of updates what they say was not counted, and returns that, too.
func withoutUncounted(us []bucket.Update) (rest []bucket.Update, uncounted []bucket.Key) {
	for _, u := range us {
		if u, ok := u.(bucket.Uncounted); ok {
			uncounted = append(uncounted, u.Key)
			continue
		}
		rest = append(rest, u)
	}
	return rest, uncounted
}

func TestACounterDoesNotCountWhatSomethingElseRefused(t *testing.T) {
	const v10 = "https://discord.com/api/v10"
	const remove = "https://discord.com/api/v6/channels/1/messages/2"
	deletion := key("DELETE /channels/{channel}/messages/{message} old", bot, "channels/1")
	for _, tt := range []struct {
		name, method, url string
		header            http.Header
		body              string
		want              []bucket.Key
	}{
		{"The counter itself.", "POST", messages, full("X-RateLimit-Remaining: 0", "X-RateLimit-Scope: user"), "{}", nil},
		{"Nothing that is told.", "POST", messages, header("Via: a", "Retry-After: 1"), "{}", nil},
		{"A narrower limit.", "POST", messages, full("X-RateLimit-Remaining: 1"), "{}", []bucket.Key{route}},
		{"A shared one.", "POST", messages, header("X-RateLimit-Scope: shared"), "{}", []bucket.Key{route}},
		{"The global one.", "POST", messages, header("X-RateLimit-Scope: global"), "{}", []bucket.Key{route}},
		{"A quota.", "POST", messages, header("Via: a"), `{"code":30034}`, []bucket.Key{route}},
		{"Cloudflare.", "POST", messages, nil, "<html>", []bucket.Key{route}},
		{"Below version 8.", "POST", oldMessages, nil, "<html>", []bucket.Key{route, old}},
		{"Below version 8, with one counter.", "DELETE", remove, nil, "<html>", []bucket.Key{deletion}},
		{"Nothing that counts.", "POST", v10 + interaction, nil, "<html>", nil},
		{"Nothing that counts, shared.", "POST", v10 + interaction, header("X-RateLimit-Scope: shared"), "{}", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v := judge(t, tt.method, tt.url, &providers.Answer{Status: 429, Header: tt.header, Body: []byte(tt.body)})
			if _, got := withoutUncounted(v.Updates); !reflect.DeepEqual(got, tt.want) {
				t.Errorf("not counted by %v, want %v", got, tt.want)
			}
		})
	}
}

func TestARefusalThatOutlastsAnInteractionIsFinal(t *testing.T) {
	const v10 = "https://discord.com/api/v10"
	for _, tt := range []struct {
		url, wait string
		want      bool
	}{
		{v10 + interaction, "2", false},
		{v10 + interaction, "3", true},
		{v10 + "/webhooks/8/" + replyToken, "3", false}, // it may come for a quarter of an hour
		{"https://discord.com/api" + interaction, "2999", false},
		{"https://discord.com/api" + interaction, "3000", true},
	} {
		for _, scope := range []string{"user", "shared", "global"} {
			h := header("Via: 1.1 google", "Retry-After: "+tt.wait, "X-RateLimit-Scope: "+scope)
			got := judge(t, "POST", tt.url, &providers.Answer{Status: 429, Header: h, Body: []byte("{}")})
			if got.Final != tt.want || !got.Refused {
				t.Errorf("%s, scope %s, for %s: %+v", tt.url, scope, tt.wait, got)
			}
		}
	}
}

func TestARefusedChangeOfANameStopsNoOthers(t *testing.T) {
	const v10, v6 = "https://discord.com/api/v10/channels/1", "https://discord.com/api/v6/channels/1"
	edit, old := key("PATCH /channels/{channel}", bot, "channels/1"), key("/channels/{channel}", bot, "channels/1")
	name := key("PATCH /channels/{channel} name", bot, "channels/1")
	for _, tt := range []struct {
		name, url string
		header    http.Header
		body      string
		scope     providers.Scope
		want      []bucket.Update
	}{
		{
			"The counter has something left.", v10,
			full("X-RateLimit-Remaining: 3", "Retry-After: 600", "X-RateLimit-Scope: user"), `{"retry_after":599.5}`,
			providers.ScopeUser, rounded(600*time.Second, 500*time.Millisecond, name),
		},
		{
			"The counter is empty, but back much sooner.", v10,
			full("X-RateLimit-Remaining: 0", "Retry-After: 600", "X-RateLimit-Scope: user"), `{"retry_after":599.5}`,
			providers.ScopeUser, rounded(600*time.Second, 500*time.Millisecond, name),
		},
		{
			"A counter that is empty, whose ever it is.", v10,
			full("X-RateLimit-Remaining: 0", "Retry-After: 65", "X-RateLimit-Scope: user"), limited,
			providers.ScopeUser, append(rounded(65*time.Second, 430*time.Millisecond, name), blocked(65*time.Second, counter)...),
		},
		{
			"A counter without a name.", v10,
			header("X-RateLimit-Remaining: 0", "X-RateLimit-Reset-After: 64.57", "Retry-After: 65"), limited,
			providers.ScopeUnknown, append(rounded(65*time.Second, 430*time.Millisecond, name), blocked(65*time.Second, edit)...),
		},
		{
			"A counter without a name, by the clock.", v10,
			header("X-RateLimit-Remaining: 0", "X-RateLimit-Reset: 1779537607.250", "Date: Sat, 23 May 2026 12:00:03 GMT",
				"Retry-After: 4"), "",
			providers.ScopeUnknown, append(hidden(4*time.Second, name), blocked(4*time.Second, edit)...),
		},
		{
			"A counter that comes back much sooner, by our clock.", v10,
			header("X-RateLimit-Remaining: 0", "X-RateLimit-Reset: 1779537607.250", "Retry-After: 6"), "",
			providers.ScopeUnknown, hidden(6*time.Second, name),
		},
		{
			"A counter below version 8.", v6,
			header("X-RateLimit-Remaining: 0", "X-RateLimit-Reset-After: 4", "Retry-After: 3500"), `{"retry_after":3500}`,
			providers.ScopeUnknown, append(hidden(3500*time.Millisecond, name), blocked(3500*time.Millisecond, old)...),
		},
		{
			"No word of a counter.", v10, header("Via: 1.1 google", "Retry-After: 600"), "{}",
			providers.ScopeUnknown, hidden(600*time.Second, name),
		},
		{
			"A shared limit.", v10,
			full("X-RateLimit-Remaining: 9", "Retry-After: 65", "X-RateLimit-Scope: shared"), limited,
			providers.ScopeShared, rounded(65*time.Second, 430*time.Millisecond, name),
		},
		{
			"The global limit.", v10, header("X-RateLimit-Global: true", "Retry-After: 2"), "",
			providers.ScopeGlobal, blocked(2*time.Second, global),
		},
		{"Cloudflare's.", v10, nil, "<html>", providers.ScopeEgress, blocked(0, egress)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := discord.New(nil)
			req := request(t, http.MethodPatch, tt.url)
			req.Body = io.NopCloser(strings.NewReader(`{"name":"x"}`))
			call, _ := p.Classify(req, received)
			got := charged(t, 429, p.Judge(req, &call, &providers.Answer{
				Status: 429, Header: tt.header, Body: []byte(tt.body), Received: received,
			}))
			tt.want = append(tt.want, bucket.Uncounted{Key: edit})
			want := providers.Verdict{Updates: tt.want, Refused: true, Scope: tt.scope}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("got\n%+v, want\n%+v", got, want)
			}
		})
	}
}

func TestARefusedEditOfAnOldMessageStopsNoOthers(t *testing.T) {
	const patch = "PATCH /channels/{channel}/messages/{message}"
	const code = `{"message":"Maximum number of edits to messages older than 1 hour reached.","code":30046}`
	edit, byPath := key(patch, bot, "channels/1"), key("/channels/{channel}/messages/{message}", bot, "channels/1")
	old := key(patch+" old", bot, "channels/1")
	empty := full("X-RateLimit-Remaining: 0", "Retry-After: 9", "X-RateLimit-Scope: user")
	aged := func(age time.Duration) string { return "/" + snowflake(received.Add(-age)) }
	for _, tt := range []struct {
		name, url, body string
		header          http.Header
		want            []bucket.Update
	}{
		{
			"Whatever is left.", messages + aged(2*time.Hour), code, full("X-RateLimit-Remaining: 3", "Retry-After: 9"),
			append(hidden(9*time.Second, old), bucket.Uncounted{Key: edit}),
		},
		{
			"Whatever is empty.", messages + aged(2*time.Hour), code, empty,
			append(hidden(9*time.Second, old), bucket.Uncounted{Key: edit}),
		},
		{
			"Below version 8.", oldMessages + aged(2*time.Hour), code, header("Via: 1.1 google", "Retry-After: 9000"),
			append(hidden(9*time.Second, old), bucket.Uncounted{Key: edit}, bucket.Uncounted{Key: byPath}),
		},
		{
			"Another limit's.", messages + aged(2*time.Hour), `{"retry_after":9}`, empty,
			slices.Concat([]bucket.Update{bucket.Alias{Key: edit, To: counter}}, hidden(9*time.Second, edit),
				blocked(9*time.Second, counter)),
		},
		{
			"A message that is not old by our clock.", messages + aged(time.Minute), code,
			full("X-RateLimit-Remaining: 3", "Retry-After: 9"),
			append(blocked(9*time.Second, edit), bucket.Uncounted{Key: edit}),
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := judge(t, "PATCH", tt.url, &providers.Answer{Status: 429, Header: tt.header, Body: []byte(tt.body)})
			if !got.Refused || got.Final || !reflect.DeepEqual(got.Updates, tt.want) {
				t.Errorf("got\n%+v, want\n%+v", got, tt.want)
			}
		})
	}
}

func TestASharedRefusalHoldsOneChannelAndAGlobalOneTheBotButNoInteraction(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, r := discord.New(nil), bucket.NewRegistry(nil)
		send := func(method, url string, status int, h http.Header, body string) time.Duration {
			start := time.Now()
			req := request(t, method, url)
			call, _ := p.Classify(req, received)
			lease, err := r.Acquire(context.Background(), call.Draws...)
			if err != nil {
				t.Fatal(err)
			}
			now := time.Now()
			v := p.Judge(req, &call, &providers.Answer{Status: status, Header: h, Body: []byte(body), Sent: now, Received: now})
			lease.Done(now, v.Updates...)
			return now.Sub(start)
		}
		const v10 = "https://discord.com/api/v10"
		shared := full("X-RateLimit-Remaining: 9", "Retry-After: 40", "X-RateLimit-Scope: shared")
		stop := header("X-RateLimit-Global: true", "Retry-After: 7")
		for i, tt := range []struct {
			method, url string
			status      int
			header      http.Header
			want        time.Duration
		}{
			{"POST", v10 + "/channels/1/messages", 429, shared, 0},
			{"POST", v10 + "/channels/2/messages", 200, nil, 0},
			{"GET", v10 + "/channels/1/messages", 429, stop, 0},
			{"POST", v10 + interaction, 429, stop, 0},
			{"POST", v10 + "/webhooks/8/" + replyToken, 429, stop, 0},
			{"POST", v10 + strings.Replace(interaction, "77", "78", 1), 204, nil, 0},
			{"POST", v10 + "/webhooks/8/" + otherReply, 200, nil, 0},
			{"GET", v10 + "/channels/3", 200, nil, 7 * time.Second},
			{"POST", v10 + "/channels/1/messages", 200, nil, 33 * time.Second},
			{"GET", v10 + "/channels/3", 429, nil, 0},
			{"POST", v10 + interaction, 204, nil, time.Second},
		} {
			if got := send(tt.method, tt.url, tt.status, tt.header, ""); got != tt.want {
				t.Errorf("%d: %s %s waited %v, want %v", i, tt.method, tt.url, got, tt.want)
			}
		}
	})
}
