package transport

import (
	"maps"
	"net/http"
	"slices"
	"strings"
)

// limitFields begin the names of the fields that tell the state of a limit.
var limitFields = []string{"x-ratelimit-", "x-rate-limit-", "ratelimit"}

func isLimitField(name string) bool {
	return slices.ContainsFunc(limitFields, func(begin string) bool {
		return len(name) >= len(begin) && strings.EqualFold(name[:len(begin)], begin)
	})
}

// without returns a header without some of its fields, and whether it had any of them. It changes nothing: whoever made
// the header may keep it.
func without(h http.Header, unwanted func(name string) bool) (http.Header, bool) {
	for name := range h {
		if unwanted(name) {
			h = maps.Clone(h)
			maps.DeleteFunc(h, func(name string, _ []string) bool { return unwanted(name) })
			return h, true
		}
	}
	return h, false
}
