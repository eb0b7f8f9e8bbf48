package bucket_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/underlimit/underlimit/bucket"
)

// askWithin asks with a context that ends after d.
func (b *bubble) askWithin(d time.Duration, draws ...bucket.Draw) *request {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context(), d)
	q := b.askWith(ctx, new(bucket.Ticket), draws...)
	inner := q.cancel
	q.cancel = func() { inner(); cancel() }
	b.Cleanup(cancel)
	return q
}

// wantError fails the test unless the request failed at a moment with a WaitError that says so.
func (q *request) wantError(at time.Duration, key bucket.Key, until time.Duration, cause error) {
	q.b.Helper()
	var e *bucket.WaitError
	switch {
	case !q.ended():
		q.b.Fatalf("after %v: the request waits, want it failed at %v", q.b.now(), at)
	case !errors.As(q.err, &e):
		q.b.Fatalf("the request ended with %v, want a WaitError", q.err)
	case q.at != at:
		q.b.Fatalf("the request failed at %v, want %v", q.at, at)
	case !errors.Is(q.err, cause):
		q.b.Fatalf("the request failed because of %v, want %v", e.Err, cause)
	case e.Key != key:
		q.b.Fatalf("the request failed because of %v, want %v", e.Key, key)
	case e.Until.Sub(q.b.start) != until:
		q.b.Fatalf("the request failed until %v, want %v", e.Until.Sub(q.b.start), until)
	}
}

func TestWhatCannotGoInTimeFailsAtOnce(t *testing.T) {
	for _, tt := range []struct {
		name   string
		set    func(b *bubble, d bucket.Draw) // what came before
		draw   bucket.Draw
		within time.Duration
		until  time.Duration
		silent bool // nobody answers those that go before, so that its turn does not come
	}{
		{"pace", func(b *bubble, d bucket.Draw) {
			b.ask(d)
		}, pace("p", sec, 1), 500 * ms, sec, false},
		{"the sixth in line", func(b *bubble, d bucket.Draw) {
			b.askAll(6, d)
		}, pace("p", sec, 1), 6*sec - 1, 6 * sec, false},
		{"quota", func(b *bubble, d bucket.Draw) {
			b.askAll(25, d)
		}, quota("q", 10, sec), 2*sec - 1, 2 * sec, false},
		{"a quota smaller than what it takes", func(b *bubble, d bucket.Draw) {
			b.ask(d)
		}, bucket.Draw{Key: key("q", ""), Weight: 30, Policy: &bucket.Policy{Quota: 10, Window: sec}}, sec - 1, sec, false},
		{"window", func(b *bubble, d bucket.Draw) {
			b.ask(d).done(window(d, 5, 0, 3*sec))
		}, open("w", ""), 3*sec - 1, 3 * sec, false},
		{"two windows on", func(b *bubble, d bucket.Draw) {
			b.ask(d).done(window(d, 5, 0, 3*sec))
			b.askAll(10, d)
		}, open("w", ""), 9*sec - 1, 9 * sec, true},
		{"a window smaller than what it takes", func(b *bubble, d bucket.Draw) {
			b.ask(d).done(window(d, 5, 0, 3*sec))
		}, bucket.Draw{Key: key("w", ""), Weight: 9, Policy: noPolicy}, 3*sec - 1, 3 * sec, false},
		{"block", func(b *bubble, d bucket.Draw) {
			b.ask(d).done(block(d, time.Minute))
		}, learned("b", ""), time.Minute - 1, time.Minute, false},
		{"a pace after a block", func(b *bubble, d bucket.Draw) {
			b.ask(d).done(block(d, time.Minute))
			b.askAll(3, d)
		}, pace("p", sec, 1), time.Minute + 3*sec - 1, time.Minute + 3*sec, true},
		{"a quota after a block", func(b *bubble, d bucket.Draw) {
			b.ask(d).done(block(d, time.Minute))
			b.askAll(3, d)
		}, quota("q", 2, 10*sec), time.Minute + 10*sec - 1, time.Minute + 10*sec, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, nil, func(b *bubble) {
				tt.set(b, b.warm(tt.draw))
				waiting := b.stats().Waiting
				b.askWithin(tt.within, tt.draw).wantError(0, tt.draw.Key, tt.until, context.DeadlineExceeded)
				if got := b.stats().Waiting; got != waiting {
					b.Fatalf("%d wait, want %d as before", got, waiting)
				}
				q := b.askWithin(tt.until+1, tt.draw) // as if the other had never been
				q.wantWaiting()
				if !tt.silent {
					b.pass(tt.until)
					q.wantAt(tt.until)
				}
			})
		})
	}
}

