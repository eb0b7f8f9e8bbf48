package main

import (
	"context"
	"net/http"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/underlimit/underlimit/providers/intercom/intercomtest"
)

// line tells the fake which call of which worker a request is.
func line(r *http.Request, _ []byte) (string, int, bool) {
	n, err := strconv.Atoi(r.URL.Query().Get("page"))
	return r.URL.Query().Get("worker"), n, err == nil
}

func TestAPlainClientUsesIntercomsWindowsAndBreaksNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := intercomtest.NewServer(&intercomtest.Options{
			Uplink: 40 * time.Millisecond, Downlink: 40 * time.Millisecond, Skew: 90 * time.Second, Line: line,
		})
		defer fake.Close()
		const workers, n = 20, 30 // more than three windows of 166 hold
		a := newApp(fake.Transport(), "test")
		if _, ok := a.details(); ok {
			t.Error("there are details before the first answer")
		}
		ctx, cancel := context.WithCancel(t.Context())
		reading := make(chan time.Duration)
		go func() { reading <- a.read(ctx) }()
		if err := a.sync(ctx, workers, n); err != nil {
			t.Fatal(err)
		}
		cancel()
		if longest := <-reading; longest != 80*time.Millisecond {
			t.Errorf("somebody waited %v, want only the way there and back", longest)
		}
		report := fake.Report()
		if report.OK < workers*n || report.Calls != report.OK {
			t.Errorf("%d calls, %d of them processed, want at least %d", report.Calls, report.OK, workers*n)
		}
		if report.Refused != 0 || report.ViolationCount != 0 || report.Inversions != 0 {
			t.Errorf("refused %d, violations %v, inversions %d, want none", report.Refused, report.Violations, report.Inversions)
		}
		if d, ok := a.details(); !ok || d.Limit != 166 || d.Remaining >= 166 || d.ResetAt.Before(time.Now()) {
			t.Errorf("after the last answer the details are %+v, %t", d, ok)
		}
	})
}
