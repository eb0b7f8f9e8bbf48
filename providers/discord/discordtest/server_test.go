package discordtest_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/underlimit/underlimit/providers/discord/discordtest"
)

// call sends one request with a credential and returns the answer, its body read.
func call(t *testing.T, c *http.Client, method, path, body string, header ...string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequest(method, "https://discord.com"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bot abc")
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(text)
}

func expect(t *testing.T, what string, got, want any) {
	t.Helper()
	if got != want {
		t.Errorf("%s is %v, want %v", what, got, want)
	}
}

// headers compares header fields, of which "" stands for absence.
func headers(t *testing.T, resp *http.Response, want map[string]string) {
	t.Helper()
	for name, value := range want {
		expect(t, name, resp.Header.Get(name), value)
	}
}

// bubble runs f with a server in virtual time.
func bubble(t *testing.T, opts *discordtest.Options, f func(*testing.T, *discordtest.Server)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		srv := discordtest.NewServer(opts)
		defer srv.Close()
		f(t, srv)
	})
}

const messages = "/api/v10/channels/123/messages"

func TestWindowOpensWithItsFirstRequestAndEndsAllAtOnce(t *testing.T) {
	bubble(t, nil, func(t *testing.T, srv *discordtest.Server) {
		c := srv.Client()
		began := time.Now()
		for i := range 5 {
			resp, _ := call(t, c, "POST", messages, `{"content":"hi"}`)
			expect(t, "status", resp.StatusCode, 200)
			headers(t, resp, map[string]string{
				"X-RateLimit-Limit": "5", "X-RateLimit-Remaining": strconv.Itoa(4 - i),
				"X-RateLimit-Reset-After": strconv.Itoa(5-i) + ".000",
				"X-RateLimit-Reset":       strconv.FormatInt(began.Unix()+5, 10) + ".000",
				"Via":                     "1.1 google", "Retry-After": "", "X-RateLimit-Scope": "",
			})
			expect(t, "length of the hash", len(resp.Header.Get("X-RateLimit-Bucket")), 32)
			time.Sleep(time.Second)
		}
		resp, _ := call(t, c, "POST", messages, `{"content":"hi"}`) // exactly 5 s after the first
		headers(t, resp, map[string]string{"X-RateLimit-Remaining": "4", "X-RateLimit-Reset-After": "5.000"})
	})
}

func TestRefusalHoldsToTheMillisecond(t *testing.T) {
	bubble(t, nil, func(t *testing.T, srv *discordtest.Server) {
		c := srv.Client()
		for range 5 {
			call(t, c, "POST", messages, `{}`)
		}
		time.Sleep(4339 * time.Millisecond)
		resp, body := call(t, c, "POST", messages, `{}`)
		expect(t, "status", resp.StatusCode, 429)
		headers(t, resp, map[string]string{
			"Retry-After": "1", "X-RateLimit-Scope": "user", "X-RateLimit-Remaining": "0",
			"X-RateLimit-Reset-After": "0.661", "X-RateLimit-Global": "",
		})
		expect(t, "body", body, `{"global":false,"message":"You are being rate limited.","retry_after":0.661}`)

		time.Sleep(660 * time.Millisecond)
		resp, _ = call(t, c, "POST", messages, `{}`)
		expect(t, "status a millisecond early", resp.StatusCode, 429)
		time.Sleep(time.Millisecond)
		resp, _ = call(t, c, "POST", messages, `{}`)
		expect(t, "status in time", resp.StatusCode, 200)

		report := srv.Report()
		expect(t, "refusals", report.Refused, 2)
		expect(t, "violations", report.ViolationCount, 1) // the one that came early
		expect(t, "busiest", srv.Busiest("POST /channels/{channel}/messages #1 123", 5*time.Second), 7)
	})
}

func TestLimitsKeepChannelsCredentialsAndMethodsApart(t *testing.T) {
	limit := discordtest.Limit{N: 1, Window: time.Minute}
	opts := &discordtest.Options{Limits: map[string]discordtest.Limit{
		"POST /channels/{channel}/messages":            limit,
		"PATCH /channels/{channel}/messages/{message}": limit,
		"PUT /guilds/{guild}/bans/{ban}":               limit,
	}}
	for _, tt := range []struct {
		name, method, path, credential string
		want                           int
	}{
		{"the same again", "POST", messages, "Bot abc", 429},
		{"another channel", "POST", "/api/v10/channels/124/messages", "Bot abc", 200},
		{"another credential", "POST", messages, "Bot def", 200},
		{"another method", "PATCH", messages + "/5", "Bot abc", 200},
		{"a channel without a number", "POST", "/api/v10/channels/general/messages", "Bot abc", 200},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, opts, func(t *testing.T, srv *discordtest.Server) {
				call(t, srv.Client(), "POST", messages, `{}`)
				resp, _ := call(t, srv.Client(), tt.method, tt.path, `{}`, "Authorization", tt.credential)
				expect(t, "status", resp.StatusCode, tt.want)
			})
		})
	}
	t.Run("minor ids do not", func(t *testing.T) {
		bubble(t, opts, func(t *testing.T, srv *discordtest.Server) {
			call(t, srv.Client(), "PUT", "/api/v10/guilds/1/bans/2", `{}`)
			resp, _ := call(t, srv.Client(), "PUT", "/api/v10/guilds/1/bans/3", `{}`)
			expect(t, "status", resp.StatusCode, 429)
		})
	})
}

