package bucket_test

import (
	"context"
	"fmt"
	"io"
	"math"
	"runtime"
	"runtime/debug"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/underlimit/underlimit/bucket"
)

// many is how many wait in the benchmarks of stalls.
const many = 100_000

// A stall is something that concerns very many. prepare makes them and returns what happens to them, and how many wait in
// the end.
type stall struct {
	name    string
	prepare func(b *testing.B, r *bucket.Registry) (happen func(), waiting int)
	opts    *bucket.Options
	byHand  bool // all of it is done in parts that can be done one by one
}

// registry returns one for what happens.
func (s *stall) registry() *bucket.Registry {
	if s.opts != nil {
		return bucket.NewRegistry(s.opts)
	}
	return bucket.NewRegistry(&bucket.Options{MaxQueue: 2 * many})
}

// longestPart does all that is to be done while nothing else happens, and returns how long the longest part of it took.
func (s *stall) longestPart(b *testing.B) (longest time.Duration) {
	r := s.registry()
	happen, _ := s.prepare(b, r)
	runtime.GC()
	r.ByHand()
	for more, do := true, happen; more; do = func() { more = r.WakeSome() } {
		start := time.Now()
		do()
		longest = max(longest, time.Since(start))
	}
	return longest
}

// BenchmarkStalls has something happen that concerns very many, while somebody uses another bucket, of another provider,
// again and again. max-ns is the longest that a single Acquire with its Done took meanwhile. Of several times it is the
// least, as whatever else the machine does lengthens it, too: on one that is busy it is some milliseconds with nothing to
// do. part-ns is the longest for which the registry held its lock, with nobody to wait for it. ns/op is the time until all
// is over.
//
// Most of those who wait are no goroutines, so that starting and waking 100,000 of them delays nobody.
func BenchmarkStalls(b *testing.B) {
	for _, s := range stalls {
		b.Run(s.name, func(b *testing.B) {
			defer debug.SetGCPercent(debug.SetGCPercent(-1))
			least, part := time.Duration(math.MaxInt64), time.Duration(math.MaxInt64)
			for b.Loop() {
				b.StopTimer()
				r := s.registry()
				happen, waiting := s.prepare(b, r)
				runtime.GC()
				stop := bystander(r)
				b.StartTimer()
				happen()
				for range time.Tick(100 * time.Microsecond) {
					if n, busy := r.Waiting("api"); n <= waiting && !busy {
						break
					}
				}
				b.StopTimer()
				least = min(least, stop())
				if s.byHand {
					part = min(part, s.longestPart(b))
				}
				b.StartTimer()
			}
			b.ReportMetric(float64(least), "max-ns")
			if s.byHand {
				b.ReportMetric(float64(part), "part-ns")
			}
		})
	}
}

// bystander uses a bucket until it is stopped, and then tells the longest time that a request took.
func bystander(r *bucket.Registry) (stop func() time.Duration) {
	began, over, told := make(chan bool), make(chan bool), make(chan time.Duration)
	d := bucket.Draw{Key: bucket.Key{Provider: "other", Limit: "l"}, Policy: noPolicy}
	go func() {
		var longest time.Duration
		for n := 0; ; n++ {
			start := time.Now()
			lease, err := r.Acquire(context.Background(), d)
			if err != nil {
				panic(err)
			}
			lease.Done(time.Now())
			if n > 100 {
				longest = max(longest, time.Since(start))
			}
			if n == 1000 {
				close(began)
			}
			select {
			case <-over:
				told <- longest
				return
			default:
			}
		}
	}()
	<-began
	return func() time.Duration { close(over); return <-told }
}

// stand has so many wait who are no goroutines.
func stand(ctx context.Context, b *testing.B, r *bucket.Registry, n int, draws ...bucket.Draw) {
	for range n {
		if !r.Stand(ctx, &bucket.Ticket{}, draws...) {
			b.Fatal("it does not wait")
		}
	}
}

func acquire(b *testing.B, r *bucket.Registry, draws ...bucket.Draw) bucket.Lease {
	lease, err := r.Acquire(b.Context(), draws...)
	if err != nil {
		b.Fatal(err)
	}
	return lease
}

// within is a context that ends after so long.
func within(b *testing.B, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(b.Context(), d)
	b.Cleanup(cancel)
	return ctx
}

// blocked has some wait in vain and others not when a block of an hour lands, in turn.
func blocked(inVain, others int) func(*testing.B, *bucket.Registry) (func(), int) {
	return func(b *testing.B, r *bucket.Registry) (func(), int) {
		d, soon, late := learned("route", "1"), within(b, time.Minute), within(b, 2*time.Hour)
		lease := acquire(b, r, d)
		for i := range max(inVain, others) {
			if i < inVain {
				stand(soon, b, r, 1, d)
			}
			if i < others {
				stand(late, b, r, 1, d)
			}
		}
		return func() { lease.Done(time.Now(), block(d, time.Hour)) }, others
	}
}

