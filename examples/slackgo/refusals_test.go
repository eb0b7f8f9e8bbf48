package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slack-go/slack"

	"github.com/underlimit/underlimit/providers/slack/slacktest"
)

// A form is a way in which Slack refuses.
type form struct {
	name    string
	refusal slacktest.Refusal
	word    string
	after   func(time.Duration) string
	told    bool // it tells the time, so that nothing is refused twice
}

func forms() []form {
	said := func(text string) func(time.Duration) string { return func(time.Duration) string { return text } }
	all := []form{
		{"JSON", slacktest.JSON, "", nil, true},
		{"plain text", slacktest.Plain, "", nil, true},
		{"of Slack's edge", slacktest.Envoy, "", nil, false},
		{"with a warning", slacktest.Warned, "", nil, true},
		{"an empty body", slacktest.Empty, "", nil, true},
		{"seconds in the body", slacktest.Seconds, "", nil, true},
		{"a sentence", slacktest.Relax, "", nil, false},
		{"counts", slacktest.Counts, "", nil, true},
		{"Retry-After of 0", slacktest.JSON, "", said("0"), false},
		{"Retry-After of a fraction", slacktest.JSON, "", func(wait time.Duration) string {
			return fmt.Sprintf("%.3f", wait.Seconds())
		}, true},
		{"a negative Retry-After", slacktest.JSON, "", said("-5"), false},
		{"a Retry-After that is none", slacktest.JSON, "", said("soon"), false},
		{"a date that is over", slacktest.Plain, "", said("Thu, 21 Oct 1999 07:28:00 GMT"), false},
		{"a date", slacktest.Plain, "", func(wait time.Duration) string {
			return time.Now().Add(wait + time.Second - 1).UTC().Format(http.TimeFormat)
		}, true},
	}
	for _, word := range []string{"ratelimited", "rate_limited", "ratelimit", "too_many_requests"} {
		all = append(all,
			form{"200 " + word, slacktest.InBody, word, nil, true},
			form{"200 " + word + " without a time", slacktest.InBody, word, said(""), false})
	}
	return all
}

// once closes each bucket for a while when the first request comes to it. What is streamed can be sent only once, so
// that a file is let through.
func once() func(*http.Request, []string) (string, time.Duration) {
	closed := map[string]bool{}
	return func(_ *http.Request, buckets []string) (string, time.Duration) {
		bucket := buckets[0]
		if closed[bucket] || strings.HasPrefix(bucket, "upload") {
			return "", 0
		}
		closed[bucket] = true
		return bucket, 2 * time.Second
	}
}

func TestNoRefusalReachesSlackGoWhateverItsForm(t *testing.T) {
	for _, form := range forms() {
		for name, work := range works() {
			t.Run(form.name+", "+name, func(t *testing.T) {
				var took []time.Duration
				for _, retries := range []int{0, 3} {
					took = append(took, workRefused(t, form, work, retries))
				}
				if took[0] != took[1] {
					t.Errorf("took %v, with slack-go's retries %v", took[0], took[1])
				}
			})
		}
	}
}

// workRefused does some work while each bucket refuses once, and returns how long it takes.
func workRefused(t *testing.T, form form, work work, retries int) (took time.Duration) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		fake := slacktest.NewServer(&slacktest.Options{
			Uplink: oneWay, Downlink: oneWay, Items: items,
			Refuse: once(), Refusal: form.refusal, RefusalError: form.word, RetryAfter: form.after,
		})
		defer fake.Close()
		api, plain := clients(fake, retries)
		start := time.Now()
		unhurt(t, work.do(t.Context(), api, plain))
		took = time.Since(start)

		report := fake.Report()
		if report.OK != work.calls || report.ViolationCount != 0 {
			t.Errorf("%d of %d calls processed, violations %v", report.OK, work.calls, report.Violations)
		}
		// The two seconds are waited for once; where nobody is told of them, after 1 s, and then 2 s.
		most, longest := len(report.RefusedBy), 12*time.Second
		if !form.told {
			most *= 2
		}
		if report.Refused == 0 || report.Refused > most || took > longest {
			t.Errorf("refused %v in %v, want at most %d times in all, and %v", report.RefusedBy, took, most, longest)
		}
	})
	return took
}

// A quota is used up, and no waiting helps: slack-go is told at once, and once.
func TestAUsedUpQuotaReachesSlackGoAtOnce(t *testing.T) {
	for _, form := range []form{
		{name: "plain text", refusal: slacktest.Quota},
		{name: "200", refusal: slacktest.InBody, word: "message_limit_exceeded", after: func(time.Duration) string { return "" }},
	} {
		for _, name := range []string{"posts", "a webhook"} {
			t.Run(form.name+", "+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					fake := slacktest.NewServer(&slacktest.Options{
						Uplink: oneWay, Downlink: oneWay, Refuse: once(), Refusal: form.refusal, RefusalError: form.word,
						RetryAfter: form.after,
					})
					defer fake.Close()
					api, plain := clients(fake, 0)
					start := time.Now()
					err := works()[name].do(t.Context(), api, plain)
					took, report := time.Since(start), fake.Report()
					// slack-go does not look at what a webhook's 200 says.
					if deaf := form.refusal == slacktest.InBody && name == "a webhook"; deaf == (err != nil) {
						t.Errorf("the error is %v", err)
					}
					if err != nil && (took != roundTrip || report.Calls != 1) {
						t.Errorf("%d calls in %v, want one, in %v", report.Calls, took, roundTrip)
					}
				})
			})
		}
	}
}

// Left to itself, a pager of slack-go that is told to come again in no time asks again in no time. It is what the tests
// above would find if a refusal reached it.
func TestSlackGoByItselfIsRefusedAndLoops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := slacktest.NewServer(&slacktest.Options{
			Uplink: oneWay, Downlink: oneWay, Items: items, Refuse: once(),
			RetryAfter: func(time.Duration) string { return "0" },
		})
		defer fake.Close()
		api := slack.New("xoxb-test", slack.OptionHTTPClient(fake.Client()))
		if err := users(t.Context(), api, nil); err != nil {
			t.Error(err)
		}
		if got := fake.Report().Refused; got < 20 { // a round trip each, for two seconds
			t.Errorf("%d refused, want one after the other", got)
		}
	})
}
