package bucket_test

import (
	"context"
	"testing"
	"time"

	"github.com/underlimit/underlimit/bucket"
)

func alias(from, to bucket.Draw) bucket.Alias { return bucket.Alias{Key: from.Key, To: to.Key} }

func TestRoutesOfOneCounterShareWhatIsLeft(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		get, put, hash := learned("get", "1"), learned("put", "1"), learned("hash", "1")
		b.ask(get).done(alias(get, hash), window(hash, 5, 4, 10*sec))
		b.ask(put).done(alias(put, hash), window(hash, 5, 3, 10*sec))
		qs := append(b.askAll(2, get), b.askAll(2, put)...)
		wantWaiting(1, qs...)
		b.pass(10 * sec)
		qs[3].wantAt(10 * sec)
	})
}

func TestANewSubjectNeedsNobodyToGoAhead(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		b.ask(learned("a", "1")).done(window(learned("a", "1"), 5, 4, 10*sec))
		qs := b.askAll(6, learned("a", "100"))
		wantWaiting(1, qs...)
		other := bucket.Draw{Key: bucket.Key{Provider: "api", Limit: "a", Owner: "another", Subject: "1"}}
		wantWaiting(1, b.askAll(2, other)...) // numbers are not carried between credentials
	})
}

func TestANewSubjectIsCountedWhereItsKindIs(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		get, put, hash := learned("get", "1"), learned("put", "1"), learned("hash", "1")
		b.ask(get).done(alias(get, hash), window(hash, 5, 4, 10*sec))
		b.ask(put).done(alias(put, hash), window(hash, 5, 3, 10*sec))

		qs := append(b.askAll(3, learned("get", "100")), b.askAll(3, learned("put", "100"))...)
		wantWaiting(1, qs...)
		b.ask(learned("get", "1")).wantAt(0) // which is another counter
	})
}

func TestAnAliasMovesThoseWhoWait(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		get, put, hash := learned("get", "1"), learned("put", "1"), learned("hash", "1")
		b.ask(put).done(alias(put, hash), window(hash, 5, 2, 10*sec))
		gets := b.askAll(3, get) // of which the first goes ahead
		puts := b.askAll(3, put)
		wantWaiting(1, puts...)
		b.pass(sec)
		gets[0].done(alias(get, hash), window(hash, 5, 0, 9*sec))
		b.ask(put).wantWaiting()
		wantWaiting(2, gets...)
		b.pass(8 * sec)
		puts[0].done(window(hash, 5, 0, sec))
		b.pass(sec)
		for _, q := range []*request{gets[1], gets[2], puts[2]} { // in the order of their arrival
			q.wantAt(10 * sec)
		}
	})
}

func TestAnAliasMovesWhatIsInFlightAndCountsNothingTwice(t *testing.T) {
	for name, tell := range map[string]func(get, hash bucket.Draw) []bucket.Update{
		"counter as new": func(get, hash bucket.Draw) []bucket.Update {
			return []bucket.Update{alias(get, hash)}
		},
		"counter told of": func(get, hash bucket.Draw) []bucket.Update {
			return []bucket.Update{alias(get, hash), window(hash, 10, 8, 10*sec)}
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, nil, func(b *bubble) {
				get, hash := open("get", "1"), open("hash", "1")
				in := b.askAll(1, get)
				in[0].done(window(get, 10, 9, 10*sec))
				in = b.askAll(4, get)
				in[0].done(tell(get, hash)...)
				qs := b.askAll(8, get)
				wantWaiting(3, qs...) // two were answered, three are in flight, and that leaves five
				for i, q := range in[1:] {
					q.done(window(hash, 10, 7-i, 10*sec))
				}
				wantWaiting(3, qs...)
				for i, q := range qs[:5] {
					q.done(window(hash, 10, 4-i, 10*sec))
				}
				wantWaiting(3, qs...)
				b.pass(10 * sec)
				wantWaiting(0, qs...)
				answer(qs[5:])
				if n := b.Referred(); n != 0 {
					b.Errorf("%d references are left", n)
				}
			})
		})
	}
}

func TestAnAliasToABlockedCounterFailsThoseForWhomItIsTooLong(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		get, hash := learned("get", "1"), learned("hash", "1")
		b.ask(hash).done(block(hash, time.Minute))
		probe := b.ask(get)
		short, long := b.askWithin(30*sec, get), b.askWithin(90*sec, get)
		b.pass(sec)
		probe.done(alias(get, hash))
		short.wantError(sec, get.Key, time.Minute, context.DeadlineExceeded)
		b.pass(time.Minute)
		long.wantAt(time.Minute)
	})
}

func TestTheEndOfAProbeLetsThoseGoWhoWaitWhereItWentAhead(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		get, mid, end := learned("get", "1"), learned("mid", "1"), learned("end", "1")
		others := b.askAll(3, open("other", ""))
		others[0].done(alias(get, mid))
		probe, waits := b.ask(get), b.ask(mid)
		others[1].done(block(mid, 2*sec))
		others[2].done(alias(mid, end))
		b.pass(3 * sec)
		waits.wantWaiting()
		probe.done()
		waits.wantAt(3 * sec)
	})
}

