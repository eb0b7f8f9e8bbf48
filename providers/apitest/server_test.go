package apitest_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/underlimit/underlimit/internal/fakeapi"
	"github.com/underlimit/underlimit/providers/apitest"
)

// once is an API of one bucket for each path, with one request per second, that says OK or for how long to go away.
func once() func(*apitest.Call) apitest.Answer {
	paces := map[string]*fakeapi.Pace{}
	return func(c *apitest.Call) apitest.Answer {
		name := c.Request.URL.Path
		pace := fakeapi.At(paces, name)
		if wait := pace.Wait(c.At, time.Second, 1); wait > 0 {
			answer := apitest.Text(http.StatusTooManyRequests, "text/plain", wait.String())
			answer.Buckets, answer.RefusedBy, answer.Until = []string{name}, name, c.At.Add(wait)
			return answer
		}
		pace.Add(c.At, time.Second)
		answer := apitest.Text(http.StatusOK, "text/plain", "OK "+c.Request.Host)
		answer.Buckets = []string{name}
		return answer
	}
}

// bubble runs f with a server in virtual time.
func bubble(t *testing.T, opts apitest.Options, f func(*testing.T, *apitest.Server)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		srv := apitest.NewServer(&opts, once())
		defer srv.Close()
		f(t, srv)
	})
}

// post sends a body and returns the status and the text of the answer, or 0 and the error.
func post(c *http.Client, url, body string) (int, string) {
	resp, err := c.Post(url, "text/plain", strings.NewReader(body))
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, err.Error()
	}
	return resp.StatusCode, string(text)
}

func expect(t *testing.T, what string, got, want any) {
	t.Helper()
	if got != want {
		t.Errorf("%s is %v, want %v", what, got, want)
	}
}

func TestEveryHostLeadsToTheServerAndIsNamedToIt(t *testing.T) {
	bubble(t, apitest.Options{}, func(t *testing.T, srv *apitest.Server) {
		for i, url := range []string{"https://discord.com/a", "http://slack.com:8080/b", "https://127.0.0.1/c"} {
			status, text := post(srv.Client(), url, "")
			expect(t, "status", status, 200)
			expect(t, "text", text, "OK "+[]string{"discord.com", "slack.com:8080", "127.0.0.1"}[i])
		}
		req, _ := http.NewRequest("GET", "https://discord.com/d", nil)
		resp, err := srv.Transport().RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		expect(t, "the answer's request", resp.Request, req)
		expect(t, "its URL", req.URL.String(), "https://discord.com/d")
	})
}

func TestLatencyIsSpentOnTheWayThereAndBack(t *testing.T) {
	opts := apitest.Options{Uplink: 30 * time.Millisecond, Downlink: 70 * time.Millisecond, Skew: -time.Hour}
	bubble(t, opts, func(t *testing.T, srv *apitest.Server) {
		began := time.Now()
		resp, err := srv.Client().Get("http://x/a")
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		expect(t, "round trip", time.Since(began), 100*time.Millisecond)
		expect(t, "arrival", srv.Arrivals()[0].At.Sub(began), 30*time.Millisecond)
		expect(t, "Date", resp.Header.Get("Date"), began.Add(30*time.Millisecond-time.Hour).UTC().Format(http.TimeFormat))
	})
}

func TestTheClockMayStep(t *testing.T) {
	const step = 10 * time.Second
	bubble(t, apitest.Options{Skew: time.Hour, Drift: func(since time.Duration) time.Duration {
		if since < step {
			return 0
		}
		return -time.Minute
	}}, func(t *testing.T, srv *apitest.Server) {
		began := time.Now()
		date := func(want time.Duration) {
			t.Helper()
			resp, err := srv.Client().Get("http://x/a")
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			expect(t, "Date", resp.Header.Get("Date"), began.Add(want).UTC().Format(http.TimeFormat))
		}
		time.Sleep(step - time.Second)
		date(time.Hour + step - time.Second)
		time.Sleep(time.Second)
		date(time.Hour + step - time.Minute)
	})
}

