package bucket_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/underlimit/underlimit/bucket"
)

func TestOnlyTheFirstSubjectsOfAKindNeedSomebodyToGoAhead(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		first := learned("a", "first")
		qs := b.askAll(3, first)
		wantWaiting(2, qs...)
		qs[0].done(window(first, 5, 4, 10*sec))
		wantWaiting(0, qs...)
		for i := range 100 {
			wantWaiting(1, b.askAll(6, learned("a", fmt.Sprint(i)))...)
		}
	})
}

func TestALowerLimitHoldsForAllOfItsKindAtOnce(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		first, told, untold := learned("a", "1"), learned("a", "2"), learned("a", "3")
		b.ask(first).done(window(first, 5, 4, 10*sec))
		b.ask(told).done(window(told, 5, 4, 10*sec))
		in := b.askAll(2, untold)
		b.ask(first).done(window(first, 3, 1, 10*sec))
		wantWaiting(1, b.askAll(3, told)...)
		wantWaiting(2, b.askAll(3, untold)...)
		answer(in)
	})
}

func TestAHigherLimitHoldsForThoseOfItsKindOfWhichNoAnswerToldHowMuchIsLeft(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		first, told, untold := learned("a", "1"), learned("a", "2"), learned("a", "3")
		b.ask(first).done(window(first, 3, 2, 10*sec))
		b.ask(told).done(window(told, 3, 2, 10*sec))
		lost := b.ask(untold)
		lost.granted().Lost()
		b.ask(first).done(window(first, 5, 1, 10*sec))
		qs := b.askAll(3, told)
		wantWaiting(1, qs...) // two were left, whatever the limit
		wantWaiting(1, b.askAll(5, untold)...)
		b.pass(10 * sec)
		wantWaiting(0, qs...)
	})
}

func TestAHigherLimitLetsThoseGoAtOnceWhoWaitForOthersOfItsKind(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		first, other := learned("a", "1"), learned("a", "2")
		b.ask(first).done(window(first, 3, 2, 10*sec))
		qs := b.askAll(6, other)
		wantWaiting(3, qs...)
		b.ask(first).done(window(first, 5, 3, 10*sec))
		wantWaiting(1, qs...)
	})
}

func TestTheLimitThatALaterRequestWasToldCounts(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := learned("a", "1")
		b.ask(d).done(window(d, 5, 4, 10*sec))
		early := b.ask(d)
		b.pass(sec)
		b.ask(d).done(window(d, 3, 1, 9*sec))
		early.done(window(d, 5, 3, 9*sec)) // which it was no more as the other was told
		wantWaiting(1, b.askAll(4, learned("a", "2"))...)
	})
}

// Subjects that differ in their limit are not to be told from one that changes, but by their going back and forth.
func TestKindsWhoseSubjectsDifferInTheirLimitKeepEachToItsOwn(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		small, large := learned("a", "small"), learned("a", "large")
		for range 3 {
			b.ask(small).done(window(small, 2, 1, 10*sec))
			b.pass(10 * sec)
			b.ask(large).done(window(large, 6, 5, 10*sec))
			b.pass(10 * sec)
		}
		b.ask(small).done(window(small, 2, 1, 10*sec))
		wantWaiting(1, b.askAll(7, large)...)
		wantWaiting(1, b.askAll(2, small)...)
	})
}

func TestALimitThatOnlyChangesIsAdoptedHoweverOften(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		first, other := learned("a", "1"), learned("a", "2")
		for limit := 3; limit < 12; limit++ {
			b.ask(first).done(window(first, limit, limit-1, 10*sec))
			qs := b.askAll(limit+1, other)
			wantWaiting(1, qs...)
			answer(qs[:limit], window(other, limit, 0, 10*sec))
			b.pass(10 * sec)
			qs[limit].granted().Cancel()
		}
	})
}

func TestAKindOutlivesItsSubjectsWithItsLimitShapeAndCounter(t *testing.T) {
	inBubble(t, &bucket.Options{MaxKeys: 3}, func(b *bubble) {
		get, hash := learned("get", "1"), learned("hash", "1")
		s := &slider{limit: 4, period: sec}
		b.ask(get).done(alias(get, hash), s.window(b, hash))
		slide(b, hash, s)
		b.pass(time.Hour)
		b.fresh("x", 10)
		again := learned("get", "2")
		qs := b.askAll(4, again)
		answer(qs, window(learned("hash", "2"), 4, 0, 4*sec))
		at := b.now()
		q := b.ask(again)
		b.pass(sec)
		q.wantAt(at + sec)
	})
}

func TestNothingIsKnownOfAnotherOwnersKinds(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		get, hash := learned("get", "1"), learned("hash", "1")
		s := &slider{limit: 4, period: sec}
		b.ask(get).done(alias(get, hash), s.window(b, hash))
		slide(b, hash, s)
		for _, d := range []bucket.Draw{of("another", get), of("another", hash)} {
			wantWaiting(2, b.askAll(3, d)...)
		}
		provider := get
		provider.Key.Provider = "another"
		wantWaiting(2, b.askAll(3, provider)...)
	})
}
