package bucket_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/underlimit/underlimit/bucket"
)

func TestTheMoreTripsWereSeenTheSurerIsTheShortest(t *testing.T) {
	for _, tt := range []struct {
		n    int
		want time.Duration // how much below the least of 400ms, where the spread is 80ms
	}{{4, 80 * ms}, {8, 80 * ms}, {10, 64 * ms}, {16, 40 * ms}, {64, 10 * ms}, {640, 80 * ms * 8 / 384}} {
		t.Run(fmt.Sprint(tt.n), func(t *testing.T) {
			var trips bucket.Trips
			for range tt.n / 2 {
				trips.Add(480 * ms)
				trips.Add(400 * ms)
			}
			if got, want := trips.Shortest(), 400*ms-tt.want; got != want || trips.Longest() != 480*ms {
				t.Errorf("of %d: between %v and %v, want %v and 480ms", tt.n, got, trips.Longest(), want)
			}
		})
	}
}

func TestTheShortestTripIsNeverLessThanNone(t *testing.T) {
	var trips bucket.Trips
	for range 4 {
		trips.Add(10 * ms)
		trips.Add(900 * ms)
	}
	if got := trips.Shortest(); got != 0 {
		t.Errorf("at least %v, want none", got)
	}
}

func TestTripsOfTheFirstSecondOnlyShowHowQuickOneCanBe(t *testing.T) {
	var trips bucket.Trips
	for _, tt := range []struct{ granted, received, shortest, longest time.Duration }{
		{1 * sec, 3 * sec, 0, 0}, // the first answer
		{2990 * ms, 3080 * ms, 0, 0},
		{4*sec - 1, 5 * sec, 0, 0}, // sent before a second had passed since
		{4 * sec, 4100 * ms, 0, 100 * ms},
		{5 * sec, 5100 * ms, 0, 100 * ms},
		{6 * sec, 6100 * ms, 80 * ms, 100 * ms}, // 90 ms less what the others are longer
	} {
		trips.Answered(tt.granted, tt.received)
		if trips.Shortest() != tt.shortest || trips.Longest() != tt.longest {
			t.Errorf("answered at %v: between %v and %v, want %v and %v",
				tt.received, trips.Shortest(), trips.Longest(), tt.shortest, tt.longest)
		}
	}
}

func TestRequestsUnderWayTogetherAreOneExperience(t *testing.T) {
	var trips bucket.Trips
	trips.Answered(1*sec, 1100*ms)
	for i := range 3 {
		if got := trips.Shortest(); got != 0 {
			t.Fatalf("after %d times fifty at once: at least %v, want none to be sure", i, got)
		}
		at := time.Duration(3+i) * sec
		for range 50 {
			trips.Answered(at, at+100*ms)
		}
		trips.Answered(at+50*ms, at+150*ms) // sent while those were under way
	}
	if got := trips.Shortest(); got != 100*ms {
		t.Errorf("after three times: at least %v, want 100ms", got)
	}
}

func TestAQuickTripOfTheFirstSecondIsForgottenInTime(t *testing.T) {
	var trips bucket.Trips
	trips.Answered(1*sec, 1010*ms)
	for i := range 600 {
		at := time.Duration(3+i) * sec
		trips.Answered(at, at+100*ms)
		if i == 500 && trips.Shortest() > 10*ms {
			t.Errorf("after 500 slower ones: at least %v, want no more than 10ms", trips.Shortest())
		}
	}
	if got := trips.Shortest(); got != 100*ms {
		t.Errorf("after 600: at least %v, want 100ms", got)
	}
}

func TestSixteenSlowAnswersInARowAreALongerWay(t *testing.T) {
	var trips bucket.Trips
	slow := func(n int) {
		for range n {
			trips.Add(1100*ms + 1)
		}
	}
	for range 3 {
		trips.Add(100 * ms)
	}
	slow(15)
	trips.Add(1100 * ms) // not slow: no more than a second longer
	if got := trips.Longest(); got != 1100*ms {
		t.Errorf("at most %v, want 1.1s", got)
	}
	slow(15)
	if got := trips.Longest(); got != 1100*ms {
		t.Errorf("after fifteen in a row: at most %v, want 1.1s", got)
	}
	slow(1)
	if short, long := trips.Shortest(), trips.Longest(); short != 0 || long != 1100*ms+1 {
		t.Errorf("after sixteen: between %v and %v, want nothing known but that one", short, long)
	}
	slow(2)
	if short := trips.Shortest(); short != 1100*ms+1 {
		t.Errorf("after two more: at least %v, want 1.100000001s", short)
	}
}

func TestAWindowEndsEarlierForWhatIsSentByTheShortestTrip(t *testing.T) {
	c := bucket.Seeded(5)
	c.Grant(1)
	c.Told(bucket.Reading{Lo: 10 * sec, Hi: 11 * sec, Limit: 5, Remaining: 0, Sent: sec})
	for _, tt := range []struct {
		at   time.Duration
		room int
	}{{10900*ms - 1, 0}, {10900 * ms, 5}} {
		if got := c.RoomFor(tt.at, 100*ms); got != tt.room {
			t.Errorf("at %v: room for %d, want %d", tt.at, got, tt.room)
		}
	}
	c.Grant(1)
	c.Told(bucket.Reading{Lo: 21 * sec, Hi: 21 * sec, Limit: 5, Remaining: 4, Sent: 10900 * ms})
	if got := c.RoomFor(11*sec, 100*ms); got != 4 {
		t.Errorf("the window that began: room for %d, want 4", got)
	}
	c.Grant(1) // at 20.5s, and it was still of that window
	c.RoomFor(20900*ms, 100*ms)
	c.Told(bucket.Reading{Lo: 21 * sec, Hi: 21 * sec, Limit: 5, Remaining: 3, Sent: 20500 * ms})
	if got := c.RoomFor(20900*ms, 0); got != 5 {
		t.Errorf("an answer of the window before leaves room for %d, want 5", got)
	}
}

// The registry, too: nobody waits for what is over by the time that it arrives.
func TestARequestIsSentTheShortestTripBeforeTheWindowEnds(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := open("w", "")
		for range 4 { // of which the first was to make a connection
			q := b.ask(d)
			b.pass(100 * ms)
			q.done()
			b.pass(time.Second)
		}
		q := b.ask(d)
		b.pass(100 * ms)
		q.done(window(d, 5, 0, 7*sec)) // it was told between 4.4 s and 4.5 s
		waits := b.ask(d)
		if x := b.Explain(nil, d); x.Wait != 7*sec-100*ms {
			b.Errorf("it would wait %v, want 6.9s", x.Wait)
		}
		b.pass(7*sec - 100*ms - 1)
		waits.wantWaiting()
		b.pass(1)
		waits.wantAt(11400 * ms)
	})
}

func TestAnAnswerThatArrivesInTheFutureArrivesNow(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d, other := learned("limit", "1"), open("other", "1")
		b.ask(d).done(window(d, 5, 0, 12*sec))
		b.pass(2 * sec)
		for range 3 {
			b.ask(other).granted().Done(time.Now().Add(time.Hour))
		}
		q := b.ask(d)
		b.pass(10 * sec)
		q.wantAt(12 * sec) // round trips take no time
	})
}
