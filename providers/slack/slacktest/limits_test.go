package slacktest_test

import (
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/underlimit/underlimit/providers/slack/slacktest"
)

func TestEachMethodHasItsOwnNumber(t *testing.T) {
	for method, n := range map[string]int{
		"rtm.connect": 1, "users.list": 20, "conversations.list": 20, "conversations.members": 100, "chat.update": 50,
		"apps.event.authorizations.list": 600, "no.such.method": 20, "api.test": 100,
	} {
		bubble(t, &slacktest.Options{Keep: -1}, func(t *testing.T, srv *slacktest.Server, c *http.Client) {
			for range n + 1 {
				call(t, c, method, "channel=C1&ts=5.2&text=hi")
			}
			expect(t, method, srv.Report().OK, n)
		})
	}
}

func TestABurstIsFollowedByAPace(t *testing.T) {
	burst := func(_ string, perMinute int) int { return perMinute / 4 }
	bubble(t, &slacktest.Options{Burst: burst}, func(t *testing.T, srv *slacktest.Server, c *http.Client) {
		for range 5 {
			call(t, c, "users.list", "")
		}
		time.Sleep(3*time.Second - 1)
		resp, _ := call(t, c, "users.list", "")
		expect(t, "status of the sixth, too soon", resp.StatusCode, 429)
		time.Sleep(1)
		for range 15 {
			call(t, c, "users.list", "")
			time.Sleep(3 * time.Second)
		}
		expect(t, "OK", srv.Report().OK, 20)
		resp, _ = call(t, c, "users.list", "") // within a minute of the first five
		expect(t, "status of the 21st", resp.StatusCode, 429)
	})
}

func TestABurstOfMessagesIsFollowedByAPace(t *testing.T) {
	burst := func(method string, perMinute int) int { return map[string]int{"post": perMinute / 4}[method] }
	opts := &slacktest.Options{Burst: burst, WorkspacePerMinute: 60, Installations: installations}
	bubble(t, opts, func(t *testing.T, srv *slacktest.Server, c *http.Client) {
		for i := range 15 {
			post(t, c, "C"+strconv.Itoa(2+i))
		}
		send(t, c, hookURL, "application/json", `{}`)
		expect(t, "refusals", srv.Report().RefusedBy["post #1"], 1)
		time.Sleep(time.Second)
		send(t, c, hookURL, "application/json", `{}`)
		expect(t, "OK", srv.Report().OK, 16)
	})
}

func TestTheOneMethodWithAPublishedBurst(t *testing.T) {
	bubble(t, &slacktest.Options{Keep: -1}, func(t *testing.T, srv *slacktest.Server, c *http.Client) {
		for range 2001 {
			call(t, c, "admin.analytics.messages.metadata", "")
		}
		expect(t, "refused", srv.Report().Refused, 1)
		time.Sleep(time.Second)
		for range 21 {
			call(t, c, "admin.analytics.messages.metadata", "")
		}
		expect(t, "OK", srv.Report().OK, 2020)
	})
}

func TestWhatIsSoldOutsideOfTheMarketplaceReadsLittle(t *testing.T) {
	bubble(t, &slacktest.Options{NonMarketplace: true}, func(t *testing.T, srv *slacktest.Server, c *http.Client) {
		_, body := call(t, c, "conversations.history", "channel=C1&limit=200")
		contains(t, "body", body, `"next_cursor":"next:15"`)
		resp, _ := call(t, c, "conversations.history", "channel=C2")
		expect(t, "Retry-After", resp.Header.Get("Retry-After"), "60")
		_, body = call(t, c, "conversations.replies", "channel=C1&ts=5.2&limit=3")
		contains(t, "body", body, `"next_cursor":"next:3"`)
		_, body = call(t, c, "conversations.members", "channel=C1&limit=200")
		contains(t, "body", body, `"next_cursor":"next:200"`)
	})
}

