package bucket_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/underlimit/underlimit/bucket"
)

// saved is the registry as Save writes it.
func (b *bubble) saved() []byte {
	b.Helper()
	var to bytes.Buffer
	if err := b.Save(&to); err != nil {
		b.Fatal(err)
	}
	return to.Bytes()
}

// contents is what Save writes, in an order that is always the same.
func (b *bubble) contents() []string {
	lines := strings.SplitAfter(string(b.saved()), "\n")
	lines = lines[:len(lines)-2] // the sum depends on the order
	slices.Sort(lines)
	return lines
}

// restarted is a new registry, in the same bubble, that has loaded what was saved.
func (b *bubble) restarted(saved []byte, opts *bucket.Options) *bubble {
	b.Helper()
	next := &bubble{T: b.T, Registry: bucket.NewRegistry(opts), start: b.start}
	next.Chunk(b.ChunkSize())
	if err := next.Load(bytes.NewReader(saved)); err != nil {
		b.Fatal(err)
	}
	next.check()
	return next
}

// restart is restarted with what is saved now.
func (b *bubble) restart() *bubble {
	b.Helper()
	return b.restarted(b.saved(), nil)
}

// sealed is lines with the end that they need.
func sealed(lines ...string) []byte {
	s := strings.Join(lines, "\n") + "\n"
	sum := sha256.Sum256([]byte(s))
	return []byte(s + `{"end":{"sha256":"` + hex.EncodeToString(sum[:]) + `"}}` + "\n")
}

// header is the first line of what is saved now.
func header() string {
	return `{"format":"underlimit registry","version":1,"saved":"` + time.Now().Format(time.RFC3339Nano) + `"}`
}

func TestABlockOutlivesARestart(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := open("limit", "1")
		b.ask(d).done(block(d, 10*sec))
		b.pass(3 * sec)
		b = b.restart()
		q, second := b.ask(d), b.ask(d)
		b.ask(open("limit", "2")).wantAt(3 * sec)
		b.pass(8 * sec)
		q.wantAt(10 * sec)
		second.wantWaiting() // one goes first
		q.done()
		second.wantAt(11 * sec)
	})
}

func TestRefusalsInARowAreCountedOverARestart(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := open("limit", "")
		b.ask(d).done(block(d, 0))
		b = b.restart()
		q := b.ask(d)
		b.pass(sec)
		q.done(block(d, 0))
		q = b.ask(d)
		b.pass(2 * sec)
		q.wantAt(3 * sec)
	})
}

func TestAQuotaUsedUpBeforeARestartIsNotUsedAgain(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := quota("global", 4, sec)
		early := b.askAll(2, d)
		b.pass(100 * ms)
		answer(early)
		b.pass(400 * ms)
		late := b.askAll(2, d)
		b.pass(100 * ms)
		answer(late)
		b = b.restart()
		qs := b.askAll(4, d)
		wantWaiting(4, qs...)
		b.pass(2 * sec)
		// A window after the answers, since how long the way is has to be learned anew.
		for i, at := range []time.Duration{1100 * ms, 1100 * ms, 1600 * ms, 1600 * ms} {
			qs[i].wantAt(at)
		}
	})
}

func TestUnitsOfAQuotaThatWereNotAnsweredCountAfterARestart(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := quota("global", 2, sec)
		b.askAll(2, d)
		b.pass(300 * ms)
		b = b.restart()
		q := b.ask(d)
		b.pass(sec)
		q.wantAt(sec)
	})
}

func TestAPaceGoesOnAfterARestart(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := b.warm(pace("pace", sec, 3))
		answer(b.askAll(3, d))
		b.pass(1500 * ms) // one and a half are back
		again := b.restart()
		qs := again.askAll(3, d)
		again.pass(10 * sec)
		for i, at := range []time.Duration{1500 * ms, 2 * sec, 3 * sec} {
			qs[i].wantAt(at)
		}
	})
}

func TestAPaceOfOneKeepsItsDistanceOverARestart(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := pace("pace", sec, 1)
		q := b.ask(d)
		b.pass(200 * ms)
		q.done()
		b = b.restart()
		q = b.ask(d)
		b.pass(2 * sec)
		q.wantAt(1200 * ms) // it may have arrived as late as its answer
	})
}

