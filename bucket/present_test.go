package bucket_test

import (
	"testing"
	"time"

	"github.com/underlimit/underlimit/bucket"
)

// Whoever has read the clock need not have it read again.
func TestThePresentMayBeGiven(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := learned("route", "1")
		b.pass(sec)
		var ticket bucket.Ticket
		lease, err := b.AcquireTicketAt(b.Context(), time.Now(), &ticket, d)
		if err != nil {
			b.Fatal(err)
		}
		b.pass(100 * ms)
		if got := lease.DoneAt(time.Now(), window(d, 5, 0, sec)); len(got) != 1 || got[0].Limit != 5 {
			b.Errorf("got %+v, want a limit of 5", got)
		}
		b.check()
		q := b.ask(d)
		b.pass(5 * sec)
		q.wantAt(2100 * ms)
		q.granted().DoneAt(time.Now())
		b.check()
		if got := b.stats().InFlight; got != 0 {
			b.Errorf("%d are in flight", got)
		}
	})
}

// A reading from before another request's does not take the clock back.
func TestAnEarlyReadingOfTheClockIsNoPast(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d, early := learned("route", "1"), time.Now()
		b.pass(sec)
		b.ask(d).done(window(d, 1, 0, sec))
		b.pass(sec)
		b.ask(d).done(window(d, 1, 0, sec))
		lease, err := b.AcquireTicketAt(b.Context(), early, new(bucket.Ticket), learned("route", "2"))
		if err != nil {
			b.Fatal(err)
		}
		lease.DoneAt(early, window(learned("route", "2"), 1, 0, sec))
		q := b.ask(learned("route", "2"))
		b.pass(5 * sec)
		q.wantAt(3 * sec)
	})
}

// What is granted as an answer makes room for it is granted now, whenever the answer came.
func TestALateWordOfAnAnswerGrantsNothingInThePast(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		one := bucket.Draw{Key: key("one", ""), Policy: &bucket.Policy{Concurrent: 1}}
		q := quota("quota", 1, 10*sec)
		first := b.ask(one)
		second := b.ask(one, q)
		b.pass(5 * sec)
		first.granted().Done(b.start)
		b.pass(0)
		second.wantAt(5 * sec)
		third := b.ask(q)
		b.pass(10*sec - 1)
		third.wantWaiting()
		b.pass(1)
		third.wantAt(15 * sec)
	})
}

func TestAnAnswerSaidToComeFromTheFutureComesNow(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := open("a", "1")
		b.travels()
		b.ask(d).granted().Done(time.Now().Add(time.Hour))
		for range 20 {
			q := b.ask(d)
			b.pass(lostTrip)
			q.granted().Done(time.Now().Add(time.Hour))
		}
		if shortest, longest := b.Way(d.Key); shortest > lostTrip || longest != lostTrip {
			b.Errorf("a round trip takes between %v and %v, want %v at most", shortest, longest, lostTrip)
		}
	})
}
