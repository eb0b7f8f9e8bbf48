package workload_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/underlimit/underlimit/providers/intercom"
	"github.com/underlimit/underlimit/providers/intercom/intercomtest"
)

func TestIntercomWindowsWithMoreCallsThanThreeHold(t *testing.T) {
	const limit, n, window = 166, 700, 10 * time.Second
	for _, skew := range []time.Duration{0, -90 * time.Second, 90 * time.Second, 93400 * time.Millisecond} {
		t.Run(skew.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := intercomtest.NewServer(&intercomtest.Options{
					Limit: limit, Uplink: uplink, Downlink: downlink, Skew: skew,
				})
				defer f.Close()
				// The windows are those of the server's clock. The best client sends what is left over so that it
				// arrives as the last of them begins.
				now := time.Now().Add(skew)
				first := now.Truncate(window).Add(window).Sub(now)
				best := first + (n/limit-1)*window + downlink
				run(t, intercom.New(nil), f, contacts(n), best)
			})
		})
	}
}
