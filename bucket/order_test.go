package bucket_test

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/underlimit/underlimit/bucket"
)

func TestALineIsInTheOrderOfArrivalWhoeverLeaves(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	for range 200 {
		seqs := make([]uint64, rnd.IntN(40))
		for i := range seqs {
			seqs[i] = uint64(i + 1)
		}
		want := slices.Clone(seqs)
		rnd.Shuffle(len(seqs), func(i, j int) { seqs[i], seqs[j] = seqs[j], seqs[i] })
		var remove []int
		for n := len(seqs); n > 0 && rnd.IntN(3) > 0; n-- {
			remove = append(remove, rnd.IntN(n))
		}
		removed, rest := bucket.Queue(seqs, remove)
		want = slices.DeleteFunc(want, func(seq uint64) bool { return slices.Contains(removed, seq) })
		if !slices.Equal(rest, want) {
			t.Fatalf("they leave as %v, want %v", rest, want)
		}
	}
}

func TestAnExhaustedRouteSpendsNothingElse(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		global, a, other := quota("global", 2, 10*sec), open("a", ""), open("other", "")
		b.ask(a).done(window(a, 1, 0, 5*sec))
		stuck := b.askAll(10, global, a)
		qs := b.askAll(2, global, other)
		qs[0].wantAt(0)
		qs[1].wantAt(0)
		wantWaiting(10, stuck...)
	})
}

func TestGrantsFollowTheOrderOfArrival(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := b.warm(pace("p", sec, 1))
		qs := b.askAll(20, d)
		b.pass(time.Minute)
		for i, q := range qs {
			q.wantAt(time.Duration(i) * sec)
		}
	})
}

func TestALaterRequestDoesNotPassOneThatNeedsMore(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := b.warm(quota("q", 3, 10*sec))
		b.ask(d)
		heavy := b.ask(bucket.Draw{Key: d.Key, Policy: d.Policy, Weight: 3})
		light := b.ask(d)
		heavy.wantWaiting()
		light.wantWaiting()
		b.pass(10 * sec)
		heavy.wantAt(10 * sec)
		light.wantWaiting()
		b.pass(10 * sec)
		light.wantAt(20 * sec)
	})
}

func TestARequestThatMovesToAnotherLineKeepsItsPlace(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		x, y := open("x", ""), open("y", "")
		b.ask(x).done(window(x, 1, 0, 5*sec))
		b.ask(y).done(window(y, 1, 0, 9*sec))
		both := b.ask(x, y) // waits for x, and then for y
		alone := b.ask(y)   // waits for y from the beginning
		b.pass(9 * sec)
		both.wantAt(9 * sec)
		alone.wantWaiting()
		both.done(window(x, 1, 0, 5*sec), window(y, 1, 0, 9*sec))
		b.pass(9 * sec)
		alone.wantAt(18 * sec)
	})
}

func TestARequestSentAgainGoesBeforeLaterOnes(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := open("a", "")
		first := b.ask(d)
		first.done(window(d, 2, 0, 5*sec), block(d, 5*sec))
		later := b.askAll(3, d)
		again := b.askWith(b.Context(), first.ticket, d)
		wantWaiting(4, append(later, again)...)
		b.pass(5 * sec)
		again.wantAt(5 * sec)
		later[0].wantAt(5 * sec)
		wantWaiting(2, later...)
	})
}

func TestATicketIsWorthNothingInAnotherRegistry(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := b.warm(pace("p", sec, 1))
		other := bucket.NewRegistry(nil)
		var ticket bucket.Ticket
		lease, err := other.AcquireTicket(b.Context(), &ticket, d)
		if err != nil {
			b.Fatal(err)
		}
		lease.Done(time.Now())
		waits := b.askAll(3, d)
		last := b.askWith(b.Context(), &ticket, d)
		b.pass(10 * sec)
		waits[2].wantAt(2 * sec)
		last.wantAt(3 * sec)
		last.done()
	})
}

func TestWhatIsInFlightCounts(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := open("a", "")
		b.ask(d).done(window(d, 10, 3, 10*sec))
		qs := b.askAll(5, d)
		wantWaiting(2, qs...)
		qs[0].done(window(d, 10, 2, 10*sec)) // the two others are still to be counted
		wantWaiting(2, qs...)
		b.pass(10 * sec)
		qs[3].wantAt(10 * sec)
		qs[4].wantAt(10 * sec)
	})
}

