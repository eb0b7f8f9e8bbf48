package headers

import (
	"bytes"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/underlimit/underlimit/bucket"
	"github.com/underlimit/underlimit/internal/field"
	"github.com/underlimit/underlimit/providers"
)

// Judge reads the fields of an answer. A 429 is a refusal, and so is what an [API] says is one. A 503 holds further
// requests back if it says for how long, but proves nothing about the one that it answers.
func (p *Provider) Judge(req *http.Request, call *providers.Call, a *providers.Answer) (v providers.Verdict) {
	place := p.place(req.URL)
	api := place.api
	r := reader{a: a}
	cached := isCached(a.Header)
	if !cached {
		api.read(&r)
	}
	windows := call.Draws[:len(place.names[0])]
	uncounted := slices.Contains(api.uncounted, a.Status)
	if len(r.readings) > 0 || r.concurrent > 0 || uncounted {
		v.Updates = r.updates(windows, api.told(place, a), uncounted)
	}
	refusal := api.refusal(&r)
	switch {
	case refusal != nil: // from a cache, too: asking it again sooner is of no use
		v.Refused, v.Scope, v.Final = true, scopeOf(refusal), refusal.Final || api.denies(a.Header)
		if !refusal.Final {
			v.Updates = append(v.Updates, r.block(refusal, call.Draws))
		}
	case a.Status == http.StatusServiceUnavailable && !cached:
		if wait := retryAfter(a); wait > 0 {
			v.Updates = append(v.Updates, bucket.Block{Key: windows[0].Key, For: wait})
		}
	}
	return v
}

// isCached says whether an answer comes out of a cache: its fields tell of the request that it was made for. Where
// several caches tell an age, the first counts. https://www.rfc-editor.org/rfc/rfc9111#section-5.1
func isCached(h http.Header) bool {
	first, _, _ := strings.Cut(field.Get(h, "Age"), ",")
	age, _ := field.Number(first)
	return age > 0
}

// told returns the names of the windows that an answer speaks of, nil if they are those of the request. Something that
// is not described has none.
func (a *api) told(pl *place, answer *providers.Answer) []string {
	if a.scopeField == "" {
		return nil
	}
	name := field.Get(answer.Header, a.scopeField)
	if name == "" {
		return nil
	}
	for i := range a.scopes {
		if strings.EqualFold(a.scopes[i].name, name) {
			return pl.names[i]
		}
	}
	return []string{}
}

// updates returns what the readings say. names are those of other windows than the request drew on, if not nil;
// uncounted says that no window counted it.
func (r *reader) updates(windows []bucket.Draw, names []string, uncounted bool) (all []bucket.Update) {
	elsewhere := names != nil && (len(names) == 0 || names[0] != windows[0].Key.Limit)
	if elsewhere || uncounted {
		for i := range windows {
			all = append(all, bucket.Uncounted{Key: windows[i].Key})
		}
	}
	all = slices.Grow(all, len(r.readings)+1)
	for i := range r.readings {
		g := &r.readings[i]
		apart := g.stop || g.rank >= len(windows) // it is no bucket of its own
		rank := g.rank
		if apart {
			rank = 0
		}
		key := windows[rank].Key
		if elsewhere {
			if len(names) == 0 {
				return all
			}
			key.Limit = names[rank]
		}
		switch {
		case apart:
			if left := r.untilReset(g); g.Remaining == 0 && left > 0 {
				all = append(all, bucket.Block{Key: key, For: left})
			}
		case g.vague:
			rule := g.rule(key)
			if rank == 0 {
				rule.Concurrent, r.concurrent = r.concurrent, 0
			}
			all = append(all, rule)
		default:
			g.Key = key
			all = append(all, &g.Window)
		}
	}
	if r.concurrent > 0 && !elsewhere {
		all = append(all, bucket.Rule{Key: windows[0].Key, Concurrent: r.concurrent})
	}
	return all
}

// rule has a window of which nobody knows when it ends hold in any span of its length. What was used of a long one
// before we came is not waited for: most of it may be back any moment.
func (g *reading) rule(key bucket.Key) bucket.Rule {
	rule := bucket.Rule{Key: key, Quota: g.Limit, Window: g.length}
	if g.length <= longestUsed {
		rule.Used = max(g.Limit-g.Remaining, 0)
	}
	return rule
}

// longestUsed is the longest window of which it is waited for what was used up before.
const longestUsed = time.Hour

// refusal returns what an answer refuses; nil if it does not.
func (a *api) refusal(r *reader) *Refusal {
	for i := range a.refusals {
		if f := &a.refusals[i]; f.matches(r) {
			if f.Not {
				return nil
			}
			return f
		}
	}
	if r.a.Status == http.StatusTooManyRequests {
		return &tooMany
	}
	return nil
}

// tooMany is what any API means by it.
var tooMany = Refusal{Status: http.StatusTooManyRequests}

func (f *Refusal) matches(r *reader) bool {
	if f.Status != r.a.Status {
		return false
	}
	if f.Exhausted && !slices.ContainsFunc(r.readings, func(g reading) bool { return g.Remaining == 0 }) {
		return false
	}
	if f.Field != "" {
		v := field.Get(r.a.Header, f.Field)
		among := slices.ContainsFunc(f.Values, func(want string) bool { return strings.EqualFold(want, v) })
		if v == "" || len(f.Values) > 0 && !among {
			return false
		}
	}
	return f.Body == "" || bytes.Contains(bytes.ToLower(r.a.Body), []byte(f.Body))
}

func scopeOf(f *Refusal) providers.Scope {
	if f.Scope == "" {
		return providers.ScopeUnknown
	}
	return f.Scope
}

// denies says whether an answer says that the request need not be sent again.
func (a *api) denies(h http.Header) bool {
	return a.retry != "" && strings.EqualFold(field.Get(h, a.retry), "false")
}

// block returns what a refusal holds back and for how long: as long as it says or, if it does not, until whatever is
// empty is full again.
func (r *reader) block(f *Refusal, draws []bucket.Draw) bucket.Block {
	b := bucket.Block{Key: draws[0].Key, For: retryAfter(r.a), First: f.Wait}
	if f.Holds != "" {
		for i := range draws {
			if draws[i].Key.Limit == f.Holds {
				b.Key = draws[i].Key
			}
		}
	}
	if b.For > 0 {
		return b
	}
	for i := range r.readings {
		if g := &r.readings[i]; g.Remaining == 0 {
			b.For = max(b.For, r.untilReset(g))
		}
	}
	return b
}
