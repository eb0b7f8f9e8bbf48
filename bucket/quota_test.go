package bucket_test

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"golang.org/x/time/rate"

	"github.com/underlimit/underlimit/bucket"
)

func TestPolicyLedgers(t *testing.T) {
	type line struct {
		at    time.Duration
		units int           // to be taken, if they may go now; negative: given back
		ready time.Duration // when they may go
	}
	quota := bucket.Policy{Quota: 3, Window: 10 * sec}
	pace := bucket.Policy{Every: sec, Burst: 3}
	for _, tt := range []struct {
		name   string
		policy bucket.Policy
		trips  []time.Duration
		ledger []line
	}{
		{"all of a quota at once, and then each a window after the one before", quota, nil, []line{
			{0, 1, 0},
			{4 * sec, 2, 4 * sec},
			{4 * sec, 1, 10 * sec},
			{10*sec - 1, 1, 10 * sec},
			{10 * sec, 1, 10 * sec},
			{10 * sec, 1, 14 * sec},
			{14 * sec, 2, 14 * sec},
		}},
		{"a quota waits for as many as it takes", quota, nil, []line{
			{0, 1, 0}, {1 * sec, 1, 1 * sec}, {2 * sec, 1, 2 * sec}, {3 * sec, 2, 11 * sec}, {3 * sec, 3, 12 * sec},
		}},
		{"more than the quota goes when all of it is there", quota, nil, []line{
			{0, 1, 0}, {1 * sec, 5, 10 * sec}, {10 * sec, 5, 10 * sec}, {10 * sec, 1, 20 * sec},
		}},
		{"units not answered yet are taken to be as late as others were", quota, []time.Duration{100 * ms, 140 * ms}, []line{
			{0, 3, 0}, {1 * sec, 1, 10*sec + 80*ms}, {10*sec + 80*ms, 1, 10*sec + 80*ms},
		}},
		{
			"a pace without a burst keeps the margin each time",
			bucket.Policy{Every: sec},
			[]time.Duration{100 * ms, 140 * ms},
			[]line{
				{0, 1, 0}, {0, 1, sec + 80*ms}, {sec + 80*ms, 1, sec + 80*ms}, {sec + 80*ms, 1, 2*sec + 160*ms},
			},
		},
		{
			"a pace with a burst keeps the margin once and loses no time",
			bucket.Policy{Every: sec, Burst: 2},
			[]time.Duration{100 * ms, 140 * ms},
			[]line{
				{0, 2, 0}, {0, 1, sec + 80*ms}, {sec + 80*ms, 1, sec + 80*ms}, {sec + 80*ms, 1, 2*sec + 80*ms},
			},
		},
		{"what did not go is given back", quota, nil, []line{
			{0, 3, 0}, {1 * sec, 1, 10 * sec}, {0, -1, 0}, {1 * sec, 1, 1 * sec}, {1 * sec, 1, 10 * sec},
		}},
		{"what no longer counts is not given back twice", quota, nil, []line{
			{0, 3, 0}, {10 * sec, 3, 10 * sec}, {0, -3, 0}, {10 * sec, 1, 20 * sec},
		}},
		{"a burst, and then one at a time", pace, nil, []line{
			{0, 3, 0}, {0, 1, sec}, {sec - 1, 1, sec}, {sec, 1, sec}, {sec, 1, 2 * sec}, {9 * sec, 3, 9 * sec},
		}},
		{"more than the burst goes when all of it is there", pace, nil, []line{
			{0, 1, 0}, {0, 7, sec}, {sec, 7, sec}, {sec, 1, 2 * sec},
		}},
		{"a pace takes back what did not go", pace, nil, []line{
			{0, 3, 0}, {0, -2, 0}, {0, 2, 0}, {0, 1, sec},
		}},
		{"a pace does not take back what time has given back", bucket.Policy{Every: sec}, nil, []line{
			{0, 1, 0}, {5 * sec, 1, 5 * sec}, {0, -1, 0}, {5 * sec, 1, 6 * sec},
		}},
		{"both", bucket.Policy{Every: sec, Burst: 2, Quota: 3, Window: 10 * sec}, nil, []line{
			{0, 2, 0}, {0, 1, sec}, {sec, 1, sec}, {sec, 1, 10 * sec},
		}},
		{"neither", bucket.Policy{}, nil, []line{{0, 1000, 0}, {0, 1, 0}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := bucket.NewDebtor(tt.policy, tt.trips...)
			now := time.Duration(0)
			for i, l := range tt.ledger {
				if l.units < 0 { // of what was taken at that moment
					d.GiveBack(now, l.at, -l.units)
					continue
				}
				now = l.at
				ready := d.Ready(now, l.units)
				if ready != l.ready {
					t.Fatalf("line %d, at %v: %d may go at %v, want %v", i, now, l.units, ready, l.ready)
				}
				if ready == now {
					d.Take(now, l.units)
				}
			}
		})
	}
}

