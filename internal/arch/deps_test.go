// Package arch_test holds the packages of this module to their places: which may import which.
package arch_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const (
	module = "github.com/underlimit/underlimit"
	root   = "../.." // of the module, from here
)

// A rule is what packages may import besides the standard library. Names of this module begin with "./"; one that ends
// in "/..." includes whatever is below. never goes before may, and holds for the standard library, too.
type rule struct {
	pkg        string // a pattern of path.Match
	may, never []string
}

var anything = []string{"..."}

// rules are looked through in order; the first whose pattern matches a package is its rule.
var rules = []rule{
	{pkg: "bucket", may: []string{"golang.org/x/time/rate"}, never: []string{"net/http", "log/..."}},
	{pkg: "bucket/redisbucket", may: []string{"./bucket", "github.com/redis/go-redis/v9/..."}},

	{pkg: "providers", may: []string{"./bucket"}},
	{pkg: "providers/apitest", may: []string{"./internal/fakeapi", "./internal/memnet"}},
	{pkg: "providers/providertest", may: []string{"./bucket", "./providers", "./internal/field"}},
	{
		pkg: "providers/headers",
		may: []string{
			"./bucket", "./providers", "./internal/digest", "./internal/field", "github.com/dunglas/httpsfv",
		},
	},
	{pkg: "providers/*", may: []string{"./bucket", "./providers", "./internal/digest", "./internal/field"}},
	{pkg: "providers/slack/rtm", may: []string{"./bucket"}, never: []string{"net/http"}},
	// An oracle shares nothing with what it judges.
	{pkg: "providers/*/*test", may: []string{"./providers/apitest", "./internal/fakeapi"}},
	{pkg: "providers/*/internal/*", may: nil},

	{
		pkg: "transport",
		may: []string{
			"./bucket", "./providers", "./internal/...",
			"github.com/hashicorp/go-retryablehttp", "github.com/hashicorp/go-cleanhttp",
		},
		never: []string{"./internal/fakeapi", "./internal/memnet"},
	},
	{
		pkg: "metrics",
		may: []string{"./bucket", "./providers", "./transport", "github.com/prometheus/client_golang/prometheus/..."},
	},

	{pkg: "internal/*", may: nil},
	{pkg: "cmd/*", may: anything},
	{pkg: "cmd/*/*", may: anything},
	{pkg: "cmd/*/*/*", may: anything},
	{pkg: "tools/*", may: anything},
}

func TestPackagesImportOnlyWhatTheyMay(t *testing.T) {
	for pkg, imports := range packages(t) {
		r := slices.IndexFunc(rules, func(r rule) bool {
			ok, err := path.Match(r.pkg, pkg)
			return ok && err == nil
		})
		if r < 0 {
			t.Errorf("package %s has no rule: give it one", pkg)
			continue
		}
		for _, i := range imports {
			if !rules[r].allows(i) {
				t.Errorf("package %s may not import %s", pkg, i)
			}
		}
	}
}

func TestRulesAllowAndForbid(t *testing.T) {
	r := rule{may: []string{"./bucket", "example.com/a/..."}, never: []string{"net/http", "example.com/a/c"}}
	for i, want := range map[string]bool{
		"fmt": true, "net/url": true, "net/http": false,
		"./bucket": true, "./bucket/redisbucket": false, "./buckets": false,
		"example.com/a": true, "example.com/a/b": true, "example.com/a/c": false, "example.com/ab": false,
	} {
		if got := r.allows(i); got != want {
			t.Errorf("import of %s: got %t, want %t", i, got, want)
		}
	}
	if r := (rule{may: anything}); !r.allows("example.com/a") || !r.allows("./bucket") {
		t.Error("anything is not everything")
	}
}

func TestEveryRoomExists(t *testing.T) {
	for _, room := range []string{
		"bucket", "transport", "metrics", "cmd/underlimit", "examples", "docs",
		"providers", "providers/slack", "providers/discord", "providers/intercom", "providers/headers",
		"providers/providertest", "providers/apitest", "providers/slack/rtm", "providers/slack/slacktest", "providers/discord/discordtest",
		"providers/intercom/intercomtest",
	} {
		if info, err := os.Stat(filepath.Join(root, filepath.FromSlash(room))); err != nil || !info.IsDir() {
			t.Errorf("there is no %s", room)
		}
	}
}

func (r *rule) allows(i string) bool {
	among := func(list []string) bool {
		return slices.ContainsFunc(list, func(pattern string) bool {
			prefix, below := strings.CutSuffix(pattern, "...")
			return i == strings.TrimSuffix(prefix, "/") || below && strings.HasPrefix(i, prefix)
		})
	}
	return !among(r.never) && (isStandard(i) || among(r.may))
}

// isStandard says whether an import is of the standard library: those have no dot before the first slash.
func isStandard(i string) bool {
	first, _, _ := strings.Cut(i, "/")
	return !strings.Contains(first, ".")
}

// packages returns the imports of this module's packages, those of tests left out.
func packages(t *testing.T) map[string][]string {
	t.Helper()
	found := map[string][]string{}
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			return enter(file, d.Name())
		}
		if !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return nil
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		dir, err := filepath.Rel(root, filepath.Dir(file))
		if err != nil {
			return err
		}
		pkg := filepath.ToSlash(dir)
		found[pkg] = slices.Clip(found[pkg]) // a package without imports is one, too
		for _, spec := range parsed.Imports {
			i, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			if own, ok := strings.CutPrefix(i, module); ok {
				i = "." + own
			}
			found[pkg] = append(found[pkg], i)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// enter skips what is no part of the module: modules of their own, and what the go command does not look at.
func enter(dir, name string) error {
	if dir == root {
		return nil
	}
	if name == "testdata" || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") {
		return filepath.SkipDir
	}
	if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
		return filepath.SkipDir
	}
	return nil
}
