package workload_test

import (
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/underlimit/underlimit/providers/discord/discordtest"
	"github.com/underlimit/underlimit/providers/intercom"
	"github.com/underlimit/underlimit/providers/intercom/intercomtest"
)

func TestADiscordClockNinetySecondsOff(t *testing.T) {
	for _, skew := range []time.Duration{-90 * time.Second, 90 * time.Second} {
		t.Run(skew.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := discordFake(discordtest.Options{Global: -1, Skew: skew})
				defer f.Close()
				run(t, routesOnly(), f, messages("/v10", 20, 30), 5*5*time.Second+roundTrip)
			})
		})
	}
}

// stepping is a clock that steps once, as a request arrives that is sent so long after the start.
func stepping(at, by time.Duration) func(since time.Duration) time.Duration {
	return func(since time.Duration) time.Duration {
		if since < at+uplink {
			return 0
		}
		return by
	}
}

func TestADiscordClockThatStepsDelaysNobody(t *testing.T) {
	const window = time.Minute
	for _, step := range []time.Duration{-time.Hour, -30 * time.Second, 30 * time.Second} {
		for name, o := range map[string]discordtest.Options{
			"and both times are told":      {},
			"and only the instant is told": {ResetOnly: true},
		} {
			for how, every := range map[string]time.Duration{"at once": 0, "one by one": time.Second} {
				t.Run(fmt.Sprint(step, " ", name, ", calls ", how), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						o.Global, o.Drift = -1, stepping(90*time.Second, step)
						o.Limits = map[string]discordtest.Limit{postMessage: {N: 50, Window: window}}
						f := discordFake(o)
						defer f.Close()
						// Of an instant alone one learns to a second when it is, because Date has no fractions; the window
						// is so long that this may be.
						run(t, routesOnly(), f, spaced(0, every, messages("/v10", 1, 300)), (300/50-1)*window+roundTrip)
					})
				})
			}
		}
	}
}

func TestAnIntercomClockThatStepsMovesTheWindows(t *testing.T) {
	const limit, window = 166, 10 * time.Second
	for _, tt := range []struct {
		step time.Duration // after 15 s, in the middle of the second window
		next time.Duration // when the third begins
		used int           // of the window in which the flood comes
	}{
		{3400 * time.Millisecond, 16600 * time.Millisecond, 2},
		{-3400 * time.Millisecond, 23400 * time.Millisecond, 35},
	} {
		t.Run(tt.step.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := intercomtest.NewServer(&intercomtest.Options{
					Limit: limit, Uplink: uplink, Downlink: downlink, Drift: stepping(15*time.Second, tt.step),
				})
				defer f.Close()
				// Some calls before and after the step, so that answers tell of it, and then more than three windows hold.
				const flood, n = 17 * time.Second, 500
				calls := contacts(85 + n)
				spaced(0, flood/85, calls[:85])
				spaced(flood, 0, calls[85:])
				begins := tt.next
				if begins < flood {
					begins += window
				}
				for left := n - (limit - tt.used); left > limit; left -= limit {
					begins += window
				}
				run(t, intercom.New(nil), f, calls, begins+downlink)
			})
		})
	}
}

// contacts is n calls of one Intercom app.
func contacts(n int) []call {
	var calls []call
	for i := range n {
		calls = append(calls, call{
			method: http.MethodGet,
			url:    fmt.Sprintf("https://api.intercom.io/contacts?page=%d", i+1),
			header: http.Header{"Authorization": {"Bearer test"}},
		})
	}
	return calls
}
