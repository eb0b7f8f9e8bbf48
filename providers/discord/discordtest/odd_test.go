package discordtest_test

import (
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/underlimit/underlimit/providers/discord/discordtest"
)

// The token of an interaction.
const interaction = "aW50ZXJhY3Rpb246x"

// A request in a table of what the server answers.
type request struct {
	method, path, body, auth string
	n                        int // how often it is sent
	status                   int // of the last
	remaining                string
}

// send sends requests with a bot's token, unless told another or "none".
func send(t *testing.T, srv *discordtest.Server, requests []request) {
	t.Helper()
	for _, r := range requests {
		header := map[string][]string{"": nil, "none": {"Authorization", ""}}[r.auth]
		var resp *http.Response
		for range r.n {
			resp, _ = call(t, srv.Client(), r.method, "/api/v10"+r.path, r.body, header...)
		}
		if got := resp.Header.Get("X-RateLimit-Remaining"); resp.StatusCode != r.status || got != r.remaining {
			t.Errorf("%s %s is answered %d with %q remaining, want %d with %q",
				r.method, r.path, resp.StatusCode, got, r.status, r.remaining)
		}
	}
}

func TestWhatIsOddIsOffByDefault(t *testing.T) {
	const old = "/channels/1/messages/5" // as old as can be
	for name, requests := range map[string][]request{
		"deletions have one limit, whatever the age of the message": {
			{method: "DELETE", path: old, n: 1, status: 204, remaining: "2"},
			{method: "DELETE", path: "/channels/1/messages/" + young(), n: 1, status: 204, remaining: "1"},
		},
		"changes of a name are under the route's limit only": {
			{method: "PATCH", path: "/channels/1", body: `{"name":"x"}`, n: 10, status: 200, remaining: "0"},
			{method: "PATCH", path: "/channels/1", body: `{"name":"x"}`, n: 1, status: 429, remaining: "0"},
		},
		"edits of old messages, too": {
			{method: "PATCH", path: old, body: `{}`, n: 10, status: 200, remaining: "0"},
		},
		"answers to interactions are under no global limit": {
			{method: "POST", path: "/interactions/1/" + interaction + "/callback", body: `{}`, n: 99, status: 204},
			{method: "GET", path: "/channels/1", n: 1, status: 200, remaining: "9"},
		},
		"all messages and webhooks are there": {
			{method: "GET", path: old, n: 1, status: 200, remaining: "9"},
			{method: "POST", path: "/webhooks/1/secret", body: `{}`, n: 1, status: 204, remaining: "4"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, nil, func(t *testing.T, srv *discordtest.Server) {
				send(t, srv, requests)
				if r := srv.Report(); len(r.RefusedBy) > 1 || r.RefusedBy["global #1"] != 0 {
					t.Errorf("refused by %v", r.RefusedBy)
				}
			})
		})
	}
}

// young is the id of a message that a bubble's clock takes for new.
func young() string {
	bubbleBegins := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	return strconv.FormatInt(bubbleBegins.UnixMilli()<<22, 10)
}

func TestEditsOfOldMessagesAreUnderALimitThatItsCodeTells(t *testing.T) {
	bubble(t, &discordtest.Options{OldEdits: true}, func(t *testing.T, srv *discordtest.Server) {
		const old = messages + "/5"
		for _, path := range []string{old, old, messages + "/6"} {
			resp, _ := call(t, srv.Client(), "PATCH", path, `{}`)
			expect(t, "status", resp.StatusCode, 200)
		}
		time.Sleep(500 * time.Millisecond)
		resp, body := call(t, srv.Client(), "PATCH", old, `{}`)
		expect(t, "status", resp.StatusCode, 429)
		headers(t, resp, map[string]string{
			"Retry-After": "20", "X-RateLimit-Scope": "user", "X-RateLimit-Limit": "10", "X-RateLimit-Remaining": "7",
		})
		expect(t, "body", body, `{"code":30046,"global":false,"message":`+
			`"Maximum number of edits to messages older than 1 hour reached. Try again later","retry_after":19.5}`)

		for path, status := range map[string]int{
			messages + "/" + young():          200,
			"/api/v10/channels/9/messages/5":  200,
			"/api/v6/channels/123/messages/5": 429,
		} {
			resp, _ = call(t, srv.Client(), "PATCH", path, `{}`)
			expect(t, "status of "+path, resp.StatusCode, status)
		}
		time.Sleep(time.Hour) // and the young one is old
		resp, _ = call(t, srv.Client(), "PATCH", messages+"/"+young(), `{}`)
		expect(t, "status", resp.StatusCode, 200)
		time.Sleep(time.Second)
		for range 3 {
			resp, _ = call(t, srv.Client(), "PATCH", messages+"/"+young(), `{}`)
		}
		expect(t, "status when it is old", resp.StatusCode, 429)
	})
}

