package bucket_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/underlimit/underlimit/bucket"
)

// of is a draw for another owner.
func of(owner string, d bucket.Draw) bucket.Draw {
	d.Key.Owner = owner
	return d
}

func same(owner, as string) bucket.SameOwner {
	return bucket.SameOwner{Provider: "api", Owner: owner, As: as}
}

// join has an answer say that one owner is another.
func (b *bubble) join(owner, as string) {
	b.Helper()
	b.ask(open("join", "")).done(same(owner, as))
}

func TestOfTwoOwnersThatAreOneTheStricterBlockHolds(t *testing.T) {
	for name, lengths := range map[string][2]time.Duration{
		"the first": {9 * sec, 4 * sec}, "the second": {4 * sec, 9 * sec},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, nil, func(b *bubble) {
				first, second := of("first", open("a", "1")), of("second", open("a", "1"))
				b.ask(first).done(block(first, lengths[0]))
				b.ask(second).done(block(second, lengths[1]))
				b.join("first", "second")
				qs := []*request{b.ask(first), b.ask(second)}
				b.pass(9*sec - 1)
				wantWaiting(2, qs...)
				b.pass(1)
				wantWaiting(1, qs...) // one goes first
				qs[0].done()
				wantWaiting(0, qs...)
			})
		})
	}
}

func TestABlockThatComesWithAnOwnerFailsThoseForWhomItIsTooLong(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		first, second := of("first", open("a", "1")), of("second", open("a", "1"))
		b.ask(second).done(block(second, 4*sec))
		b.ask(first).done(block(first, 9*sec))
		short, long := b.askWithin(8*sec, second), b.askWithin(10*sec, second)
		b.join("first", "second")
		short.wantError(0, second.Key, 9*sec, context.DeadlineExceeded)
		b.pass(9 * sec)
		long.wantAt(9 * sec)
	})
}

func TestABlockOnARouteThatIsCountedElsewhereIsItsNewOwnersToo(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		get, hash := of("first", open("get", "1")), of("first", open("hash", "1"))
		b.ask(get).done(alias(get, hash), block(get, 9*sec))
		waits := b.ask(get)
		b.join("first", "second")
		q := b.ask(of("second", get))
		b.pass(9*sec - 1)
		wantWaiting(2, waits, q)
		b.pass(1)
		waits.wantAt(9 * sec) // it goes first
		waits.done()
		wantWaiting(0, q)
	})
}

func TestARouteOfAnOwnerThatIsAnotherIsCountedWhereItWas(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		get, put, hash := learned("get", "1"), learned("put", "1"), learned("hash", "1")
		b.ask(of("first", get)).done(alias(of("first", get), of("first", hash)), window(of("first", hash), 5, 4, 10*sec))
		b.ask(of("second", put)).done(alias(of("second", put), of("second", hash)),
			window(of("second", hash), 5, 3, 10*sec))
		b.join("first", "second")
		var qs []*request
		for _, owner := range []string{"first", "second"} {
			qs = append(qs, b.askAll(2, of(owner, get))...)
			qs = append(qs, b.askAll(2, of(owner, put))...)
		}
		wantWaiting(5, qs...)
		b.pass(10 * sec)
		wantWaiting(0, qs[:5]...)
	})
}

func TestWhatTwoOwnersOweToAQuotaAddsUp(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := quota("a", 5, 10*sec)
		first, second := of("first", d), of("second", d)
		b.warm(first)
		b.pass(time.Minute)
		start := b.now()
		answer(b.askAll(2, first))
		b.pass(sec)
		answer(b.askAll(2, second))
		b.pass(sec)
		b.join("first", "second")
		qs := append(b.askAll(2, first), b.askAll(2, second)...)
		qs[0].wantAt(start + 2*sec)
		wantWaiting(3, qs...)
		b.pass(8 * sec)
		qs[1].wantAt(start + 10*sec)
		qs[2].wantAt(start + 10*sec)
		b.pass(sec)
		qs[3].wantAt(start + 11*sec)
	})
}

