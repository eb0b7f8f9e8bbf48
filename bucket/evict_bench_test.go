package bucket_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/underlimit/underlimit/bucket"
)

// BenchmarkEvictionAtTheBound acquires a new key when there is no room for one, so that another has to go: an idle one,
// or one whose window is still open. max-ns is the longest that a single Acquire took. A collection of the garbage, or
// another process, lengthens it now and then: take the median of several runs.
func BenchmarkEvictionAtTheBound(b *testing.B) {
	const bound = 1_000_000
	for _, full := range []struct {
		name string
		told time.Duration // how long the windows of those that are there last; 0: they have none
	}{{"idle", 0}, {"held", 24 * time.Hour}} {
		b.Run("full="+full.name, func(b *testing.B) {
			r := bucket.NewRegistry(&bucket.Options{MaxKeys: bound})
			made := 0
			next := func() time.Duration {
				d := open("channel", strconv.Itoa(made))
				made++
				start := time.Now()
				lease, err := r.Acquire(b.Context(), d)
				took := time.Since(start)
				if err != nil {
					b.Fatal(err)
				}
				if full.told == 0 {
					lease.Done(time.Now())
				} else { // ends are spread, so that it matters who goes
					lease.Done(time.Now(), window(d, 5, 1, full.told+time.Duration(made*7919%bound)*ms))
				}
				return took
			}
			for range bound {
				next()
			}
			heap() // collects the garbage of that
			var longest time.Duration
			b.ReportAllocs()
			for b.Loop() {
				longest = max(longest, next())
			}
			b.ReportMetric(float64(longest), "max-ns")
			if got := r.Stats().Buckets; got > bound {
				b.Errorf("there are %d buckets, want at most %d", got, bound)
			}
		})
	}
}
