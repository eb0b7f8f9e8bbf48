package bucket_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/underlimit/underlimit/bucket"
)

// chunks are with how many of those who wait registries deal at once in tests with few of them: one with all.
var chunks = []int{128, 1, 2, 3}

// inParts runs f in a bubble with a registry that deals with three who wait at a time, and goes on only by hand.
func inParts(t *testing.T, f func(b *bubble)) {
	t.Helper()
	inBubble(t, nil, func(b *bubble) {
		b.Chunk(3)
		f(b)
		b.finish()
	})
}

// finish does what is left to do, and returns in how many parts.
func (b *bubble) finish() (parts int) {
	b.Helper()
	for more := true; more; parts++ {
		more = b.WakeSome()
		synctest.Wait()
		b.check()
	}
	return parts
}

// part does one part of what is left to do.
func (b *bubble) part() {
	b.Helper()
	if !b.WakeSome() {
		b.Fatal("that was all")
	}
	synctest.Wait()
	b.check()
}

func TestOfManyWhoMayGoAFewDoAtATimeAndNobodyOvertakesTheRest(t *testing.T) {
	inParts(t, func(b *bubble) {
		d := open("a", "1")
		b.ask(d).done(block(d, time.Hour))
		qs := b.askAll(8, d)
		b.ByHand()
		b.Unblock(d.Key)
		b.pass(0)
		wantWaiting(0, qs[:3]...)
		wantWaiting(5, qs[3:]...)
		newest := b.ask(d)
		urgent := b.prefer(1, d)
		urgent.wantAt(0) // it goes before those who wait
		b.part()
		wantWaiting(0, qs[:6]...)
		wantWaiting(3, qs[6], qs[7], newest)
		qs[6].cancel() // who was about to go
		b.pass(0)
		b.finish()
		wantWaiting(0, qs[7], newest)
		newest.wantAt(0)
	})
}

func TestManyWhoWaitForAMomentGoAtItInParts(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		b.Chunk(3)
		d := open("a", "1")
		other := open("b", "1")
		b.ask(d).done(window(d, 100, 99, 2*time.Hour), block(d, time.Hour))
		b.ask(other).done(window(other, 100, 99, 2*time.Hour), block(other, time.Hour))
		qs := b.askAll(20, d)
		qs = append(qs, b.askAll(20, other)...)
		b.pass(time.Hour)
		for _, q := range qs {
			q.wantAt(time.Hour)
		}
	})
}

func TestThoseOfAHerdGoOneByOneThoughSomeWereLetThroughBeforeInParts(t *testing.T) {
	inParts(t, func(b *bubble) {
		d := bucket.Draw{Key: key("a", "1"), Policy: &bucket.Policy{Spread: 10 * sec}}
		b.ask(d).done(window(d, 10, 9, time.Hour), block(d, time.Minute))
		qs := b.askAll(8, d)
		b.ByHand()
		b.Unblock(d.Key) // which is no moment that they waited for
		b.finish()
		for _, q := range qs {
			q.wantAt(0)
		}
	})
}

func TestWhileManyAreMovedNobodyGoesBeforeThem(t *testing.T) {
	inParts(t, func(b *bubble) {
		hash := learned("hash", "1")
		first := b.ask(getRoute)
		qs := b.askAll(8, getRoute) // they wait to see
		b.ByHand()
		first.done(alias(getRoute, hash), window(hash, 100, 99, time.Hour))
		wantWaiting(8, qs...)
		b.part() // three are moved, and might go
		b.ask(putRoute).done(alias(putRoute, hash))
		b.part()
		wantWaiting(8, qs...)
		late, other := b.ask(getRoute), b.ask(hash)
		wantWaiting(10, append(slices.Clone(qs), late, other)...)
		qs[1].cancel() // the one to be moved next
		qs[7].cancel()
		b.pass(0)
		for !qs[0].ended() {
			b.part()
		}
		wantWaiting(0, qs[:4]...)
		wantWaiting(5, qs[4], qs[5], qs[6], late, other)
		b.finish()
		wantWaiting(0, append(qs, late, other)...)
		if got := b.stats(); got.InFlight != 8 {
			b.Errorf("%d are in flight, want 8", got.InFlight)
		}
	})
}