func TestSomeMethodsCountUsersToo(t *testing.T) {
	bubble(t, nil, func(t *testing.T, srv *slacktest.Server, c *http.Client) {
		for i := range 11 {
			call(t, c, "users.profile.set", "user=U1&n="+strconv.Itoa(i))
		}
		expect(t, "refusals", srv.Report().RefusedBy["users.profile.set #1 user #1 U1"], 1)
		for i := range 21 {
			call(t, c, "users.profile.set", "user=U"+strconv.Itoa(10+i))
		}
		expect(t, "refusals", srv.Report().RefusedBy["users.profile.set #1 user #1"], 1)
		for range 11 {
			call(t, c, "assistant.search.context", "query=x")
		}
		expect(t, "refusals", srv.Report().RefusedBy["assistant.search.context #1 user #1"], 1)
	})
}

func TestSoManyMessagesMayBeScheduledForFiveMinutes(t *testing.T) {
	bubble(t, nil, func(t *testing.T, srv *slacktest.Server, c *http.Client) {
		at := func(channel string, seconds int) string {
			_, body := call(t, c, "chat.scheduleMessage", "channel="+channel+"&text=hi&post_at="+strconv.Itoa(seconds))
			return body
		}
		_, body := call(t, c, "chat.scheduleMessage", "channel=C1&text=hi&post_at=x")
		contains(t, "body of one for no time", body, "invalid_time")
		for i := range 30 {
			contains(t, "body", at("C1", 600+i*9), `"ok":true`)
		}
		contains(t, "body of one more", at("C1", 899), "restricted_too_many")
		contains(t, "body of one for later", at("C1", 900), `"ok":true`)
		contains(t, "body of one for another channel", at("C2", 899), `"ok":true`)
	})
}

func TestAllThatPostsIsUnderTheLimitsOfItsChannelAndWorkspace(t *testing.T) {
	bubble(t, &slacktest.Options{WorkspacePerMinute: 6}, func(t *testing.T, srv *slacktest.Server, c *http.Client) {
		ways := []string{
			"chat.postMessage", "chat.meMessage", "chat.startStream", "chat.postEphemeral", "files.remote.share?channels=C1,C2",
		}
		for _, way := range ways {
			call(t, c, way, "channel=C1&text=hi&user=U1")
			resp, _ := call(t, c, way, "channel=C1&text=hi&user=U1")
			expect(t, "status", resp.StatusCode, 429)
			time.Sleep(time.Second)
		}
		report := srv.Report()
		expect(t, "OK", report.OK, 5)
		expect(t, "refusals by the channel", report.RefusedBy["post #1 C1"], 5)
		call(t, c, "chat.appendStream", "channel=C1&ts=5.2")
		call(t, c, "chat.update", "channel=C1&ts=5.2&text=hi")
		expect(t, "OK", srv.Report().OK, 7)
		post(t, c, "C3")
		post(t, c, "C4")
		expect(t, "refusals by the workspace", srv.Report().RefusedBy["post #1"], 1)
	})
}

func TestAChannelIsOneHoweverItIsWritten(t *testing.T) {
	opts := &slacktest.Options{Channels: map[string]string{"#general": "C1", "U1": "D1"}}
	bubble(t, opts, func(t *testing.T, srv *slacktest.Server, c *http.Client) {
		_, body := post(t, c, "%23general")
		contains(t, "body", body, `"channel":"C1"`)
		resp, _ := post(t, c, "C1")
		expect(t, "status", resp.StatusCode, 429)
		resp, _ = post(t, c, "general")
		expect(t, "status", resp.StatusCode, 429)
		post(t, c, "random") // of which nobody knows the ID
		resp, _ = post(t, c, "%23random")
		expect(t, "status", resp.StatusCode, 429)
		_, body = post(t, c, "U1")
		contains(t, "body", body, `"channel":"D1"`)
		_, body = call(t, c, "conversations.open", "users=U1")
		contains(t, "body", body, `"id":"D1"`)
		resp, _ = post(t, c, "D1")
		expect(t, "status", resp.StatusCode, 429)
		report := srv.Report()
		expect(t, "refusals", report.RefusedBy["post #1 C1"], 2)
		expect(t, "refusals", report.RefusedBy["post #1 random"], 1)
		expect(t, "refusals", report.RefusedBy["post #1 D1"], 1)
	})
}
