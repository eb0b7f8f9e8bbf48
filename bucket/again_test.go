package bucket_test

import (
	"context"
	"math"
	"testing"
	"time"

	"github.com/underlimit/underlimit/bucket"
)

func TestATicketThatGaveUpMayWaitAgain(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := b.warm(pace("p", sec, 1))
		b.ask(d).done()
		ticket := new(bucket.Ticket)
		ctx, cancel := context.WithCancel(b.Context())
		q := b.askWith(ctx, ticket, d)
		cancel()
		b.pass(0)
		q.wantError(0, d.Key, sec, context.Canceled)
		q = b.askWith(b.Context(), ticket, d)
		b.pass(sec - 1)
		q.wantWaiting()
		b.pass(1)
		q.wantAt(sec)
	})
}

func TestAWaitMayBeBoundedByAnyLength(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := b.warm(pace("p", sec, 1))
		b.ask(d).done()
		q := b.askWith(b.Context(), &bucket.Ticket{MaxWait: math.MaxInt64}, d)
		b.pass(sec)
		q.wantAt(sec)
	})
}

func TestAnAnswerArrivesNoSoonerThanItsRequestWent(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := open("a", "")
		b.pass(time.Hour)
		b.ask(d).granted().Done(time.Now().Add(-time.Minute), block(d, sec))
		q := b.ask(d)
		b.pass(sec - 1)
		q.wantWaiting()
		b.pass(1)
		q.wantAt(time.Hour + sec)
	})
}

func TestBucketsAreThoseOfTheWholeKey(t *testing.T) {
	one := &bucket.Policy{Concurrent: 1}
	for _, a := range []string{"", "aa", "ab"} {
		for _, of := range []func(s string) bucket.Key{
			func(s string) bucket.Key { return bucket.Key{Provider: s} },
			func(s string) bucket.Key { return bucket.Key{Limit: s} },
			func(s string) bucket.Key { return bucket.Key{Limit: "a", Owner: s} },
			func(s string) bucket.Key { return bucket.Key{Limit: "a", Subject: s} },
		} {
			inBubble(t, nil, func(b *bubble) {
				d, other := bucket.Draw{Key: of(a), Policy: one}, bucket.Draw{Key: of("ac"), Policy: one}
				wantWaiting(1, b.ask(d), b.ask(other), b.ask(d))
				wantWaiting(1, b.ask(other))
			})
		}
	}
}

func TestExplainTellsTheLineAtTheCounter(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		get, put, counter := open("get", "1"), open("put", "1"), open("counter", "1")
		for i, d := range []bucket.Draw{get, put} {
			b.ask(d).done(alias(d, counter), window(counter, 3, 2-i, 10*sec))
		}
		b.ask(get)
		b.askAll(3, put)
		b.prefer(-1, put)
		if got := b.Explain(nil, get).Buckets[0]; got.Waiting != 4 || got.Ahead != 3 || got.InFlight != 1 {
			b.Errorf("of four, three before it, and one in flight, it tells %+v", got)
		}
	})
}

func TestAnEstimateMindsBothCountersOfARoute(t *testing.T) {
	for _, turned := range []bool{false, true} {
		inBubble(t, nil, func(b *bubble) {
			route, one, two := open("route", "1"), open("one", "1"), open("two", "1")
			short, long := window(one, 5, 0, 10*sec), window(two, 9, 0, 20*sec)
			if turned {
				short, long = window(one, 5, 0, 20*sec), window(two, 9, 0, 10*sec)
			}
			first := b.ask(route)
			second := b.ask(route)
			first.done(alias(route, one), short)
			second.done(alias(route, two), long)
			if x := b.Explain(nil, route); x.Wait != 20*sec {
				b.Errorf("turned: %t; it would wait %v, want 20 s", turned, x.Wait)
			}
		})
	}
}

func TestARouteOfTwoCountersFreesBothAsItIsCanceled(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		route, one, two := open("route", "1"), open("one", "1"), open("two", "1")
		in := b.askAll(3, route)
		in[0].done(alias(route, one), window(one, 3, 2, 10*sec))
		in[1].done(alias(route, two), window(two, 3, 2, 10*sec))
		qs := append(b.askAll(2, one), b.askAll(3, two)...)
		waiting := 0
		for _, q := range qs {
			if !q.ended() {
				waiting++
			}
		}
		in[2].granted().Cancel()
		b.pass(0)
		wantWaiting(waiting-2, qs...)
	})
}

func TestWhatWasNotCountedIsGivenBackAndNoMore(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := open("a", "")
		b.ask(d).done(window(d, 5, 4, 10*sec))
		in := b.askAll(3, d)
		in[0].done(bucket.Uncounted{Key: d.Key})
		wantWaiting(2, b.askAll(4, d)...)
	})
}

