package headers

import (
	"math"
	"slices"
	"strings"
	"time"

	"github.com/dunglas/httpsfv"

	"github.com/underlimit/underlimit/internal/field"
)

// A policy is what an answer says that there is: so many requests in so long.
type policy struct {
	name   string
	limit  int
	length time.Duration
	other  bool // it counts something else than requests in a time

	concurrent bool // namely requests in flight
}

// The fields of the IETF are lists of strings with parameters, as in
//
//	RateLimit-Policy: "burst";q=100;w=60, "daily";q=1000;w=86400
//	RateLimit: "burst";r=50;t=30
//
// https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/

// maxField is how many bytes of such a field are worth reading.
const maxField = 4 << 10

// parseList reads a list that may be spread over several lines; nil if it is none.
func parseList(lines []string) httpsfv.List {
	if !readable(lines) {
		return nil
	}
	list, err := httpsfv.UnmarshalList(lines)
	if err != nil || len(list) > mostElements {
		return nil // what is malformed is to be ignored as a whole
	}
	return list
}

func readable(lines []string) bool {
	size := 0
	for _, l := range lines {
		size += len(l)
	}
	return size > 0 && size <= maxField
}

// parsePolicies reads the policies that make sense. In older drafts their names were their numbers.
func parsePolicies(lines []string) (all []policy) {
	for _, member := range parseList(lines) {
		item, ok := member.(httpsfv.Item)
		if !ok {
			continue
		}
		p := policy{}
		q, hasQuota := count(item.Params, "q")
		if n, ok := item.Value.(int64); ok && n >= 0 {
			p.limit, hasQuota = int(min(n, math.MaxInt32)), true
		} else if p.name, ok = nameOf(item.Value); ok {
			p.limit = q
		}
		p.length = seconds(item.Params, "w")
		if unit, ok := item.Params.Get("qu"); ok {
			name, _ := nameOf(unit)
			p.other, p.concurrent = name != "requests", name == "concurrent-requests"
		}
		if hasQuota && (p.length > 0 || p.name != "") {
			all = append(all, p)
		}
	}
	return all
}

// items reads what is left by each policy. A dictionary is the form of an older draft.
func (r *reader) items(policies []policy) {
	lines := r.a.Header[ietfField]
	if len(lines) == 0 {
		return
	}
	list := parseList(lines)
	if list == nil {
		r.dictionary(lines)
		return
	}
	type named struct {
		name string
		reading
	}
	var all []named
	for _, member := range list {
		item, ok := member.(httpsfv.Item)
		if !ok {
			continue
		}
		name, ok := nameOf(item.Value)
		left, okLeft := count(item.Params, "r")
		if !ok || !okLeft {
			continue
		}
		g := reading{}
		g.Remaining = left
		i := slices.IndexFunc(policies, func(p policy) bool { return p.name == name })
		if i >= 0 {
			if policies[i].other {
				continue
			}
			g.Limit, g.length = policies[i].limit, policies[i].length
		}
		t := seconds(item.Params, "t")
		if g.after(t, t%time.Second == 0) || g.endless() {
			all = append(all, named{name, g})
		}
	}
	slices.SortStableFunc(all, func(a, b named) int { return strings.Compare(a.name, b.name) })
	for _, g := range all {
		r.add(&g.reading)
	}
}

// dictionary reads "limit=100, remaining=50, reset=5".
func (r *reader) dictionary(lines []string) {
	if !readable(lines) {
		return
	}
	d, err := httpsfv.UnmarshalDictionary(lines)
	if err != nil {
		return
	}
	params := httpsfv.NewParams()
	for _, key := range []string{"limit", "remaining", "reset"} {
		if member, ok := d.Get(key); ok {
			if item, ok := member.(httpsfv.Item); ok {
				params.Add(key, item.Value)
			}
		}
	}
	left, ok := count(params, "remaining")
	if !ok {
		return
	}
	g := reading{}
	g.Remaining = left
	g.Limit, _ = count(params, "limit")
	t := seconds(params, "reset")
	if g.after(t, t%time.Second == 0) {
		r.add(&g)
	}
}

// nameOf returns a string, or a token, which it should not be.
func nameOf(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case httpsfv.Token:
		return string(v), true
	}
	return "", false
}

// count returns a parameter that is a number of units, and not negative.
func count(p *httpsfv.Params, key string) (int, bool) {
	v, _ := p.Get(key)
	n, ok := v.(int64)
	if !ok || n < 0 {
		return 0, false
	}
	return int(min(n, math.MaxInt32)), true
}

// seconds returns a parameter that is a number of seconds; 0 if there is none, or a negative one.
func seconds(p *httpsfv.Params, key string) time.Duration {
	v, _ := p.Get(key)
	switch v := v.(type) {
	case int64:
		return field.Scale(float64(v), time.Second)
	case float64:
		return field.Scale(v, time.Second)
	}
	return 0
}