func TestRoutesOfOneHashShareACounter(t *testing.T) {
	limit := discordtest.Limit{N: 2, Window: time.Minute, Hash: "abc"}
	bubble(t, &discordtest.Options{Limits: map[string]discordtest.Limit{
		"POST /channels/{channel}/messages":            limit,
		"PATCH /channels/{channel}/messages/{message}": limit,
	}}, func(t *testing.T, srv *discordtest.Server) {
		resp, _ := call(t, srv.Client(), "POST", messages, `{}`)
		expect(t, "hash", resp.Header.Get("X-RateLimit-Bucket"), "abc")
		resp, _ = call(t, srv.Client(), "PATCH", messages+"/1", `{}`)
		expect(t, "remaining", resp.Header.Get("X-RateLimit-Remaining"), "0")
		resp, _ = call(t, srv.Client(), "POST", messages, `{}`)
		expect(t, "status", resp.StatusCode, 429)
	})
}

func TestRoutesOfOneHashMayBeCountedApart(t *testing.T) {
	limit := func(counter string) discordtest.Limit {
		return discordtest.Limit{N: 2, Window: time.Minute, Hash: "abc", Counter: counter}
	}
	bubble(t, &discordtest.Options{Limits: map[string]discordtest.Limit{
		"POST /channels/{channel}/messages":            limit("posts"),
		"PATCH /channels/{channel}/messages/{message}": limit("edits"),
	}}, func(t *testing.T, srv *discordtest.Server) {
		for _, tt := range []struct{ method, path, remaining string }{
			{"POST", messages, "1"},
			{"PATCH", messages + "/1", "1"},
			{"POST", messages, "0"},
			{"PATCH", messages + "/1", "0"},
		} {
			resp, _ := call(t, srv.Client(), tt.method, tt.path, `{}`)
			expect(t, "status", resp.StatusCode, 200)
			headers(t, resp, map[string]string{"X-RateLimit-Bucket": "abc", "X-RateLimit-Remaining": tt.remaining})
		}
		resp, _ := call(t, srv.Client(), "POST", messages, `{}`)
		expect(t, "status", resp.StatusCode, 429)
		expect(t, "refusals", srv.Report().RefusedBy["posts #1 123"], 1)
	})
}

func TestAHashMayFlip(t *testing.T) {
	for _, tt := range []struct {
		name, counter string
		remaining     []string // told at 0 s, 2 s, 4 s and so on
	}{
		{"and the counter goes on", "posts", []string{"3", "2", "1", "0"}},
		{"and lead to another counter", "", []string{"3", "2", "3", "2"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, &discordtest.Options{
				Limits: map[string]discordtest.Limit{"POST /channels/{channel}/messages": {N: 4, Window: time.Minute}},
				Change: func(_ string, since time.Duration, l discordtest.Limit) discordtest.Limit {
					l.Hash, l.Counter = "hash"+strconv.Itoa(int(since/(4*time.Second))), tt.counter
					return l
				},
			}, func(t *testing.T, srv *discordtest.Server) {
				for i, remaining := range tt.remaining {
					resp, _ := call(t, srv.Client(), "POST", messages, `{}`)
					headers(t, resp, map[string]string{
						"X-RateLimit-Bucket": "hash" + strconv.Itoa(i/2), "X-RateLimit-Remaining": remaining,
					})
					time.Sleep(2 * time.Second)
				}
			})
		})
	}
}

func TestALimitMayChangeWithinItsWindow(t *testing.T) {
	for _, tt := range []struct {
		name             string
		sliding          bool
		n                int    // instead of 4, from 5 s on
		limit, remaining string // told at 5 s, after two requests at 0 s
		after            string
		more             int // that can go
	}{
		{"raised", false, 6, "6", "3", "5.000", 3},
		{"lowered", false, 3, "3", "0", "5.000", 0},
		{"lowered below what is used", false, 1, "1", "0", "5.000", -1},
		// A sliding one is all back at 5 s when it was used twice in a row; here it was used three times.
		{"raised, sliding", true, 10, "10", "6", "3.500", 6},
		{"lowered, sliding", true, 2, "2", "0", "7.500", 0},
		{"lowered below what is used, sliding", true, 1, "1", "0", "2.500", -1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, &discordtest.Options{
				Limits: map[string]discordtest.Limit{
					"POST /channels/{channel}/messages": {N: 4, Window: 10 * time.Second, Sliding: tt.sliding},
				},
				Change: func(name string, since time.Duration, l discordtest.Limit) discordtest.Limit {
					if name == "POST /channels/{channel}/messages" && since >= 5*time.Second {
						l.N = tt.n
					}
					return l
				},
			}, func(t *testing.T, srv *discordtest.Server) {
				call(t, srv.Client(), "POST", messages, `{}`)
				call(t, srv.Client(), "POST", messages, `{}`)
				if tt.sliding {
					call(t, srv.Client(), "POST", messages, `{}`)
				}
				time.Sleep(5 * time.Second)
				resp, _ := call(t, srv.Client(), "POST", messages, `{}`)
				headers(t, resp, map[string]string{
					"X-RateLimit-Limit": tt.limit, "X-RateLimit-Remaining": tt.remaining, "X-RateLimit-Reset-After": tt.after,
				})
				went := 0
				if resp.StatusCode != 200 {
					went--
				}
				for went >= 0 {
					if resp, _ = call(t, srv.Client(), "POST", messages, `{}`); resp.StatusCode != 200 {
						break
					}
					went++
				}
				expect(t, "requests that could go", went, tt.more)
			})
		})
	}
}

