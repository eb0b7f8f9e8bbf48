package slack_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/underlimit/underlimit/providers"
	"github.com/underlimit/underlimit/providers/slack"
)

func TestARefusalIsThatOfAMethod(t *testing.T) {
	p, req := slack.New(nil), request(t, http.MethodPost, "https://slack.com/api/chat.postMessage", "")
	call, _ := p.Classify(req, time.Time{})
	h, body := providers.Refuse(p, req, &call, time.Unix(0, 0), 90*time.Second)
	if h.Get("Retry-After") != "90" || string(body) != `{"ok":false,"error":"ratelimited"}` {
		t.Errorf("got %v and %s", h, body)
	}
}
