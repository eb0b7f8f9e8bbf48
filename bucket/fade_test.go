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

func TestADirectoryIsSynced(t *testing.T) {
	dir := t.TempDir()
	if err := bucket.SyncDir(dir); err != nil {
		t.Error(err)
	}
	if err := bucket.SyncDir(filepath.Join(dir, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("of one that is not there it says %v", err)
	}
}
