package discord

import (
	"net/http"
	"strings"

	"github.com/underlimit/underlimit/bucket"
)

// other is the route, and the Limit of the bucket, of requests whose path no template matches.
const other = "other"

// methods are what a route's requests are told apart by; any further one is named OTHER, so that routes are few.
var methods = [...]string{
	http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, "OTHER",
}

// method returns the index in methods of a request's method.
func method(s string) int {
	if s == "" {
		return 0 // net/http sends a GET
	}
	for i, m := range methods {
		if s == m {
			return i
		}
	}
	return len(methods) - 1
}

// A route holds a template's names, one for each of methods, so that no request has to make one.
type route [len(methods)]string

// A node matches one segment of a path.
type node struct {
	named [][]child // by the length of their names: no more than a few have the same, and no map is as quick
	any   *node
	route *route // what ends here; nil: nothing
}

// A child is a node of one name.
type child struct {
	name string
	*node
}

// child returns the node below n of a name, nil if there is none.
func (n *node) child(name string) *node {
	if len(name) < len(n.named) {
		for i := range n.named[len(name)] {
			if c := &n.named[len(name)][i]; c.name == name {
				return c.node
			}
		}
	}
	return nil
}

var root = plant(templates)

func plant(templates []string) *node {
	root := &node{}
	for _, t := range templates {
		n := root
		for seg := range strings.SplitSeq(t[1:], "/") {
			n = n.grow(seg)
		}
		n.route = new(route)
		for i, m := range methods {
			n.route[i] = m + " " + t
		}
	}
	return root
}

// grow returns the node below n for a segment of a template.
func (n *node) grow(seg string) *node {
	if parameter := seg[0] == '{'; parameter {
		if n.any == nil {
			n.any = &node{}
		}
		return n.any
	}
	c := n.child(seg)
	if c == nil {
		c = &node{}
		if more := len(seg) + 1 - len(n.named); more > 0 {
			n.named = append(n.named, make([][]child, more)...)
		}
		n.named[len(seg)] = append(n.named[len(seg)], child{seg, c})
	}
	return c
}

// match returns the route of a path, nil if there is none. Named segments go before parameters.
func (n *node) match(segments []string) *route {
	if len(segments) == 0 {
		return n.route
	}
	if next := n.child(segments[0]); next != nil {
		if r := next.match(segments[1:]); r != nil {
			return r
		}
	}
	if n.any == nil {
		return nil
	}
	return n.any.match(segments[1:])
}

// oldRule returns the bucket that a route's falls to by the rule that held before Discord sent hashes: all methods
// share one, but deleting a message has its own. It returns key itself if that is no other.
//
// https://discord.com/developers/docs/topics/rate-limits
func oldRule(key bucket.Key) bucket.Key {
	switch key.Limit {
	case deletion, deletionYoung, deletionOld:
		return key
	}
	if _, template, ok := strings.Cut(key.Limit, " "); ok {
		key.Limit = template
	}
	return key
}