func TestThoseWhoWaitForAQuotaWaitForThatOfTheNewOwner(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		first, second := of("first", quota("a", 3, 10*sec)), of("second", quota("a", 3, 10*sec))
		in := b.askAll(3, first)
		qs := b.askAll(2, first)
		b.join("first", "second")
		qs = append(qs, b.askAll(2, second)...)
		answer(in)
		b.pass(10*sec - 1)
		wantWaiting(4, qs...)
		b.pass(1)
		wantWaiting(1, qs...)
		qs[3].wantWaiting()
	})
}

func TestWhatTwoOwnersOweToAPaceAddsUp(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := pace("a", sec, 4)
		first, second := of("first", d), of("second", d)
		answer(b.askAll(2, first))
		answer(b.askAll(1, second))
		b.join("first", "second")
		qs := append(b.askAll(1, first), b.askAll(2, second)...)
		wantWaiting(2, qs...)
		b.pass(sec)
		qs[1].wantAt(sec)
		b.pass(sec)
		qs[2].wantAt(2 * sec)
	})
}

func TestOfTwoOwnersThatAreOneTheWindowsAreOneToo(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		first, second := of("first", learned("a", "1")), of("second", learned("a", "1"))
		b.ask(first).done(window(first, 5, 1, 20*sec))
		b.ask(second).done(window(second, 5, 4, 10*sec))
		b.join("first", "second")
		qs := append(b.askAll(2, first), b.askAll(2, second)...)
		wantWaiting(3, qs...)
		b.pass(10 * sec)
		wantWaiting(3, qs...)
		b.pass(10 * sec)
		wantWaiting(0, qs...)
	})
}

func TestThoseWhoWaitForAnOwnerThatIsAnotherWaitWithTheOthersInTheOrderOfArrival(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		first, second := of("first", learned("a", "1")), of("second", learned("a", "1"))
		b.ask(first).done(window(first, 3, 0, 10*sec))
		b.ask(second).done(window(second, 3, 0, 10*sec))
		qs := []*request{b.ask(first), b.ask(second), b.ask(first), b.ask(second)}
		b.join("first", "second")
		wantWaiting(4, qs...)
		b.pass(10 * sec)
		wantWaiting(0, qs[:3]...)
		qs[3].wantWaiting()
	})
}

// The one that goes ahead comes back with nothing left, and with a new owner.
func TestAnAnswerThatTellsOfAnotherOwnerAndOfAWindowLetsNobodyGoUncounted(t *testing.T) {
	for name, teller := range map[string]string{
		"by the old name": "first", "by the new one": "second", "a part, by the old name": "first/x",
		"a part, by the new one": "second/x",
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, nil, func(b *bubble) {
				d := of(strings.Replace(teller, "second", "first", 1), learned("a", "1"))
				probe := b.ask(d)
				qs := b.askAll(5, d)
				b.pass(sec)
				probe.done(same("first", "second"), window(of(teller, d), 3, 1, 10*sec))
				wantWaiting(4, qs...)
				b.pass(10 * sec)
				wantWaiting(2, qs...) // one of three is on its way
			})
		})
	}
}

func TestBucketsThatNobodyHasDrawnOnAreOfTheOtherOwnerToo(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		b.join("first", "second")
		first, second := of("first", learned("new", "1")), of("second", learned("new", "1"))
		b.ask(second).done(window(second, 5, 3, 10*sec))
		qs := append(b.askAll(2, first), b.askAll(2, second)...)
		wantWaiting(1, qs...)
		b.ask(open("x", "")).done(block(first, 20*sec))
		q := b.ask(of("second", open("new", "1")))
		b.pass(20*sec - 1)
		q.wantWaiting()
		b.pass(1)
		q.wantAt(20 * sec)
	})
}

