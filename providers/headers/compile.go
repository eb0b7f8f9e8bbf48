package headers

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/underlimit/underlimit/bucket"
	"github.com/underlimit/underlimit/internal/field"
	"github.com/underlimit/underlimit/providers"
)

// An api is an API made ready.
type api struct {
	hosts       hosts
	credential  []string
	windows     []Window // none: they are looked for
	silent      bool
	scopes      []scope
	scopeField  string
	uncounted   []int      // statuses
	names       [][]string // the Limits of the windows' keys, by scope, the nameless one last
	policy      *bucket.Policy
	limits      []limit
	refusals    []Refusal
	retry       string
	idempotency []string
}

type scope struct {
	pattern
	name string
}

// unlimited is the policy of buckets that nothing but refusals tells of.
var unlimited bucket.Policy

// compile makes an API ready that is valid.
func compile(a *API) *api {
	c := &api{
		credential: canonical(a.Credential), silent: a.Silent, scopeField: http.CanonicalHeaderKey(a.Scope),
		retry: http.CanonicalHeaderKey(a.Retry), idempotency: canonical(a.Idempotency), uncounted: slices.Clone(a.Uncounted),
	}
	for _, h := range a.Hosts {
		c.hosts = append(c.hosts, lowerHost(h))
	}
	for _, w := range a.Windows {
		for _, f := range []*string{&w.Limit, &w.Remaining, &w.Reset, &w.Usage} {
			*f = http.CanonicalHeaderKey(*f)
		}
		c.windows = append(c.windows, w)
	}
	if a.Silent {
		c.policy = &unlimited
	}
	for _, s := range a.Scopes {
		c.scopes = append(c.scopes, scope{newPattern(s.Path, s.Method), s.Name})
		c.names = append(c.names, a.windowNames(s.Name))
	}
	c.names = append(c.names, a.windowNames(""))
	for i := range a.Limits {
		l := compileLimit(a.name(), &a.Limits[i])
		if len(l.hosts) == 0 {
			l.hosts = c.hosts
		}
		c.limits = append(c.limits, l)
	}
	for _, r := range a.Refusals {
		r.Field, r.Body, r.Values = http.CanonicalHeaderKey(r.Field), strings.ToLower(r.Body), slices.Clone(r.Values)
		if r.Holds != "" {
			r.Holds = a.name() + " " + r.Holds
		}
		c.refusals = append(c.refusals, r)
	}
	return c
}

func canonical(fields []string) (all []string) {
	for _, f := range fields {
		if !strings.HasPrefix(f, "?") {
			f = http.CanonicalHeaderKey(f)
		}
		all = append(all, f)
	}
	return all
}

func lowerHost(h string) string { return strings.TrimSuffix(strings.ToLower(h), ".") }

func (a *API) name() string {
	if a.Name != "" || len(a.Hosts) == 0 {
		return a.Name
	}
	return a.Hosts[0]
}

// windowNames returns the names of what the answers in a scope tell of.
func (a *API) windowNames(scope string) (names []string) {
	what := a.name()
	if scope != "" {
		what += " " + scope
	}
	switch {
	case a.Silent:
		return []string{what}
	case len(a.Windows) == 0:
		return numbered(what)
	}
	for i := range a.Windows {
		if n := a.Windows[i].Name; n != "" {
			names = append(names, what+" "+n)
		} else {
			names = append(names, what)
		}
	}
	return names
}

func compileLimit(of string, l *Limit) limit {
	c := limit{
		pattern: newPattern(l.Path, l.Method), name: l.key(of), credential: l.Credential, weight: l.Weight,
		endpoint: l.Endpoint, shared: l.Shared, policy: l.policy(),
	}
	if l.Host != "" {
		c.hosts = hosts{lowerHost(l.Host)}
	}
	return c
}

