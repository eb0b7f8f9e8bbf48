package bucket_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/underlimit/underlimit/bucket"
)

func TestAHeapGivesBackInOrderWhateverChanges(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 6))
	for range 300 {
		var h bucket.Heap
		var values []int // what it holds, sorted
		take := func(v int) {
			i, _ := slices.BinarySearch(values, v)
			values = slices.Delete(values, i, i+1)
		}
		put := func(v int) {
			i, _ := slices.BinarySearch(values, v)
			values = slices.Insert(values, i, v)
		}
		for range rnd.IntN(200) {
			at := 0
			if n := len(values); n > 0 {
				at = rnd.IntN(n)
			}
			switch op := rnd.IntN(5); {
			case op < 3 || len(values) == 0:
				v := rnd.IntN(50) // some are equal
				h.Push(&bucket.Item{Value: v})
				put(v)
			case op == 3:
				i := h.Remove(at)
				if take(i.Value); i.Place != -1 {
					t.Fatalf("one that was taken out is told to be at %d", i.Place)
				}
			default:
				i := h.Items()[at]
				take(i.Value)
				i.Value = rnd.IntN(50)
				put(i.Value)
				h.Fix(at)
			}
			for at, i := range h.Items() {
				if i.Place != at {
					t.Fatalf("item %d is told to be at %d", at, i.Place)
				}
			}
			v, most := rnd.IntN(52), rnd.IntN(40)
			want, _ := slices.BinarySearch(values, v)
			if got := h.Ahead(v, 1000); got != want {
				t.Fatalf("%d are ahead of %d, want %d of %v", got, v, want, values)
			}
			if got := h.Ahead(v, most); got != min(want, most) {
				t.Fatalf("counting no more than %d, %d are ahead of %d, want %d", most, got, v, min(want, most))
			}
		}
		var got []int
		for len(h.Items()) > 0 {
			got = append(got, h.Remove(0).Value)
		}
		if !slices.Equal(got, values) {
			t.Fatalf("it gives back %v, want %v", got, values)
		}
	}
}
