package providers_test

import (
	"net/http"
	"net/http/httptest"
	"reflect"
	"testing"
	"time"

	"github.com/underlimit/underlimit/bucket"
	"github.com/underlimit/underlimit/providers"
)

// host is a provider that claims the requests to one host, and refuses them all.
type host string

func (h host) Name() string { return string(h) }

func (h host) Classify(req *http.Request, _ time.Time) (providers.Call, bool) {
	return providers.Call{Provider: string(h), Draws: []bucket.Draw{{Key: h.key()}}}, req.Host == string(h)
}

func (h host) Judge(*http.Request, *providers.Call, *providers.Answer) providers.Verdict {
	return providers.Verdict{Refused: true, Updates: []bucket.Update{bucket.Block{Key: h.key()}}}
}

func (h host) key() bucket.Key { return bucket.Key{Provider: string(h), Limit: "all"} }

func to(name string) *http.Request {
	return httptest.NewRequest(http.MethodGet, "http://"+name+"/", nil)
}

func TestTheFirstThatClaimsARequestHasIt(t *testing.T) {
	all := map[string]providers.Provider{
		"two":           providers.Join(host("a"), host("b")),
		"one in others": providers.Join(providers.Join(providers.Join(host("a")), host("b")), host("a")),
	}
	for name, p := range all {
		t.Run(name, func(t *testing.T) {
			for _, want := range []string{"a", "b"} {
				call, ok := p.Classify(to(want), time.Time{})
				if !ok || call.Provider != want {
					t.Fatalf("a request to %s is of %q", want, call.Provider)
				}
				v := p.Judge(to(want), &call, &providers.Answer{Status: 429})
				if b, ok := v.Updates[0].(bucket.Block); !ok || b.Key.Provider != want {
					t.Errorf("an answer of %s leads to %v", want, v.Updates)
				}
			}
			if call, ok := p.Classify(to("c"), time.Time{}); ok {
				t.Errorf("%q claims what is nobody's", call.Provider)
			}
		})
	}
}

// thrifty is a host that may be lent memory.
type thrifty struct{ host }

func (p thrifty) AppendClassify(draws []bucket.Draw, req *http.Request, now time.Time) (providers.Call, bool) {
	call, ok := p.Classify(req, now)
	call.Draws = append(draws, call.Draws...)
	return call, ok
}

func TestAJoinLendsItsMemoryOn(t *testing.T) {
	p := providers.Join(host("a"), thrifty{"b"}, thrifty{"c"}).(providers.Appender)
	room := make([]bucket.Draw, 2)
	for _, test := range []struct {
		name string
		lent bool
	}{{"a", false}, {"b", true}, {"c", true}} {
		call, ok := p.AppendClassify(room[:0], to(test.name), time.Time{})
		if !ok || len(call.Draws) != 1 || call.Draws[0].Key != host(test.name).key() {
			t.Fatalf("a request to %s draws on %v", test.name, call.Draws)
		}
		if lent := &call.Draws[0] == &room[0]; lent != test.lent {
			t.Errorf("it is %t that %s uses the memory", lent, test.name)
		}
	}
	if _, ok := p.AppendClassify(room[:0], to("d"), time.Time{}); ok {
		t.Error("what is nobody's is claimed")
	}
}

// polite is a host that words its refusals.
type polite struct{ host }

func (p polite) Refuse(*http.Request, *providers.Call, time.Time, time.Duration) (http.Header, []byte) {
	return http.Header{"X-By": {string(p.host)}}, []byte(`{"by":"` + string(p.host) + `"}`)
}

// late claims what comes after a while.
type late struct{ providers.Provider }

func (l late) Classify(req *http.Request, now time.Time) (providers.Call, bool) {
	if now.Unix() < 1000 {
		return providers.Call{}, false
	}
	return l.Provider.Classify(req, now)
}

func TestAJoinTellsItsProvidersTheTime(t *testing.T) {
	p := providers.Join(late{host("a")})
	for at, want := range map[int64]bool{999: false, 1000: true} {
		if _, ok := p.Classify(to("a"), time.Unix(at, 0)); ok != want {
			t.Errorf("at %d: claimed is %t", at, ok)
		}
	}
}

func TestAJoinRefusesInTheNameOfWhoClaimedTheRequest(t *testing.T) {
	p := providers.Join(polite{"a"}, host("b"))
	now := time.Date(2026, 5, 23, 14, 0, 3, 250e6, time.FixedZone("", 7200))
	for name, want := range map[string]struct{ by, body string }{
		"a": {"a", `{"by":"a"}`},
		"b": {"", `{"error":"rate_limited","message":"The request was not sent: it would have had to wait too long."}`},
	} {
		call, _ := p.Classify(to(name), time.Time{})
		header, body := providers.Refuse(p, to(name), &call, now, 1200*time.Millisecond)
		wantHeader := http.Header{
			"Content-Type": {"application/json"}, "Date": {"Sat, 23 May 2026 12:00:03 GMT"}, "Retry-After": {"2"},
			"Via": {"1.1 underlimit"},
		}
		if want.by != "" {
			wantHeader.Set("X-By", want.by)
		}
		if !reflect.DeepEqual(header, wantHeader) || string(body) != want.body {
			t.Errorf("%s refuses with %v and %s", name, header, body)
		}
	}
}

func TestAJoinIsNotChangedByItsArguments(t *testing.T) {
	ps := []providers.Provider{host("a")}
	p := providers.Join(ps...)
	ps[0] = host("b")
	if _, ok := p.Classify(to("a"), time.Time{}); !ok {
		t.Error("it forgot its provider")
	}
}
