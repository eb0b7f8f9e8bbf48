package providertest

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/underlimit/underlimit/bucket"
	"github.com/underlimit/underlimit/providers"
)

// waits are for how long a provider is to refuse in its API's name.
var waits = []time.Duration{
	math.MinInt64, 0, 1, time.Second, 1500 * time.Millisecond, 61 * time.Second, 24 * time.Hour, math.MaxInt64,
}

// told is what a refusal for a time is to tell: whole seconds, from one to those of a day.
func told(wait time.Duration) time.Duration {
	wait = min(max(wait, time.Second), 24*time.Hour)
	if part := wait % time.Second; part > 0 {
		wait += time.Second - part
	}
	return wait
}

// checkRefusals checks the refusals that are given in the provider's name, whether it words them itself or not.
func (s *subject) checkRefusals(call *providers.Call) (broken []error) {
	for _, wait := range waits {
		a, errs := s.refuse(call, wait)
		if a != nil {
			errs = append(errs, s.checkWords(a)...)
			errs = append(errs, s.checkUnderstood(call, a, told(wait))...)
		}
		what := fmt.Sprintf("a refusal in its name, for %v", wait)
		if a != nil {
			what += fmt.Sprintf(", a 429 with Retry-After %.20q", a.Header.Get("Retry-After"))
		}
		for _, err := range errs {
			broken = append(broken, fmt.Errorf("%s: %w", what, err))
		}
	}
	return broken
}

// refuse has the provider refuse, and returns which rules were broken in that; no answer if it panicked.
func (s *subject) refuse(call *providers.Call, wait time.Duration) (a *providers.Answer, broken []error) {
	ask := func() *providers.Answer {
		req, copies := s.request(readable)
		before, callBefore := req.Clone(req.Context()), *call
		callBefore.Draws = slices.Clone(call.Draws)
		a := answer(http.StatusTooManyRequests, nil, "")
		errs := total("Refuse", func() { a.Header, a.Body = providers.Refuse(s.p, req, call, received, wait) })
		broken = append(broken, errs...)
		broken = append(broken, untouched("Refuse", req, before, *copies)...)
		if !reflect.DeepEqual(*call, callBefore) {
			broken = append(broken, errors.New("Refuse changes the call"))
		}
		return a
	}
	a, again := ask(), ask()
	if a.Header == nil || again.Header == nil {
		return nil, broken
	}
	if !reflect.DeepEqual(a, again) {
		broken = append(broken, errors.New("Refuse gives two answers to one question"))
	}
	return a, broken
}

// checkWords checks that clients of all kinds can read a refusal, and that everybody may.
func (s *subject) checkWords(a *providers.Answer) (broken []error) {
	if n, err := strconv.Atoi(a.Header.Get("Retry-After")); err != nil || n < 1 {
		broken = append(broken, fmt.Errorf("its Retry-After is %q", a.Header.Get("Retry-After")))
	}
	var object map[string]any
	if err := json.Unmarshal(a.Body, &object); err != nil {
		broken = append(broken, fmt.Errorf("its body is no JSON object: %w", err))
	}
	said := []string{string(a.Body)}
	for name, values := range a.Header {
		if name != http.CanonicalHeaderKey(name) {
			broken = append(broken, fmt.Errorf("its field %s is not spelled as net/http does", name))
		}
		said = append(said, values...)
	}
	lower := strings.ToLower(strings.Join(said, "\n"))
	if slices.ContainsFunc(s.secrets, func(v string) bool { return strings.Contains(lower, v) }) {
		broken = append(broken, errors.New("it holds a secret"))
	}
	return broken
}

// checkUnderstood checks that the provider takes its own refusal for what it says.
func (s *subject) checkUnderstood(call *providers.Call, a *providers.Answer, wait time.Duration) []error {
	v, broken := s.judge(call, a)
	// What is due within seconds is of no use after a longer wait.
	if !v.Refused || v.Final && wait == time.Second {
		return append(broken, fmt.Errorf("it is judged with Refused %t and Final %t", v.Refused, v.Final))
	}
	drawn, longest := blocks(call), time.Duration(0)
	for _, u := range v.Updates {
		if drawn(u) {
			longest = max(longest, bucket.Value(u).(bucket.Block).For)
		}
	}
	if longest < wait || longest > wait+time.Second {
		broken = append(broken, fmt.Errorf("it is taken to mean %v, not %v", longest, wait))
	}
	return broken
}
