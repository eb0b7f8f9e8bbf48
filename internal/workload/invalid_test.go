package workload_test

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/underlimit/underlimit/bucket"
	"github.com/underlimit/underlimit/providers/discord"
	"github.com/underlimit/underlimit/providers/discord/discordtest"
	"github.com/underlimit/underlimit/transport"
)

// Discord bans an address for 10,000 invalid requests in ten minutes, whatever tokens they came with.
const (
	banWindow  = 10 * time.Minute
	invalidCap = 9_500 // how far the adapter goes by default
)

// forbidding is a fake that forbids everything until that is mended.
func forbidding(mended *atomic.Bool) *discordtest.Server {
	return discordtest.NewServer(&discordtest.Options{
		Forbidden: func(*http.Request) bool { return !mended.Load() },
		Limits:    map[string]discordtest.Limit{postMessage: {}},
		Uplink:    uplink, Downlink: downlink,
	})
}

// forbidden is n calls, each to a channel of its own, with so many tokens in turn.
func forbidden(n, tokens int) []call {
	calls := messages("/v10", n, 1)
	for i := range calls {
		calls[i].header = maps.Clone(calls[i].header)
		calls[i].header.Set("Authorization", fmt.Sprintf("Bot test%d", i%tokens))
	}
	return calls
}

// send sends the calls, each at its time, whatever is answered, and returns when all of them are.
func send(ctx context.Context, client *http.Client, calls []call) {
	var wg sync.WaitGroup
	for _, c := range calls {
		wg.Go(func() {
			time.Sleep(c.at)
			_ = do(ctx, client, c)
		})
	}
	wg.Wait()
}

func TestInvalidRequestsStopBeforeTheBanAndAreTriedOneAtATime(t *testing.T) {
	const calls = 12_000
	for _, tokens := range []int{1, 3} {
		t.Run(fmt.Sprint(tokens, " tokens"), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var mended atomic.Bool
				f := forbidding(&mended)
				defer f.Close()
				var passed []int
				limits := transport.New(discord.New(nil), &transport.Options{
					Base: f.Transport(),
					Trace: &transport.Trace{Charged: func(_ context.Context, i transport.ChargeInfo) {
						if i.Passed > 0 {
							passed = append(passed, i.Passed)
						}
					}},
				})
				start := time.Now()
				done := make(chan time.Duration)
				go func() {
					send(t.Context(), &http.Client{Transport: limits}, forbidden(calls, tokens))
					done <- time.Since(start)
				}()

				time.Sleep(banWindow - time.Second)
				if report := f.Report(); report.Calls != invalidCap || report.Refused != 0 {
					t.Errorf("in the first ten minutes %d of %d were sent, and %d met the ban, want %d and none",
						report.Calls, calls, report.Refused, invalidCap)
				}
				if want := []int{50, 80, 95}; !slices.Equal(passed, want) {
					t.Errorf("warned at %v percent, want %v", passed, want)
				}

				// What went in the first few minutes leaves the window, and all of it could go again. But one goes to see, at
				// last once a minute.
				time.Sleep(time.Hour)
				sent := f.Report().Calls
				if more := sent - invalidCap; more < 50 || more > 6+60 {
					t.Errorf("in the next hour %d were sent, want one a minute", more)
				}

				// Then nothing is wrong any more: twice as many go each round trip.
				mended.Store(true)
				end := <-done
				arrivals := f.Arrivals()
				first, together := arrivals[sent].At, 0
				for _, a := range arrivals[sent:] {
					if a.At.Before(first.Add(5 * roundTrip)) {
						together++
					}
				}
				if together != 1+2+4+8+16 {
					t.Errorf("within five round trips of the first to be answered well %d were sent, want 31", together)
				}
				best := time.Duration((calls-sent)/50/tokens) * time.Second
				if took := start.Add(end).Sub(first); first.Sub(start) > banWindow+time.Hour+time.Minute || took > best+3*time.Second {
					t.Errorf("the rest went by %v, and took %v, want about %v", first.Sub(start), took, best)
				}
				if report := f.Report(); report.Calls != calls || report.Refused != 0 {
					t.Errorf("%d were sent, %d met the ban; want %d, none", report.Calls, report.Refused, calls)
				}
			})
		})
	}
}

func TestInvalidRequestsCountAcrossARestart(t *testing.T) {
	file := filepath.Join(t.TempDir(), "state")
	synctest.Test(t, func(t *testing.T) {
		f := forbidding(new(atomic.Bool))
		defer f.Close()
		p := discord.New(&discord.Options{InvalidPer10Minutes: 100})
		start := time.Now()
		client, registry := newClient(p, f)
		send(t.Context(), client, forbidden(70, 1))
		if err := registry.SaveFile(file); err != nil {
			t.Fatal(err)
		}

		next := bucket.NewRegistry(nil)
		if err := next.LoadFile(file); err != nil {
			t.Fatal(err)
		}
		client = &http.Client{Transport: transport.New(p, &transport.Options{Base: f.Transport(), Buckets: next})}
		ctx, cancel := context.WithDeadline(t.Context(), start.Add(banWindow-time.Second))
		defer cancel()
		send(ctx, client, forbidden(70, 3))
		if got := f.Report().Calls; got != 100 {
			t.Errorf("%d were sent in ten minutes, want 100 over both processes", got)
		}
	})
}

func TestWhatIsNotInvalidIsNotHeldBackByTheGuard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := discordFake(discordtest.Options{Limits: map[string]discordtest.Limit{postMessage: {}}})
		defer f.Close()
		p := discord.New(&discord.Options{InvalidPer10Minutes: 60})
		run(t, p, f, messages("/v10", 1500, 1), 29*time.Second+roundTrip) // 50 a second
	})
}