func TestOwnersThatAreOneTwiceOrInACircleAreNoHarm(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		var ds []bucket.Draw
		for _, owner := range []string{"first", "second", "third"} {
			d := of(owner, learned("a", "1"))
			b.ask(d).done(window(d, 9, 8, 10*sec))
			ds = append(ds, d)
		}
		in := b.askAll(2, ds[0])
		b.join("first", "first")
		b.join("first", "second")
		b.join("first", "second")
		b.join("second", "third")
		b.join("third", "first")
		b.join("second", "first")
		var qs []*request
		for _, d := range ds {
			qs = append(qs, b.askAll(2, d)...)
		}
		// Of nine units, one of each owner is answered, and two are on their way.
		wantWaiting(2, qs...)
		b.ask(of("fourth", learned("a", "1"))).wantAt(0) // who is nobody else
		answer(in)
		b.pass(10 * sec)
		wantWaiting(0, qs...)
	})
}

// beforeAndAfterARestart runs f with a function that restarts a bubble or does not.
func beforeAndAfterARestart(t *testing.T, f func(b *bubble, restart func(*bubble) *bubble)) {
	t.Helper()
	inBubble(t, nil, func(b *bubble) { f(b, func(b *bubble) *bubble { return b }) })
	inBubble(t, nil, func(b *bubble) { f(b, (*bubble).restart) })
}

func TestThePartsOfOwnersThatAreOneAreOneEach(t *testing.T) {
	beforeAndAfterARestart(t, func(b *bubble, restart func(*bubble) *bubble) {
		draw := func(owner string) bucket.Draw { return of(owner, open("a", "1")) }
		b.ask(draw("first/x")).done(block(draw("first/x"), 9*sec))
		b.ask(draw("second/x")).done()
		b.join("first", "third")
		b.join("second", "third")
		b = restart(b)
		for _, apart := range []string{"first", "second/y", "third", "first/x/y"} {
			b.ask(draw(apart)).wantAt(0)
		}
		q := b.ask(draw("second/x"))
		b.pass(9 * sec)
		q.wantAt(9 * sec)
		b.ask(draw("third/x")).wantWaiting() // for the one that goes first
	})
}

func TestAPartMayTurnOutToBeTheWhole(t *testing.T) {
	for name, join := range map[string]func(*bubble){
		"at first":  func(b *bubble) { b.join("first/x", "first"); b.join("first", "third") },
		"later":     func(b *bubble) { b.join("first", "third"); b.join("first/x", "first") },
		"by others": func(b *bubble) { b.join("first", "third"); b.join("third/x", "third") },
	} {
		t.Run(name, func(t *testing.T) {
			beforeAndAfterARestart(t, func(b *bubble, restart func(*bubble) *bubble) {
				part, whole := of("first/x", open("a", "1")), of("third", open("a", "1"))
				b.ask(part).done(block(part, 9*sec))
				join(b)
				b = restart(b)
				q := b.ask(whole)
				b.pass(9 * sec)
				q.wantAt(9 * sec)
				b.ask(part).wantWaiting()
				b.ask(of("third/y", open("a", "1"))).wantAt(9 * sec) // another part
			})
		})
	}
}

func TestAPartIsNothingButItselfOrItsWhole(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		for _, pair := range [][2]string{
			{"first", "first/x"}, {"first/x", "second"}, {"first/x", "second/x"}, {"second", "first/x"}, {"first/x", "first/y"},
		} {
			b.join(pair[0], pair[1])
		}
		part := of("first/x", open("a", "1"))
		b.ask(part).done(block(part, 9*sec))
		for _, owner := range []string{"first", "second", "second/x", "first/y"} {
			b.ask(of(owner, open("a", "1"))).wantAt(0)
		}
	})
}

