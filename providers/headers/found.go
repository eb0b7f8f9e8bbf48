package headers

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/underlimit/underlimit/internal/field"
)

// found looks for the fields that many APIs have. Where several families tell, the first counts; windows by their
// lengths, which stand side by side, count all.
func (r *reader) found() {
	h := r.a.Header
	policies := parsePolicies(h[policyField])
	for _, p := range policies {
		switch {
		case p.concurrent:
			r.concurrent = p.limit
		case !p.other && p.length > 0:
			r.lengths = append(r.lengths, p.length)
		}
	}
	r.items(policies)
	ietf := len(r.readings) > 0

	var t table
	t.fill(h)
	if plain, ok := r.plain(&t, policies); ok && !ietf {
		r.add(&plain)
	}
	r.byLength(&t, ietf)
	r.tokens(&t)
	if len(r.readings) == 0 {
		if g, ok := leaking(field.Get(h, shopifyField), shopifyLeak); ok {
			r.add(&g)
		}
		r.counts(field.Get(h, appField), field.Get(h, appCountField))
	}
}

// shopifyLeak is the time in which a shop's bucket leaks empty: 40 at 2 a second or, by the shop's plan, 80 at 4 and
// 400 at 20. https://shopify.dev/docs/api/admin-rest/usage/rate-limits
const shopifyLeak = 20 * time.Second

// The families of fields, in the order in which they are believed.
var families = [...]string{"Ratelimit-", "X-Ratelimit-", "X-Rate-Limit-"}

// A kind is what the fields of a family tell of, by what else their names say.
type kind int

const (
	whole kind = iota // nothing else: the limit
	perSecond
	perMinute
	perHour
	perDay
	perMonth
	ofTokens

	kinds int = iota
)

var kindLengths = [kinds]time.Duration{
	perSecond: time.Second, perMinute: time.Minute, perHour: time.Hour, perDay: 24 * time.Hour,
	perMonth: 30 * 24 * time.Hour,
}

// A cell is the values of the fields of one family and kind.
type cell [cellFields]string

// A family is the cells of one prefix.
type family [kinds]cell

type table struct {
	families [len(families)]family
	kinds    uint8 // of which there is anything, as bits
}

