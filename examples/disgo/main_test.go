package main

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/disgoorg/disgo/rest"

	"github.com/underlimit/underlimit/examples/internal/discordload"
)

func sdk(own rest.RateLimiter) discordload.SDK {
	return func(base http.RoundTripper) (discordload.Program, error) {
		client := newClient("test", base, own)
		return func(channels []string, senders, n int) error { return run(client, channels, senders, n) }, nil
	}
}

// limiters are those that a client of disgo may have of its own, with as many senders to one channel as each stands.
// disgo's limiter has a goroutine that never ends, so that it must begin outside of a bubble, and reads the name of a
// bucket before it locks it: the race detector sees that as soon as two senders share a channel.
func limiters() map[string]limiter {
	senders, hot := 4, 100
	if raceDetector {
		senders, hot = 1, 1
	}
	return map[string]limiter{
		"without its limiter": {rest.NewNoopRateLimiter(), 4, 100, false},
		"with its limiter":    {rest.NewRateLimiter(rest.WithCleanupInterval(time.Hour)), senders, hot, true},
	}
}

type limiter struct {
	rest.RateLimiter
	senders    int // to each of several channels
	hot        int // to one that allows far more than one at a time
	oneAtATime bool
}

func TestDisgoStaysUnderTheLimitsOfManyChannels(t *testing.T) {
	for name, own := range limiters() {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { discordload.Many(t, sdk(own), own.senders, 0) })
		})
	}
}

func TestDisgoUsesTheGlobalLimit(t *testing.T) {
	for name, own := range limiters() {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { discordload.Global(t, sdk(own)) })
		})
	}
}

func TestDisgoUsesAHotBucket(t *testing.T) {
	for name, own := range limiters() {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { discordload.Hot(t, sdk(own), own.hot, own.oneAtATime) })
		})
	}
}