func TestTheDeletionOfWhatDoesNotExistCountsAsThatOfAYoungMessage(t *testing.T) {
	for _, tt := range []struct {
		ages bool
		want []string // remaining after a deletion of what exists not, another, and of one that does
	}{{true, []string{"4", "3", "2"}}, {false, []string{"2", "1", "0"}}} {
		bubble(t, &discordtest.Options{
			DeletionAges: tt.ages,
			Missing:      func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/5") },
		}, func(t *testing.T, srv *discordtest.Server) {
			for i, id := range []string{"5", "5", young()} {
				resp, body := call(t, srv.Client(), "DELETE", messages+"/"+id, "")
				expect(t, "remaining", resp.Header.Get("X-RateLimit-Remaining"), tt.want[i])
				if id == "5" {
					expect(t, "status", resp.StatusCode, 404)
					expect(t, "body", body, `{"code":10008,"message":"Unknown Message"}`)
				}
			}
			resp, _ := call(t, srv.Client(), "GET", "/api/v10/channels/5", "")
			expect(t, "status of a channel of that number", resp.StatusCode, 200)
			expect(t, "violations", srv.Report().ViolationCount, 0)
		})
	}
}

func TestDeletionsOfOldMessagesMayCountAsThoseOfYoungOnesToo(t *testing.T) {
	const route = "DELETE /channels/{channel}/messages/{message}"
	limit := discordtest.Limit{N: 5, Window: time.Second, Hash: "young", Counter: "young"}
	bubble(t, &discordtest.Options{
		DeletionAges: true, Limits: map[string]discordtest.Limit{route + " young": limit, route + " old also": limit},
	}, func(t *testing.T, srv *discordtest.Server) {
		send(t, srv, []request{
			{method: "DELETE", path: "/channels/1/messages/" + young(), n: 1, status: 204, remaining: "4"},
			{method: "DELETE", path: "/channels/1/messages/5", n: 4, status: 204, remaining: "26"},
			{method: "DELETE", path: "/channels/1/messages/5", n: 1, status: 429, remaining: "0"},
		})
		resp, _ := call(t, srv.Client(), "DELETE", "/api/v10/channels/1/messages/5", "")
		headers(t, resp, map[string]string{"X-RateLimit-Bucket": "young", "X-RateLimit-Limit": "5", "Retry-After": "1"})
	})
}

func TestALimitMayBeSilent(t *testing.T) {
	const emojis = "/api/v10/guilds/1/emojis"
	bubble(t, &discordtest.Options{Limits: map[string]discordtest.Limit{
		"POST /guilds/{guild}/emojis": {N: 2, Window: time.Minute, Silent: true},
	}}, func(t *testing.T, srv *discordtest.Server) {
		for _, status := range []int{200, 200, 429} {
			resp, _ := call(t, srv.Client(), "POST", emojis, `{}`)
			expect(t, "status", resp.StatusCode, status)
			headers(t, resp, map[string]string{
				"X-RateLimit-Limit": "", "X-RateLimit-Remaining": "", "X-RateLimit-Reset": "",
				"X-RateLimit-Reset-After": "", "X-RateLimit-Bucket": "", "Via": "1.1 google",
			})
			if status == 429 {
				headers(t, resp, map[string]string{"Retry-After": "60", "X-RateLimit-Scope": "user"})
			}
		}
	})
}

