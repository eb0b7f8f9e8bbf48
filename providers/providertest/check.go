package providertest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/underlimit/underlimit/bucket"
	"github.com/underlimit/underlimit/internal/field"
	"github.com/underlimit/underlimit/providers"
)

// maxName is how long a part of a key may be: buckets are many, and whoever calls chooses the paths.
const maxName = 512

// check returns which rules the provider breaks with this subject.
func (s *subject) check() (broken []error) {
	var call providers.Call
	for _, f := range s.forms() {
		c, errs := s.classify(f, received)
		errs = append(errs, s.checkCall(&c)...)
		for _, err := range errs {
			broken = append(broken, fmt.Errorf("with %s: %w", f, err))
		}
		if f == readable {
			call = c
		}
	}
	for _, now := range moments {
		c, errs := s.classify(readable, now)
		for _, err := range append(errs, s.checkCall(&c)...) {
			broken = append(broken, fmt.Errorf("at %v: %w", now, err))
		}
	}
	if len(broken) > 0 {
		return broken // what it makes of answers would only repeat it
	}
	v, errs := s.judge(&call, bareRefusal())
	for _, err := range append(errs, s.checkBareRefusal(&call, &v)...) {
		broken = append(broken, fmt.Errorf("a 429 without headers or body: %w", err))
	}
	broken = append(broken, s.checkRefusals(&call)...)
	for a, name := range answers() {
		for _, err := range s.checkAnswer(&call, a) {
			broken = append(broken, fmt.Errorf("%s: %w", name, err))
		}
		if len(broken) > 2*maxReported {
			break
		}
	}
	return broken
}

func (s *subject) checkCall(call *providers.Call) (broken []error) {
	if call.Provider != s.p.Name() {
		broken = append(broken, fmt.Errorf("the call is of provider %q, not %q", call.Provider, s.p.Name()))
	}
	broken = append(broken, s.checkName("the route", call.Route, true)...)
	if len(call.Draws) == 0 {
		broken = append(broken, errors.New("the call draws on nothing"))
	}
	for _, d := range call.Draws {
		broken = append(broken, s.checkKey(d.Key)...)
		if d.Weight < 0 {
			broken = append(broken, fmt.Errorf("a draw weighs %d", d.Weight))
		}
		broken = append(broken, checkPolicy(d.Key.Limit, d.Policy)...)
	}
	return broken
}

func checkPolicy(of string, p *bucket.Policy) []error {
	if p != nil && (p.Quota < 0 || p.Quota > 0 && p.Window <= 0 || p.Every < 0 || p.Burst < 0 ||
		p.Spread < 0 || !(p.Reserve >= 0 && p.Reserve <= 0.9)) {
		return []error{fmt.Errorf("the policy of %q makes no sense: %+v", of, *p)}
	}
	return nil
}

func (s *subject) checkKey(k bucket.Key) (broken []error) {
	if k.Provider != s.p.Name() {
		broken = append(broken, fmt.Errorf("a key is of provider %q, not %q", k.Provider, s.p.Name()))
	}
	broken = append(broken, s.checkName("a key's Limit", k.Limit, true)...)
	broken = append(broken, s.checkName("a key's Owner", k.Owner, false)...)
	return append(broken, s.checkName("a key's Subject", k.Subject, false)...)
}

// checkName checks a name that may be logged or label a metric. It does not repeat it: it may be a secret.
func (s *subject) checkName(what, name string, needed bool) (broken []error) {
	rule := func(kept bool, breach string) {
		if !kept {
			broken = append(broken, errors.New(what+" "+breach))
		}
	}
	rule(name != "" || !needed, "is empty")
	rule(len(name) <= maxName, fmt.Sprintf("is %d bytes long", len(name)))
	rule(utf8.ValidString(name) && strings.IndexFunc(name, unicode.IsControl) < 0, "is no plain text")
	lower := strings.ToLower(name)
	rule(!slices.ContainsFunc(s.secrets, func(v string) bool { return strings.Contains(lower, v) }), "holds a secret")
	return broken
}

// checkAnswer checks what the provider makes of an answer, which may be any.
func (s *subject) checkAnswer(call *providers.Call, a *providers.Answer) []error {
	v, broken := s.judge(call, a)
	for _, u := range v.Updates {
		broken = append(broken, s.checkUpdate(u, a)...)
	}
	if v.Refused && !v.Final && !slices.ContainsFunc(v.Updates, blocks(call)) {
		broken = append(broken, errors.New("it refuses and may be repeated, but blocks none of the draws"))
	}
	if v.Refused != (v.Scope != "") {
		broken = append(broken, fmt.Errorf("Refused is %t, yet Scope is %q", v.Refused, v.Scope))
	}
	if v.Scope != "" && !slices.Contains(scopes, v.Scope) {
		broken = append(broken, errors.New("its Scope is none of the constants"))
	}
	return broken
}