func TestHoweverMuchIsLeftItIsNotTakenForNothing(t *testing.T) {
	for _, n := range []int{1 << 24, 1<<24 + 1, 1 << 32, 1 << 40, math.MaxInt} {
		inBubble(t, nil, func(b *bubble) {
			d := open("a", "")
			b.ask(d).done(window(d, n, n, 10*sec))
			wantWaiting(0, b.askAll(3, d)...)
		})
	}
}

func TestWhileOneIsAheadAnUnblockLetsNobodyAfterIt(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := learned("a", "")
		first, q := b.ask(d), b.ask(d)
		b.Unblock(d.Key)
		b.pass(0)
		q.wantWaiting()
		first.done()
		q.wantAt(0)
	})
}

func TestABlockIsLiftedByAnyNameOfItsOwner(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := open("a", "1")
		b.join("second", "owner")
		b.ask(d).done(block(d, time.Hour))
		q := b.ask(d)
		b.Unblock(of("second", d).Key)
		b.pass(0)
		q.wantAt(0)
	})
}

func TestAPaceOfOneAtATimeMindsHowLateTheOneBeforeWasAndNoOther(t *testing.T) {
	d := bucket.NewDebtor(bucket.Policy{Every: sec}, 100*ms)
	d.Take(0, 1)
	d.Answered(0, 1, 400*ms)
	if at := d.Ready(400*ms, 1); at != 1300*ms {
		t.Errorf("after one that was 300 ms late the next goes at %v, want 1.3s", at)
	}
	d.Take(1300*ms, 1)
	d.Answered(1300*ms, 1, 100*ms)
	if at := d.Ready(1400*ms, 1); at != 2300*ms {
		t.Errorf("after one that was not late the next goes at %v, want 2.3s", at)
	}
}

func TestARefusedUnitOfAHiddenLimitIsNotOneThatPassed(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		b.taught(hidden("1"), 2, time.Minute)
		d, other := hidden("2"), open("other", "")
		b.ask(d, other).done(block(other, sec)) // that one refused
		wantWaiting(1, b.askAll(3, d)...)
	})
}

func TestADrawWithAWiderPolicyLetsThoseGoWhoWait(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		one := bucket.Draw{Key: key("a", ""), Policy: &bucket.Policy{Concurrent: 1}}
		three := bucket.Draw{Key: key("a", ""), Policy: &bucket.Policy{Concurrent: 3}}
		qs := b.askAll(2, one)
		wantWaiting(1, qs...)
		b.ask(three).wantAt(0)
		qs[1].wantAt(0)
	})
}

func TestOfSeveralDrawsEachIsGivenBackWhatItTook(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		light, heavy := open("light", ""), open("heavy", "")
		b.ask(light).done(window(light, 9, 8, 10*sec))
		b.ask(heavy).done(window(heavy, 9, 8, 10*sec))
		heavy.Weight = 3
		b.ask(light, heavy).done(bucket.Uncounted{Key: heavy.Key})
		heavy.Weight = 1
		b.wantRoom(8, heavy)
		b.wantRoom(7, light) // nothing told how that was counted
	})
}

func TestWhatOthersCountIsNotInFlightAtTheCounterItself(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		route := open("route", "1")
		counter := bucket.Draw{Key: key("counter", "1"), Policy: &bucket.Policy{Concurrent: 1}}
		b.ask(route).done(alias(route, counter))
		b.ask(counter).done()
		b.ask(route)
		b.ask(counter).wantAt(0) // the policy is of those who draw on it
		b.ask(counter).wantWaiting()
	})
}

func TestASuccessEndsTheRowOfRefusalsOfTheCounterToo(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		route, counter := open("route", "1"), open("counter", "1")
		b.ask(route).done(alias(route, counter))
		b.ask(route).done(block(counter, 0))
		b.pass(sec)
		b.ask(route).done(block(counter, 0)) // for twice as long
		b.pass(2 * sec)
		b.ask(route).done()
		b.ask(route).done(block(counter, 0))
		q := b.ask(route)
		b.pass(sec)
		q.wantAt(4 * sec)
	})
}

func TestAnAnswerMakesFailuresAfterABlockCountAnew(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := learned("limit", "")
		for range 2 {
			b.ask(d).failed()
		}
		b.ask(d).done() // tells nothing
		b.ask(d).done(block(d, sec))
		b.pass(sec)
		b.ask(d).failed()
		b.ask(d).failed()
		wantWaiting(1, b.askAll(2, d)...) // of three that may fail, the third goes ahead
	})
}

