package bucket_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/underlimit/underlimit/bucket"
)

// A slider is a server whose units come back one by one.
type slider struct {
	limit  int
	period time.Duration
	back   time.Time // when all are
}

// take counts units that arrive now, and returns how much is left and when all will be back. It reports false if there
// are not enough.
func (s *slider) take(units int) (remaining int, after time.Duration, ok bool) {
	now := time.Now()
	back := s.back
	if back.Before(now) {
		back = now
	}
	back = back.Add(time.Duration(units) * s.period)
	if ok = back.Sub(now) <= time.Duration(s.limit)*s.period; ok {
		s.back = back
	}
	after = max(s.back.Sub(now), 0)
	return s.limit - int((after+s.period-1)/s.period), after, ok
}

// window is what the server answers to one unit that arrives now.
func (s *slider) window(b *bubble, d bucket.Draw) bucket.Window {
	b.Helper()
	remaining, after, ok := s.take(max(d.Weight, 1))
	if !ok {
		b.Fatalf("after %v: refused", b.now())
	}
	return window(d, s.limit, remaining, after)
}

// slide has answers show that the units of a kind come back one by one. It leaves all of them used.
func slide(b *bubble, d bucket.Draw, s *slider) *slider {
	b.Helper()
	for time.Until(s.back) < time.Duration(s.limit)*s.period {
		b.ask(d).done(s.window(b, d))
	}
	b.wantShape(d, bucket.Shape{Sliding: true, Lo: s.period, Hi: s.period})
	return s
}

func (b *bubble) wantShape(d bucket.Draw, want bucket.Shape) {
	b.Helper()
	if got := b.Shape(d.Key); got != want {
		b.Errorf("after %v: %s is %+v, want %+v", b.now(), d.Key.Limit, got, want)
	}
}

func TestUnitsOfASlidingWindowAreUsedAsTheyComeBack(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := learned("a", "1")
		s := slide(b, d, &slider{limit: 5, period: sec})
		start := b.now()
		qs := b.askAll(8, d)
		wantWaiting(8, qs...)
		for i, q := range qs[:6] {
			b.pass(sec - 1)
			wantWaiting(8-i, qs...)
			b.pass(1)
			q.wantAt(start + time.Duration(i+1)*sec)
			q.done(s.window(b, d))
		}
		b.pass(500 * ms) // half of the next
		qs[6].wantWaiting()
		b.pass(500 * ms)
		qs[6].wantAt(start + 7*sec)
	})
}

func TestASlidingWindowThatHasComeBackHoldsAllOfItsUnits(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := learned("a", "1")
		s := slide(b, d, &slider{limit: 5, period: sec})
		b.pass(3500 * ms)
		qs := b.askAll(5, d) // of three and a half
		wantWaiting(2, qs...)
		for _, q := range qs[:3] {
			q.done(s.window(b, d))
		}
		b.pass(time.Minute)
		for _, q := range qs[3:] {
			q.done(s.window(b, d))
		}
		b.pass(time.Minute)
		wantWaiting(1, b.askAll(6, d)...)
	})
}

// A unit on its way does not begin to come back before it arrives.
func TestUnitsInFlightDoNotComeBack(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := learned("a", "1")
		s := slide(b, d, &slider{limit: 3, period: sec})
		b.pass(time.Minute)
		in := b.askAll(3, d)
		q := b.ask(d)
		b.pass(10 * sec)
		q.wantWaiting()
		in[0].done(s.window(b, d))
		q.wantWaiting()
		b.pass(sec)
		q.wantAt(b.now()) // the one that was answered is back; two are still on their way
		next := b.ask(d)
		b.pass(10 * sec)
		next.wantWaiting()
	})
}

func TestAHeavyRequestWaitsForAllThatItTakesFromASlidingWindow(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := learned("a", "1")
		s := slide(b, d, &slider{limit: 5, period: sec})
		heavy, all := d, d
		heavy.Weight, all.Weight = 3, 100 // which is clipped to all of it
		start := b.now()
		q := b.ask(heavy)
		b.pass(3*sec - 1)
		q.wantWaiting()
		b.pass(1)
		q.wantAt(start + 3*sec)
		q.done(s.window(b, heavy))
		q = b.ask(all)
		b.pass(5*sec - 1)
		q.wantWaiting()
		b.pass(1)
		q.wantAt(start + 8*sec)
	})
}

