package bucket_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/underlimit/underlimit/bucket"
)

// TestNobodyIsRefusedThoughRequestsAreLost has few requests at a time meet a server of which nobody knows whether its
// windows slide, while many of them get no answer. On a first channel, one answer may have told of the limit.
func TestNobodyIsRefusedThoughRequestsAreLost(t *testing.T) {
	for seed := range uint64(450) {
		inBubble(t, nil, func(b *bubble) {
			rnd := rand.New(rand.NewPCG(seed, 7))
			limit, period, slower := 2+rnd.IntN(4), time.Duration(4+rnd.IntN(12))*250*ms, time.Duration(1)
			if rnd.IntN(3) == 0 { // a round trip may take nearly as long as a unit to come back
				period, slower = period+500*ms, 10
			}
			get := worldRoute{name: "get", hashes: []string{"h"}, counter: "get", limit: limit, period: period}
			if rnd.IntN(3) == 0 {
				get.period, get.length = 0, time.Duration(limit)*period
			}
			list := get
			list.name = "list" // which the same counter counts
			routes := []worldRoute{get, list}[:1+rnd.IntN(2)]

			w := newWorld(b)
			for range 2 {
				for _, way := range modelWays {
					w.do(b.Context(), w.lossy(worldRoute{name: "way", hashes: []string{"way"}, counter: "way", limit: 9, length: sec},
						"first", way*slower))
					b.pass(sec)
				}
			}
			if len(routes) == 2 || rnd.IntN(4) > 0 { // else, one goes ahead to see
				for _, route := range routes {
					w.do(b.Context(), w.lossy(route, "first", modelWays[0]*slower))
				}
			}
			b.pass(time.Minute)
			const n = 40
			w = newWorld(b)
			lost := 4 + rnd.IntN(8)
			for range n {
				q := w.lossy(routes[rnd.IntN(len(routes))], fmt.Sprint(rnd.IntN(2)), modelWays[rnd.IntN(len(modelWays))]*slower)
				q.fate = []worldFate{neverAnswered, neverSent, answered}[min(rnd.IntN(lost), 2)]
				if q.fate == answered && rnd.IntN(4) == 0 {
					q.weights[0] = 2
				}
				go w.do(b.Context(), q)
				if rnd.IntN(3) == 0 {
					b.pass(time.Duration(rnd.Int64N(int64(time.Duration(1+rnd.IntN(3)) * sec))))
				}
			}
			b.pass(time.Hour)
			w.verify(n, n)
			if t.Failed() {
				t.Fatalf("world %d: %d of %v", seed, limit, period)
			}
		})
	}
}

// lossy is a request on one route.
func (w *world) lossy(route worldRoute, channel string, way time.Duration) *worldRequest {
	return &worldRequest{
		owner: "owner", channel: channel, routes: []worldRoute{route}, weights: []int{1},
		ticket: &bucket.Ticket{}, way: way, back: worldBacks[0],
	}
}
