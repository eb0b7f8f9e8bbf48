package bucket_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/underlimit/underlimit/bucket"
)

func TestRejectFailsWhatCannotGoAtOnce(t *testing.T) {
	for name, tt := range map[string]struct {
		draw  bucket.Draw
		set   func(b *bubble, d bucket.Draw)
		until time.Duration
	}{
		"pace":         {pace("p", 2*sec, 1), func(b *bubble, d bucket.Draw) { b.ask(d) }, 2 * sec},
		"behind":       {pace("p", 2*sec, 1), func(b *bubble, d bucket.Draw) { b.askAll(3, d) }, 6 * sec},
		"block":        {open("b", ""), func(b *bubble, d bucket.Draw) { b.ask(d).done(block(d, time.Minute)) }, time.Minute},
		"one is ahead": {learned("l", ""), func(b *bubble, d bucket.Draw) { b.ask(d) }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, nil, func(b *bubble) {
				free := open("free", "")
				tt.set(b, b.warm(tt.draw))
				before, was := b.Referred(), b.stats()
				q := b.askWith(b.Context(), &bucket.Ticket{Mode: bucket.Reject}, free, tt.draw)
				key := tt.draw.Key
				if tt.until == 0 {
					key = free.Key // nobody can tell which holds longest
				}
				q.wantError(0, key, tt.until, bucket.ErrWouldWait)
				if now := b.stats(); b.Referred() != before || now.InFlight != was.InFlight || now.Waiting != was.Waiting {
					b.Errorf("it took something: %+v, before %+v", now, was)
				}
				b.askWith(b.Context(), q.ticket, free).wantAt(0)
			})
		})
	}
}

// shadow asks in shadow mode, and fails the test unless the request went at once and says what it would have waited.
func (b *bubble) shadow(want time.Duration, draws ...bucket.Draw) *request {
	b.Helper()
	q := b.askWith(b.Context(), &bucket.Ticket{Mode: bucket.Shadow}, draws...)
	q.wantAt(b.now())
	if got := q.ticket.Shadowed(); got != want || q.ticket.Waited() != 0 {
		b.Fatalf("it would have waited %v, want %v; it did wait %v", got, want, q.ticket.Waited())
	}
	return q
}

func TestShadowDelaysAndFailsNothingAndCountsWhatItWouldHaveWaited(t *testing.T) {
	inBubble(t, &bucket.Options{MaxQueue: 1}, func(b *bubble) {
		d := b.warm(quota("q", 2, 10*sec))
		b.shadow(0, d)
		b.pass(4 * sec)
		b.shadow(0, d).done()
		q := b.shadow(6*sec, d)
		q.done(block(d, time.Minute)) // until 64 s
		again := b.askWith(b.Context(), q.ticket, d)
		again.wantAt(4 * sec)
		if got := q.ticket.Shadowed(); got != 66*sec {
			b.Errorf("it would have waited %v in all, want 66s", got)
		}
		b.ask(d).wantWaiting()
		b.shadow(60*sec, d) // though the queue is full
		ctx, cancel := context.WithTimeout(b.Context(), sec)
		defer cancel()
		ticket := &bucket.Ticket{Mode: bucket.Shadow, MaxWait: 1}
		b.askWith(ctx, ticket, d).wantAt(4 * sec) // though it could not have waited as long
	})
}

