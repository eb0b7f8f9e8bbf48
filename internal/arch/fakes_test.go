package arch_test

import (
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
		_, shared, ok := strings.Cut(read(t, "providers/"+fake+"/server.go"), "// What all fakes share.")
		if !ok {
			t.Errorf("%s does not say what all fakes share", fake)
		}
		for _, name := range want {
			if !regexp.MustCompile(name).MatchString(shared) {
				t.Errorf("%s says nowhere that it has %s", fake, name)
			}
		}
	}
}