// The best that can be done is to send each request so that it arrives the moment it may, which takes one who knows
// the limits, their changes, and how long the way is.
func TestWhoKnowsAllIsNeverRefusedAndNothingQuickerIsAllowed(t *testing.T) {
	const up, down = 40 * time.Millisecond, 60 * time.Millisecond
	const tenth, second = time.Second / 10, time.Second
	type limit = discordtest.Limit
	for _, tt := range []struct {
		name          string
		limit         limit
		changed       int           // N from then on
		at            time.Duration // when it changes, measured as departures are
		n             int
		departure     func(i int) time.Duration
		lastDeparture time.Duration
	}{
		{"fixed", limit{N: 5, Window: 5 * second}, 5, 0, 23, func(i int) time.Duration {
			return time.Duration(i/5) * 5 * second
		}, 20 * second},
		{"sliding", limit{N: 50, Window: 10 * second, Sliding: true}, 50, 0, 425, func(i int) time.Duration {
			return time.Duration(max(i-49, 0)) * 2 * tenth
		}, 75 * second},
		{"used before", limit{N: 50, Window: 10 * second}, 50, 0, 30 + 270, func(i int) time.Duration {
			switch {
			case i < 30:
				return 0
			case i < 50:
				return 4 * second
			}
			return time.Duration(i/50) * 10 * second
		}, 50 * second},
		{
			"used before, sliding",
			limit{N: 50, Window: 10 * second, Sliding: true},
			50, 0, 30 + 265,
			func(i int) time.Duration {
				if i < 30 {
					return 0
				}
				return max(4*second, time.Duration(i-49)*2*tenth)
			}, 49 * second,
		},
		{"lowered", limit{N: 100, Window: 10 * second}, 60, 5 * second, 360, func(i int) time.Duration {
			return max(time.Duration(i)*tenth, time.Duration(i/60)*10*second)
		}, 50 * second},
		{"raised", limit{N: 50, Window: 10 * second}, 100, 3 * second, 300, func(i int) time.Duration {
			return max(min(time.Duration(i)*tenth, 4*second), time.Duration(i/100)*10*second)
		}, 20 * second},
		{
			"lowered, sliding",
			limit{N: 50, Window: 10 * second, Sliding: true},
			25, 2 * second, 20 + 116,
			func(i int) time.Duration {
				switch { // after the first 20 all are back after 4 s; from then on one each 0.4 s, and 24 ahead of that
				case i < 20:
					return 0
				case i == 20:
					return 25 * tenth
				}
				return max(3*second, 4*second+time.Duration(i-20-24)*4*tenth)
			}, 404 * tenth,
		},
		{
			"raised, sliding",
			limit{N: 25, Window: 10 * second, Sliding: true},
			50, 2 * second, 20 + 201,
			func(i int) time.Duration {
				switch { // after the first 20 all are back after 8 s; from then on one each 0.2 s, and 49 ahead of that
				case i < 20:
					return 0
				case i == 20:
					return 25 * tenth
				}
				return max(3*second, 8*second+time.Duration(i-20-49)*2*tenth)
			}, 382 * tenth,
		},
	} {
		for early, refused := range map[time.Duration]int{0: 0, 1: 1} { // of the last request
			t.Run(fmt.Sprint(tt.name, " early by ", early), func(t *testing.T) {
				bubble(t, &discordtest.Options{
					Global: -1, Uplink: up, Downlink: down,
					Limits: map[string]limit{"POST /channels/{channel}/messages": tt.limit},
					Change: func(_ string, since time.Duration, l limit) limit {
						if since >= tt.at+up {
							l.N = tt.changed
						}
						return l
					},
				}, func(t *testing.T, srv *discordtest.Server) {
					began := time.Now()
					var wg sync.WaitGroup
					for i := range tt.n {
						at := tt.departure(i)
						if i == tt.n-1 {
							at -= early
						}
						wg.Go(func() {
							time.Sleep(at)
							call(t, srv.Client(), "POST", messages, `{}`)
						})
					}
					wg.Wait()
					expect(t, "refusals", srv.Report().Refused, refused)
					if early == 0 {
						expect(t, "time", time.Since(began), tt.lastDeparture+up+down)
					}
				})
			})
		}
	}
}

func TestTheEndOfAWindowMayBeToldByTheServersClockOnly(t *testing.T) {
	bubble(t, &discordtest.Options{ResetOnly: true, Skew: time.Hour, Drift: func(since time.Duration) time.Duration {
		return since.Truncate(3 * time.Second) // a step of 3 s each 3 s
	}}, func(t *testing.T, srv *discordtest.Server) {
		began := time.Now()
		for _, ahead := range []time.Duration{0, 0, 0, 3 * time.Second, 3 * time.Second} {
			resp, _ := call(t, srv.Client(), "POST", messages, `{}`)
			expect(t, "status", resp.StatusCode, 200)
			clock := time.Now().Add(time.Hour + ahead)
			headers(t, resp, map[string]string{
				"X-RateLimit-Reset-After": "", "Date": clock.UTC().Format(http.TimeFormat),
				"X-RateLimit-Reset": strconv.FormatInt(began.Add(time.Hour+ahead).Unix()+5, 10) + ".000",
			})
			time.Sleep(time.Second)
		}
	})
}

