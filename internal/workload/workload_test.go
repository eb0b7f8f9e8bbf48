package workload_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/underlimit/underlimit/bucket"
	"github.com/underlimit/underlimit/providers"
	"github.com/underlimit/underlimit/providers/apitest"
	"github.com/underlimit/underlimit/transport"
)

// The way to the fakes and back, in all workloads that do not say otherwise.
const (
	uplink    = 40 * time.Millisecond
	downlink  = 60 * time.Millisecond
	roundTrip = uplink + downlink

	jitter = 10 * time.Millisecond // of each way, where there is some
)

// tolerated is how much longer than the best possible a workload may take, as a ratio.
//
// The best is what a client would need that knows every number and how long the way is in each direction: its requests
// arrive the moment they may. Ours learns the numbers, and cannot tell the way there from the way back, so that it is a
// round trip late at the beginning of each window that it waited for. Workloads have windows, or are, long enough that
// this does not decide.
const tolerated = 1.03

// A call is one request of a workload.
type call struct {
	method, url, body string
	header            http.Header
	at                time.Duration // when it is made, since the start
}

// spaced has calls made one by one, in their order, the first of them at an instant.
func spaced(from, every time.Duration, calls []call) []call {
	for i := range calls {
		calls[i].at = from + time.Duration(i)*every
	}
	return calls
}

// A fake is what the three fakes have in common.
type fake interface {
	Transport() http.RoundTripper
	Report() apitest.Report
	Close()
}

// newClient returns a client with a cold registry of its own.
func newClient(p providers.Provider, f fake) (*http.Client, *bucket.Registry) {
	limits := transport.New(p, &transport.Options{Base: f.Transport()})
	return &http.Client{Transport: limits}, limits.Buckets()
}

// do sends a call and reports whether it was answered with success.
func do(ctx context.Context, client *http.Client, c call) error {
	req, err := http.NewRequestWithContext(ctx, c.method, c.url, bytes.NewReader([]byte(c.body)))
	if err != nil {
		return err
	}
	maps.Copy(req.Header, c.header)
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("%s %s: %s: %s", c.method, c.url, resp.Status, answer)
	}
	return nil
}

// all sends the calls, each at its time, and returns how long it took until the last was answered.
func all(t *testing.T, client *http.Client, calls []call) time.Duration {
	t.Helper()
	start := time.Now()
	var wg sync.WaitGroup
	for _, c := range calls {
		wg.Go(func() {
			time.Sleep(c.at)
			if err := do(t.Context(), client, c); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	return time.Since(start)
}

// run sends the calls from cold, and fails the test unless none is refused, all are processed, nothing is left behind
// in the registry, and it takes at most tolerated times the best possible time.
func run(t *testing.T, p providers.Provider, f fake, calls []call, best time.Duration) {
	t.Helper()
	client, registry := newClient(p, f)
	before := f.Report() // of others
	took := all(t, client, calls)

	clean(t, f, before, registry, len(calls))
	quick(t, took, best)
}

// clean fails the test unless, since a report, so many calls arrived and all were processed and none refused, and
// nothing is left behind in the registry.
func clean(t *testing.T, f fake, since apitest.Report, registry *bucket.Registry, calls int) {
	t.Helper()
	report := f.Report()
	if report.Refused != 0 || report.ViolationCount != 0 {
		t.Errorf("%d calls refused, %d violations, want none: %v %v",
			report.Refused, report.ViolationCount, report.RefusedBy, report.Violations)
	}
	arrived, processed := report.Calls-since.Calls, report.OK-since.OK
	if arrived != calls || processed != calls {
		t.Errorf("%d calls arrived, %d were processed, want %d", arrived, processed, calls)
	}
	idle(t, registry)
}

// idle fails the test if a request waits or is in flight.
func idle(t *testing.T, registry *bucket.Registry) {
	t.Helper()
	for name, s := range registry.Stats().Providers {
		if s.Waiting != 0 || s.InFlight != 0 {
			t.Errorf("%s: %d requests left waiting and %d in flight", name, s.Waiting, s.InFlight)
		}
	}
}

// quick fails the test unless something took at most tolerated times the best possible time.
func quick(t *testing.T, took, best time.Duration) {
	t.Helper()
	ratio := float64(took) / float64(best)
	t.Logf("took %v, at best %v: %.4f", took, best, ratio)
	if ratio > tolerated || took < best {
		t.Errorf("took %v, which is %.4f of %v; want from 1 to %.2f of that", took, ratio, best, tolerated)
	}
}