var stalls = []stall{
	{name: "nothing", prepare: func(*testing.B, *bucket.Registry) (func(), int) {
		return func() {
			for start := time.Now(); time.Since(start) < 50*ms; { // as busy as with something
			}
		}, 0
	}},
	{name: "block, too late for one", byHand: true, prepare: blocked(1, many)},
	{name: "block, too late for half", byHand: true, prepare: blocked(many/2, many/2)},
	{name: "block, too late for all", byHand: true, prepare: blocked(many, 0)},
	{name: "alias, to a counter with no room", byHand: true, prepare: func(b *testing.B, r *bucket.Registry) (func(), int) {
		d, hash := learned("route", "1"), learned("hash", "1")
		lease := acquire(b, r, d)
		stand(b.Context(), b, r, many, d)
		return func() { lease.Done(time.Now(), alias(d, hash), window(hash, 10, 0, time.Hour)) }, many
	}},
	{name: "alias, to a counter with room for all", byHand: true, prepare: func(b *testing.B, r *bucket.Registry) (func(), int) {
		d, hash := learned("route", "1"), learned("hash", "1")
		lease := acquire(b, r, d)
		stand(b.Context(), b, r, many, d)
		return func() { lease.Done(time.Now(), alias(d, hash), window(hash, 1<<20, 1<<19, time.Hour)) }, 0
	}},
	{name: "split", byHand: true, prepare: func(b *testing.B, r *bucket.Registry) (func(), int) {
		acquire(b, r, getRoute).Done(time.Now(), tells(getRoute, 9, 2, time.Hour)...)
		first, second := acquire(b, r, putRoute), acquire(b, r, getRoute)
		first.Done(time.Now(), tells(putRoute, 9, 0, time.Hour)...)
		for range many / 2 {
			stand(b.Context(), b, r, 1, getRoute)
			stand(b.Context(), b, r, 1, putRoute)
		}
		return func() { second.Done(time.Now(), tells(getRoute, 9, 0, time.Hour)...) }, many
	}},
	{name: "Unblock", byHand: true, prepare: func(b *testing.B, r *bucket.Registry) (func(), int) {
		d := open("channel", "1")
		acquire(b, r, d).Done(time.Now(), block(d, time.Hour))
		stand(b.Context(), b, r, many, d)
		return func() { r.Unblock(d.Key) }, 0
	}},
	{name: "Unblock, of goroutines", prepare: func(b *testing.B, r *bucket.Registry) (func(), int) {
		d := open("channel", "1")
		acquire(b, r, d).Done(time.Now(), block(d, time.Hour))
		wait := waitFor(b.Context(), b, r, many, d)
		return func() { r.Unblock(d.Key); wait() }, 0
	}},
	{name: "half give up", prepare: func(b *testing.B, r *bucket.Registry) (func(), int) {
		d := open("channel", "1")
		acquire(b, r, d).Done(time.Now(), block(d, time.Hour))
		ctx, cancel := context.WithCancel(b.Context())
		rest, end := context.WithCancel(b.Context())
		wait := waitFor(ctx, b, r, many/2, d)
		wait2 := waitFor(rest, b, r, many/2, d)
		b.Cleanup(func() { end(); wait2() })
		return func() { cancel(); wait() }, many / 2
	}},
	{
		name: "a thousand overflow", opts: &bucket.Options{MaxQueue: many, Overflow: bucket.RefuseLowest},
		prepare: func(b *testing.B, r *bucket.Registry) (func(), int) {
			d := open("channel", "1")
			acquire(b, r, d).Done(time.Now(), block(d, time.Hour))
			stand(b.Context(), b, r, many, d)
			return func() {
				for range 1000 {
					r.Stand(b.Context(), &bucket.Ticket{Priority: 1}, d)
				}
			}, many
		},
	},
	{name: "a thousand Explain", prepare: func(b *testing.B, r *bucket.Registry) (func(), int) {
		d := open("channel", "1")
		acquire(b, r, d).Done(time.Now(), block(d, time.Hour))
		for i := range many {
			r.Stand(b.Context(), &bucket.Ticket{Priority: i % 10}, d)
		}
		return func() {
			for range 1000 {
				r.Explain(nil, d)
			}
		}, many
	}},
	{name: "a window opens for 10000", prepare: opens(1, 10_000)},
	{name: "10000 windows open", prepare: opens(10_000, 1)},
	{name: "100000 windows open", prepare: opens(100_000, 1)},
	{name: "a window opens for 10000, of goroutines", prepare: func(b *testing.B, r *bucket.Registry) (func(), int) {
		d := open("channel", "1")
		acquire(b, r, d).Done(time.Now(), block(d, time.Hour), window(d, 10_001, 10_000, time.Hour))
		ctx, cancel := context.WithCancel(b.Context())
		wait := waitFor(ctx, b, r, many, d)
		b.Cleanup(func() { cancel(); wait() })
		return func() { r.Unblock(d.Key) }, many - 10_000
	}},
	{name: "a limit of 100000 buckets changes", byHand: true, prepare: func(b *testing.B, r *bucket.Registry) (func(), int) {
		changing := open("channel", "")
		acquire(b, r, changing).Done(time.Now(), window(changing, 10, 9, time.Hour))
		lease := acquire(b, r, changing)
		for i := range many {
			d := open("channel", strconv.Itoa(i))
			acquire(b, r, d).Done(time.Now(), window(d, 10, 0, time.Hour))
			stand(b.Context(), b, r, 1, d)
		}
		return func() { lease.Done(time.Now(), window(changing, 11, 9, time.Hour)) }, many
	}},
	{name: "a hidden limit of 100000 buckets shows", byHand: true, prepare: func(b *testing.B, r *bucket.Registry) (func(), int) {
		hidden := &bucket.Policy{Hidden: true, Concurrent: 1}
		first := bucket.Draw{Key: key("channel", ""), Policy: hidden}
		acquire(b, r, first).Done(time.Now())
		lease := acquire(b, r, first)
		for i := range many {
			d := bucket.Draw{Key: key("channel", strconv.Itoa(i)), Policy: hidden}
			acquire(b, r, d)
			stand(b.Context(), b, r, 1, d)
		}
		refusal := block(first, time.Hour)
		refusal.Hidden = true
		return func() { lease.Done(time.Now(), refusal) }, many
	}},
	{name: "Save, of a million", prepare: million(func(r *bucket.Registry) { _ = r.Save(io.Discard) })},
	{name: "Stats, of a million", prepare: million(func(r *bucket.Registry) { r.Stats() })},
	{name: "Buckets, of a million", prepare: million(func(r *bucket.Registry) {
		for range r.Buckets() {
		}
	})},
	{name: "SameOwner of 100000 buckets", prepare: func(b *testing.B, r *bucket.Registry) (func(), int) {
		for i := range many {
			d := of("twin", open("channel", strconv.Itoa(i)))
			acquire(b, r, d).Done(time.Now(), window(d, 10, 9, time.Hour))
		}
		lease := acquire(b, r, open("join", ""))
		return func() { lease.Done(time.Now(), same("twin", "owner")) }, 0
	}},
	{name: "SameOwner of a bucket", byHand: true, prepare: func(b *testing.B, r *bucket.Registry) (func(), int) {
		d := of("twin", learned("channel", "1"))
		acquire(b, r, d).Done(time.Now(), window(d, 10, 0, time.Hour))
		stand(b.Context(), b, r, many, d)
		lease := acquire(b, r, open("join", ""))
		return func() { lease.Done(time.Now(), same("twin", "owner")) }, many
	}},
}

