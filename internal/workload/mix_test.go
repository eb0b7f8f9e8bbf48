package workload_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/underlimit/underlimit/bucket"
	"github.com/underlimit/underlimit/providers/apitest"
	"github.com/underlimit/underlimit/providers/discord"
	"github.com/underlimit/underlimit/providers/discord/discordtest"
	"github.com/underlimit/underlimit/transport"
)

// A mix is traffic at random: over limits of all shapes, with priorities, of which many calls are given up on
// while they wait or are on their way, and some are refused for what nobody could foresee.
type mix struct {
	*testing.T
	rnd    *rand.Rand
	client *http.Client
	wg     sync.WaitGroup

	mu    sync.Mutex
	ended int // as they should
}

const mixCalls, mixChannels = 300, 4

// mixLimits are two routes of their own, or with one counter, and a third.
func mixLimits(rnd *rand.Rand) map[string]discordtest.Limit {
	limit := func() discordtest.Limit {
		return discordtest.Limit{
			N: 2 + rnd.IntN(20), Window: time.Duration(1+rnd.IntN(15)) * time.Second, Sliding: rnd.IntN(2) == 0,
		}
	}
	limits := map[string]discordtest.Limit{postMessage: limit(), patchMessage: limit(), patchChannel: limit()}
	if rnd.IntN(2) == 0 {
		joint := limit()
		joint.Hash = "joint"
		limits[postMessage], limits[patchMessage] = joint, joint
	}
	return limits
}

// anyOf is a call on one of three routes of a channel.
func anyOf(route, channel int) call {
	switch route {
	case 0:
		return messages("/v10", channel+1, 1)[channel]
	case 1:
		return edits(channel+1, 1)[channel]
	}
	c := messages("/v10", channel+1, 1)[channel]
	c.method, c.body = http.MethodPatch, `{"nsfw":true}`
	c.url = c.url[:len(c.url)-len("/messages")]
	return c
}

// learnAll has each route answered some times, one call after another, in a channel that the traffic does not use.
func (m *mix) learnAll() {
	for range 8 {
		for route := range 3 {
			if err := do(m.Context(), m.client, anyOf(route, mixChannels)); err != nil {
				m.Fatal(err)
			}
		}
	}
	time.Sleep(time.Minute)
}

// send makes a call at some moment of half a minute, or with many others, and may give it up within ten seconds more.
func (m *mix) send(i int) {
	c := anyOf(m.rnd.IntN(3), m.rnd.IntN(mixChannels))
	c.at = time.Duration(m.rnd.Int64N(int64(30 * time.Second)))
	if m.rnd.IntN(2) == 0 {
		c.at = time.Duration(m.rnd.IntN(4)) * 5 * time.Second
	}
	c.at += time.Duration(i)
	ctx := transport.WithPriority(m.Context(), []int{0, 0, 0, 1, -1, 9}[m.rnd.IntN(6)])
	ctx, cancel := context.WithCancel(ctx)
	until := c.at + time.Duration(m.rnd.Int64N(int64(10*time.Second)))
	given := true
	switch m.rnd.IntN(16) {
	case 0:
		ctx, cancel = context.WithTimeout(ctx, until)
	case 1:
		time.AfterFunc(until, cancel)
	case 2:
		time.AfterFunc(c.at+time.Duration(m.rnd.Int64N(int64(roundTrip))), cancel) // on its way, if it need not wait
	default:
		given = false
	}
	m.wg.Go(func() {
		defer cancel()
		time.Sleep(c.at)
		if err := do(ctx, m.client, c); err != nil && !given {
			m.Error(err)
			return
		}
		m.mu.Lock()
		defer m.mu.Unlock()
		m.ended++
	})
}

func TestAMixOfEverythingIsRefusedNothingButWhatNobodyCouldForesee(t *testing.T) {
	for _, seed := range []uint64{0, 1, 2, 3, 4, 5, 6, 7, 88, 122, 217, 705, 1684} {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				rnd := rand.New(rand.NewPCG(seed, 7))
				blocks := 0
				var last time.Time
				o := discordtest.Options{
					Seed: seed, Jitter: []time.Duration{0, 0, jitter, 5 * jitter}[rnd.IntN(4)],
					ResetOnly: rnd.IntN(4) == 0, Global: []int{-1, 0}[rnd.IntN(2)], Limits: mixLimits(rnd),
				}
				refuses := false
				o.Refuse = func(*http.Request) discordtest.Refusal {
					if !refuses || time.Since(last) < 7*time.Second || blocks == 4 {
						return discordtest.Refusal{}
					}
					blocks, last = blocks+1, time.Now()
					return discordtest.Refusal{Scope: discordtest.Shared, After: time.Duration(blocks) * time.Second}
				}
				f := discordFake(o)
				defer f.Close()
				limits := transport.New(discord.New(nil), &transport.Options{
					Base:    f.Transport(),
					Buckets: bucket.NewRegistry(&bucket.Options{Reserve: []float64{0, 0.3}[rnd.IntN(2)]}),
				})
				m := &mix{T: t, rnd: rnd, client: &http.Client{Transport: limits}}
				m.learnAll()
				refuses = seed%2 == 1
				start := time.Now()
				for i := range mixCalls {
					m.send(i)
				}
				m.wg.Wait()
				t.Logf("took %v: %+v", time.Since(start), o.Limits)
				m.verify(f.Report(), limits.Buckets(), blocks)
			})
		})
	}
}

// verify fails the test unless no more calls were refused than blocks came of it, all have ended, and nothing is left.
func (m *mix) verify(r apitest.Report, registry *bucket.Registry, blocks int) {
	m.Helper()
	if r.Refused != blocks || r.ViolationCount != 0 {
		m.Errorf("%d refused, %d violations, want %d and none: %v %v",
			r.Refused, r.ViolationCount, blocks, r.RefusedBy, r.Violations)
	}
	if m.ended != mixCalls {
		m.Errorf("%d ended as they should, want %d", m.ended, mixCalls)
	}
	idle(m.T, registry)
}
