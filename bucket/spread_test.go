package bucket_test

import (
	"math"
	"testing"
	"time"

	"github.com/underlimit/underlimit/bucket"
)

// spread is a draw whose windows go spread over a second to those who waited for them.
func spread(reserve float64) bucket.Draw {
	return bucket.Draw{Key: key("spread", ""), Policy: &bucket.Policy{Spread: sec, Reserve: reserve}}
}

func TestThoseWhoWaitedForAWindowGoOneByOne(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := spread(0)
		b.ask(d).done(window(d, 5, 0, 10*sec))
		qs := b.askAll(7, d)
		b.pass(30 * sec)
		for i, q := range qs[:5] {
			q.wantAt(10*sec + durationOf(i)*200*ms)
		}
		wantWaiting(2, qs[5:]...) // until an answer tells of the next window
		answer(qs[:5], window(d, 5, 0, 10*sec))
		b.pass(20 * sec)
		qs[5].wantAt(40 * sec)
		qs[6].wantAt(40*sec + 200*ms)
	})
}

func TestThoseWhoWaitedForABlockToEndGoOneByOne(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := spread(0)
		b.ask(d).done(window(d, 5, 4, time.Minute), block(d, 7*sec))
		qs := b.askAll(3, d)
		b.pass(20 * sec)
		for i, q := range qs {
			q.wantAt(7*sec + durationOf(i)*200*ms)
		}
	})
}

func TestThoseWhoHearOnlyLaterHowLongTheyWaitAreAHerd(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := spread(0)
		b.ask(d).done(window(d, 2, 0, 10*sec))
		b.pass(10 * sec)
		sent, qs := b.askAll(2, d), b.askAll(2, d)
		wantWaiting(2, qs...) // for an answer
		answer(sent, window(d, 2, 0, 10*sec))
		b.pass(11 * sec)
		qs[0].wantAt(20 * sec)
		qs[1].wantAt(20*sec + 500*ms)
	})
}

func TestThoseWhomAnAnswerLetsGoBeforeTheMomentAreNoHerd(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := spread(0)
		b.ask(d).done(window(d, 10, 9, 10*sec))
		sent := b.askAll(6, d)
		b.pass(sec)
		sent[0].done(window(d, 10, 3, 9*sec)) // the others may not be counted yet
		qs := b.askAll(2, d)
		wantWaiting(2, qs...)
		b.pass(sec)
		answer(sent[1:], window(d, 10, 3, 8*sec))
		qs[0].wantAt(2 * sec)
		qs[1].wantAt(2 * sec)
	})
}

func TestWhoComesBehindAHerdGoesAfterIt(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := spread(0)
		b.ask(d).done(window(d, 10, 0, 10*sec))
		qs := b.askAll(3, d)
		b.pass(10*sec + 50*ms)
		late := b.ask(d)
		wantWaiting(3, qs[1], qs[2], late)
		b.pass(10 * sec)
		for i, q := range append(qs, late) {
			q.wantAt(10*sec + durationOf(i)*100*ms)
		}
		b.ask(d).wantAt(20*sec + 50*ms) // nobody waits any more
		b.ask(d).wantAt(20*sec + 50*ms)
	})
}

func TestThoseWhoWaitedForAnAnswerAreNoHerd(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := bucket.Draw{Key: key("spread", ""), Policy: &bucket.Policy{Spread: sec, Probe: true}}
		first, qs := b.ask(d), b.askAll(4, d)
		wantWaiting(4, qs...)
		b.pass(sec)
		first.done(window(d, 5, 4, 10*sec))
		for _, q := range qs {
			q.wantAt(sec)
		}
	})
}

func TestWhereNobodyKnowsHowMuchAWindowHoldsNothingIsSpread(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := spread(0)
		b.ask(d).done(block(d, sec))
		qs := b.askAll(3, d)
		b.pass(sec)
		qs[0].done() // went ahead to see
		for _, q := range qs {
			q.wantAt(sec)
		}
	})
}

