package bucket_test

import (
	"testing"
	"time"

	"github.com/underlimit/underlimit/bucket"
)

func weighing(w int, d bucket.Draw) bucket.Draw { d.Weight = w; return d }

func TestARequestMayTakeSeveralUnits(t *testing.T) {
	w := open("w", "")
	for name, tt := range map[string]struct {
		draw bucket.Draw // of ten
		each time.Duration
	}{
		"quota": {quota("q", 10, 10*sec), 10 * sec}, "pace": {pace("p", sec, 10), 3 * sec}, "window": {w, 10 * sec},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, nil, func(b *bubble) {
				if b.warm(tt.draw); name == "window" {
					b.ask(weighing(1, open("w", "other"))).done(window(open("w", "other"), 10, 9, 10*sec))
				}
				for i, weight := range []int{4, 0, 5} { // 0 is one
					q := b.ask(weighing(weight, tt.draw))
					if q.wantAt(0); name == "window" {
						q.done(window(w, 10, []int{6, 5, 0}[i], 10*sec))
					}
				}
				heavy := b.ask(weighing(3, tt.draw))
				b.pass(tt.each - 1)
				heavy.wantWaiting()
				b.pass(1)
				heavy.wantAt(tt.each)
			})
		})
	}
}

func TestMoreThanALimitEverHasGoesWhenAllIsThere(t *testing.T) {
	w := open("w", "")
	for name, tt := range map[string]struct {
		draw bucket.Draw
		all  time.Duration // when all is there again once one unit was taken at 0
		next time.Duration // after which of the heavy one the next unit goes
	}{
		"quota":       {quota("q", 4, 10*sec), 10 * sec, 10 * sec},
		"pace":        {pace("p", sec, 4), sec, sec},
		"window":      {w, 10 * sec, 10 * sec},
		"concurrency": {concurrent("c", 4), 5 * sec, 5 * sec},
	} {
		t.Run(name, func(t *testing.T) {
			for _, weight := range []int{5, 1 << 40} {
				inBubble(t, nil, func(b *bubble) {
					b.warm(tt.draw)
					one := b.ask(tt.draw)
					if name == "window" {
						one.done(window(w, 4, 3, 10*sec))
					}
					heavy := b.ask(weighing(weight, tt.draw))
					b.pass(tt.all - 1)
					heavy.wantWaiting()
					b.pass(1)
					if name == "concurrency" {
						one.done()
					}
					heavy.wantAt(tt.all)
					if name == "window" {
						heavy.done(window(w, 4, 0, 10*sec))
					}
					next := b.ask(tt.draw)
					b.pass(tt.next - 1)
					next.wantWaiting()
					b.pass(1)
					if name == "concurrency" {
						heavy.done()
					}
					next.wantAt(tt.all + tt.next)
				})
			}
		})
	}
}

func TestTwoDrawsOnOneCounterCountOnceAtTheGreaterWeight(t *testing.T) {
	for _, order := range [][]int{{1, 3}, {3, 1}, {3, 3}, {0, 3}} {
		inBubble(t, nil, func(b *bubble) {
			x, y, hash := learned("x", ""), learned("y", ""), learned("hash", "")
			b.ask(x).done(alias(x, hash), window(hash, 10, 9, 10*sec))
			b.ask(y).done(alias(y, hash), window(hash, 10, 8, 10*sec))
			q := b.ask(weighing(order[0], x), weighing(order[1], y))
			if got := b.Explain(nil, x).Buckets[0]; got.Remaining != 5 || got.InFlight != 3 {
				b.Fatalf("of weights %v %d are in flight and %d left, want 3 and 5", order, got.InFlight, got.Remaining)
			}
			q.granted().Cancel()
			if got := b.Explain(nil, x).Buckets[0]; got.Remaining != 8 || got.InFlight != 0 {
				b.Fatalf("given back, %d are in flight and %d left, want 0 and 8", got.InFlight, got.Remaining)
			}
			q = b.ask(weighing(order[0], x), weighing(order[1], y))
			q.done(window(hash, 10, 5, 10*sec))
			b.ask(weighing(6, x)).wantWaiting()
			b.ask(weighing(4, y)).wantWaiting() // it came later
			if got := b.stats().Corrections; got != (bucket.Corrections{}) {
				b.Errorf("the answer contradicted what was reckoned: %+v", got)
			}
			b.pass(10 * sec)
		})
	}
}

