package workload_test

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/underlimit/underlimit/providers/apitest"
	"github.com/underlimit/underlimit/providers/headers"
)

func described(apis ...headers.API) *headers.Provider {
	return headers.New(&headers.Options{APIs: apis})
}

func repeated(n int, method, url string) []call {
	calls := make([]call, n)
	for i := range calls {
		calls[i] = call{method: method, url: url, header: http.Header{"Authorization": {"Bearer sk_live_1"}}}
	}
	return calls
}

// gitHub is a server that keeps to GitHub's limits: 5,000 requests an hour, 30 searches a minute, and 900 points a
// minute for each endpoint, of which writing takes five.
func gitHub() *apitest.Server {
	resources := map[string]*fixed{
		"core": {limit: 5000, window: time.Hour}, "search": {limit: 30, window: time.Minute},
	}
	points := map[string]*log{}
	return apitest.NewServer(&apitest.Options{Uplink: uplink, Downlink: downlink}, func(c *apitest.Call) apitest.Answer {
		resource, path := "core", c.Request.URL.Path
		if strings.HasPrefix(path, "/search/") {
			resource = "search"
		}
		r := resources[resource]
		weight := 5
		if c.Request.Method == http.MethodGet {
			weight = 1
		}
		endpoint := c.Request.Method + " " + path
		if points[endpoint] == nil {
			points[endpoint] = &log{limit: 900 + 1 - weight, window: time.Minute}
		}
		a := apitest.Reply(http.StatusOK, map[string]any{})
		a.Buckets = []string{endpoint, resource}
		if wait := r.wait(c.At); wait > 0 {
			a = apitest.Reply(http.StatusForbidden, map[string]any{"message": "API rate limit exceeded"})
			a.Buckets, a.RefusedBy, a.Until = []string{endpoint, resource}, resource, c.At.Add(wait)
		} else if points[endpoint].wait(c.At) > 0 {
			a = apitest.Reply(http.StatusForbidden, map[string]any{"message": "You have exceeded a secondary rate limit"})
			a.Buckets, a.RefusedBy, a.Until = []string{endpoint, resource}, endpoint, c.At.Add(time.Minute)
		} else {
			r.add(c.At)
			for range weight {
				points[endpoint].add(c.At)
			}
		}
		left, reset := r.state(c.At)
		a.Header.Set("X-RateLimit-Limit", strconv.Itoa(r.limit))
		a.Header.Set("X-RateLimit-Remaining", strconv.Itoa(left))
		a.Header.Set("X-RateLimit-Reset", strconv.FormatInt(c.Clock.Add(reset).Unix(), 10))
		a.Header.Set("X-RateLimit-Resource", resource)
		return a
	})
}

func TestGitHubFromItsDescription(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := gitHub()
		defer f.Close()
		calls := slices.Concat(
			repeated(2600, http.MethodGet, "https://api.github.com/repos/o/r/issues"),
			repeated(500, http.MethodPatch, "https://api.github.com/notifications/threads"),
			repeated(90, http.MethodGet, "https://api.github.com/search/issues"),
		)
		run(t, described(headers.GitHub()), f, calls, 2*time.Minute+roundTrip)
		if n := f.Report().MaxInFlight; n > 100 {
			t.Errorf("%d requests were in flight at once, want no more than 100", n)
		}
	})
}

// https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api
func TestGitHubsHourIsNotSpentOnWhatHasNotChanged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hour := &fixed{limit: 60, window: time.Hour}
		f := apitest.NewServer(&apitest.Options{Uplink: uplink, Downlink: downlink}, func(c *apitest.Call) apitest.Answer {
			status, wait := http.StatusNotModified, hour.wait(c.At)
			if c.Request.Header.Get("If-None-Match") == "" {
				if status = http.StatusOK; wait > 0 {
					t.Errorf("at %v nothing is left", c.At)
				}
				hour.add(c.At)
			}
			a := apitest.Reply(status, nil)
			left, reset := hour.state(c.At)
			a.Header.Set("X-RateLimit-Limit", strconv.Itoa(hour.limit))
			a.Header.Set("X-RateLimit-Remaining", strconv.Itoa(left))
			a.Header.Set("X-RateLimit-Reset", strconv.FormatInt(c.Clock.Add(reset).Unix(), 10))
			return a
		})
		defer f.Close()
		client, _ := newClient(described(headers.GitHub()), f)
		began := time.Now()
		for i := range 300 {
			req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://api.github.com/repos/o/r/issues", nil)
			want := http.StatusOK
			if i%6 > 0 { // five of six
				req.Header.Set("If-None-Match", `"etag"`)
				want = http.StatusNotModified
			}
			resp, err := client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			if resp.Body.Close(); resp.StatusCode != want {
				t.Errorf("request %d: %s, want %d", i, resp.Status, want)
			}
		}
		if took := time.Since(began); took != 300*roundTrip {
			t.Errorf("it took %v, want %v", took, 300*roundTrip)
		}
	})
}

