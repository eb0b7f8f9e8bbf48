package headers

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/underlimit/underlimit/bucket"
	"github.com/underlimit/underlimit/internal/field"
	"github.com/underlimit/underlimit/providers"
)

// A reading is what an answer tells of one window.
type reading struct {
	bucket.Window               // without its Key
	length        time.Duration // how long the window lasts, 0: not told
	vague         bool          // that is all that is known of its end
	stop          bool          // only an empty one holds requests back
	rank          int           // which of the windows it is
}

// A reader reads what an answer tells of windows.
type reader struct {
	a        *providers.Answer
	date     time.Time // the answer's, once it was read
	readings []reading
	lengths  []time.Duration // of windows that there are, whether or not the answer tells how they stand
	// concurrent is how many requests may be in flight; 0: not told.
	concurrent int
}

func (r *reader) add(g *reading) { r.readings = append(r.readings, *g) }

// read reads the windows of an API, each with its rank.
func (a *api) read(r *reader) {
	for i := range a.windows {
		w := &a.windows[i]
		if g, ok := r.described(w); ok {
			g.rank, g.stop = i, w.Other
			r.add(&g)
		}
	}
	if len(a.windows) == 0 && !a.silent && tells(r.a.Header) {
		r.date = field.Date(r.a.Header)
		r.found()
		r.rank()
	}
}

// described reads the fields of a window that an API describes.
func (r *reader) described(w *Window) (g reading, ok bool) {
	h := r.a.Header
	if w.Usage != "" {
		return leaking(field.Get(h, w.Usage), w.Length)
	}
	left, ok := quantity(field.Get(h, w.Remaining))
	if !ok {
		return reading{}, false
	}
	g.Remaining = left.n
	limit, _ := quantity(field.Get(h, w.Limit))
	g.Limit, g.length = limit.n, w.Length
	r.date = field.Date(h)
	return g, r.end(&g, field.Get(h, w.Reset), w.ResetUnit) || g.endless()
}

// endless has a window of which nothing tells when it ends be known by its limit and its length. It reports false if
// one of them is not known either.
func (g *reading) endless() bool {
	g.vague = g.length > 0 && g.Limit > 0
	return g.vague
}

// leaking reads how full a bucket is that leaks empty in a time when full, such as "39/40".
func leaking(v string, length time.Duration) (g reading, ok bool) {
	u, of, ok := strings.Cut(v, "/")
	if !ok {
		return reading{}, false
	}
	used, ok := field.Count(u)
	limit, okLimit := field.Count(of)
	if !ok || !okLimit || limit == 0 {
		return reading{}, false
	}
	used = min(used, limit)
	g.Limit, g.Remaining, g.length = limit, limit-used, length
	g.Precision = length / time.Duration(limit)
	g.ResetAfter = time.Duration(used) * g.Precision
	return g, true
}

// A quantityOf is a number of units and, where it is told, the length of their window: "95;w=21600".
type quantityOf struct {
	n      int
	length time.Duration
}

// quantity reads the first element of a list of numbers.
func quantity(s string) (q quantityOf, ok bool) {
	if q.n, ok = field.Count(s); ok {
		return q, true // as nearly all are
	}
	s, _, _ = strings.Cut(s, ",")
	return element(s)
}

func element(s string) (q quantityOf, ok bool) {
	n, params, _ := strings.Cut(s, ";")
	if q.n, ok = field.Count(n); !ok {
		return quantityOf{}, false
	}
	for range mostElements {
		var p string
		if p, params, _ = strings.Cut(params, ";"); p == "" {
			break
		}
		if w, ok := strings.CutPrefix(strings.TrimSpace(p), "w="); ok {
			q.length, _ = field.Duration(w, time.Second)
		}
	}
	return q, true
}

// mostElements is how many elements of a list, or parameters of one, are read.
const mostElements = 16

// elements reads all elements of a list of numbers that make sense.
func elements(s string) (all []quantityOf) {
	for range mostElements {
		var e string
		e, s, _ = strings.Cut(s, ",")
		if q, ok := element(e); ok {
			all = append(all, q)
		}
	}
	return all
}

// rank sorts the readings, shorter windows first, and counts them, those included that the answer only says there are.
func (r *reader) rank() {
	for i := range r.readings {
		if g := &r.readings[i]; g.length > 0 && !g.stop {
			r.lengths = append(r.lengths, g.length)
		}
	}
	slices.Sort(r.lengths)
	r.lengths = slices.Compact(r.lengths)
	slices.SortStableFunc(r.readings, func(a, b reading) int { return int(min(max(a.length-b.length, -1), 1)) })
	next := 0
	for i := range r.readings {
		g := &r.readings[i]
		if g.stop {
			continue
		}
		shorter, _ := slices.BinarySearch(r.lengths, g.length)
		g.rank = max(shorter, next)
		next = g.rank + 1
	}
}

// tells says whether a header has fields that might tell of windows. Most have none, and this is all that they cost.
func tells(h http.Header) bool {
	for name := range h {
		if isTelling(name) {
			return true
		}
	}
	return false
}

// The spellings are those of net/http.
const (
	shopifyField  = "X-Shopify-Shop-Api-Call-Limit"
	appField      = "X-App-Rate-Limit"
	appCountField = "X-App-Rate-Limit-Count"
	ietfField     = "Ratelimit"
	policyField   = "Ratelimit-Policy"
)

func isTelling(name string) bool {
	if len(name) < len(ietfField) {
		return false
	}
	switch name[0] {
	case 'R':
		return strings.HasPrefix(name, ietfField)
	case 'X':
		return strings.HasPrefix(name, "X-Rate") || name == shopifyField || name == appField
	}
	return false
}
