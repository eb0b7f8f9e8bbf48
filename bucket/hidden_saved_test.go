package bucket_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/underlimit/underlimit/bucket"
)

func TestNothingIsSavedOfAHiddenLimitThatIsOnlySuspectedOrForgotten(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		b.suspected(learned("route", "1"))
		if file := b.saved(); bytes.Contains(file, []byte("hidden")) {
			b.Errorf("it saves %s", file)
		}
	})
	inBubble(t, nil, func(b *bubble) {
		b.taught(learnedOf("some"), 2, time.Minute)
		if file := b.saved(); !bytes.Contains(file, []byte("hidden")) {
			b.Errorf("it does not save what was learned: %s", file)
		}
		b.pass(oneDay)
		if file := b.saved(); bytes.Contains(file, []byte("hidden")) {
			b.Errorf("a day later it saves %s", file)
		}
	})
}

// learnedOf is a draw on a bucket under a hidden limit whose name does not say so.
func learnedOf(limit string) bucket.Draw {
	return bucket.Draw{Key: key(limit, ""), Policy: hiddenPolicy}
}

func TestWhatRefusalsHaveTaughtSinceARestartStaysAndElseWhatWasSavedHolds(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		b.taught(hidden("1"), 2, time.Minute)
		file := b.saved()
		for passed, want := range map[int]int{0: 2, 1: 2, 5: 5} {
			next := &bubble{T: b.T, Registry: bucket.NewRegistry(nil), start: b.start}
			for range passed {
				next.ask(hidden("2")).done()
			}
			if passed == 5 {
				next.ask(hidden("2")).done(shown(hidden("2"), sec))
			}
			if err := next.Load(bytes.NewReader(file)); err != nil {
				b.Fatal(err)
			}
			if p := next.quotaOf(hidden("3")); p.Quota != want {
				b.Errorf("%d passed since: it is %+v, want a quota of %d", passed, p, want)
			}
		}
	})
}

func TestAHiddenLimitThatNobodyCanHaveLearnedIsNotTakenIn(t *testing.T) {
	const minute = `"window_ns":60000000000`
	for saved, want := range map[string]string{
		`{}`:                         "0 in 0s, each 0s",
		`{"policy":null}`:            "0 in 0s, each 0s",
		`{"policy":{"hidden":true}}`: "0 in 0s, each 0s",
		`{"policy":{"hidden":true,"quota":256,` + minute + `}}`:                     "256 in 1m0s, each 0s",
		`{"policy":{"hidden":true,"quota":257,` + minute + `}}`:                     "0 in 0s, each 0s",
		`{"policy":{"hidden":true,"quota":-1,` + minute + `}}`:                      "0 in 0s, each 0s",
		`{"policy":{"hidden":true,"quota":1}}`:                                      "0 in 0s, each 0s",
		`{"policy":{"hidden":true,"quota":1,"window_ns":-1}}`:                       "0 in 0s, each 0s",
		`{"policy":{"quota":1,` + minute + `}}`:                                     "0 in 0s, each 0s",
		`{"policy":{"hidden":true,"every_ns":7000000000}}`:                          "0 in 0s, each 7s",
		`{"policy":{"hidden":true,"every_ns":-7}}`:                                  "0 in 0s, each 0s",
		`{"policy":{"hidden":true,"quota":1,` + minute + `,"every_ns":7000000000}}`: "0 in 0s, each 0s",
		`{"policy":{"hidden":true,"quota":-1,"every_ns":7000000000}}`:               "0 in 0s, each 0s",
		`{"policy":{"hidden":true,"quota":1,` + minute + `,"every_ns":-1}}`:         "0 in 0s, each 0s",
		`{"policy":{"hidden":true,"quota":1,"window_ns":9000000000000000000}}`:      "1 in 24h0m0s, each 0s",
		`{"policy":{"hidden":true,"every_ns":9000000000000000000}}`:                 "0 in 0s, each 24h0m0s",
	} {
		t.Run(saved, func(t *testing.T) {
			inBubble(t, nil, func(b *bubble) {
				until := fmt.Sprintf(`{"until":"%s"`, time.Now().Add(time.Hour).Format(time.RFC3339Nano))
				if saved != `{}` {
					until += ","
				}
				line := `{"kind":{"provider":"api","limit":"hidden","owner":"owner","hidden":` +
					until + strings.TrimPrefix(saved, "{") + `}}`
				next := b.restarted(sealed(header(), line), nil)
				p := next.quotaOf(hidden("1"))
				if got := fmt.Sprintf("%d in %v, each %v", p.Quota, p.Window, p.Every); got != want {
					t.Errorf("took in %s, want %s", got, want)
				}
				next.ask(hidden("1")).done()
			})
		})
	}
}

// Terms are from a day to 32 days, whatever a file says.
func TestHowLongALoadedLessonIsBelievedIsBounded(t *testing.T) {
	for _, tt := range []struct {
		until, term     time.Duration
		believed, again time.Duration
	}{
		{1000 * oneDay, 1000 * oneDay, 32 * oneDay, 32 * oneDay},
		{time.Hour, time.Hour, time.Hour, oneDay},
		{time.Hour, -1, time.Hour, oneDay},
		{time.Hour, 4 * oneDay, time.Hour, 4 * oneDay},
	} {
		inBubble(t, nil, func(b *bubble) {
			line := fmt.Sprintf(`{"kind":{"provider":"api","limit":"hidden","owner":"owner","hidden":`+
				`{"until":"%s","term_ns":%d,"policy":{"hidden":true,"quota":2,"window_ns":60000000000}}}}`,
				time.Now().Add(tt.until).Format(time.RFC3339Nano), tt.term)
			b = b.restarted(sealed(header(), line), nil)
			b.pass(tt.believed - 1)
			if p := b.quotaOf(hidden("1")); p.Quota != 2 {
				b.Errorf("%+v: within %v it is %+v", tt, tt.believed, p)
			}
			b.pass(1)
			if p := b.quotaOf(hidden("1")); p.Quota != 0 {
				b.Errorf("%+v: after %v it is %+v", tt, tt.believed, p)
			}
			b.taught(hidden("1"), 1, time.Minute)
			b.pass(tt.again - 1)
			if p := b.quotaOf(hidden("2")); p.Quota != 1 {
				b.Errorf("%+v: within %v of the next lesson it is %+v", tt, tt.again, p)
			}
			b.pass(1)
			if p := b.quotaOf(hidden("2")); p.Quota != 0 {
				b.Errorf("%+v: %v after the next lesson it is %+v", tt, tt.again, p)
			}
		})
	}
}
