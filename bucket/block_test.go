package bucket_test

import (
	"context"
	"errors"
	"math"
	"reflect"
	"testing"
	"time"

	"github.com/underlimit/underlimit/bucket"
)

func TestABlockOnlyLengthens(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := open("a", "")
		in := b.askAll(4, d)
		for i, step := range []struct {
			block   time.Duration
			changes []bucket.Change
		}{
			{10 * sec, []bucket.Change{{Key: d.Key, Blocked: b.start.Add(10 * sec)}}},
			{4 * sec, nil},
			{10 * sec, []bucket.Change{{Key: d.Key, Blocked: b.start.Add(12 * sec)}}}, // two seconds later
			{0, nil},
		} {
			if changes := in[i].done(block(d, step.block)); !reflect.DeepEqual(changes, step.changes) {
				b.Errorf("step %d: %v, want %v", i, changes, step.changes)
			}
			b.pass(sec)
		}
		q := b.ask(d)
		b.pass(20 * sec)
		q.wantAt(12 * sec)
	})
}

func TestABlockBeginsWhenItsAnswerArrived(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := open("a", "")
		q := b.ask(d)
		b.pass(5 * sec)
		q.granted().Done(b.start.Add(2*sec), block(d, 10*sec))
		q = b.ask(d)
		b.pass(20 * sec)
		q.wantAt(12 * sec)
	})
}

func TestABlockOfUnknownLengthDoublesUntilASuccess(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := learned("a", "")
		q, at := b.ask(d), time.Duration(0)
		for _, want := range []time.Duration{1, 2, 4, 8, 16, 32, 60, 60, 60} {
			q.done(block(d, 0))
			q = b.ask(d)
			b.pass(want * sec)
			at += want * sec
			q.wantAt(at)
		}
		q.done()
		b.ask(d).done(block(d, -sec))
		q = b.ask(d)
		b.pass(sec)
		q.wantAt(at + sec)
	})
}

func TestABlockOfUnknownLengthBeginsAsToldAndDoubles(t *testing.T) {
	for first, waits := range map[time.Duration][]time.Duration{
		time.Minute:      {60, 120, 240, 480, 960, 960},
		500 * time.Hour:  {24 * 3600, 24 * 3600},
		3 * sec:          {3, 6, 12, 24, 48, 60, 60},
		time.Millisecond: {1, 2},
		-time.Hour:       {1, 2},
		math.MaxInt64:    {24 * 3600},
	} {
		inBubble(t, nil, func(b *bubble) {
			d := learned("a", "")
			q, at := b.ask(d), time.Duration(0)
			for _, want := range waits {
				q.done(bucket.Block{Key: d.Key, First: first})
				q = b.ask(d)
				b.pass(want * sec)
				at += want * sec
				q.wantAt(at)
			}
			q.done(bucket.Block{Key: d.Key, For: sec, First: first}) // what is told counts
			q = b.ask(d)
			b.pass(sec)
			q.wantAt(at + sec)
		})
	}
}

func TestThoseRefusedTogetherAreOneRefusal(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := open("a", "")
		in := b.askAll(10, d)
		answer(in[:9], block(d, 0))
		in[9].done() // sent before the block, it tells nothing of what comes after
		q := b.ask(d)
		b.pass(sec)
		q.wantAt(sec)
		q.done(block(d, 0))
		q = b.ask(d)
		b.pass(2 * sec)
		q.wantAt(3 * sec)
	})
}

func TestAfterABlockOneGoesFirst(t *testing.T) {
	for name, d := range map[string]bucket.Draw{"learned": learned("a", ""), "open": open("a", "")} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, nil, func(b *bubble) {
				b.ask(d).done(block(d, 5*sec))
				qs := b.askAll(5, d)
				b.pass(5 * sec)
				qs[0].wantAt(5 * sec)
				wantWaiting(4, qs...)
				b.pass(sec)
				qs[0].done()
				wantWaiting(0, qs...)
			})
		})
	}
}

func TestAfterABlockThatCameWhileOneWasAheadAnotherGoesFirst(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := open("a", "")
		in := b.askAll(2, d)
		in[0].done(block(d, sec))
		qs := b.askAll(5, d)
		b.pass(sec)
		qs[0].wantAt(sec)
		in[1].done(block(d, 5*sec))
		b.pass(sec)
		qs[0].done()
		wantWaiting(4, qs...)
		b.pass(4 * sec)
		qs[1].wantAt(6 * sec)
		wantWaiting(3, qs...)
		qs[1].done()
		wantWaiting(0, qs...)
	})
}

func TestAfterABlockInAKnownWindowNobodyGoesFirst(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := open("a", "")
		b.ask(d).done(window(d, 3, 0, 2*sec), block(d, 5*sec))
		qs := b.askAll(5, d)
		b.pass(5 * sec)
		wantWaiting(2, qs...)
	})
}

