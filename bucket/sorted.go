package bucket

import "slices"

// sorted are instants in order. They come mostly at the end and go mostly at the beginning, and take no new memory as
// long as they get no more.
type sorted struct {
	all   []instant
	first int // the index in all of the first that has not gone
}

func (q *sorted) len() int { return len(q.all) - q.first }

// left returns those that have not gone. The slice holds until the next change.
func (q *sorted) left() []instant { return q.all[q.first:] }

// pop has the first go.
func (q *sorted) pop() {
	if q.first++; q.first == len(q.all) {
		q.all, q.first = q.all[:0], 0
	}
}

// insert adds an instant n times.
func (q *sorted) insert(at instant, n int) {
	q.grow(n)
	i := len(q.all)
	if i > q.first && at < q.all[i-1] {
		i, _ = slices.BinarySearch(q.left(), at+1)
		i += q.first
	}
	after := q.all[i:]
	q.all = q.all[:len(q.all)+n]
	copy(q.all[i+n:], after)
	for j := range n {
		q.all[i+j] = at
	}
}

// merge adds others, in any order.
func (q *sorted) merge(others []instant) {
	q.all, q.first = append(q.left(), others...), 0
	slices.Sort(q.all)
}

// grow makes room for n more at the end. They move to the beginning only once as many have gone from there, so that
// each moves once at most on average.
func (q *sorted) grow(n int) {
	if len(q.all)+n <= cap(q.all) {
		return
	}
	if q.first < q.len() || q.len()+n > cap(q.all) {
		q.all, q.first = slices.Grow(q.left(), max(n, q.len())), 0
		return
	}
	q.all, q.first = q.all[:copy(q.all, q.left())], 0
}

// fewInstants is how many are looked at one by one before they are searched.
const fewInstants = 16

// remove takes an instant out, n times or as often as it is there, and returns how often that was.
func (q *sorted) remove(at instant, n int) (removed int) {
	end := len(q.all)
	for near := 0; end > q.first && q.all[end-1] > at; near++ { // mostly it is among the last
		if end--; near == fewInstants {
			end, _ = slices.BinarySearch(q.left(), at+1)
			end += q.first
			break
		}
	}
	i := end
	for i > q.first && end-i < n && q.all[i-1] == at {
		i--
	}
	q.all = slices.Delete(q.all, i, end)
	return end - i
}
