package discordload

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/underlimit/underlimit/providers/discord/discordtest"
)

// Calls are what an SDK sends in trials.
type Calls struct {
	Send   func(channel, text string) error
	Edit   func(channel, message, text string) error
	Read   func(channel string) error // a channel's messages
	Rename func(channel, name string) error
	Slow   func(channel string, seconds int) error // changes a channel, but not its name
	Hook   func(id, token, text string) error      // by the URL that Discord shows, which has no version
}

// A trial is something hard that an SDK has to get through.
type trial struct {
	name    string
	options discordtest.Options
	lines   []line

	refused int // at most: one for each hidden limit, or what was on its way
	failed  int // calls that end in an error
	lost    int // of these, those that were not processed
	invalid int // of these, those that came without a valid credential
}

// A line is a goroutine that makes calls one after the other.
type line struct {
	n    int
	call func(c Calls, i int) error
	by   time.Duration // when the last is answered at the latest
}

func text(from string, i int) string { return fmt.Sprintf("%s: message %d", from, i) }

// sending is a line for each channel.
func sending(channels []string, n int, by time.Duration) []line {
	var lines []line
	for _, channel := range channels {
		lines = append(lines, line{n, func(c Calls, i int) error { return c.Send(channel, text(channel, i)) }, by})
	}
	return lines
}

// once refuses the first request to a path.
func once(path string, refusal discordtest.Refusal) func(*http.Request) discordtest.Refusal {
	return func(r *http.Request) (now discordtest.Refusal) {
		if strings.Contains(r.URL.Path, path) {
			now, refusal = refusal, now
		}
		return now
	}
}

// during returns how much is left of a time after the start; 0 if it is not now.
func during(start time.Time, from, to time.Duration) time.Duration {
	if since := time.Since(start); since >= from && since < to {
		return to - since
	}
	return 0
}

// shutOut is a minute in which Discord's edge lets nobody through.
func shutOut(name string, start time.Time, told bool, probes int) trial {
	return trial{
		name: name,
		options: discordtest.Options{Refuse: func(*http.Request) (refusal discordtest.Refusal) {
			if left := during(start, 5200*time.Millisecond, time.Minute); left > 0 {
				refusal.Scope = discordtest.Cloudflare
				if told {
					refusal.After = left
				}
			}
			return refusal
		}},
		lines:   sending(Channels(10), 15, 80*time.Second),
		refused: 10 + probes, // each line has one on its way
	}
}

// trials returns those for an SDK of which, if alone, no two goroutines may use one path of a channel. It is called
// when they start.
func trials(alone bool) []trial {
	start := time.Now()
	channels := Channels(3)
	slowed := channels[0]
	if alone {
		slowed = channels[1]
	}
	posts := discordtest.Limit{N: 5, Window: 5 * time.Second, Hash: "hash", Counter: "posts"}
	edits := posts
	edits.Counter = "edits"
	return []trial{
		{ // Two changes in ten minutes may be of the name; ten in 15 s of anything.
			name:    "a limit on some requests of a route",
			options: discordtest.Options{Renames: true},
			lines: []line{
				{4, func(c Calls, i int) error { return c.Rename(channels[0], text("a", i)) }, 10*time.Minute + 5*time.Second},
				{28, func(c Calls, i int) error { return c.Slow(slowed, i+1) }, 35 * time.Second},
			},
			refused: 1,
		},
		{
			name: "a limit that others share",
			options: discordtest.Options{
				Refuse: once(channels[0], discordtest.Refusal{Scope: discordtest.Shared, After: 30 * time.Second}),
			},
			lines:   append(sending(channels[:1], 5, 31*time.Second), sending(channels[1:], 10, 7*time.Second)...),
			refused: 1,
		},
		{
			name: "a hash that flips",
			options: discordtest.Options{
				Change: func(_ string, since time.Duration, l discordtest.Limit) discordtest.Limit {
					l.Hash, l.Counter = fmt.Sprint("hash", int(since/(7*time.Second))), "posts"
					return l
				},
			},
			lines: sending(channels, 30, 26*time.Second),
		},
		{
			name: "two counters under one hash",
			options: discordtest.Options{Limits: map[string]discordtest.Limit{
				PostMessage: posts, "PATCH /channels/{channel}/messages/{message}": edits,
			}},
			lines: append(sending(channels, 15, 11*time.Second), line{15, func(c Calls, i int) error {
				return c.Edit(channels[0], channels[1], text("edits", i))
			}, 11 * time.Second}),
		},
		shutOut("shut out for a time that is told", start, true, 0),
		shutOut("shut out for a time that is not told", start, false, 6), // after 1, 2, 4 ... s, one sees whether it is over
		{ // Were it in seconds, it would be three quarters of an hour.
			name: "a webhook by an URL without a version",
			options: discordtest.Options{
				Refuse: once("/webhooks/", discordtest.Refusal{Scope: discordtest.Shared, After: 2500 * time.Millisecond}),
			},
			lines: []line{{12, func(c Calls, i int) error {
				return c.Hook(channels[0], "secret", text("hook", i))
			}, 10 * time.Second}},
			refused: 1,
		},
		{
			name:    "failures and lost answers",
			options: discordtest.Options{Fault: failing()},
			lines: append(sending(channels[:1], 10, 8*time.Second), line{10, func(c Calls, _ int) error {
				return c.Read(channels[1])
			}, 15 * time.Second}),
			failed: 3, lost: 1,
		},
		{
			name: "a token that is refused for a minute",
			options: discordtest.Options{
				Authorized: func(string) bool { return during(start, 5050*time.Millisecond, 65*time.Second) == 0 },
			},
			lines:  sending(channels, 10, 80*time.Second),
			failed: 8, lost: 8, invalid: 8,
		},
	}
}

