// Package discordload has programs that use an SDK for Discord send more than Discord allows, to the strict fake of it.
package discordload

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/underlimit/underlimit/providers/discord/discordtest"
)

// PostMessage is the route that all workloads use.
const PostMessage = "POST /channels/{channel}/messages"

// The way to the fake and back.
const (
	uplink    = 40 * time.Millisecond
	downlink  = 60 * time.Millisecond
	roundTrip = uplink + downlink
)

// Tolerated is how much longer than the best possible a workload may take, as a ratio. The best is what a client needs
// that knows all limits and whose requests arrive the moment they may.
const Tolerated = 1.05

// A Program sends from several goroutines to each channel, each goroutine's n messages one after the other, as
// "channel-sender: message 0" and so on.
type Program func(channels []string, senders, n int) error

// An SDK starts a program whose requests end in base.
type SDK func(base http.RoundTripper) (Program, error)

// Channels returns the ids of n channels.
func Channels(n int) []string {
	var channels []string
	for i := range n {
		channels = append(channels, fmt.Sprintf("10000000000000%04d", i))
	}
	return channels
}

// Line tells the fake which message of which sender a request is.
func Line(_ *http.Request, body []byte) (sender string, n int, ok bool) {
	var message struct{ Content, Name string }
	if json.Unmarshal(body, &message) != nil {
		return "", 0, false
	}
	sender, number, ok := strings.Cut(cmp.Or(message.Content, message.Name), ": message ")
	n, err := strconv.Atoi(number)
	return sender, n, ok && err == nil
}

// Check fails the test unless so many calls arrived, all were processed and none refused, each sender's in order.
func Check(t *testing.T, fake *discordtest.Server, want int) {
	t.Helper()
	report := fake.Report()
	if report.OK != want || report.Calls != want {
		t.Errorf("%d calls, %d of them processed, want %d", report.Calls, report.OK, want)
	}
	if report.Refused != 0 || report.ViolationCount != 0 || report.Inversions != 0 {
		t.Errorf("refused %d, violations %v, inversions %d, want none", report.Refused, report.Violations, report.Inversions)
	}
}

// run runs a program against a fake, in a bubble, and returns how long it took.
func run(t *testing.T, sdk SDK, o discordtest.Options, channels, senders, n int) time.Duration {
	t.Helper()
	o.Uplink, o.Downlink, o.Line = uplink, downlink, Line
	fake := discordtest.NewServer(&o)
	defer fake.Close()
	program, err := sdk(fake.Transport())
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	if err := program(Channels(channels), senders, n); err != nil {
		t.Fatal(err)
	}
	took := time.Since(start)
	Check(t, fake, channels*senders*n)
	return took
}

// within fails the test unless something took about as long as it must.
func within(t *testing.T, took, best time.Duration) {
	t.Helper()
	ratio := took.Seconds() / best.Seconds()
	t.Logf("took %v, at best %v: %.3f", took, best, ratio)
	if ratio > Tolerated {
		t.Errorf("took %.3f times the best possible, want at most %v", ratio, Tolerated)
	}
}

// Many sends from several goroutines to each of many channels, and more than each of them allows. late is by how much
// the SDK itself is late for each window.
func Many(t *testing.T, sdk SDK, senders int, late time.Duration) {
	t.Helper()
	const channels, n = 20, 24 // 5 in 5 s to each channel
	took := run(t, sdk, discordtest.Options{}, channels, senders, n/senders)
	// The windows of the last channels begin when the global limit lets them: 100 messages go first, in 2 s.
	within(t, took, 4*(5*time.Second+late)+time.Second+roundTrip)
}

// Global sends to so many channels that the limit of 50 a second over all of them decides.
func Global(t *testing.T, sdk SDK) {
	t.Helper()
	const channels, n = 300, 4
	took := run(t, sdk, discordtest.Options{}, channels, 1, n)
	within(t, took, (channels*n/50-1)*time.Second+roundTrip)
}

// Hot sends to a single channel, from many goroutines or from one, as much as it allows, which is far more than one at
// a time: 200 in 5 s, of which the global limit lets 50 go a second. An SDK that sends one at a time takes a round trip
// for each, and nothing may come on top of that.
func Hot(t *testing.T, sdk SDK, senders int, oneAtATime bool) {
	t.Helper()
	const n = 1000
	took := run(t, sdk, discordtest.Options{
		Limits: map[string]discordtest.Limit{PostMessage: {N: 200, Window: 5 * time.Second}},
	}, 1, senders, n/senders)
	const best = 4*5*time.Second + 3*time.Second + roundTrip
	if !oneAtATime {
		within(t, took, best)
		return
	}
	t.Logf("%.2f times the best possible, %v", took.Seconds()/best.Seconds(), best)
	if took != n*roundTrip {
		t.Errorf("took %v, want %d round trips", took, n)
	}
}