func (l *Limit) policy() *bucket.Policy {
	p := &bucket.Policy{Concurrent: l.Concurrent}
	switch {
	case l.Limit <= 0:
	case l.Burst > 0:
		p.Every, p.Burst = l.Per/time.Duration(l.Limit), l.Burst
	default:
		p.Quota, p.Window = l.Limit, l.Per
	}
	return p
}

// key names a limit: by its name or, where it has none, by what it says.
func (l *Limit) key(of string) string {
	var words []string
	add := func(w string) {
		if w != "" {
			words = append(words, w)
		}
	}
	add(of)
	if l.Name != "" {
		add(l.Name)
		return strings.Join(words, " ")
	}
	add(strings.Join(strings.Fields(strings.ToUpper(l.Method)), " "))
	add(lowerHost(l.Host) + l.Path)
	if l.Limit > 0 {
		add(strconv.Itoa(l.Limit) + " per " + l.Per.String())
	}
	if l.Concurrent > 0 {
		add(strconv.Itoa(l.Concurrent) + " at once")
	}
	return strings.Join(words, " ")
}

// maxLabel is how long a name in a description may be: keys are made of several.
const maxLabel = 100

// Validate says what in the options makes no sense: a limit without a number, say. Nil options are valid.
func (o *Options) Validate() error {
	if o == nil {
		return nil
	}
	var errs []error
	names := map[string]bool{}
	for i := range o.APIs {
		name := o.APIs[i].name()
		err := o.APIs[i].validate()
		if names[name] {
			err = errors.Join(err, errors.New("another has its name"))
		}
		names[name] = true
		if err != nil {
			errs = append(errs, fmt.Errorf("headers: API %d (%.40q): %w", i, name, err))
		}
	}
	if err := validate("", o.Limits); err != nil {
		errs = append(errs, fmt.Errorf("headers: %w", err))
	}
	return errors.Join(errs...)
}

func (a *API) validate() error {
	var errs []error
	rule := func(kept bool, breach string, args ...any) {
		if !kept {
			errs = append(errs, fmt.Errorf(breach, args...))
		}
	}
	rule(len(a.Hosts) > 0, "it has no hosts")
	for _, h := range a.Hosts {
		rule(isHost(h), "%.40q is no host", h)
	}
	rule(isLabel(a.Name) && isLabel(a.name()), "its name is not plain and short")
	rule(!a.Silent || len(a.Windows) == 0, "it is silent, yet answers tell of windows")
	seen := map[string]bool{}
	for _, w := range a.Windows {
		rule(isLabel(w.Name) && !seen[w.Name], "the name of window %.40q is not plain, short and its own", w.Name)
		rule(w.Usage != "" || w.Remaining != "", "no field tells what is left of window %.40q", w.Name)
		rule(w.Length >= 0 && w.Length <= field.Max, "the length of window %.40q makes no sense", w.Name)
		rule(w.Length > 0 || w.Usage == "" && w.Reset != "", "nothing tells when window %.40q ends", w.Name)
		rule(w.ResetUnit == "" || slices.Contains(units, w.ResetUnit),
			"window %.40q has a reset unit that there is not, %.40q: the units are %q", w.Name, w.ResetUnit, units)
		seen[w.Name] = true
	}
	for _, s := range a.Scopes {
		rule(s.Name != "" && isLabel(s.Name), "the name of scope %.40q is not plain and short", s.Name)
	}
	for _, status := range a.Uncounted {
		rule(status >= 200 && status < 600, "%d is the status of no answer", status)
	}
	for i, r := range a.Refusals {
		rule(r.Status >= 400 && r.Status < 600, "refusal %d has a status that refuses nothing", i)
		rule(r.Wait >= 0 && r.Wait <= field.Max, "the wait of refusal %d makes no sense", i)
		rule(r.Field != "" || len(r.Values) == 0, "refusal %d has values of no field", i)
		rule(r.Holds == "" || slices.ContainsFunc(a.Limits, func(l Limit) bool { return l.Name == r.Holds }),
			"refusal %d holds %.40q, which is no limit", i, r.Holds)
		rule(r.Scope == "" || slices.Contains(scopes, r.Scope),
			"refusal %d has a scope that there is not, %.40q: the scopes are %q", i, r.Scope, scopes)
	}
	return errors.Join(append(errs, a.validateNames(), validate(a.name(), a.Limits))...)
}

