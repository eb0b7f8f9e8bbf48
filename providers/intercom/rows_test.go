package intercom_test

import (
	"context"
	"errors"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/underlimit/underlimit/bucket"
	"github.com/underlimit/underlimit/providers"
	"github.com/underlimit/underlimit/providers/intercom"
	"github.com/underlimit/underlimit/providers/intercom/intercomtest"
	"github.com/underlimit/underlimit/transport"
)

const second = time.Second

func TestTheLimitIsThatOfAWindowAndIsLearned(t *testing.T) {
	for _, limit := range []int{1, 2, 83, 166, 167, 1667} {
		inWorld(t, intercomtest.Options{Limit: limit}, &intercom.Options{Spread: -1}, func(w *world) {
			got := w.all(limit+1, "a", "/contacts")
			if last := got[len(got)-1].at; last < 10*second || last > 10*second+3*(up+down) {
				w.Errorf("of limit %d, the next after a window was answered at %v", limit, last)
			}
			if limit > 1 {
				expect(w, "the last of the first window", got[limit-1].at, 2*(up+down))
			}
			w.refusals(0)
		})
	}
}

func TestAnswersWithoutHeadersLeaveWhatIsKnown(t *testing.T) {
	inWorld(t, intercomtest.Options{
		Limit: 3, Bare: func(r *http.Request) bool { return r.URL.Path == "/bare" },
		Authorized: func(credential string) bool { return credential == "Bearer a" },
	}, nil, func(w *world) {
		expect(w, "status", w.get("/me").status, 200)
		expect(w, "status", w.get("/bare").status, 200)
		for range 5 {
			expect(w, "status of another credential", w.call("b", http.MethodGet, "/me", "").status, 401)
		}
		d, ok := w.p.RateLimitDetails(w.limits.Buckets(), w.req(t.Context(), "a", http.MethodGet, "/me", ""))
		if !ok || d.Limit != 3 || d.Remaining != 1 {
			w.Errorf("after an answer without headers it stands at %+v, %t", d, ok)
		}
		w.all(2, "a", "/me")
		w.all(3, "a", "/bare") // nothing but the last window tells when this one ends
		w.all(2, "a", "/me")
		if r := w.Report(); r.Refused != 0 {
			w.Errorf("refused %v", r.RefusedBy)
		}
	})
}

func TestAnAppWhoseAnswersTellNothingIsNotHeldBack(t *testing.T) {
	inWorld(t, intercomtest.Options{Limit: -1}, nil, func(w *world) {
		got := w.all(500, "a", "/me")
		expect(w, "the last", got[499].at, 2*(up+down)) // one went ahead
	})
}

func TestABodyTellsWhoseLimitItWasAndNeverHowLong(t *testing.T) {
	p, call := asked(t, nil, request(http.MethodGet, "https://api.intercom.io/contacts"))
	judge := func(body string) providers.Verdict {
		return p.Judge(nil, &call, &providers.Answer{
			Status: 429, Header: limits("167", "0", "1487332510"), Body: []byte(body), Received: received,
		})
	}
	of := func(message string) string {
		return `{"errors":[{"code":"rate_limit_exceeded","message":"Exceeded rate limit of ` + message + `"}]}`
	}
	want := judge(of("167 in 10_seconds"))
	for _, message := range []string{"1 in 3600_seconds", "167 in 0_seconds", "99999999999999999999 in -1_seconds", ""} {
		if got := judge(of(message)); !reflect.DeepEqual(got, want) {
			t.Errorf("%q changes the verdict to %+v", message, got)
		}
	}
}

func TestARefusalWithSomethingLeftHoldsTheWholeWorkspaceUntilTheReset(t *testing.T) {
	key := func(*http.Request) string { return "one" }
	inWorld(t, intercomtest.Options{Limit: 8, WorkspaceLimit: 10}, &intercom.Options{WorkspaceKey: key, WorkspacePerMinute: -1},
		func(w *world) {
			w.until(4500 * time.Millisecond)
			w.all(8, "a", "/contacts")
			w.call("b", http.MethodGet, "/contacts", "")
			w.call("b", http.MethodGet, "/contacts", "")
			w.refusals(0)
			// It is the eleventh, and goes again after the reset: at 10 s by the whole second of its Date, and a margin.
			a := w.call("b", http.MethodGet, "/contacts", "")
			expect(w, "status", a.status, 200)
			w.refusals(1)
			expect(w, "whose limit", w.traced()[0], providers.ScopeWorkspace)
			if a.at < 10*second || a.at > 12*second {
				w.Errorf("it was answered at %v", a.at)
			}
		})
	inWorld(t, intercomtest.Options{Limit: 8, WorkspaceLimit: 10}, &intercom.Options{WorkspaceKey: key, WorkspacePerMinute: -1},
		func(w *world) {
			w.all(8, "a", "/contacts")
			go w.all(3, "b", "/contacts")
			w.until(2 * second)
			w.refusals(1)
			start := w.now()
			w.call("c", http.MethodGet, "/contacts", "")
			if w.now()-start < 7*second {
				w.Errorf("another app of the workspace waited %v only", w.now()-start)
			}
			w.refusals(1)
		})
}

