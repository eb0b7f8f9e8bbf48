package main

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/underlimit/underlimit/providers/slack/slacktest"
)

// line tells the fake which message of which channel a request is.
func line(_ *http.Request, body []byte) (string, int, bool) {
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return "", 0, false
	}
	_, number, ok := strings.Cut(form.Get("text"), ": message ")
	n, err := strconv.Atoi(number)
	return form.Get("channel"), n, ok && err == nil
}

func TestSlackGoStaysUnderTheLimitsOfManyChannels(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := slacktest.NewServer(&slacktest.Options{
			Uplink: 40 * time.Millisecond, Downlink: 40 * time.Millisecond, Line: line,
		})
		defer fake.Close()
		channels := []string{"C1", "C2", "C3", "C4", "C5"}
		const n = 20

		start := time.Now()
		if err := run(t.Context(), newClient("xoxb-test", fake.Transport()), channels, n); err != nil {
			t.Fatal(err)
		}
		// Slack takes one post a second to each channel, and the last one's answer takes a round trip. As long as too few
		// round trips were seen to tell how long one takes, a post keeps its distance from the answer to the one before.
		const roundTrip = 80 * time.Millisecond
		if got, want := time.Since(start), (n-1)*time.Second+4*roundTrip; got != want {
			t.Errorf("took %v, want %v", got, want)
		}
		report := fake.Report()
		if report.OK != n*len(channels) || report.Calls != report.OK {
			t.Errorf("%d calls, %d of them processed, want %d", report.Calls, report.OK, n*len(channels))
		}
		if report.Refused != 0 || report.ViolationCount != 0 || report.Inversions != 0 {
			t.Errorf("refused %d, violations %v, inversions %d, want none", report.Refused, report.Violations, report.Inversions)
		}
	})
}