func TestADebtIsForgottenOnceNothingIsOwed(t *testing.T) {
	d := bucket.NewDebtor(bucket.Policy{Quota: 3, Window: 10 * sec, Every: 4 * sec, Burst: 4})
	d.Take(0, 1)
	d.Take(1*sec, 2)
	for _, tt := range []struct {
		at   time.Duration
		want bool
	}{{1 * sec, false}, {11*sec - 1, false}, {11 * sec, false}, {12*sec - 1, false}, {12 * sec, true}} {
		if got := d.Settled(tt.at); got != tt.want {
			t.Errorf("at %v: settled is %v, want %v", tt.at, got, tt.want)
		}
	}
}

func TestAQuotaRemembersNoMoreThanTwoWindows(t *testing.T) {
	d := bucket.NewDebtor(bucket.Policy{Quota: 10, Window: sec})
	for now := time.Duration(0); now < 100*sec; now += 50 * ms {
		if d.Ready(now, 1) == now {
			d.Take(now, 1)
		}
		if kept := d.Kept(); kept > 21 {
			t.Fatalf("at %v it remembers %d departures of a quota of 10", now, kept)
		}
	}
}

// The registry relies on it, and x/time/rate does not document it.
func TestAQuotaThatIsExceededRemembersNoMore(t *testing.T) {
	d := bucket.NewDebtor(bucket.Policy{Quota: 5, Window: 10 * time.Hour})
	for i := range 10_000 { // as in mode Shadow
		d.Take(time.Duration(i+1)*sec, 1)
	}
	if n := d.Kept(); n > 5000 {
		t.Errorf("%d units are remembered, want far fewer", n)
	}
	if got, want := d.Ready(10_000*sec, 1), 9996*sec+10*time.Hour; got != want {
		t.Errorf("one more may go at %v, want %v", got, want)
	}
}

func TestALimiterTakesTokensBackUpToItsBurst(t *testing.T) {
	at := time.Unix(0, 0)
	l := rate.NewLimiter(rate.Every(sec), 3)
	if !l.AllowN(at, 3) || l.AllowN(at, 1) {
		t.Fatal("the limiter does not begin with its burst")
	}
	if !l.AllowN(at, -2) || l.TokensAt(at) != 2 {
		t.Fatalf("after -2 the limiter has %v tokens, want 2", l.TokensAt(at))
	}
	if l.AllowN(at, -2); l.TokensAt(at) != 3 {
		t.Fatalf("after -2 more the limiter has %v tokens, want its burst of 3", l.TokensAt(at))
	}
}

func TestAUnitKeepsTheDistanceFromItsOwnAnswer(t *testing.T) {
	for name, p := range map[string]bucket.Policy{
		"quota": {Quota: 1, Window: 10 * sec},
		"pace":  {Every: 10 * sec},
	} {
		for _, tt := range []struct{ trip, want time.Duration }{
			{100 * ms, 10 * sec},       // the shortest there is
			{170 * ms, 10*sec + 70*ms}, // it may have been on its way for so much longer
			{time.Minute, 15 * sec},    // the server was busy: at most half of what the policy measures
		} {
			d := bucket.NewDebtor(p, 100*ms)
			d.Take(0, 1)
			d.Answered(0, 1, tt.trip)
			if got := d.Ready(sec, 1); got != tt.want {
				t.Errorf("%s: answered after %v, the next may go at %v, want %v", name, tt.trip, got, tt.want)
			}
		}
	}
}