func TestTheErrorNamesTheBucketThatHoldsLongest(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		x, y := open("x", ""), open("y", "")
		b.ask(x, y).done(block(x, 5*sec), block(y, 9*sec))
		b.askWithin(sec, x, y).wantError(0, y.Key, 9*sec, context.DeadlineExceeded)
	})
}

func TestMaxWaitFailsAtOnceWhatWouldTakeLonger(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := b.warm(pace("p", sec, 1))
		b.askAll(3, d)
		q := b.askWith(b.Context(), &bucket.Ticket{MaxWait: 3*sec - 1}, d)
		q.wantError(0, d.Key, 3*sec, bucket.ErrMaxWait)
		b.askWith(b.Context(), &bucket.Ticket{MaxWait: 3 * sec}, d).wantWaiting()
	})
}

func TestMaxWaitBoundsTheWaitOverAllAttempts(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := open("a", "")
		ticket := &bucket.Ticket{MaxWait: 5 * sec}
		b.ask(d).done(block(d, 3*sec))
		q := b.askWith(b.Context(), ticket, d)
		b.pass(3 * sec)
		q.wantAt(3 * sec)
		b.pass(10 * sec) // in flight, which is no wait
		q.done(block(d, 2*sec+1))
		q = b.askWith(b.Context(), ticket, d)
		q.wantError(13*sec, d.Key, 15*sec+1, bucket.ErrMaxWait)
		if got := ticket.Waited(); got != 3*sec {
			b.Errorf("it has waited %v, want 3s", got)
		}
		b.pass(sec)
		q = b.askWith(b.Context(), ticket, d) // a second later it is in time
		b.pass(2 * sec)
		q.wantAt(15*sec + 1)
		if got := ticket.Waited(); got != 4*sec+1 {
			b.Errorf("it has waited %v, want 4s and 1ns", got)
		}
	})
}

func TestAWaitOfUnknownLengthEndsWithTheContextOrMaxWait(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := learned("a", "")
		ahead := b.ask(d)
		deadline := b.askWithin(2*sec, d)
		most := b.askWith(b.Context(), &bucket.Ticket{MaxWait: sec}, d)
		cancelled, behind := b.ask(d), b.ask(d)
		b.pass(500 * ms)
		cancelled.cancel()
		b.pass(5 * sec)
		cancelled.wantError(500*ms, d.Key, 500*ms, context.Canceled)
		most.wantError(sec, d.Key, sec, bucket.ErrMaxWait)
		deadline.wantError(2*sec, d.Key, 2*sec, context.DeadlineExceeded)
		ahead.done()
		behind.wantAt(5500 * ms)
	})
}

func TestWhatEndedBeforeItBeganTakesNothing(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := pace("p", sec, 1)
		why := errors.New("the user went away")
		ctx, cancel := context.WithCancelCause(b.Context())
		cancel(why)
		q := b.askWith(ctx, new(bucket.Ticket), d)
		q.wantError(0, d.Key, 0, context.Canceled)
		if !errors.Is(q.err, why) {
			b.Errorf("%v does not tell the context's cause", q.err)
		}
		b.askWith(ctx, new(bucket.Ticket)).wantError(0, bucket.Key{}, 0, why)
		b.ask(d).wantAt(0)
		if got := b.Stats().Buckets; got != 1 {
			b.Errorf("%d buckets, want 1", got)
		}
	})
}

func TestAFullQueueTakesNobody(t *testing.T) {
	inBubble(t, &bucket.Options{MaxQueue: 3}, func(b *bubble) {
		d := b.warm(pace("p", sec, 1))
		b.askAll(4, d)
		b.ask(d).wantError(0, d.Key, 4*sec, bucket.ErrQueueFull)
		b.pass(sec)
		q := b.ask(d)
		q.wantWaiting()
		b.pass(3 * sec)
		q.wantAt(4 * sec)
	})
}

func TestABlockFailsAtOnceThoseForWhomItIsTooLong(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d, other := open("a", ""), pace("p", sec, 1)
		b.ask(other)
		in := b.ask(d)
		b.ask(d).done(window(d, 2, 0, 5*sec))
		short, long := b.askWithin(10*sec, d), b.askWithin(31*sec, d)
		elsewhere := b.askWithin(10*sec, other, d) // stands in the other's line
		most := b.askWith(b.Context(), &bucket.Ticket{MaxWait: 20 * sec}, d)
		b.pass(100 * ms)
		in.done(block(d, 30*sec))
		until := 30*sec + 100*ms
		short.wantError(100*ms, d.Key, until, context.DeadlineExceeded)
		elsewhere.wantError(100*ms, d.Key, until, context.DeadlineExceeded)
		most.wantError(100*ms, d.Key, until, bucket.ErrMaxWait)
		long.wantWaiting()
		b.pass(30 * sec)
		long.wantAt(until)
	})
}

