package slacktest_test

import (
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/underlimit/underlimit/providers/slack/slacktest"
)

// rest sends a request to api.slack.com and returns its status.
func rest(t *testing.T, c *http.Client, token, method, path string) int {
	t.Helper()
	req, err := http.NewRequest(method, "https://api.slack.com"+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode
}

func TestSCIMHasALimitForEachEndpointAndOneForTheOrganization(t *testing.T) {
	opts := &slacktest.Options{Installations: installations, Keep: -1}
	bubble(t, opts, func(t *testing.T, srv *slacktest.Server, c *http.Client) {
		for i := range 301 {
			rest(t, c, []string{"xoxp-1", "xoxb-3"}[i%2], "GET", "/scim/v2/Users/W"+strconv.Itoa(i))
		}
		expect(t, "refusals of users", srv.Report().RefusedBy["scim GET Users/{id} #1"], 1)
		for range 301 {
			rest(t, c, "xoxp-1", "GET", "/scim/v1/Groups/S1")
		}
		expect(t, "refusals of groups", srv.Report().RefusedBy["scim GET Groups/{id} #1"], 1)
		for range 401 {
			rest(t, c, "xoxb-3", "GET", "/scim/v2/Users")
		}
		expect(t, "refusals by the organization", srv.Report().RefusedBy["scim.read #1"], 1)
		expect(t, "status in another", rest(t, c, "xoxe.xoxb-2", "GET", "/scim/v2/Users"), 200)
		expect(t, "status without a token", rest(t, c, "", "GET", "/scim/v2/Users"), 401)
	})
}

func TestSCIMWritesHaveThePublishedBursts(t *testing.T) {
	for _, tt := range []struct {
		method, path string
		burst        int
		pace         time.Duration
	}{
		{"POST", "/scim/v2/Users", 20, time.Second / 3},
		{"PATCH", "/scim/v2/Users/W1", 20, time.Second / 3},
		{"PUT", "/scim/v2/Groups/S1", 80, time.Second / 3},
		{"DELETE", "/scim/v2/Groups/S1", 20, time.Second / 3},
		{"POST", "/scim/v2/Bulk", 180, time.Second / 10}, // the organization's
	} {
		bubble(t, nil, func(t *testing.T, srv *slacktest.Server, c *http.Client) {
			for range tt.burst {
				rest(t, c, "xoxp-1", tt.method, tt.path)
			}
			expect(t, "OK of "+tt.path, srv.Report().OK, tt.burst)
			time.Sleep(tt.pace - 1)
			expect(t, "status too soon", rest(t, c, "xoxp-1", tt.method, tt.path), 429)
			time.Sleep(1)
			rest(t, c, "xoxp-1", tt.method, tt.path)
			expect(t, "OK of "+tt.path, srv.Report().OK, tt.burst+1)
		})
	}
}

func TestPUTAndPATCHShareALimit(t *testing.T) {
	bubble(t, nil, func(t *testing.T, srv *slacktest.Server, c *http.Client) {
		for i := range 21 {
			rest(t, c, "xoxp-1", []string{"PUT", "PATCH"}[i%2], "/scim/v2/Users/W1")
		}
		expect(t, "refusals", srv.Report().RefusedBy["scim PUT Users/{id} #1"], 1)
	})
}

func TestAuditLogsAreCountedForTheOrganization(t *testing.T) {
	opts := &slacktest.Options{Installations: installations}
	bubble(t, opts, func(t *testing.T, srv *slacktest.Server, c *http.Client) {
		for i := range 51 {
			rest(t, c, []string{"xoxp-1", "xoxb-3"}[i%2], "GET", "/audit/v1/logs")
		}
		expect(t, "refusals", srv.Report().RefusedBy["audit #1"], 1)
	})
	quarter := func(_ string, n int) int { return n / 4 }
	bubble(t, &slacktest.Options{Burst: quarter, Limits: map[string]int{"audit": 8}},
		func(t *testing.T, srv *slacktest.Server, c *http.Client) {
			for range 3 {
				rest(t, c, "xoxp-1", "GET", "/audit/v1/logs")
			}
			expect(t, "OK", srv.Report().OK, 2)
		})
}
