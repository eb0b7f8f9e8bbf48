package discord_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/underlimit/underlimit/bucket"
	"github.com/underlimit/underlimit/providers"
	"github.com/underlimit/underlimit/providers/discord"
)

// What follows holds, one by one, what is known of single versions, routes and answers of Discord's; rows_test.go has what
// many of them have in common, and internal/workload what shows in hours of traffic only.

const tenth = "https://discord.com/api/v10"

// A timeline is a registry in virtual time that sees the answers to requests.
type timeline struct {
	*testing.T
	*bucket.Registry
	p *discord.Provider
}

func inTimeline(t *testing.T, f func(l *timeline)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { f(&timeline{t, bucket.NewRegistry(nil), discord.New(nil)}) })
}

// send has a request answered at once, and returns how long it waited.
func (l *timeline) send(method, url string, status int, h http.Header, body string) time.Duration {
	l.Helper()
	start := time.Now()
	req := request(l.T, method, url)
	call, _ := l.p.Classify(req, start)
	lease, err := l.Acquire(context.Background(), call.Draws...)
	if err != nil {
		l.Fatal(err)
	}
	now := time.Now()
	v := l.p.Judge(req, &call, &providers.Answer{Status: status, Header: h, Body: []byte(body), Sent: now, Received: now})
	lease.Done(now, v.Updates...)
	return now.Sub(start)
}

// waits fails the test unless a request that is answered well waits so long.
func (l *timeline) waits(want time.Duration, method, url string) {
	l.Helper()
	if got := l.send(method, url, 200, nil, "{}"); got != want {
		l.Errorf("%s %s waits %v, want %v", method, url, got, want)
	}
}

func TestVersionsTellWaitsInTheirUnits(t *testing.T) {
	for path, want := range map[string]time.Duration{
		"/v10": 7 * time.Second, "/v9": 7 * time.Second, "/v8": 7 * time.Second, "/v11": 7 * time.Second,
		"/v7": 7 * time.Millisecond, "/v6": 7 * time.Millisecond, "": 7 * time.Millisecond,
		"/v5": 7 * time.Millisecond, "/v3": 7 * time.Millisecond,
	} {
		v := judge(t, "GET", "https://discord.com/api"+path+"/users/@me", &providers.Answer{
			Status: 429, Header: header("Via: 1.1 google", "Retry-After: 7"), Body: []byte(`{"retry_after":7}`),
		})
		if b, ok := v.Updates[0].(bucket.Block); !ok || b.For != want {
			t.Errorf("path /api%s: %+v, want %v", path, v.Updates, want)
		}
	}
}

func TestADiscontinuedVersionIsAnsweredAndHoldsNothing(t *testing.T) {
	for _, version := range []string{"v5", "v4", "v3"} {
		v := judge(t, "GET", "https://discord.com/api/"+version+"/users/@me", &providers.Answer{
			Status: 400, Header: header("Via: 1.1 google"), Body: []byte(`{"message":"Invalid API version provided","code":50041}`),
		})
		if !reflect.DeepEqual(v, providers.Verdict{}) {
			t.Errorf("%s: %+v", version, v)
		}
	}
}

func TestCloudflareTellsSecondsInEveryVersion(t *testing.T) {
	for _, version := range []string{"/v10", "/v7", "/v6", ""} {
		v := judge(t, "GET", "https://discord.com/api"+version+"/users/@me", &providers.Answer{
			Status: 429, Header: header("Retry-After: 30"), Body: []byte("error code: 1015"),
		})
		if b, ok := v.Updates[0].(bucket.Block); !ok || b != (bucket.Block{Key: egress, For: 30 * time.Second}) {
			t.Errorf("path /api%s: %+v", version, v.Updates)
		}
	}
}

