package bucket_test

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/underlimit/underlimit/bucket"
)

// A world is a server with limits of all shapes, which it keeps strictly, and what its clients saw. Its counters are
// of a channel each.
type world struct {
	*bubble
	mu       sync.Mutex
	counters map[string]worldCounter // by their names and channels
	named    map[string]int          // how many answers to a route have named a counter
	arrived  []time.Duration
	uploads  map[string]int             // in flight, of each channel
	grants   map[string][]modelGrant    // of each set of draws and priority
	paced    map[string][]time.Duration // departures
	returned int
	granted  int
	settled  int
	refused  []string
}

// A worldCounter counts so many units that arrive now.
type worldCounter interface {
	take(units int) (remaining int, after time.Duration, ok bool)
}

// A fixed is a counter of which all comes back at once.
type fixed struct {
	limit, used int
	length      time.Duration
	end         time.Time
}

func (f *fixed) take(units int) (remaining int, after time.Duration, ok bool) {
	if now := time.Now(); !now.Before(f.end) {
		f.end, f.used = now.Add(f.length), 0
	}
	if ok = f.used+units <= f.limit; ok {
		f.used += units
	}
	return f.limit - f.used, time.Until(f.end), ok
}

// A worldRoute is one way to use a limit of the world.
type worldRoute struct {
	name    string
	hashes  []string // what answers call the counter, in turn
	counter string   // what counts: several routes of one hash may be counted apart
	limit   int
	length  time.Duration // of a fixed window
	period  time.Duration // of a sliding one
}

var worldRoutes = []worldRoute{
	{name: "get", hashes: []string{"h1"}, counter: "h1", limit: 5, length: 5 * sec},
	{name: "put", hashes: []string{"h1"}, counter: "h1", limit: 5, length: 5 * sec},
	{name: "list", hashes: []string{"h2"}, counter: "list", limit: 4, length: 3 * sec},
	{name: "drop", hashes: []string{"h2"}, counter: "drop", limit: 4, length: 3 * sec},
	{name: "like", hashes: []string{"h3"}, counter: "h3", limit: 4, period: sec},
	{name: "hate", hashes: []string{"h3"}, counter: "h3", limit: 4, period: sec},
	{name: "left", hashes: []string{"h4"}, counter: "left", limit: 3, period: 2 * sec},
	{name: "right", hashes: []string{"h4"}, counter: "right", limit: 3, period: 2 * sec},
	{name: "flip", hashes: []string{"h5", "h6"}, counter: "flip", limit: 5, length: 4 * sec},
	{name: "flop", hashes: []string{"h5", "h6"}, counter: "flip", limit: 5, length: 4 * sec},
}

// flips are routes of one counter that answers call by two names.
var flips = worldRoutes[len(worldRoutes)-2:]

const (
	worldUploads = 3 // of one channel in flight, by the route put
	worldLost    = 3 * sec
)

var (
	worldPolicy = &bucket.Policy{Concurrent: worldUploads}
	worldBacks  = []time.Duration{10 * ms, 30 * ms, 90 * ms}
)

// A worldRequest is what one client does.
type worldRequest struct {
	owner, channel string
	routes         []worldRoute
	weights        []int
	ticket         *bucket.Ticket
	way, back      time.Duration
	fate           worldFate
}

type worldFate int

const (
	answered worldFate = iota
	neverSent
	neverAnswered
)

func (q *worldRequest) draws() []bucket.Draw {
	draws := []bucket.Draw{of(q.owner, modelGlobal)}
	for i, route := range q.routes {
		d := of(q.owner, learned(route.name, q.channel))
		d.Weight = q.weights[i]
		draws = append(draws, d)
		if route.name == "put" {
			draws = append(draws, of(q.owner, bucket.Draw{Key: key("pace", q.channel), Policy: modelPace}),
				of(q.owner, bucket.Draw{Key: key("uploads", q.channel), Policy: worldPolicy}))
		}
	}
	return draws
}

