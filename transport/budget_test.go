package transport_test

import (
	"context"
	"math"
	"net/http"
	"net/url"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/underlimit/underlimit/bucket"
	"github.com/underlimit/underlimit/providers"
	"github.com/underlimit/underlimit/transport"
)

// An ailing base transport fails for as long as it is ill, and counts what it is sent.
type ailing struct {
	turn base // nil: it is well

	mu   sync.Mutex
	sent int
}

func (a *ailing) RoundTrip(req *http.Request) (*http.Response, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.sent++
	if a.turn == nil {
		return answer(200)(req)
	}
	return a.turn(req)
}

// sendings makes n calls, one after the other, and returns how often the base was sent something.
func (a *ailing) sendings(t *testing.T, limits *transport.Transport, n int) int {
	before := a.sent
	for range n {
		roundTrip(limits, request(t.Context(), http.MethodGet, nil))
	}
	return a.sent - before
}

// open is an api of which nobody waits for anything.
func open() *api { return &api{draws: []bucket.Draw{openKey}} }

func TestAProviderInTroubleGetsLittleMoreThanTheCalls(t *testing.T) {
	for name, turn := range map[string]base{"answers of 503": answer(503), "broken connections": fail(errBroken)} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := &ailing{turn: turn}
				limits := transport.New(open(), &transport.Options{Base: a})
				if got := a.sendings(t, limits, 3); got != 3*4 {
					t.Errorf("the first three calls were sent %d times, want four each", got)
				}
				a.sendings(t, limits, 100) // and what is left of the first ten is spent
				if got := a.sendings(t, limits, 10_000); got != 11_000 {
					t.Errorf("10,000 calls were sent %d times, want 1.1 each", got)
				}

				a.turn = nil
				a.sendings(t, limits, 20)
				a.turn = turn
				if got := a.sendings(t, limits, 1); got != 1+2 {
					t.Errorf("after 20 good calls a bad one was sent %d times, want 3", got)
				}
				a.turn = nil
				a.sendings(t, limits, 100_000)
				a.turn = turn
				if got := a.sendings(t, limits, 5); got != 5+10 {
					t.Errorf("after many good calls five bad ones were sent %d times, want 15: no more than ten are saved up", got)
				}
			})
		})
	}
}

func TestRefusalsSpendNoBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &ailing{turn: answer(429, "Refused: 1s")}
		limits := transport.New(&api{}, &transport.Options{Base: a})
		if got := a.sendings(t, limits, 50); got != 50*10 {
			t.Errorf("50 refused calls were sent %d times", got)
		}
		a.turn = answer(503)
		if got := a.sendings(t, limits, 1); got != 4 {
			t.Errorf("a failing one was sent %d times after that", got)
		}
	})
}

func TestTheBudgetCanBeChosen(t *testing.T) {
	for _, test := range []struct {
		budget float64
		sent   int // of 1,000 calls, when what it began with is spent
	}{
		{0, 1100},
		{0.25, 1250},
		{1, 2000},
		{3, 4000},
		{100, 4000},
		{math.Inf(1), 4000},
		{-1, 4000},
		{math.NaN(), 1100},
		{1e-12, 1000},
	} {
		synctest.Test(t, func(t *testing.T) {
			a := &ailing{turn: answer(503)}
			limits := transport.New(open(), &transport.Options{Base: a, RetryBudget: test.budget})
			a.sendings(t, limits, 1000)
			if got := a.sendings(t, limits, 1000); got != test.sent {
				t.Errorf("budget %v: 1,000 calls were sent %d times, want %d", test.budget, got, test.sent)
			}
		})
	}
}

func TestTheBudgetBeginsWithTenRetriesAndAllOfThemAreSpent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &ailing{turn: answer(503)}
		limits := transport.New(open(), &transport.Options{Base: a, RetryBudget: 1e-12}) // of which nothing comes back
		if got := a.sendings(t, limits, 5); got != 5+10 {
			t.Errorf("five calls were sent %d times, want 15", got)
		}
	})
}