var scopes = []providers.Scope{
	providers.ScopeUser, providers.ScopeShared, providers.ScopeGlobal, providers.ScopeWorkspace,
	providers.ScopeEgress, providers.ScopeQuota, providers.ScopeUnknown,
}

func (s *subject) checkBareRefusal(call *providers.Call, v *providers.Verdict) (broken []error) {
	if !v.Refused {
		broken = append(broken, errors.New("it is not taken for a refusal"))
	}
	if !slices.ContainsFunc(v.Updates, blocks(call)) {
		broken = append(broken, errors.New("it blocks none of the draws"))
	}
	return broken
}

// blocks returns whether an update blocks something that the call draws on.
func blocks(call *providers.Call) func(bucket.Update) bool {
	return func(u bucket.Update) bool {
		b, ok := bucket.Value(u).(bucket.Block)
		return ok && slices.ContainsFunc(call.Draws, func(d bucket.Draw) bool { return d.Key == b.Key })
	}
}

func (s *subject) checkUpdate(u bucket.Update, a *providers.Answer) (broken []error) {
	bounded := func(what string, d time.Duration) {
		if d < 0 || d > field.Max {
			broken = append(broken, fmt.Errorf("%s is %v", what, d))
		}
	}
	switch u := bucket.Value(u).(type) {
	case bucket.Block:
		bounded("a Block's For", u.For)
		bounded("a Block's First", u.First)
		if u.Wider != (bucket.Key{}) {
			broken = append(broken, s.checkKey(u.Wider)...)
		}
		return append(broken, s.checkKey(u.Key)...)
	case bucket.SameBucket:
		return append(s.checkKey(u.Key), s.checkKey(u.As)...)
	case bucket.Stricter:
		bounded("a Stricter's For", u.For)
		broken = append(broken, checkPolicy(u.Key.Limit, u.Policy)...)
		return append(broken, s.checkKey(u.Key)...)
	case bucket.Charge:
		return append(broken, s.checkKey(u.Key)...)
	case bucket.Rule:
		if u.Quota < 0 || u.Quota > 0 && u.Window <= 0 || u.Concurrent < 0 || u.Used < 0 {
			broken = append(broken, fmt.Errorf("the Rule of %q makes no sense: %+v", u.Key.Limit, u))
		}
		bounded("a Rule's Window", u.Window)
		return append(broken, s.checkKey(u.Key)...)
	case bucket.Uncounted:
		return append(broken, s.checkKey(u.Key)...)
	case bucket.SameOwner:
		return s.checkSameOwner(u)
	case bucket.Alias:
		return append(s.checkKey(u.Key), s.checkKey(u.To)...)
	case bucket.Window:
		if u.Limit < 0 || u.Remaining < 0 {
			broken = append(broken, fmt.Errorf("a Window has %d left of %d", u.Remaining, u.Limit))
		}
		if u.Doubt < 0 {
			broken = append(broken, fmt.Errorf("a Window's Doubt is %d", u.Doubt))
		}
		bounded("a Window's ResetAfter", u.ResetAfter)
		bounded("a Window's Precision", u.Precision)
		if !u.ResetAt.IsZero() {
			now := u.Date
			if now.IsZero() {
				now = a.Received
			}
			bounded("a Window's ResetAt, less Date,", max(u.ResetAt.Sub(now), 0))
			broken = append(broken, countable("a Window's ResetAt", u.ResetAt)...)
		}
		if !u.Date.IsZero() {
			broken = append(broken, countable("a Window's Date", u.Date)...)
		}
		return append(broken, s.checkKey(u.Key)...)
	default:
		return []error{fmt.Errorf("an update is a %T", u)}
	}
}

// checkSameOwner checks that what is joined has names: the owner without one is whoever has no credential.
func (s *subject) checkSameOwner(u bucket.SameOwner) (broken []error) {
	if u.Provider != s.p.Name() {
		broken = append(broken, fmt.Errorf("owners of provider %q are joined", u.Provider))
	}
	broken = append(broken, s.checkName("a joined Owner", u.Owner, true)...)
	return append(broken, s.checkName("whose limits an Owner has", u.As, true)...)
}

// countable says whether t can be told in nanoseconds since 1970, as a registry tells it.
func countable(what string, t time.Time) []error {
	if !time.Unix(0, t.UnixNano()).Equal(t) {
		return []error{fmt.Errorf("%s is in the year %d", what, t.Year())}
	}
	return nil
}