func TestWhatFollowsABurstKeepsTheDistanceFromItsSlowestAnswer(t *testing.T) {
	d := bucket.NewDebtor(bucket.Policy{Every: 10 * sec, Burst: 2}, 100*ms)
	want := func(at, want time.Duration) {
		t.Helper()
		if got := d.Ready(at, 1); got != want {
			t.Errorf("at %v, the next may go at %v, want %v", at, got, want)
		}
	}
	d.Take(0, 2)
	d.Answered(0, 1, 170*ms)
	d.Answered(0, 1, 100*ms)
	want(sec, 10*sec+70*ms)
	d.Take(10*sec+70*ms, 1)
	d.Answered(10*sec+70*ms, 1, 100*ms)
	want(11*sec, 20*sec+70*ms) // no later than that burst
	d.Take(time.Minute, 2)     // another one
	d.Answered(time.Minute, 2, 100*ms)
	want(time.Minute, time.Minute+10*sec)
}

func TestTripsForgetOldOnes(t *testing.T) {
	var trips bucket.Trips
	for range 4 {
		trips.Add(100 * ms)
		trips.Add(160 * ms)
	}
	if short, long := trips.Shortest(), trips.Longest(); short != 40*ms || long != 160*ms {
		t.Fatalf("between %v and %v, want between 40ms, the spread below the least seen, and 160ms", short, long)
	}
	for range 600 {
		trips.Add(300 * ms)
	}
	if short, long := trips.Shortest(), trips.Longest(); short != 300*ms || long != 300*ms {
		t.Errorf("after 600 trips of 300ms: between %v and %v", short, long)
	}
}

func TestOfFewTripsTheShortestIsNotSure(t *testing.T) {
	var trips bucket.Trips
	if short, long := trips.Shortest(), trips.Longest(); short != 0 || long != 0 {
		t.Errorf("of no trips: between %v and %v", short, long)
	}
	for range 2 {
		trips.Add(100 * ms)
	}
	if short, long := trips.Shortest(), trips.Longest(); short != 0 || long != 100*ms {
		t.Errorf("of two trips: between %v and %v, want between none and 100ms", short, long)
	}
	trips.Add(100 * ms)
	if short, long := trips.Shortest(), trips.Longest(); short != 100*ms || long != 100*ms {
		t.Errorf("of three trips: between %v and %v, want 100ms", short, long)
	}
}

func TestSlowAnswersAreLeftOutUntilAllAreSlow(t *testing.T) {
	var trips bucket.Trips
	for range 8 {
		trips.Add(100 * ms)
	}
	for range 15 {
		trips.Add(5 * sec)
	}
	if long := trips.Longest(); long != 100*ms {
		t.Errorf("after fifteen slow answers: at most %v, want 100ms", long)
	}
	for range 8 {
		trips.Add(5 * sec)
	}
	if short, long := trips.Shortest(), trips.Longest(); short != 5*sec || long != 5*sec {
		t.Errorf("after more: between %v and %v, want the longer way: 5s", short, long)
	}
}

// departing sends n requests one after the other as they are granted, each on the way for a time of its own, and back
// for the same time each, and returns when they reached the server.
func departing(b *bubble, n int, way func(i int) time.Duration, back time.Duration, d bucket.Draw) []time.Duration {
	arrived := make([]time.Duration, n)
	for i := range n {
		go func() {
			lease, err := b.Acquire(b.Context(), d)
			if err != nil {
				b.Error(err)
				return
			}
			time.Sleep(way(i))
			arrived[i] = b.now()
			time.Sleep(back)
			lease.Done(time.Now())
		}()
	}
	b.pass(time.Hour)
	slices.Sort(arrived)
	return arrived
}

// mostIn is how many of the moments any window of that length holds at most.
func mostIn(moments []time.Duration, length time.Duration) int {
	most := 0
	for i, from := 0, 0; i < len(moments); i++ {
		for moments[i]-moments[from] >= length {
			from++
		}
		most = max(most, i-from+1)
	}
	return most
}

func TestNoWindowAtTheServerHoldsMoreThanTheQuota(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		rnd := rand.New(rand.NewPCG(1, 2))
		ways := make([]time.Duration, 1000)
		for i := range ways {
			ways[i] = 20*ms + time.Duration(rnd.Int64N(int64(100*ms)))
		}
		ways[0], ways[1] = 20*ms, 120*ms-1 // what is never observed is not promised
		arrived := departing(b, len(ways), func(i int) time.Duration { return ways[i] }, 10*ms, quota("global", 50, sec))
		if most := mostIn(arrived, sec); most > 50 {
			b.Errorf("%d requests arrived within a second, want at most 50", most)
		}
		// 20 windows, each a second and a margin of just under 100 ms long; of the first, whose requests may have had to
		// make connections, nothing tells but that no round trip took 130 ms.
		if last := arrived[len(arrived)-1]; last > sec+130*ms+18*(sec+100*ms)+120*ms {
			b.Errorf("the last of 1000 arrived at %v: the quota was not used up", last)
		}
	})
}

