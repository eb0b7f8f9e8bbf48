package headers

import (
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/underlimit/underlimit/bucket"
)

// A pattern is which requests to a host are meant.
type pattern struct {
	segments []string // of the path, "*" is any; none: all
	methods  []string // none: all
}

func newPattern(path, method string) pattern {
	segments := strings.FieldsFunc(path, func(c rune) bool { return c == '/' })
	return pattern{segments, strings.Fields(strings.ToUpper(method))}
}

func (p *pattern) matches(method, path string) bool {
	return p.matchesMethod(method) && p.matchesPath(path)
}

func (p *pattern) matchesMethod(method string) bool {
	if method == "" {
		method = http.MethodGet
	}
	return len(p.methods) == 0 || slices.Contains(p.methods, method)
}

func (p *pattern) matchesPath(path string) bool {
	for _, want := range p.segments {
		var segment string
		if segment, path = cutSegment(path); segment == "" || want != "*" && want != segment {
			return false
		}
	}
	return true
}

// pathOf returns a URL's path as servers read it: without "." and "..", and with "%2F" for a slash that is part of a
// segment, as in "/projects/group%2Fname/issues".
func pathOf(u *url.URL) string {
	p := u.Path
	if u.RawPath != "" && u.RawPath == u.EscapedPath() {
		segments := strings.Split(u.RawPath, "/")
		for i, s := range segments {
			s, _ = url.PathUnescape(s)
			segments[i] = strings.ReplaceAll(s, "/", "%2F")
		}
		p = strings.Join(segments, "/")
	}
	if strings.Contains(p, "/.") {
		p = path.Clean(p)
	}
	return p
}

// cutSegment cuts the first segment from a path.
func cutSegment(path string) (segment, rest string) {
	path = strings.TrimLeft(path, "/")
	if i := strings.IndexByte(path, '/'); i >= 0 {
		return path[:i], path[i:]
	}
	return path, ""
}

// A limit is a Limit made ready.
type limit struct {
	pattern
	name       string // the key's Limit
	hosts      hosts
	subject    string // of the keys; the endpoint comes after it
	credential string
	policy     *bucket.Policy
	weight     int
	endpoint   bool
	shared     bool
}

// A group is the limits of one name: the first that matches a request counts.
type group struct {
	name   string
	limits []limit
}

// draw returns what a request takes of a limit, if it is under it.
func (g *group) draw(method, path, credential, owner string) (bucket.Draw, bool) {
	for i := range g.limits {
		l := &g.limits[i]
		if !strings.HasPrefix(credential, l.credential) || !l.matches(method, path) {
			continue
		}
		key := bucket.Key{Provider: name, Limit: l.name, Owner: owner, Subject: l.subject}
		if l.shared {
			key.Owner = ""
		}
		if l.endpoint {
			if key.Subject != "" {
				key.Subject += " "
			}
			key.Subject += endpoint(method, path)
		}
		return bucket.Draw{Key: key, Weight: l.weight, Policy: l.policy}, true
	}
	return bucket.Draw{}, false
}

const (
	mostSegments = 8  // of a path name its endpoint
	maxWord      = 32 // how long a segment is at most that does
)

// endpoint names a method and a path, without the segments that look like the name of a thing, which may be many, or
// secrets: "GET /v1/customers/*".
func endpoint(method, path string) string {
	var b strings.Builder
	if isWord(strings.ToLower(method)) {
		b.WriteString(method)
	} else {
		b.WriteString(http.MethodGet)
	}
	b.WriteByte(' ')
	for range mostSegments {
		var segment string
		if segment, path = cutSegment(path); segment == "" {
			break
		}
		if !isWord(segment) && !isVersion(segment) {
			segment = "*"
		}
		b.WriteByte('/')
		b.WriteString(segment)
	}
	return b.String()
}

func isWord(s string) bool {
	return s != "" && len(s) <= maxWord && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz-_.") == ""
}

// isVersion says whether a segment is one like "v1".
func isVersion(s string) bool {
	return len(s) >= 2 && len(s) <= 4 && s[0] == 'v' && strings.Trim(s[1:], "0123456789.") == ""
}
