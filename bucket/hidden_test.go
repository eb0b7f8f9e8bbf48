package bucket_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/underlimit/underlimit/bucket"
)

var hiddenPolicy = &bucket.Policy{Hidden: true}

// hidden is a draw on a bucket under a limit of which only refusals tell.
func hidden(subject string) bucket.Draw {
	return bucket.Draw{Key: key("hidden", subject), Policy: hiddenPolicy}
}

// shown is a refusal by that limit.
func shown(d bucket.Draw, length time.Duration) bucket.Block {
	return bucket.Block{Key: d.Key, For: length, Hidden: true}
}

// taught has n requests pass, and the next one be refused for so long.
func (b *bubble) taught(d bucket.Draw, n int, length time.Duration) {
	b.Helper()
	for range n {
		b.ask(d).done()
	}
	b.ask(d).done(shown(d, length))
}

// quotaOf is what is known of the draw's limit.
func (b *bubble) quotaOf(d bucket.Draw) bucket.Policy {
	return *b.Explain(nil, d).Buckets[0].Policy
}

// A reticent server has a limit for each subject of which only its refusals tell.
type reticent struct {
	*bubble
	fresh    func() worldCounter // a subject's
	mu       sync.Mutex
	counters map[string]worldCounter
	passed   int
	refused  int
}

func (s *reticent) count(subject string) (wait time.Duration, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.counters[subject]
	if c == nil {
		c = s.fresh()
		s.counters[subject] = c
	}
	if _, wait, ok = c.take(1); ok {
		s.passed++
		return 0, true
	}
	s.refused++
	return wait, false
}

// send sends a request until it is processed.
func (s *reticent) send(d bucket.Draw) {
	ticket := new(bucket.Ticket)
	for {
		lease, err := s.AcquireTicket(s.Context(), ticket, d)
		if err != nil {
			return
		}
		time.Sleep(40 * ms)
		wait, ok := s.count(d.Key.Subject)
		time.Sleep(60 * ms)
		if ok {
			lease.Done(time.Now())
			return
		}
		lease.Done(time.Now(), shown(d, wait))
	}
}

// A log is a counter in which each unit comes back a window after it was taken.
type log struct {
	limit  int
	length time.Duration
	taken  []time.Time
}

func (l *log) take(int) (remaining int, after time.Duration, ok bool) {
	now := time.Now()
	for len(l.taken) > 0 && !now.Before(l.taken[0].Add(l.length)) {
		l.taken = l.taken[1:]
	}
	if len(l.taken) >= l.limit {
		return 0, l.taken[0].Add(l.length).Sub(now), false
	}
	l.taken = append(l.taken, now)
	return l.limit - len(l.taken), l.length, true
}

// A refill is a counter in which one unit comes back each period.
type refill struct {
	limit  int
	period time.Duration
	full   time.Time
}

func (r *refill) take(int) (remaining int, after time.Duration, ok bool) {
	now := time.Now()
	if r.full.Before(now) {
		r.full = now
	}
	next := r.full.Add(r.period)
	if over := next.Sub(now) - time.Duration(r.limit)*r.period; over > 0 {
		return 0, over, false
	}
	r.full = next
	return 0, 0, true
}

func reticentOf(b *bubble, fresh func() worldCounter) *reticent {
	return &reticent{bubble: b, fresh: fresh, counters: map[string]worldCounter{}}
}

func TestOfManyRequestsAtOnceAHiddenLimitRefusesOne(t *testing.T) {
	const length = 10 * time.Minute
	for name, fresh := range map[string]func() worldCounter{
		"fixed windows": func() worldCounter { return &fixed{limit: 3, length: length} },
		"a log":         func() worldCounter { return &log{limit: 3, length: length} },
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, nil, func(b *bubble) {
				s := reticentOf(b, fresh)
				var wg sync.WaitGroup
				for i := range 10 * 30 {
					wg.Go(func() { s.send(hidden(fmt.Sprint(i % 10))) })
				}
				wg.Wait()
				if s.refused != 1 || s.passed != 300 {
					b.Errorf("%d refused, %d passed, want 1 and 300", s.refused, s.passed)
				}
				// Nine windows pass before the last three of each; and the first three went one after the other.
				if least := 9 * length; b.now() < least || b.now() > least+9*100*ms+2*sec {
					b.Errorf("took %v, want %v and hardly more", b.now(), least)
				}
			})
		})
	}
}

