package slacktest_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/underlimit/underlimit/providers/slack/slacktest"
)

const hookURL = "https://hooks.slack.com/services/T1/B1/secret"

func TestRefusalsComeInAllForms(t *testing.T) {
	const inJSON = `{"error":"ratelimited","ok":false}`
	for _, tt := range []struct {
		form                   slacktest.Refusal
		status                 int
		after, envoy           string
		body, mediaType, hooks string
	}{
		{
			slacktest.JSON, 429, "1", "", inJSON, "application/json",
			`{"error":"rate_limited","ok":false,"retry_after":1}`,
		},
		{slacktest.Plain, 429, "1", "", "ratelimited", "text/plain", "ratelimited"},
		{slacktest.Envoy, 429, "", "true", "", "text/plain", ""},
		{slacktest.InBody, 200, "1", "", inJSON, "application/json", inJSON},
		{slacktest.Quota, 429, "", "", "message_limit_exceeded", "text/plain", "message_limit_exceeded"},
		{
			slacktest.Warned, 429, "1", "",
			`{"error":"ratelimited","ok":false,"response_metadata":{"warnings":["superfluous_charset"]},` +
				`"warning":"superfluous_charset"}`,
			"application/json",
			`{"error":"ratelimited","ok":false,"response_metadata":{"warnings":["superfluous_charset"]},` +
				`"warning":"superfluous_charset"}`,
		},
		{slacktest.Empty, 429, "1", "", "", "text/plain", ""},
		{
			slacktest.Seconds, 429, "", "", `{"error":"rate_limited","ok":false,"retry_after":1}`, "application/json",
			`{"error":"rate_limited","ok":false,"retry_after":1}`,
		},
		{
			slacktest.Relax, 429, "", "", "You are sending too many requests. Please relax.", "text/plain",
			"You are sending too many requests. Please relax.",
		},
		{
			slacktest.Counts, 429, "1", "",
			`{"count_hour_ago":3600,"count_minute_ago":60,"count_second_ago":1,"error":"ratelimited","ok":false}`,
			"application/json",
			`{"count_hour_ago":3600,"count_minute_ago":60,"count_second_ago":1,"error":"ratelimited","ok":false}`,
		},
	} {
		bubble(t, &slacktest.Options{Refusal: tt.form}, func(t *testing.T, srv *slacktest.Server, c *http.Client) {
			post(t, c, "C1")
			resp, body := post(t, c, "C1")
			expect(t, "status", resp.StatusCode, tt.status)
			expect(t, "Retry-After", resp.Header.Get("Retry-After"), tt.after)
			expect(t, "X-Envoy-Ratelimited", resp.Header.Get("X-Envoy-Ratelimited"), tt.envoy)
			expect(t, "Content-Type", resp.Header.Get("Content-Type"), tt.mediaType)
			expect(t, "body", body, tt.body)

			send(t, c, hookURL, "application/json", `{"text":"hi"}`)
			_, body = send(t, c, hookURL, "application/json", `{"text":"hi"}`)
			expect(t, "body of a webhook's refusal", body, tt.hooks)
			expect(t, "refusals", srv.Report().Refused, 2)
			expect(t, "OK", srv.Report().OK, 2)
		})
	}
}

func TestRefusalsUseTheWordsAndTheTimeAskedFor(t *testing.T) {
	for _, tt := range []struct {
		form        slacktest.Refusal
		word, after string
		body        string
		violations  int // of a call right after the refusal
	}{
		{slacktest.InBody, "rate_limited", "1", `{"error":"rate_limited","ok":false}`, 1},
		{slacktest.InBody, "ratelimit", "", `{"error":"ratelimit","ok":false}`, 0},
		{slacktest.JSON, "too_many_requests", "0", `{"error":"too_many_requests","ok":false}`, 0},
		{slacktest.Plain, "slow", "0.5", "slow", 0},
		{slacktest.Empty, "", "Wed, 21 Oct 2015 07:28:00 GMT", "", 0},
	} {
		opts := &slacktest.Options{
			Refusal: tt.form, RefusalError: tt.word, RetryAfter: func(time.Duration) string { return tt.after },
		}
		bubble(t, opts, func(t *testing.T, srv *slacktest.Server, c *http.Client) {
			post(t, c, "C1")
			resp, body := post(t, c, "C1")
			expect(t, "Retry-After", resp.Header.Get("Retry-After"), tt.after)
			expect(t, "body", body, tt.body)
			time.Sleep(time.Millisecond)
			post(t, c, "C1")
			expect(t, "violations", srv.Report().ViolationCount, tt.violations)
		})
	}
}

func TestABucketCanBeClosedForAWhile(t *testing.T) {
	var seen []string
	bubble(t, &slacktest.Options{Refuse: func(r *http.Request, buckets []string) (string, time.Duration) {
		seen = buckets
		if body, _ := io.ReadAll(r.Body); strings.Contains(string(body), "trouble") {
			return buckets[len(buckets)-1], 30 * time.Second
		}
		return "", time.Hour
	}}, func(t *testing.T, srv *slacktest.Server, c *http.Client) {
		resp, _ := call(t, c, "chat.meMessage", "channel=C1&text=trouble")
		expect(t, "status", resp.StatusCode, 429)
		expect(t, "Retry-After", resp.Header.Get("Retry-After"), "30")
		expect(t, "buckets", strings.Join(seen, ", "), "post #1 C1, chat.meMessage #1, post #1")
		resp, _ = call(t, c, "users.list", "")
		expect(t, "status of another bucket", resp.StatusCode, 200)
		time.Sleep(30*time.Second - 1)
		resp, _ = post(t, c, "C2")
		expect(t, "status of the bucket", resp.StatusCode, 429)
		time.Sleep(1)
		resp, _ = post(t, c, "C2")
		expect(t, "status of the bucket after that", resp.StatusCode, 200)
		expect(t, "refusals", srv.Report().RefusedBy["post #1"], 2)
	})
}

func TestAHeldChannelRefusesWhereItWouldHide(t *testing.T) {
	first := true
	bubble(t, &slacktest.Options{Hide: true, Refuse: func(_ *http.Request, b []string) (string, time.Duration) {
		defer func() { first = false }()
		if first {
			return b[0], time.Minute
		}
		return "", 0
	}}, func(t *testing.T, srv *slacktest.Server, c *http.Client) {
		post(t, c, "C1")
		post(t, c, "C1")
		expect(t, "refusals", srv.Report().Refused, 2)
	})
}

func TestOnlyMethodsAndWebhooksRefuseInA200(t *testing.T) {
	opts := &slacktest.Options{
		Refusal: slacktest.InBody,
		Refuse:  func(_ *http.Request, b []string) (string, time.Duration) { return b[0], time.Second },
	}
	bubble(t, opts, func(t *testing.T, srv *slacktest.Server, c *http.Client) {
		for _, path := range []string{"/scim/v2/Users", "/audit/v1/logs"} {
			expect(t, "status of "+path, rest(t, c, "xoxp-1", "GET", path), 429)
		}
		resp, _ := call(t, c, "users.list", "")
		expect(t, "status of a method", resp.StatusCode, 200)
	})
}
