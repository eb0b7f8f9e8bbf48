package bucket_test

import (
	"sync"
	"testing"
	"time"

	"github.com/underlimit/underlimit/bucket"
)

// A window that ends at the earliest as the answer comes, as far as one is told, is not over because of that for those
// who wait.
func TestWindowsThatAreToldInWholeSecondsAreNotUsedTwice(t *testing.T) {
	for _, length := range []time.Duration{333 * ms, sec} {
		inBubble(t, nil, func(b *bubble) {
			c, d := &fixed{limit: 5, length: length}, learned("a", "1")
			var mu sync.Mutex
			refused := 0
			var wg sync.WaitGroup
			for range 60 {
				wg.Go(func() {
					lease, err := b.AcquireTicket(b.Context(), new(bucket.Ticket), d)
					if err != nil {
						return
					}
					time.Sleep(40 * ms)
					mu.Lock()
					remaining, _, ok := c.take(1)
					if !ok {
						refused++
					}
					mu.Unlock()
					time.Sleep(60 * ms)
					w := window(d, 5, remaining, sec)
					w.Precision = sec
					lease.Done(time.Now(), w)
				})
				b.pass(0)
			}
			wg.Wait()
			if refused != 0 || b.now() > 12*(sec+100*ms)+100*ms {
				b.Errorf("windows of %v: %d refused in %v", length, refused, b.now())
			}
		})
	}
}
