package bucket_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/underlimit/underlimit/bucket"
)

// A crowd uses a bucket up: whenever one of its requests was granted and answered, another comes.
type crowd struct {
	b    *bubble
	draw bucket.Draw

	mu   sync.Mutex // guards what follows
	sent []time.Duration
	// Of a bucket without a number in its policy, the server keeps windows of that length: the first ends then.
	limit, used int
	each, end   time.Duration
}

// crowd has so many use a draw from now on.
func (b *bubble) crowd(n int, c *crowd) *crowd {
	c.b = b
	for range n {
		go func() {
			for {
				lease, err := b.Acquire(b.Context(), c.draw)
				if err != nil {
					return
				}
				lease.Done(time.Now(), c.count()...)
			}
		}()
	}
	b.pass(0)
	return c
}

// count counts a request that arrives now, and returns what its answer says.
func (c *crowd) count() []bucket.Update {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sent = append(c.sent, c.b.now())
	if c.limit == 0 {
		return nil
	}
	for now := c.b.now(); now >= c.end; c.end += c.each {
		c.used = 0
	}
	if c.used++; c.used > c.limit {
		c.b.Errorf("at %v %v is over its limit", c.b.now(), c.draw.Key)
	}
	return []bucket.Update{window(c.draw, c.limit, max(c.limit-c.used, 0), c.end-c.b.now())}
}

// never are two crowds whose buckets are never free at the same time: x each 10 s, y five seconds later.
func (b *bubble) never(limit int) (x, y *crowd) {
	x = b.crowd(limit, &crowd{draw: open("x", ""), limit: limit, each: 10 * sec, end: 10 * sec})
	y = b.crowd(limit, &crowd{draw: open("y", ""), limit: limit, each: 10 * sec, end: 5 * sec})
	b.pass(sec)
	return x, y
}

// in returns how many went from a moment on and before another.
func (c *crowd) in(from, to time.Duration) (n int) {
	c.b.pass(0) // whoever has just been let go has gone
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, at := range c.sent {
		if from <= at && at < to {
			n++
		}
	}
	return n
}

// all returns when each of them went.
func (c *crowd) all() []time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.sent)
}

// wantFavoured lets time pass until units are set aside for the request: at that moment, to the nanosecond.
func (q *request) wantFavoured(at time.Duration) {
	q.b.Helper()
	q.b.pass(at - q.b.now() - 1)
	if q.b.Favoured(q.ticket) {
		q.b.Fatalf("before %v units are set aside for the request", at)
	}
	q.b.pass(1)
	if !q.b.Favoured(q.ticket) {
		q.b.Fatalf("at %v nothing is set aside for the request", at)
	}
}

func TestBucketsThatAreNeverFreeAtOnceStarveNobody(t *testing.T) {
	for _, limit := range []int{1, 2, 5} {
		t.Run(fmt.Sprint("windows of ", limit), func(t *testing.T) {
			inBubble(t, nil, func(b *bubble) {
				x, y := b.never(limit)
				// Each of the crowds has waited longer, and goes once. Then the request moves each 5 s.
				q := b.ask(x.draw, y.draw)
				q.wantFavoured(55 * sec)
				b.pass(5 * sec)
				q.wantAt(60 * sec)
				q.done(append(x.count(), y.count()...)...)
			})
			inBubble(t, nil, func(b *bubble) { // this is what would be otherwise
				x, y := b.never(limit)
				b.FavourNobody()
				q := b.ask(x.draw, y.draw)
				b.pass(time.Hour)
				q.wantWaiting()
			})
		})
	}
	for name, p := range map[string]bucket.Policy{
		"paces":  {Every: 10 * sec},
		"quotas": {Quota: 1, Window: 10 * sec},
		"both":   {Quota: 1, Window: 10 * sec, Every: 10 * sec},
	} {
		t.Run(name, func(t *testing.T) {
			for _, favour := range []bool{true, false} {
				inBubble(t, nil, func(b *bubble) {
					x := bucket.Draw{Key: key("x", ""), Policy: &p}
					y := bucket.Draw{Key: key("y", ""), Policy: &p}
					b.crowd(1, &crowd{draw: x})
					b.pass(5 * sec)
					b.crowd(1, &crowd{draw: y})
					if !favour {
						b.FavourNobody()
						q := b.ask(x, y)
						b.pass(time.Hour)
						q.wantWaiting()
						return
					}
					q := b.ask(x, y) // x's crowd is first at 10 s, and y's at 15 s
					q.wantFavoured(55 * sec)
					b.pass(5 * sec)
					q.wantAt(60 * sec)
				})
			}
		})
	}
}