// One unit comes back at a time: the first refusal does not show that, and the second does.
func TestAHiddenLimitThatRefillsIsKeptAsAPace(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		s := reticentOf(b, func() worldCounter { return &refill{limit: 5, period: 20 * sec} })
		var wg sync.WaitGroup
		for range 200 {
			wg.Go(func() { s.send(hidden("1")) })
		}
		wg.Wait()
		if s.refused > 5 || s.passed != 200 { // the first, and of the next time those that were under way together
			b.Errorf("%d refused, %d passed, want at most 5, and 200", s.refused, s.passed)
		}
		if best := 195 * 20 * sec; b.now() > best+best/50 {
			b.Errorf("took %v, want hardly more than %v", b.now(), best)
		}
	})
}

// Whatever the limit, and whatever came before the first refusal, there are few, and nobody waits much longer than need be.
func TestAHiddenLimitOfAnyKindIsLearnedByFewRefusals(t *testing.T) {
	for seed := range uint64(60) {
		rnd := rand.New(rand.NewPCG(seed, 3))
		limit, length := 1+rnd.IntN(40), time.Duration(5+rnd.IntN(1200))*sec
		fresh := []func() worldCounter{
			func() worldCounter { return &fixed{limit: limit, length: length} },
			func() worldCounter { return &log{limit: limit, length: length} },
			func() worldCounter { return &refill{limit: limit, period: length / time.Duration(limit)} },
		}[seed%3]
		t.Run(fmt.Sprint(seed%3, " of ", limit, " in ", length, " by ", seed), func(t *testing.T) {
			inBubble(t, nil, func(b *bubble) {
				s := reticentOf(b, fresh)
				var wg sync.WaitGroup
				n := limit * 12
				for i := range n {
					wg.Go(func() { s.send(hidden("1")) })
					if i < 2*limit { // at first they come now and then
						time.Sleep(time.Duration(rnd.Int64N(int64(length))) / time.Duration(limit))
					}
				}
				wg.Wait()
				if s.refused > 4 || s.passed != n {
					b.Errorf("%d refused, %d of %d passed, want at most 4, and all", s.refused, s.passed, n)
				}
				if most := 2*14*length + time.Minute; b.now() > most {
					b.Errorf("took %v, want at most %v", b.now(), most)
				}
				if got := b.stats(); got.Waiting != 0 || got.InFlight != 0 || b.Referred() != 0 || b.Timer() {
					b.Errorf("left behind: %+v", got)
				}
			})
		})
	}
}

func TestWhatRefusalsShowOfOneBucketIsKeptByAllOfItsKind(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		b.taught(hidden("1"), 3, time.Minute)
		other := hidden("2")
		qs := b.askAll(4, other)
		for _, q := range qs[:3] {
			q.wantAt(0)
			q.done()
		}
		stranger := of("stranger", hidden("1"))
		for range 5 {
			b.ask(stranger).done() // between credentials nothing is carried over
		}
		b.pass(time.Minute)
		qs[3].wantAt(time.Minute)
		if p := b.quotaOf(other); p.Quota != 3 || p.Window != time.Minute {
			b.Errorf("it explains %+v", p)
		}
	})
}

func TestWhileAHiddenLimitIsUnknownOneMoreThanEverPassedGoesAhead(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		first := b.ask(hidden("1"))
		others := []*request{b.ask(hidden("1")), b.ask(hidden("2")), b.ask(hidden("3"))}
		wantWaiting(3, others...)
		first.done() // a first one has passed: so may those of the others
		others[1].wantAt(0)
		others[2].wantAt(0)
		others[0].wantAt(0)
		again := b.askAll(2, hidden("2"))
		wantWaiting(2, again...) // the second of bucket 1 is the one now
		others[0].granted().Lost()
		synctest.Wait()
		wantWaiting(0, again...) // it may have passed, so may another second one, and the third goes ahead
		third := b.ask(hidden("4"), hidden("5"))
		third.wantAt(0)
		fourth := b.ask(hidden("2"))
		fourth.wantWaiting()
		again[1].granted().Cancel()
		b.pass(0)
		fourth.wantAt(0)
	})
}

