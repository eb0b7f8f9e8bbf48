package providertest_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/underlimit/underlimit/bucket"
	"github.com/underlimit/underlimit/internal/field"
	"github.com/underlimit/underlimit/providers"
	"github.com/underlimit/underlimit/providers/providertest"
)

// A fake is a provider that keeps every rule, or would, but for what a test sets.
type fake struct {
	classify func(*http.Request, *providers.Call) bool
	judge    func(*http.Request, *providers.Call, *providers.Answer, *providers.Verdict)
}

var fakeKey = bucket.Key{Provider: "fake", Limit: "all", Owner: "0123"}

func (fake) Name() string { return "fake" }

func (f fake) Classify(req *http.Request) (providers.Call, bool) {
	if req.GetBody != nil {
		if b, err := req.GetBody(); err == nil {
			io.CopyN(io.Discard, b, 1024)
			b.Close()
		}
	}
	call := providers.Call{Provider: "fake", Route: "other", Draws: []bucket.Draw{{Key: fakeKey}}}
	return call, f.classify == nil || f.classify(req, &call)
}

func (f fake) Judge(req *http.Request, call *providers.Call, a *providers.Answer) (v providers.Verdict) {
	if a.Status == http.StatusTooManyRequests {
		d, _ := field.RetryAfter(a.Header, time.Second, a.Received)
		v.Refused, v.Scope = true, providers.ScopeUser
		v.Updates = []bucket.Update{bucket.Block{Key: fakeKey, For: d}}
	}
	if f.judge != nil {
		f.judge(req, call, a, &v)
	}
	return v
}

func post() *http.Request {
	req := httptest.NewRequest(http.MethodPost, "https://user:passw0rd@api.example/do", strings.NewReader("token=t0p5ecret"))
	body := "token=t0p5ecret"
	req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(body)), nil }
	req.Header.Set("Authorization", "Bearer abcdef123456")
	return providertest.Secret(req, "t0p5ecret")
}

func TestAProviderThatKeepsEveryRulePasses(t *testing.T) {
	providertest.Test(t, fake{}, post(), httptest.NewRequest(http.MethodGet, "https://api.example/", nil))
}

func FuzzAProviderThatKeepsEveryRule(f *testing.F) { providertest.Fuzz(f, fake{}, post()) }