// validateNames says which names of buckets mean two things.
func (a *API) validateNames() error {
	var errs []error
	scopeOf := map[string]string{}
	for _, s := range append(slices.Clip(a.Scopes), Scope{}) {
		for _, name := range a.windowNames(s.Name) {
			if other, ok := scopeOf[name]; ok && other != s.Name {
				errs = append(errs, fmt.Errorf("a window of scope %.40q has the name of one of %.40q", s.Name, other))
			}
			scopeOf[name] = s.Name
		}
	}
	for i := range a.Limits {
		if name := a.Limits[i].key(a.name()); a.Limits[i].Name != "" {
			if _, ok := scopeOf[name]; ok {
				errs = append(errs, fmt.Errorf("limit %d (%.60q) has the name of a window", i, name))
			}
		}
	}
	return errors.Join(errs...)
}

var (
	units  = []ResetUnit{Seconds, Milliseconds, EpochSeconds, EpochMilliseconds}
	scopes = []providers.Scope{
		providers.ScopeUser, providers.ScopeShared, providers.ScopeGlobal, providers.ScopeWorkspace,
		providers.ScopeEgress, providers.ScopeQuota, providers.ScopeUnknown,
	}
)

// A number is what two limits that count the same must have in common.
type number struct {
	policy           bucket.Policy
	endpoint, shared bool
}

func validate(of string, limits []Limit) error {
	var errs []error
	type counter struct{ name, credential string }
	seen := map[counter]number{}
	for i := range limits {
		l := &limits[i]
		rule := func(kept bool, breach string) {
			if !kept {
				errs = append(errs, fmt.Errorf("limit %d (%.60q) %s", i, l.key(of), breach))
			}
		}
		rule(isLabel(l.Name) && isLabel(l.Host) && len(l.Path) <= maxLabel, "has a name that is not plain and short")
		rule(l.Name != "" || isLabel(l.Path) && isLabel(l.Method), "has a path or a method that is not plain and short")
		rule(l.Host == "" || isHost(l.Host), "is of a host that is none")
		rule(l.Limit >= 0 && l.Per >= 0 && l.Burst >= 0 && l.Concurrent >= 0 && l.Weight >= 0, "has a negative number")
		rule(l.Limit > 0 || l.Concurrent > 0, "has no number")
		rule((l.Limit > 0) == (l.Per > 0), "needs both a number of requests and a time, or neither")
		rule(l.Burst == 0 || l.Limit > 0, "is a burst of nothing")
		rule(l.Limit <= 0 || l.Per <= 0 || l.Per/time.Duration(l.Limit) > 0, "is more than one request per nanosecond")
		c, n := counter{l.Name, l.Credential}, number{*l.policy(), l.Endpoint, l.Shared}
		if l.Shared {
			c.credential = ""
		}
		first, ok := seen[c]
		rule(!ok || l.Name == "" || first == n || first.endpoint && n.endpoint, "differs from another of its name")
		if !ok {
			seen[c] = n
		}
	}
	return errors.Join(errs...)
}

func isHost(h string) bool {
	h = strings.Replace(lowerHost(h), "*", "", 1)
	return h != "" && presentable(h) && (h[0] == '[' || strings.Count(h, ":") <= 1)
}

// isLabel says whether a name can be part of a key.
func isLabel(s string) bool {
	return len(s) <= maxLabel && strings.IndexFunc(s, func(r rune) bool { return r < ' ' || r > '~' }) < 0
}