// failing makes a few messages fail, one of them unprocessed, and a few reads, which may be repeated.
func failing() func(*http.Request) discordtest.Fault {
	var mu sync.Mutex
	reads := 0
	return func(r *http.Request) discordtest.Fault {
		mu.Lock()
		defer mu.Unlock()
		if r.Method == http.MethodGet {
			reads++
			return map[int]discordtest.Fault{2: {Status: 502, Processed: true}, 5: {Status: 503}, 8: {Drop: true}}[reads]
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return discordtest.Fault{}
		}
		_, n, _ := Line(r, body)
		return map[int]discordtest.Fault{
			2: {Status: 502, Processed: true}, 4: {Drop: true, Processed: true}, 6: {Status: 503},
		}[n]
	}
}

// Trials has an SDK get through all that is hard. It fails the test unless nothing is refused but what nobody could
// know, and everything is delivered that may be: once, in order, and in time.
func Trials(t *testing.T, alone bool, sdk func(base http.RoundTripper) (Calls, error)) {
	t.Helper()
	for i, named := range trials(alone) {
		t.Run(named.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { trials(alone)[i].run(t, sdk) })
		})
	}
}

func (tr *trial) run(t *testing.T, sdk func(base http.RoundTripper) (Calls, error)) {
	t.Helper()
	tr.options.Uplink, tr.options.Downlink, tr.options.Line = uplink, downlink, Line
	fake := discordtest.NewServer(&tr.options)
	defer fake.Close()
	calls, err := sdk(fake.Transport())
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	var wg sync.WaitGroup
	var failed atomic.Int64
	want := -tr.lost
	for _, l := range tr.lines {
		want += l.n
		wg.Go(func() {
			for i := range l.n {
				if err := l.call(calls, i); err != nil {
					failed.Add(1)
					t.Log(err)
				}
			}
			if took := time.Since(start); took > l.by {
				t.Errorf("a line took %v, want at most %v", took, l.by)
			}
		})
	}
	wg.Wait()
	written := map[string]bool{}
	once := 0 // processed, reads as often as they were
	for _, d := range fake.Delivered() {
		what := d.Method + d.Path + string(d.Body)
		if d.Method == http.MethodGet || !written[what] {
			once++
		}
		written[what] = true
	}
	r := fake.Report()
	t.Logf("refused %v, failed %d, took %v", r.RefusedBy, failed.Load(), time.Since(start))
	if int(failed.Load()) != tr.failed || r.Refused > tr.refused || r.ViolationCount != tr.invalid || r.Inversions != 0 {
		t.Errorf("%d failed, %v refused, violations %v, inversions %d; want %d, at most %d, %d, 0",
			failed.Load(), r.RefusedBy, r.Violations, r.Inversions, tr.failed, tr.refused, tr.invalid)
	}
	if r.OK < want || once != r.OK {
		t.Errorf("%d processed, %d of them different, want %d", r.OK, once, want)
	}
}
