package metrics_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/underlimit/underlimit/bucket"
	"github.com/underlimit/underlimit/metrics"
)

func TestACollectorShowsThis(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reg := bucket.NewRegistry(&bucket.Options{MaxKeys: 3})
		collector := metrics.NewCollector(reg)
		take := func(key bucket.Key) bucket.Lease {
			lease, err := reg.Acquire(t.Context(), bucket.Draw{Key: key})
			if err != nil {
				t.Error(err)
			}
			return lease
		}
		forgotten := bucket.Key{Provider: "slack", Limit: "api.test", Owner: "secret owner"}
		take(forgotten).Done(time.Now(), bucket.Window{Key: forgotten, Limit: 5, Remaining: 0, ResetAfter: time.Second})

		open := bucket.Key{Provider: "slack", Limit: "users.info", Owner: "secret owner"}
		take(open).Done(time.Now(), bucket.Window{Key: open, Limit: 5, Remaining: 4, ResetAfter: time.Minute})
		take(open).Done(time.Now(), bucket.Window{Key: open, Limit: 9, Remaining: 7, ResetAfter: time.Minute})

		empty := bucket.Key{Provider: "slack", Limit: "users.list", Owner: "secret owner"}
		take(empty).Done(time.Now(), bucket.Window{Key: empty, Limit: 5, Remaining: 0, ResetAfter: time.Minute})

		blocked := bucket.Key{Provider: "slack", Limit: "chat.postMessage", Owner: "secret owner", Subject: "secret channel"}
		take(blocked).Done(time.Now(), bucket.Block{Key: blocked, For: time.Minute})

		underway := take(open)
		go func() { take(blocked).Cancel() }()
		synctest.Wait()

		prom := prometheus.NewPedanticRegistry()
		prom.MustRegister(collector)
		golden(t, prom, "testdata/state.txt")
		lint(t, prom)

		underway.Cancel()
		time.Sleep(time.Hour)
		synctest.Wait()
		for _, name := range []string{"requests_in_flight", "requests_queued"} {
			if got := series(t, prom, name); len(got) != 0 {
				t.Errorf("%s: got %v when all is done", name, got)
			}
		}
	})
}

func TestNobodyAndNothingInParticularIsEverALabel(t *testing.T) {
	reg := bucket.NewRegistry(nil)
	key := bucket.Key{Provider: "slack", Limit: "a limit", Owner: "an owner", Subject: "a subject"}
	lease, err := reg.Acquire(t.Context(), bucket.Draw{Key: key})
	if err != nil {
		t.Fatal(err)
	}
	lease.Done(time.Now())
	prom := prometheus.NewPedanticRegistry()
	prom.MustRegister(metrics.NewCollector(reg))
	families, err := prom.Gather()
	if err != nil || len(families) == 0 {
		t.Fatal(families, err)
	}
	for _, secret := range []string{key.Limit, key.Owner, key.Subject} {
		if strings.Contains(fmt.Sprint(families), secret) {
			t.Errorf("%q is shown", secret)
		}
	}
}

func TestAnEmptyRegistryShowsNothing(t *testing.T) {
	prom := prometheus.NewPedanticRegistry()
	prom.MustRegister(metrics.NewCollector(bucket.NewRegistry(nil)))
	if families, err := prom.Gather(); err != nil || len(families) != 0 {
		t.Errorf("got %v, %v", families, err)
	}
}

func TestASecondCollectorIsAnError(t *testing.T) {
	prom := prometheus.NewPedanticRegistry()
	prom.MustRegister(metrics.NewCollector(bucket.NewRegistry(nil)))
	err := prom.Register(metrics.NewCollector(bucket.NewRegistry(nil)))
	if _, ok := errors.AsType[prometheus.AlreadyRegisteredError](err); !ok {
		t.Errorf("got %v", err)
	}
}

func TestAProvidersNameNeedNotBeUTF8(t *testing.T) {
	reg := bucket.NewRegistry(nil)
	if _, err := reg.Acquire(t.Context(), bucket.Draw{Key: bucket.Key{Provider: "\xff"}}); err != nil {
		t.Fatal(err)
	}
	prom := prometheus.NewPedanticRegistry()
	prom.MustRegister(metrics.NewCollector(reg))
	if got := series(t, prom, "requests_in_flight")["\uFFFD"]; got != 1 {
		t.Errorf("got %v, want 1", got)
	}
}