// In place of a 401: https://github.com/discord/discord-api-docs/issues/1569
func TestARevokedTokenBelowVersion8IsHeldByItsGlobalRefusal(t *testing.T) {
	inTimeline(t, func(l *timeline) {
		h := header("Via: 1.1 google", "X-RateLimit-Global: true", "Retry-After: 5000")
		l.send("GET", "https://discord.com/api/v6/users/@me", 429, h, `{"global":true,"retry_after":5000}`)
		l.waits(0, "get", tenth+"/gateway") // without it
		l.waits(5*time.Second, "GET", tenth+"/channels/1")
	})
}

// https://github.com/discord/discord-api-docs/issues/7145: no answer tells of the limit, and none is a 429.
func TestInvitesWithoutAnyHeaderAreHeldOnlyByTheGlobalLimit(t *testing.T) {
	inTimeline(t, func(l *timeline) {
		l.waits(0, "get", tenth+"/invites/abc")
		for i := range 49 {
			l.waits(0, "get", fmt.Sprint(tenth, "/invites/abc", i))
		}
		if got := l.send("get", tenth+"/invites/x", 200, nil, ""); got != time.Second {
			t.Errorf("the 51st waits %v, want a second, as all requests of the address do", got)
		}
	})
}

// The ban for too many of them comes from Cloudflare, and stops everything.
func TestTheBanForInvitesStopsTheAddress(t *testing.T) {
	inTimeline(t, func(l *timeline) {
		l.send("GET", tenth+"/invites/abc", 429, header("Retry-After: 3600"), "<html>error code: 1015")
		l.waits(time.Hour, "get", tenth+"/gateway")
	})
}

// Their codes are no ids, and no majors: all invites are one limit.
func TestInvitesAreOneRoute(t *testing.T) {
	a, b := classify(t, "GET", tenth+"/invites/abc"), classify(t, "GET", tenth+"/invites/0vCdhLbwjZZTWZLD?with_counts=true")
	if a.Route != "GET /invites/{code}" || a.Draws[0].Key != b.Draws[0].Key {
		t.Errorf("%v and %v", a.Draws[0].Key, b.Draws[0].Key)
	}
}

// https://github.com/discord/discord-api-docs/issues/7816: the time told is too long, and is waited for all the same.
func TestARefusedThreadHoldsThreadsOfItsChannelForTheTimeTold(t *testing.T) {
	inTimeline(t, func(l *timeline) {
		h := full("X-RateLimit-Remaining: 3", "Retry-After: 300", "X-RateLimit-Scope: shared")
		l.send("POST", tenth+"/channels/1/threads", 429, h, `{"retry_after":299.2}`)
		l.waits(0, "POST", tenth+"/channels/2/threads")
		l.waits(0, "POST", tenth+"/channels/1/messages")
		l.waits(0, "POST", tenth+"/channels/1/messages/5/threads")
		l.waits(300*time.Second, "POST", tenth+"/channels/1/threads")
	})
}

func TestReactionsHaveOneCounterFromTheFirstOn(t *testing.T) {
	inTimeline(t, func(l *timeline) {
		const on = tenth + "/channels/1/messages/2/reactions"
		h := header("X-RateLimit-Limit: 1", "X-RateLimit-Remaining: 0", "X-RateLimit-Reset-After: 0.25",
			"X-RateLimit-Bucket: "+hash)
		l.send("PUT", on+"/a%3A7/@me", 204, h, "")
		l.waits(251*time.Millisecond, "DELETE", on+"/b%3A8/@me")
		for _, tt := range []struct{ method, path string }{
			{"DELETE", "/a%3A7/9"}, {"DELETE", "/a%3A7"}, {"DELETE", ""},
		} {
			if got := classify(t, tt.method, on+tt.path).Draws[0].Key; got != key("reactions", bot, "channels/1") {
				t.Errorf("%s %s draws on %v", tt.method, tt.path, got)
			}
		}
		l.waits(0, "GET", on+"/a%3A7") // to look at them is another
		l.waits(0, "PUT", tenth+"/channels/2/messages/2/reactions/a%3A7/@me")
	})
}

