package bucket_test

import (
	"context"
	"testing"
	"time"

	"github.com/underlimit/underlimit/bucket"
)

const lostTrip = 100 * ms // of the requests that are answered

// travels has requests on nothing take their time, so that it is known how long one is on its way.
func (b *bubble) travels() {
	b.Helper()
	for range 12 { // the first second does not count
		q := b.ask(open("x", ""))
		b.pass(lostTrip)
		q.done()
	}
}

// asksAndIsTold asks and, when the answer has come, is told of a window of five.
func (b *bubble) asksAndIsTold(d bucket.Draw, remaining int, after time.Duration) {
	b.Helper()
	q := b.ask(d)
	b.pass(lostTrip)
	q.done(window(d, 5, remaining, after))
}

// loses has requests get no answer.
func loses(qs []*request) {
	for _, q := range qs {
		q.granted().Lost()
	}
	qs[0].b.pass(0)
}

func TestWhereAllRequestsOfAWindowAreLostTheNextOneWaitsForItsEnd(t *testing.T) {
	for name, d := range map[string]bucket.Draw{"learned": learned("a", "1"), "open": open("a", "1")} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, nil, func(b *bubble) {
				b.travels()
				b.asksAndIsTold(d, 4, 5*sec)
				b.pass(5 * sec)
				sent := b.now()
				ends := sent + lostTrip + 5*sec // if they were as long on the way as any
				qs := b.askAll(5, d)
				b.pass(3 * sec)
				loses(qs)
				hasty := b.askWithin(sec, d)
				hasty.wantError(b.now(), d.Key, ends, context.DeadlineExceeded)
				if x := b.Explain(nil, d); x.Wait != ends-b.now() {
					b.Errorf("the wait is said to be %v, want %v", x.Wait, ends-b.now())
				}
				qs = b.askAll(6, d)
				b.pass(ends - 1 - b.now())
				wantWaiting(6, qs...)
				b.pass(1)
				wantWaiting(5, qs...) // nobody knows for sure
				qs[0].done(window(d, 5, 4, 5*sec))
				wantWaiting(1, qs...)
				answer(qs[1:5], window(d, 5, 0, 5*sec))
				b.pass(5 * sec)
				qs[5].wantAt(ends + 5*sec)
			})
		})
	}
}

func TestTheLastOfThoseLostInAWindowCountsUntilItMayHaveEnded(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		b.travels()
		d := learned("a", "1")
		b.asksAndIsTold(d, 4, 5*sec)
		b.pass(5 * sec)
		first := b.askAll(4, d)
		b.pass(4 * sec)
		sent := b.now()
		loses(b.askAll(1, d))
		loses(first) // which may never have arrived
		q := b.ask(d)
		b.pass(lostTrip + 5*sec - 1)
		q.wantWaiting()
		b.pass(1)
		q.wantAt(sent + lostTrip + 5*sec)
	})
}

func TestWhereNobodyKnowsHowLongWindowsLastOneGoesToSee(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := learned("a", "1")
		b.ask(d).done(bucket.Window{Key: d.Key, Limit: 2, Remaining: 1, ResetAt: time.Now().Add(-time.Hour)})
		loses(b.askAll(2, d))
		qs := b.askAll(2, d)
		wantWaiting(1, qs...)
	})
}

func TestAfterAnOutageAWindowIsUsedAsAnswersTell(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		b.travels()
		d := learned("a", "1")
		b.asksAndIsTold(d, 4, 5*sec)
		b.pass(5 * sec)
		qs := b.askAll(12, d)
		loses(qs[:5])
		for i := 5; i < 8; i++ {
			wantWaiting(12-i, qs...)
			b.pass(lostTrip + 5*sec)
			loses(qs[i : i+1])
		}
		b.pass(lostTrip + 5*sec)
		wantWaiting(3, qs...)
		qs[8].done(window(d, 5, 4, 5*sec))
		wantWaiting(0, qs...)
	})
}

