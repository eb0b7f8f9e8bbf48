package bucket_test

import (
	"bytes"
	"errors"
	"io/fs"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/underlimit/underlimit/bucket"
)

// long is how long a window is said to last at most in what is saved.
func (b *bubble) long() time.Duration {
	b.Helper()
	var file bytes.Buffer
	if err := b.Save(&file); err != nil {
		b.Fatal(err)
	}
	found := regexp.MustCompile(`"long_ns":(\d+)`).FindSubmatch(file.Bytes())
	if found == nil {
		b.Fatalf("nothing is said: %s", &file)
	}
	n, _ := strconv.ParseInt(string(found[1]), 10, 64)
	return time.Duration(n)
}

// How long a window may be open from before a restart goes by the windows of late.
func TestLongWindowsAreForgottenAsShorterOnesCome(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		d := learned("a", "1")
		windows := func(n int, length time.Duration) {
			for range n {
				b.ask(d).done(window(d, 5, 4, length))
				b.ask(d).done(window(d, 5, 2, length)) // all will be back at the same moment, whatever is left
				b.pass(length)
			}
		}
		windows(3, time.Minute)
		if got := b.long(); got != time.Minute {
			b.Errorf("it is %v, want a minute", got)
		}
		windows(1, 10*sec)
		if got := b.long(); got < 50*sec {
			b.Errorf("a single shorter window makes it %v", got)
		}
		windows(60, 10*sec)
		if got := b.long(); got < 10*sec || got > 11*sec {
			b.Errorf("after many it is %v, want hardly more than ten seconds", got)
		}
	})
}

// An answer tells how long a window lasts yet, and where units come back one by one, how long those do that are used.
func TestOnlyAnswersThatTellOfWholeWindowsMakeThemShorter(t *testing.T) {
	for name, d := range map[string]bucket.Draw{"fixed": learned("a", "1"), "nobody knows": learned("b", "1")} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, nil, func(b *bubble) {
				b.ask(d).done(window(d, 5, 0, 10*sec))
				b.pass(10 * sec)
				for range 10 {
					if name == "fixed" {
						b.ask(d).done(window(d, 5, 3, 4*sec)) // what began the window was lost
						b.ask(d).done(window(d, 5, 0, 4*sec))
						b.wantFixed(d)
						b.pass(4 * sec)
					} else {
						b.ask(d).done(window(d, 5, 4, 2*sec))
						b.pass(2 * sec)
					}
				}
				if got := b.long(); got != 10*sec {
					t.Errorf("windows are taken to last for %v, want 10s", got)
				}
			})
		})
	}
}

func TestADirectoryIsSynced(t *testing.T) {
	dir := t.TempDir()
	if err := bucket.SyncDir(dir); err != nil {
		t.Error(err)
	}
	if err := bucket.SyncDir(filepath.Join(dir, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("of one that is not there it says %v", err)
	}
}
