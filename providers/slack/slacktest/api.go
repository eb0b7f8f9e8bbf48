package slacktest

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/underlimit/underlimit/internal/fakeapi"
)

// listItems is how many items a list has by default: a few pages.
const listItems = 250

// api is the state of a server. Its calls do not overlap.
type api struct {
	opts     Options
	quotas   map[string]*fakeapi.Log  // by bucket
	paces    map[string]*fakeapi.Pace // by bucket
	installs fakeapi.Names
	hooks    fakeapi.Names
	stamp    time.Time // of the last message
	objects  int       // made so far
}

func newAPI(opts Options) *api {
	if opts.WorkspacePerMinute == 0 {
		opts.WorkspacePerMinute = workspacePerMinute
	}
	if opts.Install == nil {
		opts.Install = func(token string) string { return token }
	}
	if opts.Authorized == nil {
		opts.Authorized = func(string) bool { return true }
	}
	if opts.Items == 0 {
		opts.Items = listItems
	}
	opts.ChannelBurst = max(opts.ChannelBurst, 1)
	return &api{opts: opts, quotas: map[string]*fakeapi.Log{}, paces: map[string]*fakeapi.Pace{}}
}

func (a *api) serve(c *fakeapi.Call) fakeapi.Answer {
	first, rest, _ := strings.Cut(strings.TrimPrefix(c.Request.URL.Path, "/"), "/")
	switch {
	case first == "api" && rest != "" && !strings.Contains(rest, "/"):
		return a.call(c, rest)
	case first == "services" || first == "triggers" || first == "workflows":
		return a.webhook(c, first)
	case first == "commands" || first == "actions" || first == "app": // a response_url
		return fakeapi.Text(http.StatusOK, "text/html", "ok")
	case first == "upload":
		return fakeapi.Text(http.StatusOK, "text/plain", "OK - "+strconv.Itoa(len(c.Body)))
	}
	answer := fakeapi.Text(http.StatusNotFound, "text/html", "not found")
	answer.Violation = "there is no such page"
	return answer
}

// call answers a call of a method.
func (a *api) call(c *fakeapi.Call, method string) fakeapi.Answer {
	args, wrong := args(c)
	if wrong != "" {
		return failed(wrong)
	}
	token := token(c, args)
	switch {
	case public[method]:
	case token == "":
		return failed("not_authed")
	case !a.opts.Authorized(token):
		return failed("invalid_auth")
	}
	install := a.installs.Of(a.opts.Install(token))
	draws := a.draws(method, install, args.Get("channel"))
	v := a.admit(c, draws)
	if v.refusedBy != "" {
		return v.onto(refuse(c, a.opts.Refusal, v.wait))
	}
	return v.onto(a.reply(c, method, install, args))
}

// webhook answers a message sent to a URL, which is its own secret.
func (a *api) webhook(c *fakeapi.Call, kind string) fakeapi.Answer {
	name := "webhook " + a.hooks.Of(c.Request.URL.Path)
	d := draw{bucket: name, pace: fakeapi.At(a.paces, name)}
	if kind != "services" { // those of a workflow
		d = draw{bucket: name, quota: fakeapi.At(a.quotas, name), perMinute: triggersPerMinute}
	}
	v := a.admit(c, []draw{d})
	switch {
	case v.refusedBy != "" && a.opts.Refusal == JSON:
		answer := refuse(c, JSON, v.wait)
		seconds, _ := strconv.Atoi(answer.Header.Get("Retry-After"))
		answer.Body = fakeapi.JSON(map[string]any{"ok": false, "error": "rate_limited", "retry_after": seconds})
		return v.onto(answer)
	case v.refusedBy != "":
		return v.onto(refuse(c, a.opts.Refusal, v.wait))
	case !payload(c.Body):
		answer := fakeapi.Text(http.StatusBadRequest, "text/html", "invalid_payload")
		answer.Violation = "invalid_payload"
		return v.onto(answer)
	}
	return v.onto(fakeapi.Text(http.StatusOK, "text/html", "ok"))
}