// https://discord.com/developers/docs/interactions/receiving-and-responding: by then its token is of no use.
func TestLaterAnswersToAnInteractionLeaveNothingBehindAfterAQuarterOfAnHour(t *testing.T) {
	inTimeline(t, func(l *timeline) {
		h := header("X-RateLimit-Limit: 5", "X-RateLimit-Remaining: 4", "X-RateLimit-Reset-After: 2", "X-RateLimit-Bucket: "+hash)
		for i := range 100 {
			l.send("POST", tenth+"/webhooks/8/"+tokenOf(846462639134605312+i), 200, h, "")
		}
		many := l.Stats()
		time.Sleep(15 * time.Minute)
		for i := range 200 { // each one lets go of a few that nobody uses any more
			l.send("GET", fmt.Sprint(tenth, "/channels/", i), 200, nil, "")
		}
		left := 0
		for b := range l.Buckets() {
			if strings.HasPrefix(b.Key.Subject, "interactions/") {
				left++
			}
		}
		if many.Buckets < 200 || left != 0 || many.Kinds > 10 {
			t.Errorf("of %d buckets of %d kinds %d are left", many.Buckets, many.Kinds, left)
		}
	})
}

// What the first shows of the limit is known of the next, as they are the application's.
func TestLaterAnswersToInteractionsAreOfOneKind(t *testing.T) {
	inTimeline(t, func(l *timeline) {
		h := header("X-RateLimit-Limit: 2", "X-RateLimit-Remaining: 1", "X-RateLimit-Reset-After: 2", "X-RateLimit-Bucket: "+hash)
		l.send("POST", tenth+"/webhooks/8/"+replyToken, 200, h, "")
		req := request(t, "POST", tenth+"/webhooks/8/"+otherReply)
		call, _ := l.p.Classify(req, time.Now())
		if x := l.Explain(nil, call.Draws...); !x.Buckets[0].Known || x.Buckets[0].Limit != 2 || x.Buckets[0].Remaining != 2 {
			t.Errorf("it explains %+v", x.Buckets[0])
		}
	})
}

// https://github.com/discord/discord-api-docs/issues/6322: once, later answers were limited for the whole application.
// One refusal does not tell that from a limit of its interaction's, which is what is documented.
func TestARefusedLaterAnswerHoldsThoseOfItsInteractionAlone(t *testing.T) {
	inTimeline(t, func(l *timeline) {
		h := header("Via: 1.1 google", "Retry-After: 3", "X-RateLimit-Scope: user")
		l.send("POST", tenth+"/webhooks/8/"+replyToken, 429, h, `{"message":"","retry_after":3,"global":false}`)
		l.waits(0, "POST", tenth+"/webhooks/8/"+otherReply)
		l.waits(3*time.Second, "POST", tenth+"/webhooks/8/"+replyToken)
	})
}

func TestATokenOfAnInteractionThatCannotBeReadIsItsOwnCredential(t *testing.T) {
	const begins = "aW50ZXJhY3Rpb246"
	for _, token := range []string{
		begins, begins + "x", begins + "!!!!!!!!", begins + "eHh4eHh4eHg6", begins + "MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0",
		begins + "Onh4eHh4eHh4eHg=",
	} {
		call := classify(t, "POST", tenth+"/webhooks/8/"+token)
		if want := key("POST /webhooks/{webhook}/{token}", token, "webhooks/8"); call.Draws[0].Key != want {
			t.Errorf("%s draws on %v, want %v", token, call.Draws[0].Key, want)
		}
		for _, d := range call.Draws {
			if d.Key.Limit == "global" {
				t.Errorf("%s draws on the global limit", token)
			}
		}
	}
}

func TestAnswersWithoutHeadersHoldNobodyUp(t *testing.T) {
	inTimeline(t, func(l *timeline) {
		for range 40 {
			l.waits(0, "GET", tenth+"/channels/1/messages")
			l.waits(0, "POST", tenth+interaction)
		}
	})
}