func TestLeasesThatWereOutAsOwnersBecameOneAreSettledWhereTheyCount(t *testing.T) {
	for name, tt := range map[string]struct {
		d      bucket.Draw
		settle func(*request)
		free   time.Duration // when the next may go, after the others' end
	}{
		"canceled from a quota":  {quota("a", 3, 10*sec), func(q *request) { q.granted().Cancel() }, 0},
		"answered from a quota":  {quota("a", 3, 10*sec), func(q *request) { q.done() }, 10 * sec},
		"canceled from a pace":   {pace("a", 10*sec, 3), func(q *request) { q.granted().Cancel() }, 0},
		"answered from a few":    {few("a", 3), func(q *request) { q.done() }, 0},
		"lost from a few":        {few("a", 3), func(q *request) { q.granted().Lost() }, 0},
		"canceled from a window": {learned("a", "1"), func(q *request) { q.granted().Cancel() }, 0},
		"lost from a window":     {learned("a", "1"), func(q *request) { q.granted().Lost() }, 7 * sec},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, nil, func(b *bubble) {
				first, second := of("first", tt.d), of("second", tt.d)
				if left := 4; tt.d.Policy == nil {
					for _, d := range []bucket.Draw{first, second} {
						b.ask(d).done(window(d, 5, left, 10*sec))
						left--
					}
				}
				in := b.askAll(2, first)
				other := b.ask(second)
				b.join("first", "second")
				q := b.ask(first)
				q.wantWaiting()
				b.pass(3 * sec)
				q.wantWaiting()
				if tt.free == 10*sec { // the others keep the distance from their answers, too
					in[1].done()
					other.done()
				}
				tt.settle(in[0])
				b.pass(tt.free)
				q.wantAt(3*sec + tt.free)
				if tt.free != 10*sec {
					in[1].done()
					other.done()
				}
				q.done()
				b.pass(time.Hour)
				if n := b.Referred(); n != 0 || b.Timer() {
					b.Errorf("%d references are left, and a timer runs: %v", n, b.Timer())
				}
			})
		})
	}
}

// few is a draw on a limit of how many may be in flight.
func few(limit string, n int) bucket.Draw {
	return bucket.Draw{Key: key(limit, ""), Policy: &bucket.Policy{Concurrent: n}}
}

func TestOwnersThatAreOneShareALargeRegistry(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		for i := range 3000 {
			d := of("first", open("a", string(rune('0'+i))))
			lease, err := b.Acquire(b.Context(), d)
			if err != nil {
				b.Fatal(err)
			}
			lease.Done(time.Now(), block(d, 9*sec))
		}
		b.join("first", "second")
		var qs []*request
		for i := 0; i < 3000; i += 500 {
			qs = append(qs, b.ask(of("second", open("a", string(rune('0'+i))))))
		}
		wantWaiting(len(qs), qs...)
		b.pass(9 * sec)
		wantWaiting(0, qs...)
	})
}

func TestThoseWhoWaitForACounterGoWhenAnOwnersRoutesLeaveIt(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		get, put, hash := of("second", open("get", "1")), open("put", "1"), open("hash", "1")
		b.ask(get).done(alias(get, hash), alias(put, hash), window(hash, 1, 0, sec))
		b.pass(2 * sec)
		b.ask(get)
		q := b.ask(put)
		q.wantWaiting()
		b.join("second", "owner")
		q.wantAt(2 * sec)
	})
}

func TestOwnersThatAreOthersAreBounded(t *testing.T) {
	const most = 1024 // where few buckets are kept
	inBubble(t, &bucket.Options{MaxKeys: 1}, func(b *bubble) {
		var joins []bucket.Update
		for i := range most + 1 {
			joins = append(joins, same(fmt.Sprint(i), "owner"))
		}
		b.ask(open("x", "")).done(joins...)
		d := open("a", "1")
		b.ask(d).done(block(d, 9*sec))
		b.ask(of(fmt.Sprint(most-1), d)).wantWaiting()
		b.ask(of(fmt.Sprint(most), d)).wantAt(0)
	})
}

