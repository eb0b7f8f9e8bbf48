package bucket_test

import (
	"testing"
	"time"

	"github.com/underlimit/underlimit/bucket"
)

var (
	getRoute, putRoute = learned("get", "1"), learned("put", "1")
	theirHash          = learned("hash", "1")
)

// tells is an answer on a route whose counter is named by the hash.
func tells(route bucket.Draw, limit, remaining int, after time.Duration) []bucket.Update {
	hash := learned("hash", route.Key.Subject)
	return []bucket.Update{alias(route, hash), window(hash, limit, remaining, after)}
}

// wantRoom fails the test unless exactly n requests may go now. They give their leases back.
func (b *bubble) wantRoom(n int, draws ...bucket.Draw) {
	b.Helper()
	qs := b.askAll(n+1, draws...)
	granted := 0
	for _, q := range qs {
		if q.ended() && q.err == nil {
			granted++
		}
	}
	for _, q := range qs {
		q.cancel()
	}
	b.pass(0)
	for _, q := range qs {
		if q.ended() && q.err == nil {
			q.lease.Cancel()
		}
	}
	b.pass(0)
	if granted != n {
		b.Errorf("after %v: room for %d, want %d", b.now(), granted, n)
	}
}

func TestRoutesAreChargedJointlyAsLongAsAnswersAgree(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		b.ask(getRoute).done(tells(getRoute, 9, 8, 10*sec)...)
		b.ask(putRoute).done(tells(putRoute, 9, 7, 10*sec)...)
		b.wantRoom(7, getRoute)
		in := []*request{b.ask(getRoute), b.ask(putRoute), b.ask(getRoute)}
		b.pass(sec)
		in[1].done(tells(putRoute, 9, 6, 9*sec)...) // they arrived in another order
		in[0].done(tells(getRoute, 9, 5, 9*sec)...)
		in[2].done(tells(getRoute, 9, 4, 9*sec)...)
		b.wantRoom(4, putRoute)
		b.pass(9 * sec)
		b.ask(putRoute).done(tells(putRoute, 9, 8, 10*sec)...) // of the next window
		b.ask(getRoute).done(tells(getRoute, 9, 7, 10*sec)...)
		b.wantRoom(7, getRoute)
		b.wantRoom(7, putRoute)
	})
}

func TestAnswersThatCannotBeOfOneCounterSplitIt(t *testing.T) {
	for name, tt := range map[string]struct {
		slides   bool
		together bool // both requests are on their way at once
		get, put []bucket.Update
		split    bool
	}{
		"more left than after the other": {
			get: tells(getRoute, 5, 3, 10*sec), put: tells(putRoute, 5, 4, 9900*ms), split: true,
		},
		"as much left though in a sliding window it might be": {
			get: tells(getRoute, 5, 2, 3*sec), put: tells(putRoute, 5, 2, 4400*ms), split: true,
		},
		"less left than after the other": {
			get: tells(getRoute, 5, 4, 10*sec), put: tells(putRoute, 5, 3, 9901*ms), split: false,
		},
		"as much left though they went together": {
			together: true, get: tells(getRoute, 5, 4, 10*sec), put: tells(putRoute, 5, 4, 10*sec), split: true,
		},
		"more left though they went together": { // they arrived in the other order
			together: true, get: tells(getRoute, 5, 3, 10*sec), put: tells(putRoute, 5, 4, 10*sec), split: false,
		},
		"a sliding window no further off than after the other": {
			slides: true, get: tells(getRoute, 5, 4, sec), put: tells(putRoute, 5, 4, sec), split: true,
		},
		"a sliding window nearer than after the other": {
			slides: true, get: tells(getRoute, 5, 3, 2*sec), put: tells(putRoute, 5, 4, sec), split: true,
		},
		"a sliding window further off by half a period": {
			slides: true, get: tells(getRoute, 5, 4, sec), put: tells(putRoute, 5, 3, 1500*ms), split: true,
		},
		"a sliding window further off by one period": {
			slides: true, get: tells(getRoute, 5, 4, sec), put: tells(putRoute, 5, 3, 1900*ms), split: false,
		},
		"a sliding window no further off though they went together": {
			slides: true, together: true,
			get: tells(getRoute, 5, 4, sec), put: tells(putRoute, 5, 4, sec), split: true,
		},
		"a sliding window nearer though they went together": {
			slides: true, together: true,
			get: tells(getRoute, 5, 3, 2*sec), put: tells(putRoute, 5, 4, sec), split: false,
		},
		"of a window that may be the next": {
			get: tells(getRoute, 5, 1, 50*ms), put: tells(putRoute, 5, 4, 10*sec), split: false,
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, nil, func(b *bubble) {
				// What is known of another subject's kind tells its shape.
				other := learned("hash", "2")
				if tt.slides {
					slide(b, other, &slider{limit: 5, period: sec})
				} else {
					b.ask(other).done(window(other, 5, 4, 10*sec))
					b.ask(other).done(window(other, 5, 3, 10*sec))
				}
				b.ask(open("x", "")).done(alias(getRoute, theirHash), alias(putRoute, theirHash))
				get := b.ask(getRoute)
				put := get
				if tt.together {
					put = b.ask(putRoute)
				}
				b.pass(ms)
				get.done(tt.get...)
				if !tt.together {
					b.pass(99 * ms)
					put = b.ask(putRoute)
				}
				put.done(tt.put...)
				in := []*request{b.ask(getRoute)}
				left := remaining(tt.put)
				if tt.split { // each is counted for itself, and get has not moved
					b.wantRoom(left, putRoute)
					b.wantRoom(remaining(tt.get)-1, getRoute)
				} else {
					if name != "of a window that may be the next" {
						left = min(left, remaining(tt.get))
					}
					left--
					b.wantRoom(left, putRoute)
					b.wantRoom(left, getRoute)
				}
				answer(in)
			})
		})
	}
}