func TestARefusalThatAKnownCounterExplainsTeachesNothing(t *testing.T) {
	route, counter := learned("route", "1"), learned("counter", "1")
	for name, tt := range map[string]struct {
		updates []bucket.Update
		want    int
	}{
		"it is the route's, and known":     {[]bucket.Update{alias(route, counter), window(counter, 10, 5, sec)}, 0},
		"it is the route's, and not known": {[]bucket.Update{alias(route, counter)}, 1},
		"it is known, and not the route's": {[]bucket.Update{window(counter, 10, 5, sec)}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, nil, func(b *bubble) {
				d := hidden("1")
				b.ask(route, d).done(tt.updates...)
				b.ask(route, d).done(shown(d, time.Minute), block(counter, time.Minute))
				if got := b.quotaOf(d).Quota; got != tt.want {
					b.Errorf("learned a limit of %d, want %d", got, tt.want)
				}
			})
		})
	}
}

func TestOnlyRefusalsOfHiddenLimitsTeach(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := hidden("1")
		b.ask(d).done()
		b.ask(d).done(block(d, time.Minute))                      // of something else
		b.ask(open("a", "")).done(shown(d, 0))                    // without a time
		b.ask(hidden("2")).done(shown(hidden("2"), 48*time.Hour)) // cut short
		b.ask(open("b", "")).done(shown(open("b", ""), sec))
		b.ask(hidden("3")).done(shown(hidden("3"), time.Minute)) // before anything passed there
		if p := b.quotaOf(hidden("4")); p.Quota != 0 || p.Every != 0 {
			b.Errorf("learned %+v", p)
		}
	})
}

func TestALateRefusalByAHiddenLimitMayBeOfOthersAndASoonOneShowsAPace(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := hidden("1")
		b.taught(d, 2, time.Minute)
		b.pass(time.Hour)
		b.ask(d).done(shown(d, time.Minute))
		if p := b.quotaOf(d); p.Quota != 2 {
			b.Errorf("after an hour a refusal makes it %+v", p)
		}
		b.pass(time.Minute)
		b.ask(d).done()
		b.pass(sec)
		b.ask(d).done(shown(d, 2*time.Minute))
		if p := b.quotaOf(d); p.Quota != 0 || p.Every < time.Minute || p.Every > 5*time.Minute {
			b.Errorf("after another a minute later it is %+v", p)
		}
	})
}

// What passes between two refusals would explain a pace quicker than the one that was refused.
func TestAHiddenLimitThatRefusesWhatWasSlowEnoughIsKeptHalfAsQuickly(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := hidden("1")
		b.taught(d, 2, time.Minute)
		b.pass(time.Minute)
		b.ask(d).done()
		b.ask(d).done(shown(d, 5*sec))
		if p := b.quotaOf(d); p.Quota != 0 || p.Every != time.Minute {
			b.Errorf("it is %+v, want a pace of half of two a minute", p)
		}
	})
}

func TestAHiddenLimitIsLearnedAnewAfterADayThenAfterTwoAndAtLastEach32(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := hidden("1")
		b.taught(d, 2, time.Minute)
		for _, days := range []int{1, 2, 4, 8, 16, 32, 32} {
			b.pass(time.Duration(days)*24*time.Hour - sec)
			if p := b.quotaOf(hidden(fmt.Sprint("new within ", days))); p.Quota != 2 {
				b.Fatalf("within %d days it is %+v", days, p)
			}
			b.pass(2 * sec)
			if p := b.quotaOf(hidden(fmt.Sprint("new after ", days))); p.Quota != 0 {
				b.Fatalf("after %d days it is %+v", days, p)
			}
			for range 2 {
				b.ask(d).done()
			}
			q, another := b.ask(d), b.ask(d)
			another.wantWaiting() // one more than ever passed
			q.done(shown(d, time.Minute))
			another.cancel()
			b.pass(0)
		}
	})
}

func TestWhatOneHoldsBackForAHiddenLimitGoesOnceThatIsForgotten(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := hidden("1")
		b.taught(d, 1, 20*time.Hour)
		b.pass(20*time.Hour + sec)
		b.ask(d).done()
		q := b.ask(d) // a day after the lesson, four hours from now, and not twenty
		b.pass(4 * time.Hour)
		last := b.ask(d)
		b.pass(0)
		last.cancel()
		b.pass(0)
		if !q.ended() || q.err != nil {
			b.Errorf("it waits after %v", b.now())
		}
	})
}

func TestAPastIsBounded(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := hidden("1")
		for range 1000 {
			b.ask(d).done()
		}
		if n := b.Remembered(d.Key); n != 256 {
			b.Errorf("%d units are remembered, want 256", n)
		}
		b.ask(d).done(shown(d, time.Minute))
		if p := b.quotaOf(d); p.Quota != 256 || p.Window != time.Minute {
			b.Errorf("learned %+v", p)
		}
	})
}

