package bucket_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/underlimit/underlimit/bucket"
)

const (
	dayRate     = 5 // calls a second, on average
	dayChannels = 1000
	dayQuota    = 50 // a second
	dayLimit    = 5  // in a channel's window
	dayWindow   = 5 * sec
	dayEvery    = 700 * ms // between messages to a channel
	dayBurst    = 2
	dayBlocked  = 3 * sec // what a refusal asks for
)

var (
	dayGlobal = bucket.Draw{Key: key("global", ""), Policy: &bucket.Policy{Quota: dayQuota, Window: sec}}
	dayPace   = &bucket.Policy{Every: dayEvery, Burst: dayBurst}
	dayRoutes = [...]string{"get", "put"} // share the channel's window; put is under the pace, too
)

// dayServer keeps its limits strictly, counts what goes beyond them, and takes no more of memory as time goes on.
type dayServer struct {
	*bubble
	rnd *rand.Rand // of the traffic, not of the requests

	mu         sync.Mutex
	violations []string
	arrived    [dayQuota]time.Duration // the latest, in a ring
	next       int                     // in arrived
	channels   [dayChannels]dayChannel
	global     dayBlock

	ends   [dayFailed + 1]int // of sendings
	waited int                // requests that did
}

// dayChannel is what the server counts of a channel.
type dayChannel struct {
	end     time.Duration // of its window
	used    int           // in it
	put     [dayBurst]time.Duration
	nextPut int
	blocks  [len(dayRoutes)]dayBlock
}

// A dayBlock is a refusal that the client knows of since a certain moment.
type dayBlock struct{ since, until time.Duration }

func (k *dayBlock) broken(now time.Duration) bool { return k.since < now && now < k.until }

// A dayCall is what becomes of a request.
type dayCall struct {
	route, channel int
	way            time.Duration
	fate           dayFate
	ctx            context.Context
	ticket         *bucket.Ticket
}

type dayFate uint8

const (
	dayAnswered dayFate = iota
	dayCanceled         // granted, but not sent
	dayLost             // sent, but not answered
	dayRefused          // by its route's limit, for a reason of the server's own
	dayStopped          // the same, but everybody is
	dayFailed           // gave up before it was sent
)

func (s *dayServer) wrong(format string, args ...any) {
	if len(s.violations) < 20 {
		s.violations = append(s.violations, fmt.Sprintf("after %v: ", s.now())+fmt.Sprintf(format, args...))
	}
}

// departs checks what holds at the moment that a request is sent.
func (s *dayServer) departs(c *dayCall) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now, ch := s.now(), &s.channels[c.channel]
	if ch.blocks[c.route].broken(now) || s.global.broken(now) {
		s.wrong("channel %d: %s goes in spite of a block", c.channel, dayRoutes[c.route])
	}
	if dayRoutes[c.route] == "put" {
		if earlier := ch.put[ch.nextPut]; earlier != 0 && now-earlier < dayEvery {
			s.wrong("channel %d: %d messages within %v", c.channel, dayBurst+1, now-earlier)
		}
		ch.put[ch.nextPut] = now
		ch.nextPut = (ch.nextPut + 1) % dayBurst
	}
}

// arrives counts a request and returns what is left of its channel's window, and for how long.
func (s *dayServer) arrives(c *dayCall) (remaining int, after time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now, ch := s.now(), &s.channels[c.channel]
	if earlier := s.arrived[s.next]; earlier != 0 && now-earlier < sec {
		s.wrong("%d requests within %v", dayQuota+1, now-earlier)
	}
	s.arrived[s.next] = now
	s.next = (s.next + 1) % dayQuota
	if now >= ch.end {
		ch.end, ch.used = now+dayWindow, 0
	}
	if ch.used++; ch.used > dayLimit {
		s.wrong("channel %d: %d in a window", c.channel, ch.used)
	}
	return max(dayLimit-ch.used, 0), ch.end - now
}

// request sends a request, again if it was refused.
func (s *dayServer) request(c dayCall) {
	name := strconv.Itoa(c.channel)
	route, hash := learned(dayRoutes[c.route], name), learned("hash", name)
	draws := append(make([]bucket.Draw, 0, 3), route, dayGlobal)
	if dayRoutes[c.route] == "put" {
		draws = append(draws, bucket.Draw{Key: key("pace", name), Policy: dayPace})
	}
	end := dayRefused
	for end == dayRefused || end == dayStopped {
		lease, err := s.AcquireTicket(c.ctx, c.ticket, draws...)
		if end = dayFailed; err == nil {
			end = s.send(&c, lease, route, hash)
		}
		s.mu.Lock()
		s.ends[end]++
		s.mu.Unlock()
	}
	if c.ticket.Waited() > 0 {
		s.mu.Lock()
		s.waited++
		s.mu.Unlock()
	}
}