func TestAWaitForASlidingWindowIsEstimatedByItsPeriod(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := learned("a", "1")
		slide(b, d, &slider{limit: 3, period: sec})
		if x := b.Explain(nil, d); x.Wait != sec || x.Key != d.Key || x.Buckets[0].Period != sec {
			b.Errorf("the wait for one is %v for %v, want 1s", x.Wait, x.Key)
		}
		b.askAll(4, d)
		b.askWithin(5*sec-1, d).wantError(0, d.Key, 5*sec, context.DeadlineExceeded)
		q := b.askWithin(5*sec+1, d)
		q.wantWaiting()
		q.cancel()
	})
}

// Units of which no answer tells may have arrived, and late.
func TestALostUnitOfASlidingWindowDefersTheOthers(t *testing.T) {
	for name, settle := range map[string]func(*request){
		"lost":                    func(q *request) { q.granted().Lost() },
		"answered without a word": func(q *request) { q.done() },
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, nil, func(b *bubble) {
				d := learned("a", "1")
				slide(b, d, &slider{limit: 3, period: sec})
				b.pass(2 * sec) // one is missing
				q := b.ask(d)
				b.pass(500 * ms)
				start := b.now()
				settle(q) // then one and a half are
				qs := b.askAll(3, d)
				qs[0].wantAt(start)
				b.pass(500 * ms)
				qs[1].wantAt(start + 500*ms)
				b.pass(sec - 1)
				qs[2].wantWaiting()
				b.pass(1)
				qs[2].wantAt(start + 1500*ms)
			})
		})
	}
}

func TestALostUnitOfASlidingWindowIsMissingThoughAnEarlierAnswerDoesNotCountIt(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d, server := learned("a", "1"), &slider{limit: 3, period: sec}
		slide(b, d, server)
		b.pass(time.Minute)
		start := b.now()
		qs := b.askAll(4, d)
		remaining, after, _ := server.take(1) // the first arrives
		server.take(2)                        // and so do the others
		b.pass(50 * ms)
		qs[1].granted().Lost()
		b.pass(50 * ms)
		qs[0].done(window(d, 3, remaining, after))
		qs[3].wantWaiting() // two are counted besides
		b.pass(2 * sec)
		qs[3].wantAt(start + 1100*ms) // when the first is back, as far as its answer tells
	})
}

func TestACanceledUnitOfASlidingWindowIsBackAtOnce(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := learned("a", "1")
		slide(b, d, &slider{limit: 3, period: sec})
		b.pass(time.Minute)
		qs := b.askAll(4, d)
		wantWaiting(1, qs...)
		qs[0].granted().Cancel()
		b.pass(0)
		wantWaiting(0, qs...)
	})
}

func TestAWindowIsFixedUntilTwoAnswersShowThatItSlides(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d, s := learned("a", "1"), &slider{limit: 5, period: sec}
		b.ask(d).done(s.window(b, d))
		b.wantShape(d, bucket.Shape{Lo: sec, Hi: sec})
		b.ask(d).done(s.window(b, d))
		b.wantShape(d, bucket.Shape{Lo: sec, Hi: sec})
		qs := b.askAll(6, d)
		wantWaiting(3, qs...)
		qs[0].done(s.window(b, d))
		b.wantShape(d, bucket.Shape{Sliding: true, Lo: sec, Hi: sec})
		wantWaiting(3, qs...)
		b.pass(sec - 1)
		wantWaiting(3, qs...)
		b.pass(1)
		wantWaiting(2, qs...) // three units less one are used, and two are on their way
	})
}

func TestUntilAWindowIsKnownToSlideNothingComesBackBeforeAllDoes(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d, s := learned("a", "1"), &slider{limit: 3, period: sec}
		b.ask(d).done(s.window(b, d))
		b.ask(d).done(s.window(b, d))
		qs := b.askAll(3, d)
		b.pass(2*sec - 1)
		wantWaiting(2, qs...)
		b.pass(1)
		wantWaiting(0, qs[:3]...)
	})
}

// The waiters of one kind wait for what they know of it: when that turns out to slide, those go who may.
func TestWhatASubjectTeachesOfTheShapeHoldsForTheWaitersOfOthers(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		first, other, stranger := learned("a", "1"), learned("a", "2"), learned("b", "2")
		b.ask(first).done(window(first, 3, 2, sec))
		b.ask(other).done(window(other, 3, 0, 3*sec))
		b.ask(stranger).done(window(stranger, 3, 0, 3*sec))
		waits, strange := b.askAll(2, other), b.ask(stranger)
		b.pass(sec)
		wantWaiting(2, waits...)
		slide(b, first, &slider{limit: 3, period: sec})
		waits[0].wantAt(sec)
		waits[1].wantWaiting()
		b.pass(2*sec - 1)
		strange.wantWaiting()
	})
}