func TestOwnersThatNobodyUsesMakeRoomForOthers(t *testing.T) {
	inBubble(t, &bucket.Options{MaxKeys: 1}, func(b *bubble) {
		kept := of("kept", open("a", "1"))
		b.join("kept", "owner")
		for i := range 3000 { // tokens that are replaced, twelve hours later, by others
			b.join(fmt.Sprint(i), "owner")
			b.ask(kept).done()
			if i%100 == 0 {
				b.pass(5 * time.Minute)
			}
		}
		d := open("a", "1")
		b.ask(d).done(block(d, 9*sec))
		b.ask(kept).wantWaiting()
		b.ask(of("2999", d)).wantWaiting()
		forgotten := 0 // which of those that nobody uses, is left to chance
		for i := range 2000 {
			if q := b.ask(of(fmt.Sprint(i), d)); q.ended() {
				forgotten++
			} else {
				q.cancel()
			}
		}
		if forgotten < 900 {
			b.Errorf("%d owners of 2000 made room, want at least 900", forgotten)
		}
	})
}

func TestRefusalsInARowAreThoseOfTheNewOwnerToo(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		first, second := of("first", open("a", "1")), of("second", open("a", "1"))
		b.ask(first).done(block(first, 0))
		q := b.ask(first)
		b.pass(sec)
		q.done(block(first, 0)) // for twice as long
		b.join("first", "second")
		q = b.ask(second)
		b.pass(2 * sec)
		q.wantAt(3 * sec)
		q.done(block(second, 0)) // and twice as long again
		q = b.ask(second)
		b.pass(4 * sec)
		q.wantAt(7 * sec)
	})
}

func TestAfterABlockThatComesWithAnOwnerOneGoesAhead(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		first, second := of("first", open("a", "1")), of("second", open("a", "1"))
		b.ask(first).done(block(first, 9*sec))
		b.join("first", "second")
		qs := b.askAll(3, second)
		b.pass(9 * sec)
		wantWaiting(2, qs...)
		qs[0].done()
		wantWaiting(0, qs...)
	})
}

func TestOneThatWentAheadIsWaitedForByTheNewOwnerToo(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		first, second := of("first", learned("a", "1")), of("second", learned("a", "1"))
		probe := b.ask(first)
		b.join("first", "second")
		qs := append(b.askAll(2, second), b.ask(first))
		wantWaiting(3, qs...)
		b.pass(sec)
		probe.done()
		wantWaiting(0, qs...)
	})
}

func TestThatACounterOfAnOwnersRoutesIsNoneHoldsForTheNewOwnerToo(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		get, put := of("first", learned("get", "1")), of("first", learned("put", "1"))
		hash := of("first", learned("hash", "1"))
		b.ask(get).done(alias(get, hash), window(hash, 5, 4, 10*sec))
		b.ask(put).done(alias(put, hash), window(hash, 5, 4, 10*sec)) // which is another counter
		b.join("first", "second")
		get, put = of("second", learned("get", "2")), of("second", learned("put", "2"))
		hash = of("second", learned("hash", "2"))
		b.ask(get).done(alias(get, hash), window(hash, 5, 0, 10*sec))
		b.ask(put).done(alias(put, hash))
		b.ask(get).wantWaiting()
		b.ask(put).wantAt(0)
	})
}

func TestWhatIsKnownOfAWindowIsKnownOfTheNewOwnersTooWhereNothingWas(t *testing.T) {
	for name, used := range map[string]bool{"its bucket is there": true, "it has none": false} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, nil, func(b *bubble) {
				first, second := of("first", open("a", "1")), of("second", open("a", "1"))
				b.ask(first).done(window(first, 5, 2, 10*sec))
				if used {
					b.ask(second).done()
				}
				b.join("first", "second")
				qs := b.askAll(3, second)
				wantWaiting(1, qs...)
				b.pass(10 * sec)
				qs[2].wantAt(10 * sec)
			})
		})
	}
}

func TestOfTwoRowsOfRefusalsTheLongerCountsForTheNewOwner(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		first, second := of("first", open("a", "1")), of("second", open("a", "1"))
		b.ask(second).done(block(second, 0))
		b.pass(sec)
		b.ask(second).done(block(second, 0)) // for twice as long
		b.ask(first).done(block(first, 0))
		b.join("first", "second")
		b.pass(2 * sec)
		b.ask(second).done(block(second, 0)) // and twice as long again
		q := b.ask(second)
		b.pass(4 * sec)
		q.wantAt(7 * sec)
	})
}