func TestWhoGivesUpLeavesNoTrace(t *testing.T) {
	for _, d := range []bucket.Draw{pace("p", sec, 1), quota("q", 1, sec)} {
		inBubble(t, nil, func(b *bubble) {
			qs := b.askAll(5, b.warm(d))
			b.pass(500 * ms)
			qs[1].cancel()
			qs[3].cancel()
			b.pass(0)
			if got := b.stats().Waiting; got != 2 {
				b.Fatalf("%d wait, want 2", got)
			}
			b.pass(5 * sec)
			qs[0].wantAt(0)
			qs[2].wantAt(1 * sec)
			qs[4].wantAt(2 * sec)
			answer([]*request{qs[0], qs[2], qs[4]})
			if n := b.Referred(); n != 0 {
				b.Errorf("%d references are left", n)
			}
		})
	}
}

func TestThoseBehindAHeavyOneMoveUpAtOnceWhenItGivesUp(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := b.warm(quota("q", 3, 10*sec))
		b.ask(d)
		heavy := b.ask(bucket.Draw{Key: d.Key, Policy: d.Policy, Weight: 3})
		behind := b.askAll(3, d)
		b.pass(sec)
		heavy.cancel()
		b.pass(0)
		heavy.wantError(sec, d.Key, 10*sec, context.Canceled)
		behind[0].wantAt(sec)
		behind[1].wantAt(sec)
		behind[2].wantWaiting()
	})
}

func TestATimerRunsOnlyWhileSomebodyWaits(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := open("a", "")
		b.ask(d).done(block(d, time.Hour))
		q := b.ask(d)
		if !b.Timer() {
			b.Error("somebody waits, and no timer runs")
		}
		q.cancel()
		b.pass(0)
		if b.Timer() {
			b.Error("nobody waits, and a timer runs")
		}
		q = b.ask(d)
		b.Unblock(d.Key)
		b.pass(0)
		q.wantAt(0)
		if b.Timer() {
			b.Error("the last one went, and a timer runs")
		}
	})
}

func TestAWaitErrorSpeaks(t *testing.T) {
	e := error(&bucket.WaitError{
		Key:   bucket.Key{Provider: "slack", Limit: "chat.postMessage", Owner: "1f2e3d4c5b6a", Subject: "C123"},
		Until: noon,
		Err:   context.DeadlineExceeded,
	})
	want := "bucket: slack chat.postMessage [1f2e3d4c C123] is not available until 2026-03-01T12:00:00Z: " +
		"context deadline exceeded"
	if e.Error() != want {
		t.Errorf("it says\n%s, want\n%s", e, want)
	}
	for cause, want := range map[error]bool{
		context.DeadlineExceeded: true, bucket.ErrMaxWait: true, bucket.ErrQueueFull: false, context.Canceled: false,
	} {
		e := &bucket.WaitError{Err: cause}
		if got := e.Timeout(); got != want {
			t.Errorf("because of %v: a timeout is %v, want %v", cause, got, want)
		}
	}
}

func TestAKeyShowsLittleOfItsOwner(t *testing.T) {
	for want, k := range map[string]bucket.Key{
		"slack users.list":               {Provider: "slack", Limit: "users.list"},
		"slack users.list [0123]":        {Provider: "slack", Limit: "users.list", Owner: "0123"},
		"slack users.list [01234567]":    {Provider: "slack", Limit: "users.list", Owner: "0123456789"},
		"slack users.list [C1]":          {Provider: "slack", Limit: "users.list", Subject: "C1"},
		"slack users.list [01234567/89]": {Provider: "slack", Limit: "users.list", Owner: "0123456789/89"},
		"slack users.list [0123456 C1]":  {Provider: "slack", Limit: "users.list", Owner: "0123456", Subject: "C1"},
	} {
		if got := k.String(); got != want {
			t.Errorf("%#v is shown as %q, want %q", k, got, want)
		}
	}
}

func TestAWaitIsEstimatedByTheWindowsOfToday(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := learned("limit", "1")
		b.ask(d).done(window(d, 5, 4, 10*time.Minute))
		b.pass(10 * time.Minute)
		for left := 4; left >= 0; left-- { // they have become shorter
			b.ask(d).done(window(d, 5, left, 5*sec))
		}
		b.askAll(5, d)
		b.askWith(b.Context(), &bucket.Ticket{MaxWait: 15 * sec}, d).wantWaiting() // not failed at once
		if got := b.Explain(nil, d).Wait; got != 10*sec {
			t.Errorf("the wait is estimated as %v, want two windows", got)
		}
	})
}
