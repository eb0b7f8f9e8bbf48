package bucket_test

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/underlimit/underlimit/bucket"
)

// wrong answers requests that were granted as wrong.
func wrong(d bucket.Draw, qs ...*request) {
	for _, q := range qs {
		q.done(bucket.Charge{Key: d.Key})
	}
}

// usedUp has all of a charged quota used up, and time pass until it would be there again.
func (b *bubble) usedUp(d bucket.Draw) {
	b.Helper()
	wrong(d, b.askAll(d.Policy.Quota, d)...)
	b.pass(time.Minute)
}

// over are the requests whose turn came, in their order, that are not answered yet.
func over(answered map[*request]bool, qs []*request) (got []*request) {
	for _, q := range qs {
		if q.ended() && q.err == nil && !answered[q] {
			answered[q] = true
			got = append(got, q)
		}
	}
	return got
}

func TestAQuotaThatWasUsedUpIsTriedByOneAtATimeThatGrowsApart(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := charged(20)
		b.usedUp(d)
		qs, answered := b.askAll(90, d), map[*request]bool{}
		at := time.Minute
		wrong(d, over(answered, qs)...) // the first goes at once
		waits := []time.Duration{1, 2, 4, 8, 16, 32}
		for len(waits) < 75 {
			waits = append(waits, 60)
		}
		for i, wait := range waits {
			b.pass(wait*sec - 1)
			if n := len(over(answered, qs)); n > 0 {
				b.Fatalf("%d go before their time, at %v", n, b.now())
			}
			b.pass(1)
			at += wait * sec
			got := over(answered, qs)
			if len(got) != 1 || got[0].at != at {
				b.Fatalf("try %d: %d go at %v, want one at %v", i, len(got), b.now(), at)
			}
			wrong(d, got...)
		}
		for _, q := range qs {
			q.cancel()
		}
		b.pass(0)
	})
}

func TestAQuotaThatIsTriedInVainNoMoreOpensByDoubles(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := charged(100)
		b.usedUp(d)
		qs, answered := b.askAll(90, d), map[*request]bool{}
		var sizes []int
		for range 7 {
			got := over(answered, qs)
			sizes = append(sizes, len(got))
			b.pass(100 * ms)
			for _, q := range got {
				q.granted().Done(time.Now())
			}
			b.pass(0)
		}
		if want := []int{1, 2, 4, 8, 16, 32, 27}; !slices.Equal(sizes, want) {
			b.Errorf("%v go together, want %v", sizes, want)
		}
	})
}

func TestAWrongAnswerOnceAQuotaIsOpenShutsNothing(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := charged(100)
		b.usedUp(d)
		for range 8 { // 1, 2, 4 ... may go together
			for _, q := range b.askAll(64, d) {
				if q.ended() {
					q.done()
				} else {
					q.cancel()
				}
			}
			b.pass(0)
		}
		wrong(d, b.ask(d))
		b.pass(sec)
		wantWaiting(0, b.askAll(50, d)...)
	})
}

func TestAWrongAnswerWhileAQuotaOpensShutsItAgain(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := charged(20)
		b.usedUp(d)
		qs, answered := b.askAll(10, d), map[*request]bool{}
		for range 2 {
			got := over(answered, qs)
			b.pass(100 * ms)
			for _, q := range got {
				q.done()
			}
		}
		got := over(answered, qs)
		if len(got) != 4 {
			b.Fatalf("%d are in flight, want 4", len(got))
		}
		b.pass(100 * ms)
		wrong(d, got[0])
		for _, q := range got[1:] {
			q.done() // they went before it was known
		}
		if n := len(over(answered, qs)); n != 0 {
			b.Errorf("%d go though something was wrong", n)
		}
		b.pass(sec)
		if n := len(over(answered, qs)); n != 1 {
			b.Errorf("a second later %d go, want one", n)
		}
		for _, q := range qs {
			q.cancel()
		}
		b.pass(0)
	})
}

func TestAQuotaThatIsOnlyInFlightIsNotShut(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := charged(4)
		in := b.askAll(4, d)
		wrong(d, in[0])
		answer(in[1:])
		wantWaiting(0, b.askAll(3, d)...)
	})
}

