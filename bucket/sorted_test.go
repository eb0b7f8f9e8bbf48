package bucket_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/underlimit/underlimit/bucket"
)

func TestSortedInstantsAreWhatASortedSliceWouldHold(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		var q bucket.Sorted
		var want []int
		for range 300 {
			// Mostly they come late and go early; but any may come or go at any time.
			switch at, n := rnd.IntN(40), 1+rnd.IntN(4); rnd.IntN(6) {
			case 0, 1:
				at += 40
				fallthrough
			case 2:
				q.Insert(at, n)
				for range n {
					i, _ := slices.BinarySearch(want, at)
					want = slices.Insert(want, i, at)
				}
			case 3:
				gone := 0
				want = slices.DeleteFunc(want, func(have int) bool {
					if have != at || gone == n {
						return false
					}
					gone++
					return true
				})
				if got := q.Remove(at, n); got != gone {
					t.Fatalf("%d of %d were removed %d times, want %d", at, n, got, gone)
				}
			default:
				if len(want) > 0 {
					q.Pop()
					want = want[1:]
				}
			}
			if got := q.Left(); !slices.Equal(got, want) {
				t.Fatalf("got %v, want %v", got, want)
			}
		}
	}
}

// A quota that is used for days takes no memory for each request.
func TestSortedInstantsThatGetNoMoreTakeNoNewMemory(t *testing.T) {
	var q bucket.Sorted
	at := 0
	next := func() {
		at++
		q.Insert(at, 1)
		if at > 50 {
			q.Pop()
		}
	}
	for range 1000 {
		next()
	}
	if n := testing.AllocsPerRun(1000, next); n != 0 {
		t.Errorf("one more takes memory %v times", n)
	}
	if n := q.Room(); n > 200 {
		t.Errorf("50 of them have room for %d", n)
	}
}