func TestAWorkspaceOfKnownSizeIsSharedWithoutARefusal(t *testing.T) {
	inWorld(t, intercomtest.Options{Limit: 8, WorkspaceLimit: 10},
		&intercom.Options{WorkspaceKey: func(*http.Request) string { return "one" }, WorkspacePerMinute: 60},
		func(w *world) {
			for _, token := range []string{"a", "b"} {
				go w.all(10, token, "/contacts")
			}
			w.until(35 * second)
			expect(w, "processed", w.Report().OK, 20)
			expect(w, "most in a window", w.Busiest("workspace", 9500*time.Millisecond), 10)
			w.refusals(0)
		})
}

// A clock that is wrong, and runs fast or slow by a quarter of a minute a day.
func TestAWindowIsReckonedOnTheServersClock(t *testing.T) {
	for _, skew := range []time.Duration{0, 400 * time.Millisecond, -400 * time.Millisecond, time.Hour, -90 * second} {
		for _, per := range []float64{0, 190e-6, -190e-6} {
			inWorld(t, intercomtest.Options{
				Limit: 5, Skew: skew,
				Drift: func(since time.Duration) time.Duration { return time.Duration(float64(since) * per) },
			}, nil, func(w *world) {
				w.all(60, "a", "/contacts")
				w.refusals(0)
				if w.now() > 115*second { // eleven windows, and the rest of one
					w.Errorf("skew %v, drift %v: it took %v", skew, per, w.now())
				}
			})
		}
	}
}

func TestAResetOfThisVerySecondIsNoInvitationToAskAtOnce(t *testing.T) {
	inWorld(t, intercomtest.Options{Limit: 1}, &intercom.Options{Spread: -1}, func(w *world) {
		h := func(reset int64) http.Header {
			return http.Header{
				"Date": {time.Now().UTC().Format(http.TimeFormat)}, "X-Ratelimit-Limit": {"1"},
				"X-Ratelimit-Remaining": {"0"}, "X-Ratelimit-Reset": {strconv.FormatInt(reset, 10)},
			}
		}
		for _, reset := range []int64{0, -1, -2, 61, 1 << 40} { // now, past, and not to be believed
			_, call := asked(t, nil, request(http.MethodGet, "https://api.intercom.io/"+strconv.FormatInt(reset, 10)))
			now := time.Now()
			v := w.p.Judge(nil, &call, &providers.Answer{Status: 429, Header: h(now.Unix() + reset), Sent: now, Received: now})
			registry := bucket.NewRegistry(nil)
			lease, err := registry.Acquire(t.Context(), call.Draws...)
			if err != nil {
				t.Fatal(err)
			}
			lease.Done(now, v.Updates...)
			if x := registry.Explain(nil, call.Draws...); x.Wait < second || x.Wait > 2*second {
				w.Errorf("a reset %d s ahead has the next wait %v", reset, x.Wait)
			}
		}
	})
}

func TestARemainingThatLeavesOutItsOwnRequestIsAllowedFor(t *testing.T) {
	for _, exclude := range []bool{false, true} {
		inWorld(t, intercomtest.Options{Limit: 20, ExcludeSelf: exclude}, nil, func(w *world) {
			w.before(7)
			w.all(40, "a", "/contacts")
			w.refusals(0)
			if w.now() > 21*second {
				w.Errorf("it took %v", w.now())
			}
		})
	}
}