func (q *worldRequest) puts() bool {
	return slices.ContainsFunc(q.routes, func(route worldRoute) bool { return route.name == "put" })
}

// line is what those have in common who are to be granted in the order of their arrival.
func (q *worldRequest) line() string {
	line := fmt.Sprint(q.channel, " priority ", q.ticket.Priority, " weights ", q.weights)
	for _, route := range q.routes {
		line += " " + route.name
	}
	return line
}

// do sends the request.
func (w *world) do(ctx context.Context, q *worldRequest) {
	lease, err := w.AcquireTicket(ctx, q.ticket, q.draws()...)
	w.mu.Lock()
	w.returned++
	if err != nil {
		w.mu.Unlock()
		return
	}
	w.granted++
	w.grants[q.line()] = append(w.grants[q.line()], modelGrant{q.ticket.Seq(), w.now()})
	if q.puts() {
		if w.uploads[q.channel]++; w.uploads[q.channel] > worldUploads {
			w.refused = append(w.refused, fmt.Sprintf("%v: %d uploads", w.now(), w.uploads[q.channel]))
		}
		if q.fate != neverSent {
			w.paced[q.channel] = append(w.paced[q.channel], w.now())
		}
	}
	w.mu.Unlock()
	var updates []bucket.Update
	if q.fate != neverSent {
		time.Sleep(q.way)
		updates = w.count(q)
		if q.fate == neverAnswered {
			time.Sleep(worldLost)
		}
		time.Sleep(q.back)
	}
	w.mu.Lock()
	if q.puts() {
		w.uploads[q.channel]--
	}
	w.settled++
	w.mu.Unlock()
	switch q.fate {
	case neverSent:
		lease.Cancel()
	case neverAnswered:
		lease.Lost()
	default:
		lease.Done(time.Now(), updates...)
	}
}

// count is the arrival of a request, and returns the answer.
func (w *world) count(q *worldRequest) (updates []bucket.Update) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.arrived = append(w.arrived, w.now())
	for i, route := range q.routes {
		name := route.counter + " " + q.channel
		c := w.counters[name]
		if c == nil {
			c = &fixed{limit: route.limit, length: route.length}
			if route.period > 0 {
				c = &slider{limit: route.limit, period: route.period}
			}
			w.counters[name] = c
		}
		remaining, after, ok := c.take(q.weights[i])
		if !ok {
			w.refused = append(w.refused, fmt.Sprintf("%v: %s by %s", w.now(), name, route.name))
		}
		w.named[route.name]++
		hash := of(q.owner, learned(route.hashes[w.named[route.name]%len(route.hashes)], q.channel))
		updates = append(updates, alias(of(q.owner, learned(route.name, q.channel)), hash),
			window(hash, route.limit, remaining, after))
	}
	return updates
}

// learnAll has each route answered a few times by each way, one request at a time: after that everything is known that
// a client can know of a channel that it never used.
func (w *world) learnAll() {
	w.join("twin", "owner")
	for range 2 {
		for _, way := range modelWays {
			for _, route := range worldRoutes {
				w.do(w.Context(), &worldRequest{
					owner: "owner", channel: "first", routes: []worldRoute{route}, weights: []int{1},
					ticket: &bucket.Ticket{}, way: way, back: worldBacks[0],
				})
			}
		}
		w.pass(sec)
	}
	w.pass(time.Minute)
}

func newWorld(b *bubble) *world {
	return &world{
		bubble: b, counters: map[string]worldCounter{}, uploads: map[string]int{},
		named: map[string]int{}, grants: map[string][]modelGrant{}, paced: map[string][]time.Duration{},
	}
}