func TestABrokenRuleInAClassificationIsReported(t *testing.T) {
	asked := 0
	for _, tt := range []struct {
		breach string
		want   string
		f      func(*http.Request, *providers.Call) bool
	}{
		{"refuses its own", "does not claim", func(*http.Request, *providers.Call) bool { return false }},
		{"panics", "Classify panics", func(*http.Request, *providers.Call) bool { panic("oops") }},
		{"counts its calls", "two answers", func(_ *http.Request, c *providers.Call) bool {
			asked++
			c.Draws[0].Key.Subject = strconv.Itoa(asked)
			return true
		}},
		{"takes what it may", "does not claim", func(r *http.Request, _ *providers.Call) bool { return r.GetBody != nil }},
		{"sets a header", "changes the request", func(r *http.Request, _ *providers.Call) bool {
			r.Header.Set("X-Seen", "1")
			return true
		}},
		{"changes the URL", "changes the request", func(r *http.Request, _ *providers.Call) bool {
			r.URL.Path = "/"
			return true
		}},
		{"parses the form", "reads the request's body", func(r *http.Request, _ *providers.Call) bool {
			_ = r.ParseMultipartForm(1)
			_, _ = io.Copy(io.Discard, r.Body)
			return true
		}},
		{"closes the body", "closes the request's body", func(r *http.Request, _ *providers.Call) bool {
			r.Body.Close()
			return true
		}},
		{"takes the body away", "replaces the request's body", func(r *http.Request, _ *providers.Call) bool {
			r.Body = http.NoBody
			return true
		}},
		{"takes GetBody away", "replaces the request's GetBody", func(r *http.Request, _ *providers.Call) bool {
			r.GetBody = nil
			return true
		}},
		{"leaks a copy", "leaves a copy", func(r *http.Request, _ *providers.Call) bool {
			if r.GetBody != nil {
				_, _ = r.GetBody()
			}
			return true
		}},
		{"reads it all", "without bound", func(r *http.Request, _ *providers.Call) bool {
			if r.GetBody != nil {
				if b, err := r.GetBody(); err == nil {
					_, _ = io.Copy(io.Discard, b)
					b.Close()
				}
			}
			return true
		}},
		{"goes by another name", "the call is of provider", change(func(c *providers.Call) { c.Provider = "x" })},
		{"has a key of another name", "a key is of provider", key(func(k *bucket.Key) { k.Provider = "x" })},
		{"names no limit", "Limit is empty", key(func(k *bucket.Key) { k.Limit = "" })},
		{"names no route", "the route is empty", change(func(c *providers.Call) { c.Route = "" })},
		{"draws on nothing", "draws on nothing", change(func(c *providers.Call) { c.Draws = nil })},
		{"has a long key", "bytes long", key(func(k *bucket.Key) { k.Subject = strings.Repeat("a", 1000) })},
		{"has a key of bytes", "no plain text", key(func(k *bucket.Key) { k.Subject = "\xff" })},
		{"has a key of two lines", "no plain text", key(func(k *bucket.Key) { k.Subject = "a\nb" })},
		{"draws less than nothing", "weighs", change(func(c *providers.Call) { c.Draws[0].Weight = -1 })},
		{"has a quota without a window", "the policy", change(func(c *providers.Call) {
			c.Draws[0].Policy = &bucket.Policy{Quota: 1}
		})},
		{"shows a header", "Owner holds a secret", func(r *http.Request, c *providers.Call) bool {
			c.Draws[0].Key.Owner = r.Header.Get("Authorization")
			return true
		}},
		{"shows a token", "Subject holds a secret", key(func(k *bucket.Key) { k.Subject = "tok-ABCDEF123456" })},
		{"shows a marked secret", "Limit holds a secret", key(func(k *bucket.Key) { k.Limit = "T0p5ecret" })},
		{"shows a password", "the route holds a secret", change(func(c *providers.Call) { c.Route = "/passw0rd" })},
	} {
		reported(t, tt.breach, tt.want, fake{classify: tt.f})
	}
}

