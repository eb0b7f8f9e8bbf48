package bucket_test

import (
	"math"
	"testing"
	"time"

	"github.com/underlimit/underlimit/bucket"
)

func TestARuleThatAnAnswerTellsHoldsLikeAPolicy(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := b.warm(learned("a", ""))
		rule := bucket.Rule{Key: d.Key, Quota: 3, Window: 10 * sec, Used: 2}
		qs := b.askAll(7, d)
		wantWaiting(6, qs...) // one goes ahead to see
		qs[0].done(rule)
		wantWaiting(5, qs...) // two are used up: one is left
		qs[1].done(rule)
		b.pass(10*sec - 1)
		wantWaiting(5, qs...)
		b.pass(1)
		wantWaiting(2, qs...)
		answer(qs[2:5], &rule)
		b.pass(10 * sec)
		answer(qs[5:])
		b.pass(time.Hour)
		wantWaiting(2, b.askAll(5, d)...) // answers that say nothing change nothing
	})
}

func TestARuleCountsWhatIsUnderWay(t *testing.T) {
	for used := range 2 {
		inBubble(t, nil, func(b *bubble) {
			d := b.warm(learned("a", ""))
			b.ask(d).done()
			qs := b.askAll(4, d) // nothing is known: all go
			wantWaiting(0, qs...)
			b.pass(sec)
			qs[0].done(bucket.Rule{Key: d.Key, Quota: 5, Window: 10 * sec, Used: used})
			more := b.askAll(4-used, d)
			wantWaiting(2, more...)
			b.pass(10 * sec)
			wantWaiting(0, more...)
		})
	}
}

func TestWhatIsUnderWayAsARuleComesCountsFromWhenItsAnswerIsDue(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := learned("a", "")
		b.ask(d).done()
		b.pass(sec)
		for range 20 { // so long does it take for sure
			q := b.ask(d)
			b.pass(100 * ms)
			q.done()
		}
		late, q := b.ask(d), b.ask(d)
		b.pass(100 * ms)
		start := b.now()
		q.done(bucket.Rule{Key: d.Key, Quota: 1, Window: 10 * sec})
		next := b.ask(d)
		b.pass(10*sec - 1)
		next.wantWaiting()
		b.pass(1)
		next.wantAt(start + 10*sec) // due after 100 ms, less those of its own
		late.done()
	})
}

func TestAfterARuleOfNothingAnotherHolds(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := learned("a", "")
		b.ask(d).done(bucket.Rule{Key: d.Key})
		b.ask(d).done(bucket.Rule{Key: d.Key, Concurrent: 1})
		wantWaiting(1, b.askAll(2, d)...)
	})
}

func TestARuleThatIsToldOfABucketAsItWasSavedHolds(t *testing.T) {
	for want, rule := range map[time.Duration]bucket.Rule{
		10 * sec: {Quota: 2, Window: 10 * sec}, // the same: what is owed stays
		0:        {Quota: 3, Window: 10 * sec},
	} {
		inBubble(t, nil, func(b *bubble) {
			d := b.warm(learned("a", ""))
			b.ask(d).done(bucket.Rule{Key: d.Key, Quota: 2, Window: 10 * sec, Used: 2})
			b = b.restart()
			rule.Key = d.Key
			b.ask(open("other", "")).done(rule)
			q := b.ask(d)
			b.pass(want)
			q.wantAt(want)
			if want == 0 {
				wantWaiting(1, b.askAll(3, d)...)
			}
		})
	}
}

func TestTheGreatestRuleHolds(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := b.warm(learned("a", ""))
		b.ask(d).done(bucket.Rule{Key: d.Key, Quota: 1 << 14, Window: 24 * time.Hour, Used: 1 << 14})
		q := b.ask(d)
		b.pass(24*time.Hour - 1)
		q.wantWaiting()
		b.pass(1)
		q.wantAt(24 * time.Hour)
	})
}

