package bucket_test

import (
	"context"
	"math"
	"testing"
	"time"

	"github.com/underlimit/underlimit/bucket"
)

// prefer asks with a priority.
func (b *bubble) prefer(priority int, draws ...bucket.Draw) *request {
	b.Helper()
	return b.askWith(b.Context(), &bucket.Ticket{Priority: priority}, draws...)
}

// sliding tells of a window of five of which three are used, and a unit comes back each two seconds.
func (b *bubble) sliding(d bucket.Draw) {
	qs := b.askAll(3, d)
	for i, q := range qs {
		q.done(window(d, 5, 4-i, 2*sec*(1+durationOf(i))))
	}
}

func TestAShareOfEachLimitIsForThoseOfHigherPriority(t *testing.T) {
	window5 := open("w", "")
	for _, tt := range []struct {
		name     string
		share    float64
		draw     bucket.Draw
		set      func(b *bubble)
		ordinary int // how many ordinary ones may go
		all      int
		again    int // from when the next ordinary one may, in seconds
	}{
		{"window", 0.4, window5, func(b *bubble) { b.ask(window5).done(window(window5, 5, 4, 10*sec)) }, 2, 4, 10},
		{"quota", 0.4, quota("q", 5, 10*sec), nil, 3, 5, 10},
		{"cut to whole units", 0.39, quota("q", 5, 10*sec), nil, 4, 5, 10},
		{"of a window, too", 0.39, window5, func(b *bubble) {
			b.ask(window5).done(window(window5, 5, 4, 10*sec))
		}, 3, 4, 10},
		{"small limits keep none", 0.4, quota("q", 2, 10*sec), nil, 2, 2, 10},
		{"at most nine of ten", math.Inf(1), quota("q", 20, 10*sec), nil, 2, 20, 10},
		{"no share", -1, quota("q", 10, 10*sec), nil, 10, 10, 10},
		{"no number", math.NaN(), quota("q", 10, 10*sec), nil, 10, 10, 10},
		{"a pace has none", 0.5, pace("p", sec, 4), nil, 4, 4, 1},
		{"a pace beside a quota has none", 0.1, bucket.Draw{
			Key: key("p", ""), Policy: &bucket.Policy{Quota: 100, Window: 100 * sec, Every: sec, Burst: 2},
		}, nil, 2, 2, 1},
		{"what is in flight beside a quota has none", 0.1, bucket.Draw{
			Key: key("p", ""), Policy: &bucket.Policy{Quota: 100, Window: 100 * sec, Concurrent: 2},
		}, nil, 2, 2, -1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, priority := range []int{0, -7} {
				inBubble(t, &bucket.Options{Reserve: tt.share}, func(b *bubble) {
					if tt.set != nil {
						tt.set(b)
					}
					for range tt.ordinary {
						b.prefer(priority, tt.draw).wantAt(0)
					}
					last := b.prefer(priority, tt.draw)
					last.wantWaiting()
					for range tt.all - tt.ordinary {
						b.prefer(1, tt.draw).wantAt(0)
					}
					more := b.prefer(1, tt.draw)
					more.wantWaiting()
					if again := durationOf(tt.again) * sec; again > 0 {
						b.pass(again - 1)
						wantWaiting(2, last, more)
						b.pass(1)
						more.wantAt(again)
					}
				})
			}
		})
	}
}

func TestUnitsThatComeBackOneByOneGoFirstToTheReserve(t *testing.T) {
	inBubble(t, &bucket.Options{Reserve: 0.4}, func(b *bubble) {
		d := open("s", "")
		b.sliding(d) // two are left, and one more each two seconds
		q := b.ask(d)
		b.pass(2*sec - 1)
		q.wantWaiting()
		b.pass(1)
		q.wantAt(2 * sec)
	})
	inBubble(t, &bucket.Options{Reserve: 0.4}, func(b *bubble) {
		d := open("s", "")
		b.sliding(d)
		q := b.ask(weighing(4, d)) // with what it leaves to others, it is more than all
		b.pass(6 * sec)
		q.wantAt(6 * sec)
	})
	inBubble(t, &bucket.Options{Reserve: 0.4}, func(b *bubble) {
		d := open("s", "")
		b.sliding(d)
		q := b.ask(d)
		for i := range 2 {
			p := b.prefer(1, d)
			p.wantAt(0)
			p.done(window(d, 5, 1-i, 2*sec*(4+durationOf(i))))
		}
		b.pass(6 * sec) // five are used, and with three it has to leave two
		q.wantAt(6 * sec)
	})
}

func TestTheReserveIsNotHeldUpByThoseWhoMayNotUseIt(t *testing.T) {
	inBubble(t, &bucket.Options{Reserve: 0.4}, func(b *bubble) {
		d := open("w", "")
		b.ask(d).done(window(d, 5, 2, 60*sec))
		first, second := b.ask(d), b.ask(d)
		b.pass(15 * sec)
		for range 2 { // though they come so much later that the others go before them
			p := b.prefer(1, d)
			p.wantAt(15 * sec)
			p.done()
		}
		third := b.prefer(1, d)
		b.pass(45 * sec)
		for _, q := range []*request{first, second, third} {
			q.wantAt(60 * sec)
		}
	})
}