func TestABlockOfAnotherBucketStopsThatOne(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d, other := open("a", ""), open("b", "")
		b.ask(d).done(block(other, 5*sec))
		b.ask(d).wantAt(0)
		q := b.ask(d, other)
		b.pass(5 * sec)
		q.wantAt(5 * sec)
	})
}

func TestUnblockLetsThoseGoWhoWaitForNothingElse(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d, p := open("a", ""), pace("p", sec, 1)
		b.ask(d, p).done(block(d, 0))
		qs := []*request{b.ask(d), b.ask(d, p), b.ask(d)}
		b.pass(500 * ms)
		wantWaiting(3, qs...)
		b.Unblock(d.Key)
		b.Unblock(key("nobody's", ""))
		b.pass(sec)
		qs[0].wantAt(500 * ms)
		qs[1].wantAt(sec)
		qs[2].wantAt(500 * ms)
		b.ask(d).done(block(d, 0)) // and the row of refusals begins anew
		q := b.ask(d)
		b.pass(sec)
		q.wantAt(2500 * ms)
	})
}

func TestUnblockLiftsWhatAnErrorIsAbout(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		get, put, hash := open("get", "1"), open("put", "1"), open("hash", "1")
		b.ask(get).done(alias(get, hash), alias(put, hash), window(hash, 5, 4, time.Minute), block(hash, time.Minute))
		waiting := b.ask(put)
		_, err := b.AcquireTicket(b.Context(), &bucket.Ticket{Mode: bucket.Reject}, get)
		why, ok := errors.AsType[*bucket.WaitError](err)
		if !ok {
			t.Fatalf("got %v, want a WaitError", err)
		}
		b.Unblock(why.Key)
		b.ask(get).wantAt(0)
		waiting.wantAt(0)
	})
}

func TestWhatAnAnswerSaysIsCutShort(t *testing.T) {
	forever := time.Duration(math.MaxInt64)
	for _, tt := range []struct {
		name   string
		opts   *bucket.Options
		update func(d bucket.Draw) bucket.Update
		want   time.Duration
	}{
		{"a block", nil, func(d bucket.Draw) bucket.Update {
			return block(d, forever)
		}, 24 * time.Hour},
		{"a window", nil, func(d bucket.Draw) bucket.Update {
			return window(d, 1, 0, forever)
		}, 24 * time.Hour},
		{"a window's date", nil, func(d bucket.Draw) bucket.Update {
			return bucket.Window{Key: d.Key, Limit: 1, ResetAt: time.Now().AddDate(100, 0, 0), Date: time.Now()}
		}, 24 * time.Hour},
		{"a window's date without the server's", nil, func(d bucket.Draw) bucket.Update {
			return bucket.Window{Key: d.Key, Limit: 1, ResetAt: time.Now().AddDate(100, 0, 0)}
		}, 24 * time.Hour},
		{"a chosen bound", &bucket.Options{MaxBlock: time.Minute}, func(d bucket.Draw) bucket.Update {
			return block(d, time.Hour)
		}, time.Minute},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, tt.opts, func(b *bubble) {
				d := open("a", "")
				b.ask(d).done(tt.update(d))
				q := b.ask(d)
				b.pass(100 * time.Hour)
				q.wantAt(tt.want)
			})
		})
	}
}

func TestNoAnswerHarms(t *testing.T) {
	far := time.Duration(math.MaxInt64)
	times := []time.Time{
		{},
		time.Unix(0, 0), time.Unix(math.MaxInt64, 0), time.Unix(math.MinInt64, 0), time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC),
		time.Date(2000, 1, 1, 0, 0, 5, 0, time.UTC),
	}
	inBubble(t, nil, func(b *bubble) {
		d := learned("a", "")
		for _, n := range []int{math.MinInt, -1, 0, 1, math.MaxInt} {
			for _, after := range []time.Duration{-far - 1, -1, 0, 1, far} {
				for _, at := range times {
					for _, date := range times {
						w := bucket.Window{Key: d.Key, Limit: n, Remaining: -n, ResetAfter: after, ResetAt: at, Date: date, Precision: -after}
						q := b.ask(d)
						b.pass(25 * time.Hour)
						q.granted().Done(at, w, bucket.Block{Key: d.Key, For: after}, bucket.Alias{Key: d.Key, To: d.Key})
						b.check()
					}
				}
			}
		}
		q := b.ask(d)
		b.pass(25 * time.Hour)
		q.done()
		if n := b.Referred(); n != 0 {
			b.Errorf("%d references are left", n)
		}
	})
}

