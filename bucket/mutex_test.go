package bucket_test

import (
	"runtime"
	"sync"
	"testing"

	"github.com/underlimit/underlimit/bucket"
)

// TestOneAtATimeHoldsAMutex has some hold it for long, so that the others give up trying and stand in its queue.
func TestOneAtATimeHoldsAMutex(t *testing.T) {
	const goroutines, times = 16, 200
	var mu bucket.Mutex
	var all sync.WaitGroup
	holding, n := 0, 0
	for i := range goroutines {
		all.Go(func() {
			for range times {
				mu.Lock()
				if holding++; holding != 1 {
					t.Errorf("%d hold it", holding)
				}
				for range i * 10 {
					runtime.Gosched()
				}
				n++
				holding--
				mu.Unlock()
			}
		})
	}
	all.Wait()
	if n != goroutines*times {
		t.Errorf("it was held %d times, want %d", n, goroutines*times)
	}
}