func TestSlidingLimitGivesBackOneByOne(t *testing.T) {
	bubble(t, &discordtest.Options{Limits: map[string]discordtest.Limit{
		"POST /channels/{channel}/messages": {N: 5, Window: 5 * time.Second, Sliding: true},
	}}, func(t *testing.T, srv *discordtest.Server) {
		var resp *http.Response
		for i := range 5 {
			resp, _ = call(t, srv.Client(), "POST", messages, `{}`)
			headers(t, resp, map[string]string{
				"X-RateLimit-Remaining":   strconv.Itoa(4 - i),
				"X-RateLimit-Reset-After": strconv.Itoa(i+1) + ".000",
			})
		}
		resp, body := call(t, srv.Client(), "POST", messages, `{}`)
		headers(t, resp, map[string]string{"Retry-After": "1", "X-RateLimit-Reset-After": "5.000"})
		if !strings.Contains(body, `"retry_after":1}`) {
			t.Errorf("body is %s", body)
		}
		time.Sleep(time.Second)
		resp, _ = call(t, srv.Client(), "POST", messages, `{}`)
		expect(t, "status", resp.StatusCode, 200)
		resp, _ = call(t, srv.Client(), "POST", messages, `{}`)
		expect(t, "status of the second", resp.StatusCode, 429)
	})
}

func TestOldVersionsTellMillisecondsAndWholeSeconds(t *testing.T) {
	for _, base := range []string{"/api", "/api/v6", "/api/v7"} {
		for _, tt := range []struct{ precision, after, reset string }{
			{"", "5", "946684806"}, // of 4.8 s, and of 5.1 s past the minute
			{"second", "5", "946684806"},
			{"millisecond", "4.800", "946684805.100"},
			{"hour", "", "invalid X-RateLimit-Precision"},
		} {
			t.Run(base+" "+tt.precision, func(t *testing.T) {
				bubble(t, nil, func(t *testing.T, srv *discordtest.Server) {
					time.Sleep(100 * time.Millisecond)
					c := srv.Client()
					path := base + "/channels/123/messages"
					call(t, c, "POST", path, `{}`)
					time.Sleep(200 * time.Millisecond)
					resp, _ := call(t, c, "GET", path, "", "X-RateLimit-Precision", tt.precision)
					headers(t, resp, map[string]string{
						"X-RateLimit-Remaining": "3", "X-RateLimit-Bucket": "",
						"X-RateLimit-Reset-After": tt.after, "X-RateLimit-Reset": tt.reset,
					})
					for range 3 {
						call(t, c, "PATCH", path, `{}`)
					}
					resp, body := call(t, c, "GET", path, "")
					headers(t, resp, map[string]string{"Retry-After": "4800", "X-RateLimit-Scope": ""})
					expect(t, "body", body, `{"global":false,"message":"You are being rate limited.","retry_after":4800}`)
					resp, _ = call(t, c, "DELETE", path+"/1", "")
					expect(t, "status of a deletion, which is apart", resp.StatusCode, 204)
				})
			})
		}
	}
}

func TestGlobalLimitSlidesAndSparesInteractions(t *testing.T) {
	bubble(t, nil, func(t *testing.T, srv *discordtest.Server) {
		c := srv.Client()
		for i := range 25 {
			call(t, c, "GET", "/api/v10/channels/"+strconv.Itoa(i), "")
		}
		time.Sleep(500 * time.Millisecond)
		for i := range 25 {
			call(t, c, "GET", "/api/v10/channels/"+strconv.Itoa(100+i), "")
		}
		resp, body := call(t, c, "GET", "/api/v10/channels/1", "")
		expect(t, "status", resp.StatusCode, 429)
		headers(t, resp, map[string]string{
			"Retry-After": "1", "X-RateLimit-Global": "true", "X-RateLimit-Scope": "global", "Via": "1.1 google",
			"X-RateLimit-Bucket": "", "X-RateLimit-Limit": "", "X-RateLimit-Remaining": "", "X-RateLimit-Reset-After": "",
		})
		expect(t, "body", body, `{"global":true,"message":"You are being rate limited.","retry_after":0.5}`)

		resp, _ = call(t, c, "POST", "/api/v10/interactions/5/secret/callback", `{"type":5}`)
		expect(t, "status of a callback", resp.StatusCode, 204)
		headers(t, resp, map[string]string{"X-RateLimit-Limit": ""})
		resp, _ = call(t, c, "GET", "/api/v10/channels/1", "", "Authorization", "Bot def")
		expect(t, "status of another bot", resp.StatusCode, 200)

		time.Sleep(500 * time.Millisecond)
		for i := range 25 {
			resp, _ = call(t, c, "GET", "/api/v10/channels/"+strconv.Itoa(200+i), "")
			expect(t, "status", resp.StatusCode, 200)
		}
		resp, _ = call(t, c, "GET", "/api/v10/channels/1", "")
		expect(t, "status", resp.StatusCode, 429)
		expect(t, "refusals by the global limit", srv.Report().RefusedBy["global #1"], 2)
	})
}