func TestNoMoreThanTenRetriesAreSavedUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &ailing{turn: answer(503)}
		limits := transport.New(open(), &transport.Options{Base: a, RetryBudget: 0.7}) // ten are no multiple of it
		a.sendings(t, limits, 1)
		a.turn = nil
		a.sendings(t, limits, 1000)
		a.turn = answer(503)
		// Ten, and what the second, third and fourth paid: 12.1. The fifth has less than one.
		if got := a.sendings(t, limits, 5); got != 5+12 {
			t.Errorf("after many good calls five bad ones were sent %d times, want 17", got)
		}
	})
}

func TestEachProviderHasABudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &ailing{turn: answer(503)}
		limits := transport.New(byHost{}, &transport.Options{Base: a})
		a.sendings(t, limits, 100)
		if got := a.sendings(t, limits, 100); got != 110 {
			t.Fatalf("100 calls were sent %d times", got)
		}
		before := a.sent
		req := request(t.Context(), http.MethodGet, nil)
		req.URL = &url.URL{Scheme: "http", Host: "another.test"}
		roundTrip(limits, req)
		if got := a.sent - before; got != 4 {
			t.Errorf("a call to another provider was sent %d times", got)
		}
	})
}

// byHost is a provider for each host.
type byHost struct{}

func (byHost) Name() string { return "by host" }

func (byHost) Classify(req *http.Request, _ time.Time) (providers.Call, bool) {
	return providers.Call{Provider: req.URL.Host}, true
}

func (byHost) Judge(*http.Request, *providers.Call, *providers.Answer) (v providers.Verdict) {
	return v
}

func TestOnlyARetryThatWouldBeMadeIsPaidFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &ailing{turn: answer(503)}
		limits := transport.New(open(), &transport.Options{Base: a})
		const n = 200
		for range n {
			roundTrip(limits, request(t.Context(), http.MethodPost, nil)) // it may not be repeated
			hurried, cancel := context.WithTimeout(t.Context(), 1)        // there is no time
			roundTrip(limits, request(hurried, http.MethodGet, nil))
			cancel()
		}
		if a.sent != 2*n {
			t.Fatalf("%d calls were sent %d times", 2*n, a.sent)
		}
		if got := a.sendings(t, limits, 3); got != 12 {
			t.Errorf("three calls were sent %d times after that", got)
		}
	})
}

func TestConcurrentCallsShareABudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const goroutines, calls = 16, 250
		a := &ailing{turn: answer(503)}
		limits := transport.New(open(), &transport.Options{Base: a})
		var all sync.WaitGroup
		for range goroutines {
			all.Go(func() {
				for range calls {
					roundTrip(limits, request(t.Context(), http.MethodGet, nil))
				}
			})
		}
		all.Wait()
		// What a call pays before the first retry is lost to a full budget.
		const most = goroutines*calls*11/10 + 10
		if a.sent > most || a.sent < most-goroutines {
			t.Errorf("%d calls were sent %d times, want about %d", goroutines*calls, a.sent, most)
		}
	})
}

func TestTraceTellsOfRetriesThatTheBudgetSuppressed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &ailing{turn: answer(503)}
		suppressed := map[transport.RetryReason]int{}
		retries := 0
		limits := transport.New(open(), &transport.Options{Base: a, Trace: &transport.Trace{
			Retry:    func(context.Context, transport.RetryInfo) { retries++ },
			Finished: func(_ context.Context, i transport.FinishedInfo) { suppressed[i.Suppressed]++ },
		}})
		a.sendings(t, limits, 3)
		if suppressed[""] != 3 || retries != 9 {
			t.Errorf("after three calls: %v, and %d retries", suppressed, retries)
		}
		a.sendings(t, limits, 3)
		a.turn = fail(errBroken)
		a.sendings(t, limits, 2)
		a.turn = nil
		a.sendings(t, limits, 1)
		if suppressed[transport.RetryServerError] != 3 || suppressed[transport.RetryConnection] != 2 || suppressed[""] != 4 {
			t.Errorf("got %v", suppressed)
		}
	})
}