func TestJitterStaysWithinItsBoundsAndComesAgainWithItsSeed(t *testing.T) {
	trips := func() (took []time.Duration) {
		bubble(t, apitest.Options{Uplink: time.Second, Jitter: time.Second, Seed: 7},
			func(t *testing.T, srv *apitest.Server) {
				for i := range 20 {
					began := time.Now()
					post(srv.Client(), "http://x/"+strconv.Itoa(i), "")
					took = append(took, time.Since(began))
				}
			})
		return took
	}
	first, second := trips(), trips()
	for i := range first {
		expect(t, "round trip", second[i], first[i])
		if first[i] < time.Second || first[i] > 3*time.Second {
			t.Errorf("a round trip took %v, want 1 s to 3 s", first[i])
		}
	}
}

func TestFaultsSpoilTheAnswerBeforeOrAfterTheRequestIsProcessed(t *testing.T) {
	for _, tt := range []struct {
		name      string
		fault     apitest.Fault
		status    int
		took      time.Duration
		processed int
	}{
		{"none", apitest.Fault{}, 200, 0, 1},
		{"delay", apitest.Fault{Delay: time.Second}, 200, time.Second, 1},
		{"status before", apitest.Fault{Status: 503}, 503, 0, 0},
		{"status after", apitest.Fault{Status: 500, Processed: true, Delay: time.Second}, 500, time.Second, 1},
		{"drop before", apitest.Fault{Drop: true}, 0, 0, 0},
		{"drop after", apitest.Fault{Drop: true, Processed: true, Delay: time.Second}, 0, time.Second, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			opts := apitest.Options{Fault: func(r *http.Request) apitest.Fault {
				if body, _ := io.ReadAll(r.Body); string(body) != "body" {
					t.Errorf("Fault sees the body %q", body)
				}
				return tt.fault
			}}
			bubble(t, opts, func(t *testing.T, srv *apitest.Server) {
				began := time.Now()
				status, text := post(srv.Client(), "http://x/a", "body")
				expect(t, "status ("+text+")", status, tt.status)
				expect(t, "time", time.Since(began), tt.took)
				report := srv.Report()
				expect(t, "calls", report.Calls, 1)
				expect(t, "processed", report.OK, tt.processed)
				expect(t, "deliveries", len(srv.Delivered()), tt.processed)
				expect(t, "arrival", srv.Arrivals()[0].At, began)
			})
		})
	}
}

func TestOnlyARequestSentInSpiteOfARefusalIsAViolation(t *testing.T) {
	const link = 100 * time.Millisecond
	bubble(t, apitest.Options{Uplink: link, Downlink: link}, func(t *testing.T, srv *apitest.Server) {
		for i, tt := range []struct {
			sent   time.Duration // since the beginning
			path   string
			status int
		}{
			{0, "/a", 200},
			{250 * time.Millisecond, "/a", 429}, // nobody has told it so
			{300 * time.Millisecond, "/a", 429}, // nor this one: the refusal is still on its way
			{550 * time.Millisecond, "/b", 200}, // nobody refused it
			{550 * time.Millisecond, "/a", 429}, // known since 450 ms
			{999 * time.Millisecond, "/a", 429}, // arrives 1 ms early
			{1000 * time.Millisecond, "/a", 200},
		} {
			go func() {
				time.Sleep(tt.sent)
				status, _ := post(srv.Client(), "http://x"+tt.path, "")
				expect(t, "status of request "+strconv.Itoa(i), status, tt.status)
			}()
		}
		time.Sleep(time.Minute)
		report := srv.Report()
		expect(t, "violations", report.ViolationCount, 2)
		expect(t, "the first", report.Violations[0], `POST "/a": /a was not to be used for another 450ms`)
		expect(t, "refusals", report.RefusedBy["/a"], 4)
		expect(t, "busiest", srv.Busiest("/a", time.Second), 5)
		expect(t, "busiest", srv.Busiest("/a", time.Second+time.Nanosecond), 6)
		expect(t, "busiest moment", srv.Busiest("/a", 0), 1)
		expect(t, "busiest of no requests", srv.Busiest("/c", time.Hour), 0)
	})
}

