package intercomtest_test

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

	"github.com/underlimit/underlimit/providers/intercom/intercomtest"
)

// call sends one request with a token and returns the answer, its body read.
func call(t *testing.T, c *http.Client, token, method, path, body string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequest(method, "https://api.intercom.io"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
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

// window checks the headers of a window that ends at an instant.
func window(t *testing.T, resp *http.Response, limit, remaining string, reset int64) {
	t.Helper()
	expect(t, "limit", resp.Header.Get("X-RateLimit-Limit"), limit)
	expect(t, "remaining", resp.Header.Get("X-RateLimit-Remaining"), remaining)
	expect(t, "reset", resp.Header.Get("X-RateLimit-Reset"), strconv.FormatInt(reset, 10))
	expect(t, "Retry-After", resp.Header.Get("Retry-After"), "")
}

// bubble runs f with a server in virtual time, whose clock begins at a multiple of ten seconds.
func bubble(t *testing.T, opts *intercomtest.Options, f func(*testing.T, *intercomtest.Server, *http.Client)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		srv := intercomtest.NewServer(opts)
		defer srv.Close()
		f(t, srv, srv.Client())
	})
}

func TestWindowsAreAlignedToTheServersClock(t *testing.T) {
	for _, skew := range []time.Duration{0, 4 * time.Second, -time.Hour - 5500*time.Millisecond} {
		bubble(t, &intercomtest.Options{Limit: 2, Skew: skew}, func(t *testing.T, srv *intercomtest.Server, c *http.Client) {
			clock := time.Now().Add(skew)
			ends := clock.Truncate(10 * time.Second).Add(10 * time.Second)
			time.Sleep(ends.Sub(clock) - time.Second) // a second before a window ends
			resp, _ := call(t, c, "a", "GET", "/contacts", "")
			window(t, resp, "2", "1", ends.Unix())
			expect(t, "Date", resp.Header.Get("Date"), ends.Add(-time.Second).UTC().Format(http.TimeFormat))
			call(t, c, "a", "GET", "/contacts", "")
			time.Sleep(time.Second - 1)
			resp, body := call(t, c, "a", "GET", "/contacts", "")
			expect(t, "status a nanosecond early", resp.StatusCode, 429)
			window(t, resp, "2", "0", ends.Unix())
			expect(t, "body", body, `{"errors":[{"code":"rate_limit_exceeded",`+
				`"message":"Exceeded rate limit of 2 in 10_seconds"}],"request_id":"request3","type":"error.list"}`)
			time.Sleep(1)
			resp, _ = call(t, c, "a", "GET", "/contacts", "")
			expect(t, "status in time", resp.StatusCode, 200)
			window(t, resp, "2", "1", ends.Unix()+10)
			expect(t, "violations", srv.Report().ViolationCount, 0)
			expect(t, "arrivals in a window", srv.Busiest("app #1", 10*time.Second), 4)
		})
	}
}

func TestAStepOfTheClockMovesTheWindows(t *testing.T) {
	type told struct {
		at        time.Duration // since the server was made, at a clock's full minute
		remaining string
		reset     int64 // in seconds since then
	}
	for _, tt := range []struct {
		name string
		step time.Duration // 15 s past the minute
		want []told        // after one request at 9 s and one at 14 s
	}{
		{"forward within the window", 4 * time.Second, []told{
			{16*time.Second - 1, "1", 20}, {16 * time.Second, "2", 30},
		}},
		{"forward out of the window", 5 * time.Second, []told{
			{15 * time.Second, "2", 30}, {25*time.Second - 1, "1", 30}, {25 * time.Second, "2", 40},
		}},
		{"back within the window", -5 * time.Second, []told{
			{15 * time.Second, "1", 20}, {25*time.Second - 1, "0", 20}, {25 * time.Second, "2", 30},
		}},
		{"back into the window before", -6 * time.Second, []told{
			{15 * time.Second, "1", 10}, {16 * time.Second, "1", 20}, {26 * time.Second, "2", 30},
		}},
		{"back by an hour", -time.Hour, []told{{15 * time.Second, "2", 20 - 3600}, {20 * time.Second, "2", 30 - 3600}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, &intercomtest.Options{Limit: 3, Drift: func(since time.Duration) time.Duration {
				if since < 15*time.Second {
					return 0
				}
				return tt.step
			}}, func(t *testing.T, _ *intercomtest.Server, c *http.Client) {
				made := time.Now()
				for _, want := range append([]told{{9 * time.Second, "2", 10}, {14 * time.Second, "2", 20}}, tt.want...) {
					time.Sleep(want.at - time.Since(made))
					resp, _ := call(t, c, "a", "GET", "/contacts", "")
					window(t, resp, "3", want.remaining, made.Unix()+want.reset)
				}
			})
		})
	}
}

