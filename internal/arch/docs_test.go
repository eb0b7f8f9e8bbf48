package arch_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var goBlock = regexp.MustCompile("(?s)```go\n(.*?)\n```")

func TestTheCodeOnThePageOfAdaptersIsTested(t *testing.T) {
	read := func(name string) string {
		b, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	sources := read("providers/headers/example_test.go") + read("providers/providertest/adapter_test.go")
	blocks := goBlock.FindAllStringSubmatch(read("docs/adapters.md"), -1)
	if len(blocks) == 0 {
		t.Fatal("there is no code on the page")
	}
	for _, b := range blocks {
		if !strings.Contains(sources, b[1]) {
			t.Errorf("this is nowhere in the tests:\n%s", b[1])
		}
	}
}
