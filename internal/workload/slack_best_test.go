package workload_test

import (
	"maps"
	"net/http"
	"net/url"
	"time"
)

// A rule is a limit of Slack as our client keeps it by default: so many in any window and, of these, so many at once
// and then one each every. It is zero where there is no such shape.
type rule struct {
	quota  int
	window time.Duration
	every  time.Duration
	burst  int
}

// perMinute is the rule of n calls a minute, of which a quarter goes at once.
func perMinute(n int) rule {
	return rule{quota: n, window: time.Minute, every: time.Minute / time.Duration(n), burst: (n + 3) / 4}
}

// aSecond is the rule of messages to a channel or by a webhook.
var aSecond = rule{every: time.Second, burst: 1}

// alone simulates the best client under nothing but this rule: it returns when the last of n goes that are all there at
// the beginning.
func (r rule) alone(n int) time.Duration {
	went := make([]time.Duration, n)
	for i := range went {
		if r.every > 0 {
			went[i] = max(0, time.Duration(i+1-r.burst)*r.every)
		}
		if r.quota > 0 && i >= r.quota {
			went[i] = max(went[i], went[i-r.quota]+r.window)
		}
	}
	return went[n-1]
}

// A demand is how many of a workload's requests are under a rule.
type demand struct {
	rule
	n int
}

// atBest is the least time in which a client can have answers to a workload that keeps these rules: no rule's requests
// are through sooner than they would be alone.
func atBest(demands ...demand) (best time.Duration) {
	for _, d := range demands {
		best = max(best, d.alone(d.n))
	}
	return best + roundTrip
}

// A quarter of a minute's calls at once is what our client takes Slack to tolerate; the fake then does not let more.
func quarter(_ string, perMinute int) int { return (perMinute + 3) / 4 }

// webCall is a call of a method of the Web API as slack-go makes it.
func webCall(token, method string, pairs ...string) call {
	form := url.Values{"token": {token}}
	for i := 0; i < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	return call{
		method: http.MethodPost, url: "https://slack.com/api/" + method, body: form.Encode(),
		header: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}},
	}
}

// webhookCall is a message by an incoming webhook.
func webhookCall(path string) call {
	return call{
		method: http.MethodPost, url: "https://hooks.slack.com" + path, body: `{"text":"hello"}`,
		header: http.Header{"Content-Type": {"application/json"}},
	}
}

// restCall is a request to api.slack.com.
func restCall(token, method, path string) call {
	return call{method: method, url: "https://api.slack.com" + path, header: http.Header{"Authorization": {"Bearer " + token}}}
}

// times is n calls that are the same.
func times(n int, c call) []call {
	calls := make([]call, n)
	for i := range calls {
		calls[i] = c
		calls[i].header = maps.Clone(c.header)
	}
	return calls
}