// The best that can be done is to send each request so that it arrives as a window begins that has room for it, which
// takes one who knows the limit, the clock and its steps, and how long the way is.
func TestWhoKnowsAllIsNeverRefusedAndNothingQuickerIsAllowed(t *testing.T) {
	const limit, up, down = 3, 40 * time.Millisecond, 60 * time.Millisecond
	for _, tt := range []struct {
		step   time.Duration
		begins []time.Duration // the windows, on a true clock
	}{
		{0, []time.Duration{0, 10 * time.Second, 20 * time.Second, 30 * time.Second}},
		{3400 * time.Millisecond, []time.Duration{0, 10 * time.Second, 16600 * time.Millisecond, 26600 * time.Millisecond}},
		{-3400 * time.Millisecond, []time.Duration{0, 10 * time.Second, 23400 * time.Millisecond, 33400 * time.Millisecond}},
	} {
		for early, refused := range map[time.Duration]int{0: 0, 1: 1} { // of the last request
			t.Run(fmt.Sprint(tt.step, " early by ", early), func(t *testing.T) {
				bubble(t, &intercomtest.Options{
					Limit: limit, Uplink: up, Downlink: down,
					Drift: func(since time.Duration) time.Duration {
						if since < 15*time.Second {
							return 0
						}
						return tt.step
					},
				}, func(t *testing.T, srv *intercomtest.Server, c *http.Client) {
					made := time.Now()
					last := len(tt.begins)*limit - 1
					var wg sync.WaitGroup
					for i := range last + 1 {
						at := tt.begins[i/limit] - up
						if i == last {
							at -= early
						}
						wg.Go(func() {
							time.Sleep(at)
							call(t, c, "a", "GET", "/contacts", "")
						})
					}
					wg.Wait()
					expect(t, "refusals", srv.Report().Refused, refused)
					expect(t, "time", time.Since(made), tt.begins[last/limit]+down)
				})
			})
		}
	}
}

func TestTheDefaultIs166ForEachApp(t *testing.T) {
	bubble(t, nil, func(t *testing.T, srv *intercomtest.Server, c *http.Client) {
		reset := time.Now().Unix() + 10
		for i := range 166 {
			resp, _ := call(t, c, "a", "GET", "/contacts", "")
			window(t, resp, "166", strconv.Itoa(165-i), reset)
		}
		time.Sleep(time.Second)
		for want := range 2 { // the second knows of the first
			resp, _ := call(t, c, "a", "GET", "/contacts", "")
			expect(t, "status", resp.StatusCode, 429)
			expect(t, "violations", srv.Report().ViolationCount, want)
			time.Sleep(time.Second)
		}
		resp, _ := call(t, c, "b", "GET", "/contacts", "")
		window(t, resp, "166", "165", reset)
		expect(t, "refusals", srv.Report().RefusedBy["app #1"], 2)
	})
}