func TestAnotherPolicyAfterARestartOwesNothing(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := quota("global", 1, time.Hour)
		b.ask(d).done()
		saved := b.saved()
		b.restarted(saved, nil).ask(quota("global", 2, time.Hour)).wantAt(0)
		b.restarted(saved, nil).ask(learned("global", "")).wantAt(0)
		b.restarted(saved, nil).ask(d).wantWaiting()
	})
}

func TestALoadedPolicyIsForgottenOnceADrawHasNone(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := quota("global", 1, sec)
		b.ask(d).done()
		b = b.restart()
		b.ask(learned("global", "")).done()
		b.ask(learned("global", "")).done()
		if s := string(b.saved()); strings.Contains(s, "policy") {
			b.Errorf("a policy of no draw is saved again: %s", s)
		}
	})
}

func TestWhatIsKnownOfAKindOutlivesARestart(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := learned("limit", "1")
		b.ask(d).done(window(d, 5, 4, 2*sec))
		b = b.restart()
		// A window may be open, of which nobody knows how much is left: one goes to see.
		qs := b.askAll(2, learned("limit", "2"))
		wantWaiting(1, qs...)
		b.pass(4 * sec)
		// Now none is that answers told of.
		wantWaiting(1, b.askAll(6, learned("limit", "3"))...)
	})
}

func TestASlidingWindowIsKnownAsOneAfterARestart(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := learned("limit", "1")
		for left := 4; left >= 2; left-- {
			b.ask(d).done(window(d, 5, left, time.Duration(5-left)*sec))
		}
		b = b.restart()
		d = learned("limit", "2")
		b.ask(d).done(window(d, 5, 0, 5*sec))
		qs := b.askAll(3, d)
		b.pass(10 * sec)
		for i, q := range qs { // in a fixed window, all would go after 5 s
			q.wantAt(time.Duration(i+1) * sec)
			q.done()
		}
	})
}

func TestRoutesShareACounterAfterARestart(t *testing.T) {
	for name, to := range map[string]bucket.Draw{
		"that of their kind":   learned("hash", "1"),
		"that of another kind": learned("hash", "other"),
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, nil, func(b *bubble) {
				get, put := learned("get", "1"), learned("put", "1")
				for _, d := range []bucket.Draw{get, put} {
					b.ask(d).done(alias(d, to), block(to, 2*sec))
				}
				b = b.restart()
				q := b.ask(get)
				q.wantWaiting()
				b.pass(2 * sec)
				q.done(window(to, 5, 0, 3*sec))
				q = b.ask(put)
				b.pass(5 * sec)
				q.wantAt(5 * sec)
			})
		})
	}
}

func TestOwnersShareTheirLimitsAfterARestart(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := open("limit", "")
		other := d
		other.Key.Owner = "another token"
		b.ask(d).done(bucket.SameOwner{Provider: "api", Owner: other.Key.Owner, As: d.Key.Owner}, block(d, 2*sec))
		b = b.restart()
		q := b.ask(other)
		b.pass(2 * sec)
		q.wantAt(2 * sec)
	})
}

func TestSplitKindsStaySplitOverARestart(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		get, put, hash := learned("get", "1"), learned("put", "1"), learned("hash", "1")
		for range 3 { // each tells as much left as if the other did not count
			for _, d := range []bucket.Draw{get, put} {
				b.ask(d).done(alias(d, hash), window(hash, 5, 4, 10*sec))
			}
		}
		if !strings.Contains(string(b.saved()), `"split":true`) {
			b.Fatalf("no split is saved: %s", b.saved())
		}
		b.pass(time.Minute)
		b = b.restart()
		b.ask(get).done(alias(get, hash), window(hash, 5, 0, 10*sec))
		q := b.ask(put)
		q.wantAt(time.Minute)
		q.done(alias(put, hash)) // and nothing that would contradict that get's window is its own
		b.ask(put).wantAt(time.Minute)
		b.ask(get).wantWaiting()
	})
}

