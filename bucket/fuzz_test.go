package bucket_test

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/underlimit/underlimit/bucket"
)

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

func (s *script) owner() string {
	return []string{"owner", "second", "third", "owner/part", "second/part"}[max(s.choose(8)-3, 0)]
}

// The policies of the script's buckets: each has one, whoever owns it.
var scriptPolicies = map[string]*bucket.Policy{
	"a1": {Hidden: true, Probe: true},
	"c1": {Hidden: true, Concurrent: 2},
	"a2": noPolicy,
	"b1": {Probe: true, Spread: 2 * sec, Reserve: 0.3},
	"b2": modelPace,
	"c2": modelGlobal.Policy,
	"d1": {Concurrent: 2},
	"d2": {Concurrent: 3, Quota: 4, Window: 3 * sec, Reserve: 0.5},
	"e1": {Charged: true, Quota: 3, Window: 10 * sec},
	"e2": {Hidden: true},
	"f1": nil, // nothing is documented, as of a counter
	"f2": nil,
}

func (s *script) draw() bucket.Draw {
	d := learned([]string{"a", "b", "c", "d", "e", "f"}[s.choose(6)], []string{"1", "2"}[s.choose(2)])
	d.Key.Owner = s.owner()
	d.Policy = scriptPolicies[d.Key.Limit+d.Key.Subject]
	d.Weight = s.choose(4)
	return d
}

func (s *script) draws() []bucket.Draw {
	draws := make([]bucket.Draw, s.choose(6))
	for i := range draws {
		draws[i] = s.draw()
	}
	return draws
}

func (s *script) ticket() *bucket.Ticket {
	t := &bucket.Ticket{MaxWait: s.duration()}
	if s.choose(3) == 0 {
		t.Priority = int(s.number())
	}
	if s.choose(8) == 0 {
		t.Mode = []bucket.Mode{bucket.Reject, bucket.Shadow}[s.choose(2)]
	}
	return t
}

func (s *script) updates() []bucket.Update {
	if s.choose(3) == 0 {
		return s.sense()
	}
	updates := make([]bucket.Update, s.choose(5))
	for i := range updates {
		updates[i] = s.update()
		switch u := updates[i].(type) { // they may be pointed to
		case bucket.Charge:
			updates[i] = &u
		case bucket.SameBucket:
			updates[i] = &u
		case bucket.Stricter:
			updates[i] = &u
		}
	}
	return updates
}

