package bucket_test

import (
	"testing"
	"time"

	"github.com/underlimit/underlimit/bucket"
)

// What is here holds once what refusals have taught is believed no more, or shortly before.

const oneDay = 24 * time.Hour

// suspected has a refusal that nothing explains show that there is a hidden limit.
func (b *bubble) suspected(d bucket.Draw) {
	b.Helper()
	b.ask(d).done()
	b.ask(d).done()
	b.ask(d).done(shown(d, sec))
}

func TestAHiddenLimitIsSuspectedForADay(t *testing.T) {
	for after, want := range map[time.Duration]int{oneDay - 1: 1, oneDay: 0} {
		inBubble(t, nil, func(b *bubble) {
			b.suspected(learned("route", "1"))
			b.pass(after)
			other := learned("route", "2")
			b.ask(other).done()
			if n := b.Remembered(other.Key); n != want {
				b.Errorf("after %v, %d units are noted of what passed, want %d", after, n, want)
			}
		})
	}
}

func TestOnceALessonIsForgottenWhatIsDocumentedBesidesHoldsAgain(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := bucket.Draw{Key: key("hidden", "1"), Policy: &bucket.Policy{Hidden: true, Concurrent: 2}}
		b.taught(d, 5, time.Minute)
		d.Key.Subject = "2"
		wantWaiting(0, b.askAll(5, d)...) // what was learned is all that holds
		b.pass(oneDay)
		d.Key.Subject = "3"
		qs := b.askAll(4, d)
		wantWaiting(2, qs...)
		qs[0].done()
		wantWaiting(1, qs...)
	})
}

func TestOnceALessonIsForgottenWhatPassesBeyondItIsNoVentureAnyMore(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d, other := hidden("1"), hidden("2")
		b.taught(d, 2, time.Minute)
		b.pass(oneDay)
		for range 4 {
			b.ask(d).done()
		}
		qs := b.askAll(6, other)
		wantWaiting(1, qs...) // four have passed, and the fifth goes ahead
	})
}

func TestWhoWaitsAsALessonIsForgottenGoesThoughNothingPassedYet(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		b.taught(hidden("1"), 1, 20*time.Hour)
		d := hidden("2")
		b.pass(23 * time.Hour)
		first, q := b.ask(d), b.ask(d)
		q.wantWaiting()
		b.pass(time.Hour)
		first.granted().Cancel() // a day after the lesson
		b.pass(0)
		q.wantAt(oneDay)
	})
}

func TestOneWaitsForAVentureElsewhereNoLongerThanUntilItIsNoneItself(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		b.ask(hidden("1")).done()
		b.pass(sec)
		b.ask(hidden("2")).done()
		ahead := b.ask(hidden("2")) // the second within an hour
		q := b.ask(hidden("1"))
		b.pass(time.Hour - sec - 1)
		q.wantWaiting()
		b.pass(1)
		q.wantAt(time.Hour) // the first there was so long ago
		ahead.done()
	})
}

func TestWhatFillsAllThatIsRememberedIsAVentureStill(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		one, other := hidden("1"), hidden("2")
		for range 255 {
			b.ask(one).done()
			b.ask(other).done()
		}
		wantWaiting(1, b.ask(one), b.ask(other))
	})
}

// Of a unit, an answer shows only that it passed before; it passed no sooner than the quickest way takes.
func TestAUnitPassedTheQuickestTripAfterItWentOrWhenItWasGivenUp(t *testing.T) {
	for name, tt := range map[string]struct {
		after, passed time.Duration
		end           func(q *request)
	}{
		"answered late": {500 * ms, 100 * ms, func(q *request) { q.done() }},
		"given up":      {10 * ms, 10 * ms, func(q *request) { q.granted().Lost() }},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, nil, func(b *bubble) {
				quick := b.ask(hidden("quick"))
				b.pass(100 * ms)
				quick.done()
				d := hidden("1")
				q := b.ask(d)
				b.pass(tt.after)
				tt.end(q)
				b.ask(d).done(shown(d, time.Minute))
				if p, want := b.quotaOf(d), time.Minute+tt.after-tt.passed; p.Quota != 1 || p.Window != want {
					b.Errorf("learned %+v, want one in %v", p, want)
				}
			})
		})
	}
}