// waitFor has so many goroutines wait, and returns what waits for them to end.
func waitFor(ctx context.Context, b *testing.B, r *bucket.Registry, n int, d bucket.Draw) (ended func()) {
	var running sync.WaitGroup
	before, _ := r.Waiting("api")
	for range n {
		running.Go(func() {
			if lease, err := r.Acquire(ctx, d); err == nil {
				lease.Lost()
			}
		})
	}
	for waiting := 0; waiting < before+n; waiting, _ = r.Waiting("api") {
		runtime.Gosched()
	}
	return running.Wait
}

// opens has many wait for some windows that all open at one moment, each with so much room.
func opens(windows, room int) func(*testing.B, *bucket.Registry) (func(), int) {
	return func(b *testing.B, r *bucket.Registry) (func(), int) {
		const after = 3 * sec
		begin := time.Now()
		for i := range windows {
			d := open("channel", fmt.Sprint(i))
			acquire(b, r, d).Done(time.Now(), block(d, after-time.Since(begin)), window(d, room+1, room, time.Hour))
			stand(b.Context(), b, r, many/windows, d)
		}
		return func() {}, many - windows*room
	}
}

// million has a million buckets.
func million(do func(*bucket.Registry)) func(*testing.B, *bucket.Registry) (func(), int) {
	return func(b *testing.B, r *bucket.Registry) (func(), int) {
		for i := range 1_000_000 {
			d := open("channel", strconv.Itoa(i))
			acquire(b, r, d).Done(time.Now(), window(d, 10, 9, time.Hour))
		}
		return func() { do(r) }, 0
	}
}

// BenchmarkWakeMany has 10,000 of those who wait for one bucket go at once. ns/waiter is to depend little on how many wait.
func BenchmarkWakeMany(b *testing.B) {
	const room = 10_000
	for _, waiting := range []int{room, 10 * room, 100 * room} {
		b.Run(fmt.Sprint(waiting), func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				r, d := bucket.NewRegistry(&bucket.Options{MaxQueue: waiting}), open("channel", "1")
				acquire(b, r, d).Done(time.Now(), block(d, time.Hour), window(d, room+1, room, time.Hour))
				stand(b.Context(), b, r, waiting, d)
				runtime.GC()
				b.StartTimer()
				r.Unblock(d.Key)
				for busy := true; busy; {
					runtime.Gosched()
					_, busy = r.Waiting("api")
				}
			}
			b.ReportMetric(float64(b.Elapsed())/float64(b.N)/room, "ns/waiter")
		})
	}
}