// traffic is many requests at random, some of which give up.
func (w *world) traffic(rnd *rand.Rand, n int) (patient int) {
	for range n {
		q := &worldRequest{
			owner: []string{"owner", "twin"}[rnd.IntN(2)], channel: fmt.Sprint(rnd.IntN(3)),
			ticket: &bucket.Ticket{Priority: []int{0, 0, 0, 1, -1, 5}[rnd.IntN(6)]},
			way:    modelWays[rnd.IntN(len(modelWays))], back: worldBacks[rnd.IntN(len(worldBacks))],
			fate: []worldFate{neverSent, neverAnswered, answered}[min(rnd.IntN(24), 2)],
		}
		for range 1 + rnd.IntN(5)/4 {
			weight := 1 + rnd.IntN(6)/5
			if q.fate == neverAnswered {
				weight = 1 // of all that is left, and nobody would know for how long
			}
			q.routes = append(q.routes, worldRoutes[rnd.IntN(len(worldRoutes))])
			q.weights = append(q.weights, weight)
		}
		if len(q.routes) == 2 && q.routes[0].hashes[0] == q.routes[1].hashes[0] {
			q.routes, q.weights = q.routes[:1], q.weights[:1] // of two windows by one name nobody could tell which is whose
		}
		ctx, cancel := context.WithCancel(w.Context())
		switch giveUp := time.Duration(rnd.Int64N(int64(20 * sec))); rnd.IntN(8) {
		case 0:
			ctx, cancel = context.WithTimeout(w.Context(), giveUp)
		case 1:
			q.ticket.MaxWait = giveUp + 1
		case 2:
			time.AfterFunc(giveUp, cancel)
		default:
			patient++
		}
		w.Cleanup(cancel)
		go w.do(ctx, q)
		if rnd.IntN(4) == 0 {
			w.pass(time.Duration(rnd.Int64N(int64(400 * ms))))
		}
	}
	return patient
}

func TestWhoKnowsTheLimitsOfAWorldIsNeverRefused(t *testing.T) {
	for _, seed := range []uint64{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 355, 617} { // the last two have shown faults
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			opts := &bucket.Options{Reserve: []float64{0, 0, 0.25}[seed%3]}
			inBubble(t, opts, func(b *bubble) {
				b.Chunk(chunks[seed%4])
				newWorld(b).learnAll()
				w := newWorld(b)
				patient := w.traffic(rand.New(rand.NewPCG(seed, 1)), 600)
				b.pass(time.Hour)
				w.verify(600, patient)
			})
		})
	}
}

// verify checks what must hold once all has ended.
func (w *world) verify(requests, patient int) {
	w.Helper()
	for _, why := range w.refused {
		w.Errorf("refused after %s", why)
	}
	if most := mostIn(w.arrived, sec); most > modelQuota {
		w.Errorf("%d requests arrived within a second, want at most %d", most, modelQuota)
	}
	for line, grants := range w.grants {
		slices.SortFunc(grants, func(a, b modelGrant) int { return cmp.Compare(a.seq, b.seq) })
		if !slices.IsSortedFunc(grants, func(a, b modelGrant) int { return cmp.Compare(a.at, b.at) }) {
			w.Errorf("%s: requests were granted out of order: %v", line, grants)
		}
	}
	for channel, at := range w.paced {
		for i := modelBurst; i < len(at); i++ {
			if span := at[i] - at[i-modelBurst]; span < modelEvery {
				w.Errorf("channel %s: %d within %v", channel, modelBurst+1, span)
			}
		}
	}
	if w.returned != requests || w.granted < patient || w.settled != w.granted {
		w.Errorf("%d of %d returned, %d were granted and %d settled, want at least %d",
			w.returned, requests, w.granted, w.settled, patient)
	}
	if got := w.stats(); got.Waiting != 0 || got.InFlight != 0 || w.Referred() != 0 || w.Timer() {
		w.Errorf("at the end %d wait, %d are in flight, %d references are left, a timer runs: %v",
			got.Waiting, got.InFlight, w.Referred(), w.Timer())
	}
}
