package bucket_test

import (
	"testing"
	"time"

	"github.com/underlimit/underlimit/bucket"
)

func TestAHeavyRequestGoesThoughItLeavesLessThanTheReserve(t *testing.T) {
	for name, d := range map[string]bucket.Draw{
		"quota": quota("a", 4, sec), "pace": pace("a", sec, 2), "window": learned("a", "1"),
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, &bucket.Options{Reserve: 0.5}, func(b *bubble) {
				b.warm(d)
				b.pass(time.Minute)
				b.ask(d).done(window(d, 4, 4, sec)) // of which a half is reserved, of a pace's burst, too
				d.Weight = 3
				q := b.ask(d)
				b.pass(3 * sec)
				q.granted()
			})
		})
	}
}

// A request may not be failed for want of a time that it does not need.
func TestTheReserveOfALimitDoesNotMakeAnEstimateTooLong(t *testing.T) {
	inBubble(t, &bucket.Options{Reserve: 0.5}, func(b *bubble) {
		d := b.warm(quota("a", 4, sec))
		d.Weight = 3
		b.ask(d).done()
		q := b.askWithin(1500*ms, d)
		q.wantWaiting()
		b.pass(sec)
		q.wantAt(sec)
	})
}

func TestTheReserveOfAWindowDoesNotMakeAnEstimateTooLong(t *testing.T) {
	inBubble(t, &bucket.Options{Reserve: 0.5}, func(b *bubble) {
		d := learned("a", "1")
		b.ask(d).done(window(d, 4, 0, sec))
		d.Weight = 3
		q := b.askWithin(1500*ms, d)
		q.wantWaiting()
		b.pass(sec)
		q.wantAt(sec)
	})
}