func TestOthersUseWhatIsBeyondWhatIsSetAside(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		x, y := b.never(5)
		two := func(d bucket.Draw) bucket.Draw { d.Weight = 2; return d }
		q := b.ask(two(x.draw), two(y.draw))
		q.wantFavoured(55 * sec) // at x, while y has begun anew
		if got := y.in(55*sec, 60*sec); got != 3 {
			b.Errorf("%d of 5 went while 2 were set aside, want 3", got)
		}
		b.pass(5 * sec)
		q.wantAt(60 * sec)
		if got := x.in(60*sec, 65*sec); got != 3 {
			b.Errorf("beside the one of two units %d of 5 went, want 3", got)
		}
	})
}

func TestAsMuchIsSetAsideAsAllRoutesToACounterNeed(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		route := learned("route", "")
		b.ask(route).done(alias(route, open("y", "")))
		b.pass(10 * sec) // so that the answer's unit is of a window before
		x, y := b.never(5)
		q := b.ask(x.draw, y.draw, weighing(3, route))
		q.wantFavoured(65 * sec) // at x, while y has begun anew
		if got := y.in(65*sec, 70*sec); got != 2 {
			b.Errorf("%d of 5 went while one route needs 3, want 2", got)
		}
		b.pass(5 * sec)
		q.wantAt(70 * sec)
	})
}

func TestUnitsAreSetAsideForOneAtATime(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		x, y := b.never(5)
		first, second := b.ask(x.draw, y.draw), b.ask(x.draw, y.draw)
		first.wantFavoured(55 * sec)
		if b.Favoured(second.ticket) {
			b.Error("both are favoured")
		}
		if got := y.in(55*sec, 60*sec); got != 4 {
			b.Errorf("%d of 5 went, want all but the one of the first", got)
		}
		b.pass(5 * sec)
		first.wantAt(60 * sec)
		first.done(append(x.count(), y.count()...)...)
		second.wantWaiting()
		if !b.Favoured(second.ticket) {
			b.Error("nothing is set aside for the second, which was overtaken as often")
		}
		b.pass(5 * sec)
		second.wantAt(65 * sec)
		second.done(append(x.count(), y.count()...)...)
	})
}

func TestWhatWasSetAsideIsGivenBackByOneThatGivesUp(t *testing.T) {
	for name, end := range map[string]func(*request){
		"cancelled": func(q *request) { q.cancel(); q.b.pass(0) },
		"blocked":   func(q *request) { q.b.ask(open("z", "")).done(block(open("z", ""), time.Hour)) },
		"too late":  func(q *request) {},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, nil, func(b *bubble) {
				x, y := b.never(1)
				z := open("z", "")
				ctx, cancel := context.WithTimeout(b.Context(), 56*sec) // until 57 s
				defer cancel()
				q := b.askWith(ctx, new(bucket.Ticket), x.draw, y.draw, z)
				q.wantFavoured(55 * sec)
				b.pass(2*sec - 1)
				if got := y.in(55*sec, time.Hour); got != 0 {
					b.Fatalf("%d went of what was set aside", got)
				}
				at := b.now()
				if name == "too late" {
					b.pass(1)
					at++
				}
				end(q)
				if !q.ended() || q.err == nil {
					b.Fatalf("the request did not fail")
				}
				if got := y.in(at, at+1); got != 1 {
					b.Errorf("%d went when it gave up, want 1", got)
				}
				b.pass(10 * sec)
			})
		})
	}
}