func TestWhoTriesAQuotaAndIsLostMakesWayForAnother(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := charged(5)
		b.usedUp(d)
		qs := b.askAll(3, d)
		wantWaiting(2, qs...)
		qs[0].granted().Lost()
		b.pass(0)
		qs[1].granted().Cancel()
		b.pass(0)
		wantWaiting(0, qs...)
	})
}

func TestAQuotaThatWasUsedUpIsTriedByOneAfterARestart(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := charged(20)
		b.usedUp(d)
		wrong(d, b.ask(d)) // at a minute, and the next a second later
		b.pass(sec)
		wrong(d, b.ask(d))
		var file bytes.Buffer
		if err := b.Save(&file); err != nil {
			b.Fatal(err)
		}
		next := &bubble{T: b.T, Registry: bucket.NewRegistry(nil), start: b.start}
		if err := next.Load(&file); err != nil {
			b.Fatal(err)
		}
		qs := next.askAll(10, d)
		wantWaiting(10, qs...)
		next.pass(2 * sec)
		wantWaiting(9, qs...)
		next.pass(time.Minute)
		wantWaiting(9, qs...)
		for range 5 {
			for _, q := range qs {
				if q.ended() && q.lease != (bucket.Lease{}) {
					q.lease.Done(time.Now())
					q.lease = bucket.Lease{}
				}
			}
			next.pass(0)
		}
		wantWaiting(0, qs...)
	})
}

func TestAGoodAnswerEndsTheRowOfTriesInVain(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := charged(20)
		b.usedUp(d)
		wrong(d, b.ask(d)) // the next goes a second later
		b.pass(sec)
		wrong(d, b.ask(d)) // and then two
		b.pass(2 * sec)
		b.ask(d).done()
		wrong(d, b.ask(d))
		q := b.ask(d)
		b.pass(sec - 1)
		q.wantWaiting()
		b.pass(1)
		q.wantAt(time.Minute + 4*sec)
	})
}

// chargedAs is a draw on one of several such quotas.
func chargedAs(subject string) bucket.Draw {
	d := charged(20)
	d.Key.Subject = subject
	return d
}

func TestAQuotaThatWasUsedUpByOneNameIsTriedByOneByTheOther(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		name, id := chargedAs("name"), chargedAs("id")
		b.usedUp(name)
		wrong(id, b.ask(id)) // it is owed something, and nothing shuts it
		b.ask(open("other", "")).done(sameBucket(name, id))
		wantWaiting(2, b.askAll(3, id)...)
	})
}

func TestAQuotaThatIsUsedByOneNameIsTriedByOneIfItWasUsedUpByTheOther(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		name, id := chargedAs("name"), chargedAs("id")
		b.usedUp(id)
		wrong(name, b.ask(name))
		b.ask(open("other", "")).done(sameBucket(name, id))
		wantWaiting(2, b.askAll(3, id)...)
	})
}

func TestOfTwoNamesOfAQuotaThatOpensTheStricterOneCounts(t *testing.T) {
	for _, turned := range []bool{false, true} {
		inBubble(t, nil, func(b *bubble) {
			loose, strict := chargedAs("loose"), chargedAs("strict")
			wrong(loose, b.askAll(20, loose)...)
			b.usedUp(strict)
			b.ask(loose).done()
			answer(b.askAll(2, loose)) // four may go together by now
			late := b.ask(loose)
			wrong(strict, b.ask(strict)) // the next goes a second later
			b.pass(sec)
			wrong(strict, b.ask(strict)) // and then two
			name, id := loose, strict
			if turned {
				name, id = id, name
			}
			b.ask(open("other", "")).done(sameBucket(name, id))
			late.done() // it went before the other was shut, and opens nothing
			first := b.ask(id)
			others := b.askAll(2, id)
			b.pass(2*sec - 1)
			first.wantWaiting()
			b.pass(1)
			first.wantAt(time.Minute + 3*sec)
			wantWaiting(2, others...)
			wrong(id, first) // the third in a row
			b.pass(4*sec - 1)
			wantWaiting(2, others...)
			b.pass(1)
			others[0].wantAt(time.Minute + 7*sec)
			wantWaiting(1, others...)
		})
	}
}