func TestARouteMayBeUnderTwoLimits(t *testing.T) {
	const user = "/api/v10/users/7"
	for name, hash := range map[string]string{"and tell of one": "", "and tell of the other when it refuses": "narrow"} {
		t.Run(name, func(t *testing.T) {
			bubble(t, &discordtest.Options{Limits: map[string]discordtest.Limit{
				"GET /users/{user}":      {N: 2000, Window: time.Minute, Hash: "wide"},
				"GET /users/{user} also": {N: 2, Window: 30 * time.Second, Hash: hash},
			}}, func(t *testing.T, srv *discordtest.Server) {
				for _, remaining := range []string{"1999", "1998"} {
					resp, _ := call(t, srv.Client(), "GET", user, "")
					headers(t, resp, map[string]string{"X-RateLimit-Bucket": "wide", "X-RateLimit-Remaining": remaining})
				}
				resp, _ := call(t, srv.Client(), "GET", user, "")
				expect(t, "status", resp.StatusCode, 429)
				want := map[string]string{
					"Retry-After": "30", "X-RateLimit-Bucket": "wide", "X-RateLimit-Remaining": "1998", "X-RateLimit-Limit": "2000",
				}
				if hash != "" {
					want["X-RateLimit-Bucket"], want["X-RateLimit-Remaining"], want["X-RateLimit-Limit"] = hash, "0", "2"
				}
				headers(t, resp, want)
				time.Sleep(30 * time.Second)
				resp, _ = call(t, srv.Client(), "GET", user, "")
				headers(t, resp, map[string]string{"X-RateLimit-Bucket": "wide", "X-RateLimit-Remaining": "1997"})
			})
		})
	}
}

func TestAnswersToInteractionsMayCountAgainstTheTokenTheyComeWith(t *testing.T) {
	for _, count := range []bool{false, true} {
		t.Run(strconv.FormatBool(count), func(t *testing.T) {
			bubble(t, &discordtest.Options{GlobalInteractions: count}, func(t *testing.T, srv *discordtest.Server) {
				last := 200
				if count {
					last = 429
				}
				send(t, srv, []request{
					{method: "POST", path: "/interactions/1/" + interaction + "/callback", body: `{}`, n: 45, status: 204},
					{method: "POST", path: "/webhooks/9/" + interaction, body: `{}`, n: 5, status: 200, remaining: "0"},
					// They are no more than the global limit allows; without the token, they are under none.
					{method: "POST", path: "/interactions/2/" + interaction + "/callback", body: `{}`, auth: "none", n: 60, status: 204},
				})
				resp, _ := call(t, srv.Client(), "GET", "/api/v10/channels/1", "")
				expect(t, "status of the 51st", resp.StatusCode, last)
				if count {
					expect(t, "scope", resp.Header.Get("X-RateLimit-Scope"), "global")
				}
				send(t, srv, []request{
					{method: "POST", path: "/interactions/3/" + interaction + "/callback", body: `{}`, auth: "none", n: 1, status: 204},
				})
				expect(t, "refusals", srv.Report().Refused, map[bool]int{true: 1}[count])
			})
		})
	}
}

func TestAnswersToInteractionsMayBeRefusedGloballyForNoReasonOfTheirs(t *testing.T) {
	bubble(t, &discordtest.Options{Refuse: func(r *http.Request) (refusal discordtest.Refusal) {
		if strings.Contains(r.URL.Path, interaction) {
			refusal = discordtest.Refusal{Scope: discordtest.Global, After: time.Minute}
		}
		return refusal
	}}, func(t *testing.T, srv *discordtest.Server) {
		resp, body := call(t, srv.Client(), "POST", "/api/v10/interactions/1/"+interaction+"/callback", `{}`)
		expect(t, "status", resp.StatusCode, 429)
		headers(t, resp, map[string]string{"Retry-After": "60", "X-RateLimit-Global": "true", "X-RateLimit-Scope": "global"})
		expect(t, "body", body, `{"global":true,"message":"You are being rate limited.","retry_after":60}`)
		time.Sleep(time.Second)
		send(t, srv, []request{{method: "GET", path: "/channels/1", n: 1, status: 200, remaining: "9"}})
		expect(t, "violations", srv.Report().ViolationCount, 0)
	})
}

func TestALaterAnswerToAnInteractionIsAMessage(t *testing.T) {
	bubble(t, nil, func(t *testing.T, srv *discordtest.Server) {
		for method, path := range map[string]string{"POST": "", "PATCH": "/messages/@original"} {
			resp, body := call(t, srv.Client(), method, "/api/v10/webhooks/9/"+interaction+path, `{"content":"hi"}`)
			expect(t, "status", resp.StatusCode, 200)
			if !strings.Contains(body, `"content":"hi"`) {
				t.Errorf("the answer to a %s is %s", method, body)
			}
		}
	})
}

