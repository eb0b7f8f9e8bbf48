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

// withoutLimits returns the header without the fields that tell the state of a limit. It changes nothing: the provider,
// hooks and the base transport may keep the header.
func withoutLimits(h http.Header) http.Header {
	for name := range h {
		if isLimitField(name) {
			h = maps.Clone(h)
			maps.DeleteFunc(h, func(name string, _ []string) bool { return isLimitField(name) })
			return h
		}
	}
	return h
}