func TestGlobalLimitMayCountByTheServersSeconds(t *testing.T) {
	bubble(t, &discordtest.Options{
		GlobalFixed: true, Skew: 200 * time.Millisecond,
	}, func(t *testing.T, srv *discordtest.Server) {
		n := 0
		get := func(status int) *http.Response {
			n++
			resp, _ := call(t, srv.Client(), "GET", "/api/v10/channels/"+strconv.Itoa(n), "")
			expect(t, "status", resp.StatusCode, status)
			return resp
		}
		time.Sleep(700 * time.Millisecond) // the server's clock shows 0.9 s
		for range 50 {
			get(200)
		}
		resp := get(429)
		headers(t, resp, map[string]string{"Retry-After": "1", "X-RateLimit-Global": "true", "X-RateLimit-Bucket": ""})
		time.Sleep(100 * time.Millisecond)
		for range 50 {
			get(200)
		}
		get(429)
		expect(t, "requests within a second", srv.Busiest("global #1", time.Second), 102)
		time.Sleep(999 * time.Millisecond)
		get(429)
		time.Sleep(time.Millisecond)
		get(200)
		expect(t, "violations", srv.Report().ViolationCount, 1) // a millisecond early
	})
}

func TestWebhooksOfAChannelShareALimitThatNoHeaderTells(t *testing.T) {
	const hooks = "/api/v10/webhooks/"
	bubble(t, &discordtest.Options{
		Invalid:        1, // what is shared is not counted
		WebhookChannel: func(webhook string) string { return strings.TrimLeft(webhook, "0123456789") },
	}, func(t *testing.T, srv *discordtest.Server) {
		c := srv.Client()
		for range 6 {
			for _, hook := range []string{"1a", "2a"} {
				for i := range 2 {
					resp, _ := call(t, c, "POST", hooks+hook+"/secret"+hook, `{}`)
					expect(t, "status", resp.StatusCode, 204)
					headers(t, resp, map[string]string{"X-RateLimit-Limit": "5", "X-RateLimit-Remaining": strconv.Itoa(4 - i)})
				}
			}
			time.Sleep(2 * time.Second)
		}
		for range 5 {
			call(t, c, "POST", hooks+"1a/secret1a", `{}`)
		}
		resp, _ := call(t, c, "POST", hooks+"2a/secret2a", `{}`) // the 30th
		expect(t, "status", resp.StatusCode, 204)
		resp, body := call(t, c, "POST", hooks+"2a/secret2a", `{}`)
		expect(t, "status", resp.StatusCode, 429)
		headers(t, resp, map[string]string{
			"Retry-After": "48", "X-RateLimit-Scope": "shared", "X-RateLimit-Limit": "5", "X-RateLimit-Remaining": "4",
			"X-RateLimit-Reset-After": "2.000",
		})
		if !strings.Contains(body, `"retry_after":48}`) {
			t.Errorf("body is %s", body)
		}
		for _, other := range []string{"3b/secret", "4/secret"} {
			resp, _ = call(t, c, "POST", hooks+other, `{}`)
			expect(t, "status in another channel, or none", resp.StatusCode, 204)
		}
		resp, _ = call(t, c, "PATCH", hooks+"2a/secret2a/messages/5", `{}`)
		expect(t, "status of an edit", resp.StatusCode, 200)
		time.Sleep(48 * time.Second)
		resp, _ = call(t, c, "POST", hooks+"2a/secret2a", `{}`)
		expect(t, "status", resp.StatusCode, 204)
		expect(t, "violations", srv.Report().ViolationCount, 0)
	})
}

func TestADeletedWebhookIsUnknown(t *testing.T) {
	bubble(t, &discordtest.Options{
		Gone: func(webhook string) bool { return webhook == "5" },
	}, func(t *testing.T, srv *discordtest.Server) {
		for _, path := range []string{"5", "5/secret", "5/secret/messages/7"} {
			resp, body := call(t, srv.Client(), "GET", "/api/v10/webhooks/"+path, "")
			expect(t, "status", resp.StatusCode, 404)
			expect(t, "body", body, `{"code":10015,"message":"Unknown Webhook"}`)
			headers(t, resp, map[string]string{"X-RateLimit-Remaining": "9", "Via": "1.1 google"})
		}
		for _, path := range []string{"/webhooks/6/secret", "/channels/5/webhooks"} {
			resp, _ := call(t, srv.Client(), "GET", "/api/v10"+path, "")
			expect(t, "status of "+path, resp.StatusCode, 200)
		}
		expect(t, "violations", srv.Report().ViolationCount, 3)
	})
}

func TestATokenInThePathMayBeInvalid(t *testing.T) {
	bubble(t, &discordtest.Options{
		Invalid: 3, AuthorizedToken: func(token string) bool { return token != "expired" },
	}, func(t *testing.T, srv *discordtest.Server) {
		for _, path := range []string{"/webhooks/5/expired", "/interactions/5/expired/callback"} {
			resp, body := call(t, srv.Client(), "POST", "/api/v10"+path, `{}`)
			expect(t, "status", resp.StatusCode, 401)
			expect(t, "body", body, `{"code":50027,"message":"Invalid Webhook Token"}`)
		}
		resp, _ := call(t, srv.Client(), "POST", "/api/v10/webhooks/5/secret", `{}`)
		expect(t, "status of another", resp.StatusCode, 204)
		call(t, srv.Client(), "POST", "/api/v10/webhooks/5/expired", `{}`)
		resp, _ = call(t, srv.Client(), "GET", "/api/v10/users/@me", "")
		expect(t, "status after three that were invalid", resp.StatusCode, 429)
	})
}

