package arch_test

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/underlimit/underlimit/providers/apitest"
)

// What go doc shows of a fake is what stands in its own package: an alias and an embedded type show no members.
func TestTheDocCommentsOfTheFakesNameAllMembers(t *testing.T) {
	var want []string
	server := reflect.TypeFor[*apitest.Server]()
	for m := range server.Methods() {
		if m.Name != "ServeHTTP" {
			want = append(want, `//\t`+m.Name+`\(`)
		}
	}
	for _, of := range []reflect.Type{
		reflect.TypeFor[apitest.Fault](), reflect.TypeFor[apitest.Report](),
		reflect.TypeFor[apitest.Arrival](), reflect.TypeFor[apitest.Delivery](),
	} {
		for f := range of.Fields() {
			want = append(want, `\b`+f.Name+`\b`)
		}
	}
	for _, fake := range []string{"slack/slacktest", "discord/discordtest", "intercom/intercomtest"} {
		b, err := os.ReadFile(filepath.Join(root, "providers", filepath.FromSlash(fake), "server.go"))
		if err != nil {
			t.Fatal(err)
		}
		shared := string(b[strings.Index(string(b), "// What all fakes share."):])
		for _, name := range want {
			if !regexp.MustCompile(name).MatchString(shared) {
				t.Errorf("%s says nowhere that it has %s", fake, name)
			}
		}
	}
}
