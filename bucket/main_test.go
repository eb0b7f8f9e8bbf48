package bucket_test

import (
	"fmt"
	"os"
	"runtime"
	"runtime/pprof"
	"testing"
)

// TestMain fails if a test leaves a goroutine behind.
func TestMain(m *testing.M) {
	before := runtime.NumGoroutine()
	code := m.Run()
	left := runtime.NumGoroutine()
	for i := 0; i < 10_000 && left > before; i++ { // one that has just ended may still be counted
		runtime.Gosched()
		left = runtime.NumGoroutine()
	}
	if code == 0 && left > before {
		fmt.Fprintf(os.Stderr, "%d goroutines before the tests, %d after\n", before, left)
		_ = pprof.Lookup("goroutine").WriteTo(os.Stderr, 1)
		code = 1
	}
	os.Exit(code)
}