func TestRemainingMayLeaveOutItsOwnRequest(t *testing.T) {
	bubble(t, &intercomtest.Options{Limit: 2, ExcludeSelf: true},
		func(t *testing.T, srv *intercomtest.Server, c *http.Client) {
			reset := time.Now().Unix() + 10
			for _, tt := range []struct {
				remaining string
				status    int
			}{{"2", 200}, {"1", 200}, {"0", 429}} {
				resp, _ := call(t, c, "a", "GET", "/contacts", "")
				expect(t, "status", resp.StatusCode, tt.status)
				window(t, resp, "2", tt.remaining, reset)
			}
		})
}

func TestTheWorkspaceRefusesWithoutSayingSo(t *testing.T) {
	bubble(t, &intercomtest.Options{Limit: 3, WorkspaceLimit: 4},
		func(t *testing.T, srv *intercomtest.Server, c *http.Client) {
			reset := time.Now().Unix() + 10
			for range 3 {
				call(t, c, "a", "GET", "/contacts", "")
			}
			call(t, c, "b", "GET", "/contacts", "")
			resp, _ := call(t, c, "b", "GET", "/contacts", "")
			expect(t, "status", resp.StatusCode, 429)
			window(t, resp, "3", "2", reset)
			expect(t, "refusals", srv.Report().RefusedBy["workspace"], 1)
			time.Sleep(10 * time.Second)
			resp, _ = call(t, c, "b", "GET", "/contacts", "")
			window(t, resp, "3", "2", reset+10)
		})
}

func TestWithoutACredentialThereAreNoHeaders(t *testing.T) {
	bubble(t, &intercomtest.Options{
		Authorized: func(credential string) bool { return credential == "Bearer a" },
	}, func(t *testing.T, srv *intercomtest.Server, c *http.Client) {
		for _, token := range []string{"", "b"} {
			resp, body := call(t, c, token, "GET", "/me", "")
			expect(t, "status", resp.StatusCode, 401)
			expect(t, "limit", resp.Header.Get("X-RateLimit-Limit"), "")
			if !strings.Contains(body, `"code":"unauthorized"`) {
				t.Errorf("body is %s", body)
			}
		}
		resp, _ := call(t, c, "a", "GET", "/me", "")
		expect(t, "remaining", resp.Header.Get("X-RateLimit-Remaining"), "165")
		expect(t, "violations", srv.Report().ViolationCount, 2)
	})
}

func TestALimitThatIsOffHasNoHeaders(t *testing.T) {
	bubble(t, &intercomtest.Options{Limit: -1}, func(t *testing.T, srv *intercomtest.Server, c *http.Client) {
		for range 200 {
			resp, _ := call(t, c, "a", "GET", "/me", "")
			expect(t, "status", resp.StatusCode, 200)
			expect(t, "limit", resp.Header.Get("X-RateLimit-Limit"), "")
		}
	})
}

func TestExportJobsAreAQuotaOfTheirOwn(t *testing.T) {
	for _, tt := range []struct {
		path, message string
		most          int
	}{
		{"/export/content/data", "Exceeded rate limit of 1 pending message data export jobs", 1},
		{"/export/reporting_data/enqueue", "Exceeded rate limit of 5 pending reporting dataset export jobs", 5},
	} {
		bubble(t, nil, func(t *testing.T, srv *intercomtest.Server, c *http.Client) {
			var job struct {
				ID     string `json:"job_identifier"`
				Status string `json:"status"`
			}
			start := func(want int) string {
				t.Helper()
				resp, body := call(t, c, "a", "POST", tt.path, "{}")
				expect(t, "status", resp.StatusCode, want)
				if err := json.Unmarshal([]byte(body), &job); err != nil {
					t.Fatal(err)
				}
				return body
			}
			for range tt.most {
				start(200)
			}
			if body := start(429); !strings.Contains(body, tt.message) {
				t.Errorf("body is %s", body)
			}
			resp, _ := call(t, c, "a", "GET", "/contacts", "")
			expect(t, "status of anything else", resp.StatusCode, 200)

			call(t, c, "a", "POST", "/export/cancel/"+job.ID, "")
			start(200)
			call(t, c, "a", "GET", "/export/content/data/"+job.ID, "")
			time.Sleep(time.Minute - 1)
			start(429)
			time.Sleep(1)
			start(200)
			expect(t, "violations", srv.Report().ViolationCount, 0)
			expect(t, "refusals", srv.Report().Refused, 2)
		})
	}
}

