package intercomtest_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/underlimit/underlimit/providers/intercom/intercomtest"
)

func TestAllRegionsAreOneApp(t *testing.T) {
	bubble(t, nil, func(t *testing.T, srv *intercomtest.Server, c *http.Client) {
		for i, host := range []string{"api.intercom.io", "api.eu.intercom.io", "api.au.intercom.io"} {
			req, err := http.NewRequest("GET", "https://"+host+"/me", nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Authorization", "Bearer a")
			resp, err := c.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			expect(t, "remaining", resp.Header.Get("X-RateLimit-Remaining"), strconv.Itoa(165-i))
		}
	})
}

func TestWorkspacesHaveLimitsAndJobsOfTheirOwn(t *testing.T) {
	bubble(t, &intercomtest.Options{
		WorkspaceLimit: 2, Workspace: func(credential string) string { return credential[len("Bearer "):][:1] },
	}, func(t *testing.T, srv *intercomtest.Server, c *http.Client) {
		for _, tt := range []struct {
			token, path string
			status      int
		}{
			{"x1", "/me", 200},
			{"y1", "/export/content/data", 200},
			{"x2", "/export/content/data", 200},
			{"x1", "/me", 429},
			{"x2", "/me", 429},
			{"y2", "/export/content/data", 429},
			{"y1", "/me", 429},
			{"z", "/export/content/data", 200},
		} {
			resp, _ := call(t, c, tt.token, http.MethodPost, tt.path, "")
			expect(t, tt.token+" "+tt.path, resp.StatusCode, tt.status)
		}
		r := srv.Report()
		expect(t, "refusals in x", r.RefusedBy["workspace x"], 2)
		expect(t, "refusals in y", r.RefusedBy["workspace y"], 1)
		expect(t, "refusals for a job of y", r.RefusedBy["content exports y"], 1)
	})
}

func TestABusyResourceIsRefusedByACodeOfItsOwn(t *testing.T) {
	bubble(t, &intercomtest.Options{
		Limit: 10, Busy: func(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, "/contacts") },
	}, func(t *testing.T, srv *intercomtest.Server, c *http.Client) {
		reset := time.Now().Unix() + 10
		resp, body := call(t, c, "a", "GET", "/contacts", "")
		expect(t, "status", resp.StatusCode, 429)
		window(t, resp, "10", "9", reset)
		if !strings.Contains(body, `"code":"too_many_requests"`) {
			t.Errorf("body is %s", body)
		}
		resp, _ = call(t, c, "a", "GET", "/companies", "")
		expect(t, "status of another resource", resp.StatusCode, 200)
		r := srv.Report()
		expect(t, "refusals", r.RefusedBy["resource"], 1)
		expect(t, "processed", r.OK, 1)
	})
}

func TestBareAnswersLackTheHeadersAndAreCountedAllTheSame(t *testing.T) {
	bubble(t, &intercomtest.Options{
		Limit: 2, Bare: func(r *http.Request) bool { return r.URL.Path == "/admins" },
	}, func(t *testing.T, _ *intercomtest.Server, c *http.Client) {
		reset := time.Now().Unix() + 10
		resp, _ := call(t, c, "a", "GET", "/admins", "")
		expect(t, "status", resp.StatusCode, 200)
		for _, name := range []string{"Limit", "Remaining", "Reset"} {
			expect(t, name, resp.Header.Get("X-RateLimit-"+name), "")
		}
		resp, _ = call(t, c, "a", "GET", "/me", "")
		window(t, resp, "2", "0", reset)
		resp, _ = call(t, c, "a", "GET", "/admins", "")
		expect(t, "status of a third", resp.StatusCode, 429)
		expect(t, "reset", resp.Header.Get("X-RateLimit-Reset"), "")
	})
}

func TestAWindowMayBeginEarlierThanTold(t *testing.T) {
	bubble(t, &intercomtest.Options{Limit: 1, Early: func(ends time.Time) time.Duration {
		if ends.Unix()%20 == 10 { // each second one
			return 3 * time.Second
		}
		return 0
	}}, func(t *testing.T, srv *intercomtest.Server, c *http.Client) {
		made := time.Now()
		for _, tt := range []struct {
			at     time.Duration
			status int
			reset  int64
		}{
			{0, 200, 10},
			{7*time.Second - 1, 429, 10},
			{7 * time.Second, 200, 20},
			{17 * time.Second, 429, 20},
			{20*time.Second - 1, 429, 20},
			{20 * time.Second, 200, 30},
			{27 * time.Second, 200, 40},
		} {
			time.Sleep(tt.at - time.Since(made))
			resp, _ := call(t, c, "a", "GET", "/me", "")
			expect(t, "status", resp.StatusCode, tt.status)
			window(t, resp, "1", "0", made.Unix()+tt.reset)
		}
		expect(t, "requests that came before the told end", srv.Report().ViolationCount, 2)
	})
}

