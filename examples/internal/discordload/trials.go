package discordload

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/underlimit/underlimit/providers/discord/discordtest"
)

func text(from string, i int) string { return fmt.Sprintf("%s: message %d", from, i) }

// sending is a line for each channel.
func sending(channels []string, n int, by time.Duration) []line {
	var lines []line
	for _, channel := range channels {
		lines = append(lines, line{
			n: n, call: func(c Calls, i int) error { return c.Send(channel, text(channel, i)) }, by: by,
		})
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
	return append(append([]trial{
		{ // Two changes in ten minutes may be of the name; ten in 15 s of anything.
			name:    "a limit on some requests of a route",
			options: discordtest.Options{Renames: true},
			lines: []line{
				{
					n: 4, call: func(c Calls, i int) error { return c.Rename(channels[0], text("a", i)) },
					from: 10 * time.Minute, by: 10*time.Minute + 5*time.Second,
				},
				{n: 28, call: func(c Calls, i int) error { return c.Slow(slowed, i+1) }, by: 35 * time.Second},
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
			lines: append(sending(channels, 15, 11*time.Second), line{n: 15, call: func(c Calls, i int) error {
				return c.Edit(channels[0], message(aMinute, 0), text("edits", i))
			}, by: 11 * time.Second}),
		},
		shutOut("shut out for a time that is told", start, true, 0),
		shutOut("shut out for a time that is not told", start, false, 6), // after 1, 2, 4 ... s, one sees whether it is over
		{ // Were it in seconds, it would be three quarters of an hour.
			name: "a webhook by an URL without a version",
			options: discordtest.Options{
				Refuse: once("/webhooks/", discordtest.Refusal{Scope: discordtest.Shared, After: 2500 * time.Millisecond}),
			},
			lines:   []line{hooking(hook, channels[0], 12, 10*time.Second)},
			refused: 1,
		},
		{
			name:    "failures and lost answers",
			options: discordtest.Options{Fault: failing()},
			lines: append(sending(channels[:1], 10, 8*time.Second), line{n: 10, call: func(c Calls, _ int) error {
				return c.Read(channels[1])
			}, by: 15 * time.Second}),
			failed: 3, lost: 1,
		},
		{
			name: "a token that is refused for a minute",
			options: discordtest.Options{
				Authorized: func(string) bool { return during(start, 5050*time.Millisecond, 65*time.Second) == 0 },
			},
			lines:  sending(channels, 10, 80*time.Second),
			failed: 8, lost: 8, wrong: 8,
		},
		{ // The ban is at 110, and the provider stops at 100 until the first are ten minutes old. Then one goes to see.
			name: "too much that is forbidden", invalid: 100,
			options: discordtest.Options{Invalid: 110, Forbidden: func(*http.Request) bool {
				return during(start, 0, 9*time.Minute) > 0
			}},
			lines:  later(sending(Channels(12), 11, 11*time.Minute), 10*time.Minute),
			failed: 100, lost: 100, wrong: 100,
		},
		{ // A bucket of what is being sent has room, and yet all of the bot has to wait; but for interactions.
			name: "a global limit that others have used up",
			options: discordtest.Options{Refuse: func(r *http.Request) (refusal discordtest.Refusal) {
				left := during(start, 250*time.Millisecond, 3250*time.Millisecond)
				if left > 0 && !strings.HasSuffix(r.URL.Path, "/callback") {
					refusal = discordtest.Refusal{Scope: discordtest.Global, After: left}
				}
				return refusal
			}},
			lines:   append(later(sending(Channels(10), 5, 5*time.Second), 3250*time.Millisecond), answering(5, 30)...),
			refused: 10, // each line has one on its way
		},
	}, ofWebhooks(channels)...), ofAges(channels, alone)...)
}

// later has lines end at that time or later.
func later(lines []line, from time.Duration) []line {
	for i := range lines {
		lines[i].from = from
	}
	return lines
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