func TestAnswersOutOfOrderLetNobodyThrough(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := open("a", "")
		b.ask(d).done(window(d, 4, 3, 10*sec))
		qs := b.askAll(4, d)
		wantWaiting(1, qs...)
		qs[2].done(window(d, 4, 0, 10*sec))
		qs[0].done(window(d, 4, 2, 10*sec))
		qs[1].done(window(d, 4, 1, 10*sec))
		wantWaiting(1, qs...)
		b.pass(10 * sec)
		qs[3].wantAt(10 * sec)
	})
}

func TestAnAnswerOfAnOlderWindowChangesNothing(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := open("a", "")
		slow := b.ask(d)
		b.ask(d).done(window(d, 5, 3, 10*sec))
		b.pass(10 * sec)
		b.ask(d).done(window(d, 5, 4, 10*sec))
		b.pass(sec)
		slow.granted().Done(time.Now().Add(-6*sec), window(d, 5, 0, 5*sec)) // it had arrived at 5 s
		wantWaiting(0, b.askAll(4, d)...)
		b.ask(d).wantWaiting()
	})
}

func TestAWindowThatBeginsEarlyIsUsedAtOnce(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := open("a", "")
		b.ask(d).done(window(d, 5, 1, 10*sec))
		b.pass(2 * sec)
		qs := b.askAll(6, d)
		wantWaiting(5, qs...)
		b.pass(sec)
		qs[0].done(window(d, 5, 4, 10*sec)) // the server has begun anew
		wantWaiting(1, qs...)
		b.pass(9 * sec)
		wantWaiting(1, qs...)
		b.pass(sec)
		qs[5].wantAt(13 * sec)
		if got := b.stats().Corrections.Reset; got != 1 {
			b.Errorf("%d early windows counted, want 1", got)
		}
	})
}

func TestOneGoesAheadToSee(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := learned("a", "")
		qs := b.askAll(10, d)
		qs[0].wantAt(0)
		wantWaiting(9, qs...)
		b.pass(250 * ms)
		qs[0].done(window(d, 5, 4, 10*sec))
		wantWaiting(5, qs...)
		for i, q := range qs[1:5] {
			q.wantAt(250 * ms)
			q.done(window(d, 5, 3-i, 10*sec-250*ms))
		}
		b.pass(10 * sec)
		wantWaiting(0, qs...)
	})
}

func TestTheOneAheadMayBeCancelledOrLost(t *testing.T) {
	for name, end := range map[string]func(bucket.Lease){"lost": bucket.Lease.Lost, "cancelled": bucket.Lease.Cancel} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, nil, func(b *bubble) {
				qs := b.askAll(3, learned("a", ""))
				b.pass(sec)
				end(qs[0].granted())
				b.pass(0)
				qs[1].wantAt(sec)
				qs[2].wantWaiting()
				b.pass(sec)
				qs[1].done()
				qs[2].wantAt(2 * sec)
			})
		})
	}
}

func TestAnswersThatTellNothingHoldNobodyBack(t *testing.T) {
	for name, d := range map[string]bucket.Draw{"learned": learned("a", ""), "open": open("a", "")} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, nil, func(b *bubble) {
				b.ask(d).done()
				qs := b.askAll(200, d)
				wantWaiting(0, qs...)
				answer(qs)
				wantWaiting(0, b.askAll(200, d)...)
			})
		})
	}
}

func TestAnswersThatCeaseToTellHoldNobodyBack(t *testing.T) {
	for name, d := range map[string]bucket.Draw{"learned": learned("a", ""), "open": open("a", "")} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, nil, func(b *bubble) {
				b.ask(d).done(window(d, 3, 2, 5*sec))
				b.pass(5 * sec)
				for range 20 {
					b.ask(d).done()
				}
				wantWaiting(0, b.askAll(50, d)...)
			})
		})
	}
}

func TestAnAnswerThatTellsNothingFreesNothing(t *testing.T) {
	for name, d := range map[string]bucket.Draw{"learned": learned("a", ""), "open": open("a", "")} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, nil, func(b *bubble) {
				b.ask(d).done(window(d, 10, 3, 5*sec))
				answer(b.askAll(3, d))
				q := b.ask(d)
				q.wantWaiting()
				b.pass(5 * sec)
				q.wantAt(5 * sec)
			})
		})
	}
}

func TestARequestWithoutAnAnswerIsSpentUntilTheWindowEnds(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := open("a", "")
		b.ask(d).done(window(d, 10, 2, 5*sec))
		for _, q := range b.askAll(2, d) {
			q.granted().Lost()
		}
		q := b.ask(d)
		q.wantWaiting()
		b.pass(5 * sec)
		q.wantAt(5 * sec)
	})
}

