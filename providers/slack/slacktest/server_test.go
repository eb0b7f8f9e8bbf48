package slacktest_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/underlimit/underlimit/providers/slack/slacktest"
)

const form = "application/x-www-form-urlencoded"

// send sends one request and returns the answer, its body read. Header fields come in pairs.
func send(t *testing.T, c *http.Client, url, mediaType, body string, header ...string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequest("POST", url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", mediaType)
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

// call calls a method with the token xoxb-1 unless args has another.
func call(t *testing.T, c *http.Client, method, args string) (*http.Response, string) {
	t.Helper()
	if !strings.Contains(args, "token=") {
		args += "&token=xoxb-1"
	}
	return send(t, c, "https://slack.com/api/"+method, form, args)
}

func post(t *testing.T, c *http.Client, channel string) (*http.Response, string) {
	t.Helper()
	return call(t, c, "chat.postMessage", "text=hi&channel="+channel)
}

func expect(t *testing.T, what string, got, want any) {
	t.Helper()
	if got != want {
		t.Errorf("%s is %v, want %v", what, got, want)
	}
}

// contains checks for a piece of text.
func contains(t *testing.T, what, got, want string) {
	t.Helper()
	if !strings.Contains(got, want) {
		t.Errorf("%s is %s, want something with %s", what, got, want)
	}
}

// bubble runs f with a server in virtual time.
func bubble(t *testing.T, opts *slacktest.Options, f func(*testing.T, *slacktest.Server, *http.Client)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		srv := slacktest.NewServer(opts)
		defer srv.Close()
		f(t, srv, srv.Client())
	})
}

func TestAMethodHasItsQuotaInAnyMinute(t *testing.T) {
	bubble(t, nil, func(t *testing.T, srv *slacktest.Server, c *http.Client) {
		for range 20 {
			resp, body := call(t, c, "users.list", "")
			expect(t, "status", resp.StatusCode, 200)
			contains(t, "body", body, `"ok":true`)
			time.Sleep(time.Second)
		}
		time.Sleep(39500 * time.Millisecond)
		resp, body := call(t, c, "users.list", "")
		expect(t, "status half a second early", resp.StatusCode, 429)
		expect(t, "Retry-After", resp.Header.Get("Retry-After"), "1")
		expect(t, "body", body, `{"error":"ratelimited","ok":false}`)
		resp, _ = call(t, c, "conversations.list", "")
		expect(t, "status of another method", resp.StatusCode, 200)
		resp, _ = call(t, c, "users.list", "token=xoxb-2")
		expect(t, "status of another installation", resp.StatusCode, 200)

		time.Sleep(500 * time.Millisecond) // a place is free, but the refusal said a second
		resp, _ = call(t, c, "users.list", "")
		expect(t, "status in time", resp.StatusCode, 200)
		resp, _ = call(t, c, "users.list", "")
		expect(t, "status of the next", resp.StatusCode, 429)
		report := srv.Report()
		expect(t, "violations", report.ViolationCount, 2)
		expect(t, "refusals", report.RefusedBy["users.list #1"], 2)
	})
}

func TestQuotasCanBeChangedAndShared(t *testing.T) {
	bubble(t, &slacktest.Options{
		Limits:  map[string]int{"users.list": 1, "auth.test": -1},
		Install: func(string) string { return "A1 T1" },
	}, func(t *testing.T, srv *slacktest.Server, c *http.Client) {
		call(t, c, "users.list", "token=xoxb-1")
		resp, _ := call(t, c, "users.list", "token=xoxp-1")
		expect(t, "status", resp.StatusCode, 429)
		expect(t, "Retry-After", resp.Header.Get("Retry-After"), "60")
		for range 700 {
			resp, _ = call(t, c, "auth.test", "")
		}
		expect(t, "status of a method without a quota", resp.StatusCode, 200)
	})
}

func TestAChannelTakesOneMessageASecondByAnyMethod(t *testing.T) {
	bubble(t, nil, func(t *testing.T, srv *slacktest.Server, c *http.Client) {
		resp, _ := post(t, c, "C1")
		expect(t, "status", resp.StatusCode, 200)
		resp, _ = post(t, c, "C2")
		expect(t, "status of another channel", resp.StatusCode, 200)
		time.Sleep(999 * time.Millisecond)
		resp, _ = call(t, c, "chat.meMessage", "text=hi&channel=C1")
		expect(t, "status a millisecond early", resp.StatusCode, 429)
		resp, _ = call(t, c, "chat.update", "text=hi&channel=C1&ts=1.2")
		expect(t, "status of a change", resp.StatusCode, 200)
		time.Sleep(time.Millisecond)
		resp, _ = post(t, c, "C1")
		expect(t, "status in time", resp.StatusCode, 200)
		expect(t, "refusals", srv.Report().RefusedBy["post #1 C1"], 1)
		expect(t, "arrivals in a second", srv.Busiest("post #1 C1", time.Second), 2)
	})
}