// fill puts fields into the table. They have no order, so it makes one: what an answer means must not change.
func (t *table) fill(h http.Header) {
	var room [16]string
	names := room[:0]
	for name := range h {
		if isTelling(name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		for i, prefix := range families {
			if rest, ok := strings.CutPrefix(name, prefix); ok {
				t.put(&t.families[i], rest, field.Get(h, name))
				break
			}
		}
	}
}

// words are what the names of fields have at one end, and tell by that what the field is, the longer ones first.
var words = [...]struct {
	word string
	what int
}{{"Reset-After", afterField}, {"Limit", limitField}, {"Remaining", remainingField}, {"Reset", resetField}}

const (
	limitField = iota
	remainingField
	resetField
	afterField

	cellFields
)

// put puts in the value of a field, whose name goes on so after the family's.
func (t *table) put(f *family, rest, v string) {
	for i := range words {
		w := &words[i]
		more, ok := strings.CutPrefix(rest, w.word)
		if !ok {
			more, ok = strings.CutSuffix(rest, w.word)
		}
		if !ok {
			continue
		}
		if k, ok := kindOf(strings.Trim(more, "-")); ok && f[k][w.what] == "" {
			f[k][w.what] = v
			t.kinds |= 1 << k
		}
		return
	}
}

// kindOf tells a kind by what the name of a field says besides.
func kindOf(more string) (kind, bool) {
	more = strings.TrimPrefix(strings.TrimPrefix(more, "Requests"), "-")
	switch strings.TrimPrefix(more, "Per-") {
	case "":
		return whole, true
	case "Second":
		return perSecond, true
	case "Minute":
		return perMinute, true
	case "Hour", "Hourly":
		return perHour, true
	case "Day", "Daily":
		return perDay, true
	case "Month", "Monthly":
		return perMonth, true
	}
	return ofTokens, strings.HasPrefix(more, "Tokens")
}

// window reads the window that a cell tells of.
func (r *reader) window(c *cell) (g reading, ok bool) {
	if c[remainingField] == "" {
		return reading{}, false
	}
	left, ok := quantity(c[remainingField])
	if !ok {
		return reading{}, false
	}
	limit, _ := quantity(c[limitField])
	g.Remaining, g.Limit, g.length = left.n, limit.n, max(left.length, limit.length)
	if !r.end(&g, c[afterField], Seconds) {
		r.end(&g, c[resetField], "")
	}
	return g, true
}

// ends says whether anything tells when the window ends.
func (g *reading) ends() bool { return g.ResetAfter > 0 || !g.ResetAt.IsZero() }

// plain reads the first family that tells of a limit, and of which it is among those that the answer says there are.
func (r *reader) plain(t *table, policies []policy) (reading, bool) {
	for i := range t.families {
		c := &t.families[i][whole]
		g, ok := r.window(c)
		if !ok {
			continue
		}
		if _, more, ok := strings.Cut(c[limitField], ","); ok { // Envoy has them behind the limit
			for _, q := range elements(more) {
				if q.length > 0 {
					policies = append(policies, policy{limit: q.n, length: q.length})
					r.lengths = append(r.lengths, q.length)
				}
			}
		}
		if g.length == 0 {
			g.length = lengthOf(g.Limit, policies)
		}
		if g.ends() || g.endless() {
			return g, true
		}
	}
	return reading{}, false
}

// lengthOf returns the length of the window of such a limit; 0 if there is none, or more than one.
func lengthOf(limit int, policies []policy) (length time.Duration) {
	for _, p := range policies {
		if p.limit == limit {
			if length != 0 && length != p.length {
				return 0
			}
			length = p.length
		}
	}
	return length
}

// byLength reads the windows whose names tell their lengths. Where one of them is told of without its length as well,
// that tells when it ends, and says nothing new.
func (r *reader) byLength(t *table, ietf bool) {
	first := len(r.readings) > 0 && !ietf
	for k := perSecond; k <= perMonth; k++ {
		told := func(g reading) bool { return g.length == kindLengths[k] }
		if t.kinds&(1<<k) == 0 || slices.ContainsFunc(r.readings, told) {
			continue
		}
		for i := range t.families {
			g, ok := r.window(&t.families[i][k])
			if !ok {
				continue
			}
			g.length = kindLengths[k]
			if first && !g.ends() {
				if p := &r.readings[0]; p.Limit == g.Limit && p.Remaining == g.Remaining {
					p.length, first = g.length, false
					break
				}
			}
			if g.ends() || g.endless() {
				r.add(&g)
			} else {
				r.lengths = append(r.lengths, g.length)
			}
			break
		}
	}
}

// tokens reads the fields that count the tokens of language models. How many a request takes is not known before, so
// that only none being left holds back.
func (r *reader) tokens(t *table) {
	if t.kinds&(1<<ofTokens) == 0 {
		return
	}
	for i := range t.families {
		if g, ok := r.window(&t.families[i][ofTokens]); ok && g.ends() {
			g.stop = true
			r.add(&g)
		}
	}
}

// counts reads limits and what is used of each, by lengths in seconds: "20:1,100:120" and "1:1,7:120".
// https://developer.riotgames.com/docs/portal#web-apis_rate-limiting
func (r *reader) counts(limits, counts string) {
	for range mostElements {
		var l string
		if l, limits, _ = strings.Cut(limits, ","); l == "" && limits == "" {
			return
		}
		limit, seconds, _ := strings.Cut(l, ":")
		n, ok := field.Count(limit)
		used, okUsed := usedIn(counts, seconds)
		if !ok || !okUsed {
			continue
		}
		g := reading{}
		g.Limit, g.Remaining = n, max(n-used, 0)
		if g.length, _ = field.Duration(seconds, time.Second); g.endless() {
			r.add(&g)
		}
	}
}

func usedIn(counts, seconds string) (int, bool) {
	for range mostElements {
		var c string
		c, counts, _ = strings.Cut(counts, ",")
		if n, s, _ := strings.Cut(c, ":"); s != "" && s == seconds {
			return field.Count(n)
		}
	}
	return 0, false
}