func TestAloneEveryRequestOfAWindowIsUsed(t *testing.T) {
	for _, exclude := range []bool{false, true} {
		inWorld(t, intercomtest.Options{Limit: 20, ExcludeSelf: exclude}, nil, func(w *world) {
			for range 60 { // one by one
				w.get("/contacts")
			}
			w.refusals(0)
			if w.now() > 24*second {
				w.Errorf("it took %v", w.now())
			}
		})
	}
}

func TestNothingRemainingIsANumberLikeAnyOther(t *testing.T) {
	inWorld(t, intercomtest.Options{Limit: 2}, nil, func(w *world) {
		w.get("/me")
		w.get("/me")
		a := w.get("/me")
		if a.at < 10*second {
			w.Errorf("with nothing left, the next was answered at %v", a.at)
		}
		w.refusals(0)
	})
}

func TestAWindowThatBeginsEarlyIsUsed(t *testing.T) {
	inWorld(t, intercomtest.Options{Limit: 10, Early: func(ends time.Time) time.Duration {
		if ends.Unix()%20 == 10 {
			return 4 * second
		}
		return 0
	}}, nil, func(w *world) {
		w.all(6, "a", "/contacts")
		w.until(7 * second)
		expect(w, "the first of the next window", w.get("/contacts").at, 7*second+up+down)
		expect(w, "the rest", w.all(9, "a", "/contacts")[8].at, 7*second+2*(up+down))
		w.refusals(0)
		w.get("/contacts")
		if w.now() < 20*second {
			w.Errorf("the window that began early held one more at %v", w.now())
		}
		w.refusals(0)
	})
}

func TestARetryAfterComesFirst(t *testing.T) {
	inWorld(t, intercomtest.Options{Limit: 2, RetryAfter: true}, nil, func(w *world) {
		w.get("/me") // tells when the window ends
		w.until(6500 * time.Millisecond)
		w.before(1)
		sent := w.now()
		expect(w, "the answer", w.get("/me").at, sent+up+down+4*second+up+down) // of 3.4 s, in whole seconds
		w.refusals(1)
	})
}

func TestABusyResourceHoldsNothingElse(t *testing.T) {
	var calm atomic.Bool
	inWorld(t, intercomtest.Options{Busy: func(r *http.Request) bool {
		return !calm.Load() && r.Method == http.MethodGet && strings.HasPrefix(r.URL.Path, "/contacts/")
	}}, nil, func(w *world) {
		done := make(chan answered)
		go func() { done <- w.get("/contacts/1") }()
		w.until(500 * time.Millisecond)
		w.refusals(1)
		expect(w, "whose limit", w.traced()[0], providers.ScopeShared)
		expect(w, "another resource", w.get("/contacts").at, 500*time.Millisecond+up+down)
		expect(w, "another method", w.call("a", http.MethodPut, "/contacts/2", `{"name":"x"}`).at,
			500*time.Millisecond+2*(up+down))
		calm.Store(true)
		start := w.now()
		w.get("/contacts/2") // of the same resource
		if w.now()-start < 400*time.Millisecond {
			w.Errorf("another of the resource was answered after %v", w.now()-start)
		}
		expect(w, "status", (<-done).status, 200)
		w.refusals(1)
	})
}

func TestAPendingExportIsTheCallersAffairAndHoldsNobody(t *testing.T) {
	for path, most := range map[string]int{"/export/content/data": 1, "/export/reporting_data/enqueue": 5} {
		inWorld(t, intercomtest.Options{}, nil, func(w *world) {
			for range most {
				expect(w, "status", w.call("a", http.MethodPost, path, "{}").status, 200)
			}
			a := w.call("a", http.MethodPost, path, "{}")
			expect(w, "status", a.status, 429)
			if !strings.Contains(a.body, "pending") {
				w.Errorf("the caller gets %q", a.body)
			}
			if !slices.Equal(w.traced(), []providers.Scope{providers.ScopeQuota}) {
				w.Errorf("traced are %v", w.traced())
			}
			expect(w, "sendings", w.Report().Calls, most+1)
			at := w.now()
			expect(w, "anything else", w.get("/me").at, at+up+down)
			expect(w, "one more export", w.call("a", http.MethodPost, path, "{}").at, at+2*(up+down))
			w.refusals(2)
		})
	}
}