func TestARequestThatWasNeverSentGivesItsPlaceBack(t *testing.T) {
	for _, limit := range []int{3, 10} { // of which two are left
		inBubble(t, nil, func(b *bubble) {
			d := open("a", "")
			b.ask(d).done(window(d, limit, 2, 5*sec))
			qs := b.askAll(3, d)
			b.pass(sec)
			qs[0].granted().Cancel()
			b.pass(0)
			qs[2].wantAt(sec)
		})
	}
}

func TestOneSlowBucketDelaysNobodyElse(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		global := quota("global", 50, sec)
		slow, blocked, fast := learned("slow", ""), open("blocked", ""), b.warm(pace("fast", sec, 1))
		b.ask(blocked).done(block(blocked, time.Hour))
		b.askAll(30, global, slow)
		b.askAll(30, global, blocked)
		qs := b.askAll(20, global, fast)
		b.pass(time.Minute)
		for i, q := range qs {
			q.wantAt(time.Duration(i) * sec)
		}
	})
}

func TestALeaseIsSettledOnce(t *testing.T) {
	settle := map[string]func(bucket.Lease){
		"Done":   func(l bucket.Lease) { l.Done(time.Now()) },
		"Lost":   bucket.Lease.Lost,
		"Cancel": bucket.Lease.Cancel,
	}
	for first, f := range settle {
		for second, g := range settle {
			t.Run(first+", "+second, func(t *testing.T) {
				inBubble(t, nil, func(b *bubble) {
					q := b.ask(open("a", ""))
					f(q.granted())
					wantPanic(b, "bucket: Lease settled twice", func() { g(q.granted()) })
					again := b.askWith(b.Context(), q.ticket, open("a", ""))
					wantPanic(b, "bucket: Lease settled twice", func() { g(q.granted()) })
					again.done()
					if n := b.Referred(); n != 0 {
						b.Errorf("%d references are left", n)
					}
				})
			})
		}
	}
}

func TestATicketIsUsedByOneRequestAtATime(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := b.warm(pace("p", sec, 1))
		use := func(q *request) func() {
			return func() { _, _ = b.AcquireTicket(b.Context(), q.ticket, d) }
		}
		leased, waiting := b.ask(d), b.ask(d)
		wantPanic(b, "bucket: Acquire with a ticket that is in use", use(leased))
		wantPanic(b, "bucket: Acquire with a ticket that is in use", use(waiting))
		b.pass(sec) // and the registry goes on
		waiting.wantAt(sec)
	})
}

func wantPanic(b *bubble, want string, f func()) {
	b.Helper()
	defer func() {
		b.Helper()
		if got := recover(); got != want {
			b.Errorf("panic with %v, want %q", got, want)
		}
	}()
	f()
}

func TestARequestThatDrawsOnNothingGoes(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		q := b.ask()
		q.wantAt(0)
		q.done()
	})
}

func TestOfLinesThatMoveAtTheSameMomentTheFirstToArriveGoesFirst(t *testing.T) {
	for range 20 { // maps and heaps have their whims
		inBubble(t, nil, func(b *bubble) {
			shared := learned("shared", "")
			b.ask(shared).done(window(shared, 2, 0, 2*sec))
			var qs []*request
			for _, subject := range []string{"c", "a", "b"} {
				d := open("own", subject)
				b.ask(d).done(block(d, 2*sec))
				qs = append(qs, b.ask(d, shared))
			}
			b.pass(2 * sec)
			qs[0].wantAt(2 * sec)
			qs[1].wantAt(2 * sec)
			qs[2].wantWaiting()
		})
	}
}

// Who reads the clock before another may win the lock after it.
func TestWhoReadTheClockEarlierDoesNotGoBeforeWhoCameFirst(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := b.warm(pace("p", sec, 1))
		b.ask(d)
		early := time.Now()
		b.pass(100 * ms)
		first, second := b.ask(d), &bucket.Ticket{}
		granted := make(chan time.Duration, 1)
		go func() {
			if _, err := b.AcquireRead(b.Context(), early, second, d); err != nil {
				b.Error(err)
			}
			granted <- b.now()
		}()
		b.pass(10 * sec)
		first.wantAt(sec)
		if at := <-granted; at != 2*sec || second.Seq() <= first.ticket.Seq() {
			b.Errorf("ticket %d, after %d, was granted at %v, want 2s", second.Seq(), first.ticket.Seq(), at)
		}
	})
}