func TestAHeavyRequestTriesAQuotaThatWasUsedUpAlone(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := charged(20)
		b.usedUp(d)
		heavy := d
		heavy.Weight = 5
		b.ask(heavy).wantAt(time.Minute)
		b.ask(d).wantWaiting()
	})
}

func TestAQuotaThatHalfWentWrongIsShutThoughTheRestIsInFlight(t *testing.T) {
	for n, waiting := range map[int]int{1: 0, 2: 1} {
		inBubble(t, nil, func(b *bubble) {
			d := charged(4)
			in := b.askAll(4, d)
			wrong(d, in[:n]...)
			answer(in[n:])
			wantWaiting(waiting, b.askAll(2, d)...)
		})
	}
}

func TestAnAnswerThatIsNotWrongShutsNoQuota(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := charged(4)
		in := []*request{b.ask(d), b.ask(d), b.ask(d)}
		wrong(d, in...)
		for range 2 { // one more than there may be
			in = append(in, b.askWith(b.Context(), &bucket.Ticket{Mode: bucket.Shadow}, d))
		}
		in[3].done()
		in[4].done()
		b.pass(time.Minute)
		wantWaiting(0, b.askAll(4, d)...)
	})
}

func TestAQuotaIsOpenOnceThirtyTwoInFlightAreNoMoreWrong(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := charged(100)
		b.usedUp(d)
		for range 31 {
			b.ask(d).done()
		}
		qs := b.askAll(40, d)
		wantWaiting(8, qs...)
		qs[0].done()
		wantWaiting(0, qs...)
	})
}

func TestAWaitForAQuotaThatIsShutIsEstimated(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := charged(20)
		b.usedUp(d)
		wrong(d, b.ask(d))
		b.pass(250 * ms)
		if x := b.Explain(nil, d); x.Wait != 750*ms {
			b.Errorf("it would wait %v, want 750 ms", x.Wait)
		}
		q := b.askWith(b.Context(), &bucket.Ticket{MaxWait: 750*ms - 1}, d)
		if !q.ended() || q.err == nil {
			b.Error("it waits though it cannot go in time")
		}
	})
}

func TestWhetherAQuotaIsShutOutlivesARestart(t *testing.T) {
	for used, waiting := range map[int]int{20: 2, 19: 0, 1: 0} {
		inBubble(t, nil, func(b *bubble) {
			d := charged(20)
			wrong(d, b.askAll(used, d)...)
			b.pass(59 * sec)
			b = b.restart()
			b.pass(sec)
			wantWaiting(waiting, b.askAll(3, d)...)
		})
	}
}

func TestHowOftenAQuotaStayedShutIsBoundedInAFile(t *testing.T) {
	for _, shut := range []int{8, 64, 255} {
		inBubble(t, nil, func(b *bubble) {
			d := charged(20)
			line := fmt.Sprintf(`{"bucket":{"provider":"api","limit":"invalid","owner":"owner","shut":%d,"answers":["%s"],`+
				`"policy":{"quota":20,"window_ns":60000000000,"charged":true}}}`, shut, time.Now().Format(time.RFC3339Nano))
			b = b.restarted(sealed(header(), line), nil)
			q := b.ask(d)
			b.pass(time.Minute - 1)
			q.wantWaiting()
			b.pass(1)
			q.wantAt(time.Minute)
		})
	}
}

func TestAQuotaThatIsShutIsNotForgottenForLackOfRoom(t *testing.T) {
	inBubble(t, &bucket.Options{MaxKeys: 3}, func(b *bubble) {
		d := charged(20)
		d.Policy = &bucket.Policy{Charged: true, Quota: 4, Window: sec}
		wrong(d, b.askAll(4, d)...)
		b.pass(sec)
		for wait := sec; wait <= 8*sec; wait *= 2 {
			wrong(d, b.ask(d))
			b.pass(wait)
		}
		wrong(d, b.ask(d))
		b.pass(2 * sec) // nothing of it counts any more, and the next may go after 16 s
		for i := range 20 {
			b.ask(open("x", string(rune('a'+i)))).done()
		}
		q := b.ask(d)
		b.pass(14*sec - 1)
		q.wantWaiting()
		b.pass(1)
		q.wantAt(32 * sec)
	})
}
