package workload_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/underlimit/underlimit/providers/apitest"
	"github.com/underlimit/underlimit/providers/intercom"
	"github.com/underlimit/underlimit/providers/intercom/intercomtest"
	"github.com/underlimit/underlimit/transport"
)

const intercomWindow = 10 * time.Second

// A sync is calls that workers make, each one after the other.
type intercomSync struct {
	calls   []call
	workers int
}

// run returns once all calls are answered.
func (s intercomSync) run(t *testing.T, client *http.Client) {
	t.Helper()
	queue := make(chan call)
	var wg sync.WaitGroup
	for range s.workers {
		wg.Go(func() {
			for c := range queue {
				if err := do(t.Context(), client, c); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for _, c := range s.calls {
		queue <- c
	}
	close(queue)
	wg.Wait()
}

// bestSync is the least that n calls by some workers can take, if a window of the server's clock holds limit, that clock
// shows now at the start, and the way there and back takes up and down. In the first window, workers may not have the time
// for all that it holds. What the whole ones after it leave over is sent by as many workers at once as there are, so that
// the first calls arrive as the last window begins.
func bestSync(n, limit, workers int, now time.Time, up, down time.Duration) time.Duration {
	first := now.Truncate(intercomWindow).Add(intercomWindow).Sub(now)
	rounds := int((first-up-1)/(up+down)) + 1 // whose calls arrive in the first window
	if n -= min(limit, workers*rounds); n <= 0 {
		panic("no window is waited for")
	}
	windows := (n - 1) / limit // whole ones
	return first + time.Duration(windows)*intercomWindow + down + time.Duration((n-windows*limit-1)/workers)*(up+down)
}

func TestAnIntercomSyncUsesWholeWindowsAndBreaksNone(t *testing.T) {
	const workers, way = 64, 40 * time.Millisecond // in each direction
	for i, clock := range []struct {
		skew  time.Duration
		drift float64 // in seconds a second
	}{
		{0, 0},
		{400 * time.Millisecond, 0},
		{-400 * time.Millisecond, 0},
		{90 * time.Second, 0},
		{-90 * time.Second, 0},
		{93400 * time.Millisecond, 0},
		{0, 150e-6},
		{400 * time.Millisecond, -150e-6},
	} {
		sizes := []struct{ limit, n int }{{83, 1000}, {166, 1000}, {167, 1000}}
		if i%3 == 2 {
			sizes = append(sizes, struct{ limit, n int }{1667, 5100})
		}
		for _, size := range sizes {
			excludes := (size.limit+i)%2 == 0
			name := fmt.Sprint(size.limit, ", ", clock.skew, " and ", clock.drift, " off, remaining excludes itself: ", excludes)
			t.Run(name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					f := intercomtest.NewServer(&intercomtest.Options{
						Limit: size.limit, Uplink: way, Downlink: way, ExcludeSelf: excludes, Skew: clock.skew,
						Drift: func(since time.Duration) time.Duration { return time.Duration(clock.drift * float64(since)) },
					})
					defer f.Close()
					client, registry := newClient(intercom.New(nil), f)
					start := time.Now()
					intercomSync{contacts(size.n), workers}.run(t, client)
					took := time.Since(start)
					clean(t, f, apitest.Report{}, registry, size.n)
					best := bestSync(size.n, size.limit, workers, start.Add(clock.skew), way, way)
					best = time.Duration(float64(best) / (1 + max(clock.drift, 0))) // a fast clock's windows are shorter
					quick(t, took, best)
				})
			})
		}
	}
}

func TestIntercomAppsShareTheirWorkspace(t *testing.T) {
	const workers = 64 // of each app
	for _, tt := range []struct {
		apps, limit int
		perMinute   int // of the workspace, as the provider is told
		whole       int // what a window of it holds
		n           int // calls of each app
	}{
		{2, 166, 1500, 250, 1000},
		{2, 1667, 12_000, 2000, 3500},
		{3, 1667, 0, 4166, 3500},
	} {
		for _, skew := range []time.Duration{0, -90400 * time.Millisecond} {
			t.Run(fmt.Sprint(tt.apps, " of ", tt.limit, " in ", tt.whole, ", ", skew), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					f := intercomtest.NewServer(&intercomtest.Options{
						Limit: tt.limit, WorkspaceLimit: tt.whole, Uplink: uplink, Downlink: downlink, Skew: skew,
					})
					defer f.Close()
					client, registry := newClient(intercom.New(&intercom.Options{
						WorkspaceKey: func(*http.Request) string { return "the only one" }, WorkspacePerMinute: tt.perMinute,
					}), f)
					start := time.Now()
					var ends sync.Map
					var wg sync.WaitGroup
					for app := range tt.apps {
						calls := contacts(tt.n)
						for i := range calls {
							calls[i].header = http.Header{"Authorization": {fmt.Sprint("Bearer ", app)}}
						}
						wg.Go(func() {
							intercomSync{calls, workers}.run(t, client)
							ends.Store(app, time.Since(start))
						})
					}
					wg.Wait()
					clean(t, f, apitest.Report{}, registry, tt.apps*tt.n)
					best := bestSync(tt.apps*tt.n, tt.whole, tt.apps*workers, start.Add(skew), uplink, downlink)
					quick(t, time.Since(start), best)
					ends.Range(func(app, at any) bool {
						if took := at.(time.Duration); took < best-intercomWindow {
							t.Errorf("app %v was done after %v, and the others had to wait for it", app, took)
						}
						return true
					})
				})
			})
		}
	}
}