func TestManyWhoAreSplitEachWaitAtTheirOwn(t *testing.T) {
	inParts(t, func(b *bubble) {
		b.ask(getRoute).done(tells(getRoute, 9, 2, time.Hour)...)
		put, get := b.ask(putRoute), b.ask(getRoute)
		put.done(tells(putRoute, 9, 0, time.Hour)...)
		gets, puts := b.askAll(8, getRoute), b.askAll(8, putRoute)
		b.ByHand()
		get.done(tells(getRoute, 9, 0, time.Hour)...)
		b.part()
		late := b.ask(putRoute)
		b.finish()
		wantWaiting(17, slices.Concat(gets, puts, []*request{late})...)
		b.Unblock(putRoute.Key)
		b.ask(open("c", "1")).done(block(putRoute, 2*time.Hour))
		b.pass(time.Hour)
		b.finish()
		for _, q := range gets {
			q.wantAt(time.Hour)
		}
		wantWaiting(9, append(puts, late)...)
		b.Unblock(putRoute.Key)
		b.finish()
		for _, q := range append(puts, late) {
			q.wantAt(time.Hour)
		}
	})
}

func TestABlockFailsManyForWhomItIsTooLongAndNobodyElse(t *testing.T) {
	inParts(t, func(b *bubble) {
		d, second := open("a", "1"), open("b", "1")
		b.ask(second).done(window(second, 200, 199, time.Hour), block(second, time.Second))
		var short, middle, long []*request
		for range 30 {
			short = append(short, b.askWithin(sec*2, second, d))
			middle = append(middle, b.askWithin(time.Minute, second, d))
			long = append(long, b.askWithin(time.Hour, second, d))
		}
		lease := b.ask(d)
		b.ByHand()
		lease.done(window(d, 100, 99, time.Hour), block(d, 10*sec))
		wantWaiting(27, short...)
		b.part()
		wantWaiting(24, short...)
		short[0].cancel() // who would have been the last
		short[23].cancel()
		long[23].cancel() // who would be looked at next
		b.pass(0)
		b.part()
		b.ask(open("c", "1")).done(block(d, 2*time.Minute)) // it is longer before all were looked at
		b.finish()
		for i, q := range short[1:23] {
			if q.ended(); q.err == nil {
				b.Fatalf("%d of those with little time waits", i)
			}
		}
		wantWaiting(0, short...)
		wantWaiting(0, middle...)
		wantWaiting(29, long...)
		middle[0].wantError(0, d.Key, 2*time.Minute, context.DeadlineExceeded)
		b.pass(2 * time.Minute)
		b.finish()
		for _, q := range slices.Delete(long, 23, 24) {
			q.wantAt(2 * time.Minute)
		}
	})
}

func TestABlockThatLandsWhileManyAreMovedFailsThemAll(t *testing.T) {
	inParts(t, func(b *bubble) {
		hash, other := learned("hash", "1"), open("b", "1")
		b.ask(other).done(block(other, sec))
		first := b.ask(getRoute)
		var qs []*request
		for range 8 {
			qs = append(qs, b.askWithin(time.Minute, other, getRoute)) // they stand where their route is not
		}
		b.ByHand()
		first.done(alias(getRoute, hash), window(hash, 100, 99, time.Hour))
		b.part()
		b.ask(open("c", "1")).done(block(hash, time.Hour))
		b.finish()
		for _, q := range qs {
			q.wantError(0, getRoute.Key, time.Hour, context.DeadlineExceeded)
		}
	})
}

func TestManyWhoWaitOnABucketThatIsAnotherDrawOnThat(t *testing.T) {
	inParts(t, func(b *bubble) {
		d, to := of("twin", open("a", "1")), open("a", "1")
		b.ask(d).done(block(d, time.Minute))
		qs := b.askAll(8, d)
		both := b.ask(to, d)
		lease := b.ask(open("join", ""))
		b.ByHand()
		lease.done(same("twin", "owner"))
		b.part()
		late := b.ask(to)
		b.finish()
		qs = append(qs, both, late)
		wantWaiting(10, qs...)
		b.Unblock(to.Key)
		b.finish()
		for _, q := range qs {
			q.granted().Cancel()
		}
		if n := b.Referred(); n != 0 {
			b.Errorf("%d references are left", n)
		}
	})
}

