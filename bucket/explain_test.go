package bucket_test

import (
	"context"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/underlimit/underlimit/bucket"
)

// What Explain says is what then happens, if nothing else does.
func TestExplainTellsTheWaitToTheNanosecond(t *testing.T) {
	w, s := open("w", ""), open("s", "")
	for _, tt := range []struct {
		name string
		set  func(b *bubble)
		draw []bucket.Draw
		wait time.Duration
		key  bucket.Key // zero: nothing holds it back
	}{
		{"nothing known", nil, []bucket.Draw{learned("a", ""), open("b", "")}, 0, bucket.Key{}},
		{"pace", func(b *bubble) {
			b.ask(b.warm(pace("p", sec, 2)))
			b.pass(300 * ms)
			b.ask(pace("p", sec, 2))
		}, []bucket.Draw{pace("p", sec, 2)}, 700 * ms, key("p", "")},
		{"the fourth in line at a pace", func(b *bubble) {
			b.askAll(4, b.warm(pace("p", sec, 1)))
		}, []bucket.Draw{pace("p", sec, 1)}, 4 * sec, key("p", "")},
		{"quota, the third of whose windows is needed", func(b *bubble) {
			b.askAll(3, b.warm(quota("q", 4, 10*sec)))
			b.pass(sec)
			b.askAll(8, quota("q", 4, 10*sec))
		}, []bucket.Draw{quota("q", 4, 10*sec)}, 20 * sec, key("q", "")},
		{"window", func(b *bubble) {
			b.ask(w).done(window(w, 5, 0, 7*sec))
			b.pass(sec)
		}, []bucket.Draw{w}, 6 * sec, w.Key},
		{"window that slides", func(b *bubble) {
			b.sliding(s)
			for i := range 2 {
				b.ask(s).done(window(s, 5, 1-i, 2*sec*(4+durationOf(i))))
			}
			b.ask(s).wantWaiting() // goes after two seconds
		}, []bucket.Draw{s}, 4 * sec, s.Key},
		{"block", func(b *bubble) {
			b.ask(w).done(block(w, time.Minute))
			b.pass(sec)
		}, []bucket.Draw{w}, 59 * sec, w.Key},
		{"a pace after a block", func(b *bubble) {
			b.ask(pace("p", sec, 1)).done(block(pace("p", sec, 1), time.Minute))
		}, []bucket.Draw{pace("p", sec, 1)}, time.Minute, key("p", "")},
		{"the later of several", func(b *bubble) {
			b.ask(w, pace("p", sec, 1)).done(window(w, 5, 0, 7*sec))
		}, []bucket.Draw{w, pace("p", sec, 1)}, 7 * sec, w.Key},
		{"a heavy one", func(b *bubble) {
			b.ask(b.warm(quota("q", 3, 10*sec)))
			b.pass(sec)
			b.ask(quota("q", 3, 10*sec))
		}, []bucket.Draw{quota("q", 3, 10*sec), {Key: key("q", ""), Weight: 3}}, 10 * sec, key("q", "")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, nil, func(b *bubble) {
				if tt.set != nil {
					tt.set(b)
				}
				buckets, at := b.Stats().Buckets, b.now()
				x := b.Explain(nil, tt.draw...)
				if x.Wait != tt.wait || x.Key != tt.key {
					b.Fatalf("it would wait %v, because of %v, want %v, %v", x.Wait, x.Key, tt.wait, tt.key)
				}
				if !reflect.DeepEqual(b.Explain(nil, tt.draw...), x) {
					b.Error("asked again, it tells something else")
				}
				if got := b.Stats(); got.Buckets != buckets {
					b.Errorf("it made %d buckets", got.Buckets-buckets)
				}
				q := b.ask(tt.draw...)
				again := b.Explain(q.ticket, tt.draw...) // while it waits it is not behind itself
				if !q.ended() && again.Wait != tt.wait {
					b.Errorf("now that it waits, it would wait %v, want %v", again.Wait, tt.wait)
				}
				b.pass(tt.wait)
				q.wantAt(at + tt.wait)
			})
		})
	}
}

func TestExplainTellsHowABucketStands(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d, p := open("w", ""), pace("p", sec, 1)
		b.ask(d).done(window(d, 5, 3, 10*sec))
		b.ask(d, p)
		b.prefer(0, p).wantWaiting()
		b.prefer(2, p).wantWaiting()
		b.prefer(-2, p).wantWaiting()
		ticket := &bucket.Ticket{Priority: 1}
		x := b.Explain(ticket, d, p)
		if x.Wait != 2*sec || x.Key != p.Key {
			b.Errorf("behind the one of a higher priority it would wait %v at %v, want 2s", x.Wait, x.Key)
		}
		want := []bucket.Standing{{
			Key: d.Key, Counter: d.Key, Policy: d.Policy, Known: true, Limit: 5, Remaining: 2, InFlight: 1,
			Reset: b.start.Add(10 * sec),
		}, {Key: p.Key, Counter: p.Key, Policy: p.Policy, InFlight: 1, Waiting: 3, Ahead: 1}}
		if !reflect.DeepEqual(x.Buckets, want) {
			b.Errorf("they stand\n%+v, want\n%+v", x.Buckets, want)
		}
		b.ask(open("other", "")).done(block(d, 7*sec))
		if got := b.Explain(nil, d).Buckets[0]; !got.Blocked.Equal(b.start.Add(7*sec)) || got.Remaining != 2 {
			b.Errorf("blocked it stands %+v", got)
		}
		b.pass(10 * sec)
		if got := b.Explain(nil, d).Buckets[0]; got.Remaining != 4 || !got.Reset.IsZero() || !got.Blocked.IsZero() {
			b.Errorf("after the window it stands %+v", got)
		}
	})
}

