package transport_test

import (
	"net/http"
	"testing"

	"github.com/underlimit/underlimit/transport"
)

func TestARequestWithNothingToOmitIsSentAsItIs(t *testing.T) {
	srv := serve(answer(200))
	req := request(t.Context(), http.MethodGet, nil)
	req.Header.Set("Authorizations", "1")
	roundTrip(transport.New(&api{omit: []string{"Authorization"}}, &transport.Options{Base: srv}), req)
	if srv.sent[0].req != req {
		t.Error("a copy was sent")
	}
}

func TestNothingIsOmittedFromARequestThatNoProviderClaims(t *testing.T) {
	srv := serve(answer(200))
	req := request(t.Context(), http.MethodGet, nil)
	req.URL.Host = "elsewhere.test"
	req.Header.Set("Authorization", "a")
	roundTrip(transport.New(&api{omit: []string{"Authorization"}}, &transport.Options{Base: srv}), req)
	if got := srv.sent[0].req.Header.Get("Authorization"); got != "a" {
		t.Errorf("it was sent with %q", got)
	}
}