func TestOfManyBucketsThatMayLetMoreThroughNoneIsForgotten(t *testing.T) {
	inParts(t, func(b *bubble) {
		hidden := &bucket.Policy{Hidden: true}
		draw := func(i int) bucket.Draw { return bucket.Draw{Key: key("a", string(rune('a'+i))), Policy: hidden} }
		first := b.ask(draw(0)) // to see whether one may pass
		var qs []*request
		for i := range 12 {
			qs = append(qs, b.ask(draw(1+i)))
		}
		wantWaiting(12, qs...)
		b.ByHand()
		first.done()
		wantWaiting(9, qs...)
		b.part()
		wantWaiting(6, qs...)
		waits := slices.DeleteFunc(qs, func(q *request) bool { return q.ended() })
		waits[0].cancel() // either end of those that are left
		waits[5].cancel()
		b.pass(0)
		waits = append(waits[1:5], b.ask(draw(20)))
		b.finish()
		wantWaiting(0, waits...)
		for _, q := range waits {
			q.wantAt(0)
		}
	})
}

func TestWhoIsWokenDoesNotNeedTheLock(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		b.Chunk(8)
		d := open("a", "1")
		b.ask(d).done(block(d, time.Hour))
		qs := b.askAll(8, d)
		b.WhileLocked(d.Key, func() {
			synctest.Wait()
			for _, q := range qs {
				q.wantAt(0)
			}
		})
	})
}

func TestABlockFailsThoseTooWhoAreLinkedAnewBetweenTheParts(t *testing.T) {
	inParts(t, func(b *bubble) {
		d, second, route := open("a", "1"), open("b", "1"), open("route", "1")
		b.ask(second).done(block(second, sec))
		q := b.askWithin(2*sec, second, route, d)
		for range 8 {
			b.askWithin(2*sec, second, d)
		}
		lease, named := b.ask(d), b.ask(route)
		b.ByHand()
		lease.done(block(d, 10*sec)) // the first to come is the last to be looked at
		named.done(alias(route, open("counter", "1")))
		q.wantWaiting()
		b.finish()
		q.wantError(0, d.Key, 10*sec, context.DeadlineExceeded)
	})
}

func TestABlockFailsThoseTooWhoAreLinkedAnewAsAnotherFails(t *testing.T) {
	inParts(t, func(b *bubble) {
		route, one, two := open("route", "1"), open("one", "1"), open("two", "1")
		in := b.askAll(2, route)
		in[0].done(alias(route, one), window(one, 5, 0, 10*sec))
		in[1].done(alias(route, two), window(two, 5, 4, time.Hour))
		d, second := open("a", "1"), open("b", "1")
		b.ask(second).done(block(second, 11*sec))
		lease := b.ask(d)
		b.ByHand()
		qs := []*request{b.askWithin(12*sec, route, second, d), b.askWithin(12*sec, route, second, d)}
		b.pass(10 * sec) // the route is one's no more, which is seen as the first of them fails
		lease.done(block(d, time.Hour))
		for _, q := range qs {
			q.wantError(10*sec, d.Key, time.Hour+10*sec, context.DeadlineExceeded)
		}
	})
}

func TestWhoseTurnTimeBringsDoesNotWaitForAllThatMayLetMoreThrough(t *testing.T) {
	inParts(t, func(b *bubble) {
		d := b.warm(pace("p", sec, 1))
		b.ask(d).done()
		b.ByHand()
		q := b.ask(d)
		first := b.ask(hidden("first")) // to see whether one may pass
		for i := range 20 {
			b.ask(hidden(string(rune('a' + i))))
		}
		b.pass(sec)
		first.done()
		b.part()
		q.wantAt(sec)
	})
}