func TestNoMoreThanSoManyAreInFlight(t *testing.T) {
	ends := map[string]func(bucket.Lease){
		"done": func(l bucket.Lease) { l.Done(time.Now()) }, "lost": bucket.Lease.Lost, "cancelled": bucket.Lease.Cancel,
		"told": func(l bucket.Lease) { l.Done(time.Now(), window(concurrent("c", 3), 100, 50, time.Hour)) },
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			inBubble(t, nil, func(b *bubble) {
				d := concurrent("c", 3)
				qs := b.askAll(10, d)
				wantWaiting(7, qs...)
				b.pass(time.Hour)
				wantWaiting(7, qs...)
				for i, q := range qs {
					q.wantAt(time.Hour + durationOf(max(i-2, 0))*sec - map[bool]time.Duration{true: time.Hour}[i < 3])
					b.pass(sec)
					end(q.granted())
					b.pass(0)
					wantWaiting(max(6-i, 0), qs...) // one more goes, the next in order
				}
				b.askAll(3, d)[2].wantAt(b.now())
			})
		})
	}
}

func TestARequestThatWaitsForPlacesInFlightKeepsItsOrderWhateverItNeeds(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := concurrent("c", 3)
		qs := b.askAll(3, d)
		heavy, light := b.ask(weighing(2, d)), b.ask(d)
		qs[0].done()
		wantWaiting(2, heavy, light)
		qs[1].done()
		heavy.wantAt(0)
		light.wantWaiting()
		heavy.done()
		light.wantAt(0)
	})
}

func TestALimitInThreeShapesKeepsAll(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := b.warm(bucket.Draw{Key: key("all", ""), Policy: &bucket.Policy{
			Quota: 4, Window: 10 * sec, Every: sec, Burst: 2, Concurrent: 2,
		}})
		qs := b.askAll(6, d)
		wantWaiting(4, qs...) // the burst, and all that may be in flight
		b.pass(3 * sec)
		wantWaiting(4, qs...)
		qs[0].done()
		qs[2].wantAt(3 * sec)
		qs[3].wantWaiting()
		qs[1].done()
		qs[3].wantAt(3 * sec)
		answer(qs[2:4])
		wantWaiting(2, qs...) // the quota
		b.pass(10 * sec)
		qs[4].wantAt(13 * sec) // a window after the answers
		qs[5].wantAt(13 * sec)
		answer(qs[4:])
	})
}

func TestUnblockLeavesAlone(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d, other := learned("a", ""), learned("other", "")
		b.Unblock(d.Key) // of which nothing is known
		if got := b.Stats().Buckets; got != 0 {
			b.Errorf("it made %d buckets", got)
		}
		b.ask(d).done(block(d, time.Hour))
		b.ask(other).done(block(other, time.Hour))
		qs, others := b.askAll(3, d), b.askAll(1, other)
		b.Unblock(d.Key)
		b.pass(0)
		wantWaiting(0, qs...)
		wantWaiting(1, others...)
		qs[0].done(window(d, 5, 2, time.Minute))
		q := b.ask(d)
		q.wantWaiting()
		b.Unblock(d.Key) // which lifts no window
		b.pass(0)
		q.wantWaiting()
		b.ask(open("x", "")).done(bucket.Block{Key: d.Key}) // the row of refusals ended, too: a second
		b.pass(sec - 1)
		if x := b.Explain(nil, d); !x.Buckets[0].Blocked.Equal(b.start.Add(sec)) {
			b.Errorf("blocked until %v, want a second", x.Buckets[0].Blocked)
		}
	})
}

func TestOfTwoDrawsOnOneKeyTheHeavierCounts(t *testing.T) {
	for _, weights := range [][2]int{{1, 3}, {3, 1}} {
		inBubble(t, nil, func(b *bubble) {
			d := b.warm(quota("q", 5, sec))
			one, other := d, d
			one.Weight, other.Weight = weights[0], weights[1]
			b.ask(one, other).wantAt(0)
			wantWaiting(1, b.askAll(3, d)...)
		})
	}
}