func TestTheShapeIsLearnedFromACounterThatOthersUseToo(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d, s := learned("a", "1"), &slider{limit: 5, period: sec}
		if _, _, ok := s.take(2); !ok { // somebody else's
			b.Fatal("refused")
		}
		b.pass(300 * ms)
		for range 3 {
			b.ask(d).done(s.window(b, d))
		}
		// What is used is told in whole units, so that the period is known but roughly: from the third, between 4.7 s
		// by 5 units and by 4.
		b.wantShape(d, bucket.Shape{Sliding: true, Lo: 940 * ms, Hi: 1175 * ms})
		q := b.ask(d)
		b.pass(699 * ms)
		q.wantWaiting() // all will be back in 4.7 s, of which 5 units less one are spare
		b.pass(time.Minute)
		q.granted()
	})
}

// The answers to requests that were on their way together tell of moments between their departure and their own.
func TestTheShapeIsLearnedFromAnswersThatComeOutOfOrder(t *testing.T) {
	for name, order := range map[string][]int{
		"in order": {0, 1, 2, 3}, "backwards": {3, 2, 1, 0}, "mixed": {2, 0, 3, 1},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, nil, func(b *bubble) {
				d, s := learned("a", "1"), &slider{limit: 5, period: sec}
				b.ask(d).done(s.window(b, d))
				in := b.askAll(4, d)
				var windows []bucket.Window
				b.pass(50 * ms)
				for range in {
					windows = append(windows, s.window(b, d))
				}
				b.pass(50 * ms)
				for i, q := range order {
					in[i].done(windows[q])
				}
				if got := b.Shape(d.Key); !got.Sliding || got.Lo > sec || got.Hi < sec {
					b.Errorf("the shape is %+v", got)
				}
				// Five units arrived at 50 ms, and one of them at 0: 4.95 s later all will be back, as far as answers
				// at 100 ms can tell.
				q := b.ask(d)
				b.pass(900*ms - 1)
				q.wantWaiting()
				b.pass(time.Minute)
				q.granted()
			})
		})
	}
}

func TestInAFixedWindowTheMomentStandsStillAsLessIsLeft(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := learned("a", "1")
		for i := range 8 { // the first is answered late, as a request that waited for a connection
			q := b.ask(d)
			trip := []time.Duration{400 * ms, 20 * ms, 50 * ms}[i%3]
			b.pass(trip)
			q.done(window(d, 10, 9-i, 10*sec-b.now()))
			b.pass(500 * ms)
		}
		b.wantFixed(d)
		qs := b.askAll(4, d)
		wantWaiting(2, qs...)
		b.pass(10*sec - 1 - b.now())
		wantWaiting(2, qs...)
	})
}

func (b *bubble) wantFixed(d bucket.Draw) {
	b.Helper()
	if got := b.Shape(d.Key); got.Sliding || !got.Fixed {
		b.Errorf("after %v: %s is %+v, want it fixed", b.now(), d.Key.Limit, got)
	}
}

// A server that begins a window anew before its time tells of a later moment, too, and once of less.
func TestAnEarlyRollOfAFixedWindowIsNotTakenForSliding(t *testing.T) {
	for name, tt := range map[string]struct{ before, after []int }{
		"at the first":           {[]int{4}, []int{4, 3, 2}},
		"at the second":          {[]int{4, 3}, []int{4, 3, 2, 1}},
		"with an answer missing": {[]int{3}, []int{3, 2, 1}},
		"with several missing":   {[]int{4}, []int{3, 2, 1}},
		"late":                   {[]int{4, 3, 2, 1}, []int{4, 3, 2, 1}},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, nil, func(b *bubble) {
				d := open("a", "1")
				tell := func(left []int, end time.Duration) {
					for _, n := range left {
						b.ask(d).done(window(d, 5, n, end-b.now()))
						if got := b.Shape(d.Key); got.Sliding {
							b.Errorf("with %d of a window until %v left, the shape is %+v", n, end, got)
						}
						b.pass(100 * ms)
					}
				}
				tell(tt.before, 10*sec)
				b.pass(2 * sec)
				tell(tt.after, b.now()+10*sec)
				b.wantFixed(d)
			})
		})
	}
}

func TestAKindThatNoLongerSlidesIsFixed(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := learned("a", "1")
		slide(b, d, &slider{limit: 5, period: sec})
		b.pass(time.Minute)
		start := b.now()
		b.ask(d).done(window(d, 5, 4, 10*sec)) // a single unit does not take ten seconds
		b.pass(100 * ms)
		b.ask(d).done(window(d, 5, 3, 9900*ms))
		b.wantFixed(d)
		qs := b.askAll(5, d)
		wantWaiting(2, qs...)
		answer(qs[:3], window(d, 5, 0, 9900*ms))
		b.pass(9900*ms - 1)
		wantWaiting(2, qs...)
		b.pass(1)
		qs[3].wantAt(start + 10*sec)
		qs[4].wantAt(start + 10*sec)
	})
}

