// Package providertest checks that a provider keeps the promises that a transport relies on.
//
// [Test] asks a provider about requests and about the answers to them, sensible and absurd, and reports which rules it
// breaks: that it is pure and total, that it shows no credential, that a refusal holds something back, and that it
// understands the refusals which a transport gives in its name. [Fuzz] goes on with answers that nobody thought of. Both
// know nothing of any API: what a provider makes of its own headers is for its own tests.
package providertest

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"

	"github.com/underlimit/underlimit/providers"
)

// maxReported is how many breaches are told of one request: the rest are mostly the same.
const maxReported = 20

type secretsKey struct{}

// Secret returns req with values marked as secret: they may appear nowhere in what the provider says. Secret without
// being marked are the values of Authorization, Proxy-Authorization and Cookie, a Basic password, and the URL's user
// information.
func Secret(req *http.Request, values ...string) *http.Request {
	marked, _ := req.Context().Value(secretsKey{}).([]string)
	marked = append(slices.Clip(marked), values...)
	return req.WithContext(context.WithValue(req.Context(), secretsKey{}, marked))
}

// Test checks what p, one provider and no Join, says of each of reqs, which must be requests to its API, and of answers
// to them. It reads the requests' bodies; a request with a body is also tried as one that cannot be read ahead.
func Test(t *testing.T, p providers.Provider, reqs ...*http.Request) {
	t.Helper()
	if len(reqs) == 0 {
		t.Fatal("providertest: no request to ask about")
	}
	for i, req := range reqs {
		s, err := newSubject(p, req)
		if err != nil {
			t.Fatalf("providertest: request %d: %v", i, err)
		}
		call, _ := s.classify(readable, received)
		t.Run(fmt.Sprintf("%d %s", i, call.Route), func(t *testing.T) {
			report(t, s.check())
			if !t.Failed() {
				s.together()
			}
		})
	}
}

func report(t testing.TB, broken []error) {
	t.Helper()
	for i, err := range broken {
		if i == maxReported {
			t.Errorf("and %d more", len(broken)-i)
			return
		}
		t.Error(err)
	}
}

// together asks from several goroutines at once, for the race detector.
func (s *subject) together() {
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			call, _ := s.classify(readable, received)
			for _, a := range plainAnswers() {
				s.judge(&call, a)
			}
		})
	}
	wg.Wait()
}