func TestABucketIsKeptForItsPastForAnHour(t *testing.T) {
	for after, want := range map[time.Duration]int{59 * time.Minute: 1, 61 * time.Minute: 0} {
		inBubble(t, nil, func(b *bubble) {
			d := hidden("1")
			b.ask(d).done()
			b.pass(after)
			for i := range 20 { // each looks at a few
				b.ask(open("a", fmt.Sprint(i))).done()
			}
			if got := b.Remembered(d.Key); got != want {
				b.Errorf("after %v %d units are remembered, want %d", after, got, want)
			}
		})
	}
}

func TestAHiddenLimitOutlivesARestart(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := hidden("1")
		b.taught(d, 3, time.Minute)
		b.pass(time.Minute)
		b.ask(d).done()
		var file bytes.Buffer
		if err := b.Save(&file); err != nil {
			b.Fatal(err)
		}
		next := &bubble{T: b.T, Registry: bucket.NewRegistry(nil), start: b.start}
		if err := next.Load(&file); err != nil {
			b.Fatal(err)
		}
		for range 2 {
			next.ask(d).wantAt(time.Minute)
		}
		q := next.ask(d)
		next.pass(time.Minute)
		q.wantAt(2 * time.Minute)
		for range 3 {
			next.ask(hidden("2")).wantAt(2 * time.Minute)
		}
		next.ask(hidden("2")).wantWaiting()
		next.pass(24 * time.Hour)
		if p := next.quotaOf(hidden("3")); p.Quota != 0 {
			b.Errorf("after its term it is %+v", p)
		}
	})
}

// A window of 100 tells of itself, and another limit of 2 a minute only refuses.
func TestARefusalThatNothingExplainsShowsThatThereIsAHiddenLimit(t *testing.T) {
	for counted, told := range map[string]func(d bucket.Draw, left int) []bucket.Update{
		"by a counter": func(d bucket.Draw, left int) []bucket.Update {
			c := learned("counter", d.Key.Subject)
			return []bucket.Update{alias(d, c), window(c, 100, left, time.Hour)}
		},
		"by itself": func(d bucket.Draw, left int) []bucket.Update { return []bucket.Update{window(d, 100, left, time.Hour)} },
		"unknown":   func(bucket.Draw, int) []bucket.Update { return nil },
	} {
		t.Run(counted, func(t *testing.T) {
			inBubble(t, nil, func(b *bubble) {
				d, other := learned("route", "1"), learned("route", "2")
				for i := range 2 {
					b.ask(d).done(told(d, 99-i)...)
				}
				b.ask(d).done(shown(d, time.Minute))
				b.pass(time.Minute)
				for i := range 2 { // the first that are noted
					b.ask(d).done(told(d, 97-i)...)
				}
				b.ask(d).done(shown(d, time.Minute))
				if p := b.quotaOf(d); p.Quota != 2 || p.Window != time.Minute {
					b.Fatalf("learned %+v", p)
				}
				b.pass(time.Minute)
				for i := range 2 {
					b.ask(d).done(told(d, 95-i)...)
					b.ask(other).done(told(other, 99-i)...)
				}
				mine, another := b.ask(d), b.ask(other)
				b.pass(time.Minute - 1)
				wantWaiting(2, mine, another)
				b.pass(1)
				mine.wantAt(3 * time.Minute)
				another.wantAt(3 * time.Minute)
			})
		})
	}
}

// It may well be that of the counter that it names, which others have used up.
func TestWhoGoesAheadToSeeShowsNoHiddenLimitThoughRefused(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d, c := learned("route", "1"), learned("counter", "1")
		for range 2 {
			b.ask(d).done(alias(d, c), shown(d, sec), block(c, sec))
			b.pass(sec)
		}
		b.ask(d).done(block(c, sec))
		b.pass(sec)
		b.ask(d).done(alias(d, c), shown(d, sec), block(c, sec))
		b.pass(sec)
		b.ask(d).done(alias(d, c), window(c, 5, 4, sec))
		if n := b.Remembered(d.Key); n != 0 {
			b.Error("what passes is noted")
		}
	})
}

