package bucket_test

import (
	"testing"
	"time"

	"github.com/underlimit/underlimit/bucket"
)

// oneWay is how long requests are on their way there, and back.
const oneWay = lostTrip / 2

// arrives has all requests arrive at a server whose units come back one by one, and the others be answered than those that
// are lost by the time.
func (s *slider) arrives(b *bubble, d bucket.Draw, lost int, qs ...*request) {
	b.Helper()
	b.pass(oneWay)
	var answers []bucket.Window
	for range qs[lost:] {
		answers = append(answers, s.window(b, d))
	}
	for range lost { // they come last, so that no answer tells of them
		s.window(b, d)
	}
	b.pass(oneWay)
	for i, q := range qs[lost:] {
		q.done(answers[i])
	}
}

// undecided has it all but shown that the units of a kind come back one by one.
func (b *bubble) undecided(d bucket.Draw) {
	b.Helper()
	b.travels()
	s := &slider{limit: 3, period: sec}
	s.arrives(b, d, 0, b.askAll(1, d)...)
	s.arrives(b, d, 0, b.askAll(1, d)...)
	b.wantShape(d, bucket.Shape{Lo: sec, Hi: sec})
	b.pass(10 * sec)
}

func TestWhatWasLostBeforeAWindowWasKnownToSlideCountsOnceItIs(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := learned("a", "1")
		b.undecided(learned("a", "other"))
		s, start := &slider{limit: 3, period: sec}, b.now()
		qs := b.askAll(3, d)
		loses(qs[:1])
		s.arrives(b, d, 1, qs...)
		if got := b.Shape(d.Key); !got.Sliding {
			b.Fatalf("it is not known to slide: %+v", got)
		}
		next := b.askAll(2, d)
		b.pass(start + sec - 1 - b.now())
		wantWaiting(2, next...)
		b.pass(1)
		next[0].wantAt(start + sec)
		s.arrives(b, d, 0, next[0])
	})
}

// loseTwo has two of five units be lost of a window that ends at 5 s, of a kind of which nobody knows whether it slides.
func (b *bubble) loseTwo(d bucket.Draw) {
	b.Helper()
	b.ask(d).done(window(d, 5, 4, 5*sec))
	b.pass(sec)
	loses(b.askAll(2, d))
	b.wantRoom(2, d)
}

func TestWhatWasLostMayBeMissingWhenAWindowHasEndedThatMaySlide(t *testing.T) {
	d := learned("a", "1")
	for name, tt := range map[string]struct {
		then func(b *bubble)
		room int
	}{
		"nothing":                     {func(*bubble) {}, 3},
		"an answer tells of it":       {func(b *bubble) { b.ask(d).done(window(d, 5, 4, 5*sec)) }, 4},
		"one unit has come back":      {func(b *bubble) { b.pass(5 * sec) }, 4},
		"all have come back":          {func(b *bubble) { b.pass(10 * sec) }, 5},
		"others are found to be so":   {func(b *bubble) { b.says(bucket.SameOwner{Provider: "api", Owner: "owner", As: "x"}) }, 3},
		"it has another name":         {func(b *bubble) { b.says(bucket.SameBucket{Key: d.Key, As: key("a", "2")}) }, 3},
		"and the kind is forgotten":   {func(b *bubble) { b.pass(time.Hour) }, 5},
		"an early one has its answer": {func(b *bubble) { b.says(window(d, 5, 4, 5*sec)) }, 4},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, nil, func(b *bubble) {
				b.loseTwo(d)
				b.pass(4 * sec)
				tt.then(b)
				b.wantRoom(tt.room, d)
			})
		})
	}
}

func TestWhatWasLostIsBackOnceItIsKnownThatAWindowDoesNotSlide(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d, other := learned("a", "1"), learned("a", "2")
		b.loseTwo(d)
		b.pass(4 * sec)
		qs := b.askAll(6, d)
		wantWaiting(3, qs...)
		b.ask(other).done(window(other, 5, 4, 5*sec))
		b.ask(other).done(window(other, 5, 3, 5*sec))
		wantWaiting(3, qs...)
		b.ask(other).done(window(other, 5, 2, 5*sec))
		wantWaiting(1, qs...)
		if n := b.Losses(); n != 0 {
			b.Errorf("%d losses are remembered", n)
		}
	})
}

func TestWhatWasLostMayBeMissingFromEachOfSeveralCounters(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		b.says(alias(getRoute, theirHash), alias(putRoute, theirHash))
		b.ask(getRoute).done(tells(getRoute, 5, 4, 5*sec)...)
		b.pass(sec)
		qs := b.askAll(2, getRoute)
		put := b.ask(putRoute)
		loses(qs)
		put.done(tells(putRoute, 5, 4, 4900*ms)...)
		b.pass(4 * sec)
		b.wantRoom(3, getRoute)
	})
}

func TestABucketThatIsForgottenLeavesNoLosses(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := learned("a", "1")
		b.loseTwo(d)
		b.pass(time.Hour)
		for i := range 20 {
			b.ask(open("x", string(rune('a'+i)))).done()
		}
		if n := b.Losses(); n != 0 {
			b.Errorf("%d losses are remembered", n)
		}
	})
}

func TestWhatWasLostMayBeMissingFromACounterThatIsNamedSince(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		route, hash := learned("get", "1"), learned("hash", "1")
		b.ask(route).done(window(route, 5, 4, 5*sec))
		first := b.ask(route)
		b.pass(sec)
		loses(b.askAll(2, route))
		first.done(alias(route, hash), window(hash, 5, 3, 4*sec)) // which went before those that were lost
		b.pass(4 * sec)
		b.wantRoom(3, route)
	})
}

func TestWhatWasLostHoldsNobodyBackWhereNobodyKnowsHowMuchAWindowHolds(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := learned("a", "1")
		twin := of("twin", d)
		b.ask(d).done(window(d, 0, 3, 10*sec))
		b.ask(twin).done(window(twin, 5, 4, 5*sec))
		loses(b.askAll(2, twin))
		b.join("twin", "owner")
		b.wantRoom(2, d) // as little as either has
	})
}