func TestInteractionsMayGetTooOld(t *testing.T) {
	id := young()
	token := base64.RawStdEncoding.EncodeToString([]byte("interaction:" + id + ":random"))
	first := "/api/v10/interactions/" + id + "/" + token + "/callback"
	later := "/api/v10/webhooks/9/" + token
	for _, ages := range []bool{true, false} {
		bubble(t, &discordtest.Options{InteractionAges: ages}, func(t *testing.T, srv *discordtest.Server) {
			violations := 0
			for _, tt := range []struct {
				after  time.Duration
				path   string
				status int
				body   string // if they get too old
			}{
				{3 * time.Second, first, 204, ""},
				{time.Millisecond, first, 404, `{"code":10062,"message":"Unknown interaction"}`},
				{15*time.Minute - 3001*time.Millisecond, later, 200, ""},
				{0, "/api/v10/webhooks/9/" + interaction, 200, ""}, // nothing tells how old it is
				{time.Millisecond, later, 401, `{"code":50027,"message":"Invalid Webhook Token"}`},
				{0, later + "==", 401, `{"code":50027,"message":"Invalid Webhook Token"}`},
				{0, first, 404, `{"code":10062,"message":"Unknown interaction"}`},
				{0, "/api/v10/webhooks/9/secret", 204, ""}, // a webhook's does not
			} {
				time.Sleep(tt.after)
				resp, body := call(t, srv.Client(), "POST", tt.path, `{}`)
				switch {
				case ages || tt.body == "":
					expect(t, "status", resp.StatusCode, tt.status)
				case resp.StatusCode >= 300:
					t.Errorf("%s is answered %d", tt.path, resp.StatusCode)
				}
				if ages && tt.body != "" {
					violations++
					expect(t, "body", body, tt.body)
				}
			}
			expect(t, "violations", srv.Report().ViolationCount, violations)
		})
	}
}

func TestTheEdgeMayNotLetAClientIn(t *testing.T) {
	for _, tt := range []struct {
		refusal   discordtest.Refusal
		mediaType string
		via       string
		body      string
	}{
		{discordtest.Refusal{}, "application/json", "", `{"code":40333,"message":"internal network error"}`},
		{discordtest.Refusal{Page: true}, "text/html; charset=UTF-8", "", "1010"},
		{discordtest.Refusal{Page: true, Via: true}, "text/html; charset=UTF-8", "1.1 google", "1010"},
	} {
		tt.refusal.Scope = discordtest.Blocked
		bubble(t, &discordtest.Options{Invalid: 2, Refuse: func(r *http.Request) (refusal discordtest.Refusal) {
			if strings.HasPrefix(r.UserAgent(), "Mozilla") {
				refusal = tt.refusal
			}
			return refusal
		}}, func(t *testing.T, srv *discordtest.Server) {
			for range 2 {
				resp, body := call(t, srv.Client(), "GET", "/api/v10/channels/1", "", "User-Agent", "Mozilla/5.0")
				expect(t, "status", resp.StatusCode, 403)
				headers(t, resp, map[string]string{"Content-Type": tt.mediaType, "Via": tt.via, "X-RateLimit-Limit": ""})
				if !strings.Contains(body, tt.body) {
					t.Errorf("the body is %s", body)
				}
			}
			report := srv.Report()
			expect(t, "refusals", report.Refused, 0) // it is no limit
			expect(t, "violations", report.ViolationCount, 2)
			resp, _ := call(t, srv.Client(), "GET", "/api/v10/channels/1", "", "User-Agent", "DiscordBot (x, 1)")
			expect(t, "status after two that were invalid", resp.StatusCode, 429)
		})
	}
}

func TestALostAnswerIsOneToARequestThatCounted(t *testing.T) {
	for _, processed := range []bool{false, true} {
		faults := []discordtest.Fault{{Drop: true, Processed: processed}, {Delay: time.Minute}}
		bubble(t, &discordtest.Options{Fault: func(*http.Request) (fault discordtest.Fault) {
			if len(faults) > 0 {
				fault, faults = faults[0], faults[1:]
			}
			return fault
		}}, func(t *testing.T, srv *discordtest.Server) {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://discord.com"+messages, nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Authorization", "Bot abc")
			if resp, err := srv.Client().Do(req); err == nil {
				resp.Body.Close()
				t.Error("the answer is not lost")
			}
			began := time.Now()
			resp, _ := call(t, srv.Client(), "POST", messages, `{}`) // slow, but counted at once
			expect(t, "time", time.Since(began), time.Minute)
			expect(t, "remaining", resp.Header.Get("X-RateLimit-Remaining"), map[bool]string{false: "4", true: "3"}[processed])
			expect(t, "processed", srv.Report().OK, map[bool]int{false: 1, true: 2}[processed])
		})
	}
}
