package slacktest_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/underlimit/underlimit/providers/slack/slacktest"
)

func TestWebhooksOfAChannelShareItsLimitWithPosts(t *testing.T) {
	opts := &slacktest.Options{Installations: installations, WorkspacePerMinute: 4}
	bubble(t, opts, func(t *testing.T, srv *slacktest.Server, c *http.Client) {
		const first, second = "https://hooks.slack.com/services/T1/B1/secret", "https://hooks.slack.com/services/T1/B2/secret"
		steps := []func() int{
			func() int { r, _ := send(t, c, first, "application/json", `{}`); return r.StatusCode },
			func() int { r, _ := send(t, c, second, "application/json", `{}`); return r.StatusCode },
			func() int {
				r, _ := call(t, c, "chat.postMessage", "token=xoxp-1&channel=C1&text=hi")
				return r.StatusCode
			},
		}
		for i, step := range steps {
			expect(t, "status of the one", step(), 200)
			expect(t, "status of another", steps[(i+1)%3](), 429)
			time.Sleep(time.Second)
		}
		expect(t, "refusals", srv.Report().RefusedBy["post #1 C1"], 3)
		post(t, c, "C2")
		post(t, c, "C3")
		expect(t, "refusals by the workspace", srv.Report().RefusedBy["post #1"], 1)
	})
}

func TestWebhooksHaveAnOlderForm(t *testing.T) {
	bubble(t, nil, func(t *testing.T, srv *slacktest.Server, c *http.Client) {
		send(t, c, "https://hooks.slack.com/T1/B1/secret", "application/json", `{}`)
		resp, _ := send(t, c, "https://hooks.slack.com/T1/B1/secret/", "application/json", `{}`)
		expect(t, "status", resp.StatusCode, 429)
	})
}

func TestMessagesByWebhooksAreHiddenToo(t *testing.T) {
	bubble(t, &slacktest.Options{Hide: true}, func(t *testing.T, srv *slacktest.Server, c *http.Client) {
		for range 2 {
			resp, _ := send(t, c, hookURL, "application/json", `{}`)
			expect(t, "status", resp.StatusCode, 200)
		}
		report := srv.Report()
		expect(t, "OK", report.OK, 1)
		expect(t, "violations", report.ViolationCount, 1)
	})
}

func TestAResponseURLIsGoodForFiveUsesInHalfAnHour(t *testing.T) {
	bubble(t, nil, func(t *testing.T, srv *slacktest.Server, c *http.Client) {
		const url = "https://hooks.slack.com/actions/T1/1/"
		use := func(which, body string) (int, string) {
			resp, text := send(t, c, url+which, "application/json", body)
			return resp.StatusCode, text
		}
		for range 4 {
			_, text := use("a", `{}`)
			expect(t, "body", text, "ok")
		}
		_, text := use("a", "nonsense") // which is no use
		expect(t, "body", text, "invalid_payload")
		use("a", `{}`)
		status, text := use("a", `{}`)
		expect(t, "status", status, 404)
		contains(t, "body", text, "used_url")

		use("b", `{}`)
		time.Sleep(30*time.Minute - 1)
		_, text = use("b", `{}`)
		expect(t, "body", text, "ok")
		time.Sleep(1)
		_, text = use("b", `{}`)
		contains(t, "body", text, "expired_url")
		report := srv.Report()
		expect(t, "refusals", report.Refused, 0)
		expect(t, "violations", report.ViolationCount, 3)
	})
}
