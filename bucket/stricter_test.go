package bucket_test

import (
	"strings"
	"testing"
	"time"

	"github.com/underlimit/underlimit/bucket"
)

func documented() bucket.Draw { return quota("read", 20, 60*sec) }

var onePerMinute = &bucket.Policy{Quota: 1, Window: 60 * sec}

func stricter(d bucket.Draw, length time.Duration) bucket.Stricter {
	return bucket.Stricter{Key: d.Key, Policy: onePerMinute, For: length}
}

func TestARefusalThatTheDocumentedLimitDoesNotExplainShowsAStricterOne(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := documented()
		b.ask(d).done()
		late := b.ask(d)
		changes := late.done(block(d, 30*sec), stricter(d, 10*time.Minute))
		if want := (bucket.Change{Key: d.Key, Limit: 1}); len(changes) != 2 || changes[1] != want {
			b.Errorf("told of %+v", changes)
		}
		qs := b.askAll(3, d)
		for i, at := range []time.Duration{30 * sec, 90 * sec, 150 * sec} {
			b.pass(at - b.now() - 1)
			wantWaiting(3-i, qs...)
			b.pass(1)
			qs[i].wantAt(at)
			qs[i].done()
		}
		b.pass(8 * time.Minute)
		qs = b.askAll(20, d) // it is forgotten
		wantWaiting(0, qs...)
		b.ask(d).wantWaiting()
	})
}

func TestWhatIsStricterHoldsThoseWhoWaitAlready(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := documented()
		late := b.ask(d)
		b.ask(d).done(block(d, 5*sec))
		qs := b.askAll(3, d)
		late.done(stricter(d, time.Hour))
		b.pass(5 * sec)
		wantWaiting(2, qs...)
		qs[0].done()
		b.pass(60*sec - 1)
		wantWaiting(2, qs...)
		b.pass(1)
		wantWaiting(1, qs...)
	})
}

func TestARefusalWithHalfOfTheDocumentedLimitUsedShowsAStricterOne(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := documented()
		answer(b.askAll(9, d))
		b.ask(d).done(stricter(d, time.Hour))
		b.pass(60 * sec)
		wantWaiting(1, b.askAll(2, d)...)
	})
}

func TestARefusalThatTheDocumentedLimitExplainsShowsNothing(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := documented()
		answer(b.askAll(10, d))
		b.ask(d).done(block(d, 30*sec), stricter(d, time.Hour))
		b.pass(60 * sec)
		qs := b.askAll(2, d)
		wantWaiting(1, qs...) // after a block one goes first
		qs[0].done()
		wantWaiting(0, qs...)
	})
}

func TestWhatIsStricterOutlivesARestart(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := documented()
		b.ask(d).done(stricter(d, time.Hour))
		b = b.restart()
		b.ask(d).done()
		q := b.ask(d)
		b.pass(60*sec - 1)
		q.wantWaiting()
		b.pass(1)
		q.wantAt(60 * sec)
		q.done()
		b.pass(59 * time.Minute)
		if strings.Contains(string(b.saved()), "strict") {
			b.Errorf("it is kept for ever: %s", b.saved())
		}
	})
}

func TestWhatIsStricterIsSoForWhomeverTheOwnerTurnsOutToBe(t *testing.T) {
	for name, seconds := range map[string]time.Duration{"nothing was": 0, "it was": sec, "it is for longer": 2 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, nil, func(b *bubble) {
				d := documented()
				b.ask(of("first", d)).done(stricter(of("first", d), time.Hour))
				if seconds > 0 {
					b.ask(of("second", d)).done(stricter(of("second", d), seconds))
				}
				b.pass(time.Minute)
				b.join("first", "second")
				b.ask(of("second", d)).done()
				b.ask(of("second", d)).wantWaiting()
				b.pass(max(seconds, time.Hour) - time.Minute)
				wantWaiting(0, b.askAll(18, of("second", d))...) // two went within this minute
			})
		})
	}
}

func TestARefusalWithNothingSentBeforeShowsAStricterLimitOfAnyShape(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := pace("read", sec, 1)
		changes := b.ask(d).done(bucket.Stricter{Key: d.Key, Policy: &bucket.Policy{Every: 9 * sec}, For: time.Hour})
		if len(changes) != 0 {
			b.Errorf("told of %+v, though no number was learned", changes)
		}
		b.ask(d).done()
		q := b.ask(d)
		b.pass(9*sec - 1)
		q.wantWaiting()
		b.pass(1)
		q.wantAt(9 * sec)
	})
	inBubble(t, nil, func(b *bubble) {
		d := documented() // of a bucket that owes nothing, another request's answer tells
		b.ask(open("other", "")).done(stricter(d, time.Hour))
		wantWaiting(1, b.askAll(2, d)...)
	})
}

func TestNonsenseIsNotStricter(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := documented()
		changes := b.ask(d).done(bucket.Stricter{Key: d.Key, For: time.Hour}, stricter(d, 0), stricter(d, -1))
		if len(changes) != 0 {
			b.Errorf("told of %+v", changes)
		}
		wantWaiting(0, b.askAll(19, d)...)
	})
}

func TestALimitIsNotTakenForStricterForLongerThanAnyBlock(t *testing.T) {
	inBubble(t, &bucket.Options{MaxBlock: time.Hour}, func(b *bubble) {
		d := documented()
		b.ask(d).done(stricter(d, 1000*time.Hour))
		b.pass(time.Hour)
		wantWaiting(0, b.askAll(20, d)...)
	})
}
