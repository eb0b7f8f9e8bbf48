package arch_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var goBlock = regexp.MustCompile("(?s)```go\n(.*?)\n```")

func TestTheCodeOnThePagesIsTested(t *testing.T) {
	for page, files := range map[string][]string{
		"docs/adapters.md": {"providers/headers/example_test.go", "providers/providertest/adapter_test.go"},
		"docs/state.md":    {"examples/restart/run.go"},
	} {
		var sources strings.Builder
		for _, f := range files {
			sources.WriteString(read(t, f))
		}
		blocks := goBlock.FindAllStringSubmatch(read(t, page), -1)
		if len(blocks) == 0 {
			t.Errorf("there is no code in %s", page)
		}
		for _, b := range blocks {
			if !strings.Contains(sources.String(), b[1]) {
				t.Errorf("this is in %s, and nowhere in what is tested:\n%s", page, b[1])
			}
		}
	}
}

// read returns a file of the module.
func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
