package bucket

// A line is where requests wait for a bucket. It exists while anybody waits who draws on the bucket, here or, for
// another bucket that refuses it, elsewhere.
type line struct {
	state   *state
	prev    *line // of the same kind
	next    *line
	classes []class
	waiting int
	drawing *link   // everybody who waits and draws on the bucket
	soonest instant // for none of those is it too late before
	late    *link   // the next of those to be looked at whether it is too late; nil: none
	moved   *link   // the next of those to be readmitted; nil: none
	aside   int32   // units set aside for the favoured one, if it draws on the bucket
	turn    instant // when the next of a herd may go, and 0 while there is no herd; see state.herd
	wakeAt  instant // when the first may be let through; meaningful while in Registry.wakes
	wake    int     // place in Registry.wakes; -1: time alone helps nobody
	more    bool    // it is there because more may go than could be let through at once
}

// A class is those in a line who have the same priority.
type class struct {
	priority int
	queue    heap[place]
}

// A place is where a request stands in a class. It holds what the order goes by, so that ordering many touches few.
type place struct {
	rank instant
	seq  uint64
	w    *waiter
}

func (p place) before(q place) bool {
	if p.rank != q.rank {
		return p.rank < q.rank
	}
	return p.seq < q.seq
}

func (p place) placed(at int) { p.w.place = at }

// A waiter is a ticket that waits.
type waiter struct {
	ticket *Ticket
	ready  chan struct{}
	err    *WaitError // why it failed; read once ready

	latest    instant // being granted later is of no use
	latestErr error   // because of this

	in     *line // where it stands; nil: it does not wait
	class  int   // the priority of those that it stands among
	place  int   // where among them
	moves  int   // how often one bucket would have let it go and another refused it
	links  []link
	inline [6]link // what links begins in
}

// A link is a waiting request's place among those that draw on one bucket.
type link struct {
	prev, next *link
	state      *state
	waiter     *waiter
}

// link notes on which buckets the waiter draws: each of them gets a line.
func (w *waiter) link(r *Registry) {
	t := w.ticket
	if w.links = w.inline[:0]; len(t.slots)*3 > len(w.inline) {
		w.links = make([]link, 0, len(t.slots)*3)
	}
	for i := range t.slots {
		route := t.slots[i].route
		w.linkTo(route)
		a, b := route.roots()
		w.linkTo(a)
		if b != nil {
			w.linkTo(b)
		}
	}
	if r.favoured == w {
		w.setAside()
	}
}

func (w *waiter) linkTo(s *state) {
	for i := range w.links {
		if w.links[i].state == s {
			return
		}
	}
	if s.line == nil {
		s.line = &line{state: s, wake: -1, soonest: never}
		s.kind.join(s.line)
	}
	s.line.soonest = min(s.line.soonest, w.latest)
	w.links = append(w.links, link{state: s, waiter: w, next: s.line.drawing})
	k := &w.links[len(w.links)-1]
	if k.next != nil {
		k.next.prev = k
	}
	s.line.drawing = k
}

// unlink undoes link.
func (w *waiter) unlink(r *Registry) {
	for i := range w.links {
		k := &w.links[i]
		l := k.state.line
		if r.favoured == w {
			l.aside = 0
		}
		if l.late == k {
			l.late = k.next
		}
		if l.moved == k {
			l.moved = k.next
		}
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
			k.state.kind.part(l)
			k.state.line = nil
		}
		*k = link{}
	}
	w.links = nil
}

// relink links the waiter anew, after what it draws on has changed.
func (w *waiter) relink(r *Registry) {
	w.unlink(r)
	w.ticket.follow()
	w.link(r)
}

// setAside has others leave what the waiter needs.
func (w *waiter) setAside() {
	for i := range w.links {
		s := w.links[i].state
		s.line.aside = w.ticket.weightAt(s)
		if slot := w.ticket.slot(s); slot != nil {
			s.line.aside = max(s.line.aside, slot.weight) // it may count other routes, too
		}
	}
}

// add puts a waiter in line.
func (l *line) add(w *waiter) {
	t := w.ticket
	w.in, w.class = l, t.priority()
	c := l.class(w.class)
	if c == nil {
		l.classes = append(l.classes, class{priority: w.class})
		c = &l.classes[len(l.classes)-1]
	}
	c.queue.push(place{t.rank, t.seq, w})
	l.waiting++
}

// step takes a waiter out of the line it stands in.
func (w *waiter) step() {
	l := w.in
	for i := range l.classes {
		c := &l.classes[i]
		if c.priority != w.class {
			continue
		}
		c.queue.remove(w.place)
		if len(c.queue) == 0 && len(l.classes) > 1 {
			l.classes[i] = l.classes[len(l.classes)-1]
			l.classes = l.classes[:len(l.classes)-1]
		}
		break
	}
	l.waiting--
	w.in = nil
}

func (l *line) class(priority int) *class {
	for i := range l.classes {
		if l.classes[i].priority == priority {
			return &l.classes[i]
		}
	}
	return nil
}

// first returns who is first in line of those above a priority; nil if nobody is.
func (l *line) first(above int) *waiter {
	var best *place
	for i := range l.classes {
		c := &l.classes[i]
		if len(c.queue) > 0 && c.priority > above && (best == nil || c.queue[0].before(*best)) {
			best = &c.queue[0]
		}
	}
	if best == nil {
		return nil
	}
	return best.w
}

// everybody is below every priority.
const everybody = -mostPriority - 1

// lowest returns a waiter of the lowest priority in line, a late one; nil if there is none below a priority.
func (l *line) lowest(below int) *waiter {
	var lowest *class
	for i := range l.classes {
		c := &l.classes[i]
		if len(c.queue) > 0 && c.priority < below && (lowest == nil || c.priority < lowest.priority) {
			lowest = c
		}
	}
	if lowest == nil {
		return nil
	}
	return lowest.queue[len(lowest.queue)-1].w
}

// outranks says whether the first in line of those above a priority goes before t.
func (l *line) outranks(above int, t *Ticket) bool {
	w := l.first(above)
	return w != nil && w.ticket != t && w.ticket.before(t)
}

// ahead is how many are in line, and how many of them, of no priority above most, go before t.
func (l *line) ahead(t *Ticket, most int) (waiting, ahead int) {
	if l == nil {
		return 0, 0
	}
	for i := range l.classes {
		if l.classes[i].priority <= most {
			ahead = l.classes[i].queue.ahead(place{rank: t.rank, seq: t.seq}, 0, ahead, mostAhead)
		}
	}
	return l.waiting, ahead
}

// wakes are the lines that time will let through, soonest first: at the same moment, in the order of those who stand
// first in them.
func (l *line) before(m *line) bool {
	if l.wakeAt != m.wakeAt {
		return l.wakeAt < m.wakeAt
	}
	a, b := l.first(everybody), m.first(everybody)
	return a != nil && b != nil && a.ticket.before(b.ticket)
}

func (l *line) placed(at int) { l.wake = at }

// wakeFor has the line's first looked at again at a moment; never: only when something happens.
func (r *Registry) wakeFor(l *line, at instant) {
	l.more = false
	switch {
	case at == never:
		r.sleep(l)
	case l.wake >= 0:
		l.wakeAt = at
		r.wakes.fix(l.wake)
	default:
		l.wakeAt = at
		r.wakes.push(l)
	}
}

func (r *Registry) sleep(l *line) {
	l.more = false
	if l.wake >= 0 {
		r.wakes.remove(l.wake)
	}
}
