package bucket_test

import (
	"testing"
	"time"

	"github.com/underlimit/underlimit/bucket"
)

// calls is an answer on a route whose counter it calls by a name.
func calls(route bucket.Draw, name string, limit, remaining int, after time.Duration) []bucket.Update {
	counter := of(route.Key.Owner, learned(name, route.Key.Subject))
	return []bucket.Update{alias(route, counter), window(counter, limit, remaining, after)}
}

// callsByTwoNames has answers to one route call its counter x and y in turn, in a window that ends in two seconds. Two of
// four units are left.
func (b *bubble) callsByTwoNames(route bucket.Draw) {
	b.Helper()
	b.ask(route).done(calls(route, "x", 4, 3, 2*sec)...)
	b.ask(route).done(calls(route, "y", 4, 2, 2*sec)...)
}

// wantBothNames fails the test unless a request on a channel's route counts by either name. It leaves three of four units.
func (b *bubble) wantBothNames(channel string) {
	b.Helper()
	hold := b.ask(learned("get", channel))
	b.wantRoom(3, learned("x", channel))
	b.wantRoom(3, learned("y", channel))
	hold.done()
}

// TestTwoRoutesOfACounterWithTwoNamesAreNeverRefused has 300 requests use a window of 5 per 4 s, which takes 59 windows
// after the first. Nobody could know at the very first that both routes are of one counter.
func TestTwoRoutesOfACounterWithTwoNamesAreNeverRefused(t *testing.T) {
	const way, back = 40 * ms, 60 * ms
	inBubble(t, nil, func(b *bubble) {
		w := newWorld(b)
		do := func(i int) {
			w.do(w.Context(), &worldRequest{
				owner: "owner", channel: "0", routes: []worldRoute{flips[i%2]}, weights: []int{1},
				ticket: &bucket.Ticket{}, way: way, back: back, fate: answered,
			})
		}
		for i := range 8 {
			do(i)
		}
		b.pass(10 * sec)
		w.arrived = nil
		start := b.now()
		for i := range 300 {
			go do(i)
		}
		b.pass(time.Hour)
		if len(w.arrived) != 300 || len(w.refused) > 0 {
			b.Fatalf("%d requests arrived, refused: %v", len(w.arrived), w.refused)
		}
		if got, want := w.arrived[299]-start, way+59*4*sec; got != want {
			b.Errorf("the last request arrived after %v, want %v", got, want)
		}
	})
}

func TestANewChannelsCounterHasBothNamesOfTheOthers(t *testing.T) {
	for name, latest := range map[string][]bucket.Update{
		"told":               nil,
		"named, and no more": {alias(getRoute, learned("x", "1"))}, // the name that was not the latest
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, nil, func(b *bubble) {
				b.callsByTwoNames(getRoute)
				b.ask(getRoute).done(latest...)
				b.wantBothNames("2")
			})
		})
	}
}

func TestANameThat32AnswersDoNotUseIsLetGo(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		x := learned("x", "1")
		b.callsByTwoNames(getRoute)
		for range 31 {
			b.pass(2 * sec)
			b.ask(getRoute).done(calls(getRoute, "y", 4, 3, 2*sec)...)
		}
		b.wantRoom(3, x) // it counts with the other name still
		b.pass(2 * sec)
		b.ask(getRoute).done(calls(getRoute, "y", 4, 3, 2*sec)...)
		b.pass(2 * sec)
		hold := b.ask(getRoute)
		b.wantRoom(3, x) // the last answer's request may still count, but not this one
		hold.done()
		other := b.ask(learned("get", "2")) // nor has a new channel's counter that name
		b.wantRoom(4, learned("x", "2"))
		other.done()
	})
}

func TestANameThatSomeAnswersUseIsKept(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		b.callsByTwoNames(getRoute)
		for i := range 64 {
			b.pass(2 * sec)
			b.ask(getRoute).done(calls(getRoute, []string{"x", "y"}[i/20%2], 4, 3, 2*sec)...)
		}
		b.pass(2 * sec)
		b.wantBothNames("1")
	})
}

func TestNamesOfWhichAnswersTellDifferentWindowsAreOfTwoCounters(t *testing.T) {
	for name, told := range map[string]struct {
		limit int
		after time.Duration
	}{
		"limits": {5, 2 * sec},
		"ends":   {4, sec},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, nil, func(b *bubble) {
				b.callsByTwoNames(getRoute)
				b.ask(getRoute).done(calls(getRoute, "x", told.limit, 1, told.after)...)
				b.ask(getRoute).done(calls(getRoute, "y", 4, 1, 2*sec)...)
				b.pass(2 * sec)
				hold := b.ask(getRoute)
				b.wantRoom(told.limit, learned("x", "1"))
				hold.done()
				hold = b.ask(learned("get", "2")) // nor has a new channel's counter the other name
				b.wantRoom(told.limit, learned("x", "2"))
				hold.done()
			})
		})
	}
}

func TestTheOwnersThatAreOneHaveBothNames(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		b.callsByTwoNames(of("old", getRoute))
		b.join("old", "owner")
		b.wantBothNames("2")
	})
}

func TestAThirdNameIsNotToldWhatTheOthersAre(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		z := learned("z", "1")
		b.callsByTwoNames(getRoute)
		b.ask(getRoute).done(alias(getRoute, z))
		b.ask(getRoute).done(calls(getRoute, "y", 4, 0, 2*sec)...)
		b.wantRoom(1, z) // to see
	})
}

func TestANameOfAnotherSubjectIsNoNewChannels(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		b.ask(getRoute).done(calls(getRoute, "x", 4, 3, 2*sec)...)
		far := learned("y", "all")
		b.ask(getRoute).done(alias(getRoute, far), window(far, 4, 2, 2*sec))
		b.ask(getRoute).done(calls(getRoute, "x", 4, 1, 2*sec)...)
		hold := b.ask(learned("get", "2"))
		b.wantRoom(4, learned("y", "2"))
		hold.done()
	})
}

// TestNamesOfAWindowOfWhichNothingIsToldAreKept has all requests of a window be lost.
func TestNamesOfAWindowOfWhichNothingIsToldAreKept(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		b.callsByTwoNames(getRoute)
		b.pass(2 * sec)
		for _, q := range b.askAll(4, getRoute) {
			q.granted().Lost()
		}
		q := b.ask(getRoute)
		b.pass(3 * sec)
		q.done(calls(getRoute, "x", 4, 3, 2*sec)...)
		b.pass(2 * sec)
		b.wantBothNames("1")
	})
}

// TestAnAnswerThatIsLateDoesNotPartTwoNames has an answer of the window before come after one of the next.
func TestAnAnswerThatIsLateDoesNotPartTwoNames(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		b.callsByTwoNames(getRoute)
		late := b.ask(getRoute)
		b.pass(2 * sec)
		b.ask(getRoute).done(calls(getRoute, "x", 4, 3, 2*sec)...)
		late.done(calls(getRoute, "y", 4, 1, ms)...)
		b.pass(2 * sec)
		b.wantBothNames("1")
	})
}
