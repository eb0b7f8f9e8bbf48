package bucket_test

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/underlimit/underlimit/bucket"
)

// The model's limits: a quota over all requests; a window of each channel, which begins with its first request and
// which two routes share; and a pace of one of the routes on each channel.
const (
	modelQuota  = 20
	modelLimit  = 5
	modelWindow = 5 * sec
	modelEvery  = 700 * ms
	modelBurst  = 2

	modelBack = 10 * ms // how long an answer is on the way
)

var (
	modelGlobal = bucket.Draw{Key: key("global", ""), Policy: &bucket.Policy{Quota: modelQuota, Window: sec}}
	modelPace   = &bucket.Policy{Every: modelEvery, Burst: modelBurst}
	modelWays   = []time.Duration{20 * ms, 70 * ms, 120 * ms} // how long a request is on the way
)

// A model is a server that keeps its limits strictly, and what its clients saw.
type model struct {
	*bubble
	mu       sync.Mutex
	arrived  []time.Duration            // all that it counted
	ends     map[string]time.Duration   // of each channel's window
	used     map[string]int             // in it
	refused  []string                   // why, for each request above a limit
	grants   map[string][]modelGrant    // of each route and channel
	paced    map[string][]time.Duration // of those, the departures that a pace is kept for
	returned int
}

type modelGrant struct {
	seq uint64
	at  time.Duration
}

// count is the arrival of a request at the server, and returns how much is left of the channel's window, and its end.
func (m *model) count(channel string) (remaining int, end time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.now()
	m.arrived = append(m.arrived, now)
	if now >= m.ends[channel] {
		m.ends[channel], m.used[channel] = now+modelWindow, 0
	}
	if m.used[channel]++; m.used[channel] > modelLimit {
		m.refused = append(m.refused, fmt.Sprintf("%v: channel %s", now, channel))
	}
	return max(modelLimit-m.used[channel], 0), m.ends[channel]
}

func modelDraws(route, channel string) []bucket.Draw {
	draws := []bucket.Draw{modelGlobal, learned(route, channel)}
	if route == "put" {
		draws = append(draws, bucket.Draw{Key: key("pace", channel), Policy: modelPace})
	}
	return draws
}

// request is one client's request, whose way takes so long.
func (m *model) request(ctx context.Context, ticket *bucket.Ticket, route, channel string, way time.Duration, fate int) {
	lease, err := m.AcquireTicket(ctx, ticket, modelDraws(route, channel)...)
	m.mu.Lock()
	m.returned++
	if err == nil {
		name := route + " " + channel
		m.grants[name] = append(m.grants[name], modelGrant{ticket.Seq(), m.now()})
		if route == "put" && fate != 0 {
			m.paced[channel] = append(m.paced[channel], m.now())
		}
	}
	m.mu.Unlock()
	switch {
	case err != nil:
		return
	case fate == 0: // never sent
		lease.Cancel()
		return
	}
	time.Sleep(way)
	remaining, end := m.count(channel)
	if fate == 1 { // never answered
		time.Sleep(3 * sec)
		lease.Lost()
		return
	}
	after := end - m.now()
	time.Sleep(modelBack)
	hash := learned("hash", channel)
	lease.Done(time.Now(), alias(learned(route, channel), hash), window(hash, modelLimit, remaining, after))
}

// traffic is many requests at random, of which some give up.
func (m *model) traffic(rnd *rand.Rand, n int) (patient int) {
	for range n {
		ctx, cancel := context.WithCancel(m.Context())
		ticket := &bucket.Ticket{}
		switch giveUp := time.Duration(rnd.Int64N(int64(20 * sec))); rnd.IntN(8) {
		case 0:
			ctx, cancel = context.WithTimeout(m.Context(), giveUp)
		case 1:
			ticket.MaxWait = giveUp + 1
		case 2:
			time.AfterFunc(giveUp, cancel)
		default:
			patient++
		}
		m.Cleanup(cancel)
		route, channel := []string{"get", "put"}[rnd.IntN(2)], fmt.Sprint(rnd.IntN(6))
		way, fate := modelWays[rnd.IntN(len(modelWays))], rnd.IntN(12)
		go m.request(ctx, ticket, route, channel, way, fate)
		if rnd.IntN(4) == 0 {
			m.pass(time.Duration(rnd.Int64N(int64(200 * ms))))
		}
	}
	return patient
}

func TestALoneClientIsNeverRefused(t *testing.T) {
	for _, seed := range []uint64{0, 1, 2, 3, 4, 5, 6, 458} {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			inBubble(t, nil, func(b *bubble) {
				b.Chunk(chunks[seed%4])
				m := &model{
					bubble: b, ends: map[string]time.Duration{}, used: map[string]int{},
					grants: map[string][]modelGrant{}, paced: map[string][]time.Duration{},
				}
				// Nobody can know before the first answers which routes share a counter, and how long the way is.
				for _, route := range []string{"get", "put"} {
					for _, way := range modelWays {
						m.request(b.Context(), new(bucket.Ticket), route, "first", way, -1)
					}
				}
				m.arrived = nil
				b.pass(sec)
				patient := m.traffic(rand.New(rand.NewPCG(seed, 0)), 400)
				b.pass(time.Hour)
				m.verify(6+400, patient)
			})
		})
	}
}

// verify checks what must hold once all has ended.
func (m *model) verify(requests, patient int) {
	m.Helper()
	for _, why := range m.refused {
		m.Errorf("refused after %s", why)
	}
	if most := mostIn(m.arrived, sec); most > modelQuota {
		m.Errorf("%d requests arrived within a second, want at most %d", most, modelQuota)
	}
	granted := 0
	for name, grants := range m.grants {
		granted += len(grants)
		slices.SortFunc(grants, func(a, b modelGrant) int { return cmp.Compare(a.seq, b.seq) })
		if !slices.IsSortedFunc(grants, func(a, b modelGrant) int { return cmp.Compare(a.at, b.at) }) {
			m.Errorf("%s: requests were granted out of order: %v", name, grants)
		}
	}
	for channel, at := range m.paced {
		for i := modelBurst; i < len(at); i++ {
			if span := at[i] - at[i-modelBurst]; span < modelEvery {
				m.Errorf("channel %s: %d within %v", channel, modelBurst+1, span)
			}
		}
	}
	if m.returned != requests || granted < patient {
		m.Errorf("%d of %d returned, and %d were granted, want at least %d", m.returned, requests, granted, patient)
	}
	if got := m.stats(); got.Waiting != 0 || got.InFlight != 0 || m.Referred() != 0 || m.Timer() {
		m.Errorf("at the end %d wait, %d are in flight, %d references are left, a timer runs: %v",
			got.Waiting, got.InFlight, m.Referred(), m.Timer())
	}
}