func TestARefusalThatDidNotReachTheClientBindsNobody(t *testing.T) {
	for _, tt := range []struct {
		name       string
		fault      apitest.Fault // of the second request
		patience   time.Duration
		violations int
	}{
		{"it does reach it", apitest.Fault{}, time.Second, 1},
		{"dropped", apitest.Fault{Drop: true, Processed: true}, time.Second, 0},
		{"replaced", apitest.Fault{Status: 500, Processed: true}, time.Second, 0},
		{"given up", apitest.Fault{Delay: 200 * time.Millisecond}, 100 * time.Millisecond, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			calls := 0
			opts := apitest.Options{Fault: func(*http.Request) apitest.Fault {
				if calls++; calls == 2 {
					return tt.fault
				}
				return apitest.Fault{}
			}}
			bubble(t, opts, func(t *testing.T, srv *apitest.Server) {
				c := srv.Client()
				c.Timeout = tt.patience
				post(c, "http://x/a", "")
				post(c, "http://x/a", "")
				time.Sleep(400 * time.Millisecond)
				post(c, "http://x/a", "")
				expect(t, "refusals", srv.Report().Refused, 2)
				expect(t, "violations", srv.Report().ViolationCount, tt.violations)
			})
		})
	}
}

func TestInversionsAreCountedByLineAmongProcessedRequests(t *testing.T) {
	opts := apitest.Options{Line: func(r *http.Request, body []byte) (string, int, bool) {
		n, err := strconv.Atoi(string(body))
		return r.Host, n, err == nil
	}}
	bubble(t, opts, func(t *testing.T, srv *apitest.Server) {
		for i, tt := range []struct{ url, n string }{
			{"http://a/1", "1"}, {"http://a/2", "3"}, {"http://a/3", "2"}, // the inversion
			{"http://b/1", "9"}, {"http://b/1", "8"}, // refused: it has the path of request 1
			{"http://b/9", "10"}, {"http://b/8", "10"}, {"http://b/7", "other"},
		} {
			if i%3 == 0 {
				time.Sleep(time.Second)
			}
			post(srv.Client(), tt.url, tt.n)
		}
		expect(t, "inversions", srv.Report().Inversions, 1)
	})
}

func TestConcurrentRequestsAreServedAtOnceAndCountedOneByOne(t *testing.T) {
	bubble(t, apitest.Options{Uplink: time.Second}, func(t *testing.T, srv *apitest.Server) {
		began := time.Now()
		var group sync.WaitGroup
		for range 100 {
			group.Go(func() { post(srv.Client(), "http://x/a", "body") })
		}
		group.Wait()
		expect(t, "time", time.Since(began), time.Second)
		report := srv.Report()
		expect(t, "in flight", report.MaxInFlight, 100)
		expect(t, "OK", report.OK, 1)
		expect(t, "refused", report.Refused, 99)
		expect(t, "first", report.First, began.Add(time.Second))
		expect(t, "last", report.Last, began.Add(time.Second))
	})
}

func TestRecordsAreBounded(t *testing.T) {
	for _, tt := range []struct{ keep, want int }{{0, 10}, {3, 3}, {-1, 0}} {
		bubble(t, apitest.Options{Keep: tt.keep}, func(t *testing.T, srv *apitest.Server) {
			for i := range 10 {
				post(srv.Client(), "http://x/"+strconv.Itoa(i), strconv.Itoa(i))
			}
			expect(t, "arrivals", len(srv.Arrivals()), tt.want)
			expect(t, "deliveries", len(srv.Delivered()), tt.want)
			for i, d := range srv.Delivered() {
				expect(t, "body", string(d.Body), strconv.Itoa(i))
				expect(t, "path", d.Path, "/"+strconv.Itoa(i))
			}
			expect(t, "calls", srv.Report().Calls, 10)
		})
	}
}

func TestCloseEndsRequestsInTheAirAndAllToCome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // the end of the bubble fails if a goroutine is left
		srv := apitest.NewServer(&apitest.Options{Uplink: time.Hour}, once())
		began := time.Now()
		go func() {
			time.Sleep(time.Second)
			srv.Close()
			srv.Close()
		}()
		status, _ := post(srv.Client(), "http://x/a", "")
		expect(t, "status", status, 0)
		expect(t, "time", time.Since(began), time.Second)
		if status, text := post(srv.Client(), "http://x/a", ""); status != 0 || !strings.Contains(text, "closed") {
			t.Errorf("after Close, the answer is %d %s", status, text)
		}
		if _, err := (&http.Client{Transport: srv.Loopback()}).Get("http://x/a"); err == nil {
			t.Error("after Close, the loopback works")
		}
		expect(t, "calls", srv.Report().Calls, 0)
	})
}