func TestAllOfAQuotaIsUsed(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		arrived := departing(b, 275, func(int) time.Duration { return 40 * ms }, 10*ms, quota("global", 50, sec))
		for i, at := range arrived {
			lap := time.Duration(i / 50)
			// The first may have had to make connections, and that of the others is sure only after three more.
			want := lap*sec + min(lap, 3)*50*ms + 40*ms
			if at != want {
				b.Fatalf("request %d arrived at %v, want %v", i, at, want)
			}
		}
	})
}

func TestAPaceLetsABurstGoAndThenOneEach(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		arrived := departing(b, 10, func(int) time.Duration { return 0 }, 0, pace("channel", 3*sec, 4))
		for i, at := range arrived {
			if want := time.Duration(max(i-3, 0)) * 3 * sec; at != want {
				b.Fatalf("request %d arrived at %v, want %v", i, at, want)
			}
		}
	})
}

func TestNothingReachesTheServerBeforeItsPaceLetsIt(t *testing.T) {
	const every, burst = 3 * sec, 5
	for seed := range uint64(20) {
		inBubble(t, nil, func(b *bubble) {
			rnd := rand.New(rand.NewPCG(seed, 2))
			ways := make([]time.Duration, 100)
			for i := range ways {
				ways[i] = 20*ms + time.Duration(rnd.Int64N(int64(100*ms)))
			}
			arrived := departing(b, len(ways), func(i int) time.Duration { return ways[i] }, 20*ms, pace("channel", every, burst))
			for i, at := range arrived {
				for j, before := range arrived[:i] {
					if soonest := before + time.Duration(i-j-burst+1)*every; at < soonest {
						b.Fatalf("seed %d: request %d arrived %v too soon after request %d", seed, i, soonest-at, j)
					}
				}
			}
			if last, most := arrived[len(arrived)-1], time.Duration(len(ways)-burst)*every+sec; last > most {
				b.Errorf("the last arrived at %v, want %v at most", last, most)
			}
		})
	}
}

// Nothing says that the answers to a quota's requests ever come.
func TestAQuotaIsSpentAtDepartureNotAtTheAnswer(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := b.warm(quota("global", 2, sec))
		qs := b.askAll(5, d)
		b.pass(5 * sec)
		for i, q := range qs {
			q.wantAt(time.Duration(i/2) * sec)
			q.granted().Lost()
		}
	})
}

func TestACancelledLeaseGivesItsQuotaAndPaceBack(t *testing.T) {
	for _, d := range []bucket.Draw{quota("q", 1, sec), pace("p", sec, 1)} {
		inBubble(t, nil, func(b *bubble) {
			first, second := b.ask(b.warm(d)), b.ask(d)
			second.wantWaiting()
			b.pass(300 * ms)
			first.granted().Cancel()
			b.pass(0)
			second.wantAt(300 * ms)
			third := b.ask(d)
			b.pass(sec)
			third.wantAt(1300 * ms)
			answer([]*request{second, third})
		})
	}
}

func TestADrawNamedTwiceCountsOnce(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		q, p := quota("q", 4, sec), pace("p", sec, 4)
		heavy := bucket.Draw{Key: q.Key, Policy: q.Policy, Weight: 2}
		answer(b.askAll(2, q, p, heavy, p))
		b.ask(p, p).done()
		b.ask(p).done()
		b.ask(q).wantWaiting()
		b.ask(p).wantWaiting()
		b.pass(sec)
		if got := b.stats(); got.InFlight != 2 || got.Waiting != 0 {
			b.Errorf("after a second %d are in flight and %d wait, want 2 and 0", got.InFlight, got.Waiting)
		}
	})
}

func TestAPolicyOfEqualNumbersKeepsItsDebt(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		for range 3 {
			b.ask(quota("q", 3, sec)).done() // each with a Policy of its own
		}
		b.ask(quota("q", 3, sec)).wantWaiting()
		b.pass(sec)
	})
}

func TestADrawWithoutAPolicyLeavesThatOfOthers(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := quota("a", 1, 10*sec)
		b.ask(d).done()
		q := b.ask(bucket.Draw{Key: d.Key})
		b.pass(10 * sec)
		q.wantAt(10 * sec)
	})
}