func TestWhatIsForbiddenIsInvalid(t *testing.T) {
	bubble(t, &discordtest.Options{
		Invalid: 2, Forbidden: func(r *http.Request) bool { return r.Method == http.MethodDelete },
	}, func(t *testing.T, srv *discordtest.Server) {
		for _, method := range []string{"DELETE", "GET", "DELETE"} {
			resp, body := call(t, srv.Client(), method, "/api/v10/channels/1", "")
			if method == "GET" {
				expect(t, "status", resp.StatusCode, 200)
				continue
			}
			expect(t, "status", resp.StatusCode, 403)
			expect(t, "body", body, `{"code":50013,"message":"Missing Permissions"}`)
		}
		resp, _ := call(t, srv.Client(), "GET", "/api/v10/channels/1", "")
		expect(t, "status after two that were invalid", resp.StatusCode, 429)
	})
}

func TestSublimitRefusesOnlyWhatItIsAbout(t *testing.T) {
	bubble(t, &discordtest.Options{Renames: true}, func(t *testing.T, srv *discordtest.Server) {
		c := srv.Client()
		for range 2 {
			call(t, c, "PATCH", "/api/v10/channels/1", `{"name":"x"}`)
		}
		resp, body := call(t, c, "PATCH", "/api/v10/channels/1", `{"topic":"x"}`)
		headers(t, resp, map[string]string{"Retry-After": "600", "X-RateLimit-Remaining": "8"})
		if !strings.Contains(body, `"retry_after":600}`) {
			t.Errorf("body is %s", body)
		}
		resp, _ = call(t, c, "PATCH", "/api/v10/channels/1", `{"nsfw":true}`)
		expect(t, "status of another change", resp.StatusCode, 200)
		expect(t, "violations", srv.Report().ViolationCount, 0)
	})
}

func TestASublimitWithAHashIsToldWhenItRefuses(t *testing.T) {
	bubble(t, &discordtest.Options{Limits: map[string]discordtest.Limit{
		"PATCH /channels/{channel}":      {N: 10, Window: 15 * time.Second, Hash: "wide"},
		"PATCH /channels/{channel} name": {N: 2, Window: 10 * time.Minute, Hash: "narrow"},
	}}, func(t *testing.T, srv *discordtest.Server) {
		for _, tt := range []struct {
			body, hash, limit, remaining, after string
		}{
			{`{"name":"x"}`, "wide", "10", "9", "15.000"},
			{`{"name":"x"}`, "wide", "10", "8", "15.000"},
			{`{"name":"x"}`, "narrow", "2", "0", "600.000"},
			{`{"nsfw":true}`, "wide", "10", "7", "15.000"},
		} {
			resp, _ := call(t, srv.Client(), "PATCH", "/api/v10/channels/1", tt.body)
			headers(t, resp, map[string]string{
				"X-RateLimit-Bucket": tt.hash, "X-RateLimit-Limit": tt.limit, "X-RateLimit-Remaining": tt.remaining,
				"X-RateLimit-Reset-After": tt.after,
			})
		}
	})
}

func TestDeletionsAreLimitedByTheAgeOfTheMessage(t *testing.T) {
	bubble(t, &discordtest.Options{DeletionAges: true}, func(t *testing.T, srv *discordtest.Server) {
		_, body := call(t, srv.Client(), "POST", messages, `{"content":"hi"}`)
		var message struct{ ID string }
		if err := json.Unmarshal([]byte(body), &message); err != nil {
			t.Fatal(err)
		}
		for _, tt := range []struct {
			after time.Duration
			want  string
		}{{0, "5"}, {10 * time.Second, "3"}, {15 * 24 * time.Hour, "30"}} {
			time.Sleep(tt.after)
			resp, _ := call(t, srv.Client(), "DELETE", messages+"/"+message.ID, "")
			expect(t, "status", resp.StatusCode, 204)
			expect(t, "limit", resp.Header.Get("X-RateLimit-Limit"), tt.want)
		}
	})
}