func TestABucketIsKeptForWhatWasLostInItsWindow(t *testing.T) {
	inBubble(t, &bucket.Options{MaxKeys: 4}, func(b *bubble) {
		d := learned("a", "1")
		b.ask(d).done(window(d, 5, 4, 5*sec))
		b.pass(5 * sec)
		loses(b.askAll(5, d))
		for i := range 20 {
			b.ask(open("x", string(rune('a'+i)))).done()
		}
		b.ask(d).wantWaiting()
	})
}

func TestACounterThatIsOneNoMoreCountsUntilTheWindowOfThoseLostHasEnded(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		route, one, two := open("route", "1"), open("one", "1"), open("two", "1")
		b.ask(route).done(alias(route, one), window(one, 5, 4, 5*sec))
		b.pass(5 * sec)
		loses(b.askAll(5, route))
		b.says(alias(route, two), window(two, 5, 4, 20*sec))
		q := b.ask(route)
		b.pass(5*sec - 1)
		q.wantWaiting()
		b.pass(1)
		q.wantAt(10 * sec)
	})
}

func TestHowLongWindowsLastIsAsTheServerTellsHoweverLongAnswersTake(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := learned("a", "1")
		for range 20 {
			b.asksAndIsTold(d, 4, 5*sec)
			b.pass(5 * sec)
		}
		if got := b.long(); got != 5*sec {
			b.Errorf("they last %v, want 5s", got)
		}
	})
}

func TestWhatIsLostAtTheEndOfAWindowMayCountInTheNext(t *testing.T) {
	for name, tt := range map[string]struct{ before, room int }{
		"so that it may arrive after it": {50, 4},
		"so that it arrives within it":   {150, 5},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, nil, func(b *bubble) {
				b.travels()
				d := learned("a", "1")
				b.asksAndIsTold(d, 4, 5*sec)
				b.asksAndIsTold(d, 3, 5*sec-lostTrip)                 // it is fixed
				b.pass(5*sec - 2*lostTrip - durationOf(tt.before)*ms) // the end may be a round trip earlier than it seems
				q := b.ask(d)
				b.pass(ms)
				loses([]*request{q})
				b.pass(3 * lostTrip)
				b.wantRoom(tt.room, d)
			})
		})
	}
}

// It may have arrived at any moment until it was given up.
func TestWhereNobodyKnowsTheWayALostRequestMayHaveBegunAWindowAsItWasGivenUp(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		other, d := learned("a", "1"), learned("a", "2")
		b.ask(other).done(window(other, 3, 2, 10*sec))
		qs := b.askAll(3, d)
		b.pass(4 * sec)
		loses(qs)
		q := b.ask(d)
		b.pass(10*sec - 1)
		q.wantWaiting()
		b.pass(1)
		q.wantAt(14 * sec)
	})
}

func TestALostRequestMovesNoWindowThatItWasCountedIn(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		b.travels()
		d := open("a", "1")
		b.asksAndIsTold(d, 4, 10*sec-lostTrip)
		start := b.now() - lostTrip
		b.pass(sec)
		loses(b.askAll(1, d))
		for left := 2; left >= 0; left-- {
			b.asksAndIsTold(d, left, start+10*sec-b.now()-lostTrip)
		}
		if got := b.stats().Corrections; got != (bucket.Corrections{}) {
			b.Errorf("corrected: %+v", got)
		}
		q := b.ask(d)
		b.pass(time.Minute)
		q.wantAt(start + 10*sec - lostTrip) // to arrive at the end
	})
}

func TestWhatIsLostAtTheEndOfAWindowMayCountInOneThatBeganEarly(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		b.travels()
		d := open("a", "1")
		b.asksAndIsTold(d, 4, 10*sec-lostTrip)
		b.pass(10*sec - lostTrip/2 - lostTrip)
		qs := b.askAll(3, d)
		loses(qs[:2]) // they may arrive after the end
		b.pass(lostTrip / 4)
		qs[2].done(window(d, 5, 4, 9*sec))
		wantWaiting(2, b.askAll(4, d)...)
	})
}