func TestExplainKnowsAKeyThatNobodyUsedFromItsKind(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		route, hash := learned("route", "1"), learned("hash", "1")
		b.ask(route).done(alias(route, hash), window(hash, 5, 4, 10*sec))
		buckets := b.Stats()
		for _, tt := range []struct {
			draw    bucket.Draw
			counter bucket.Key
			known   bool
			left    int
		}{
			{learned("route", "2"), key("hash", "2"), true, 5},
			{learned("hash", "2"), key("hash", "2"), true, 5},
			{learned("route", "1"), key("hash", "1"), true, 4},
			{learned("other", "1"), key("other", "1"), false, 0},
		} {
			x := b.Explain(nil, tt.draw)
			got := x.Buckets[0]
			if got.Counter != tt.counter || got.Known != tt.known || got.Remaining != tt.left || got.Key != tt.draw.Key {
				b.Errorf("%v stands %+v", tt.draw.Key, got)
			}
			if limit := got.Limit; tt.known && limit != 5 || !tt.known && limit != 0 {
				b.Errorf("%v: limit %d", tt.draw.Key, limit)
			}
			if x.Wait != 0 {
				b.Errorf("%v would wait %v", tt.draw.Key, x.Wait)
			}
		}
		if got := b.Stats(); !reflect.DeepEqual(got, buckets) {
			b.Errorf("it changed %+v to %+v", buckets, got)
		}
		// A route that nobody used waits for its counter, which somebody did use.
		b.askAll(4, hash)
		x := b.Explain(nil, learned("third", "1"), learned("route", "1"))
		if x.Wait != 10*sec || x.Key != route.Key {
			b.Errorf("it would wait %v at %v, want 10s", x.Wait, x.Key)
		}
		unseen := learned("hash", "3")
		b.ask(unseen).done(window(unseen, 5, 0, 7*sec))
		x = b.Explain(nil, learned("route", "3"))
		if x.Wait != 7*sec {
			b.Errorf("a route that nobody used would wait %v for its counter, want 7s", x.Wait)
		}
	})
}

func TestExplainGoesByTheTicket(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := b.warm(pace("p", sec, 1))
		first := b.ask(d)
		first.done()
		b.askAll(3, d)
		if x := b.Explain(first.ticket, d); x.Wait != sec || x.Buckets[0].Ahead != 0 {
			b.Errorf("sent again it would wait %v behind %d, want 1s: it keeps its place", x.Wait, x.Buckets[0].Ahead)
		}
		if x := b.Explain(nil, d); x.Wait != 4*sec || x.Buckets[0].Ahead != 3 {
			b.Errorf("one that comes now would wait %v behind %d, want 4s behind 3", x.Wait, x.Buckets[0].Ahead)
		}
		var other bucket.Ticket
		lease, _ := bucket.NewRegistry(nil).AcquireTicket(b.Context(), &other, open("a", ""))
		lease.Cancel()
		if x := b.Explain(&other, d); x.Buckets[0].Ahead != 3 {
			b.Errorf("a ticket of another registry is behind %d, want 3", x.Buckets[0].Ahead)
		}
	})
}

func TestTheLastInLineIsNotBehindItself(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := b.warm(pace("p", sec, 1))
		b.ask(d)
		q := b.ask(d)
		b.pass(500 * ms)
		q.cancel()
		b.pass(0)
		q.wantError(500*ms, d.Key, sec, context.Canceled)
	})
}

func TestAllBucketsAreToldAsTheyStand(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		const n = 2500 // more than are looked at at a time
		for i := range n {
			b.ask(open("a", fmt.Sprint(i))).done(window(open("a", fmt.Sprint(i)), n+1, i, 10*sec))
		}
		left := map[int]bool{}
		for s := range b.Buckets() {
			if s.Key != s.Counter || !s.Known || s.Limit != n+1 || s.Reset != b.start.Add(10*sec) {
				t.Fatalf("a bucket stands as %+v", s)
			}
			left[s.Remaining] = true
		}
		if len(left) != n {
			t.Errorf("%d buckets were told, want %d", len(left), n)
		}
		seen := 0
		for range b.Buckets() {
			if seen++; seen == 1500 {
				break
			}
		}
		if seen != 1500 {
			t.Errorf("%d buckets were told, want 1500", seen)
		}
	})
}