func remaining(us []bucket.Update) int { return us[1].(bucket.Window).Remaining }

// says has an answer to a request on nothing say something.
func (b *bubble) says(updates ...bucket.Update) {
	b.Helper()
	b.ask().done(updates...)
}

func TestASplitMovesLeasesWaitersAndBlocksAndCountsNothingTwice(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		get, put, hash := open("get", "1"), open("put", "1"), open("hash", "1")
		b.ask(get).done(alias(get, hash), alias(put, hash), window(hash, 5, 4, 10*sec))
		in := []*request{b.ask(get), b.ask(get), b.ask(put)}
		told := b.ask(put)
		gets, puts := b.askAll(3, get), b.askAll(3, put)
		wantWaiting(6, append(gets, puts...)...)
		b.says(block(hash, 2*sec))
		b.pass(sec)
		told.done(alias(put, hash), window(hash, 5, 4, 9*sec)) // get's answer told of one unit, too, and was before it
		wantWaiting(3, puts...)                                // the block is each one's
		b.pass(sec)
		wantWaiting(0, puts...) // of five, one is answered and one on its way
		wantWaiting(1, gets...) // of five, one is answered and two are
		answer(append(in, puts...))
		answer(gets[:2])
		b.pass(8 * sec)
		gets[2].granted().Cancel()
		b.pass(time.Hour)
		b.wantRoom(5, get)
		b.wantRoom(5, put)
		if n := b.Referred(); n != 0 {
			b.Errorf("%d references are left", n)
		}
	})
}

func TestAKindThatWasSplitIsSplitForOtherSubjectsToo(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		get2, put2, hash2 := learned("get", "2"), learned("put", "2"), learned("hash", "2")
		b.ask(getRoute).done(tells(getRoute, 5, 4, 10*sec)...)
		in := b.ask(get2)
		b.says(alias(get2, hash2), alias(put2, hash2))
		b.wantRoom(4, put2)
		b.ask(putRoute).done(tells(putRoute, 5, 4, 10*sec)...) // which is contradicted
		in.done(tells(get2, 5, 1, 10*sec)...)
		b.wantRoom(1, get2)
		b.wantRoom(5, put2)
		for _, subject := range []string{"3", "4"} {
			b.ask(learned("get", subject)).done(tells(learned("get", subject), 5, 0, 10*sec)...)
			b.wantRoom(5, learned("put", subject))
		}
	})
}

func TestWhatATicketSaysOfASplitKindsCounterIsOfItsRoute(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		b.ask(getRoute).done(tells(getRoute, 5, 4, 10*sec)...)
		b.ask(putRoute).done(tells(putRoute, 5, 4, 10*sec)...)
		b.ask(getRoute).done(tells(getRoute, 5, 1, 10*sec)...)
		b.wantRoom(1, getRoute)
		b.wantRoom(4, putRoute)
	})
}

// A refused request is not counted: that nothing is left, as before, contradicts nobody.
func TestRefusalsDoNotSplitACounter(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		in := b.ask(getRoute)
		b.pass(ms)
		in.done(tells(getRoute, 1, 0, 10*sec)...)
		b.says(alias(putRoute, theirHash))
		ticket := &bucket.Ticket{Mode: bucket.Shadow}
		q := b.askWith(b.Context(), ticket, putRoute)
		b.pass(ms)
		q.done(append(tells(putRoute, 1, 0, 9999*ms), block(putRoute, 9999*ms))...)
		b.pass(9999 * ms)
		qs := []*request{b.ask(getRoute), b.ask(putRoute)}
		wantWaiting(1, qs...)
	})
}

