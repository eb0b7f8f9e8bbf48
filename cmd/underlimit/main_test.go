package main

import (
	"bytes"
	"strings"
	"testing"
)

func TestAWrongCommandLineFailsAndSaysWhy(t *testing.T) {
	t.Parallel()
	var out, errs bytes.Buffer
	if code := run([]string{"demo", "--no-such-flag"}, &out, &errs); code != 1 {
		t.Errorf("exit code %d, want 1", code)
	}
	if !strings.Contains(errs.String(), "no-such-flag") {
		t.Errorf("it says %q", errs.String())
	}
}

func TestHelpNamesTheDemo(t *testing.T) {
	t.Parallel()
	var out, errs bytes.Buffer
	if code := run([]string{"--help"}, &out, &errs); code != 0 {
		t.Errorf("exit code %d, want 0: %s", code, errs.String())
	}
	if !strings.Contains(out.String(), "demo") {
		t.Errorf("it says %q", out.String())
	}
}