func TestManyAreMovedThoughTheAnswerSaysNoMore(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		b.Chunk(3)
		first := b.ask(getRoute)
		qs := b.askAll(8, getRoute) // they wait to see
		first.done(alias(getRoute, learned("hash", "1")))
		for _, q := range qs {
			q.wantAt(0) // since answers tell nothing of what is left
		}
	})
}

// A route may turn to another counter, or be split from it, while nobody waits on its fellows.
func TestManyAreMovedWhoDrawOnOneOfTheBucketsThatAreCountedElsewhere(t *testing.T) {
	inParts(t, func(b *bubble) {
		b.ask(getRoute).done(tells(getRoute, 9, 4, time.Hour)...)
		b.ask(putRoute).done(tells(putRoute, 9, 3, time.Hour)...)
		leases := b.askAll(3, getRoute)
		gets := b.askAll(8, getRoute)
		b.ByHand()
		leases[0].done(tells(getRoute, 9, 8, time.Hour)...) // so that it cannot be counted with the other
		leases[1].done(alias(getRoute, learned("second", "1")))
		b.part()
		leases[2].done(alias(getRoute, learned("third", "1")))
		b.finish()
		b.Unblock(getRoute.Key)
		b.finish()
		for _, q := range gets {
			q.ended()
		}
	})
}

// Who has left its line for another no longer keeps those behind it waiting.
func TestWhoStandsBehindManyWhoAreMovedIsLookedAt(t *testing.T) {
	inParts(t, func(b *bubble) {
		slots := bucket.Draw{Key: key("slots", ""), Policy: &bucket.Policy{Concurrent: 2}}
		two := slots
		two.Weight = 2
		counter := learned("hash", "1")
		b.ask(counter).done(window(counter, 100, 99, time.Hour), block(counter, time.Minute))
		first := b.ask(open("get", "1"))
		b.ask(slots)
		heavy := b.askAll(8, open("get", "1"), two)
		light := b.ask(slots)
		light.wantWaiting()
		b.ByHand()
		first.done(alias(getRoute, counter))
		b.part()
		b.part()
		light.wantWaiting()
		b.finish()
		light.wantAt(0) // as soon as the last of the others stands elsewhere
		wantWaiting(8, heavy...)
	})
}

func TestWhoeverHasTimeIsButLookedAtAsABlockComes(t *testing.T) {
	inParts(t, func(b *bubble) {
		d := open("a", "1")
		other := open("b", "1")
		b.ask(other).done(block(other, sec))
		lease := b.ask(d)
		short := b.askWithin(10*sec, other, d)
		exact := b.askWithin(time.Minute, other, d)
		long := b.askAll(60, other, d)
		b.ByHand()
		lease.done(block(d, time.Minute))
		wantWaiting(62, append(long, exact, short)...)
		b.part() // the second 24
		short.wantWaiting()
		b.finish()
		short.wantError(0, d.Key, time.Minute, context.DeadlineExceeded)
		wantWaiting(61, append(long, exact)...)
	})
}

// A limit that rises lets several go at each of the buckets of its kind.
func TestOfManyWhoMayGoAtSeveralBucketsNoneIsForgotten(t *testing.T) {
	for _, byHand := range []bool{true, false} {
		inBubble(t, nil, func(b *bubble) {
			b.Chunk(3)
			first, closed := learned("a", "first"), open("closed", "")
			b.ask(first).done(window(first, 2, 1, time.Hour))
			b.ask(closed).done(block(closed, time.Hour))
			var qs []*request
			for i := range 4 {
				d := learned("a", string(rune('a'+i)))
				b.askAll(2, d)
				qs = append(qs, b.askAll(4, d)...)
			}
			elsewhere, free, d := b.ask(learned("a", "x"), closed), learned("a", "y"), learned("a", "z")
			b.askAll(2, d)
			qs = append(qs, b.ask(free, d)) // all of whom wait on free
			qs = append(qs, b.askAll(3, d)...)
			wantWaiting(20, qs...)
			lease := b.ask(first)
			if byHand {
				b.ByHand()
			}
			lease.done(window(first, 6, 4, time.Hour))
			if byHand {
				wantWaiting(17, qs...)
				b.finish()
			}
			wantWaiting(0, qs...)
			elsewhere.wantWaiting()
		})
	}
}
