package bucket_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/underlimit/underlimit/bucket"
)

// TestATicketIsItsOwnersOnceAcquireHasReturned is for the race detector.
func TestATicketIsItsOwnersOnceAcquireHasReturned(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := learned("one", "")
		first := b.ask(d)
		ctx, cancel := context.WithTimeout(b.Context(), time.Minute)
		defer cancel()
		for range 20 {
			go func() {
				var ticket bucket.Ticket
				lease, err := b.AcquireTicket(ctx, &ticket, d)
				if err == nil {
					lease.Done(time.Now())
				}
				ticket = bucket.Ticket{}
			}()
		}
		synctest.Wait()
		first.done(window(d, 10, 4, sec), block(d, time.Hour)) // all fail
		synctest.Wait()
		b.check()
		if got := b.stats().Waiting; got != 0 {
			b.Errorf("%d wait, want none", got)
		}
	})
}