func TestGitHubsSecondaryLimitIsWaitedForLongerEachTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		refusals := 3
		opts := apitest.Options{Uplink: uplink, Downlink: downlink}
		f := apitest.NewServer(&opts, func(c *apitest.Call) apitest.Answer {
			if refusals--; refusals >= 0 {
				a := apitest.Reply(http.StatusForbidden, map[string]any{"message": "You have exceeded a secondary rate limit"})
				a.Buckets, a.RefusedBy = []string{"secondary"}, "secondary"
				return a
			}
			return apitest.Reply(http.StatusCreated, map[string]any{})
		})
		defer f.Close()
		client, _ := newClient(described(headers.GitHub()), f)
		took := all(t, client, repeated(1, http.MethodPost, "https://api.github.com/repos/o/r/issues"))
		if want := (1+2+4)*time.Minute + 4*roundTrip; took != want {
			t.Errorf("it took %v, want %v", took, want)
		}
		if r := f.Report(); r.Calls != 4 || r.OK != 1 {
			t.Errorf("%d calls arrived, of which %d were processed, want 4 and 1", r.Calls, r.OK)
		}
	})
}

// stripe is a server that keeps to Stripe's limits: 100 requests a second, and 25 to each endpoint.
func stripe() *apitest.Server {
	global := &log{limit: 100, window: time.Second}
	endpoints := map[string]*log{}
	return apitest.NewServer(&apitest.Options{Uplink: uplink, Downlink: downlink}, func(c *apitest.Call) apitest.Answer {
		endpoint := c.Request.Method + " " + c.Request.URL.Path
		if endpoints[endpoint] == nil {
			endpoints[endpoint] = &log{limit: 25, window: time.Second}
		}
		buckets := []string{endpoint, "global"}
		for i, l := range []*log{endpoints[endpoint], global} {
			if wait := l.wait(c.At); wait > 0 {
				a := apitest.Reply(http.StatusTooManyRequests, map[string]any{"error": map[string]any{"code": "rate_limit"}})
				a.Header.Set("Stripe-Rate-Limited-Reason", []string{"endpoint-rate", "global-rate"}[i])
				a.Buckets, a.RefusedBy, a.Until = buckets, buckets[i], c.At.Add(wait)
				return a
			}
		}
		endpoints[endpoint].add(c.At)
		global.add(c.At)
		a := apitest.Reply(http.StatusOK, map[string]any{})
		a.Buckets = buckets
		return a
	})
}

func TestStripeFromItsDescription(t *testing.T) {
	eight := []string{"charges", "customers", "refunds", "payouts", "invoices", "disputes", "events", "prices"}
	const best = 39*time.Second + roundTrip
	for name, tt := range map[string]struct {
		endpoints []string
		n         int
		inTurn    bool // all requests to one endpoint come before those to the next
	}{
		"one endpoint":                                   {endpoints: eight[:1], n: 1000},
		"as many as the account takes":                   {endpoints: eight[:4], n: 1000},
		"more than the account takes":                    {endpoints: eight, n: 500},
		"more than the account takes, one after another": {endpoints: eight, n: 500, inTurn: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := stripe()
				defer f.Close()
				calls := make([]call, 0, tt.n*len(tt.endpoints))
				for i := range cap(calls) {
					e := tt.endpoints[i%len(tt.endpoints)]
					if tt.inTurn {
						e = tt.endpoints[i/tt.n]
					}
					calls = append(calls, repeated(1, http.MethodPost, "https://api.stripe.com/v1/"+e)...)
				}
				if tt.inTurn {
					calls = spaced(0, time.Nanosecond, calls)
				}
				run(t, described(headers.Stripe()), f, calls, best)
			})
		})
	}
}
