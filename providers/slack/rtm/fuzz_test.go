package rtm_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/underlimit/underlimit/providers/slack/rtm"
)

// FuzzFrames has any two frames written, and any one read: whatever they are, the second follows within the longest
// wait that they can bring about, and nothing stays behind.
func FuzzFrames(f *testing.F) {
	f.Add([]byte(message("C1")), []byte(slow))
	f.Add([]byte(typing("C1")), []byte(done))
	f.Add([]byte(ping), []byte(`{"type":"goodbye"}`))
	f.Add([]byte(`{"type":"message","channel":"\u0000,C1, ,C2"}`), []byte(`{"ok":false,"error":["slow down"]}`))
	f.Fuzz(func(t *testing.T, written, read []byte) {
		synctest.Test(t, func(t *testing.T) {
			l := newLine(t, &rtm.Options{Burst: 1})
			for range 2 {
				if err := l.Wait(t.Context(), written); err != nil && err != rtm.ErrDrop && //nolint:errorlint // itself
					err != rtm.ErrFrameTooLarge { //nolint:errorlint // itself
					t.Errorf("%q: %v", written, err)
				}
				l.Observe(read)
				l.Reset()
			}
			if d := time.Since(l.start); d != 0 && d != 1*s {
				t.Errorf("%q and %q took %v", written, read, d)
			}
			l.quiet()
		})
	})
}