func TestAWallClockThatWasSetBackProlongsNoWait(t *testing.T) {
	for name, tt := range map[string]struct{ saved, until, want time.Duration }{
		"right":       {-2 * sec, 3 * sec, 3 * sec},
		"set back":    {time.Hour, time.Hour + 5*sec, 5 * sec},
		"set forward": {-time.Hour, -time.Hour + 5*sec, 0},
		"a lie":       {0, 1000 * time.Hour, 24 * time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, nil, func(b *bubble) {
				text := func(d time.Duration) string { return b.start.Add(d).Format(time.RFC3339Nano) }
				b = b.restarted(sealed(
					`{"format":"underlimit registry","version":1,"saved":"`+text(tt.saved)+`"}`,
					`{"bucket":{"provider":"api","limit":"limit","owner":"owner","until":"`+text(tt.until)+`"}}`,
				), nil)
				q := b.ask(open("limit", ""))
				b.pass(24 * time.Hour)
				q.wantAt(tt.want)
			})
		})
	}
}

func TestLoadingAddsToWhatIsKnown(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		long, short, used := open("long", ""), open("short", ""), quota("quota", 2, sec)
		b.ask(long, short, used).done(block(long, 5*sec), block(short, 5*sec))
		saved := b.saved()

		b = &bubble{T: b.T, Registry: bucket.NewRegistry(nil), start: b.start}
		b.ask(short).done(block(short, 7*sec))
		b.ask(used).done()
		waits := []*request{b.ask(short), b.ask(used)}
		waits[1].wantAt(0)
		b.ask(long).done(block(long, sec))
		waits = append(waits, b.ask(long))
		hurried := b.askWith(b.Context(), &bucket.Ticket{MaxWait: 3 * sec}, long)
		if err := b.Load(bytes.NewReader(saved)); err != nil {
			b.Fatal(err)
		}
		b.check()
		var wait *bucket.WaitError
		b.pass(0)
		if !hurried.ended() || !errors.As(hurried.err, &wait) || !wait.Until.Equal(b.start.Add(5*sec)) {
			b.Errorf("a request that can no longer go in time got %v", hurried.err)
		}
		b.pass(10 * sec)
		waits[0].wantAt(7 * sec)
		waits[2].wantAt(5 * sec)
	})
}

func TestOfTooManyBucketsThoseHeldLongestAreLoaded(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		for i := range 20 {
			d := open("limit", fmt.Sprint(i))
			b.ask(d).done(block(d, time.Duration(20-i)*sec))
		}
		b = b.restarted(b.saved(), &bucket.Options{MaxKeys: 5})
		if got := b.stats(); got.Blocked != 5 || b.Stats().Buckets != 5 {
			b.Errorf("%+v, want five blocked", got)
		}
		for i := range 5 {
			b.ask(open("limit", fmt.Sprint(i))).wantWaiting()
		}
	})
}

func TestABucketThatHoldsNothingIsNotSaved(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := open("limit", "")
		b.ask(d, quota("quota", 5, sec), pace("pace", sec, 5)).done(block(d, sec))
		b.pass(2 * sec)
		if got := bytes.Count(b.saved(), []byte("\n")); got != 2 {
			b.Errorf("%d lines, want the first and the last: %s", got, b.saved())
		}
	})
}

// full has something of everything.
func (b *bubble) full() {
	get, shared, blocked := learned("get", "1"), learned("hash", "1"), open("blocked", "x")
	b.ask(get, blocked, quota("quota", 5, time.Hour), pace("pace", time.Hour, 2)).done(
		alias(get, shared), window(shared, 5, 2, 20*sec), block(blocked, time.Hour),
		bucket.SameOwner{Provider: "api", Owner: "other", As: "owner"},
		alias(learned("put", "1"), learned("hash", "main")),
	)
}

func TestADamagedFileChangesNothing(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		b.full()
		saved := b.saved()
		next := &bubble{T: b.T, Registry: bucket.NewRegistry(nil), start: b.start}
		empty := next.contents()
		refused := func(what string, data []byte) {
			b.Helper()
			err := next.Load(bytes.NewReader(data))
			if !errors.Is(err, bucket.ErrCorrupt) && !errors.Is(err, bucket.ErrNewerFormat) {
				b.Fatalf("%s: error %v", what, err)
			}
		}
		for i := range saved {
			refused(fmt.Sprint("cut at ", i), saved[:i])
			for bit := range 8 {
				flipped := bytes.Clone(saved)
				flipped[i] ^= 1 << bit
				refused(fmt.Sprintf("bit %d of byte %d flipped", bit, i), flipped)
			}
		}
		refused("twice", slices.Concat(saved, saved))
		refused("something behind", append(bytes.Clone(saved), '\n'))
		refused("a line too long", bytes.Repeat([]byte("x"), 10<<20))
		if got := next.contents(); !slices.Equal(got, empty) {
			b.Errorf("the registry has changed to %s", got)
		}
		next.check()
		if err := next.Load(bytes.NewReader(saved)); err != nil {
			b.Error(err)
		}
		if got, want := next.contents(), b.contents(); !slices.Equal(got, want) {
			b.Errorf("loaded and saved again it is\n%s\nwant\n%s", got, want)
		}
	})
}