func (s *script) update() bucket.Update {
	switch s.choose(15) {
	case 0, 1:
		return bucket.Block{Key: s.draw().Key, For: s.duration(), Hidden: s.choose(2) == 0, Precision: s.duration()}
	case 2:
		return bucket.Block{Key: s.draw().Key, For: s.duration(), First: s.duration(), Wider: s.draw().Key}
	case 3, 4, 5:
		return alias(s.draw(), s.draw())
	case 6:
		return bucket.SameOwner{Provider: "api", Owner: s.owner(), As: s.owner()}
	case 7:
		return bucket.SameBucket{Key: s.draw().Key, As: s.draw().Key}
	case 8:
		return bucket.Stricter{Key: s.draw().Key, Policy: scriptPolicies[s.draw().Key.Limit+"2"], For: s.duration()}
	case 9, 10:
		return bucket.Charge{Key: s.draw().Key}
	case 11:
		return bucket.Uncounted{Key: s.draw().Key}
	}
	if s.choose(8) == 0 {
		return bucket.Rule{
			Key: s.draw().Key, Quota: int(s.number()), Window: s.duration(), Concurrent: int(s.number()), Used: int(s.number()),
		}
	}
	w := bucket.Window{
		Key: s.draw().Key, Limit: int(s.number()), Remaining: int(s.number()), Doubt: s.choose(3),
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

// sense is an answer as a server might give it: a route, its counter, which may be another one each time, and a window,
// fixed or sliding.
func (s *script) sense() []bucket.Update {
	route, counter := s.draw(), s.draw()
	counter.Key.Owner, counter.Key.Subject = route.Key.Owner, route.Key.Subject
	limit := 3 + s.choose(3)
	used := 1 + s.choose(limit)
	after := time.Duration(1+s.choose(8)) * sec
	if s.choose(2) == 0 {
		after = time.Duration(used) * sec
	}
	return []bucket.Update{alias(route, counter), window(counter, limit, limit-used, after)}
}

// FuzzRegistry has requests come and go as a script says, answered with nonsense, and now and then has a new registry
// take the place of the present one. Whatever happens, none of them must contradict itself, nobody may be forgotten who
// waits, and nothing may be left at the end.
func FuzzRegistry(f *testing.F) {
	rnd := rand.NewChaCha8([32]byte{1})
	for i := range 200 {
		seed := make([]byte, 600+i%4)
		_, _ = rnd.Read(seed)
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 2000 {
			return
		}
		s := script(data)
		opts := &bucket.Options{
			MaxKeys: []int{5, 20}[s.choose(2)], MaxBlock: time.Minute, MaxQueue: []int{20, 3}[s.choose(2)],
			Overflow: bucket.Overflow(s.choose(2)), Reserve: []float64{0, 0.2, 0.5}[s.choose(3)],
		}
		inBubble(t, opts, func(b *bubble) {
			b.Chunk(chunks[len(data)%4])
			b.play(s, opts)
		})
	})
}

// restartOp is the least of the choices that stand for a restart: few enough of all bytes.
const restartOp = 252

func (b *bubble) play(s script, opts *bucket.Options) {
	var requests, leases []*request
	all := []*bubble{b} // the latest is the one that goes on; in the others those finish who came before
	for len(s) > 0 {
		requests, leases = returned(requests, leases)
		op := s.choose(256)
		if op < restartOp {
			op %= 9
		}
		switch {
		case op >= restartOp:
			b = b.restarted(b.saved(), opts)
			all = append(all, b)
		case op <= 2:
			ticket, draws := s.ticket(), s.draws()
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
		case op == 6:
			b.explain(&s, requests)
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
				updates, received := s.updates(), time.Now().Add(-s.duration())
				if len(updates) == 0 && received.UnixNano()%2 == 0 {
					lease.Failed(received)
				} else {
					lease.Done(received, updates...)
				}
			}
		}
		synctest.Wait()
		for _, b := range all {
			b.check()
		}
		b.Stats()
	}
	playOut(all, requests, leases)
}

// playOut has whoever still waits go, as those before are answered and time passes.
func playOut(all []*bubble, requests, leases []*request) {
	requests, leases = returned(requests, leases)
	for len(requests) > 0 || len(leases) > 0 {
		for _, q := range leases {
			q.lease.Done(time.Now())
		}
		waiting := len(requests)
		for i, b := range all {
			b.pass([]time.Duration{30 * time.Minute, 0}[min(i, 1)])
		}
		requests, leases = returned(requests, nil)
		if waiting > 0 && len(requests) == waiting {
			all[0].Fatalf("%d wait for ever", waiting)
		}
	}
	for _, b := range all {
		if n := b.Referred(); n != 0 || b.Timer() {
			b.Errorf("%d references are left, and a timer runs: %v", n, b.Timer())
		}
	}
}

// returned moves those whose turn came from the requests to the leases, and drops those that failed.
func returned(requests, leases []*request) (_, _ []*request) {
	return slices.DeleteFunc(requests, func(q *request) bool {
		if q.ended() && q.err == nil {
			leases = append(leases, q)
		}
		return q.over
	}), leases
}

// explain asks what some request would meet; that changes nothing, and one that waits nowhere does not have to.
func (b *bubble) explain(s *script, requests []*request) {
	var ticket *bucket.Ticket
	if len(requests) > 0 && s.choose(2) == 0 {
		ticket = requests[s.choose(len(requests))].ticket
	}
	buckets, draws := b.Stats().Buckets, s.draws()
	x := b.Explain(ticket, draws...)
	if len(x.Buckets) != len(draws) || x.Wait < 0 || (x.Wait > 0) != (x.Key != bucket.Key{}) {
		b.Fatalf("of %d draws: %+v", len(draws), x)
	}
	for i, st := range x.Buckets {
		if st.Key != draws[i].Key || st.Ahead > st.Waiting || st.InFlight < 0 || st.Remaining < 0 {
			b.Fatalf("%+v", st)
		}
	}
	if got := b.Stats().Buckets; got != buckets {
		b.Fatalf("there were %d buckets, and are %d", buckets, got)
	}
}