func TestWhatShadowLetsGoCountsForOthers(t *testing.T) {
	t.Run("quota", func(t *testing.T) {
		inBubble(t, nil, func(b *bubble) {
			d := b.warm(quota("q", 2, 10*sec))
			for i := range 7 {
				b.shadow(durationOf(min(i/2, 1))*10*sec, d)
			}
			q := b.ask(d)
			b.pass(10*sec - 1)
			q.wantWaiting()
			b.pass(1)
			q.wantAt(10 * sec) // a window holds none of them any more, however many they were
		})
	})
	t.Run("pace", func(t *testing.T) {
		inBubble(t, nil, func(b *bubble) {
			d := b.warm(pace("p", sec, 2))
			for i := range 5 {
				b.shadow(durationOf(max(i-1, 0))*sec, d)
			}
			q := b.ask(d)
			b.pass(4 * sec)
			q.wantAt(4 * sec)
		})
	})
	t.Run("window", func(t *testing.T) {
		inBubble(t, nil, func(b *bubble) {
			d := open("w", "")
			b.ask(d).done(window(d, 3, 2, 10*sec))
			for i := range 5 {
				q := b.shadow(durationOf(i/2)*10*sec/max(durationOf(i/2), 1), d)
				b.pass(0)
				q.done(window(d, 3, max(1-i, 0), 10*sec))
			}
			q := b.ask(d)
			b.pass(10 * sec)
			q.wantAt(10 * sec)
			b.askAll(2, d)[1].wantAt(10 * sec)
			b.ask(d).wantWaiting()
		})
	})
	t.Run("concurrency", func(t *testing.T) {
		inBubble(t, nil, func(b *bubble) {
			d := concurrent("c", 1)
			a, s := b.shadow(0, d), b.shadow(0, d)
			q := b.ask(d)
			a.done()
			q.wantWaiting()
			s.done()
			q.wantAt(0)
		})
	})
}

func TestShadowGivesBackWhatItTookAndNoMore(t *testing.T) {
	for name, d := range map[string]bucket.Draw{
		"pace": pace("p", sec, 2), "quota": quota("q", 2, sec), "both": {
			Key: key("b", ""), Policy: &bucket.Policy{Quota: 2, Window: sec, Every: sec, Burst: 2},
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, nil, func(b *bubble) {
				b.askAll(2, b.warm(d))
				ticket := func() *bucket.Ticket { return &bucket.Ticket{Mode: bucket.Shadow} }
				var qs []*request
				for range 3 {
					qs = append(qs, b.askWith(b.Context(), ticket(), d))
				}
				for _, q := range qs {
					q.granted().Cancel()
				}
				q := b.ask(d)
				q.wantWaiting() // the two that really went have used it up
				b.pass(sec)
				q.wantAt(sec)
			})
		})
	}
}

func TestNobodyWaitsForOneThatWentInShadow(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := learned("l", "")
		first, second := b.ask(d), b.shadow(0, d)
		waits := b.askAll(3, d)
		first.done()
		wantWaiting(0, waits...)
		second.granted().Cancel() // no other need go ahead in its place
		wantWaiting(0, b.askAll(3, d)...)
	})
}

// Whatever goes in shadow, the registry stays in order, and nothing is left at the end.
func TestShadowLeavesTheRegistryInOrder(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		c := concurrent("c", 2)
		draws := []bucket.Draw{quota("q", 3, 10*sec), pace("p", sec, 1), c, learned("l", ""), open("w", "")}
		var qs []*request
		for i := range 50 {
			mode := []bucket.Mode{bucket.Shadow, bucket.Shadow, bucket.Wait}[i%3]
			q := b.askWith(b.Context(), &bucket.Ticket{Mode: mode}, draws...)
			qs = append(qs, q)
			if !q.ended() {
				continue
			}
			switch i % 5 {
			case 0:
				q.granted().Cancel()
			case 1:
				q.granted().Lost()
			case 2:
				q.done(block(draws[i%4], sec))
			default:
				q.done(window(draws[4], 3, 2-i%3, 5*sec))
			}
			b.pass(100 * ms)
		}
		for range 100 {
			b.pass(20 * sec)
			for _, q := range qs {
				if q.ended() && q.err == nil {
					q.err = errors.New("answered")
					if q.at > 5*sec {
						q.lease.Done(time.Now())
					}
				}
			}
		}
		if got := b.stats(); got.Waiting != 0 {
			b.Errorf("%d wait", got.Waiting)
		}
	})
}

func concurrent(limit string, n int) bucket.Draw {
	return bucket.Draw{Key: key(limit, ""), Policy: &bucket.Policy{Concurrent: n}}
}

func TestModesHaveNames(t *testing.T) {
	if got := fmt.Sprint(bucket.Wait, bucket.Reject, bucket.Shadow, bucket.Mode(7)); got != "wait reject shadow Mode(7)" {
		t.Error(got)
	}
}
