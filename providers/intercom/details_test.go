package intercom_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/underlimit/underlimit/providers/intercom"
	"github.com/underlimit/underlimit/providers/intercom/intercomtest"
)

// details are those of an app that must have some.
func (w *world) details(token string) intercom.Details {
	w.Helper()
	d, ok := w.p.RateLimitDetails(w.limits.Buckets(), w.req(w.Context(), token, http.MethodGet, "/", ""))
	if !ok {
		w.Errorf("at %v: there are no details of %s", w.now(), token)
	}
	return d
}

func (w *world) noDetails(token string) {
	w.Helper()
	d, ok := w.p.RateLimitDetails(w.limits.Buckets(), w.req(w.Context(), token, http.MethodGet, "/", ""))
	if ok || d != (intercom.Details{}) {
		w.Errorf("at %v: of %s there are details %+v", w.now(), token, d)
	}
}

func TestAnAnswerHasDetailsOnlyIfItTellsWhatIsLeftAndUntilWhen(t *testing.T) {
	for _, tt := range []struct {
		limit, remaining, reset string
		want                    intercom.Details
		ok                      bool
	}{
		{"167", "0", "1487332510", intercom.Details{Limit: 167, ResetAt: time.Unix(1487332510, 0).UTC()}, true},
		{"", "3", "1487332510", intercom.Details{Remaining: 3, ResetAt: time.Unix(1487332510, 0).UTC()}, true},
		{"167", "", "1487332510", intercom.Details{}, false},
		{"167", "3", "", intercom.Details{}, false},
		{"167", "3", "soon", intercom.Details{}, false},
	} {
		if d, ok := intercom.ReadDetails(limits(tt.limit, tt.remaining, tt.reset)); ok != tt.ok || d != tt.want {
			t.Errorf("%q of %q until %q: got %+v, %t, want %+v", tt.remaining, tt.limit, tt.reset, d, ok, tt.want)
		}
	}
}

func TestThereAreDetailsOnceAnAnswerTold(t *testing.T) {
	inWorld(t, intercomtest.Options{
		Limit: 10, Fault: func(r *http.Request) intercomtest.Fault {
			return intercomtest.Fault{Drop: r.URL.Path == "/lost", Processed: true}
		},
	}, nil, func(w *world) {
		w.noDetails("a")
		if a := w.call("a", http.MethodPost, "/lost", "{}"); a.err == nil {
			w.Error("it was answered")
		}
		w.noDetails("a") // a failure on the way tells nothing
		w.get("/me")
		d := w.details("a")
		if d.Limit != 10 || d.Remaining != 7 { // as another was counted, the answer's own request may not be
			w.Errorf("after two requests it stands at %+v", d)
		}
		if late := d.ResetAt.Sub(w.began) - 10*second; late < 0 || late > second+up+down {
			w.Errorf("more may go %v after the window ends", late)
		}
		w.noDetails("b") // another app

		w.call("a", http.MethodPost, "/lost", "{}")
		if again := w.details("a"); again.Remaining != 6 || again.ResetAt != d.ResetAt {
			w.Errorf("after a lost answer it stands at %+v", again)
		}
		go w.get("/me")
		time.Sleep(up)
		expect(w, "what is left while one is in flight", w.details("a").Remaining, 5)

		w.until(15 * second)
		if d := w.details("a"); d != (intercom.Details{Limit: 10, Remaining: 10}) {
			w.Errorf("in a window that nobody used it stands at %+v", d)
		}
	})
}

func TestDetailsAreNotOfOneThatIsNoRequestToIntercom(t *testing.T) {
	inWorld(t, intercomtest.Options{}, nil, func(w *world) {
		w.get("/me")
		req := w.req(w.Context(), "a", http.MethodGet, "https://example.com/", "")
		if d, ok := w.p.RateLimitDetails(w.limits.Buckets(), req); ok {
			w.Errorf("there are details %+v", d)
		}
	})
}

func TestDetailsTellOfWhatHoldsBackBesides(t *testing.T) {
	inWorld(t, intercomtest.Options{Limit: 8, WorkspaceLimit: 10}, &intercom.Options{
		WorkspaceKey: func(*http.Request) string { return "one" }, WorkspacePerMinute: 60,
	}, func(w *world) {
		w.call("b", http.MethodGet, "/me", "")
		w.all(7, "a", "/me")
		d := w.details("b") // seven of its own are left, but only two of the workspace's
		if d.Limit != 8 || d.Remaining != 2 || d.ResetAt.Sub(w.began) < 10*second {
			w.Errorf("it stands at %+v", d)
		}
	})
	inWorld(t, intercomtest.Options{Limit: 8, WorkspaceLimit: 10}, &intercom.Options{
		WorkspaceKey: func(*http.Request) string { return "one" }, WorkspacePerMinute: 60,
	}, func(w *world) {
		w.all(3, "a", "/me")
		expect(w, "what is left of its own, which is less", w.details("a").Remaining, 5)
	})
	for _, used := range []int{1, 3} {
		inWorld(t, intercomtest.Options{Limit: 4, Fault: func(r *http.Request) intercomtest.Fault {
			if r.URL.Path == "/refused" {
				return intercomtest.Fault{Status: http.StatusTooManyRequests}
			}
			return intercomtest.Fault{}
		}}, nil, func(w *world) { // a refusal that tells nothing, with something left and with nothing
			w.all(used, "a", "/me")
			go w.get("/refused")
			w.until(900 * time.Millisecond)
			d := w.details("a")
			if late := d.ResetAt.Sub(w.began) >= 10*second; d.Remaining != 0 || late != (used == 3) {
				w.Errorf("after %d it stands at %+v", used, d)
			}
			w.until(time.Hour)
		})
	}
	inWorld(t, intercomtest.Options{Limit: 8, Busy: func(*http.Request) bool { return true }}, nil, func(w *world) {
		go w.get("/")
		w.until(500 * time.Millisecond)
		expect(w, "what is left, though a resource is busy", w.details("a").Remaining, 7)
		w.until(time.Hour)
	})
	inWorld(t, intercomtest.Options{Limit: 8, WorkspaceLimit: 3}, nil, func(w *world) {
		go w.all(4, "a", "/me")
		w.until(second)
		w.refusals(1)
		d := w.details("a")
		if d.Limit != 8 || d.Remaining != 0 || d.ResetAt.Sub(w.began) < 10*second {
			w.Errorf("while the workspace is held back it stands at %+v", d)
		}
	})
	inWorld(t, intercomtest.Options{Fault: func(*http.Request) intercomtest.Fault {
		return intercomtest.Fault{Status: http.StatusTooManyRequests}
	}}, nil, func(w *world) { // a refusal that tells nothing
		go w.get("/me")
		w.until(500 * time.Millisecond)
		d := w.details("a")
		want := intercom.Details{ResetAt: w.began.Add(up + down + second)}
		if d.Limit != 0 || d.Remaining != 0 || !d.ResetAt.Equal(want.ResetAt) {
			w.Errorf("it stands at %+v, want %+v", d, want)
		}
		w.until(time.Hour) // it gives up in the end
	})
}