func TestAKindThatSlidesAfterAllIsFoundToDoSo(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := learned("a", "1")
		b.ask(d).done(window(d, 5, 4, 10*sec))
		b.ask(d).done(window(d, 5, 3, 10*sec))
		b.ask(d).done(window(d, 5, 2, 10*sec))
		b.wantFixed(d)
		b.pass(10 * sec)
		s := slide(b, d, &slider{limit: 5, period: sec})
		q := b.ask(d)
		b.pass(sec)
		q.done(s.window(b, d))
		q.wantAt(11 * sec)
	})
}

func TestTheShapeIsThatOfAKindAndNumbersAreThoseOfABucket(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		first, second, other := learned("a", "1"), learned("a", "2"), learned("b", "1")
		slide(b, first, &slider{limit: 3, period: sec})
		s := &slider{limit: 3, period: sec}
		in := b.askAll(3, second) // nobody goes ahead
		b.pass(200 * ms)
		answer(in, s.window(b, second), s.window(b, second), s.window(b, second))
		q := b.ask(second)
		b.pass(sec - 1)
		q.wantWaiting()
		b.pass(1)
		q.wantAt(1200 * ms)
		b.wantShape(other, bucket.Shape{})
	})
}

// A server that tells whole seconds, rounded up, still lets units go as they come back.
func TestThePrecisionOfAServerIsThatOfThePeriod(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d, s := learned("a", "1"), &slider{limit: 5, period: 1500 * ms}
		tell := func(q *request) {
			w := s.window(b, d)
			w.ResetAfter, w.Precision = (w.ResetAfter + sec - 1).Truncate(sec), sec
			q.done(w)
		}
		for range 4 {
			tell(b.ask(d))
			b.pass(20 * ms)
		}
		got := b.Shape(d.Key)
		if !got.Sliding || got.Lo > 1500*ms || got.Hi < 1500*ms {
			b.Fatalf("the shape is %+v", got)
		}
		// All will be back at 6.06 s at the latest, and one unit four of the shortest periods sooner.
		at := 60*ms + 6*sec - 4*got.Lo
		q := b.ask(d)
		b.pass(at - 1 - b.now())
		q.wantWaiting()
		b.pass(1)
		q.wantAt(at)
	})
}

func TestTheShapeIsLearnedFromAnswersThatAllComeBackwards(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d, s := open("a", "1"), &slider{limit: 5, period: sec}
		in := b.askAll(3, d)
		windows := []bucket.Window{s.window(b, d), s.window(b, d), s.window(b, d)}
		for i := range in {
			in[i].done(windows[2-i])
		}
		b.wantShape(d, bucket.Shape{Sliding: true, Lo: sec, Hi: sec})
	})
}

func TestAKindThatSlidesDoesSoWithAnotherLimitToo(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := learned("a", "1")
		slide(b, d, &slider{limit: 5, period: sec})
		b.pass(time.Minute)
		s := &slider{limit: 10, period: 500 * ms}
		b.ask(d).done(s.window(b, d))
		b.wantShape(d, bucket.Shape{Sliding: true, Lo: 500 * ms, Hi: 500 * ms})
		b.wantRoom(9, d)
	})
}

func TestAPeriodOfAnyLengthDelaysOnlyWhatTheWindowHasNoRoomFor(t *testing.T) {
	for limit := 1000; limit < 1<<24; limit += limit/4 + 1 {
		t.Run(fmt.Sprint(limit), func(t *testing.T) {
			inBubble(t, nil, func(b *bubble) {
				d := open("limit", "1")
				for range 4 {
					b.ask(d).done(window(d, limit, limit-2, 20*time.Hour))
					b.pass(sec)
				}
				if !b.Shape(d.Key).Sliding {
					t.Error("the window is not known to slide")
				}
				if x := b.Explain(nil, d); x.Wait != 0 {
					t.Errorf("the wait is estimated as %v, want none", x.Wait)
				}
				b.ask(d).wantAt(4 * sec)
			})
		})
	}
}