func TestWhatWasInFlightAsAHiddenLimitCameToBeSuspectedIsNoted(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := learned("route", "1")
		b.ask(d).done()
		q := b.ask(d)
		b.suspected(d)
		q.done()
		if n := b.Remembered(d.Key); n != 1 {
			b.Errorf("%d units are noted of what passed, want 1", n)
		}
	})
}

func TestWhoDocumentsNothingAndWaitsKeepsToWhatIsLearnedOfItsKind(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := learned("hidden", "2")
		b.ask(d).done(block(d, sec))
		qs := b.askAll(2, d)
		b.taught(hidden("1"), 1, time.Minute)
		b.pass(sec)
		qs[0].wantAt(sec)
		qs[0].done()
		b.pass(time.Minute - 1)
		qs[1].wantWaiting()
		b.pass(1)
		qs[1].wantAt(sec + time.Minute)
	})
}

func TestAPaceThatIsLearnedIsToldAsALimitOfOne(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := hidden("1")
		b.taught(d, 2, time.Minute)
		b.pass(time.Minute)
		b.ask(d).done()
		changes := b.ask(d).done(shown(d, 5*sec))
		if want := (bucket.Change{Key: d.Key, Limit: 1}); len(changes) != 2 || changes[1] != want {
			b.Errorf("told of %+v", changes)
		}
	})
}

func TestARefusalThatArrivesOnceALessonIsForgottenTeachesAnew(t *testing.T) {
	for before, want := range map[int]bucket.Policy{
		1: {Hidden: true, Quota: 1, Window: 3 * time.Minute},
		2: {Hidden: true, Quota: 2, Window: oneDay}, // of more than a day, cut short as any block is
	} {
		inBubble(t, nil, func(b *bubble) {
			d := hidden("1")
			b.taught(d, before, time.Minute)
			b.pass(oneDay - 2*time.Minute)
			b.ask(d).done()
			b.pass(110 * sec)
			q := b.ask(d)
			b.pass(10 * sec)
			q.done(shown(d, time.Minute))
			if p := b.quotaOf(hidden("2")); p != want {
				b.Errorf("it is %+v, want %+v", p, want)
			}
		})
	}
}

func TestARefusalWhereNothingPassedTeachesOnlyThatALessonWasWrong(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		one, other := hidden("1"), hidden("2")
		if changes := b.ask(one).done(shown(one, time.Minute)); len(changes) != 1 {
			b.Errorf("told of %+v", changes)
		}
		b.pass(time.Minute)
		b.taught(one, 2, time.Minute)
		b.pass(1)
		b.ask(other).done(shown(other, time.Minute))
		if p := b.quotaOf(one); p.Quota != 0 || p.Every != time.Minute {
			b.Errorf("it is %+v, want a pace of half of two a minute", p)
		}
	})
}

func TestAPaceThatWasLearnedIsLearnedAnewByASoonRefusal(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := hidden("1")
		b.taught(d, 2, time.Minute)
		b.pass(time.Minute)
		b.ask(d).done()
		b.ask(d).done(shown(d, 5*sec)) // shows a pace of one a minute
		b.pass(15 * time.Minute)
		b.ask(d).done()
		b.pass(time.Minute - 1)
		q := b.ask(d)
		q.wantWaiting()
		q.cancel()
		b.pass(0)
		b.askWith(b.Context(), &bucket.Ticket{Mode: bucket.Shadow}, d).done(shown(d, 5*sec))
		if p := b.quotaOf(d); p.Every <= time.Minute {
			b.Errorf("it is %+v, want less than one a minute", p)
		}
	})
}