func TestARouteOfTwoCountersIsCountedByBothUntilTheWindowOfTheFirstHasEnded(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		route, one, two := open("route", "1"), open("one", "1"), open("two", "1")
		b.ask(route).done(alias(route, one), window(one, 5, 4, 10*sec))
		in := b.ask(route)
		b.ask(route).done(alias(route, two), window(two, 9, 8, 20*sec))
		b.wantRoom(2, route) // of five, two were answered and one is on its way
		b.ask(route).done(window(two, 9, 7, 20*sec))
		b.wantRoom(1, route)
		b.pass(10 * sec)
		b.wantRoom(6, route) // of nine, two were answered, and the one on its way may count, too
		in.done()
		b.wantRoom(6, route)
		b.wantRoom(5, one)
	})
}

func TestWhatIsToldOfOneNameOfALimitIsToldOfTheOther(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		route, one, two := open("route", "1"), open("one", "1"), open("two", "1")
		b.ask(route).done(alias(route, one), window(one, 5, 4, 10*sec))
		b.ask(route).done(alias(route, two), window(two, 5, 3, 10*sec))
		b.wantRoom(3, one)
		b.wantRoom(3, two)
		b.ask(route).done(alias(route, one), window(one, 5, 1, 10*sec)) // somebody else draws on it, too
		b.wantRoom(1, two)
		b.pass(10 * sec)
		b.wantRoom(5, route)
	})
}

func TestAnAliasInAnAnswerThatWasOvertakenIsIgnored(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		route, one, two := open("route", "1"), open("one", "1"), open("two", "1")
		early := b.ask(route)
		b.pass(sec)
		b.ask(route).done(alias(route, two))
		b.ask(route).done(window(two, 5, 3, 10*sec))
		early.done(alias(route, one), window(one, 5, 0, 20*sec))
		b.wantRoom(2, route) // no answer told how the early one was counted
	})
}

func TestTheBlockOfACounterOutlivesTheWayToIt(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		route, one, two, three := open("route", "1"), open("one", "1"), open("two", "1"), open("three", "1")
		in := b.askAll(3, route)
		in[0].done(alias(route, one), block(one, 10*sec))
		in[1].done(alias(route, two))
		in[2].done(alias(route, three))
		b.wantRoom(0, route)
		b.pass(10 * sec)
		b.wantRoom(1, route) // which goes first
	})
}

func TestMergingMovesWhatIsInFlightAndThoseWhoWait(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		get, put, hash := open("get", "1"), open("put", "1"), open("hash", "1")
		b.ask(get).done(window(get, 5, 3, 10*sec))
		gets := b.askAll(5, get)
		wantWaiting(2, gets...)
		puts := b.askAll(2, put)
		b.says(alias(get, hash), alias(put, hash))
		wantWaiting(2, gets...)
		answer(puts, window(hash, 7, 4, 10*sec)) // three are on their way
		wantWaiting(2, gets...)
		answer(gets[:3], window(hash, 7, 1, 10*sec))
		wantWaiting(1, gets...)
		b.pass(10 * sec)
		wantWaiting(0, gets...)
	})
}

// A counter's counter may be a route of what it counts, if it was once known by that name.
func TestWaysInACircleByWayOfFormerNamesAreNoHarm(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		route, c, x, y := open("route", "1"), open("c", "1"), open("x", "1"), open("y", "1")
		in := []*request{b.ask(c), b.ask(route), b.ask(x)}
		b.ask(c).done(alias(c, route), window(route, 9, 8, 10*sec))
		b.ask(c).done(alias(c, x), window(x, 9, 8, 10*sec))
		b.says(alias(route, c))
		b.check()
		b.says(alias(x, y), window(y, 9, 8, 10*sec))
		b.check()
		b.says(alias(route, y), alias(c, y), alias(y, c))
		qs := append(b.askAll(3, c, route), b.askAll(3, x, y)...)
		answer(in)
		b.pass(time.Minute)
		wantWaiting(0, qs...)
		answer(qs)
		if n := b.Referred(); n != 0 {
			b.Errorf("%d references are left", n)
		}
	})
}

func TestACounterOfCountersMayMoveWithAllThatIsCountedThere(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		route, mid, one, two := open("route", "1"), open("mid", "1"), open("one", "1"), open("two", "1")
		b.says(alias(route, mid), alias(mid, one), window(one, 9, 9, 10*sec), window(two, 5, 5, 10*sec))
		in := b.askAll(2, route)
		b.says(alias(mid, two))
		b.wantRoom(3, route) // of five, two are on their way
		b.says(alias(mid, one))
		b.wantRoom(7, route)
		answer(in)
		if n := b.Referred(); n != 0 {
			b.Errorf("%d references are left", n)
		}
	})
}