// It is on its way for as long as any may be.
func TestAUnitGivenUpOnTheWayBeginsToComeBackWhenItHasArrived(t *testing.T) {
	const way = 100 * ms
	inBubble(t, nil, func(b *bubble) {
		slide(b, learned("a", "1"), &slider{limit: 5, period: sec})
		b.pass(2 * sec)
		for range 4 { // after which it is known how long the way is
			q := b.ask(open("x", ""))
			b.pass(way)
			q.done()
		}
		start, d := b.now(), learned("a", "2")
		qs := b.askAll(6, d)
		wantWaiting(1, qs...)
		for _, q := range qs[:5] {
			q.granted().Lost()
		}
		b.pass(time.Minute)
		qs[5].wantAt(start + sec) // and arrives no sooner than a period after the first of them
	})
}

// Answers whose moments might be one do not tell the shape. The latest is the cautious one.
func TestWhereAWindowMaySlideAllIsBackAtTheLatestMomentTold(t *testing.T) {
	const way = 700 * ms
	inBubble(t, nil, func(b *bubble) {
		for range 4 { // after which it is known how long the way is
			q := b.ask(open("x", ""))
			b.pass(2 * way)
			q.done()
		}
		d, server, start := open("a", "1"), &slider{limit: 5, period: sec}, b.now()
		two, all := d, d
		two.Weight, all.Weight = 2, 5
		first, second := b.ask(two), b.ask(d)
		b.pass(way)
		earlier, later := server.window(b, two), server.window(b, d)
		b.pass(way)
		first.done(earlier)
		second.done(later)
		b.wantShape(d, bucket.Shape{Lo: sec, Hi: 3 * sec / 2})
		q := b.ask(all)
		b.pass(sec)
		q.wantWaiting()
		b.pass(start + 3*sec - b.now())
		q.wantAt(start + 3*sec)
		b.pass(way)
		server.window(b, all) // refuses nothing
	})
}

// It is by the latest answer what is left of it, not by the last one before it was known to slide.
func TestASlidingWindowThatTurnsOutToBeFixedHoldsWhatTheLatestAnswerLeft(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d, other := learned("a", "1"), learned("a", "2")
		s := slide(b, d, &slider{limit: 5, period: sec})
		for range 10 {
			b.pass(sec)
			b.ask(d).done(s.window(b, d))
		}
		b.pass(3 * sec)
		b.ask(d).done(s.window(b, d)) // two left, and all is back in three seconds
		b.ask(other).done(window(other, 5, 4, 10*sec))
		b.ask(other).done(window(other, 5, 3, 10*sec))
		b.wantFixed(d)
		qs := b.askAll(3, d)
		wantWaiting(1, qs...)
		b.pass(3*sec - 1)
		qs[2].wantWaiting()
		b.pass(1)
		qs[2].wantAt(16 * sec)
	})
}

func TestASlidingWindowOfWhichAnswersTellAgainHoldsAgain(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		slide(b, learned("a", "1"), &slider{limit: 3, period: sec})
		d := open("a", "2")
		for _, q := range b.askAll(3, d) {
			q.done() // and so they have ceased to tell
		}
		more := b.askAll(6, d)
		wantWaiting(0, more...)
		answer(more)
		server := &slider{limit: 3, period: sec}
		for range 3 {
			b.ask(d).done(server.window(b, d))
		}
		b.ask(d).wantWaiting()
	})
}

// More than all of its units is never missing from a sliding window, however many were lost.
func TestNobodyWaitsForMoreUnitsThanASlidingWindowHas(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d, server := learned("a", "1"), &slider{limit: 3, period: sec}
		slide(b, d, server)
		b.pass(time.Minute)
		start := b.now()
		qs := b.askAll(3, d)
		server.take(2)
		last := server.window(b, d) // which counts the others
		for _, q := range qs[:2] {
			q.granted().Lost()
		}
		qs[2].done(last)
		q := b.ask(d)
		b.pass(time.Minute)
		q.wantAt(start + sec)
	})
}

// Its buckets may differ in it, so that none keeps to what another one was told.
func TestABucketOfASlidingKindKeepsToTheLimitThatItWasTold(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		small, large := learned("a", "small"), learned("a", "large")
		slide(b, small, &slider{limit: 3, period: sec})
		for range 4 {
			b.pass(time.Minute)
			b.ask(large).done(window(large, 6, 5, sec))
			b.ask(small).done(window(small, 3, 2, sec))
		}
		b.pass(time.Minute)
		before := b.stats().Corrections.Limit
		b.ask(small).done(window(small, 5, 4, sec))
		b.ask(small).done(window(small, 0, 4, sec)) // which tells no other
		b.pass(time.Minute)
		b.wantRoom(5, small)
		if got := b.stats().Corrections.Limit - before; got != 1 {
			b.Errorf("%d limits were corrected, want 1", got)
		}
	})
}