func TestABucketOnWhichTheFavouredOneDoesNotDrawIsNotDelayed(t *testing.T) {
	var with, without []time.Duration
	for sent, starving := range map[*[]time.Duration]bool{&with: true, &without: false} {
		inBubble(t, nil, func(b *bubble) {
			x, y := b.never(2)
			z := b.crowd(2, &crowd{draw: open("z", ""), limit: 2, each: 700 * ms, end: 300 * ms})
			p := b.crowd(2, &crowd{draw: pace("p", 300*ms, 1)})
			if starving {
				q := b.ask(x.draw, y.draw)
				q.wantFavoured(55 * sec)
			}
			b.pass(120*sec - b.now())
			*sent = append(z.all(), p.all()...)
		})
	}
	if len(with) < 500 || !slices.Equal(with, without) {
		t.Errorf("others go at\n%v,\nwithout the starving one at\n%v", with, without)
	}
}

// What is set aside would be of no use while the favoured one waits for something else for longer than it takes to be
// there again.
func TestWhileTheFavouredOneIsBlockedElsewhereNothingIsSetAside(t *testing.T) {
	for name, x := range map[string]*crowd{
		"window": {draw: open("x", ""), limit: 1, each: 10 * sec, end: 10 * sec},
		"pace":   {draw: pace("x", 10*sec, 1)},
		"quota":  {draw: quota("x", 1, 10*sec)},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, nil, func(b *bubble) {
				x := b.crowd(1, x)
				b.pass(5 * sec)
				y := b.crowd(1, &crowd{draw: open("y", ""), limit: 1, each: 10 * sec, end: 15 * sec})
				q := b.ask(x.draw, y.draw)
				q.wantFavoured(55 * sec)
				b.pass(sec)
				b.ask(open("other", "")).done(block(y.draw, 614*sec))
				b.pass(614 * sec)
				q.wantAt(670 * sec)
				if got := x.in(60*sec, 670*sec); got != 61 {
					b.Errorf("%d went meanwhile, want one each 10 s: 61", got)
				}
			})
		})
	}
}

// From when all is back that is taken now follows whether anything has to be set aside yet for one that waits elsewhere.
func TestWhenAllIsBackThatIsTakenNow(t *testing.T) {
	const never = -1
	both := func(quota, pace time.Duration) bucket.Draw {
		return bucket.Draw{Key: key("both", ""), Policy: &bucket.Policy{Quota: 5, Window: quota, Every: pace, Burst: 3}}
	}
	a := open("a", "1")
	for name, tt := range map[string]struct {
		draw   bucket.Draw
		told   []bucket.Update
		after  time.Duration
		spread int // how often the time on the way counts
		want   time.Duration
	}{
		"nothing is known":       {open("a", "1"), nil, sec, 0, 0},
		"places in flight":       {bucket.Draw{Key: key("c", ""), Policy: worldPolicy}, nil, 0, 0, never},
		"a quota":                {quota("q", 5, 10*sec), nil, 0, 1, 10 * sec},
		"a pace":                 {pace("p", 2*sec, 3), nil, 0, 1, 6 * sec},
		"a quota and more pace":  {both(10*sec, 4*sec), nil, 0, 1, 12 * sec},
		"a pace and more quota":  {both(10*sec, 2*sec), nil, 0, 1, 10 * sec},
		"a window":               {a, []bucket.Update{window(a, 5, 3, 7*sec)}, sec, 0, 6 * sec},
		"a window and a pace":    {pace("p", 2*sec, 3), []bucket.Update{window(pace("p", 0, 0), 5, 3, 20*sec)}, sec, 0, 19 * sec},
		"a window that is over":  {a, []bucket.Update{window(a, 5, 3, 7*sec)}, 9 * sec, 0, 7 * sec},
		"a window without times": {a, []bucket.Update{bucket.Window{Key: key("a", "2"), Limit: 5}}, 0, 0, never},
	} {
		t.Run(name, func(t *testing.T) {
			for _, ways := range [][]time.Duration{{0}, {100 * ms, 300 * ms}} {
				inBubble(t, nil, func(b *bubble) {
					far := open("far", "")
					b.ask(far).done()
					b.pass(2 * sec)
					for range 20 {
						for _, way := range ways {
							q := b.ask(far)
							b.pass(way)
							q.done()
						}
					}
					b.ask(far).done(tt.told...)
					b.pass(tt.after)
					b.ask(tt.draw)
					want := never * sec
					shortest, longest := b.Way(far.Key)
					if tt.want != never {
						want = b.now() + tt.want + time.Duration(tt.spread)*(longest-shortest)
					}
					got := b.BackAt(tt.draw.Key).Sub(b.start)
					if b.BackAt(tt.draw.Key).IsZero() {
						got = never * sec
					}
					if got != want {
						t.Errorf("on ways of %v: it is back at %v, want %v", ways, got, want)
					}
				})
			}
		})
	}
}

