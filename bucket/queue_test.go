package bucket_test

import (
	"context"
	"testing"
	"time"

	"github.com/underlimit/underlimit/bucket"
)

func TestAFullQueueDropsOneOfTheLowestPriorityForOneOfAHigher(t *testing.T) {
	inBubble(t, &bucket.Options{MaxQueue: 3, Overflow: bucket.RefuseLowest}, func(b *bubble) {
		d, other := b.warm(pace("p", sec, 1)), pace("other", sec, 1)
		b.ask(d)
		low, first, second := b.prefer(-1, d), b.ask(d), b.ask(d)
		b.prefer(-1, d).wantError(0, d.Key, 4*sec, bucket.ErrQueueFull) // it is no more than the least of them
		b.prefer(-2, d).wantError(0, d.Key, 4*sec, bucket.ErrQueueFull)
		third := b.ask(d, other)
		third.wantWaiting()
		low.wantError(0, d.Key, 3*sec, bucket.ErrQueueFull)
		b.ask(d).wantError(0, d.Key, 4*sec, bucket.ErrQueueFull)
		high := b.prefer(1, d)
		high.wantWaiting()
		third.wantError(0, d.Key, 3*sec, bucket.ErrQueueFull)
		if got := b.stats().Waiting; got != 3 {
			b.Errorf("%d wait, want 3", got)
		}
		b.pass(sec)
		high.wantAt(sec)
		b.pass(2 * sec)
		first.wantAt(2 * sec)
		second.wantAt(3 * sec)
	})
}

func TestTheLowestOfSeveralPrioritiesIsDropped(t *testing.T) {
	for _, priorities := range [][]int{{-2, 0, -1}, {0, -1, -2}, {-1, -2, 0}} {
		inBubble(t, &bucket.Options{MaxQueue: 3, Overflow: bucket.RefuseLowest}, func(b *bubble) {
			d := b.warm(pace("p", sec, 1))
			b.ask(d)
			var qs []*request
			for _, p := range priorities {
				qs = append(qs, b.prefer(p, d))
			}
			b.prefer(1, d).wantWaiting()
			for i, p := range priorities {
				if qs[i].ended() != (p == -2) {
					b.Errorf("of %v, the one of %d was dropped: %v", priorities, p, qs[i].ended())
				}
			}
			b.pass(3 * sec)
		})
	}
}

func TestAFullQueueRefusesTheNewestWhateverItsPriority(t *testing.T) {
	inBubble(t, &bucket.Options{MaxQueue: 1}, func(b *bubble) {
		d := b.warm(pace("p", sec, 1))
		b.ask(d)
		q := b.prefer(-100, d)
		b.prefer(100, d).wantError(0, d.Key, sec, bucket.ErrQueueFull)
		b.pass(sec)
		q.wantAt(sec)
	})
}

func TestAQueueIsThatOfOneBucket(t *testing.T) {
	inBubble(t, &bucket.Options{MaxQueue: 1}, func(b *bubble) {
		x, y := b.warm(pace("x", sec, 1)), pace("y", sec, 1)
		b.ask(x, y)
		atX := b.ask(x, y)
		b.ask(y).wantWaiting()
		b.ask(y).wantError(0, y.Key, 2*sec, bucket.ErrQueueFull)
		b.ask(y, x).wantError(0, y.Key, 2*sec, bucket.ErrQueueFull)
		b.pass(sec)
		atX.wantAt(sec)
		b.pass(2 * sec)
	})
}

func TestOneThatWasHeldUpByWhomItDropsGoesAtOnce(t *testing.T) {
	inBubble(t, &bucket.Options{MaxQueue: 1, Overflow: bucket.RefuseLowest}, func(b *bubble) {
		d := quota("q", 5, time.Minute)
		b.askAll(3, d)
		heavy := d
		heavy.Weight = 5
		dropped := b.ask(heavy)
		b.pass(15 * sec) // it has waited for so long that it goes before one of a priority higher by one
		b.prefer(1, d).wantAt(15 * sec)
		dropped.wantError(15*sec, d.Key, time.Minute, bucket.ErrQueueFull)
		b.ask(d).wantAt(15 * sec)
		q := b.ask(d)
		q.wantWaiting()
		b.pass(45 * sec)
		q.wantAt(time.Minute)
	})
}

func TestOneThatCannotGoInTimeDropsNobody(t *testing.T) {
	inBubble(t, &bucket.Options{MaxQueue: 1, Overflow: bucket.RefuseLowest}, func(b *bubble) {
		d := b.warm(quota("q", 1, 10*sec))
		b.ask(d)
		q := b.ask(d)
		ctx, cancel := context.WithTimeout(b.Context(), 10*sec-1)
		defer cancel()
		b.askWith(ctx, &bucket.Ticket{Priority: 1}, d).wantError(0, d.Key, 10*sec, context.DeadlineExceeded)
		b.askWith(b.Context(), &bucket.Ticket{Priority: 1, Mode: bucket.Reject}, d).
			wantError(0, d.Key, 10*sec, bucket.ErrWouldWait)
		b.pass(10 * sec)
		q.wantAt(10 * sec)
	})
}