// A window ends the sooner, for what is sent, the longer its way is known to be. Whoever is woken first by that must
// not pass those who wait at the counter whose window ends with it.
func TestWhoWaitsWhereAFormerNameEndsGoesBeforeLaterOnes(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		route, one, two := open("route", "1"), open("one", "1"), open("two", "1")
		b.ask(route).done(alias(route, one), window(one, 5, 4, 10*sec))
		b.ask(route).done(alias(route, two), window(two, 5, 4, 9980*ms))
		b.says(window(one, 5, 0, 10*sec))
		first := b.ask(route) // waits for the one
		b.says(window(two, 5, 0, 9980*ms))
		second := b.ask(route) // and this for the other
		b.pass(2 * sec)
		for i := range 40 {
			q := b.ask(open("x", ""))
			b.pass([]time.Duration{200 * ms, 100 * ms}[min(i, 1)])
			q.done()
		}
		b.pass(9980*ms - b.now())
		wantWaiting(2, first, second)
		b.pass(20 * ms)
		first.wantAt(10 * sec)
		second.wantAt(10 * sec)
	})
}

func TestThoseWhoWaitBelowACounterThatMovesMoveWithIt(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		route, mid, one, two := open("route", "1"), open("mid", "1"), open("one", "1"), open("two", "1")
		b.says(alias(route, mid), alias(mid, one), window(one, 9, 0, 10*sec), window(two, 2, 2, 10*sec))
		qs := b.askAll(3, route)
		wantWaiting(3, qs...)
		b.says(alias(mid, two))
		wantWaiting(1, qs...)
	})
}

func TestTwoAliasesInOneAnswerMoveThoseWhoDrawOnEither(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		get, put, one, two := open("get", "1"), open("put", "1"), open("one", "1"), open("two", "1")
		all := open("all", "")
		b.says(window(all, 2, 0, 10*sec), window(one, 2, 0, 20*sec), window(two, 2, 0, 30*sec))
		first, second := b.ask(get, all), b.ask(put, all)
		b.pass(sec)
		b.says(alias(get, one), alias(put, two), window(all, 2, 2, 20*sec)) // it began anew
		wantWaiting(2, first, second)
		b.pass(19 * sec)
		first.wantAt(20 * sec)
		second.wantWaiting()
		b.pass(10 * sec)
		second.wantAt(30 * sec)
	})
}

func TestThoseWhoWaitWhereAFormerNameEndsAreNotHeldByItAnyMore(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		route, one, two := open("route", "1"), open("one", "1"), open("two", "1")
		b.ask(route).done(alias(route, one), window(one, 1, 0, 10*sec))
		b.says(alias(route, two), window(two, 5, 3, 20*sec))
		qs := b.askAll(4, route) // for the one, of which a whole window holds one
		wantWaiting(4, qs...)
		b.pass(10 * sec)
		for _, q := range qs[:3] {
			q.wantAt(10 * sec)
		}
		qs[3].wantWaiting()
		b.pass(10 * sec)
		qs[3].wantAt(20 * sec)
	})
}

func TestABlockOfAFormerNameThatHasEndedFailsNobody(t *testing.T) {
	for name, waits := range map[string]time.Duration{"where it ended": 10 * sec, "elsewhere": 5 * sec} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, nil, func(b *bubble) {
				route, one, two := open("route", "1"), open("one", "1"), open("two", "1")
				b.ask(route).done(alias(route, one), window(one, 1, 0, waits))
				b.says(alias(route, two), window(two, 5, 0, 7*sec))
				q := b.askWithin(time.Minute, route)
				if waits < 7*sec {
					b.pass(6 * sec)
					b.ask(route).cancel()
				} else {
					b.pass(8 * sec)
					b.says(window(two, 5, 0, 20*sec))
					b.pass(3 * sec)
				}
				b.says(block(one, time.Hour))
				q.wantWaiting()
			})
		})
	}
}

func TestTwoDrawsOfWhichTwoCountersCountTheOneAreCountedOnce(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		route, other, one, two := open("route", "1"), open("other", "1"), open("one", "1"), open("two", "1")
		b.ask(route).done(alias(route, one), alias(other, one), window(one, 9, 8, 10*sec))
		b.says(alias(route, two), window(two, 9, 9, 20*sec)) // and the window of the one is open
		for _, draws := range [][]bucket.Draw{{other, route}, {route, other}} {
			q := b.ask(draws...)
			b.wantRoom(7, other) // of nine, one was answered and one is on its way
			b.wantRoom(7, route)
			q.granted().Cancel()
			b.wantRoom(8, other)
		}
		q := b.ask(other, route)
		q.done(window(one, 9, 7, 10*sec))
		b.wantRoom(7, other)
		if n := b.Referred(); n != 0 {
			b.Errorf("%d references are left", n)
		}
	})
}
