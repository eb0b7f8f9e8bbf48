package bucket_test

import (
	"testing"
	"time"

	"github.com/underlimit/underlimit/bucket"
)

func TestThoseOfHigherPriorityGoFirst(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := b.warm(pace("p", sec, 1))
		b.ask(d)
		var qs []*request
		for _, priority := range []int{0, -1, 2, 0, 1, 2, -1, 1} {
			qs = append(qs, b.prefer(priority, d))
		}
		b.pass(8 * sec)
		for i, at := range []time.Duration{5, 7, 1, 6, 3, 2, 8, 4} { // within a priority in the order of arrival
			qs[i].wantAt(at * sec)
		}
	})
}

func TestAStepOfPriorityIsWorthTenSecondsOfWaiting(t *testing.T) {
	for _, tt := range []struct {
		priority int
		after    time.Duration
		passes   bool
	}{
		{1, 10*sec - 1, true},
		{1, 10 * sec, false},
		{1, 10*sec + 1, false},
		{3, 30*sec - 1, true},
		{3, 30 * sec, false},
		{100, 1000*sec - 1, true},
		{100, 1000 * sec, false},
		{101, 1000 * sec, false},
		{1 << 62, 1000 * sec, false},
	} {
		inBubble(t, nil, func(b *bubble) {
			d := open("a", "")
			b.ask(d).done(window(d, 1, 0, time.Hour))
			early := b.ask(d)
			b.pass(tt.after)
			late := b.prefer(tt.priority, d)
			b.pass(time.Hour - b.now())
			first, second := early, late
			if tt.passes {
				first, second = late, early
			}
			first.wantAt(time.Hour)
			second.wantWaiting()
		})
	}
	inBubble(t, nil, func(b *bubble) { // and as much below
		d := open("a", "")
		b.ask(d).done(window(d, 1, 0, time.Hour))
		early := b.prefer(-1<<62, d)
		b.pass(1000*sec + 1)
		late := b.ask(d)
		b.pass(time.Hour - b.now())
		early.wantAt(time.Hour)
		late.wantWaiting()
	})
}

func TestANewcomerOfHigherPriorityNeedNotWaitBehindOthers(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := b.warm(quota("q", 3, 10*sec))
		b.ask(d)
		heavy := d
		heavy.Weight = 3
		first := b.ask(heavy)
		b.ask(d).wantWaiting()
		b.prefer(1, d).wantAt(0)
		b.prefer(-1, d).wantWaiting()
		b.pass(10 * sec)
		first.wantAt(10 * sec)
	})
}

func TestAnAttemptKeepsItsPlaceAndItsPriority(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := b.warm(pace("p", sec, 1))
		low, high := b.prefer(-1, d), b.prefer(1, d)
		b.pass(sec)
		high.wantAt(sec)
		high.done()
		low.done(block(d, 19*sec)) // until 20 s
		b.pass(14 * sec)
		ordinary, higher := b.ask(d), b.prefer(2, d)
		lowAgain := b.askWith(b.Context(), low.ticket, d)
		highAgain := b.askWith(b.Context(), high.ticket, d)
		b.pass(5 * sec)
		highAgain.wantAt(20 * sec) // as if it had come at -10 s
		highAgain.done()           // it went ahead to see
		b.pass(3 * sec)
		higher.wantAt(21 * sec)   // at -5 s
		lowAgain.wantAt(22 * sec) // at 10 s
		ordinary.wantAt(23 * sec) // at 15 s
	})
}

func TestAnEstimateCountsThoseWhoGoBefore(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := b.warm(pace("p", sec, 1))
		b.ask(d)
		for _, priority := range []int{2, 2, 1, 0, 0, 0, -1} {
			b.prefer(priority, d)
		}
		for priority, ahead := range map[int]time.Duration{3: 0, 2: 2, 1: 3, 0: 6, -1: 7, -2: 7} {
			for _, within := range []time.Duration{(ahead+1)*sec - 1, (ahead + 1) * sec} {
				ticket := &bucket.Ticket{Priority: priority, MaxWait: within}
				q := b.askWith(b.Context(), ticket, d)
				if within < (ahead+1)*sec {
					q.wantError(0, d.Key, (ahead+1)*sec, bucket.ErrMaxWait)
					continue
				}
				q.wantWaiting()
				q.cancel()
				b.pass(0)
			}
		}
		b.pass(10 * sec)
	})
}

func TestAnEstimateCountsAllWaysToWait(t *testing.T) {
	s := open("s", "")
	both := bucket.Draw{Key: key("b", ""), Policy: &bucket.Policy{Quota: 2, Window: 10 * sec, Every: 3 * sec, Burst: 1}}
	for _, tt := range []struct {
		name    string
		draw    bucket.Draw
		set     func(b *bubble)
		waiting int
		want    time.Duration
	}{
		{"a quota's second window", quota("q", 2, 10*sec), func(b *bubble) { b.askAll(2, quota("q", 2, 10*sec)) }, 2, 20 * sec},
		{"a pace and a quota", both, func(b *bubble) { b.ask(both) }, 0, 3 * sec},
		{"a pace and a quota, the second", both, func(b *bubble) { b.ask(both) }, 1, 10 * sec},
		{"what slides", s, func(b *bubble) { b.sliding(s); b.askAll(2, s) }, 0, 2 * sec},
		{"what slides, the third", s, func(b *bubble) { b.sliding(s); b.askAll(2, s) }, 2, 6 * sec},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, nil, func(b *bubble) {
				b.warm(tt.draw)
				tt.set(b)
				b.askAll(tt.waiting, tt.draw)
				b.askWith(b.Context(), &bucket.Ticket{MaxWait: tt.want - 1}, tt.draw).
					wantError(0, tt.draw.Key, tt.want, bucket.ErrMaxWait)
				b.askWith(b.Context(), &bucket.Ticket{MaxWait: tt.want}, tt.draw).wantWaiting()
			})
		})
	}
}
