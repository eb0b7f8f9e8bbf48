package bucket_test

import (
	"context"
	"fmt"
	"runtime"
	"strconv"
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
func BenchmarkWakeOne(b *testing.B) {
	for _, waiting := range []int{10, 1000, 100_000} {
		b.Run(fmt.Sprint(waiting), func(b *testing.B) {
			r := bucket.NewRegistry(&bucket.Options{MaxQueue: 1 << 30})
			ctx, cancel := context.WithCancel(context.Background())
			d := open("one", "")
			// A window with a single place, whose end is far away: that place goes from one lease to the next.
			first, err := r.Acquire(ctx, d)
			if err != nil {
				b.Fatal(err)
			}
			first.Done(time.Now(), window(d, 1<<20, 1, time.Hour))
			granted, gone := make(chan bucket.Lease), make(chan struct{})
			come := func() {
				lease, err := r.Acquire(ctx, d)
				if err != nil {
					gone <- struct{}{}
					return
				}
				granted <- lease
			}
			for range waiting + 1 {
				go come()
			}
			lease := <-granted
			for r.Stats().Providers["api"].Waiting < waiting {
				runtime.Gosched()
			}
			for b.Loop() {
				go come()
				lease.Cancel()
				lease = <-granted
			}
			b.StopTimer()
			cancel()
			for range waiting {
				<-gone
			}
		})
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
