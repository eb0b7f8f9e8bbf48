package bucket_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/underlimit/underlimit/bucket"
)

// A bubble is a registry in virtual time.
type bubble struct {
	*testing.T
	*bucket.Registry
	start time.Time
}

// inBubble runs f with a new registry in a bubble and checks that the registry is in order when f returns: if all requests
// have ended, that nothing of them is left.
func inBubble(t *testing.T, opts *bucket.Options, f func(b *bubble)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := &bubble{T: t, Registry: bucket.NewRegistry(opts), start: time.Now()}
		f(b)
		b.check()
		under := 0
		for _, p := range b.Stats().Providers {
			under += p.Waiting + p.InFlight
		}
		if n := b.Referred(); under == 0 && (n != 0 || b.Timer()) {
			b.Errorf("all has ended, and %d references are left, a timer runs: %v", n, b.Timer())
		}
	})
}

// now is how long the bubble has lasted.
func (b *bubble) now() time.Duration { return time.Since(b.start) }

func (b *bubble) check() {
	b.Helper()
	if err := b.Check(); err != nil {
		b.Fatalf("after %v: %v", b.now(), err)
	}
}

// pass lets time pass and everybody do what there is to do.
func (b *bubble) pass(d time.Duration) {
	b.Helper()
	time.Sleep(d)
	synctest.Wait()
	b.check()
}

// A request is one call of Acquire.
type request struct {
	b      *bubble
	ticket *bucket.Ticket
	cancel context.CancelFunc

	returned chan outcome
	outcome  // of which returned has told
}

// An outcome is what Acquire returned, and when.
type outcome struct {
	over  bool
	lease bucket.Lease
	err   error
	at    time.Duration
}

// ended says whether Acquire has returned.
func (q *request) ended() bool {
	select {
	case q.outcome = <-q.returned:
	default:
	}
	return q.over
}

// askWith calls AcquireTicket in a goroutine, and returns when it has returned or waits.
func (b *bubble) askWith(ctx context.Context, ticket *bucket.Ticket, draws ...bucket.Draw) *request {
	b.Helper()
	ctx, cancel := context.WithCancel(ctx)
	q := &request{b: b, ticket: ticket, cancel: cancel, returned: make(chan outcome, 1)}
	go func() {
		defer cancel()
		lease, err := b.AcquireTicket(ctx, ticket, draws...)
		q.returned <- outcome{true, lease, err, b.now()}
	}()
	synctest.Wait()
	b.check()
	q.ended()
	return q
}

func (b *bubble) ask(draws ...bucket.Draw) *request {
	b.Helper()
	return b.askWith(b.Context(), new(bucket.Ticket), draws...)
}

// warm has a request of the draw's kind, though on another subject, be answered without delay, so that nothing need be
// allowed for the time on the way. It returns the draw.
func (b *bubble) warm(d bucket.Draw) bucket.Draw {
	b.Helper()
	other := d
	other.Key.Subject = "warm"
	b.ask(other).done()
	return d
}

// askAll asks n times.
func (b *bubble) askAll(n int, draws ...bucket.Draw) []*request {
	b.Helper()
	qs := make([]*request, n)
	for i := range qs {
		qs[i] = b.ask(draws...)
	}
	return qs
}

// wantAt fails the test unless the request was granted at that moment.
func (q *request) wantAt(at time.Duration) {
	q.b.Helper()
	switch {
	case !q.ended():
		q.b.Fatalf("after %v: the request waits, want it granted at %v", q.b.now(), at)
	case q.err != nil:
		q.b.Fatalf("the request failed: %v, want it granted at %v", q.err, at)
	case q.at != at:
		q.b.Fatalf("the request was granted at %v, want %v", q.at, at)
	}
}

func (q *request) wantWaiting() {
	q.b.Helper()
	if q.ended() {
		q.b.Fatalf("at %v: the request does not wait: granted or failed (%v) at %v", q.b.now(), q.err, q.at)
	}
}

// wantWaiting fails the test unless n of the requests wait.
func wantWaiting(n int, qs ...*request) {
	b := qs[0].b
	b.Helper()
	waiting := 0
	for _, q := range qs {
		if !q.ended() {
			waiting++
		}
	}
	if waiting != n {
		b.Fatalf("after %v: %d of %d wait, want %d", b.now(), waiting, len(qs), n)
	}
}

// granted returns the lease of a request that was granted.
func (q *request) granted() bucket.Lease {
	q.b.Helper()
	if !q.ended() || q.err != nil {
		q.b.Fatalf("after %v: the request was not granted (%v)", q.b.now(), q.err)
	}
	return q.lease
}

// done answers a request that was granted.
func (q *request) done(updates ...bucket.Update) []bucket.Change {
	q.b.Helper()
	changes := q.granted().Done(time.Now(), updates...)
	synctest.Wait()
	q.b.check()
	return changes
}

// answer answers all of the requests that were granted.
func answer(qs []*request, updates ...bucket.Update) {
	for _, q := range qs {
		q.done(updates...)
	}
}

// stats are those of the only provider.
func (b *bubble) stats() bucket.ProviderStats { return b.Stats().Providers["api"] }

func key(limit, subject string) bucket.Key {
	return bucket.Key{Provider: "api", Limit: limit, Owner: "owner", Subject: subject}
}

// learned is a draw on a bucket of which nothing is documented.
func learned(limit, subject string) bucket.Draw { return bucket.Draw{Key: key(limit, subject)} }

// noPolicy documents nothing but that nobody need go ahead to see.
var noPolicy = &bucket.Policy{}

func open(limit, subject string) bucket.Draw {
	return bucket.Draw{Key: key(limit, subject), Policy: noPolicy}
}

func quota(limit string, n int, window time.Duration) bucket.Draw {
	return bucket.Draw{Key: key(limit, ""), Policy: &bucket.Policy{Quota: n, Window: window}}
}

func pace(limit string, every time.Duration, burst int) bucket.Draw {
	return bucket.Draw{Key: key(limit, ""), Policy: &bucket.Policy{Every: every, Burst: burst}}
}

// window says that of limit units so many are left until after has passed.
func window(d bucket.Draw, limit, remaining int, after time.Duration) bucket.Window {
	return bucket.Window{Key: d.Key, Limit: limit, Remaining: remaining, ResetAfter: after}
}

func block(d bucket.Draw, length time.Duration) bucket.Block {
	return bucket.Block{Key: d.Key, For: length}
}