func TestAHerdHoldsUpNobodyAboveOrdinaryPriority(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := spread(0.4)
		b.ask(d).done(window(d, 10, 0, 60*sec))
		qs := b.askAll(2, d)
		b.pass(15 * sec) // so long that the others go before it
		early := b.prefer(1, d)
		b.pass(45*sec + 50*ms)
		early.wantAt(60 * sec)
		qs[0].wantAt(60 * sec)
		b.prefer(1, d).wantAt(60*sec + 50*ms)
		qs[1].wantWaiting()
		b.pass(50 * ms)
		qs[1].wantAt(60*sec + 100*ms)
	})
	inBubble(t, nil, func(b *bubble) {
		d := spread(0)
		b.ask(d).done(window(d, 10, 0, 60*sec))
		qs := append(b.askAll(2, d), b.prefer(1, d), b.prefer(1, d))
		b.pass(60*sec + 50*ms)
		qs[0].wantAt(60 * sec)
		qs[1].wantWaiting()
		for _, q := range qs[2:] {
			q.wantAt(60 * sec)
		}
		b.pass(50 * ms)
	})
}

func TestAnEstimateCountsTheSpread(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := spread(0)
		b.ask(d).done(window(d, 10, 0, 10*sec))
		b.askAll(3, d)
		if x := b.Explain(nil, d); x.Wait != 10*sec+300*ms {
			t.Errorf("the fourth would wait %v, want %v", x.Wait, 10*sec+300*ms)
		}
		b.askAll(10, d) // three of them for another window
		if x := b.Explain(nil, d); x.Wait != 20*sec+300*ms {
			t.Errorf("the fourteenth would wait %v, want %v", x.Wait, 20*sec+300*ms)
		}
		b.pass(40 * sec)
	})
}

func TestAnEstimateHasNoSpreadOfThoseWhoWaitForAnAnswer(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := spread(0)
		b.ask(d).done(window(d, 4, 0, 10*sec))
		b.pass(10 * sec)
		sent, qs := b.askAll(4, d), b.askAll(2, d)
		wantWaiting(2, qs...)
		if x := b.Explain(nil, d); x.Wait != 0 {
			t.Errorf("who would wait for no moment would wait %v", x.Wait)
		}
		answer(sent, window(d, 4, 3, 10*sec))
		b.pass(20 * sec)
	})
}

func TestAPolicyMayReserveMoreThanTheRegistryDoes(t *testing.T) {
	for _, tt := range []struct {
		registry, policy float64
		ordinary         int
	}{{0, 0.4, 12}, {0.2, 0.4, 12}, {0.4, 0.2, 12}, {0, 7, 2}, {0, -1, 20}} {
		inBubble(t, &bucket.Options{Reserve: tt.registry}, func(b *bubble) {
			d := bucket.Draw{Key: key("w", ""), Policy: &bucket.Policy{Reserve: tt.policy}}
			other := open("other", "")
			b.ask(d, other).done(window(d, 20, 20, 60*sec), window(other, 20, 20, 60*sec))
			b.pass(60 * sec)
			for range tt.ordinary {
				b.ask(d).wantAt(60 * sec)
			}
			b.ask(d).wantWaiting()
			for range 20 - tt.ordinary {
				b.prefer(1, d).wantAt(60 * sec)
			}
			if tt.registry == 0 {
				for range 20 {
					b.ask(other).wantAt(60 * sec)
				}
			}
		})
	}
}

func TestAPolicyMayHaveOneGoAhead(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := bucket.Draw{Key: key("ahead", ""), Policy: &bucket.Policy{Probe: true}}
		first := b.ask(d)
		q := b.ask(d)
		q.wantWaiting()
		b.pass(sec)
		first.done() // told nothing: the rest need not wait
		q.wantAt(sec)
		b.ask(d).wantAt(sec)
	})
	inBubble(t, nil, func(b *bubble) {
		d := bucket.Draw{Key: key("ahead", ""), Policy: &bucket.Policy{Probe: true}}
		b.ask(d).done(window(d, 2, 0, sec))
		b.pass(sec)
		answer(b.askAll(2, d)) // of which no answer tells how they were counted
		first := b.ask(d)
		first.wantAt(sec)
		q := b.ask(d)
		q.wantWaiting()
		first.done()
		q.wantAt(sec)
	})
}

func TestWhatIsOwedToAPolicyThatSpreadsOutlivesARestart(t *testing.T) {
	for name, tt := range map[string]struct {
		reserve float64
		again   time.Duration // when the next may go
	}{"a share": {0.5, 10 * sec}, "a share that is no number": {math.NaN(), 0}} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, nil, func(b *bubble) {
				d := bucket.Draw{Key: key("q", ""), Policy: &bucket.Policy{
					Quota: 2, Window: 10 * sec, Spread: sec, Reserve: tt.reserve, Probe: true,
				}}
				b.prefer(1, d).done()
				b.prefer(1, d).done()
				q := b.restart().prefer(1, d)
				b.pass(tt.again)
				q.wantAt(tt.again)
			})
		})
	}
}