func TestTwoDrawsOnOneCounterCountOnce(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		get, put, hash := open("get", "1"), open("put", "1"), open("hash", "1")
		b.ask(get).done(alias(get, hash), alias(put, hash), window(hash, 10, 4, 10*sec))
		qs := b.askAll(6, get, put, hash)
		wantWaiting(2, qs...)
		for i, q := range qs[:4] {
			q.done(window(hash, 10, 3-i, 10*sec))
		}
		if got := b.stats(); got.InFlight != 0 || got.Waiting != 2 {
			b.Errorf("%d in flight and %d waiting, want 0 and 2", got.InFlight, got.Waiting)
		}
		b.pass(10 * sec)
		wantWaiting(0, qs...)
	})
}

func TestARouteThatIsCountedElsewhereMovesThereAndKeepsTheOldWindow(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		get, put, one, two := open("get", "1"), open("put", "1"), open("one", "1"), open("two", "1")
		b.ask(get).done(alias(get, one), window(one, 5, 3, 10*sec))
		b.ask(put).done(alias(put, one))
		in := b.askAll(2, get)
		gets := b.askAll(3, get)
		wantWaiting(3, gets...)
		in[0].done(alias(get, two), window(two, 5, 2, 20*sec))
		wantWaiting(3, gets...) // nobody said that it does not count there any more
		in[1].done(window(two, 5, 0, 20*sec))
		puts := b.askAll(2, put)
		b.pass(10 * sec)
		wantWaiting(0, puts...)
		wantWaiting(3, gets...)
		b.pass(10 * sec)
		wantWaiting(0, gets...)
		if got := b.stats().Corrections.Alias; got != 1 {
			b.Errorf("%d moves counted, want 1", got)
		}
	})
}

func TestACounterMayItselfBeCountedElsewhere(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		get, mid, end := open("get", "1"), open("mid", "1"), open("end", "1")
		b.ask(get).done(alias(get, mid), window(mid, 5, 2, 10*sec))
		in := b.askAll(2, get)
		gets := b.askAll(2, get)
		wantWaiting(2, gets...)
		in[0].done(alias(mid, end), window(end, 9, 2, 10*sec))
		wantWaiting(1, gets...) // one of two is in flight
		in[1].done(window(end, 9, 1, 10*sec))
		wantWaiting(1, gets...)
		b.pass(10 * sec)
		wantWaiting(0, gets...)
	})
}

func TestAWindowOfAKeyCountedElsewhereIsThatOfItsCounter(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		get, hash := open("get", "1"), open("hash", "1")
		b.ask(get).done(alias(get, hash), window(get, 5, 2, 10*sec))
		wantWaiting(1, b.askAll(3, get)...)
	})
}

func TestAliasesInACircleAreNoHarm(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		x, y, z := learned("x", "1"), learned("y", "1"), learned("z", "1")
		b.ask(x).done(alias(x, x), alias(x, y), alias(y, z), alias(z, x), alias(y, x), window(z, 5, 2, 10*sec))
		wantWaiting(1, b.askAll(3, x, y, z)...)
		b.ask(learned("x", "2"), learned("y", "2"), learned("z", "2")).wantAt(0)
		b.ask(learned("y", "3")).wantAt(0)
	})
}

func TestABlockOnARouteLeavesTheOthersOfItsCounterAlone(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		get, put, hash := open("get", "1"), open("put", "1"), open("hash", "1")
		b.ask(get).done(alias(get, hash), alias(put, hash), window(hash, 5, 4, 10*sec), block(get, 3*sec))
		q := b.ask(get)
		b.ask(put).done(window(hash, 5, 3, 10*sec))
		b.pass(3 * sec)
		q.wantAt(3 * sec)
		q.done(block(hash, 4*sec))
		both := []*request{b.ask(get), b.ask(put)}
		b.pass(4 * sec)
		both[0].wantAt(7 * sec)
		both[1].wantAt(7 * sec)
	})
}

func TestALostProbeOfARouteLetsTheNextGoThoughItIsCountedElsewhere(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		get, put, hash := learned("get", "1"), learned("put", "1"), learned("hash", "1")
		probe := b.ask(get)
		qs := b.askAll(2, get)
		b.ask(put).done(alias(get, hash), alias(put, hash))
		b.pass(sec)
		probe.granted().Lost()
		b.pass(time.Minute)
		qs[0].done()
		wantWaiting(0, qs...)
	})
}

func TestOneThatGoesAheadAtTwoCountersHoldsUpNeitherForEver(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		get, put, first, second := open("get", "1"), learned("put", "1"), learned("first", "1"), learned("second", "1")
		gets, puts := b.askAll(2, get), b.ask(put)
		gets[0].done(alias(get, first), block(first, sec)) // after which one is to go ahead
		puts.done(alias(put, first), window(first, 10, 8, 10*sec))
		gets[1].done(alias(get, second)) // first counts get, too, as long as its window is open
		b.pass(sec)
		b.ask(get).done() // ahead at both
		b.ask(get).wantAt(sec)
		b.ask(put).wantAt(sec)
	})
}

func TestOfTwoRoutesOfOneCounterEachKeepsToItsOwnPolicy(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		counter := open("counter", "1")
		get, put := open("get", "1"), bucket.Draw{Key: key("put", "1"), Policy: &bucket.Policy{Concurrent: 1}}
		b.ask(get).done(alias(get, counter))
		b.ask(put).done(alias(put, counter), window(counter, 9, 7, time.Hour))
		first := b.ask(get, put) // one unit of the counter
		next := b.ask(put)
		next.wantWaiting()
		first.done()
		next.wantAt(0)
	})
}