// https://github.com/discord/discord-api-docs/issues/5646: a bucket of a day told instead of one of seconds.
func TestABucketOfADayIsKeptBesidesTheOtherOne(t *testing.T) {
	inTimeline(t, func(l *timeline) {
		short := header("X-RateLimit-Limit: 5", "X-RateLimit-Remaining: 0", "X-RateLimit-Reset-After: 5", "X-RateLimit-Bucket: short")
		day := header("X-RateLimit-Limit: 50000", "X-RateLimit-Remaining: 49000", "X-RateLimit-Reset-After: 86000",
			"X-RateLimit-Bucket: day")
		l.send("POST", tenth+"/channels/1/messages", 200, short, "")
		if got := l.send("POST", tenth+"/channels/1/messages", 200, day, ""); got != 5001*time.Millisecond {
			t.Errorf("it waits %v", got)
		}
		l.waits(0, "POST", tenth+"/channels/1/messages")
	})
}

// https://github.com/discord/discord-api-docs/issues/7394: the 429 tells another bucket than the answers before.
func TestARefusalByABucketThatNobodyToldOfIsWaitedFor(t *testing.T) {
	inTimeline(t, func(l *timeline) {
		large := header("X-RateLimit-Limit: 2000", "X-RateLimit-Remaining: 1990", "X-RateLimit-Reset-After: 60",
			"X-RateLimit-Bucket: large")
		narrow := header("X-RateLimit-Limit: 30", "X-RateLimit-Remaining: 0", "X-RateLimit-Reset-After: 30", "Retry-After: 2",
			"X-RateLimit-Bucket: small", "X-RateLimit-Scope: user")
		l.send("GET", tenth+"/users/1", 200, large, "")
		l.send("GET", tenth+"/users/2", 429, narrow, `{"retry_after":1.2}`)
		l.waits(2*time.Second, "GET", tenth+"/users/3")
	})
}

func TestACrosspostIsHeldForTheTimeOfTheBody(t *testing.T) {
	inTimeline(t, func(l *timeline) {
		h := full("X-RateLimit-Remaining: 4", "Retry-After: 1", "X-RateLimit-Scope: user")
		l.send("POST", tenth+"/channels/1/messages/2/crosspost", 429, h, `{"retry_after":3500.5}`)
		l.waits(0, "POST", tenth+"/channels/1/messages")
		l.waits(3500500*time.Millisecond, "POST", tenth+"/channels/1/messages/3/crosspost")
	})
}

// https://github.com/discord/discord-api-docs/issues/6109
func TestAnEditOfAnAnnouncementIsHeldForTheTimeOfTheBody(t *testing.T) {
	inTimeline(t, func(l *timeline) {
		h := header("Via: 1.1 google", "X-RateLimit-Scope: shared", "Retry-After: 1")
		l.send("PATCH", tenth+"/channels/1/messages/2", 429, h, `{"code":20028,"retry_after":1163.097}`)
		l.waits(0, "POST", tenth+"/channels/1/messages")
		l.waits(1163097*time.Millisecond, "PATCH", tenth+"/channels/1/messages/2")
	})
}

// A code, as that of a slow channel, or a shared limit is of one channel: what it allows is not taken for what others do.
func TestWhatASlowChannelRefusesTeachesNothingOfOthers(t *testing.T) {
	for name, tt := range map[string]struct{ scope, body string }{
		"by a code": {"user", `{"code":20016,"retry_after":10}`}, "shared": {"shared", `{"retry_after":10}`},
	} {
		t.Run(name, func(t *testing.T) {
			inTimeline(t, func(l *timeline) {
				const url = tenth + "/channels/1/messages"
				well := full("X-RateLimit-Remaining: 4", "X-RateLimit-Limit: 5")
				for range 3 {
					l.send("POST", url, 200, well, "")
					l.send("POST", url, 429, full("X-RateLimit-Remaining: 4", "Retry-After: 10", "X-RateLimit-Scope: "+tt.scope), tt.body)
				}
				for range 2 {
					if got := l.send("POST", tenth+"/channels/2/messages", 200, well, ""); got != 0 {
						t.Errorf("another channel's message waits %v", got)
					}
				}
				call := classify(t, "POST", url)
				if p := l.Explain(nil, call.Draws[0]).Buckets[0].Policy; p != nil {
					t.Errorf("learned %+v", p)
				}
			})
		})
	}
}