func TestRefusalsTellHowLongTheyHoldWhereThatIsWanted(t *testing.T) {
	bubble(t, &intercomtest.Options{Limit: 3, WorkspaceLimit: 2, RetryAfter: true},
		func(t *testing.T, _ *intercomtest.Server, c *http.Client) {
			time.Sleep(2500 * time.Millisecond)
			for i, want := range []string{"", "", "8"} {
				resp, _ := call(t, c, "a", "GET", "/me", "")
				expect(t, "Retry-After of answer "+strconv.Itoa(i), resp.Header.Get("Retry-After"), want)
			}
		})
}

func TestAWorkspaceHasOneScrollAtATime(t *testing.T) {
	bubble(t, &intercomtest.Options{
		ScrollPages: 2, Workspace: func(credential string) string { return credential[len("Bearer "):][:1] },
	}, func(t *testing.T, srv *intercomtest.Server, c *http.Client) {
		scroll := func(token, param string, status int, want string) {
			t.Helper()
			resp, body := call(t, c, token, "GET", "/companies/scroll"+param, "")
			expect(t, token+param, resp.StatusCode, status)
			if !strings.Contains(body, want) {
				t.Errorf("%s%s says %s, want something with %s", token, param, body, want)
			}
		}
		scroll("x1", "", 200, `"id":"1"`)
		scroll("x2", "", 400, `"code":"scroll_exists"`)
		scroll("y", "", 200, `"scroll_param":"scroll2"`)
		scroll("y", "?scroll_param=scroll1", 404, `"code":"not_found"`)
		scroll("x1", "?scroll_param=scroll1", 200, `"id":"2"`)
		time.Sleep(time.Minute - 1)
		scroll("x1", "?scroll_param=scroll1", 200, `"companies":[]`) // the end
		scroll("x1", "?scroll_param=scroll1", 404, `"code":"not_found"`)
		scroll("x2", "", 200, `"scroll_param":"scroll3"`)
		time.Sleep(time.Minute)
		scroll("x2", "?scroll_param=scroll3", 404, `"code":"not_found"`) // too late
		scroll("x1", "", 200, `"scroll_param":"scroll4"`)
		expect(t, "violations", srv.Report().ViolationCount, 0)
	})
	bubble(t, nil, func(t *testing.T, _ *intercomtest.Server, c *http.Client) { // one page, unless told otherwise
		for i, want := range []string{`"id":"1"`, `"companies":[]`} {
			_, body := call(t, c, "a", "GET", "/companies/scroll"+[]string{"", "?scroll_param=scroll1"}[i], "")
			if !strings.Contains(body, want) {
				t.Errorf("page %d is %s, want something with %s", i, body, want)
			}
		}
	})
}

func TestAnExportIsPendingForAsLongAsToldTo(t *testing.T) {
	bubble(t, &intercomtest.Options{ExportTime: 3 * time.Second},
		func(t *testing.T, _ *intercomtest.Server, c *http.Client) {
			for _, tt := range []struct {
				pause  time.Duration
				status int
			}{{0, 200}, {3*time.Second - 1, 429}, {1, 200}} {
				time.Sleep(tt.pause)
				resp, _ := call(t, c, "a", "POST", "/export/content/data", "")
				expect(t, "status", resp.StatusCode, tt.status)
			}
		})
}

func TestRequestsOfALineThatOvertakeOthersAreCounted(t *testing.T) {
	bubble(t, &intercomtest.Options{Line: func(r *http.Request, _ []byte) (string, int, bool) {
		n, err := strconv.Atoi(r.URL.Query().Get("n"))
		return r.URL.Path, n, err == nil
	}}, func(t *testing.T, srv *intercomtest.Server, c *http.Client) {
		for _, path := range []string{"/contacts?n=1", "/contacts?n=3", "/contacts?n=2", "/admins?n=1", "/contacts"} {
			call(t, c, "a", "GET", path, "")
		}
		expect(t, "inversions", srv.Report().Inversions, 1)
	})
}

func TestJitterIsTheSameForTheSameSeed(t *testing.T) {
	took := map[uint64]time.Duration{}
	for _, seed := range []uint64{1, 2, 1} {
		bubble(t, &intercomtest.Options{
			Uplink: time.Second, Downlink: 2 * time.Second, Jitter: time.Second, Seed: seed,
		}, func(t *testing.T, _ *intercomtest.Server, c *http.Client) {
			began := time.Now()
			call(t, c, "a", "GET", "/me", "")
			d := time.Since(began)
			if d < 3*time.Second || d > 5*time.Second {
				t.Errorf("the round trip took %v, want 3 s and up to a second more each way", d)
			}
			if before, ok := took[seed]; ok && before != d {
				t.Errorf("with seed %d it took %v, and %v before", seed, d, before)
			}
			took[seed] = d
		})
	}
	if took[1] == took[2] {
		t.Errorf("with either seed it took %v", took[1])
	}
}