func TestANewerFormatIsRefusedAsSuch(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		err := b.Load(strings.NewReader(`{"format":"underlimit registry","version":2,"saved":{"unheard":"of"}}`))
		if !errors.Is(err, bucket.ErrCorrupt) { // it has no end
			b.Errorf("error %v", err)
		}
		err = b.Load(strings.NewReader(`{"format":"underlimit registry","version":2,"saved":{"unheard":"of"}}` + "\n…"))
		if !errors.Is(err, bucket.ErrNewerFormat) || errors.Is(err, bucket.ErrCorrupt) {
			b.Errorf("error %v", err)
		}
	})
}

func TestWhatLaterVersionsAddIsSkipped(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		b = b.restarted(sealed(
			header(),
			`{"budget":{"provider":"api","spent":7}}`,
			`{"bucket":{"provider":"api","limit":"limit","owner":"owner","colour":"red","until":"2200-01-01T00:00:00Z"}}`,
		), nil)
		b.ask(open("limit", "")).wantWaiting()
	})
}

func TestAChainOfCountersIsNotTakenIn(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		lines := []string{header()}
		for i := range 2000 {
			lines = append(lines,
				fmt.Sprintf(`{"kind":{"provider":"api","limit":"k%d","alias":"k%d"}}`, i, (i+1)%2000),
				fmt.Sprintf(`{"bucket":{"provider":"api","limit":"b","subject":"%d",`+
					`"counter":{"provider":"api","limit":"b","subject":"%d"}}}`, i, (i+1)%2000))
		}
		b = b.restarted(sealed(lines...), nil)
		if n := b.Stats().Buckets; n != 2000 {
			b.Errorf("%d buckets", n)
		}
		for _, line := range b.contents()[1:] {
			b.Fatalf("%s was taken in", line)
		}
	})
}

func TestSavingToAFileKeepsTheOldOneIfItFails(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		dir := b.TempDir()
		path := filepath.Join(dir, "limits")
		if err := b.LoadFile(path); !errors.Is(err, fs.ErrNotExist) {
			b.Errorf("loading a file that is not there: %v", err)
		}
		b.full()
		for range 2 { // the second time in place of the first
			if err := b.SaveFile(path); err != nil {
				b.Fatal(err)
			}
		}
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != 0o600 {
			b.Errorf("the file: %v, %v", info, err)
		}
		next := &bubble{T: b.T, Registry: bucket.NewRegistry(nil), start: b.start}
		if err := next.LoadFile(path); err != nil || !slices.Equal(next.contents(), b.contents()) {
			b.Errorf("loaded %s, %v", next.contents(), err)
		}
		// What cannot be replaced stays, and nothing is left behind.
		if err := b.SaveFile(dir); err == nil {
			b.Error("a directory was replaced")
		}
		if err := b.SaveFile(filepath.Join(path, "below")); err == nil {
			b.Error("a file was saved below a file")
		}
		left, err := filepath.Glob(dir + "*/*")
		if more, _ := filepath.Glob(dir + "*.tmp"); err != nil || len(left) != 1 || len(more) != 0 {
			b.Errorf("left: %v, %v", left, more)
		}
		if err := os.WriteFile(path, []byte("{"), 0o600); err != nil {
			b.Fatal(err)
		}
		if err := next.LoadFile(path); !errors.Is(err, bucket.ErrCorrupt) || !strings.Contains(err.Error(), path) {
			b.Errorf("loading a damaged file: %v", err)
		}
	})
}

// failing takes so many bytes.
type failing int

var errFull = errors.New("disk full")

func (f *failing) Write(p []byte) (int, error) {
	if len(p) > int(*f) {
		return int(*f), errFull
	}
	*f -= failing(len(p))
	return len(p), nil
}

