package intercom_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/underlimit/underlimit/providers"
	"github.com/underlimit/underlimit/providers/intercom"
)

func TestARefusalTellsOfAWindowThatIsUsedUp(t *testing.T) {
	p, req := intercom.New(nil), request(http.MethodGet, "https://api.intercom.io/me")
	call, _ := p.Classify(req, time.Time{})
	h, body := providers.Refuse(p, req, &call, time.Unix(1_700_000_000, 1), 7*time.Second)
	want := `{"type":"error.list","errors":[{"code":"rate_limit_exceeded","message":"The rate limit is exceeded."}]}`
	if h.Get("Retry-After") != "7" || string(body) != want {
		t.Errorf("got %v and %s", h, body)
	}
	d, ok := intercom.ReadDetails(h)
	if !ok || d.Remaining != 0 || d.Limit != 0 || !d.ResetAt.Equal(time.Unix(1_700_000_008, 0)) {
		t.Errorf("its details are %+v", d)
	}
}