func TestARuleBoundsWhatIsInFlight(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := learned("a", "")
		rule := bucket.Rule{Key: d.Key, Concurrent: 2}
		qs := b.askAll(5, d)
		qs[0].done(rule)
		wantWaiting(2, qs...)
		b.pass(time.Minute)
		wantWaiting(2, qs...)
		qs[1].done(rule)
		wantWaiting(1, qs...)
		qs[2].done(bucket.Rule{Key: d.Key}) // it no longer holds
		wantWaiting(0, append(qs, b.askAll(3, d)...)...)
	})
}

func TestADocumentedPolicyGoesBeforeARule(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := b.warm(quota("a", 4, 10*sec))
		rule := bucket.Rule{Key: d.Key, Quota: 1, Window: time.Hour, Concurrent: 1}
		b.ask(d).done(rule)
		wantWaiting(1, b.askAll(4, d)...)
	})
	inBubble(t, nil, func(b *bubble) {
		d := b.warm(learned("a", ""))
		b.ask(d).done(bucket.Rule{Key: d.Key, Concurrent: 1})
		documented := d
		documented.Policy = noPolicy
		wantWaiting(0, b.askAll(3, documented)...)
		b.ask(documented).done(bucket.Rule{Key: d.Key, Concurrent: 1})
		wantWaiting(0, b.askAll(3, d)...)
	})
}

func TestARuleThatMakesNoSenseIsNone(t *testing.T) {
	for _, rule := range []bucket.Rule{
		{Quota: 1},
		{Quota: -1, Window: sec},
		{Quota: 1, Window: -1},
		{Quota: 1<<14 + 1, Window: sec},
		{Quota: 1, Window: 24*time.Hour + 1},
		{Concurrent: -1},
		{Quota: math.MaxInt, Window: math.MaxInt64, Used: math.MaxInt},
		{Quota: math.MinInt, Window: math.MinInt64, Used: math.MinInt, Concurrent: math.MinInt},
		{Used: 9},
	} {
		inBubble(t, nil, func(b *bubble) {
			d := learned("a", "")
			rule.Key = d.Key
			b.ask(d).done(rule)
			wantWaiting(0, b.askAll(5, d)...)
			for st := range b.Buckets() {
				if st.Policy != nil {
					b.Errorf("%+v is taken for %+v", rule, st.Policy)
				}
			}
		})
	}
}

func TestARuleMayUseUpNoMoreThanItHolds(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := b.warm(learned("a", ""))
		b.ask(d).done(bucket.Rule{Key: d.Key, Quota: 2, Window: sec, Used: math.MaxInt})
		qs := b.askAll(2, d)
		wantWaiting(2, qs...)
		b.pass(sec)
		wantWaiting(0, qs...)
		b.ask(d).cancel()
	})
}

func TestARuleOfAnotherBucketLetsThoseGoWhoWaitThere(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d, other := learned("a", ""), learned("b", "")
		b.ask(d).done(bucket.Rule{Key: d.Key, Concurrent: 1})
		qs := b.askAll(4, d)
		wantWaiting(3, qs...)
		b.ask(other).done(bucket.Rule{Key: d.Key, Concurrent: 3})
		wantWaiting(1, qs...)
	})
}

func TestARuleOfAnOwnerWhoTurnsOutToBeAnotherCanBeReplaced(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := learned("a", "")
		as := d
		as.Key.Owner = "another"
		b.ask(d).done(bucket.Rule{Key: d.Key, Concurrent: 1})
		qs := b.askAll(3, d)
		wantWaiting(2, qs...)
		qs[0].done(bucket.SameOwner{Provider: d.Key.Provider, Owner: d.Key.Owner, As: as.Key.Owner})
		wantWaiting(1, qs...)
		qs[1].done(bucket.Rule{Key: as.Key, Concurrent: 5})
		wantWaiting(0, append(qs, b.askAll(4, d)...)...)
	})
}