func TestEmojiOfOneGuildAreHeldWithoutTheOthers(t *testing.T) {
	inTimeline(t, func(l *timeline) {
		h := header("Via: 1.1 google", "Retry-After: 1800")
		l.send("POST", tenth+"/guilds/5/emojis", 429, h, `{"retry_after":1800}`)
		l.waits(0, "POST", tenth+"/guilds/6/emojis")
		l.waits(0, "GET", tenth+"/guilds/5/emojis")
		l.waits(1800*time.Second, "POST", tenth+"/guilds/5/emojis")
	})
}

// https://github.com/discord-jda/JDA/issues/2544
func TestSharedCommandsAreHeldForTheApplication(t *testing.T) {
	inTimeline(t, func(l *timeline) {
		h := full("X-RateLimit-Remaining: 4", "Retry-After: 430", "X-RateLimit-Scope: shared")
		l.send("PUT", tenth+"/applications/3/commands", 429, h, `{"retry_after":429.9}`)
		l.waits(0, "GET", tenth+"/applications/3/commands")
		l.waits(430*time.Second, "PUT", tenth+"/applications/3/commands")
	})
}

func TestLobbiesAreHeldForTheApplication(t *testing.T) {
	inTimeline(t, func(l *timeline) {
		l.send("POST", tenth+"/lobbies", 429, full("X-RateLimit-Remaining: 0", "Retry-After: 7200"), `{"retry_after":7200}`)
		l.waits(0, "GET", tenth+"/lobbies/1")
		l.waits(7200*time.Second, "POST", tenth+"/lobbies")
	})
}

// The answer to an interaction that is late, and is of an id that nobody knows any more.
func TestALateFirstAnswerHoldsNothing(t *testing.T) {
	inTimeline(t, func(l *timeline) {
		l.send("POST", tenth+interaction, 404, nil, `{"message":"Unknown interaction","code":10062}`)
		l.waits(0, "POST", tenth+interaction)
		l.waits(0, "POST", tenth+"/webhooks/8/"+replyToken)
	})
}

func TestThreadsAndDirectMessagesAreChannels(t *testing.T) {
	thread := classify(t, "POST", tenth+"/channels/777/messages").Draws[0].Key
	if want := key("POST /channels/{channel}/messages", bot, "channels/777"); thread != want {
		t.Errorf("draws on %v, want %v", thread, want)
	}
}

func TestNothingElseThanAMajorTellsBucketsApart(t *testing.T) {
	for _, pair := range [][2]string{
		{"/channels/1/messages/2", "/channels/1/messages/3"},
		{"/guilds/1/members/2", "/guilds/1/members/3"},
		{"/guilds/1/members/2/roles/4", "/guilds/1/members/2/roles/5"},
		{"/channels/1/messages/2/reactions/a%3A1", "/channels/1/messages/2/reactions/b%3A2"},
		{"/applications/1/commands/2", "/applications/2/commands/3"},
		{"/users/1", "/users/2"},
		{"/invites/a", "/invites/b"},
		{"/stickers/1", "/stickers/2"},
		{"/channels/1/thread-members/2", "/channels/1/thread-members/3"},
		{"/channels/1/messages?limit=5", "/channels/1/messages?limit=6"},
	} {
		if a, b := classify(t, "GET", tenth+pair[0]), classify(t, "GET", tenth+pair[1]); a.Draws[0].Key != b.Draws[0].Key {
			t.Errorf("%v draw on %v and %v", pair, a.Draws[0].Key, b.Draws[0].Key)
		}
	}
}

// tokenOf is the token of an interaction.
func tokenOf(id int) string {
	return base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "interaction:%d:secret", id))
}
