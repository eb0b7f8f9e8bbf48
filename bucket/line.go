package bucket

import "container/heap"

// A line is where requests wait for a bucket. It exists while anybody waits who draws on the bucket, here or, for
// another bucket that refuses it, elsewhere.
type line struct {
	waiting tickets
	drawing *link   // everybody who waits and draws on the bucket
	wakeAt  instant // when the first may be let through; meaningful while in Registry.wakes
	wake    int     // place in Registry.wakes; -1: time alone helps nobody
	state   *state
}

// A link is a waiting request's place among those that draw on one bucket.
type link struct {
	prev, next *link
	state      *state // nil: not linked
	ticket     *Ticket
}

func (k *link) join(s *state, t *Ticket) {
	if s.line == nil {
		s.line = &line{state: s, wake: -1}
	}
	k.state, k.ticket = s, t
	k.prev, k.next = nil, s.line.drawing
	if k.next != nil {
		k.next.prev = k
	}
	s.line.drawing = k
}

func (k *link) leave(r *Registry) {
	if k.state == nil {
		return
	}
	l := k.state.line
	if k.prev != nil {
		k.prev.next = k.next
	} else {
		l.drawing = k.next
	}
	if k.next != nil {
		k.next.prev = k.prev
	}
	if l.drawing == nil {
		r.sleep(l)
		k.state.line = nil
	}
	*k = link{}
}

// tickets is a heap of those that wait, first in line first.
type tickets []*Ticket

func (q tickets) Len() int           { return len(q) }
func (q tickets) Less(i, j int) bool { return q[i].before(q[j]) }
func (q tickets) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].place, q[j].place = i, j
}

func (q *tickets) Push(x any) {
	t := x.(*Ticket)
	t.place = len(*q)
	*q = append(*q, t)
}

func (q *tickets) Pop() any {
	last := len(*q) - 1
	t := (*q)[last]
	(*q)[last] = nil
	*q = (*q)[:last]
	return t
}

// step takes a ticket out of the line it stands in.
func (t *Ticket) step() {
	heap.Remove(&t.in.waiting, t.place)
	t.in = nil
}

// wakes is a heap of the lines that time will let through, soonest first.
type wakes []*line

func (q wakes) Len() int           { return len(q) }
func (q wakes) Less(i, j int) bool { return q[i].wakesBefore(q[j]) }
func (q wakes) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].wake, q[j].wake = i, j
}

func (q *wakes) Push(x any) {
	l := x.(*line)
	l.wake = len(*q)
	*q = append(*q, l)
}

func (q *wakes) Pop() any {
	last := len(*q) - 1
	l := (*q)[last]
	(*q)[last] = nil
	*q = (*q)[:last]
	l.wake = -1
	return l
}

// wakesBefore is the order in which lines are looked at: at the same moment, that of those who stand first in them.
func (l *line) wakesBefore(m *line) bool {
	if l.wakeAt != m.wakeAt || len(l.waiting) == 0 || len(m.waiting) == 0 {
		return l.wakeAt < m.wakeAt
	}
	return l.waiting[0].before(m.waiting[0])
}

// wakeFor has the line's first looked at again at a moment; never: only when something happens.
func (r *Registry) wakeFor(l *line, at instant) {
	switch {
	case at == never:
		r.sleep(l)
	case l.wake >= 0:
		l.wakeAt = at
		heap.Fix(&r.wakes, l.wake)
	default:
		l.wakeAt = at
		heap.Push(&r.wakes, l)
	}
}

func (r *Registry) sleep(l *line) {
	if l.wake >= 0 {
		heap.Remove(&r.wakes, l.wake)
	}
}