// A draw is a limit that a request is under: a quota or a pace.
type draw struct {
	bucket    string
	quota     *fakeapi.Log
	perMinute int
	pace      *fakeapi.Pace
	hides     bool // rather than refuse
}

// draws returns the limits on a call.
func (a *api) draws(method, install, channel string) []draw {
	var draws []draw
	quota := func(name string, perMinute int) {
		if perMinute >= 0 {
			name = strings.TrimSpace(name + " " + install)
			draws = append(draws, draw{bucket: name, quota: fakeapi.At(a.quotas, name), perMinute: perMinute})
		}
	}
	if posts[method] && channel != "" {
		name := "post " + install + " " + channel
		draws = append(draws, draw{bucket: name, pace: fakeapi.At(a.paces, name), hides: a.opts.Hide})
	}
	quota(method, a.perMinute(method))
	if method == "chat.postMessage" {
		quota("post", a.opts.WorkspacePerMinute)
	}
	return draws
}

// wait returns how long a request has to wait; 0 means not at all.
func (a *api) wait(d draw, now time.Time) time.Duration {
	if d.quota != nil {
		return d.quota.Wait(now, d.perMinute, time.Minute)
	}
	if wait := d.pace.Wait(now, postPeriod, a.opts.ChannelBurst); wait > a.opts.Tolerance {
		return wait
	}
	return 0
}

// A verdict is what the limits say of a request.
type verdict struct {
	buckets   []string
	refusedBy string
	wait      time.Duration
	hidden    bool
}

// admit counts a request against all its limits or, if one refuses it, none.
func (a *api) admit(c *fakeapi.Call, draws []draw) verdict {
	var v verdict
	for _, d := range draws {
		v.buckets = append(v.buckets, d.bucket)
		switch wait := a.wait(d, c.At); {
		case wait > 0 && d.hides:
			v.hidden = true
		case wait > v.wait:
			v.refusedBy, v.wait = d.bucket, wait
		}
	}
	if v.refusedBy != "" {
		v.hidden = false
		return v
	}
	for _, d := range draws {
		switch {
		case d.quota != nil:
			d.quota.Add(c.At)
		case !v.hidden: // what is not shown does not crowd the channel
			d.pace.Add(c.At, postPeriod)
		}
	}
	return v
}

// onto completes an answer with a verdict.
func (v *verdict) onto(answer fakeapi.Answer) fakeapi.Answer {
	answer.Buckets, answer.RefusedBy = v.buckets, v.refusedBy
	if v.hidden {
		answer.Void, answer.Violation = true, "the message came too soon and is hidden"
	}
	return answer
}

// refuse returns a refusal of the given form.
func refuse(c *fakeapi.Call, form Refusal, wait time.Duration) fakeapi.Answer {
	answer := fakeapi.Reply(http.StatusTooManyRequests, map[string]any{"ok": false, "error": "ratelimited"})
	switch form {
	case Plain:
		answer = fakeapi.Text(http.StatusTooManyRequests, "text/plain", "ratelimited")
	case InBody:
		answer.Status = http.StatusOK
	case Envoy:
		answer = fakeapi.Text(http.StatusTooManyRequests, "text/plain", "")
		answer.Header.Set("X-Envoy-Ratelimited", "true")
		return answer
	case Quota:
		return fakeapi.Text(http.StatusTooManyRequests, "text/plain", "message_limit_exceeded")
	}
	seconds := fakeapi.Ceil(wait, time.Second)
	answer.Header.Set("Retry-After", strconv.FormatInt(seconds, 10))
	answer.Until = c.At.Add(time.Duration(seconds) * time.Second)
	return answer
}

// failed returns Slack's answer to a call that should not have been made in this way.
func failed(word string) fakeapi.Answer {
	answer := fakeapi.Reply(http.StatusOK, map[string]any{"ok": false, "error": word})
	answer.Void, answer.Violation = true, word
	return answer
}
