package providertest_test

import (
	"errors"
	"io"
	"math"
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
	at       func(time.Time, *providers.Call)
	judge    func(*http.Request, *providers.Call, *providers.Answer, *providers.Verdict)
}

var fakeKey = bucket.Key{Provider: "fake", Limit: "all", Owner: "0123"}

func (fake) Name() string { return "fake" }

func (f fake) Classify(req *http.Request, now time.Time) (providers.Call, bool) {
	if req.GetBody != nil {
		if b, err := req.GetBody(); err == nil {
			io.CopyN(io.Discard, b, 1024)
			b.Close()
		}
	}
	call := providers.Call{Provider: "fake", Route: "other", Draws: []bucket.Draw{{Key: fakeKey}}}
	if f.at != nil {
		f.at(now, &call)
	}
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
		{"reads what it says it did not", "says it left unread", func(r *http.Request, c *providers.Call) bool {
			if r.GetBody != nil {
				if b, err := r.GetBody(); err == nil {
					b.Close()
				}
			}
			c.BodyUnread = true
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
		{"spreads backwards", "the policy", change(func(c *providers.Call) {
			c.Draws[0].Policy = &bucket.Policy{Spread: -1}
		})},
		{"reserves nobody knows how much", "the policy", change(func(c *providers.Call) {
			c.Draws[0].Policy = &bucket.Policy{Reserve: math.NaN()}
		})},
		{"reserves all", "the policy", change(func(c *providers.Call) {
			c.Draws[0].Policy = &bucket.Policy{Reserve: 1}
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

func TestARuleThatIsBrokenAtSomeTimesOnlyIsReported(t *testing.T) {
	reported(t, "wants a date", "Classify panics", fake{at: func(now time.Time, _ *providers.Call) {
		if now.IsZero() {
			panic("when?")
		}
	}})
	reported(t, "ends with the world", "draws on nothing", fake{at: func(now time.Time, c *providers.Call) {
		if now.Year() >= 9999 {
			c.Draws = nil
		}
	}})
	reported(t, "goes by its own clock", "two answers", fake{at: func(_ time.Time, c *providers.Call) {
		c.Draws[0].Key.Subject = strconv.FormatInt(time.Now().UnixNano(), 10)
	}})
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
		{"is sure of more than it says", "Doubt is", updates(bucket.Window{Key: fakeKey, Doubt: -1})},
		{"resets late", "ResetAfter is", updates(bucket.Window{Key: fakeKey, ResetAfter: field.Max + 1})},
		{"is vague", "Precision is", updates(bucket.Window{Key: fakeKey, Precision: -1})},
		{"resets in 2200", "ResetAt, less Date, is", updates(bucket.Window{Key: fakeKey, ResetAt: date(2200)})},
		{"resets in 9999", "ResetAt is in the year", updates(bucket.Window{Key: fakeKey, ResetAt: date(9999)})},
		{"lives in 9999", "Date is in the year", updates(bucket.Window{Key: fakeKey, Date: date(9999)})},
		{"updates a stranger", "a key is of provider", updates(bucket.Window{Key: bucket.Key{Provider: "x", Limit: "x"}})},
		{"joins a stranger", "owners of provider", updates(bucket.SameOwner{Provider: "x", Owner: "a", As: "b"})},
		{"joins nobody", "a joined Owner is empty", updates(bucket.SameOwner{Provider: "fake", As: "b"})},
		{"joins to nobody", "whose limits an Owner has is empty", updates(bucket.SameOwner{Provider: "fake", Owner: "a"})},
		{"joins by a secret", "holds a secret", updates(&bucket.SameOwner{Provider: "fake", Owner: "a", As: "T0p5ecret"})},
		{
			"blocks a wider stranger", "a key is of provider",
			updates(bucket.Block{Key: fakeKey, Wider: bucket.Key{Provider: "x", Limit: "x"}}),
		},
		{
			"takes a stranger for its own", "a key is of provider",
			updates(bucket.SameBucket{Key: fakeKey, As: bucket.Key{Provider: "x", Limit: "x"}}),
		},
		{"is strict for ever", "a Stricter's For is", updates(bucket.Stricter{Key: fakeKey, For: field.Max + 1})},
		{
			"is strict without sense", "makes no sense",
			updates(bucket.Stricter{Key: fakeKey, Policy: &bucket.Policy{Quota: -1}}),
		},
		{
			"is strict with a stranger", "a key is of provider",
			updates(bucket.Stricter{Key: bucket.Key{Provider: "x", Limit: "x"}}),
		},
		{"aliases to nowhere", "Limit is empty", updates(bucket.Alias{Key: fakeKey, To: bucket.Key{Provider: "fake"}})},
		{"blocks backwards by a pointer", "For is", updates(&bucket.Block{Key: fakeKey, For: -1})},
		{"owes by a pointer", "left of", updates(&bucket.Window{Key: fakeKey, Remaining: -1})},
		{"updates nothing", "an update is a <nil>", updates(nil)},
	} {
		reported(t, tt.breach, tt.want, fake{judge: tt.f})
	}
}

// appending is a fake that may be lent memory, and may make something else of it.
type appending struct {
	fake
	spoil func(draws []bucket.Draw)
}

func (f appending) AppendClassify(draws []bucket.Draw, req *http.Request, now time.Time) (providers.Call, bool) {
	call, ok := f.Classify(req, now)
	call.Draws = append(draws, call.Draws...)
	if f.spoil != nil {
		f.spoil(call.Draws)
	}
	return call, ok
}

func TestAProviderMayBeLentMemory(t *testing.T) {
	lent := func(_ *http.Request, c *providers.Call, _ *providers.Answer, v *providers.Verdict) {
		room := c.GetRoom()
		room.Windows[0] = bucket.Window{Key: fakeKey, Limit: 1}
		room.Updates[0] = &room.Windows[0]
		v.Updates = append(v.Updates, room.Updates[:1]...)
	}
	providertest.Test(t, appending{fake: fake{judge: lent}}, post())

	reported(t, "draws on more where there is room", "AppendClassify gives another answer", appending{
		spoil: func(draws []bucket.Draw) {
			if cap(draws) > 1 {
				draws[0].Weight = 2
			}
		},
	})
	reported(t, "leaves what was there", "where it is lent memory", fake{
		judge: func(_ *http.Request, c *providers.Call, _ *providers.Answer, v *providers.Verdict) {
			room := c.GetRoom()
			room.Windows[0].Key = fakeKey
			room.Updates[0] = &room.Windows[0]
			v.Updates = append(v.Updates, room.Updates[:1]...)
		},
	})
}

// speaking is a fake that words its refusals itself.
type speaking struct {
	fake
	refuse func(*http.Request, *providers.Call, http.Header) string
}

func (s speaking) Refuse(
	req *http.Request, call *providers.Call, _ time.Time, wait time.Duration,
) (http.Header, []byte) {
	h := http.Header{"Retry-After": {strconv.Itoa(int(wait / time.Second))}}
	return h, []byte(s.refuse(req, call, h))
}

func TestAProviderMayWordItsRefusals(t *testing.T) {
	providertest.Test(t, speaking{refuse: words("X-Ok", "1", "{}")}, post())
}

func TestABrokenRuleInARefusalIsReported(t *testing.T) {
	asked := 0
	for _, tt := range []struct {
		breach string
		want   string
		f      func(*http.Request, *providers.Call, http.Header) string
	}{
		{"panics", "Refuse panics", func(*http.Request, *providers.Call, http.Header) string { panic("oops") }},
		{"counts its calls", "two answers", func(*http.Request, *providers.Call, http.Header) string {
			asked++
			return `{"n":` + strconv.Itoa(asked) + `}`
		}},
		{"sets a header", "Refuse changes the request", func(r *http.Request, _ *providers.Call, _ http.Header) string {
			r.Header.Set("X-Seen", "1")
			return "{}"
		}},
		{"changes the call", "Refuse changes the call", func(_ *http.Request, c *providers.Call, _ http.Header) string {
			c.Draws[0].Weight++
			return "{}"
		}},
		{"tells a fraction", `Retry-After is "1.5"`, words("Retry-After", "1.5", "{}")},
		{"tells of no time", `Retry-After is "0"`, words("Retry-After", "0", "{}")},
		{"tells another time", "taken to mean 1m39s, not 1s", words("Retry-After", "99", "{}")},
		{"speaks plainly", "no JSON object", words("X-Ok", "1", "slow down")},
		{"lists", "no JSON object", words("X-Ok", "1", "[]")},
		{"spells as it likes", "is not spelled", words("X-RateLimit-Bucket", "1", "{}")},
		{"shows a header", "holds a secret", func(r *http.Request, _ *providers.Call, h http.Header) string {
			h.Set("X-Token", r.Header.Get("Authorization"))
			return "{}"
		}},
		{"shows a secret", "holds a secret", words("X-Ok", "1", `{"token":"T0p5ecret"}`)},
	} {
		reported(t, tt.breach, tt.want, speaking{refuse: tt.f})
	}
	judged := func(f func(*providers.Verdict)) fake {
		return fake{judge: func(_ *http.Request, _ *providers.Call, a *providers.Answer, v *providers.Verdict) {
			if len(a.Header["Via"]) > 0 {
				f(v)
			}
		}}
	}
	reported(t, "does not know its own refusals", "judged with Refused false",
		judged(func(v *providers.Verdict) { *v = providers.Verdict{} }))
	reported(t, "takes its own refusals for final", "and Final true",
		judged(func(v *providers.Verdict) { v.Final = true }))
}

func words(field, value, body string) func(*http.Request, *providers.Call, http.Header) string {
	return func(_ *http.Request, _ *providers.Call, h http.Header) string {
		h[field] = []string{value}
		return body
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
