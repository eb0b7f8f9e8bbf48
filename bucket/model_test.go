package bucket_test

import (
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
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
	for seed := range uint64(8) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			inBubble(t, nil, func(b *bubble) {
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

// A script reads a fuzzer's bytes as choices.
type script []byte

func (s *script) choose(n int) int {
	if len(*s) == 0 {
		return 0
	}
	c := int((*s)[0])
	*s = (*s)[1:]
	return c % n
}

// number is any number, most often a small one.
func (s *script) number() int64 {
	if s.choose(4) > 0 || len(*s) < 8 {
		return int64(s.choose(8)) - 1
	}
	n := int64(binary.LittleEndian.Uint64(*s))
	*s = (*s)[8:]
	return n
}

func (s *script) duration() time.Duration {
	n := s.number()
	if n >= -1 && n < 8 {
		return time.Duration(n) * 500 * ms
	}
	return time.Duration(n)
}

func (s *script) draw() bucket.Draw {
	d := learned([]string{"a", "b", "c"}[s.choose(3)], []string{"1", "2"}[s.choose(2)])
	switch d.Key.Limit + d.Key.Subject { // each bucket has one policy
	case "a2":
		d.Policy = noPolicy
	case "b2":
		d.Policy = modelPace
	case "c2":
		d.Policy = modelGlobal.Policy
	}
	d.Weight = s.choose(4)
	return d
}

func (s *script) update() bucket.Update {
	switch s.choose(3) {
	case 0:
		return block(s.draw(), s.duration())
	case 1:
		return alias(s.draw(), s.draw())
	}
	w := bucket.Window{
		Key: s.draw().Key, Limit: int(s.number()), Remaining: int(s.number()),
		ResetAfter: s.duration(), Precision: s.duration(),
	}
	if s.choose(3) == 0 {
		w.ResetAt = time.Now().Add(s.duration())
	}
	if s.choose(3) == 0 {
		w.Date = time.Now().Add(s.duration())
	}
	return w
}

// FuzzRegistry has requests come and go as a script says, answered with nonsense. Whatever happens, the registry must
// not contradict itself, nobody may be forgotten who waits, and nothing may be left at the end.
func FuzzRegistry(f *testing.F) {
	rnd := rand.NewChaCha8([32]byte{1})
	for range 60 {
		seed := make([]byte, 400)
		_, _ = rnd.Read(seed)
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 2000 {
			return
		}
		inBubble(t, &bucket.Options{MaxKeys: 5, MaxBlock: time.Minute, MaxQueue: 20}, func(b *bubble) { b.play(data) })
	})
}

func (b *bubble) play(s script) {
	var requests, leases []*request
	for len(s) > 0 {
		for _, q := range requests { // those whose turn came
			if q.ended() && q.err == nil {
				leases = append(leases, q)
			}
		}
		requests = slices.DeleteFunc(requests, (*request).ended)
		switch op := s.choose(8); {
		case op <= 2:
			draws := make([]bucket.Draw, s.choose(6))
			for i := range draws {
				draws[i] = s.draw()
			}
			ticket := &bucket.Ticket{MaxWait: s.duration()}
			if i := s.choose(20); i < len(leases) { // once it was answered, it goes again
				ticket = leases[i].ticket
				leases[i].lease.Done(time.Now())
				leases = slices.Delete(leases, i, i+1)
			}
			requests = append(requests, b.askWith(b.Context(), ticket, draws...))
		case op == 3 && len(requests) > 0:
			requests[s.choose(len(requests))].cancel()
		case op == 4:
			b.Unblock(s.draw().Key)
		case op == 5:
			time.Sleep(s.duration() % (2 * time.Minute))
		case len(leases) > 0:
			i := s.choose(len(leases))
			lease := leases[i].lease
			leases = slices.Delete(leases, i, i+1)
			switch s.choose(6) {
			case 0:
				lease.Cancel()
			case 1:
				lease.Lost()
			default:
				updates := make([]bucket.Update, s.choose(5))
				for i := range updates {
					updates[i] = s.update()
				}
				lease.Done(time.Now().Add(-s.duration()), updates...)
			}
		}
		synctest.Wait()
		b.check()
		b.Stats()
	}
	// Whoever still waits goes, as those before are answered and time passes.
	for len(requests) > 0 || len(leases) > 0 {
		for _, q := range leases {
			q.lease.Done(time.Now())
		}
		leases = nil
		waiting := len(requests)
		b.pass(30 * time.Minute)
		for _, q := range requests {
			if q.ended() && q.err == nil {
				leases = append(leases, q)
			}
		}
		requests = slices.DeleteFunc(requests, (*request).ended)
		if waiting > 0 && len(requests) == waiting {
			b.Fatalf("%d wait for ever", waiting)
		}
	}
	if n := b.Referred(); n != 0 || b.Timer() {
		b.Errorf("%d references are left, and a timer runs: %v", n, b.Timer())
	}
}