func TestThoseOfTheReserveGoInTheirOwnOrder(t *testing.T) {
	inBubble(t, &bucket.Options{Reserve: 0.5}, func(b *bubble) {
		d := open("w", "")
		b.ask(d).done(window(d, 20, 3, 60*sec))
		ordinary := b.ask(d)
		b.pass(15 * sec)                                             // so long that it goes before them
		first, second := b.prefer(1, weighing(4, d)), b.prefer(1, d) // which would find room
		wantWaiting(3, ordinary, first, second)
		b.pass(45 * sec)
		for _, q := range []*request{ordinary, first, second} {
			q.wantAt(60 * sec)
		}
	})
}

func TestUnitsOfTheReserveGoToThoseWhoWaitForThemWhenTheyComeBack(t *testing.T) {
	for _, cancelled := range []bool{false, true} {
		inBubble(t, &bucket.Options{Reserve: 0.4}, func(b *bubble) {
			d := b.warm(quota("q", 5, 60*sec))
			b.ask(d)
			b.pass(10 * sec)
			b.ask(d)
			b.pass(10 * sec)
			b.ask(d)
			b.pass(10 * sec)
			b.prefer(1, d)
			b.pass(10 * sec)
			b.prefer(1, d).wantAt(40 * sec)
			ordinary := b.ask(d)
			b.pass(11 * sec)
			waits := b.prefer(1, d) // behind the ordinary one, by its ticket
			if cancelled {          // so that the line is looked at in between
				b.ask(d).cancel()
			}
			b.pass(9*sec - 1)
			wantWaiting(2, ordinary, waits)
			b.pass(1)
			waits.wantAt(60 * sec) // with the unit of 0 s
			b.pass(12 * sec)
			b.prefer(1, d).wantAt(72 * sec) // with that of 10 s
			b.pass(30 * sec)
			ordinary.wantAt(100 * sec) // with that of 40 s there are three again
		})
	}
}

func TestAHeavyRequestMayUseTheReserveWhenAllIsThere(t *testing.T) {
	for _, d := range []bucket.Draw{quota("q", 10, 10*sec), open("w", "")} {
		inBubble(t, &bucket.Options{Reserve: 0.5}, func(b *bubble) {
			other := open("w", "other") // of which it is known that a window holds ten
			b.ask(other).done(window(other, 10, 9, 10*sec))
			d.Weight = 9
			q, again := b.ask(d), b.ask(d)
			q.wantAt(0)
			q.done(window(open("w", ""), 10, 1, 10*sec))
			again.wantWaiting()
			b.pass(10 * sec)
			again.wantAt(10 * sec)
		})
	}
}

func TestAnEstimateKnowsOfTheReserve(t *testing.T) {
	window5, window10 := open("w", ""), open("v", "")
	for _, tt := range []struct {
		name     string
		draw     bucket.Draw
		set      func(b *bubble)
		waiting  []int // priorities of those who wait
		priority int
		want     int // seconds
	}{
		{"a quota", quota("q", 5, 10*sec), nil, nil, 0, 10},
		{"a quota, three at a time", quota("q", 5, 10*sec), nil, []int{0, 0, 0, 0, 0}, 0, 20},
		{"a quota, of which those above use more", quota("q", 5, 10*sec), nil, []int{1, 1, 0, 0, 0, 0, 0}, 0, 20},
		{"a quota's reserve", quota("q", 5, 10*sec), nil, []int{0, 0, 0, 0, 0, 0}, 1, 10},
		{"a window, three at a time", window5, func(b *bubble) {
			b.ask(window5).done(window(window5, 5, 2, 10*sec))
		}, []int{0, 0, 0, 0, 0}, 0, 20},
		{"a window's reserve", window10, func(b *bubble) {
			b.ask(window10).done(window(window10, 10, 4, 10*sec))
			for range 4 {
				b.prefer(1, window10)
			}
		}, []int{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, 1, 10},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, &bucket.Options{Reserve: 0.4}, func(b *bubble) {
				if tt.set == nil {
					for range 3 {
						b.ask(tt.draw).wantAt(0)
					}
					for range 2 {
						b.prefer(1, tt.draw).wantAt(0)
					}
				} else {
					tt.set(b)
				}
				b.pass(0)
				for _, p := range tt.waiting {
					b.prefer(p, tt.draw).wantWaiting()
				}
				want := durationOf(tt.want) * sec
				ctx, cancel := context.WithTimeout(b.Context(), want-1)
				defer cancel()
				b.askWith(ctx, &bucket.Ticket{Priority: tt.priority}, tt.draw).
					wantError(0, tt.draw.Key, want, context.DeadlineExceeded)
			})
		})
	}
}