// send sends a request once. A refusal comes but once.
func (s *dayServer) send(c *dayCall, lease bucket.Lease, route, hash bucket.Draw) (end dayFate) {
	if c.fate == dayCanceled {
		lease.Cancel()
		return c.fate
	}
	s.departs(c)
	time.Sleep(c.way)
	remaining, after := s.arrives(c)
	if c.fate == dayLost {
		time.Sleep(3 * sec)
		lease.Lost()
		return c.fate
	}
	time.Sleep(modelBack)
	end, c.fate = c.fate, dayAnswered
	switch end {
	case dayRefused:
		lease.Done(time.Now(), block(route, dayBlocked))
		s.block(&s.channels[c.channel].blocks[c.route])
	case dayStopped:
		lease.Done(time.Now(), block(dayGlobal, dayBlocked))
		s.block(&s.global)
	default:
		lease.Done(time.Now(), alias(route, hash), window(hash, dayLimit, remaining, after))
	}
	return end
}

// block notes that the client has just heard of a block.
func (s *dayServer) block(k *dayBlock) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	k.since, k.until = now, now+dayBlocked
}

// burst is calls that come at once: of several channels or, one time in three, of one. Most bursts are of one call.
func (s *dayServer) burst(most int) (calls int) {
	calls = 1
	if s.rnd.IntN(20) == 0 {
		calls = min(1+s.rnd.IntN(120), most)
	}
	channel, same := s.rnd.IntN(dayChannels), s.rnd.IntN(3) == 0
	for i := range calls {
		if !same {
			channel = s.rnd.IntN(dayChannels)
		}
		if same && i == 20 {
			return i // more would only wait longer
		}
		s.call(channel)
	}
	return calls
}

// call begins a request whose lot is drawn.
func (s *dayServer) call(channel int) {
	c := dayCall{
		route: s.rnd.IntN(len(dayRoutes)), channel: channel, way: modelWays[s.rnd.IntN(len(modelWays))],
		ctx: s.Context(), ticket: new(bucket.Ticket),
	}
	switch n := s.rnd.IntN(5000); {
	case n < 1:
		c.fate = dayStopped
	case n < 20:
		c.fate = dayRefused
	case n < 50:
		c.fate = dayLost
	case n < 150:
		c.fate = dayCanceled
	case n < 250:
		c.ticket.MaxWait = time.Duration(1 + s.rnd.Int64N(int64(10*sec)))
	case n < 500:
		ctx, cancel := context.WithCancel(c.ctx)
		c.ctx = ctx
		time.AfterFunc(time.Duration(s.rnd.Int64N(int64(5*sec))), cancel)
	}
	go s.request(c)
}

// TestADayOfMixedTraffic has five calls a second come for a day, in bursts, to a thousand channels.
func TestADayOfMixedTraffic(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		s := &dayServer{bubble: b, rnd: rand.New(rand.NewPCG(24, 60))}
		// Nobody can know before the first answers which routes share a counter, and how long the way is.
		for route := range dayRoutes {
			for _, way := range modelWays {
				s.request(dayCall{route: route, way: way, ctx: b.Context(), ticket: new(bucket.Ticket)})
				time.Sleep(dayWindow)
			}
		}
		warm := s.ends[dayAnswered]
		calls := dayRate * int(day/sec)
		for begun, hour := 0, 0; begun < calls; {
			n := s.burst(calls - begun)
			begun += n
			time.Sleep(time.Duration(n) * sec / dayRate)
			if at := int(b.now() / time.Hour); at > hour {
				hour = at
				b.check()
			}
		}
		b.pass(time.Hour)
		s.verify(warm + calls)
	})
}

// verify checks what must hold once all has ended.
func (s *dayServer) verify(requests int) {
	s.Helper()
	for _, v := range s.violations {
		s.Error(v)
	}
	s.Logf("%d waited; answered, canceled, lost, refused, stopped, failed: %d", s.waited, s.ends)
	ended := 0
	for end, n := range s.ends {
		if n == 0 {
			s.Errorf("no request met with fate %d", end)
		}
		if end := dayFate(end); end != dayRefused && end != dayStopped {
			ended += n
		}
	}
	if ended != requests || s.waited < requests/100 {
		s.Errorf("of %d requests %d ended, and %d had to wait", requests, ended, s.waited)
	}
	if got := s.stats(); got.Waiting != 0 || got.InFlight != 0 || s.Referred() != 0 || s.Timer() {
		s.Errorf("at the end %d wait, %d are in flight, %d references are left, a timer runs: %v",
			got.Waiting, got.InFlight, s.Referred(), s.Timer())
	}
}
