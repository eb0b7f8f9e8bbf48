package bucket_test

import (
	"testing"
	"time"

	"github.com/underlimit/underlimit/bucket"
)

const (
	ms  = time.Millisecond
	sec = time.Second
)

// A ledger is what happens to one counter, line by line, and how much room there is after each.
type entry struct {
	at   time.Duration
	do   func(c *bucket.Counter) bucket.Corrections
	room int
}

func grant(n int) func(*bucket.Counter) bucket.Corrections {
	return func(c *bucket.Counter) bucket.Corrections { c.Grant(n); return bucket.Corrections{} }
}

func look(*bucket.Counter) bucket.Corrections { return bucket.Corrections{} }

func unanswered(c *bucket.Counter) bucket.Corrections { c.Untold(false); return bucket.Corrections{} }

// told is an answer to a request sent at sent: so many of limit are left, and the window ends at end.
func told(limit, remaining int, sent, end time.Duration) func(*bucket.Counter) bucket.Corrections {
	return toldBetween(limit, remaining, sent, end, end)
}

func toldBetween(limit, remaining int, sent, lo, hi time.Duration) func(*bucket.Counter) bucket.Corrections {
	return func(c *bucket.Counter) bucket.Corrections {
		return c.Told(bucket.Reading{Lo: lo, Hi: hi, Limit: limit, Remaining: remaining, Sent: sent})
	}
}

func TestWindowLedgers(t *testing.T) {
	var nothing bucket.Corrections
	for _, tt := range []struct {
		name   string
		ledger []entry
		want   bucket.Corrections
	}{
		{"what is in flight counts", []entry{
			{1 * sec, grant(1), 0},
			{1 * sec, told(5, 4, 1*sec, 10*sec), 4},
			{2 * sec, grant(3), 1},
			{3 * sec, told(5, 3, 2*sec, 10*sec), 1},
			{3 * sec, told(5, 2, 2*sec, 10*sec), 1},
			{3 * sec, told(5, 1, 2*sec, 10*sec), 1},
		}, nothing},
		{"answers out of order change nothing", []entry{
			{1 * sec, grant(1), 0},
			{1 * sec, told(5, 4, 1*sec, 10*sec), 4},
			{2 * sec, grant(3), 1},
			{3 * sec, told(5, 1, 2*sec, 10*sec), -1}, // two are in flight, as far as is known not counted yet
			{3 * sec, told(5, 3, 2*sec, 10*sec), 0},
			{3 * sec, told(5, 2, 2*sec, 10*sec), 1},
		}, nothing},
		{"at the end of the window all comes back", []entry{
			{1 * sec, grant(1), 0},
			{1 * sec, told(5, 0, 1*sec, 10*sec), 0},
			{10*sec - 1, look, 0},
			{10 * sec, look, 5},
		}, nothing},
		{"the window ends at the latest moment it may", []entry{
			{1 * sec, grant(1), 0},
			{1 * sec, toldBetween(5, 0, 1*sec, 9*sec, 11*sec), 0},
			{11*sec - 1, look, 0},
			{11 * sec, look, 5},
		}, nothing},
		{"what is in flight when the window ends may count in the next", []entry{
			{1 * sec, grant(1), 0},
			{1 * sec, told(5, 4, 1*sec, 10*sec), 4},
			{9 * sec, grant(2), 2},
			{10 * sec, look, 3},
			{11 * sec, told(5, 4, 9*sec, 20*sec), 3}, // the first did count in the next, and so may the second
			{11 * sec, told(5, 3, 9*sec, 20*sec), 3},
		}, nothing},
		{"what counted in the window before gives its place back", []entry{
			{1 * sec, grant(1), 0},
			{1 * sec, told(5, 4, 1*sec, 10*sec), 4},
			{9 * sec, grant(2), 2},
			{10 * sec, look, 3},
			{10 * sec, told(5, 3, 9*sec, 10*sec), 4},
			{10 * sec, told(5, 2, 9*sec, 10*sec), 5},
		}, nothing},
		{"an answer of the window before says nothing of this one", []entry{
			{1 * sec, grant(1), 0},
			{1 * sec, told(5, 4, 1*sec, 10*sec), 4},
			{9 * sec, grant(1), 3},
			{10 * sec, grant(1), 3},
			{11 * sec, told(5, 4, 10*sec, 20*sec), 3},
			{12 * sec, told(5, 0, 9*sec, 10*sec), 4},
			{19 * sec, look, 4},
		}, nothing},
		{"whatever answers say, no more than the limit goes", []entry{
			{1 * sec, grant(1), 0},
			{1 * sec, told(3, 2, 1*sec, 10*sec), 2},
			{2 * sec, grant(1), 1},
			{2 * sec, told(3, 2, 2*sec, 10*sec), 1},
			{3 * sec, grant(1), 0},
			{3 * sec, told(3, 2, 3*sec, 10*sec), 0},
			{9 * sec, grant(1), -1},
			{10 * sec, look, 2},
			{11 * sec, told(3, 3, 9*sec, 20*sec), 2}, // it may have counted in this one
		}, nothing},
		{"joined in the middle: what others took is gone until the end", []entry{
			{1 * sec, grant(1), 0},
			{1 * sec, told(10, 3, 1*sec, 10*sec), 3},
			{2 * sec, grant(1), 2},
			{2 * sec, told(10, 2, 2*sec, 10*sec), 2},
			{10 * sec, look, 10},
		}, nothing},
		{"somebody else draws, too", []entry{
			{1 * sec, grant(1), 0},
			{1 * sec, told(10, 9, 1*sec, 10*sec), 9},
			{2 * sec, grant(1), 8},
			{2 * sec, told(10, 4, 2*sec, 10*sec), 4},
			{3 * sec, grant(1), 3},
			{3 * sec, told(10, 3, 3*sec, 10*sec), 3},
		}, bucket.Corrections{Remaining: 1}},
		{"the window ends earlier than told", []entry{
			{1 * sec, grant(1), 0},
			{1 * sec, told(5, 0, 1*sec, 10*sec), 0},
			{4 * sec, grant(2), -2},
			{5 * sec, told(5, 4, 4*sec, 15*sec), 3},
			{5 * sec, told(5, 3, 4*sec, 15*sec), 3},
			{14 * sec, look, 3},
			{15 * sec, look, 5},
		}, bucket.Corrections{Reset: 1}},
		{"the limit falls", []entry{
			{1 * sec, grant(1), 0},
			{1 * sec, told(10, 9, 1*sec, 10*sec), 9},
			{2 * sec, grant(1), 8},
			{2 * sec, told(4, 2, 2*sec, 10*sec), 2},
			{10 * sec, look, 4},
		}, bucket.Corrections{Limit: 1}},
		{"the limit rises with the next window", []entry{
			{1 * sec, grant(1), 0},
			{1 * sec, told(4, 3, 1*sec, 10*sec), 3},
			{10 * sec, grant(1), 3},
			{11 * sec, told(10, 9, 10*sec, 20*sec), 9},
		}, bucket.Corrections{Limit: 1}},
		{"what was sent and never answered is spent until the window ends", []entry{
			{1 * sec, grant(1), 0},
			{1 * sec, told(5, 4, 1*sec, 10*sec), 4},
			{2 * sec, grant(2), 2},
			{3 * sec, unanswered, 2},
			{4 * sec, unanswered, 2},
			{10 * sec, look, 5},
		}, nothing},
		{"without a limit, a new window begins unknown", []entry{
			{1 * sec, grant(1), -1},
			{1 * sec, told(0, 2, 1*sec, 10*sec), 2},
			{2 * sec, grant(1), 1},
			{10 * sec, look, -1},
		}, nothing},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, got := bucket.Seeded(0), bucket.Corrections{}
			for i, e := range tt.ledger {
				c.Room(e.at)
				d := e.do(c)
				got.Remaining, got.Limit, got.Reset = got.Remaining+d.Remaining, got.Limit+d.Limit, got.Reset+d.Reset
				if room := c.Room(e.at); room != e.room && c.Tells() {
					t.Errorf("line %d, at %v: room for %d, want %d", i, e.at, room, e.room)
				}
			}
			if got != tt.want {
				t.Errorf("corrections %+v, want %+v", got, tt.want)
			}
		})
	}
}