func TestThoseWhoWaitElsewhereHearOfAHiddenLimitThatIsSuspected(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d, other := learned("route", "1"), learned("route", "2")
		b.ask(d).done()
		b.ask(d).done()
		b.ask(other).done(block(other, time.Minute))
		q := b.ask(other)
		b.ask(d).done(shown(d, sec))
		b.pass(time.Minute)
		q.wantAt(time.Minute)
		q.done()
		if n := b.Remembered(other.Key); n != 1 {
			b.Errorf("%d units are noted of what passed, want 1", n)
		}
	})
}

func TestWhatIsRoundedUpOfARefusalIsNotLearned(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := hidden("1")
		b.ask(d).done()
		refusal := shown(d, 2*sec)
		refusal.Precision = 700 * ms
		b.ask(d).done(refusal)
		if p := b.quotaOf(d); p.Quota != 1 || p.Window != 1300*ms {
			b.Errorf("learned %+v", p)
		}
		q := b.ask(d)
		b.pass(2 * sec)
		q.wantAt(2 * sec)
	})
}

func TestHowMuchEverPassedIsWithinTheWindowOfAHiddenLimit(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := bucket.Draw{Key: key("hidden", "1"), Policy: &bucket.Policy{Hidden: true, Window: 2 * sec}}
		for range 3 {
			b.ask(d).done()
		}
		b.pass(2 * sec)
		qs := b.askAll(4, d)
		for _, q := range qs[:3] { // as many as before may go at once again
			q.wantAt(2 * sec)
		}
		qs[3].wantAt(2 * sec)
		one, more := b.ask(d), b.ask(d)
		wantWaiting(2, one, more)
		for _, q := range qs {
			q.done()
		}
		one.wantAt(2 * sec)
		more.wantWaiting()
		one.done()
		more.wantAt(2 * sec)
	})
}

func TestALimitThatWasSuspectedOutlivesARestart(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := learned("route", "1")
		b.ask(d).done()
		b.ask(d).done()
		b.ask(d).done(shown(d, sec))
		b.pass(sec)
		b.taught(d, 2, time.Minute)
		var file bytes.Buffer
		if err := b.Save(&file); err != nil {
			b.Fatal(err)
		}
		next := &bubble{T: b.T, Registry: bucket.NewRegistry(nil), start: b.start}
		if err := next.Load(&file); err != nil {
			b.Fatal(err)
		}
		other := learned("route", "2")
		next.ask(other).done()
		next.ask(other).done()
		q := next.ask(other)
		next.pass(time.Minute - 1)
		q.wantWaiting()
		next.pass(1)
		q.wantAt(time.Minute + sec)
	})
}

func TestAPolicyThatIsDocumentedStaysWhereAHiddenLimitIsSuspected(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d, documented := learned("route", "1"), learned("route", "2")
		documented.Policy = &bucket.Policy{Quota: 1, Window: time.Hour}
		b.ask(documented).done()
		b.ask(d).done()
		b.ask(d).done()
		b.ask(d).done(shown(d, sec))
		b.pass(sec)
		q := b.ask(learned("route", "2")) // it documents nothing, others do
		q.wantWaiting()
		b.pass(time.Hour - sec)
		q.wantAt(time.Hour)
	})
}

func TestAllWhoGoToSeeWhetherAHiddenLimitAllowsOneMoreAreWaitedFor(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := hidden("1")
		first := b.ask(d)
		second := b.askWith(b.Context(), &bucket.Ticket{Mode: bucket.Shadow}, d)
		third := b.ask(d)
		first.done()
		third.wantWaiting()
		second.done()
		third.wantAt(0)
	})
}

func TestWhatIsExplainedOfAHiddenLimitIsWhatHoldsNow(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := hidden("1")
		b.taught(d, 2, time.Minute)
		if p := b.quotaOf(hidden("never used")); p.Quota != 2 {
			b.Errorf("of another bucket it is %+v", p)
		}
		other := bucket.Draw{Key: key("hidden", "documented"), Policy: &bucket.Policy{Quota: 7, Window: sec}}
		if p := b.quotaOf(other); p.Quota != 7 {
			b.Errorf("of one with a documented quota it is %+v", p)
		}
		b.pass(24*time.Hour - time.Minute)
		b.ask(d).done()
		b.pass(time.Minute)
		if p := b.quotaOf(d); p.Quota != 0 {
			b.Errorf("after a day it is %+v", p)
		}
	})
}