func TestBurstAndToleranceLoosenThePace(t *testing.T) {
	for _, tt := range []struct {
		name string
		opts slacktest.Options
		gap  time.Duration
		ok   int // of five messages
	}{
		{"neither", slacktest.Options{}, 990 * time.Millisecond, 3},
		{"burst", slacktest.Options{ChannelBurst: 3}, 0, 3},
		{"tolerance", slacktest.Options{Tolerance: 40 * time.Millisecond}, 990 * time.Millisecond, 5},
		{"tolerance is not per message", slacktest.Options{Tolerance: 20 * time.Millisecond}, 990 * time.Millisecond, 4},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, &tt.opts, func(t *testing.T, srv *slacktest.Server, c *http.Client) {
				for range 5 {
					post(t, c, "C1")
					time.Sleep(tt.gap)
				}
				expect(t, "messages", srv.Report().OK, tt.ok)
			})
		})
	}
}

func TestTheWorkspaceTakesSoManyMessagesAMinute(t *testing.T) {
	bubble(t, nil, func(t *testing.T, srv *slacktest.Server, c *http.Client) {
		for i := range 300 {
			resp, _ := post(t, c, "C"+strconv.Itoa(i))
			expect(t, "status", resp.StatusCode, 200)
		}
		resp, _ := post(t, c, "another")
		expect(t, "status", resp.StatusCode, 429)
		expect(t, "Retry-After", resp.Header.Get("Retry-After"), "60")
		expect(t, "refusals", srv.Report().RefusedBy["post #1"], 1)
		time.Sleep(time.Minute)
		resp, _ = post(t, c, "another")
		expect(t, "status after a minute", resp.StatusCode, 200)
	})
}

func TestHiddenMessagesLookLikeAnyOther(t *testing.T) {
	bubble(t, &slacktest.Options{Hide: true}, func(t *testing.T, srv *slacktest.Server, c *http.Client) {
		post(t, c, "C1")
		time.Sleep(999 * time.Millisecond)
		resp, body := post(t, c, "C1")
		expect(t, "status", resp.StatusCode, 200)
		contains(t, "body", body, `"ok":true`)
		time.Sleep(time.Millisecond)
		post(t, c, "C1")
		report := srv.Report()
		expect(t, "calls", report.Calls, 3)
		expect(t, "messages", report.OK, 2)
		expect(t, "deliveries", len(srv.Delivered()), 2)
		expect(t, "refusals", report.Refused, 0)
		expect(t, "violations", report.ViolationCount, 1)
	})
}

func TestWebhooksAreLimitedByURL(t *testing.T) {
	const hook = "https://hooks.slack.com/services/T1/B1/"
	bubble(t, nil, func(t *testing.T, srv *slacktest.Server, c *http.Client) {
		_, body := send(t, c, hook+"a", "application/json", `{"text":"hi"}`)
		expect(t, "body", body, "ok")
		_, body = send(t, c, hook+"b", form, "payload="+url.QueryEscape(`{"text":"hi"}`))
		expect(t, "body", body, "ok")
		resp, _ := send(t, c, hook+"a", "application/json", `{"text":"hi"}`)
		expect(t, "status", resp.StatusCode, 429)
		time.Sleep(time.Second)
		resp, body = send(t, c, hook+"a", "application/json", "null")
		expect(t, "status", resp.StatusCode, 400)
		expect(t, "body", body, "invalid_payload")
		for range 10 {
			send(t, c, "https://hooks.slack.com/triggers/T1/1/a", "application/json", `{}`)
		}
		resp, _ = send(t, c, "https://hooks.slack.com/triggers/T1/1/a", "application/json", `{}`)
		expect(t, "status", resp.StatusCode, 429)
		expect(t, "refusals", srv.Report().RefusedBy["webhook #1"], 1)
		expect(t, "refusals", srv.Report().RefusedBy["webhook #3"], 1)
	})
}

