package bucket_test

import (
	"testing"
	"time"

	"github.com/underlimit/underlimit/bucket"
)

// noon is what the server's clock shows when ours is at 0, save for the skew.
var noon = time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC)

// serverClock has times on our clock as durations since some start.
type serverClock struct{ bucket.ServerClock }

var start = time.Now()

func (c *serverClock) Observe(date time.Time, sent, received time.Duration) {
	c.ServerClock.Observe(date, start.Add(sent), start.Add(received))
}

func (c *serverClock) Local(t time.Time) (lo, hi time.Duration) {
	l, h, _ := c.ServerClock.Local(t)
	return l.Sub(start), h.Sub(start)
}

// date is the server's Date header at a moment of ours.
func date(skew, at time.Duration) time.Time { return noon.Add(skew + at).Truncate(time.Second) }

func TestTheServersClockIsNarrowedByEachAnswer(t *testing.T) {
	for _, skew := range []time.Duration{0, 90 * sec, -90 * sec, 400 * ms} {
		t.Run(skew.String(), func(t *testing.T) {
			var c serverClock
			var widths []time.Duration
			truth := 0 * sec // the moment of ours that we ask for, which was before
			for _, at := range []time.Duration{1*sec + 50*ms, 1*sec + 550*ms, 2*sec + 950*ms} {
				c.Observe(date(skew, at), at-20*ms, at+30*ms)
				lo, hi := c.Local(noon.Add(skew + truth))
				if truth < lo || truth > hi {
					t.Fatalf("at %v: the moment is in [%v, %v], want %v inside", at, lo, hi, truth)
				}
				widths = append(widths, hi-lo)
			}
			if widths[0] != 1*sec+50*ms {
				t.Errorf("one answer leaves %v open, want a second and the round trip", widths[0])
			}
			if widths[2] >= widths[1] || widths[1] >= widths[0] {
				t.Errorf("answers narrow it to %v, want ever less", widths)
			}
		})
	}
}

func TestWhatIsKnownOfTheServersClockWidensWithAge(t *testing.T) {
	var c serverClock
	c.Observe(date(0, 1*sec), 1*sec, 1*sec)
	c.Observe(date(0, 2*sec-100*ms), 2*sec-100*ms, 2*sec-100*ms)
	lo, hi := c.Local(noon) // which was before
	if got, want := hi-lo, 100*ms+2*180*time.Microsecond; got > want {
		t.Fatalf("two answers leave %v open, want at most %v", got, want)
	}
	at := 2*sec - 100*ms + 1000*sec
	c.Observe(date(0, at+500*ms), at, at+sec) // says nothing that was not known
	lo2, hi2 := c.Local(noon)
	if got, want := hi2-lo2, hi-lo+2*200*ms+2*200*time.Microsecond; got != want {
		t.Errorf("1001 s later %v is open, want %v: 200 millionths of it on each side", got, want)
	}
}

func TestWhatTheServersClockWillShowIsLessCertainTheLaterItIs(t *testing.T) {
	var c serverClock
	c.Observe(date(0, 1*sec), 1*sec, 1*sec) // it shows between 1 s and 2 s
	lo, hi := c.Local(noon.Add(101 * sec))
	if lo != 100*sec-99*200*time.Microsecond || hi != 101*sec+100*200*time.Microsecond {
		t.Errorf("it will show 101 s in [%v, %v], want 200 millionths of the time until then on each side", lo, hi)
	}
}

func TestAnAnswerThatContradictsTheServersClockBeginsItAnew(t *testing.T) {
	var c serverClock
	c.Observe(date(0, 1*sec), 1*sec, 1*sec)
	c.Observe(date(-60*sec, 2*sec), 2*sec, 2*sec) // somebody set it back by a minute
	lo, hi := c.Local(noon.Add(-60 * sec))
	if lo != -sec || hi != 0 {
		t.Errorf("the moment is in [%v, %v], want [-1s, 0s]", lo, hi)
	}
}

func TestAServerClockThatHeardNothingKnowsNothing(t *testing.T) {
	var c bucket.ServerClock
	lo, hi, ok := c.Local(noon)
	if ok || !lo.IsZero() || !hi.IsZero() {
		t.Errorf("the zero clock tells [%v, %v], %v", lo, hi, ok)
	}
	c.Observe(noon, start, start)
	lo, hi, ok = c.Local(noon)
	if !ok || lo.Sub(start) != -sec || hi.Sub(start) != 0 {
		t.Errorf("after an answer it tells [%v, %v], %v, want [-1s, 0s]", lo.Sub(start), hi.Sub(start), ok)
	}
}

func TestAServerClockMayBeOfAnyYear(t *testing.T) {
	for _, year := range []int{1970, 1999, 2200} {
		var c serverClock
		at := time.Date(year, time.June, 1, 0, 0, 0, 0, time.UTC)
		c.Observe(at, 5*sec, 6*sec)
		if lo, hi := c.Local(at.Add(-time.Hour)); lo != 4*sec-time.Hour || hi != 6*sec-time.Hour {
			t.Errorf("%d: an hour before was in [%v, %v], want [-59m56s, -59m54s]", year, lo, hi)
		}
	}
}

func TestAnAnswerOutOfOrderMakesNothingMoreOrLessCertain(t *testing.T) {
	var c serverClock
	c.Observe(date(0, 100*sec), 100*sec, 100*sec)
	lo, hi := c.Local(noon)
	c.Observe(date(0, 90*sec), 90*sec, 99*sec) // it was told of the other before
	if l, h := c.Local(noon); l != lo || h != hi {
		t.Errorf("[%v, %v] became [%v, %v], though it says nothing that was not known", lo, hi, l, h)
	}
}

func TestAClockShowsTheYearsFrom1970To2200(t *testing.T) {
	for at, want := range map[time.Time]bool{
		{}:                       false,
		time.Unix(-1, 0):         false,
		time.Unix(0, 0):          true,
		time.Unix(1<<62, 0):      false,
		time.Unix(-(1 << 62), 0): false,
		time.Date(2201, time.January, 1, 0, 0, 0, -1, time.UTC): true,
		time.Date(2201, time.January, 1, 0, 0, 0, 0, time.UTC):  false,
	} {
		if got := bucket.Credible(at); got != want {
			t.Errorf("of %v it is %t, want %t", at, got, want)
		}
	}
}
