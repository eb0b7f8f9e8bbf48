package transport_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/underlimit/underlimit/bucket"
	"github.com/underlimit/underlimit/providers"
	"github.com/underlimit/underlimit/providers/slack"
	"github.com/underlimit/underlimit/transport"
)

func TestExplainSaysWhatARequestWouldMeet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := serve(answer(200))
		limits := transport.New(&api{}, &transport.Options{Base: srv, MaxWait: time.Second})
		block(t, limits, 5*time.Second)
		time.Sleep(2 * time.Second)
		got := limits.Explain(request(t.Context(), http.MethodGet, nil))
		if !got.Claimed || got.Provider != "api" || got.Route != "/things" ||
			got.Wait != 3*time.Second || got.Key != apiKey ||
			len(got.Buckets) != 1 || got.Buckets[0].Key != apiKey ||
			!got.Buckets[0].Blocked.Equal(srv.start.Add(5*time.Second)) {
			t.Errorf("got %+v", got)
		}
		time.Sleep(3 * time.Second)
		if got := limits.Explain(request(t.Context(), http.MethodGet, nil)); got.Wait != 0 || got.Key != (bucket.Key{}) {
			t.Errorf("when it is over: got %+v", got)
		}
		if len(srv.sent) != 0 {
			t.Errorf("%d requests were sent", len(srv.sent))
		}
		checkQuiet(t, limits)
	})
}

func TestExplainTakesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &api{draws: []bucket.Draw{{Key: apiKey, Policy: &bucket.Policy{Quota: 1, Window: time.Hour}}}}
		srv := serve(answer(200))
		limits := transport.New(p, &transport.Options{Base: srv})
		for range 3 {
			if got := limits.Explain(request(t.Context(), http.MethodGet, nil)); got.Wait != 0 {
				t.Errorf("got %+v", got)
			}
		}
		if n := limits.Buckets().Stats().Buckets; n != 0 {
			t.Errorf("it made %d buckets", n)
		}
		want(t, roundTrip(limits, request(t.Context(), http.MethodGet, nil)), 200)
		got := limits.Explain(request(t.Context(), http.MethodGet, nil))
		if got.Wait != time.Hour || time.Since(srv.start) != 0 {
			t.Errorf("when the quota is used up: got %+v", got)
		}
	})
}

func TestExplainKnowsNothingOfWhatNobodyClaims(t *testing.T) {
	limits := transport.New(&api{}, nil)
	for name, spoil := range map[string]func(*http.Request){
		"to nobody's limits": func(req *http.Request) { req.URL.Host = "elsewhere.test" },
		"without a URL":      func(req *http.Request) { req.URL = nil },
		"without a header":   func(req *http.Request) { req.Header = nil },
	} {
		req := request(t.Context(), http.MethodGet, nil)
		spoil(req)
		if got := limits.Explain(req); !reflect.DeepEqual(got, transport.Explanation{}) {
			t.Errorf("a request %s: got %+v", name, got)
		}
	}
}

func TestExplainLeavesTheBodyAlone(t *testing.T) {
	limits := transport.New(slack.New(nil), nil)
	const form = "token=xoxb-1&channel=C0123456789"
	for name, test := range map[string]struct {
		again   bool
		buckets int
	}{
		"with GetBody":    {true, 2}, // the channel's and the method's
		"without GetBody": {false, 1},
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://slack.com/api/chat.postMessage", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		body := &lender{Reader: strings.NewReader(form)}
		var copied lender
		req.Body, req.ContentLength = body, int64(len(form))
		if test.again {
			req.GetBody = func() (io.ReadCloser, error) {
				copied.Reader = strings.NewReader(form)
				return &copied, nil
			}
		}
		before := *req
		got := limits.Explain(req)
		if len(got.Buckets) != test.buckets {
			t.Errorf("%s: got %+v", name, got)
		}
		if test.again != (copied.closes == 1) {
			t.Errorf("%s: the copy was closed %d times", name, copied.closes)
		}
		rest, err := io.ReadAll(req.Body)
		if string(rest) != form || err != nil || body.closes != 0 || req.Body != io.ReadCloser(body) {
			t.Errorf("%s: left %q of the body, closed %d times", name, rest, body.closes)
		}
		before.GetBody, req.GetBody = nil, nil // functions cannot be compared
		if !reflect.DeepEqual(&before, req) {
			t.Errorf("%s: the request is now %+v", name, req)
		}
	}
}

func TestExplainMindsThePriority(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const s = time.Second
		p := &api{draws: []bucket.Draw{{Key: apiKey, Policy: &bucket.Policy{Every: s}}}}
		limits := transport.New(p, &transport.Options{Base: serve(answer(200))})
		done := make(chan result)
		for range 4 { // one goes, three wait
			go func() { done <- roundTrip(limits, request(t.Context(), http.MethodPost, nil)) }()
			synctest.Wait()
		}
		var waits []time.Duration
		for _, priority := range []int{0, 1, -1} {
			ctx := transport.WithPriority(t.Context(), priority)
			waits = append(waits, limits.Explain(request(ctx, http.MethodGet, nil)).Wait)
		}
		if got := fmt.Sprint(waits); got != "[4s 1s 4s]" {
			t.Errorf("with priorities 0, 1 and -1 it would wait %v", got)
		}
		for range 4 {
			want(t, <-done, 200)
		}
	})
}

// dated is a provider with a bucket for each second.
type dated struct{ *api }

func (d dated) Classify(req *http.Request, now time.Time) (providers.Call, bool) {
	call, ok := d.api.Classify(req, now)
	call.Route = strconv.FormatInt(now.Unix(), 10)
	return call, ok
}

func TestAProviderIsToldTheTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var routes []string
		limits := transport.New(dated{&api{}}, &transport.Options{
			Base: serve(answer(200)),
			Trace: &transport.Trace{Finished: func(_ context.Context, info transport.FinishedInfo) {
				routes = append(routes, info.Route)
			}},
		})
		var want []string
		for range 2 {
			time.Sleep(time.Minute)
			now := strconv.FormatInt(time.Now().Unix(), 10)
			want = append(want, now, now)
			req := request(t.Context(), http.MethodGet, nil)
			routes = append(routes, limits.Explain(req).Route)
			resp, err := limits.RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close()
		}
		if !slices.Equal(routes, want) {
			t.Errorf("routes %v, want %v", routes, want)
		}
	})
}
