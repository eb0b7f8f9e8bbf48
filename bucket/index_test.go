package bucket_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/underlimit/underlimit/bucket"
)

func TestABucketForgottenWhileItsRequestComesIsMadeAnew(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := learned("old", "")
		d.Key.Subject = "one"
		b.ask(d).done()
		acquire := b.Sought(d)
		b.pass(11 * time.Minute)
		b.fresh("new", 1) // forgets the old one
		if got := b.buckets(); got != 1 {
			b.Fatalf("there are %d buckets, want the new one alone", got)
		}
		lease, err := acquire(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		b.check()
		if got := b.buckets(); got != 2 {
			b.Errorf("there are %d buckets, want the one that was forgotten as well", got)
		}
		second := b.ask(d)
		second.wantWaiting() // for what the answer to the first one tells
		lease.Done(time.Now())
		synctest.Wait()
		second.done()
	})
}

func TestABucketMergedWhileItsRequestComesCountsWhereItWasMerged(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		old, other := open("old", "one"), open("other", "one")
		other.Policy = &bucket.Policy{Concurrent: 1}
		b.ask(old).done()
		acquire := b.Sought(old)
		b.ask(other).done(bucket.SameBucket{Key: old.Key, As: other.Key})
		lease, err := acquire(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		second := b.ask(other)
		second.wantWaiting()
		lease.Done(time.Now())
		synctest.Wait()
		second.done()
	})
}

func TestKeysOfOneHashHaveBucketsOfTheirOwn(t *testing.T) {
	keys := []bucket.Key{key("a", "one"), key("a", "two"), key("b", "one")}
	for gone := range keys {
		x := bucket.NewIndex()
		for _, k := range keys {
			x.Add(k, 42)
		}
		for _, k := range keys {
			if got, ok := x.Find(k, 42); !ok || got != k {
				t.Errorf("%v is found as %v, %v", k, got, ok)
			}
		}
		x.Remove(keys[gone], 42)
		for i, k := range keys {
			if got, ok := x.Find(k, 42); ok != (i != gone) || ok && got != k {
				t.Errorf("without %v, %v is found as %v, %v", keys[gone], k, got, ok)
			}
		}
		if want := len(keys) - 1; x.Len() != want {
			t.Errorf("%d are indexed, want %d", x.Len(), want)
		}
	}
}
