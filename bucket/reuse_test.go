package bucket_test

import (
	"context"
	"sync"
	"sync/atomic"
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

func TestOfTwoWhoSettleOneLeaseOnePanicsWhateverBecomesOfItsTicket(t *testing.T) {
	r := bucket.NewRegistry(nil)
	acquire := func() bucket.Lease {
		lease, err := r.Acquire(t.Context(), open("a", "1"))
		if err != nil {
			t.Error(err)
		}
		return lease
	}
	var panics atomic.Int32
	var all sync.WaitGroup
	const leases = 200
	for range leases {
		lease := acquire()
		for range 2 {
			all.Go(func() {
				defer func() {
					if recover() == "bucket: Lease settled twice" {
						panics.Add(1)
					}
				}()
				lease.DoneAt(time.Now())
				acquire().DoneAt(time.Now()) // mostly with the same ticket
			})
		}
	}
	all.Wait()
	if n := panics.Load(); n != leases {
		t.Errorf("%d panicked, want %d", n, leases)
	}
	if st := r.Stats().Providers["api"]; st.InFlight != 0 {
		t.Errorf("%d are in flight", st.InFlight)
	}
}
