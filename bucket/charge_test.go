package bucket_test

import (
	"testing"
	"time"

	"github.com/underlimit/underlimit/bucket"
)

// charged is a draw on a quota of n in a minute of which only what is charged counts.
func charged(n int) bucket.Draw {
	return bucket.Draw{
		Key: key("invalid", ""), Policy: &bucket.Policy{Quota: n, Window: time.Minute, Charged: true},
	}
}

func TestOnlyWhatIsChargedCountsOnceItWasAnswered(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := charged(3)
		in := b.askAll(4, d)
		wantWaiting(1, in...) // in flight, each counts
		in[0].done()
		wantWaiting(0, in...)
		for i, q := range in[1:] {
			want := []bucket.Change{{Key: d.Key, Charged: i + 1, Quota: 3}}
			if got := q.done(bucket.Charge{Key: d.Key}); len(got) != 1 || got[0] != want[0] {
				t.Errorf("charge %d changes %v, want %v", i+1, got, want)
			}
		}
		q := b.ask(d)
		b.pass(2 * time.Minute)
		q.wantAt(time.Minute)
	})
}

func TestWhatIsInFlightIsNotToldAsCharged(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := charged(10)
		in := b.askAll(4, d)
		if got := in[0].done(bucket.Charge{Key: d.Key}); len(got) != 1 || got[0].Charged != 1 {
			t.Errorf("with three in flight %v are told as charged, want 1", got)
		}
		answer(in[1:])
		if got := b.ask(d).done(bucket.Charge{Key: d.Key}); len(got) != 1 || got[0].Charged != 2 {
			t.Errorf("then %v, want 2", got)
		}
	})
}

func TestOfRequestsThatWentAtOnceEachAnswerGivesBackItsOwn(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := charged(4)
		in := b.askAll(4, d) // all of them are due at the same moment
		in[0].done(bucket.Charge{Key: d.Key})
		b.pass(100 * ms)
		in[1].done()
		in[2].done(bucket.Charge{Key: d.Key})
		in[3].done()
		wantWaiting(2, b.askAll(4, d)...)
	})
}

func TestARequestWithoutAnAnswerCountsAsCharged(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := charged(1)
		b.ask(d).granted().Lost()
		q := b.ask(d)
		b.pass(2 * time.Minute)
		q.wantAt(time.Minute)
		q.granted().Cancel() // one that was never sent does not
		b.ask(d).wantAt(2 * time.Minute)
	})
}

func TestAChargeOfWhatIsNoSuchQuotaChangesNothing(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		for _, d := range []bucket.Draw{open("a", ""), learned("b", ""), quota("c", 3, time.Minute), pace("d", sec, 1)} {
			if got := b.ask(d).done(bucket.Charge{Key: d.Key}); len(got) != 0 {
				t.Errorf("%v: a charge changes %v, want nothing", d.Key, got)
			}
		}
	})
}