func TestAnswersAreWhatClientsExpect(t *testing.T) {
	bubble(t, nil, func(t *testing.T, srv *intercomtest.Server, c *http.Client) {
		for i, tt := range []struct {
			method, path, body string
			status             int
			want               string
		}{
			{"GET", "/me", "", 200, `"id_code":"fake"`},
			{"GET", "/contacts", "", 200, `"data":[]`},
			{"POST", "/contacts/search", "{}", 200, `"type":"list"`},
			{"GET", "/conversations", "", 200, `"type":"conversation.list"`},
			{"POST", "/contacts", `{"email":"a@example.com"}`, 200, `"email":"a@example.com"`},
			{"GET", "/companies/7", "", 200, `"type":"company"`},
			{"PUT", "/contacts/7", `{"name":"x"}`, 200, `"id":"7"`},
			{"DELETE", "/contacts/7", "", 200, `"deleted":true`},
			{"POST", "/conversations/7/reply", `{"body":"hi"}`, 200, `"type":"conversation"`},
			{"POST", "/events", `{"event_name":"x"}`, 202, ""},
			{"GET", "/export/content/data/7", "", 200, `"status":"completed"`},
			{"POST", "/contacts", `{"email":`, 400, `"type":"error.list"`},
			{"GET", "/", "", 404, `"code":"not_found"`},
		} {
			resp, body := call(t, c, "a", tt.method, tt.path, tt.body)
			expect(t, tt.method+" "+tt.path, resp.StatusCode, tt.status)
			if !strings.Contains(body, tt.want) {
				t.Errorf("%s %s says %s, want something with %s", tt.method, tt.path, body, tt.want)
			}
			expect(t, "remaining", resp.Header.Get("X-RateLimit-Remaining"), strconv.Itoa(165-i))
		}
		expect(t, "violations", srv.Report().ViolationCount, 2)
	})
}

func TestNetworkOptionsApply(t *testing.T) {
	bubble(t, &intercomtest.Options{
		Uplink: time.Second, Downlink: time.Second, Jitter: time.Second, Seed: 1, Keep: 1,
		Fault: func(r *http.Request) intercomtest.Fault { return intercomtest.Fault{Status: 503, Processed: true} },
		Line:  func(*http.Request, []byte) (string, int, bool) { return "", 0, false },
	}, func(t *testing.T, srv *intercomtest.Server, c *http.Client) {
		began := time.Now()
		resp, _ := call(t, c, "a", "GET", "/me", "")
		expect(t, "status", resp.StatusCode, 503)
		if took := time.Since(began); took < 2*time.Second || took > 4*time.Second {
			t.Errorf("the round trip took %v", took)
		}
		call(t, c, "a", "GET", "/me", "")
		expect(t, "arrivals kept", len(srv.Arrivals()), 1)
		expect(t, "OK", srv.Report().OK, 2)
	})
}

// FuzzServer looks for requests that the server cannot bear.
func FuzzServer(f *testing.F) {
	f.Add("GET", "/contacts", "application/json", "null")
	f.Add("POST", "//export//", "application/json", "{}")
	f.Add("POST", "/export", "", "")
	f.Add("GET", "/companies/scroll", "", "")
	f.Fuzz(func(t *testing.T, method, path, mediaType, body string) {
		req, err := http.NewRequest(method, "https://api.intercom.io", strings.NewReader(body))
		if err != nil {
			return // no such request can be made
		}
		req.URL.Path = path
		req.Header.Set("Authorization", "Bearer a")
		req.Header.Set("Content-Type", mediaType)
		srv := intercomtest.NewServer(nil)
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
