package slacktest

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/underlimit/underlimit/internal/fakeapi"
	"github.com/underlimit/underlimit/providers/apitest"
)

// webhook answers a message sent to a URL, which is its own secret.
func (a *api) webhook(c *apitest.Call) apitest.Answer {
	path := strings.TrimRight(c.Request.URL.Path, "/")
	draws := []draw{a.messages("webhook " + a.hooks.Of(path))}
	if h, ok := a.known.hooks[path]; ok {
		install := a.names.Of(h.in(h.Team))
		draws = append(draws,
			a.messages("post "+install+" "+a.channel(h.channel)),
			a.workspace(install))
	}
	return a.answer(c, draws, aWebhook, func() apitest.Answer { return taken(c) })
}

// trigger answers what starts a workflow.
func (a *api) trigger(c *apitest.Call) apitest.Answer {
	bucket := "webhook " + a.hooks.Of(strings.TrimRight(c.Request.URL.Path, "/"))
	return a.answer(c, []draw{a.perMinute(bucket, triggersPerMinute, 0)}, aWebhook, func() apitest.Answer { return taken(c) })
}

// respond answers what is sent to a response_url. It counts from the first use that one makes of it.
func (a *api) respond(c *apitest.Call) apitest.Answer {
	path := strings.TrimRight(c.Request.URL.Path, "/")
	return a.answer(c, []draw{free("response_url " + a.hooks.Of(path))}, aWebhook, func() apitest.Answer {
		r := fakeapi.At(a.responses, path)
		if r.uses == 0 {
			r.first = c.At
		}
		word := ""
		switch {
		case c.At.Sub(r.first) >= responsesWithin:
			word = "expired_url"
		case r.uses >= responses:
			word = "used_url"
		}
		if word != "" {
			answer := apitest.Reply(http.StatusNotFound, map[string]any{"ok": false, "error": word})
			answer.Violation = word
			return answer
		}
		answer := taken(c)
		if answer.Status == http.StatusOK {
			r.uses++
		}
		return answer
	})
}

// uses are those of a response_url.
type uses struct {
	first time.Time
	uses  int
}

// taken answers a message that no limit refused.
func taken(c *apitest.Call) apitest.Answer {
	if !payload(c.Body) {
		answer := apitest.Text(http.StatusBadRequest, "text/html", "invalid_payload")
		answer.Violation = "invalid_payload"
		return answer
	}
	return apitest.Text(http.StatusOK, "text/html", "ok")
}

// payload reports whether a body is what a webhook takes: a JSON object, or a form that holds one.
func payload(body []byte) bool {
	if form, err := url.ParseQuery(string(body)); err == nil && form.Has("payload") {
		body = []byte(form.Get("payload"))
	}
	var object map[string]json.RawMessage
	return json.Unmarshal(body, &object) == nil && object != nil
}