func TestAClosedServerNeverUsedIsNoTrouble(t *testing.T) {
	apitest.NewServer(nil, once()).Close()
}

func TestARequestGivenUpByItsSenderArrivesAllTheSame(t *testing.T) {
	bubble(t, apitest.Options{Uplink: time.Second}, func(t *testing.T, srv *apitest.Server) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		req, _ := http.NewRequestWithContext(ctx, "POST", "http://x/a", strings.NewReader("body"))
		if _, err := srv.Client().Do(req); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the error is %v", err)
		}
		time.Sleep(time.Minute)
		expect(t, "OK", srv.Report().OK, 1)
	})
}

func TestLoopbackServesEveryHost(t *testing.T) {
	srv := apitest.NewServer(nil, once())
	defer srv.Close()
	client := &http.Client{Transport: srv.Loopback()}
	status, text := post(client, "https://slack.com/a", "")
	expect(t, "status", status, 200)
	expect(t, "text", text, "OK slack.com")

	own := &http.Client{Transport: &http.Transport{}}
	defer own.CloseIdleConnections()
	status, _ = post(own, srv.URL()+"/b", "")
	expect(t, "status by URL", status, 200)
	expect(t, "calls", srv.Report().Calls, 2)
}

func TestABodyCanBeReadInsteadOfKept(t *testing.T) {
	opts := apitest.Options{Read: func(r *http.Request) (any, error) {
		if r.URL.Path != "/large" {
			return nil, nil
		}
		n, err := io.Copy(io.Discard, r.Body)
		return n, err
	}}
	synctest.Test(t, func(t *testing.T) {
		srv := apitest.NewServer(&opts, func(c *apitest.Call) apitest.Answer {
			return apitest.Reply(http.StatusOK, []any{c.Content, len(c.Body)})
		})
		defer srv.Close()
		req, _ := http.NewRequest("POST", "http://x/large", io.LimitReader(zeros{}, 33<<20))
		resp, err := srv.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		text, _ := io.ReadAll(resp.Body)
		expect(t, "of a large body", string(text), "[34603008,0]")
		_, text2 := post(srv.Client(), "http://x/small", "body")
		expect(t, "of a small body", text2, "[null,4]")
	})
}

func TestTooLargeABodyIsRefused(t *testing.T) {
	bubble(t, apitest.Options{}, func(t *testing.T, srv *apitest.Server) {
		req, _ := http.NewRequest("POST", "http://x/a", io.LimitReader(zeros{}, 33<<20))
		resp, err := srv.Client().Do(req)
		if err == nil {
			resp.Body.Close()
			expect(t, "status", resp.StatusCode, 400)
		}
		expect(t, "calls", srv.Report().Calls, 0)
	})
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

func TestAnAPIThatPanicsLosesThatAnswerAlone(t *testing.T) {
	for name, end := range map[string]func(){
		"it panics":         func() { panic(http.ErrAbortHandler) }, // of which net/http writes no log
		"it fails the test": runtime.Goexit,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				calls := 0
				srv := apitest.NewServer(nil, func(*apitest.Call) apitest.Answer {
					if calls++; calls == 1 {
						end()
					}
					return apitest.Answer{}
				})
				defer srv.Close()
				status, _ := post(srv.Client(), "http://x/a", "")
				expect(t, "status", status, 0)
				status, _ = post(srv.Client(), "http://x/a", "")
				expect(t, "status of the next", status, 200)
				expect(t, "calls in the report", srv.Report().Calls, 1)
			})
		})
	}
}

func TestTheZeroAnswerIsAnOK(t *testing.T) {
	srv := apitest.NewServer(nil, func(*apitest.Call) apitest.Answer { return apitest.Answer{} })
	defer srv.Close()
	status, text := post(srv.Client(), "http://x/a", "")
	expect(t, "status", status, 200)
	expect(t, "text", text, "")
	expect(t, "status in the record", srv.Arrivals()[0].Status, 200)
}