func TestWhenAllOfASlidingWindowIsBackThatIsTakenNow(t *testing.T) {
	for at, want := range map[time.Duration]time.Duration{0: 10 * sec, 4 * sec: 10 * sec, 20 * sec: 25 * sec} {
		inBubble(t, nil, func(b *bubble) {
			d := learned("a", "1")
			slide(b, d, &slider{limit: 5, period: sec})
			b.pass(at)
			if got := b.BackAt(d.Key).Sub(b.start); got != want {
				b.Errorf("of what is taken at %v all is back at %v, want %v", at, got, want)
			}
		})
	}
}

// A window of one is held for it as a whole, so that nothing but this tells the others to go on.
func TestThoseHeldBackGoAsSoonAsTheFavouredOneHasToWaitForLonger(t *testing.T) {
	t.Run("where it stands", func(t *testing.T) {
		inBubble(t, nil, func(b *bubble) {
			x, y := b.never(1)
			q := b.ask(x.draw, y.draw)
			q.wantFavoured(55 * sec) // it waits for x until 60 s, and y, which is free, is held for it
			b.pass(sec)
			b.ask(open("other", "")).done(block(x.draw, 614*sec))
			if got := y.in(55*sec, 56*sec+1); got != 1 {
				b.Errorf("%d went as x was blocked, want 1", got)
			}
			b.pass(614 * sec)
			q.wantAt(670 * sec)
		})
	})
	t.Run("where it moves", func(t *testing.T) {
		inBubble(t, nil, func(b *bubble) {
			x, y := b.never(1)
			z := b.crowd(1, &crowd{draw: open("z", ""), limit: 1, each: 10 * sec, end: 9 * sec})
			q := b.ask(x.draw, y.draw, z.draw)
			q.wantFavoured(55 * sec)
			b.ask(open("other", "")).done(block(y.draw, 614*sec))
			b.pass(4 * sec)
			if got := z.in(59*sec, 60*sec); got != 0 {
				b.Errorf("%d went at z, want it held: x is free at 60 s, and from there on y is waited for", got)
			}
			b.pass(sec)
			if got := z.in(60*sec, 60*sec+1); got != 1 {
				b.Errorf("%d went at z as the favoured one moved to y, want 1", got)
			}
			b.pass(609 * sec)
			q.wantAt(669 * sec)
		})
	})
}

func TestOneThatGoesBeforeTheFavouredOneIsHeldUpByNothing(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		x, y := pace("x", 10*sec, 1), pace("y", 10*sec, 1)
		b.crowd(1, &crowd{draw: x})
		b.pass(5 * sec)
		b.crowd(1, &crowd{draw: y})
		q := b.ask(x, y)
		q.wantFavoured(55 * sec)
		b.pass(sec)
		// Each may go before it, by its priority, where the whole of the burst is set aside.
		one := b.askWith(b.Context(), &bucket.Ticket{Priority: 100}, y)
		one.wantAt(56 * sec)
		two := b.askWith(b.Context(), &bucket.Ticket{Priority: 100}, y)
		b.pass(10 * sec)
		two.wantAt(66 * sec)
		b.pass(10 * sec)
		q.wantAt(76 * sec)
	})
}

// durationOf is for arithmetic with units of time.
func durationOf(n int) time.Duration { return time.Duration(n) }

func TestTheFavouredOneIsLookedAtAgainAsACounterOfItsEnds(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		x, y := b.never(1)
		get, put, first, second := open("get", "1"), open("put", "1"), open("first", "1"), open("second", "1")
		b.ask(get).done(alias(get, first), alias(put, first), window(first, 5, 3, 55*sec-b.now()))
		b.ask(get).done(alias(get, second), window(second, 5, 4, time.Hour)) // first counts get until its window ends
		q := b.ask(get, x.draw, y.draw)
		put.Weight = 3
		heavy := b.ask(put) // waits for that
		q.wantFavoured(55 * sec)
		heavy.wantAt(55 * sec)
		b.pass(5 * sec)
		q.wantAt(60 * sec)
	})
}