func TestInteractiveIntercomTrafficNeverWaitsForASync(t *testing.T) {
	const limit, reserved, workers, n = 166, 16, 64, 1000
	for _, skew := range []time.Duration{0, 90400 * time.Millisecond} {
		t.Run(skew.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := intercomtest.NewServer(&intercomtest.Options{
					Limit: limit, Uplink: uplink, Downlink: downlink, Skew: skew,
				})
				defer f.Close()
				client, registry := newClient(intercom.New(&intercom.Options{Reserve: 0.1}), f)
				start := time.Now()
				if err := do(t.Context(), client, contacts(1)[0]); err != nil { // which tells of the limit
					t.Fatal(err)
				}
				done := make(chan struct{})
				go func() {
					defer close(done)
					intercomSync{contacts(n), workers}.run(t, client)
				}()
				person := transport.WithPriority(t.Context(), 1)
				asked := 0
				for syncing := true; syncing; asked++ { // fewer in a window than are reserved
					time.Sleep(700*time.Millisecond - roundTrip)
					began := time.Now()
					if err := do(person, client, contacts(1)[0]); err != nil {
						t.Fatal(err)
					}
					if took := time.Since(began); took != roundTrip {
						t.Errorf("after %v somebody waited %v, want %v", time.Since(start), took, roundTrip)
					}
					select {
					case <-done:
						syncing = false
					default:
					}
				}
				took := time.Since(start)
				clean(t, f, apitest.Report{}, registry, 1+n+asked)
				quick(t, took, bestSync(1+n, limit-reserved, workers, start.Add(skew), uplink, downlink))
			})
		})
	}
}

// Answers take now longer and now shorter, some of them lack the headers, a few are lost, and every third window begins
// before its time.
func TestAnIntercomSyncBearsWhatServersDo(t *testing.T) {
	const limit, workers, n, skewEach = 166, 64, 1000, 1300 * time.Millisecond
	for seed := range uint64(8) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				rnd := rand.New(rand.NewPCG(seed, 1))
				var mu sync.Mutex
				chance := func(of float64) bool {
					mu.Lock()
					defer mu.Unlock()
					return rnd.Float64() < of
				}
				f := intercomtest.NewServer(&intercomtest.Options{
					Limit: limit, Uplink: uplink, Downlink: downlink, Jitter: jitter, Seed: seed,
					ExcludeSelf: seed%2 == 1, Skew: time.Duration(seed) * skewEach,
					Bare: func(*http.Request) bool { return chance(0.02) },
					Early: func(ends time.Time) time.Duration {
						if ends.Unix()%30 == 0 {
							return 2500 * time.Millisecond
						}
						return 0
					},
					Fault: func(*http.Request) intercomtest.Fault {
						if chance(0.01) {
							return intercomtest.Fault{Status: http.StatusBadGateway, Processed: true}
						}
						return intercomtest.Fault{}
					},
				})
				defer f.Close()
				client, _ := newClient(intercom.New(nil), f)
				start := time.Now()
				intercomSync{contacts(n), workers}.run(t, client)
				r := f.Report()
				if r.Refused != 0 || r.ViolationCount != 0 {
					t.Errorf("%d refused, %d violations: %v", r.Refused, r.ViolationCount, r.Violations)
				}
				took, clock := time.Since(start), start.Add(time.Duration(seed)*skewEach)
				best := bestSync(r.Calls, limit, workers, clock, uplink, downlink)
				if t.Logf("took %v, without early windows at best %v", took, best); float64(took) > tolerated*float64(best) {
					t.Errorf("took %v, want at most %.2f of %v", took, tolerated, best)
				}
			})
		})
	}
}
