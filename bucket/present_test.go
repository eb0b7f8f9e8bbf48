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