func TestOtherErrorsAreReturnedAtOnceAndTeachNothing(t *testing.T) {
	inWorld(t, intercomtest.Options{
		Limit: 50, Authorized: func(credential string) bool { return credential != "Bearer b" },
		Fault: func(r *http.Request) intercomtest.Fault {
			status, _ := strconv.Atoi(r.URL.Query().Get("status"))
			return intercomtest.Fault{Status: status}
		},
	}, nil, func(w *world) {
		w.get("/companies/scroll")
		calls := w.Report().Calls
		for _, tt := range []struct {
			path   string
			status int
		}{
			{"/companies/scroll", 400},
			{"/me?status=401", 401},
			{"/me?status=403", 403},
			{"/me?status=404", 404},
			{"/me?status=408", 408},
			{"/me?status=422", 422},
		} {
			at := w.now()
			a := w.get(tt.path)
			expect(w, tt.path, a.status, tt.status)
			expect(w, "its answer", a.at, at+up+down)
			calls++
			expect(w, "sendings", w.Report().Calls, calls)
		}
		for range 3 {
			at := w.now()
			expect(w, "after all", w.get("/me").at, at+up+down)
		}
		w.refusals(0)
	})
}

func TestAWriteIsNotRepeatedWithoutProofThatItWasNotTaken(t *testing.T) {
	for name, fault := range map[string]intercomtest.Fault{
		"5xx": {Status: 503, Processed: true}, "a lost answer": {Drop: true, Processed: true},
	} {
		for _, tt := range []struct {
			method, path, body string
			opts               intercom.Options
			repeated           bool
		}{
			{"POST", "/contacts", `{"email":"a@example.com"}`, intercom.Options{}, false},
			{"POST", "/conversations/1/reply", `{"body":"hi"}`, intercom.Options{}, false},
			{"PUT", "/contacts/1", `{"name":"x"}`, intercom.Options{}, false},
			{"DELETE", "/contacts/1", "", intercom.Options{}, false},
			{"POST", "/events", `{"event_name":"x","created_at":1700000000}`, intercom.Options{}, false},
			{"POST", "/events", `{"event_name":"x","created_at":1700000000}`, intercom.Options{RepeatEvents: true}, true},
			{"POST", "/events", `{"event_name":"x"}`, intercom.Options{RepeatEvents: true}, false},
			{"POST", "/contacts/search", `{"query":{}}`, intercom.Options{}, true},
			{"GET", "/contacts", "", intercom.Options{}, true},
			{"GET", "/companies/scroll?scroll_param=1", "", intercom.Options{}, false},
		} {
			t.Run(name+" "+tt.method+" "+tt.path, func(t *testing.T) {
				failed := false
				inWorld(t, intercomtest.Options{Fault: func(r *http.Request) intercomtest.Fault {
					if failed || r.URL.Path == "/me" {
						return intercomtest.Fault{}
					}
					failed = true
					return fault
				}}, &tt.opts, func(w *world) {
					a := w.call("a", tt.method, tt.path, tt.body)
					want := 1
					if tt.repeated {
						want = 2
						if a.err != nil || a.status/100 != 2 {
							w.Errorf("it ended with %d, %v", a.status, a.err)
						}
					}
					expect(w, "sendings", w.Report().Calls, want)
				})
			})
		}
	}
}

func TestAnyRequestGoesAgainAfterARefusal(t *testing.T) {
	inWorld(t, intercomtest.Options{Limit: 1}, nil, func(w *world) {
		w.before(1)
		a := w.call("a", http.MethodPost, "/contacts", `{"email":"a@example.com"}`)
		expect(w, "status", a.status, 200)
		if !strings.Contains(a.body, "a@example.com") {
			w.Errorf("its body went lost: %s", a.body)
		}
		w.refusals(1)
	})
}

func TestTheVersionIsPassedOnAndChangesNothing(t *testing.T) {
	seen := make(chan string, 2)
	inWorld(t, intercomtest.Options{Limit: 2, Fault: func(r *http.Request) intercomtest.Fault {
		seen <- r.Header.Get("Intercom-Version")
		return intercomtest.Fault{}
	}}, nil, func(w *world) {
		for _, version := range []string{"1.0", "2.17"} {
			req := w.req(w.Context(), "a", http.MethodGet, "/me", "")
			req.Header.Set("Intercom-Version", version)
			w.do(req)
			expect(w, "the version that arrived", <-seen, version)
		}
		expect(w, "what is left", w.details("a").Remaining, 0)
	})
}

