package bucket_test

import (
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/underlimit/underlimit/bucket"
)

// buckets is how many there are.
func (b *bubble) buckets() int { return b.Stats().Buckets }

// fresh uses n buckets that nobody used before.
func (b *bubble) fresh(name string, n int) {
	b.Helper()
	for i := range n {
		lease, err := b.Acquire(b.Context(), open("fresh", fmt.Sprint(name, i)))
		if err != nil {
			b.Fatal(err)
		}
		lease.Done(time.Now())
	}
	b.check()
}

func TestIdleBucketsAreForgottenAsOthersCome(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		b.fresh("early", 1000)
		b.pass(10 * time.Minute)
		b.fresh("late", 100)
		if got := b.buckets(); got != 1100 {
			b.Fatalf("after ten minutes there are %d buckets, want all 1100", got)
		}
		b.pass(sec)
		b.fresh("later", 500)
		if got := b.buckets(); got != 600 {
			b.Errorf("there are %d buckets, want the 600 of late", got)
		}
		if got := b.stats(); got.EvictedIdle != 1000 || got.EvictedFull != 0 {
			b.Errorf("%d and %d forgotten, want 1000 idle ones", got.EvictedIdle, got.EvictedFull)
		}
	})
}

func TestWhatHoldsSomethingIsNotForgotten(t *testing.T) {
	inBubble(t, &bucket.Options{MaxBlock: 300 * time.Hour}, func(b *bubble) {
		const long = 200 * time.Hour
		leased, blocked, told := learned("leased", ""), open("blocked", ""), open("told", "")
		owing := []bucket.Draw{pace("pace", long, 1), quota("quota", 1, long)}
		hold := b.ask(leased)
		b.ask(blocked).done(block(blocked, long))
		b.ask(told).done(window(told, 1, 0, long))
		for _, d := range owing {
			b.ask(d).done()
		}
		waiting := b.ask(leased, blocked)
		all := append(owing, blocked, told, leased)
		b.pass(100 * time.Hour)
		b.fresh("other", 1000)
		for _, d := range all {
			b.ask(d).wantWaiting()
		}
		hold.done()
		b.pass(100 * time.Hour)
		waiting.wantAt(long)
		waiting.done()
		b.pass(time.Hour)
		b.fresh("more", 1000)
		b.check()
	})
}

func TestAtTheBoundThoseSoonestFreeGoFirst(t *testing.T) {
	inBubble(t, &bucket.Options{MaxKeys: 4}, func(b *bubble) {
		p := bucket.Draw{Key: key("pace", ""), Policy: &bucket.Policy{Every: 20 * sec, Burst: 1, Quota: 1, Window: sec}}
		far, near := open("far", ""), open("near", "")
		b.ask(far).done(block(far, time.Hour))
		b.ask(near).done(window(near, 1, 0, 10*sec))
		b.ask(p).done()
		held := b.ask(open("held", ""))
		b.fresh("x", 1) // near goes
		b.fresh("y", 1) // x goes: it holds nothing
		if got := b.stats(); got.EvictedFull != 1 || got.EvictedIdle != 1 {
			b.Fatalf("%d held something and %d nothing, want 1 and 1", got.EvictedFull, got.EvictedIdle)
		}
		b.ask(p).wantWaiting() // and now it is in use
		b.ask(near).wantAt(0)
		b.ask(far).wantWaiting()
		b.fresh("z", 1)
		if got := b.buckets(); got != 5 {
			b.Errorf("there are %d buckets, want 5: four in use and the new one", got)
		}
		held.done()
	})
}

func TestWhatIsInUseIsKeptBeyondTheBound(t *testing.T) {
	inBubble(t, &bucket.Options{MaxKeys: 10}, func(b *bubble) {
		var qs []*request
		for i := range 50 {
			qs = append(qs, b.ask(open("a", fmt.Sprint(i))))
		}
		if got := b.buckets(); got != 50 {
			b.Fatalf("there are %d buckets, want 50", got)
		}
		answer(qs)
		b.fresh("x", 100)
		if got := b.buckets(); got > 50 {
			b.Errorf("there are %d buckets, want no more than there were", got)
		}
		b.pass(time.Hour)
		b.fresh("y", 20)
		if got := b.buckets(); got > 10 {
			b.Errorf("there are %d buckets, want at most 10", got)
		}
	})
}

func TestAKindOutlivesItsSubjects(t *testing.T) {
	inBubble(t, &bucket.Options{MaxKeys: 2}, func(b *bubble) {
		d := learned("a", "1")
		b.ask(d).done(window(d, 5, 4, sec))
		b.pass(time.Hour)
		b.fresh("x", 10)
		if got := b.buckets(); got != 2 {
			b.Fatalf("there are %d buckets, want 2", got)
		}
		wantWaiting(1, b.askAll(6, learned("a", "2"))...)
	})
}