func TestForcedRefusalsLookLikeTheirSource(t *testing.T) {
	for _, tt := range []struct {
		refusal discordtest.Refusal
		headers map[string]string
		body    string
	}{
		{discordtest.Refusal{Scope: discordtest.Shared, After: 64570 * time.Millisecond}, map[string]string{
			"Retry-After": "65", "X-RateLimit-Scope": "shared", "X-RateLimit-Remaining": "5", "Via": "1.1 google",
		}, `"retry_after":64.57}`},
		{discordtest.Refusal{Scope: discordtest.Global, After: time.Second}, map[string]string{
			"Retry-After": "1", "X-RateLimit-Scope": "global", "X-RateLimit-Remaining": "", "Via": "1.1 google",
		}, `"global":true`},
		{discordtest.Refusal{Scope: discordtest.Cloudflare, After: time.Minute}, map[string]string{
			"Retry-After": "60", "X-RateLimit-Scope": "", "Via": "", "Content-Type": "text/html; charset=UTF-8",
		}, "1015"},
		{discordtest.Refusal{Scope: discordtest.Cloudflare}, map[string]string{
			"Retry-After": "", "Via": "", "Content-Type": "application/json",
		}, `"code":0`},
		{discordtest.Refusal{Scope: discordtest.Cloudflare, Via: true, After: time.Minute}, map[string]string{
			"Retry-After": "60", "Via": "1.1 google", "X-RateLimit-Scope": "",
		}, "1015"},
		{discordtest.Refusal{Scope: discordtest.Cloudflare, Via: true}, map[string]string{
			"Retry-After": "", "Via": "1.1 google", "Content-Type": "application/json",
		}, `"code":0`},
		{discordtest.Refusal{Scope: discordtest.Cloudflare, Page: true}, map[string]string{
			"Retry-After": "", "Via": "", "Content-Type": "text/html; charset=UTF-8",
		}, "1015"},
		{discordtest.Refusal{
			Scope: discordtest.Shared, After: 1163097 * time.Millisecond, Header: time.Second, Code: 20028,
		}, map[string]string{
			"Retry-After": "1", "X-RateLimit-Scope": "shared", "X-RateLimit-Remaining": "5",
		}, `{"code":20028,"global":false,"message":"The resource is being rate limited.","retry_after":1163.097}`},
	} {
		bubble(t, &discordtest.Options{
			Refuse: func(*http.Request) discordtest.Refusal { return tt.refusal },
		}, func(t *testing.T, srv *discordtest.Server) {
			resp, body := call(t, srv.Client(), "POST", messages, `{}`)
			expect(t, "status", resp.StatusCode, 429)
			headers(t, resp, tt.headers)
			if !strings.Contains(body, tt.body) {
				t.Errorf("body is %s, want something with %s", body, tt.body)
			}
			expect(t, "refusals", srv.Report().Refused, 1)
			expect(t, "violations", srv.Report().ViolationCount, 0)
		})
	}
}

func TestTooManyInvalidRequestsShutTheAddressOut(t *testing.T) {
	bubble(t, &discordtest.Options{Invalid: 3}, func(t *testing.T, srv *discordtest.Server) {
		for range 3 {
			resp, _ := call(t, srv.Client(), "GET", "/api/v10/users/@me", "", "Authorization", "")
			expect(t, "status", resp.StatusCode, 401)
			headers(t, resp, map[string]string{"X-RateLimit-Limit": ""})
		}
		resp, _ := call(t, srv.Client(), "GET", "/api/v10/users/@me", "")
		expect(t, "status", resp.StatusCode, 429)
		headers(t, resp, map[string]string{"Via": "", "Retry-After": "3600"})
		time.Sleep(time.Hour)
		resp, _ = call(t, srv.Client(), "GET", "/api/v10/users/@me", "")
		expect(t, "status", resp.StatusCode, 200)
		expect(t, "violations", srv.Report().ViolationCount, 3)
	})
}

func TestAnswersAreWhatClientsExpect(t *testing.T) {
	for _, tt := range []struct {
		method, path, body string
		status             int
		want               string
	}{
		{"POST", messages, `{"content":"hi"}`, 200, `"content":"hi"`},
		{"GET", messages, "", 200, `[]`},
		{"GET", messages + "/5", "", 200, `"channel_id":"123"`},
		{"PATCH", messages + "/5", `{"content":"ho"}`, 200, `"id":"5"`},
		{"DELETE", messages + "/5", "", 204, ""},
		{"PUT", messages + "/5/reactions/%F0%9F%91%8D/@me", "", 204, ""},
		{"GET", messages + "/5/reactions/%F0%9F%91%8D", "", 200, "[]"},
		{"GET", "/api/v10/channels/123", "", 200, `"id":"123"`},
		{"PATCH", "/api/v10/channels/123", `{"name":"n"}`, 200, `"name":"n"`},
		{"GET", "/api/v10/users/@me", "", 200, `"bot":true`},
		{"GET", "/api/v10/users/7", "", 200, `"id":"7"`},
		{"GET", "/api/v10/guilds/9", "", 200, `"id":"9"`},
		{"PUT", "/api/v10/applications/9/commands", `[{"name":"a"}]`, 200, `[]`},
		{"POST", "/api/webhooks/5/secret", `{"content":"hi"}`, 204, ""},
		{"POST", "/api/v10/webhooks/5/secret?wait=true", `{"content":"hi"}`, 200, `"content":"hi"`},
		{"GET", "/api/v10/gateway", "", 200, `"url":"wss://`},
		{"GET", "/api/v10/gateway/bot", "", 200, `"max_concurrency":1`},
		{"POST", messages, `{"content":`, 400, `"code":50109`},
		{"GET", "/api/v5/gateway", "", 400, `"code":50041`},
		{"GET", "/api/v10", "", 404, `"message"`},
		{"GET", "/", "", 404, `"message"`},
	} {
		t.Run(tt.method+" "+tt.path, func(t *testing.T) {
			bubble(t, nil, func(t *testing.T, srv *discordtest.Server) {
				resp, body := call(t, srv.Client(), tt.method, tt.path, tt.body)
				expect(t, "status", resp.StatusCode, tt.status)
				if !strings.Contains(body, tt.want) {
					t.Errorf("body is %s, want something with %s", body, tt.want)
				}
				violations := 0
				if tt.status >= 400 {
					violations = 1
				}
				expect(t, "violations", srv.Report().ViolationCount, violations)
			})
		})
	}
}