func TestWhoeverPassesAsOneMoreLetsThoseGoWhoWaitForAnotherToSee(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		plain := open("hidden", "1")
		early := b.askAll(2, plain) // before anybody told of a hidden limit there
		b.ask(hidden("2")).done()
		ahead := b.ask(hidden("2"))
		ahead.wantAt(0)
		b.ask(hidden("3")).wantAt(0)
		q := b.ask(hidden("3"))
		b.askWith(b.Context(), &bucket.Ticket{Mode: bucket.Reject}, hidden("1"))
		early[0].done()
		q.wantWaiting()
		early[1].lease.Lost()
		b.pass(0)
		q.wantAt(0)
	})
}

func TestThoseWhoWaitKeepToWhatIsLearnedOfAnOwnerThatTurnsOutToBeTheirs(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		b.taught(hidden("1"), 3, time.Minute)
		ahead := b.ask(of("second", hidden("2")))
		q := b.ask(of("second", hidden("3")))
		ahead.wantAt(0)
		q.wantWaiting()
		b.ask(open("another", "")).done(bucket.SameOwner{Provider: "api", Owner: "owner", As: "second"})
		q.wantAt(0)
		if p := b.quotaOf(of("second", hidden("3"))); p.Quota != 3 {
			b.Errorf("it explains %+v", p)
		}
		ahead.done()
		b.pass(25 * time.Hour) // it is believed no more
		ahead = b.askAll(4, of("second", hidden("4")))[3]
		q = b.askAll(4, of("second", hidden("5")))[3]
		ahead.wantAt(25 * time.Hour)
		q.wantWaiting()
		ahead.granted().Cancel()
		b.pass(0)
		q.wantAt(25 * time.Hour)
	})
}

func TestAHiddenLimitThatIsLearnedIsTold(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := hidden("1")
		for range 3 {
			b.ask(d).done()
		}
		changes := b.ask(d).done(shown(d, time.Minute))
		if want := (bucket.Change{Key: d.Key, Limit: 3}); len(changes) != 2 || changes[1] != want {
			b.Errorf("told of %+v", changes)
		}
	})
}

func TestNobodyGoesAheadAloneForOneMoreThanIsRemembered(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := hidden("1")
		for range 256 {
			b.ask(d).done()
		}
		wantWaiting(0, b.askAll(3, d)...)
	})
}

func TestARefusalOfWhatWasInFlightAtALessonTeachesNothing(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := hidden("1")
		b.ask(d).done()
		b.ask(d).done()
		q, late := b.ask(d), b.askWith(b.Context(), &bucket.Ticket{Mode: bucket.Shadow}, d)
		q.done(shown(d, time.Minute))
		late.done(shown(d, time.Minute))
		if p := b.quotaOf(d); p.Quota != 2 || p.Window != time.Minute || p.Every != 0 {
			b.Errorf("it is %+v, want two a minute", p)
		}
	})
}

// scattered teaches of two a minute, though four passed within an hour.
func (b *bubble) scattered(d bucket.Draw) {
	b.Helper()
	for range 2 {
		b.ask(d).done()
		b.pass(10 * time.Minute)
	}
	b.taught(d, 2, time.Minute)
	if p := b.quotaOf(d); p.Quota != 2 || p.Window != time.Minute {
		b.Fatalf("learned %+v, want two a minute", p)
	}
}

// wantTwoAMinute fails the test unless it is known, of a limit that is believed no more, that two a minute did pass.
func (b *bubble) wantTwoAMinute(d bucket.Draw) {
	b.Helper()
	if p := b.quotaOf(d); p.Quota != 0 {
		b.Fatalf("it is believed still: %+v", p)
	}
	b.ask(d).done() // too long ago to count
	b.pass(time.Minute)
	qs := b.askAll(4, d)
	wantWaiting(1, qs...) // the third goes ahead
	qs[3].cancel()
	b.pass(0)
}

func TestOnceALessonIsForgottenAsManyGoAtOnceAsItSaidMayInItsWindow(t *testing.T) {
	for _, window := range []time.Duration{0, 50 * time.Minute} {
		for _, restarted := range []bool{false, true} {
			inBubble(t, nil, func(b *bubble) {
				one, two := hidden("1"), hidden("2")
				one.Policy = &bucket.Policy{Hidden: true, Window: window}
				two.Policy = one.Policy
				b.scattered(one)
				if restarted {
					b = b.restart()
				}
				b.pass(24 * time.Hour)
				b.wantTwoAMinute(two)
			})
		}
	}
}

