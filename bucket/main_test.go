package bucket_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"runtime"
	"testing"
)

// TestMain fails if a test leaves a goroutine behind.
func TestMain(m *testing.M) {
	code := m.Run()
	if flag.Lookup("test.fuzz").Value.String() != "" {
		os.Exit(code) // the fuzzer leaves some of its own
	}
	left := others()
	for i := 0; i < 10_000 && len(left) > 0; i++ { // one may be about to end
		runtime.Gosched()
		left = others()
	}
	if code == 0 && len(left) > 0 {
		fmt.Fprintf(os.Stderr, "goroutines left behind:%s\n", left)
		code = 1
	}
	os.Exit(code)
}

// others is the stacks of the goroutines beside the caller's. Those of the runtime, which runtime.NumGoroutine counts
// while they run a clean-up, are not among them.
func others() []byte {
	stacks := make([]byte, 1<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	_, left, _ := bytes.Cut(stacks, []byte("\n\ngoroutine "))
	return left
}