func TestEachAnswerNarrowsTheEndOfTheWindow(t *testing.T) {
	c := bucket.Seeded(0)
	c.Grant(3)
	for _, tt := range []struct{ lo, hi, wantLo, wantHi time.Duration }{
		{9 * sec, 12 * sec, 9 * sec, 12 * sec},
		{8 * sec, 11 * sec, 9 * sec, 11 * sec},
		{10 * sec, 14 * sec, 10 * sec, 11 * sec},
	} {
		c.Told(bucket.Reading{Lo: tt.lo, Hi: tt.hi, Limit: 5, Remaining: 2, Sent: 1 * sec})
		if lo, hi := c.Ends(); lo != tt.wantLo || hi != tt.wantHi {
			t.Fatalf("after [%v, %v] it ends in [%v, %v], want [%v, %v]", tt.lo, tt.hi, lo, hi, tt.wantLo, tt.wantHi)
		}
	}
}

// A very slow answer can tell an end so loosely that it agrees with the next window's.
func TestAnAnswerThatMayBeOfTheWindowBeforeDoesNotMoveTheEnd(t *testing.T) {
	c := bucket.Seeded(5)
	c.Grant(1)
	c.Told(bucket.Reading{Lo: 10 * sec, Hi: 10 * sec, Limit: 5, Remaining: 4, Sent: 1 * sec})
	c.Grant(1) // at 9 s
	c.Room(10 * sec)
	c.Grant(1)
	c.Told(bucket.Reading{Lo: 15 * sec, Hi: 16 * sec, Limit: 5, Remaining: 4, Sent: 10 * sec})
	c.Told(bucket.Reading{Lo: 10 * sec, Hi: 15*sec + 1, Limit: 5, Remaining: 4, Sent: 9 * sec})
	if lo, hi := c.Ends(); lo != 15*sec || hi != 16*sec {
		t.Errorf("the window ends in [%v, %v], want [15s, 16s]", lo, hi)
	}
}