func TestABrokenRuleInAVerdictIsReported(t *testing.T) {
	type (
		call    = providers.Call
		answer  = providers.Answer
		verdict = providers.Verdict
	)
	asked := 0
	for _, tt := range []struct {
		breach string
		want   string
		f      func(*http.Request, *call, *answer, *verdict)
	}{
		{"panics at a header", "Judge panics", func(_ *http.Request, _ *call, a *answer, _ *verdict) {
			if a.Header.Get("X-RateLimit-Limit") == "NaN" {
				panic("oops")
			}
		}},
		{"panics at a body", "Judge panics", func(_ *http.Request, _ *call, a *answer, _ *verdict) {
			_ = a.Body[:min(len(a.Body), 1)][0]
		}},
		{"counts its calls", "two answers", func(_ *http.Request, _ *call, _ *answer, v *verdict) {
			asked++
			v.Updates = append(v.Updates, bucket.Window{Key: fakeKey, Limit: asked})
		}},
		{"changes the request", "Judge changes the request", func(r *http.Request, _ *call, _ *answer, _ *verdict) {
			r.Header.Set("X-Seen", "1")
		}},
		{"changes the call", "changes the call", func(_ *http.Request, c *call, _ *answer, _ *verdict) { c.Draws[0].Weight++ }},
		{"changes a header", "changes the answer", func(_ *http.Request, _ *call, a *answer, _ *verdict) {
			if a.Header != nil {
				a.Header.Add("X-Seen", "1")
			}
		}},
		{"changes the body", "changes the answer", func(_ *http.Request, _ *call, a *answer, _ *verdict) {
			if len(a.Body) > 0 {
				a.Body[0]++
			}
		}},
		{"lets a bare refusal pass", "not taken for a refusal", func(_ *http.Request, _ *call, a *answer, v *verdict) {
			if a.Header == nil {
				*v = verdict{}
			}
		}},
		{"blocks something else", "blocks none of the draws", func(_ *http.Request, _ *call, _ *answer, v *verdict) {
			if v.Refused {
				v.Updates = []bucket.Update{bucket.Block{Key: bucket.Key{Provider: "fake", Limit: "else"}}}
			}
		}},
		{"refuses for nobody", "Scope is", func(_ *http.Request, _ *call, _ *answer, v *verdict) { v.Scope = "" }},
		{"invents a scope", "none of the constants", func(_ *http.Request, _ *call, _ *answer, v *verdict) { v.Scope = "x" }},
		{"blocks backwards", "For is", updates(bucket.Block{Key: fakeKey, For: -1})},
		{"blocks for ever", "For is", updates(bucket.Block{Key: fakeKey, For: field.Max + 1})},
		{"owes", "left of", updates(bucket.Window{Key: fakeKey, Remaining: -1})},
		{"resets late", "ResetAfter is", updates(bucket.Window{Key: fakeKey, ResetAfter: field.Max + 1})},
		{"is vague", "Precision is", updates(bucket.Window{Key: fakeKey, Precision: -1})},
		{"resets in 2200", "ResetAt, less Date, is", updates(bucket.Window{Key: fakeKey, ResetAt: date(2200)})},
		{"resets in 9999", "ResetAt is in the year", updates(bucket.Window{Key: fakeKey, ResetAt: date(9999)})},
		{"lives in 9999", "Date is in the year", updates(bucket.Window{Key: fakeKey, Date: date(9999)})},
		{"updates a stranger", "a key is of provider", updates(bucket.Window{Key: bucket.Key{Provider: "x", Limit: "x"}})},
		{"aliases to nowhere", "Limit is empty", updates(bucket.Alias{Key: fakeKey, To: bucket.Key{Provider: "fake"}})},
		{"updates nothing", "an update is a <nil>", updates(nil)},
	} {
		reported(t, tt.breach, tt.want, fake{judge: tt.f})
	}
}

func TestARequestWhoseBodyCannotBeReadIsNoSubject(t *testing.T) {
	torn := errors.New("torn")
	req := httptest.NewRequest(http.MethodPost, "https://api.example/", io.NopCloser(failing{torn}))
	if _, err := providertest.Check(fake{}, req); !errors.Is(err, torn) {
		t.Errorf("got %v, want the body's own error", err)
	}
}

type failing struct{ error }

func (f failing) Read([]byte) (int, error) { return 0, f.error }

func reported(t *testing.T, breach, want string, p providers.Provider) {
	t.Helper()
	broken, err := providertest.Check(p, post())
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(broken, func(err error) bool { return strings.Contains(err.Error(), want) }) {
		t.Errorf("a provider that %s: got %.300v, want %q among it", breach, broken, want)
	}
}

func change(f func(*providers.Call)) func(*http.Request, *providers.Call) bool {
	return func(_ *http.Request, c *providers.Call) bool {
		f(c)
		return true
	}
}

func key(f func(*bucket.Key)) func(*http.Request, *providers.Call) bool {
	return change(func(c *providers.Call) { f(&c.Draws[0].Key) })
}

func updates(u bucket.Update) func(*http.Request, *providers.Call, *providers.Answer, *providers.Verdict) {
	return func(_ *http.Request, _ *providers.Call, _ *providers.Answer, v *providers.Verdict) {
		v.Updates = append(v.Updates, u)
	}
}

func date(year int) time.Time { return time.Date(year, time.December, 31, 0, 0, 0, 0, time.UTC) }