// The lesson is two a minute. A soon refusal tells how long what passed since the one before took, if that is slower; else
// the pace is half as quick.
func TestTheSecondLessonIsHowLongWhatPassedInBetweenTook(t *testing.T) {
	for _, tt := range []struct {
		name   string
		passed int           // in between
		after  time.Duration // the first block
		length time.Duration // of the second one
		want   time.Duration // the pace
	}{
		{"nothing passed", 0, 0, 2 * time.Minute, time.Minute},
		{"just as quick", 1, 0, 30 * sec, time.Minute},
		{"slower", 1, 0, 30*sec + 1, 30*sec + 1},
		{"longer than any block", 1, 10 * time.Minute, 30 * sec, 5 * time.Minute},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, &bucket.Options{MaxBlock: 5 * time.Minute}, func(b *bubble) {
				d := hidden("1")
				b.taught(d, 2, time.Minute)
				b.pass(time.Minute + tt.after)
				for range tt.passed {
					b.ask(d).done()
				}
				b.ask(d).done(shown(d, tt.length))
				if p := b.quotaOf(d); p.Quota != 0 || p.Every != tt.want {
					b.Errorf("it is %+v, want one each %v", p, tt.want)
				}
			})
		})
	}
}

func TestASecondLessonOfABucketThatWasNeverRefusedIsHalfAsQuick(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		b.pass(time.Hour)
		one, other := hidden("1"), hidden("2")
		b.taught(one, 2, time.Minute)
		b.pass(sec)
		b.ask(other).done()
		b.ask(other).done(shown(other, time.Minute))
		if p := b.quotaOf(other); p.Quota != 0 || p.Every != time.Minute {
			b.Errorf("it is %+v, want one a minute", p)
		}
	})
}

func TestOnceALessonIsForgottenAsManyAsItLetGoMayGoInItsTimeAndOneMoreIsAVenture(t *testing.T) {
	for quota, taught := range map[int]func(b *bubble){
		2: func(b *bubble) { b.taught(hidden("1"), 2, time.Minute) },
		1: func(b *bubble) { // a pace
			b.taught(hidden("1"), 2, time.Minute)
			b.pass(time.Minute)
			b.ask(hidden("1")).done()
			b.ask(hidden("1")).done(shown(hidden("1"), 5*sec))
		},
	} {
		for _, restarted := range []bool{false, true} {
			inBubble(t, nil, func(b *bubble) {
				one, other := hidden("3"), hidden("4")
				taught(b)
				if restarted {
					b = b.restart()
				}
				b.pass(3 * oneDay)
				qs := append(b.askAll(quota, one), b.askAll(quota, other)...)
				wantWaiting(0, qs...)
				answer(qs)
				b.pass(time.Minute - 1)
				wantWaiting(1, b.ask(one), b.ask(other))
			})
		}
	}
}

func TestWhatIsInFlightAsALessonComesCountsUntilItPassesAndThenOnce(t *testing.T) {
	for passed := range 2 {
		inBubble(t, nil, func(b *bubble) {
			one, other := hidden("1"), hidden("2")
			for range 4 {
				b.ask(one).done()
			}
			for range passed {
				b.ask(other).done()
			}
			in := b.askAll(2, other)
			b.ask(one).done(shown(one, time.Minute)) // four a minute
			room := 4 - passed - 2
			wantWaiting(1, b.askAll(room+1, other)...)
			in[0].granted().Cancel()
			b.pass(0)
			b.ask(other).wantWaiting() // somebody else has taken its place
			in[1].done()
			b.ask(other).wantWaiting() // it counts as one that passed
		})
	}
}

func TestAPaceThatIsLearnedCountsWhatPassedElsewhereBefore(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		one, other, third := hidden("1"), hidden("2"), hidden("3")
		b.taught(one, 2, time.Minute)
		b.pass(time.Minute)
		b.ask(one).done()
		b.pass(sec)
		b.ask(other).done()
		b.ask(third) // nothing passed there
		b.pass(sec)
		b.ask(one).done(shown(one, 5*sec)) // shows a pace of one a minute
		b.ask(third).wantAt(62 * sec)
		q := b.ask(other)
		b.pass(59*sec - 1)
		q.wantWaiting()
		b.pass(1)
		q.wantAt(61*sec + time.Minute)
	})
}