func TestADoubtCountsOnlyWhereOthersUseTheWindow(t *testing.T) {
	c := bucket.Seeded(0)
	c.Grant(1)
	left := func(remaining int) {
		c.Told(bucket.Reading{Lo: 10 * sec, Hi: 10 * sec, Limit: 5, Remaining: remaining, Doubt: 1, Sent: sec})
	}
	for _, tt := range []struct{ told, room int }{
		{4, 4}, // as many as ours leave
		{4, 3}, // one more than that: our own count knows better
		{1, 0}, // less: others use it, and one of theirs or ours may not be counted yet
	} {
		left(tt.told)
		if got := c.Room(2 * sec); got != tt.room {
			t.Errorf("told %d, there is room for %d, want %d", tt.told, got, tt.room)
		}
		c.Grant(1)
	}
	c = bucket.Seeded(0)
	c.Grant(1)
	c.Told(bucket.Reading{Lo: 10 * sec, Hi: 10 * sec, Remaining: 3, Doubt: 2, Sent: sec})
	if got := c.Room(2 * sec); got != 1 {
		t.Errorf("where no limit is told, there is room for %d, want 1", got)
	}
}

func TestAnswersThatCeaseToTellFreeTheCounter(t *testing.T) {
	c := bucket.Seeded(2)
	c.Grant(2)
	c.Untold(false)
	c.Untold(false)
	if got := c.Room(sec); got != 0 || !c.Tells() {
		t.Fatalf("room for %d, want none: nothing says that the window ended", got)
	}
	c.Grant(1) // this one goes ahead to see
	c.Untold(true)
	if c.Tells() {
		t.Error("the one that went ahead was answered and told nothing, and still the counter holds others back")
	}
}

func TestAWindowThatIsToldToEndEarlierIsAnother(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := learned("limit", "1")
		b.ask(d).done(window(d, 5, 3, time.Minute))
		b.pass(sec)
		for left := 4; left >= 0; left-- { // the server has begun anew, with shorter windows
			b.ask(d).done(window(d, 5, left, 5*sec))
		}
		q := b.ask(d)
		q.wantWaiting()
		b.pass(5 * sec)
		q.wantAt(6 * sec)
	})
}

func TestAnAnswerThatWasOvertakenEndsNoWindow(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := open("limit", "1")
		qs := b.askAll(2, d)
		b.pass(sec)
		qs[1].done(window(d, 5, 0, 10*sec))
		b.pass(sec)
		qs[0].done(window(d, 5, 4, sec))
		b.ask(d).wantWaiting()
	})
}

func TestNothingIsKnownOfTheNextWindowWhereNoAnswerToldALimit(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := open("limit", "1")
		b.ask(d) // for whose answer nobody waits
		b.ask(d).done(window(d, 0, 1, 10*sec))
		qs := b.askAll(3, d)
		wantWaiting(3, qs...)
		b.pass(10 * sec)
		for _, q := range qs {
			q.wantAt(10 * sec)
		}
	})
}

// Nobody asks in between, so that it is an answer that finds the window over.
func TestTheFirstAnswerAfterAWindowsEndCountsWhereItSaysItDid(t *testing.T) {
	told := func(d bucket.Draw, left int, after time.Duration) bucket.Window {
		w := window(d, 4, left, after)
		w.Doubt = 1 // it leaves out the request it answers
		return w
	}
	inBubble(t, nil, func(b *bubble) { // in the new window
		d := open("w", "")
		b.ask(d).done(told(d, 3, 10*sec))
		b.pass(10*sec - ms)
		first, second := b.ask(d), b.ask(d)
		b.pass(50 * ms)
		first.done(told(d, 3, 9950*ms))
		second.done(told(d, 3, 9950*ms))
		wantWaiting(1, b.askAll(3, d)...)
		b.pass(10 * sec)
	})
	inBubble(t, nil, func(b *bubble) { // in the old one
		d := open("w", "")
		b.ask(d).done(told(d, 3, 10*sec))
		b.pass(10*sec - ms)
		old, first, second := b.ask(d), b.ask(d), b.ask(d)
		b.pass(50 * ms)
		old.done(told(d, 3, ms))
		first.done(told(d, 3, 9950*ms))
		second.done(told(d, 3, 9950*ms))
		wantWaiting(1, b.askAll(3, d)...)
		b.pass(10 * sec)
	})
}

// Where an answer does not tell the server's time, a reset is by our clock, and who waits for it must not arrive sooner.
func TestNobodyIsSentBeforeAnInstantByOurClock(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := open("w", "")
		for left := 5; left >= 0; left-- {
			q := b.ask(d)
			b.pass(500 * ms)
			q.done(bucket.Window{Key: d.Key, Limit: 6, Remaining: left, ResetAt: b.start.Add(10 * sec)})
		}
		q := b.ask(d)
		b.pass(20 * sec)
		q.wantAt(10 * sec)
	})
}