func TestHowLongTheNextLessonIsBelievedOutlivesARestart(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := hidden("1")
		b.taught(d, 2, time.Minute)
		b = b.restart()
		b.pass(24 * time.Hour)
		b.taught(d, 2, time.Minute)
		b.pass(48*time.Hour - 1)
		if p := b.quotaOf(hidden("2")); p.Quota != 2 {
			b.Errorf("within two days it is %+v", p)
		}
		b.pass(1)
		if p := b.quotaOf(hidden("2")); p.Quota != 0 {
			b.Errorf("after two days it is %+v", p)
		}
	})
}

func TestThoseWhoWaitElsewhereGoAtOnceIfALessonAllowsIt(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		one, two, three := hidden("1"), hidden("2"), hidden("3")
		b.ask(two).done()
		b.ask(two).done()
		b.pass(10 * time.Minute)
		b.ask(one).done()
		refused := b.ask(one) // as many as passed before
		ahead := b.askAll(3, three)
		wantWaiting(0, ahead...)
		q := b.ask(two) // a third within an hour
		q.wantWaiting()
		refused.done(shown(one, time.Minute))
		q.wantAt(10 * time.Minute) // as one a minute may go
	})
}

func TestWhatPassedByBothNamesSinceARefusalCountsForThePaceThatTheNextShows(t *testing.T) {
	for _, turned := range []bool{false, true} {
		inBubble(t, nil, func(b *bubble) {
			one, other := hidden("1"), hidden("2")
			b.taught(one, 2, time.Minute)
			b.pass(time.Minute)
			b.ask(one).done()
			b.ask(other).done()
			b.ask(other).done()
			name, id := one, other
			if turned {
				name, id = id, name
			}
			b.ask(open("another", "")).done(sameBucket(name, id))
			b.pass(time.Minute)
			b.ask(id).done(shown(id, time.Minute))
			// Three passed from the end of the first block, at one minute, to that of the second, at three.
			if p := b.quotaOf(id); p.Quota != 0 || p.Every != 40*sec {
				b.Errorf("turned: %t; it is %+v, want one each 40 s", turned, p)
			}
		})
	}
}

func TestWhatPassedByANameIsRememberedOfTheBucketThatRemembersNothing(t *testing.T) {
	for _, turned := range []bool{false, true} {
		inBubble(t, nil, func(b *bubble) {
			name, id := hidden("#general"), hidden("C1")
			b.taught(name, 2, time.Minute)
			b.ask(id) // in flight, it owes a unit
			if turned {
				name, id = id, name
			}
			b.ask(open("another", "")).done(sameBucket(name, id))
			if n := b.Remembered(id.Key); n != 2 {
				b.Errorf("turned: %t; %d units are remembered, want 2", turned, n)
			}
		})
	}
}

func TestWhatPassedByTwoNamesIsRememberedInOrder(t *testing.T) {
	for _, turned := range []bool{false, true} {
		inBubble(t, nil, func(b *bubble) {
			name, id := hidden("#general"), hidden("C1")
			b.ask(name).done()
			b.pass(10 * time.Minute)
			b.ask(id).done()
			if turned {
				name, id = id, name
			}
			b.ask(open("another", "")).done(sameBucket(name, id))
			b.ask(id).done(shown(id, time.Minute))
			if p := b.quotaOf(id); p.Quota != 1 || p.Window != time.Minute {
				b.Errorf("turned: %t; it is %+v, want one a minute", turned, p)
			}
		})
	}
}

func TestThePastOfTwoNamesIsBounded(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		name, id := hidden("#general"), hidden("C1")
		for range 200 {
			b.ask(name).done()
			b.ask(id).done()
		}
		b.ask(open("another", "")).done(sameBucket(name, id))
		if n := b.Remembered(id.Key); n != 256 {
			b.Errorf("%d units are remembered, want 256", n)
		}
	})
}

func TestWhoWaitsForAVentureGoesAsItsAnswerIsToldNotAsItCame(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		other := quota("q", 1, time.Minute)
		venture := b.ask(hidden("1"))
		q := b.ask(hidden("2"), other)
		q.wantWaiting()
		received := time.Now()
		b.pass(time.Minute)
		venture.granted().Done(received)
		b.pass(0)
		q.done()
		next := b.ask(other)
		b.pass(time.Minute - 1)
		next.wantWaiting() // a minute after q went
	})
}