func TestWhatIsKnownOfTheNewOwnersWindowStays(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		first, second := of("first", open("a", "1")), of("second", open("a", "1"))
		b.ask(second).done(window(second, 5, 0, 10*sec))
		b.ask(first).done(block(first, sec)) // of which answers tell nothing
		b.join("first", "second")
		q := b.ask(second)
		b.pass(10*sec - 1)
		q.wantWaiting()
		b.pass(1)
		q.wantAt(10 * sec)
	})
}

func TestTheLimitOfAKindIsKnownOfTheNewOwnerToo(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := learned("a", "1")
		b.ask(of("first", d)).done(window(of("first", d), 3, 2, 10*sec))
		b.join("first", "second")
		wantWaiting(1, b.askAll(4, of("second", learned("a", "2")))...) // nobody goes ahead to see
	})
}

func TestWhatRefusalsHaveTaughtTheNewOwnerStays(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		first, second := of("first", hidden("1")), of("second", hidden("1"))
		b.taught(first, 5, time.Minute)
		b.taught(second, 2, time.Minute)
		b.join("first", "second")
		if p := b.quotaOf(of("second", hidden("2"))); p.Quota != 2 {
			b.Errorf("it is %+v, want two a minute", p)
		}
	})
}

func TestWhoWaitsForTwoOwnersBucketsThatAreOneDrawsOnItOnce(t *testing.T) {
	for _, turned := range []bool{false, true} {
		inBubble(t, nil, func(b *bubble) {
			d := bucket.Draw{Key: key("a", "1"), Policy: &bucket.Policy{Concurrent: 2}}
			first, second := of("first", d), of("second", d)
			in := append(b.askAll(2, first), b.ask(second))
			draws := []bucket.Draw{first, second}
			if turned {
				draws[1].Weight = 2
			} else {
				draws[0].Weight = 2
			}
			q := b.ask(draws...)
			q.wantWaiting()
			b.join("first", "second")
			in[0].done()
			q.wantWaiting()
			in[1].done()
			q.wantWaiting() // it takes two places
			in[2].done()
			q.wantAt(0)
			q.done()
			wantWaiting(1, b.askAll(3, second)...)
		})
	}
}

func TestOneThatWentAheadAtACounterIsWaitedForAtTheNewOwners(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		route, counter := of("first", open("route", "1")), of("first", learned("counter", "1"))
		b.ask(route).done(alias(route, counter))
		b.ask(route).done(block(counter, sec))
		b.pass(sec)
		ahead := b.ask(route)
		b.join("first", "second")
		q := b.ask(of("second", learned("counter", "1")))
		q.wantWaiting()
		ahead.done()
		q.wantAt(sec)
		q.done()
		if n := b.Referred(); n != 0 {
			b.Errorf("%d references are left", n)
		}
	})
}

func TestOfTwoWindowsTheOneThatLeavesLessAndEndsLaterIsTheNewOwners(t *testing.T) {
	for _, turned := range []bool{false, true} {
		inBubble(t, nil, func(b *bubble) {
			first, second := of("first", open("a", "1")), of("second", open("a", "1"))
			short, long := first, second
			if turned {
				short, long = second, first
			}
			b.ask(short).done(window(short, 5, 3, 10*sec))
			b.ask(long).done(window(long, 5, 1, 20*sec))
			b.join("first", "second")
			qs := b.askAll(2, second)
			wantWaiting(1, qs...)
			b.pass(20*sec - 1)
			wantWaiting(1, qs...)
			b.pass(1)
			qs[1].wantAt(20 * sec)
		})
		inBubble(t, nil, func(b *bubble) {
			first, second := of("first", open("a", "1")), of("second", open("a", "1"))
			less, more := first, second
			if turned {
				less, more = second, first
			}
			b.ask(less).done(window(less, 5, 1, 10*sec))
			b.ask(more).done(window(more, 5, 3, 20*sec))
			b.join("first", "second")
			wantWaiting(1, b.askAll(2, second)...)
		})
	}
}