func TestMultipartBodiesAreRead(t *testing.T) {
	const body = "--b\r\nContent-Disposition: form-data; name=\"files[0]\"; filename=\"f\"\r\n\r\nxyz\r\n" +
		"--b\r\nContent-Disposition: form-data; name=\"payload_json\"\r\n\r\n{\"content\":\"hi\"}\r\n--b--\r\n"
	bubble(t, nil, func(t *testing.T, srv *discordtest.Server) {
		_, got := call(t, srv.Client(), "POST", messages, body, "Content-Type", "multipart/form-data; boundary=b")
		if !strings.Contains(got, `"content":"hi"`) {
			t.Errorf("body is %s", got)
		}
		resp, _ := call(t, srv.Client(), "POST", messages, body[:len(body)-12],
			"Content-Type", "multipart/form-data; boundary=b")
		expect(t, "status of one cut off", resp.StatusCode, 400)
	})
}

func TestASecretInThePathIsTheCredential(t *testing.T) {
	const hook = "/api/v10/webhooks/5/"
	bubble(t, &discordtest.Options{
		Authorized: func(credential string) bool { return credential == "Bot abc" },
	}, func(t *testing.T, srv *discordtest.Server) {
		c := srv.Client()
		for range 5 {
			resp, _ := call(t, c, "POST", hook+"secret", `{}`, "Authorization", "")
			expect(t, "status", resp.StatusCode, 204)
		}
		resp, _ := call(t, c, "POST", hook+"secret", `{}`)
		expect(t, "status with a token besides", resp.StatusCode, 429)
		resp, _ = call(t, c, "POST", hook+"other", `{}`)
		expect(t, "status of another secret", resp.StatusCode, 204)
		resp, _ = call(t, c, "GET", "/api/v10/webhooks/5", "", "Authorization", "Bot def")
		expect(t, "status without a secret", resp.StatusCode, 401)
		expect(t, "requests without a token", srv.Busiest("global ip", time.Second), 5)
		expect(t, "requests with a token", srv.Busiest("global #1", time.Second), 0)
		expect(t, "requests with a token", srv.Busiest("global #2", time.Second), 2)
	})
}

func TestNetworkOptionsApply(t *testing.T) {
	bubble(t, &discordtest.Options{
		Uplink: time.Second, Downlink: time.Second, Jitter: time.Second, Seed: 1, Skew: time.Hour, Keep: 1,
		Fault: func(r *http.Request) discordtest.Fault { return discordtest.Fault{Delay: time.Second} },
		Line:  func(*http.Request, []byte) (string, int, bool) { return "", 0, false },
	}, func(t *testing.T, srv *discordtest.Server) {
		began := time.Now()
		resp, _ := call(t, srv.Client(), "POST", messages, `{}`)
		if took := time.Since(began); took < 3*time.Second || took > 5*time.Second {
			t.Errorf("the round trip took %v", took)
		}
		arrived := srv.Arrivals()[0].At.Add(time.Hour)
		expect(t, "Date", resp.Header.Get("Date"), arrived.UTC().Format(http.TimeFormat))
		ms := arrived.Add(5*time.Second + time.Millisecond - 1).UnixMilli() // rounded up
		reset := strconv.FormatFloat(float64(ms)/1000, 'f', 3, 64)
		expect(t, "reset", resp.Header.Get("X-RateLimit-Reset"), reset)
		call(t, srv.Client(), "POST", messages, `{}`)
		expect(t, "arrivals kept", len(srv.Arrivals()), 1)
	})
}

// FuzzServer looks for requests that the server cannot bear.
func FuzzServer(f *testing.F) {
	f.Add("POST", "/api/v10/channels/123/messages", "application/json", `{"content":"hi"}`)
	f.Add("PATCH", "/api/channels/1", "multipart/form-data; boundary=b", "--b")
	f.Add("DELETE", "/api/v10/channels/1/messages/99999999999999999999", "", "")
	f.Add("POST", "/api/webhooks/{token}/{token}", "application/json", "null")
	f.Add("GET", "/api/v99999999999999999999/interactions", "", "")
	f.Add("GET", "/api/webhooks", "", "")
	f.Add("GET", "/api/v10/webhooks/1", "", "")
	f.Add("POST", "/api/v10/webhooks/2/x", "", "")
	f.Add("POST", "/api/v10/webhooks/2/y", "application/json", "{}")
	f.Add("POST", "/api/v10/interactions", "", "")
	f.Add("POST", "/api/v10/webhooks/2/aW50ZXJhY3Rpb246NTo", "", "")
	f.Fuzz(func(t *testing.T, method, path, mediaType, body string) {
		req, err := http.NewRequest(method, "https://discord.com", strings.NewReader(body))
		if err != nil {
			return // no such request can be made
		}
		req.URL.Path = path
		req.Header.Set("Authorization", "Bot abc")
		req.Header.Set("Content-Type", mediaType)
		srv := discordtest.NewServer(&discordtest.Options{
			GlobalFixed: true, GlobalInteractions: true, DeletionAges: true, OldEdits: true, Renames: true,
			InteractionAges: true,
			Missing:         func(r *http.Request) bool { return r.Method == http.MethodDelete },
			WebhookChannel:  func(webhook string) string { return webhook },
			AuthorizedToken: func(token string) bool { return token != "x" },
			Gone:            func(webhook string) bool { return webhook == "1" },
		})
		defer srv.Close()
		for range 3 {
			rec := httptest.NewRecorder()
			srv.ServeHTTP(rec, req.Clone(t.Context()))
			if rec.Code < 200 || rec.Code > 499 {
				t.Errorf("status is %d", rec.Code)
			}
		}
	})
}
