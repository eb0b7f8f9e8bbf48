package bucket_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/underlimit/underlimit/bucket"
)

// failed answers a request that was granted with a failure that tells nothing.
func (q *request) failed() {
	q.b.Helper()
	q.granted().Failed(time.Now())
	synctest.Wait()
	q.b.check()
}

func TestAfterAFailureThatTellsNothingAnotherGoesAheadToSee(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := learned("limit", "")
		qs := b.askAll(10, d)
		b.pass(time.Second)
		qs[0].failed()
		qs[1].wantAt(time.Second)
		wantWaiting(8, qs[2:]...)
		b.pass(time.Second)
		qs[1].done(window(d, 4, 3, 10*time.Second)) // what the API itself says
		for _, q := range qs[2:5] {
			q.wantAt(2 * time.Second)
		}
		wantWaiting(5, qs[5:]...)
		answer(qs[2:5])
		b.pass(10 * time.Second)
		answer(qs[5:9])
		b.pass(10 * time.Second)
		qs[9].done()
	})
}

func TestAfterFourFailuresNobodyWaitsForWhatIsNeverTold(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := learned("limit", "")
		qs := b.askAll(10, d)
		for _, q := range qs[:4] {
			b.pass(time.Second)
			q.failed()
		}
		for _, q := range qs[4:] {
			q.wantAt(4 * time.Second)
		}
		answer(qs[4:])
	})
}

func TestAnAnswerInBetweenMakesFailuresCountAnew(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := learned("limit", "")
		for range 3 {
			b.ask(d).failed()
		}
		b.ask(d).done(block(d, time.Second)) // and then one goes to see
		qs := b.askAll(5, d)
		b.pass(time.Second)
		qs[0].done(bucket.Uncounted{Key: d.Key})
		b.pass(time.Second)
		answer(qs[1:])
	})
}

func TestAFailureIsNotThatOfTheNextAnswer(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		b.ask(open("other", "")).failed()
		d := learned("limit", "")
		first := b.ask(d)
		qs := b.askAll(3, d)
		first.granted().DoneAt(time.Now())
		b.pass(0)
		wantWaiting(0, qs...)
	})
}