func TestTokensAndArgumentsAreFoundWhereverTheyAre(t *testing.T) {
	const multi = "--b\r\nContent-Disposition: form-data; name=token\r\n\r\nxoxb-1\r\n" +
		"--b\r\nContent-Disposition: form-data; name=channel\r\n\r\nC1\r\n" +
		"--b\r\nContent-Disposition: form-data; name=f; filename=f\r\n\r\nxyz\r\n" +
		"--b\r\nContent-Disposition: form-data; name=text\r\n\r\nhi\r\n--b--\r\n"
	auth := []string{"Authorization", "Bearer xoxb-1"}
	for _, tt := range []struct {
		name, query, mediaType, body string
		header                       []string
		want                         string
	}{
		{"form", "", form, "token=xoxb-1&channel=C1&text=hi", nil, `"channel":"C1"`},
		{"query", "?token=xoxb-1&channel=C1&text=hi", "", "", nil, `"channel":"C1"`},
		{"header and JSON", "", "application/json; charset=utf-8", `{"channel":"C1","blocks":[]}`, auth, `"channel":"C1"`},
		{"JSON alone", "", "application/json", `{"token":"xoxb-1","channel":"C1","text":"hi"}`, nil, `"channel":"C1"`},
		{"multipart", "", "multipart/form-data; boundary=b", multi, nil, `"channel":"C1"`},
		{"no token", "", form, "channel=C1&text=hi", nil, `"not_authed"`},
		{"a wrong token", "", form, "channel=C1&text=hi&token=bad", nil, `"invalid_auth"`},
		{"no channel", "", form, "text=hi", auth, `"channel_not_found"`},
		{"no text", "", form, "channel=C1", auth, `"no_text"`},
		{"broken JSON", "", "application/json", `{"channel":`, auth, `"invalid_json"`},
		{"broken form", "", form, "a=%zz", auth, `"invalid_form_data"`},
		{"broken multipart", "", "multipart/form-data; boundary=b", multi[:60], auth, `"invalid_form_data"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, &slacktest.Options{
				Authorized: func(token string) bool { return token != "bad" },
			}, func(t *testing.T, srv *slacktest.Server, c *http.Client) {
				u := "https://slack.com/api/chat.postMessage" + tt.query
				resp, body := send(t, c, u, tt.mediaType, tt.body, tt.header...)
				expect(t, "status", resp.StatusCode, 200)
				contains(t, "body", body, tt.want)
				wrong := 0
				if strings.Contains(body, `"ok":false`) {
					wrong = 1
				}
				report := srv.Report()
				expect(t, "violations", report.ViolationCount, wrong)
				expect(t, "OK", report.OK, 1-wrong)
			})
		})
	}
}

func TestListsComeInPages(t *testing.T) {
	for method, list := range map[string]string{
		"conversations.list": "channels", "users.list": "members", "conversations.history": "messages",
	} {
		bubble(t, nil, func(t *testing.T, srv *slacktest.Server, c *http.Client) {
			cursor, seen, pages := "", map[string]bool{}, 0
			for pages < 10 {
				_, body := call(t, c, method, "channel=C1&limit=60&cursor="+url.QueryEscape(cursor))
				var answer map[string]json.RawMessage
				if err := json.Unmarshal([]byte(body), &answer); err != nil {
					t.Fatal(err)
				}
				var items []json.RawMessage
				if err := json.Unmarshal(answer[list], &items); err != nil {
					t.Fatal(err)
				}
				for _, item := range items {
					seen[string(item)] = true
				}
				var meta struct {
					Next string `json:"next_cursor"`
				}
				if err := json.Unmarshal(answer["response_metadata"], &meta); err != nil {
					t.Fatal(err)
				}
				pages++
				if cursor = meta.Next; cursor == "" {
					break
				}
			}
			expect(t, "pages of "+method, pages, 5)
			expect(t, "items of "+method, len(seen), 250)
			_, body := call(t, c, method, "channel=C1&cursor=next:-1")
			contains(t, "body", body, "invalid_cursor")
		})
	}
}

func TestAnswersAreWhatClientsExpect(t *testing.T) {
	bubble(t, &slacktest.Options{Skew: time.Hour}, func(t *testing.T, srv *slacktest.Server, c *http.Client) {
		first := time.Now().Add(time.Hour).Unix()
		for _, tt := range []struct{ method, args, want string }{
			{"auth.test", "", `"team_id":"T1"`},
			{"chat.postMessage", "channel=C1&text=hi&thread_ts=5.1", `"thread_ts":"5.1"`},
			{"chat.postMessage", "channel=C2&text=hi", `"ts":"` + strconv.FormatInt(first, 10) + `.000001"`},
			{"chat.postEphemeral", "channel=C3&user=U1&text=hi", `"message_ts":"`},
			{"chat.update", "channel=C1&ts=5.2&text=ho", `"ts":"5.2"`},
			{"chat.delete", "channel=C1&ts=5.2", `"ts":"5.2"`},
			{"conversations.info", "channel=C1", `"id":"C1"`},
			{"conversations.open", "users=U1", `"id":"D`},
			{"conversations.members", "channel=C1&limit=1", `["U000000001"]`},
			{"users.info", "user=U7", `"id":"U7"`},
			{"files.getUploadURLExternal", "filename=f&length=1", `"upload_url":"https://files.slack.com/upload/v1/F`},
			{"chat.startStream", "channel=C4", `"ts":"`},
			{"chat.appendStream", "channel=C4&ts=5.2", `"ts":"5.2"`},
			{"chat.scheduleMessage", "channel=C4&post_at=1", `"scheduled_message_id":"Q`},
			{"chat.getPermalink", "channel=C4&message_ts=5.2", `"permalink":"https://`},
			{"views.open", "trigger_id=1", `"view":`},
			{"apps.connections.open", "", `"url":"wss://`},
			{"reactions.add", "channel=C1&name=a&timestamp=5.2", `{"ok":true}`},
			{"some.method", "", `{"ok":true}`},
		} {
			_, body := call(t, c, tt.method, tt.args)
			contains(t, tt.method, body, tt.want)
			contains(t, tt.method, body, `"ok":true`)
		}
		resp, body := send(t, c, "https://hooks.slack.com/actions/T1/1/a", "application/json", "{}")
		expect(t, "response_url", body, "ok")
		expect(t, "Date", resp.Header.Get("Date"), time.Unix(first, 0).UTC().Format(http.TimeFormat))
		expect(t, "violations", srv.Report().ViolationCount, 0)
		resp, _ = send(t, c, "https://slack.com/", form, "")
		expect(t, "status of another page", resp.StatusCode, 404)
	})
}