func TestAnEstimateLeavesOutThoseWhoMayNotUseTheReserve(t *testing.T) {
	inBubble(t, &bucket.Options{Reserve: 0.4}, func(b *bubble) {
		d := quota("q", 5, time.Minute)
		b.askAll(3, d)
		b.prefer(1, d)
		b.prefer(1, d).wantAt(0)
		b.askAll(12, d)
		b.pass(15 * sec) // so that they go before those of a priority higher by one
		b.askWith(b.Context(), &bucket.Ticket{Priority: 1, MaxWait: 45*sec - 1}, d).
			wantError(15*sec, d.Key, time.Minute, bucket.ErrMaxWait)
		q := b.askWith(b.Context(), &bucket.Ticket{Priority: 1, MaxWait: 45*sec + 1}, d)
		b.pass(45 * sec)
		q.wantAt(time.Minute)
	})
}

func TestWhatIsSetAsideMayBeOfTheReserve(t *testing.T) {
	inBubble(t, &bucket.Options{Reserve: 0.5}, func(b *bubble) {
		x, y := b.never(4) // of which the crowds leave two
		for _, c := range []*crowd{x, y} {
			for range 2 { // and others use these
				go func() {
					for {
						lease, err := b.AcquireTicket(b.Context(), &bucket.Ticket{Priority: 1}, c.draw)
						if err != nil {
							return
						}
						lease.Done(time.Now(), c.count()...)
					}
				}()
			}
		}
		q := b.ask(x.draw, y.draw)
		b.pass(0)
		q.wantFavoured(75 * sec)
		b.pass(5 * sec)
		q.wantAt(80 * sec)
	})
}

func TestOneThatComesToBeFavouredGoesAtOnceIfOnlyTheReserveHeldItBack(t *testing.T) {
	inBubble(t, &bucket.Options{Reserve: 0.5}, func(b *bubble) {
		x, y := b.never(2) // of which the crowds leave one
		q := b.ask(x.draw, y.draw)
		b.pass(64*sec - 1)
		q.wantWaiting()
		b.pass(1)
		q.wantAt(65 * sec) // at x, of which a unit is left
	})
}

func TestAShareOfWholeUnitsIsNotCut(t *testing.T) {
	inBubble(t, &bucket.Options{Reserve: 0.29}, func(b *bubble) {
		d := open("limit", "")
		b.ask(d).done(window(d, 100, 99, 10*sec))
		wantWaiting(29, b.askAll(99, d)...)
		wantWaiting(29, b.askAll(100, quota("quota", 100, 10*sec))...)
	})
}

// The window has room before the quota has.
func TestWhoWaitsForMoreThanTheReserveIsLookedAtOnceAllElseAllowsIt(t *testing.T) {
	inBubble(t, &bucket.Options{Reserve: 0.4}, func(b *bubble) {
		d := quota("q", 5, time.Minute)
		for i := range 5 {
			b.prefer(1, d).done(window(d, 5, 4-i, 30*sec))
		}
		ordinary := b.ask(d)
		b.pass(15 * sec) // so long that it goes before the other
		waits := b.prefer(1, d)
		wantWaiting(2, ordinary, waits)
		if at := b.WakesAt(d.Key).Sub(b.start); at != time.Minute {
			b.Errorf("they are looked at after %v, want %v", at, time.Minute)
		}
		b.pass(45 * sec)
		ordinary.wantAt(time.Minute)
		waits.wantAt(time.Minute)
	})
}

func TestThoseOfTheReserveWaitBehindOneForWhomAWindowHasNoRoomEvenWithIt(t *testing.T) {
	inBubble(t, &bucket.Options{Reserve: 0.5}, func(b *bubble) {
		d := open("w", "")
		b.ask(d).done(window(d, 20, 3, 60*sec))
		ordinary := b.ask(weighing(4, d))
		b.pass(15 * sec)        // so long that it goes before the other
		waits := b.prefer(1, d) // which would find room
		wantWaiting(2, ordinary, waits)
		b.pass(45 * sec)
		ordinary.wantAt(60 * sec)
		waits.wantAt(60 * sec)
	})
}

func TestAHeavyRequestOfTheReserveDelaysNobodyBeforeIt(t *testing.T) {
	inBubble(t, &bucket.Options{Reserve: 0.25}, func(b *bubble) {
		d := b.warm(quota("q", 4, 100*sec))
		for range 3 {
			b.ask(d).done()
			b.pass(10 * sec)
		}
		q := b.ask(d) // at 30 s, for the first unit, as the last is not for it
		b.pass(20 * sec)
		heavy := d
		heavy.Weight = 3
		b.prefer(1, heavy).wantWaiting() // behind it, for the second
		b.pass(50*sec - 1)
		q.wantWaiting()
		b.pass(1)
		q.wantAt(100 * sec)
	})
}