func TestExplainTellsHowMuchOfASlidingWindowIsLeft(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := learned("a", "1")
		slide(b, d, &slider{limit: 5, period: sec})
		for i, after := range []time.Duration{0, sec - 1, 1, sec, 2 * sec, time.Hour} {
			b.pass(after)
			want := bucket.Standing{
				Key: d.Key, Counter: d.Key, Known: true, Limit: 5, Period: sec,
				Remaining: []int{0, 0, 1, 2, 4, 5}[i],
			}
			if i < 5 {
				want.Reset = b.start.Add(5 * sec)
			}
			if got := b.Explain(nil, d).Buckets[0]; got != want {
				b.Errorf("at %v it stands %+v, want %+v", b.now(), got, want)
			}
		}
		b.ask(d)
		if got := b.Explain(nil, d).Buckets[0]; got.Remaining != 4 || got.InFlight != 1 {
			b.Errorf("with one in flight it stands %+v", got)
		}
	})
}

func TestAnAnswerThatNothingIsUsedShowsNoShape(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := learned("a", "1")
		slide(b, d, &slider{limit: 5, period: sec})
		b.ask(learned("a", "2")).done(window(learned("a", "2"), 5, 5, 3*sec))
		b.wantShape(d, bucket.Shape{Sliding: true, Lo: sec, Hi: sec})
	})
}

func TestWhatIsLeftOfASlidingWindowHoldsOnceItsKindIsFixed(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d, other := learned("a", "1"), learned("a", "2")
		slide(b, d, &slider{limit: 5, period: sec})
		b.pass(time.Minute)
		b.ask(d).done(window(d, 5, 1, 4*sec)) // somebody else has used it, too
		b.ask(other).done(window(other, 5, 4, 10*sec))
		b.ask(other).done(window(other, 5, 3, 10*sec)) // in which nothing comes back one by one
		b.wantFixed(d)
		qs := b.askAll(2, d)
		wantWaiting(1, qs...)
		b.pass(4 * sec)
		qs[1].wantAt(time.Minute + 4*sec)
	})
}

func TestAWaitForMoreThanALimitEverHasIsEstimatedAsForAllOfIt(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := open("a", "")
		b.ask(d).done(window(d, 5, 0, 10*sec))
		d.Weight = 9
		if x := b.Explain(nil, d); x.Wait != 10*sec {
			b.Errorf("it would wait %v, want 10 s", x.Wait)
		}
		q := b.ask(d)
		b.pass(10 * sec)
		q.wantAt(10 * sec)
	})
}

func TestNothingIsRememberedOfWhatWasLostUnderADocumentedLimit(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := quota("q", 5, sec)
		b.ask(d).granted().Lost()
		if n := b.Remembered(d.Key); n != 0 {
			b.Errorf("%d units are remembered", n)
		}
	})
}

func TestAnAnswerToWhoWentAfterALossTellsOfThatToo(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := learned("a", "1")
		slide(b, d, &slider{limit: 5, period: sec})
		b.pass(5 * sec)
		b.ask(d).granted().Lost()
		b.pass(sec)
		for i, want := range []time.Duration{7 * sec, 8 * sec} { // it did not count
			b.ask(d).done(window(d, 5, 4-i, want-6*sec))
			if got := b.Explain(nil, d).Buckets[0].Reset.Sub(b.start); got != want {
				b.Errorf("all is back at %v, want %v", got, want)
			}
		}
	})
}

func TestOfADeadlineAndAMaxWaitTheEarlierCounts(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := open("a", "")
		b.ask(d).done(block(d, 10*sec))
		ctx, cancel := context.WithTimeout(b.Context(), sec)
		defer cancel()
		b.askWith(ctx, &bucket.Ticket{MaxWait: time.Minute}, d).wantError(0, d.Key, 10*sec, context.DeadlineExceeded)
		ctx, cancel = context.WithTimeout(b.Context(), time.Minute)
		defer cancel()
		b.askWith(ctx, &bucket.Ticket{MaxWait: sec}, d).wantError(0, d.Key, 10*sec, bucket.ErrMaxWait)
	})
}

func TestWhatAnswersToldOfTheServersClockNarrowsTheEndsOfLaterWindows(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		var clock bucket.ServerClock
		reset := b.start.Add(20 * sec)
		tell := func(d bucket.Draw) { // the server's clock agrees with ours, and shows whole seconds
			date := time.Now().Truncate(sec)
			clock.Observe(date, time.Now(), time.Now())
			b.ask(d).done(bucket.Window{Key: d.Key, Limit: 5, Remaining: 0, ResetAt: reset, Date: date})
		}
		b.pass(1100 * ms)
		tell(open("a", "1"))
		b.pass(800 * ms)
		d := open("a", "2")
		tell(d) // which alone might be 900 ms off
		_, latest, _ := clock.Local(reset)
		if latest.Sub(reset) > 110*ms {
			b.Fatalf("the clock is known within %v", latest.Sub(reset))
		}
		q := b.ask(d)
		b.pass(time.Minute)
		q.wantAt(latest.Sub(b.start))
	})
}