func TestNetworkOptionsApply(t *testing.T) {
	bubble(t, &slacktest.Options{
		Uplink: time.Second, Downlink: time.Second, Jitter: time.Second, Seed: 1, Keep: 1,
		Fault: func(r *http.Request) slacktest.Fault { return slacktest.Fault{Status: 503} },
		Line:  func(*http.Request, []byte) (string, int, bool) { return "", 0, false },
	}, func(t *testing.T, srv *slacktest.Server, c *http.Client) {
		began := time.Now()
		resp, _ := post(t, c, "C1")
		expect(t, "status", resp.StatusCode, 503)
		if took := time.Since(began); took < 2*time.Second || took > 4*time.Second {
			t.Errorf("the round trip took %v", took)
		}
		post(t, c, "C1")
		expect(t, "arrivals kept", len(srv.Arrivals()), 1)
		expect(t, "OK", srv.Report().OK, 0)
	})
}

// FuzzServer looks for requests that the server cannot bear.
func FuzzServer(f *testing.F) {
	f.Add("/api/chat.postMessage", "channel=1", form, "token=1&text=%20")
	f.Add("/api/users.list", "limit=-1&cursor=next:9999999999999999999", "application/json", `{"blocks":[null]}`)
	f.Add("/services//", "", "multipart/form-data; boundary=b", "--b")
	f.Add("/api/files.getUploadURLExternal", "", form, "filename=f&length=3")
	f.Add("/upload/v1/F000000001", "", "multipart/form-data; boundary=b", "--b\r\n\r\n")
	f.Add("/api/chat.scheduleMessage", "post_at=-1&channel=,", form, "grant_type=refresh_token")
	f.Add("/scim/v2/Users/W1/", "", "", "{}")
	f.Add("/T1/B1/secret", "", "application/json", "{}")
	f.Add("//api//", "%", "multipart/form-data", "payload=null")
	f.Fuzz(func(t *testing.T, path, query, mediaType, body string) {
		req, err := http.NewRequest("POST", "https://slack.com", strings.NewReader(body))
		if err != nil {
			return // no such request can be made
		}
		req.URL.Path, req.URL.RawQuery = path, query
		req.Header.Set("Authorization", "Bearer xoxb-1")
		req.Header.Set("Content-Type", mediaType)
		srv := slacktest.NewServer(nil)
		defer srv.Close()
		for range 2 {
			rec := httptest.NewRecorder()
			srv.ServeHTTP(rec, req.Clone(t.Context()))
			if rec.Code < 200 || rec.Code > 499 {
				t.Errorf("status is %d", rec.Code)
			}
		}
	})
}