func TestKindsAreBoundedToo(t *testing.T) {
	inBubble(t, &bucket.Options{MaxKeys: 10}, func(b *bubble) {
		for i := range 5000 {
			lease, err := b.Acquire(b.Context(), open(fmt.Sprint(i), ""))
			if err != nil {
				b.Fatal(err)
			}
			lease.Done(time.Now())
		}
		if got := b.Stats().Kinds; got != 1024 {
			b.Errorf("there are %d kinds, want 1024", got)
		}
	})
}

func TestStatsTellTheStateOfEachProvider(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		of := func(provider string, d bucket.Draw) bucket.Draw {
			d.Key.Provider = provider
			return d
		}
		blocked, exhausted := of("discord", open("blocked", "")), of("discord", open("exhausted", ""))
		owing, route, hash := of("slack", pace("pace", sec, 1)), of("slack", open("route", "")), of("slack", open("hash", ""))
		b.ask(blocked).done(block(blocked, 10*sec))
		b.ask(exhausted).done(window(exhausted, 1, 0, 10*sec))
		b.ask(owing)
		b.ask(of("discord", learned("a", "")), owing) // waits, and counts with its first draw
		b.ask(route).done(alias(route, hash), block(hash, 10*sec))

		got := b.Stats()
		want := bucket.Stats{Buckets: 6, Kinds: 6, Providers: map[string]bucket.ProviderStats{
			"discord": {Waiting: 1, Open: 1, Exhausted: 1, Blocked: 1},
			"slack":   {InFlight: 1, Exhausted: 1, Blocked: 2},
		}}
		if got.Buckets != want.Buckets || got.Kinds != want.Kinds || !maps.Equal(got.Providers, want.Providers) {
			b.Errorf("stats are\n%+v, want\n%+v", got, want)
		}
		b.pass(10 * sec)
		if got := b.Stats().Providers["slack"]; got.Blocked != 0 {
			b.Errorf("after the blocks %d are blocked", got.Blocked)
		}
	})
}

func TestStatsCountAllOfAGreatMany(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		b.fresh("x", 5000)
		if got := b.stats(); got.Open != 5000 {
			b.Errorf("%d are open, want 5000", got.Open)
		}
	})
}

func TestACounterWithUnitsInFlightIsNotForgotten(t *testing.T) {
	inBubble(t, &bucket.Options{MaxKeys: 3}, func(b *bubble) {
		route, first, second := learned("route", ""), learned("first", ""), learned("second", "")
		probe := b.ask(route)
		slow := b.ask(route)
		probe.done() // answers tell nothing: the other goes, too, and is counted at the route
		b.ask(route).done(bucket.Alias{Key: route.Key, To: first.Key}, window(first, 3, 2, 10*sec))
		b.ask(route).done(bucket.Alias{Key: route.Key, To: second.Key}, window(second, 2, 1, 10*sec))
		b.pass(10 * sec)
		for _, limit := range []string{"x", "y", "z"} { // each takes the place of one that holds nothing
			b.ask(open(limit, "")).done()
		}
		qs := b.askAll(3, first)
		wantWaiting(1, qs...) // one of three units is still on its way
		slow.done()
		answer(qs)
	})
}

func TestAtTheBoundTheOneSoonestFreeGoesWhereverItStands(t *testing.T) {
	lengths := []time.Duration{time.Hour, 10 * sec, time.Minute}
	for turn := range lengths {
		inBubble(t, &bucket.Options{MaxKeys: 3}, func(b *bubble) {
			for i := range lengths {
				length := lengths[(i+turn)%3]
				d := open("blocked", length.String())
				b.ask(d).done(block(d, length))
			}
			b.ask(open("new", "")).done()
			left := map[string]bool{}
			for s := range b.Buckets() {
				left[s.Key.Subject] = true
			}
			if len(left) != 3 || left["10s"] {
				b.Errorf("turned by %d: these are left: %v", turn, left)
			}
		})
	}
}

func TestAFormerCounterIsKeptAsLongAsSomebodyWaitsWhoCameWhenItCounted(t *testing.T) {
	inBubble(t, &bucket.Options{MaxKeys: 5}, func(b *bubble) {
		route, one, two := open("route", "1"), open("one", "1"), open("two", "1")
		in := b.askAll(2, route)
		in[0].done(alias(route, one), window(one, 5, 3, 10*sec))
		in[1].done(alias(route, two), window(two, 5, 3, time.Hour))
		second := open("b", "1")
		b.ask(second).done(block(second, time.Minute))
		b.ask(second, route)
		b.pass(10 * sec)
		b.ask(route).done() // which is one's no more
		for i := range 20 {
			b.ask(open("x", string(rune('a'+i)))).done()
		}
	})
}