func TestTheRegionsShareAWindow(t *testing.T) {
	inWorld(t, intercomtest.Options{Limit: 9}, nil, func(w *world) {
		done := make(chan []answered)
		for _, host := range []string{"api.intercom.io", "api.eu.intercom.io", "api.au.intercom.io"} {
			go func() { done <- w.all(4, "a", "https://"+host+"/me") }()
		}
		for range 3 {
			<-done
		}
		w.refusals(0)
		if w.now() < 10*second {
			w.Errorf("twelve were answered by %v", w.now())
		}
	})
}

func TestInteractiveTrafficDoesNotWaitForASyncThatLeavesItAShare(t *testing.T) {
	inWorld(t, intercomtest.Options{Limit: 20}, &intercom.Options{Reserve: 0.2}, func(w *world) {
		go w.all(100, "a", "/contacts")
		person := transport.WithPriority(w.Context(), 1)
		for i := range 16 { // four in each window
			w.until(second + time.Duration(i)*2500*time.Millisecond)
			start := w.now()
			w.do(w.req(person, "a", http.MethodGet, "/conversations/1", ""))
			expect(w, "the time that somebody waits", w.now()-start, up+down)
		}
		w.until(100 * second)
		w.refusals(0)
	})
}

func TestASyncThatCannotGoInTimeHearsUntilWhen(t *testing.T) {
	inWorld(t, intercomtest.Options{Limit: 2}, nil, func(w *world) {
		w.all(2, "a", "/me")
		ctx, cancel := context.WithTimeout(w.Context(), 5*second)
		defer cancel()
		start := w.now()
		a := w.do(w.req(ctx, "a", http.MethodGet, "/me", ""))
		expect(w, "the time it takes to say so", w.now(), start)
		var wait *bucket.WaitError
		if !errors.As(a.err, &wait) || !errors.Is(a.err, context.DeadlineExceeded) || wait.Key.Limit != "app" {
			w.Fatalf("got %v", a.err)
		}
		if at := wait.Until.Sub(w.began); at < 10*second || at > 11*second {
			w.Errorf("it may be scheduled anew for %v", at)
		}
	})
}

func TestThoseWhoWaitedDoNotArriveAsAHerd(t *testing.T) {
	for spread, most := range map[time.Duration]int{0: 66, second: 16, -1: 166} {
		inWorld(t, intercomtest.Options{Limit: 166}, &intercom.Options{Spread: spread}, func(w *world) {
			w.all(166*3, "a", "/contacts")
			w.refusals(0)
			var at []time.Time
			for _, a := range w.Arrivals() {
				if a.At.Sub(w.began) > 9*second {
					at = append(at, a.At)
				}
			}
			busiest := 0
			for i := range at {
				n := i
				for n < len(at) && at[n].Sub(at[i]) < 100*time.Millisecond {
					n++
				}
				busiest = max(busiest, n-i)
			}
			if busiest > most+1 || busiest < most {
				w.Errorf("spread over %v, %d arrived in a tenth of a second, want %d", spread, busiest, most)
			}
			if w.now() > 22*second {
				w.Errorf("spread over %v, it took %v", spread, w.now())
			}
		})
	}
}

func TestAShareThatNobodyWaitsForIsLeftToOtherPrograms(t *testing.T) {
	inWorld(t, intercomtest.Options{Limit: 20}, &intercom.Options{Reserve: 0.25}, func(w *world) {
		done := make(chan struct{})
		go func() { defer close(done); w.all(60, "a", "/contacts") }()
		for window := range 4 {
			w.until(time.Duration(window)*10*second + 5*second)
			w.before(5) // one by one, with the same credential
			w.refusals(0)
		}
		<-done
		expect(w, "most in a window", w.Busiest("app #1", 9*second), 20)
	})
}

func TestACredentialThatBecomesValidIsLearned(t *testing.T) {
	var valid atomic.Bool
	inWorld(t, intercomtest.Options{
		Limit: 4, Authorized: func(string) bool { return valid.Load() },
	}, nil, func(w *world) {
		got := w.all(9, "a", "/me")
		expect(w, "status", got[8].status, 401)
		expect(w, "the last", got[8].at, 2*(up+down)) // one went ahead
		w.noDetails("a")
		valid.Store(true)
		for range 9 {
			expect(w, "status", w.get("/me").status, 200)
		}
		if w.now() < 20*second || w.now() > 22*second {
			w.Errorf("nine were answered by %v, want them in three windows", w.now())
		}
		expect(w, "refusals", w.Report().Refused, 0)
	})
}
