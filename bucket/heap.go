package bucket

// An item of a heap knows which of two goes first, and is told where it is.
type item[E any] interface {
	before(E) bool
	placed(at int)
}

// A heap has the first of its items in front. Four children to each keep it flat: what moves through a large one touches
// few others.
type heap[E item[E]] []E

const children = 4

func (h *heap[E]) push(e E) {
	*h = append(*h, e)
	h.up(len(*h) - 1)
}

// remove takes out the item at a place and returns it.
func (h *heap[E]) remove(at int) E {
	q := *h
	e, last := q[at], len(q)-1
	q[at] = q[last]
	var none E
	q[last] = none
	*h = q[:last]
	if at < last {
		h.fix(at)
	}
	e.placed(-1)
	return e
}

// fix puts the item at a place where it belongs, after it has changed.
func (h *heap[E]) fix(at int) {
	if !h.down(at) {
		h.up(at)
	}
}

func (h *heap[E]) up(at int) {
	q := *h
	e := q[at]
	for at > 0 {
		parent := (at - 1) / children
		if !e.before(q[parent]) {
			break
		}
		q[at] = q[parent]
		q[at].placed(at)
		at = parent
	}
	q[at] = e
	e.placed(at)
}

// down says whether the item has moved.
func (h *heap[E]) down(at int) bool {
	q := *h
	e, from := q[at], at
	for {
		first, end := children*at+1, min(children*at+children, len(q)-1)
		if first > end {
			break
		}
		for i := first + 1; i <= end; i++ {
			if q[i].before(q[first]) {
				first = i
			}
		}
		if !q[first].before(e) {
			break
		}
		q[at] = q[first]
		q[at].placed(at)
		at = first
	}
	q[at] = e
	e.placed(at)
	return at != from
}

// ahead adds to n those at and below a place in the heap that go before p.
func (h heap[E]) ahead(p E, at, n, most int) int {
	if at >= len(h) || n >= most || !h[at].before(p) {
		return n
	}
	n++
	for i := children*at + 1; i <= children*at+children; i++ {
		n = h.ahead(p, i, n, most)
	}
	return n
}
