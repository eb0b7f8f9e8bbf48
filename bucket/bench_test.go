package bucket_test

import (
	"context"
	"fmt"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/time/rate"

	"github.com/underlimit/underlimit/bucket"
)

// plenty is a policy that holds nobody back.
var plenty = &bucket.Policy{Every: time.Nanosecond, Burst: 1 << 30}

// BenchmarkUncontended takes and settles two draws, a policy's and a learned one, in a registry of a thousand buckets.
// A bare limiter stands beside it for scale.
func BenchmarkUncontended(b *testing.B) {
	b.Run("two draws", func(b *testing.B) {
		r, ctx := bucket.NewRegistry(nil), context.Background()
		draws := make([][]bucket.Draw, 1000)
		for i := range draws {
			d := learned("channel", strconv.Itoa(i))
			draws[i] = []bucket.Draw{{Key: key("global", ""), Policy: plenty}, d}
			lease, err := r.Acquire(ctx, draws[i]...)
			if err != nil {
				b.Fatal(err)
			}
			lease.Done(time.Now(), window(d, 1<<20, 1<<20, time.Hour))
		}
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			lease, err := r.Acquire(ctx, draws[i%len(draws)]...)
			if err != nil {
				b.Fatal(err)
			}
			lease.Done(time.Now())
		}
	})
	b.Run("rate.Limiter.Allow", func(b *testing.B) {
		l := rate.NewLimiter(rate.Every(plenty.Every), plenty.Burst)
		b.ReportAllocs()
		for b.Loop() {
			l.Allow()
		}
	})
}

func BenchmarkUncontendedParallel(b *testing.B) {
	r, ctx := bucket.NewRegistry(nil), context.Background()
	d := bucket.Draw{Key: key("global", ""), Policy: plenty}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			lease, err := r.Acquire(ctx, d)
			if err != nil {
				b.Error(err)
				return
			}
			lease.Done(time.Now())
		}
	})
}

// BenchmarkWakeOne has one of many who wait go, and another come in its place: the cost of a wake-up is to depend
// little on how many wait.
//
// The goroutines are there before: to start one for each request would measure how the runtime makes and grows stacks
// beside 100,000 others. The one that goes has waited the longest, so that hardly anything of it is in a cache any
// more; what that alone costs is told by goroutines that wait in a channel for a channel of their own.
func BenchmarkWakeOne(b *testing.B) {
	for _, waiting := range []int{10, 1000, 100_000} {
		b.Run(fmt.Sprint(waiting), func(b *testing.B) { wakeOne(b, waiting) })
	}
	for _, waiting := range []int{10, 1000, 100_000} {
		b.Run(fmt.Sprint("goroutines alone/", waiting), func(b *testing.B) { wakeOneAlone(b, waiting) })
	}
}

func wakeOne(b *testing.B, waiting int) {
	r := bucket.NewRegistry(&bucket.Options{MaxQueue: 1 << 30})
	d := open("one", "")
	// A window with a single place, whose end is far away: that place goes from one lease to the next.
	first, err := r.Acquire(context.Background(), d)
	if err != nil {
		b.Fatal(err)
	}
	first.Done(time.Now(), window(d, 1<<20, 1, time.Hour))
	granted := make(chan bucket.Lease)
	var over atomic.Bool
	var running sync.WaitGroup
	for range waiting + 1 {
		running.Go(func() {
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			for !over.Load() {
				lease, err := r.Acquire(ctx, d)
				if err != nil {
					b.Error(err)
				}
				granted <- lease
			}
		})
	}
	lease := <-granted
	for r.Stats().Providers["api"].Waiting < waiting {
		runtime.Gosched()
	}
	b.ReportAllocs()
	for b.Loop() {
		lease.Cancel()
		lease = <-granted
	}
	b.StopTimer()
	over.Store(true)
	go func() {
		running.Wait()
		close(granted)
	}()
	for lease.Cancel(); ; lease.Cancel() {
		var more bool
		if lease, more = <-granted; !more {
			return
		}
	}
}

func wakeOneAlone(b *testing.B, waiting int) {
	line, granted := make(chan chan struct{}, waiting+1), make(chan struct{})
	var over atomic.Bool
	var running sync.WaitGroup
	for range waiting + 1 {
		running.Go(func() {
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			ready := make(chan struct{}, 1)
			for !over.Load() {
				line <- ready
				select {
				case <-ready:
				case <-ctx.Done():
				}
				granted <- struct{}{}
			}
		})
	}
	for len(line) <= waiting {
		runtime.Gosched()
	}
	for b.Loop() {
		(<-line) <- struct{}{}
		<-granted
	}
	b.StopTimer()
	over.Store(true)
	go func() {
		running.Wait()
		close(line)
	}()
	for ready := range line {
		ready <- struct{}{}
		<-granted
	}
}

// BenchmarkIdleBuckets makes a million buckets and reports how much memory each of them takes, its key included.
func BenchmarkIdleBuckets(b *testing.B) {
	const buckets = 1_000_000
	for b.Loop() {
		before := heap()
		r, ctx := bucket.NewRegistry(&bucket.Options{MaxKeys: 2 * buckets}), context.Background()
		for i := range buckets {
			lease, err := r.Acquire(ctx, open("channel", strconv.Itoa(i)))
			if err != nil {
				b.Fatal(err)
			}
			lease.Done(time.Now())
		}
		b.ReportMetric(float64(heap()-before)/buckets, "B/bucket")
		runtime.KeepAlive(r)
	}
}

// heap is how many bytes are in use.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// BenchmarkLearning takes two draws and learns from the answer, as of a Discord route: which counter it names, and how
// much of its window is left.
func BenchmarkLearning(b *testing.B) {
	r, ctx := bucket.NewRegistry(nil), context.Background()
	global := bucket.Draw{Key: key("global", ""), Policy: plenty}
	draws, updates := make([][]bucket.Draw, 1000), make([][]bucket.Update, 1000)
	for i := range draws {
		route, hash := learned("route", strconv.Itoa(i)), learned("hash", strconv.Itoa(i))
		draws[i] = []bucket.Draw{route, global}
		updates[i] = []bucket.Update{alias(route, hash), window(hash, 1<<20, 1<<19, time.Hour)}
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		lease, err := r.Acquire(ctx, draws[i%len(draws)]...)
		if err != nil {
			b.Fatal(err)
		}
		lease.Done(time.Now(), updates[i%len(draws)]...)
	}
}