func TestAFailedWriteIsReported(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		b.full()
		for i := range 300 {
			d := open("limit", fmt.Sprint(i))
			b.ask(d).done(block(d, time.Hour))
		}
		for n := range len(b.saved()) {
			if to := failing(n); n%97 == 0 && !errors.Is(b.Save(&to), errFull) {
				b.Fatalf("no error after %d bytes", n)
			}
		}
	})
}

func TestSavingWhileBucketsComeAndGoMissesNone(t *testing.T) {
	r := bucket.NewRegistry(&bucket.Options{MaxKeys: 3000})
	ctx := context.Background()
	take := func(limit string, i int, updates ...bucket.Update) {
		d := open(limit, fmt.Sprint(i))
		lease, err := r.Acquire(ctx, d)
		if err != nil {
			t.Error(err)
			return
		}
		lease.Done(time.Now(), updates...)
	}
	const blocked = 500
	for i := range blocked {
		for n := range 5 { // so that there is always an idle one to go
			take("early", 5*i+n)
		}
		take("blocked", i, block(open("blocked", fmt.Sprint(i)), time.Hour))
	}
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
				take("idle", i)
			}
		}
	}()
	for range 20 {
		var to bytes.Buffer
		if err := r.Save(&to); err != nil {
			t.Fatal(err)
		}
		next := bucket.NewRegistry(nil)
		if err := next.Load(&to); err != nil {
			t.Fatal(err)
		}
		if got := next.Stats().Providers["api"].Blocked; got != blocked {
			t.Fatalf("%d blocks were saved, want %d", got, blocked)
		}
	}
	close(stop)
	<-stopped
}

func TestKeysThatAreNoTextAreNotSavedAsOthers(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := open("limit", "\xff")
		b.ask(d).done(block(d, time.Hour))
		if got := b.contents(); len(got) != 1 {
			b.Errorf("saved: %s", got)
		}
	})
}

// FuzzLoad loads anything, with an end that fits if there is none. If that fails, nothing may have changed; else the
// registry must not contradict itself, nobody may wait longer than a block may last, and it can be saved and loaded.
func FuzzLoad(f *testing.F) {
	begin := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC) // when bubbles begin
	text := func(d time.Duration) string { return begin.Add(d).Format(time.RFC3339Nano) }
	first := `{"format":"underlimit registry","version":1,"saved":"` + text(0) + `"}` + "\n"
	for _, line := range []string{
		``, `{}`, `null`, `{"end":{}}`, `{"owner":{"provider":"api","name":"owner","as":"b"}}`,
		`{"kind":{"provider":"api","limit":"a","owner":"owner","holds":5,"votes":2,"most_period_ns":7,"alias":"b"}}`,
		`{"kind":{"provider":"api","limit":"a","owner":"owner","alias":"a","split":true}}`,
		`{"bucket":{"provider":"api","limit":"a","owner":"owner","subject":"1","until":"` + text(time.Hour) + `"}}`,
		`{"bucket":{"provider":"api","limit":"a","owner":"owner","subject":"1","counter":{"provider":"api","limit":"c"}}}`,
		`{"bucket":{"provider":"api","limit":"b","owner":"owner","subject":"2","burst":"` + text(sec) + `","next":"` +
			text(sec) + `","policy":{"every_ns":700000000,"burst":2}}}`,
		`{"bucket":{"provider":"api","limit":"c","owner":"owner","subject":"2","answers":["` + text(-ms) + `","` + text(-ms) +
			`"],"policy":{"quota":20,"window_ns":1000000000}}}`,
	} {
		f.Add([]byte(first + line + "\n"))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 1<<16 {
			return
		}
		inBubble(t, &bucket.Options{MaxKeys: 5, MaxBlock: time.Minute}, func(b *bubble) {
			b.full()
			before := b.contents()
			if b.Load(bytes.NewReader(data)) == nil {
				b.Fatal("loaded without a sum")
			}
			err := b.Load(bytes.NewReader(sealed(strings.TrimSuffix(string(data), "\n"))))
			if err != nil && !slices.Equal(b.contents(), before) {
				b.Fatalf("changed though loading failed: %v", err)
			}
			if err != nil {
				return
			}
			again := b.restarted(b.saved(), nil)
			var qs []*request
			for _, r := range []*bubble{b, again} {
				for _, limit := range []string{"a", "b", "c"} {
					for _, subject := range []string{"1", "2"} {
						s := script{limit[0] - 'a', subject[0] - '1', 1}
						qs = append(qs, r.ask(s.draw()))
					}
				}
			}
			b.pass(2 * time.Minute)
			for _, q := range qs { // those behind one that went ahead go once it is answered
				if q.ended() {
					q.done()
				}
			}
			b.pass(2 * time.Minute)
			for _, q := range qs {
				if !q.ended() {
					b.Fatal("a request waits for ever")
				}
			}
		})
	})
}

