package bucket_test

import (
	"context"
	"testing"
	"time"

	"github.com/underlimit/underlimit/bucket"
)

// Whether anybody waits for whom a block comes too late is known without looking at each of them; it has to be right all
// the same, whoever comes and goes.
func TestEachBlockFailsThoseForWhomItIsTooLateAndNobodyElse(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := open("a", "1")
		in := b.askAll(6, d)
		in[0].done(block(d, 10*sec))
		ask := func(patience time.Duration) *request {
			ctx, cancel := context.WithTimeout(b.Context(), patience)
			b.Cleanup(cancel)
			return b.askWith(ctx, new(bucket.Ticket), d)
		}
		patient, soon, later := b.ask(d), ask(20*sec), ask(60*sec)
		fails := func(length time.Duration, want ...*request) {
			b.Helper()
			in = in[1:]
			in[0].done(block(d, length))
			b.pass(0)
			for _, q := range []*request{patient, soon, later} {
				failed := q.ended() && q.err != nil
				for _, w := range want {
					if w == q && !failed {
						b.Errorf("a block of %v leaves one waiting for whom it is too long", length)
					}
					failed = failed && w != q
				}
				if failed && q.at == b.now() {
					b.Errorf("a block of %v fails one who could wait", length)
				}
			}
		}
		fails(20 * sec)
		b.pass(sec)
		fails(20*sec, soon)
		b.pass(sec)
		sooner := ask(25 * sec) // who comes later may be in more of a hurry
		fails(40 * sec)
		if !sooner.ended() || sooner.err == nil {
			b.Error("one who came later waits, and it is too late for it")
		}
		b.pass(sec)
		fails(60*sec, later)
		b.pass(2 * time.Minute)
		if !patient.ended() || patient.err != nil {
			b.Errorf("one without a deadline ended with %v", patient.err)
		}
	})
}