func TestTheEndOfAWindowOnTheServersClockIsFoundOnOurs(t *testing.T) {
	for _, skew := range []time.Duration{0, 90 * sec, -90 * sec, time.Hour, -time.Hour} {
		t.Run(skew.String(), func(t *testing.T) {
			inBubble(t, nil, func(b *bubble) {
				server := func() time.Time { return time.Now().Add(skew + 300*ms) }
				d, end := open("a", ""), server().Add(20*sec)
				tell := func(remaining int) bucket.Window {
					return bucket.Window{Key: d.Key, Limit: 3, Remaining: remaining, ResetAt: end, Date: server().Truncate(sec)}
				}
				b.ask(d).done(tell(2))
				// The second may have been over by 300 ms, and the clocks may part until then.
				latest := 20*sec + 300*ms + 20300*200*time.Nanosecond
				b.askWithin(latest-1, bucket.Draw{Key: d.Key, Policy: noPolicy, Weight: 3}).
					wantError(0, d.Key, latest, context.DeadlineExceeded)
				b.pass(1700 * ms)
				b.ask(d).done(tell(0)) // at the very beginning of a second
				q := b.ask(d)
				b.pass(20 * sec)
				q.wantAt(20*sec + 18300*200*time.Nanosecond)
			})
		})
	}
}

func TestAWindowWithoutTheServersDateIsTakenByOurClock(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := open("a", "")
		b.ask(d).done(bucket.Window{Key: d.Key, Limit: 3, ResetAt: time.Now().Add(7 * sec)})
		q := b.ask(d)
		b.pass(10 * sec)
		q.wantAt(7 * sec)
	})
}

func TestATimeFromTheAnswerIsPreferredToADate(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := open("a", "")
		b.ask(d).done(bucket.Window{
			Key: d.Key, Limit: 3, ResetAfter: 4 * sec, ResetAt: time.Now().Add(7 * sec), Date: time.Now(),
		})
		q := b.ask(d)
		b.pass(10 * sec)
		q.wantAt(4 * sec)
	})
}

// A server that rounds the time to its reset up tells, a moment later, that the window ends almost a second earlier.
func TestPrecisionKeepsOneWindowFromLookingLikeTwo(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := open("a", "")
		tell := func(remaining int, after time.Duration) bucket.Window {
			return bucket.Window{Key: d.Key, Limit: 5, Remaining: remaining, ResetAfter: after, Precision: sec}
		}
		b.ask(d).done(tell(4, 10*sec))
		b.pass(100 * ms)
		b.ask(d).done(tell(0, 9*sec)) // somebody else draws, too
		if got := b.stats().Corrections.Reset; got != 0 {
			b.Errorf("%d windows are taken to have ended early", got)
		}
		q := b.ask(d)
		b.pass(10 * sec)
		q.wantAt(9100 * ms)
	})
}

func TestALimitThatIsLearnedOrChangedIsTold(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d, e := open("a", "1"), open("a", "2")
		for _, step := range []struct {
			draw  bucket.Draw
			limit int
			want  []bucket.Change
		}{
			{d, 10, []bucket.Change{{Key: d.Key, Limit: 10}}},
			{d, 10, nil},
			{e, 10, nil}, // of the same kind
			{e, 0, nil},  // not told
			{e, 20, []bucket.Change{{Key: e.Key, Limit: 20}}},
		} {
			if got := b.ask(step.draw).done(window(step.draw, step.limit, 9, sec)); !reflect.DeepEqual(got, step.want) {
				b.Errorf("limit %d: %v, want %v", step.limit, got, step.want)
			}
		}
	})
}

func TestABlockIsNeverTooShortToBeOne(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := open("a", "")
		b.ask(d).done(block(d, 1))
		q := b.ask(d)
		b.pass(50 * ms)
		q.wantAt(50 * ms)
	})
}

func TestASuccessThatTellsOfAWindowEndsARowOfRefusals(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := open("a", "")
		b.ask(d).done(block(d, 0))
		b.pass(sec)
		b.ask(d).done(block(d, 0)) // for twice as long
		b.pass(2 * sec)
		b.ask(d).done(window(d, 5, 4, sec))
		b.ask(d).done(block(d, 0))
		q := b.ask(d)
		b.pass(sec)
		q.wantAt(4 * sec)
	})
}

func TestWhoseRouteIsCountedByABlockedBucketFromNowOnFailsAtOnce(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		route, counter, second := open("route", "1"), open("counter", "1"), open("b", "1")
		named := b.ask(route)
		b.ask(counter).done(block(counter, time.Hour))
		b.ask(second).done(block(second, sec))
		q := b.askWithin(2*sec, second, route)
		patient := b.ask(second, route)
		named.done(alias(route, counter))
		q.wantError(0, route.Key, time.Hour, context.DeadlineExceeded)
		patient.wantWaiting()
	})
}