func TestOwnersThatAreLoadedAsOneShareWhatIsKnownOfThemByNow(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := open("a", "1")
		b.join("second", "owner")
		file := b.saved()
		next := &bubble{T: b.T, Registry: bucket.NewRegistry(nil), start: b.start}
		next.ask(of("second", d)).done(block(of("second", d), 10*sec))
		q := next.ask(d)
		q.done()
		if err := next.Load(bytes.NewReader(file)); err != nil {
			b.Fatal(err)
		}
		q = next.ask(d)
		next.pass(10 * sec)
		q.wantAt(10 * sec)
	})
}

func TestWhatAnswersToldSinceARestartStays(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := open("a", "1")
		b.ask(d).done(window(d, 5, 5, 10*sec))
		file := b.saved()
		next := &bubble{T: b.T, Registry: bucket.NewRegistry(nil), start: b.start}
		next.ask(d).done(window(d, 7, 7, 10*sec))
		if err := next.Load(bytes.NewReader(file)); err != nil {
			b.Fatal(err)
		}
		wantWaiting(1, next.askAll(8, open("a", "2"))...)
		wantWaiting(1, next.askAll(7, d)...) // one was sent there
	})
}

func TestALoadedBlockOfAKnownWindowHasNobodyGoAhead(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := open("a", "1")
		b.ask(d).done(block(d, 10*sec))
		file := b.saved()
		next := &bubble{T: b.T, Registry: bucket.NewRegistry(nil), start: b.start}
		next.ask(d).done(window(d, 7, 6, time.Minute))
		if err := next.Load(bytes.NewReader(file)); err != nil {
			b.Fatal(err)
		}
		qs := next.askAll(3, d)
		wantWaiting(3, qs...)
		next.pass(10 * sec)
		wantWaiting(0, qs...)
	})
}

func TestCountersWhoseKeysAreNoTextAreNotSaved(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d, odd := open("a", "1"), open("b", "\xff")
		b.ask(d).done(alias(d, odd))
		b.ask(open("\xff", "1")).done(window(open("\xff", "1"), 5, 5, sec))
		if file := b.saved(); bytes.Contains(file, []byte("\ufffd")) || bytes.Contains(file, []byte(`\ufffd`)) {
			b.Errorf("it saves %s", file)
		}
	})
}

func TestAnswersThatAreNotInOrderInAFileCountAllTheSame(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		at := func(ago time.Duration) string { return `"` + time.Now().Add(-ago).Format(time.RFC3339Nano) + `"` }
		b.pass(time.Minute)
		line := `{"bucket":{"provider":"api","limit":"q","owner":"owner","answers":[` +
			at(sec) + "," + at(9*sec) + "," + at(5*sec) + `],"policy":{"quota":3,"window_ns":10000000000}}}`
		b = b.restarted(sealed(header(), line), nil)
		qs := b.askAll(3, quota("q", 3, 10*sec))
		b.pass(10 * sec)
		for i, after := range []time.Duration{sec, 5 * sec, 9 * sec} {
			qs[i].wantAt(time.Minute + after)
		}
	})
}

// A program that is killed was saved some time before, and may have opened windows since.
func TestAfterARestartFromAnOldFileOneGoesAheadAsLongAsAWindowMayBeOpen(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := learned("a", "1")
		b.ask(d).done(window(d, 5, 4, 10*sec))
		file := b.saved()
		b.pass(time.Minute)
		b.ask(d).done(window(d, 5, 0, 10*sec))
		b = b.restarted(file, nil)
		qs := b.askAll(3, d)
		wantWaiting(2, qs...)
		qs[0].done(window(d, 5, 0, 10*sec))
		wantWaiting(2, qs...)
		b.pass(20*sec - 1)
		wantWaiting(2, b.askAll(3, learned("a", "2"))...)
		b.pass(1)
		wantWaiting(1, b.askAll(6, learned("a", "3"))...)
	})
}
