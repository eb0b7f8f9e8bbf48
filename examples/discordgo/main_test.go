package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bwmarrin/discordgo"

	"github.com/underlimit/underlimit/bucket"
	discordlimits "github.com/underlimit/underlimit/providers/discord"
	"github.com/underlimit/underlimit/providers/discord/discordtest"
	"github.com/underlimit/underlimit/transport"
)

// line tells the fake which message of which sender a request is.
func line(_ *http.Request, body []byte) (string, int, bool) {
	var message struct{ Content string }
	if json.Unmarshal(body, &message) != nil {
		return "", 0, false
	}
	sender, number, ok := strings.Cut(message.Content, ": message ")
	n, err := strconv.Atoi(number)
	return sender, n, ok && err == nil
}

func check(t *testing.T, fake *discordtest.Server, want int) {
	t.Helper()
	report := fake.Report()
	if report.OK != want || report.Calls != want {
		t.Errorf("%d calls, %d of them processed, want %d", report.Calls, report.OK, want)
	}
	if report.Refused != 0 || report.ViolationCount != 0 || report.Inversions != 0 {
		t.Errorf("refused %d, violations %v, inversions %d, want none", report.Refused, report.Violations, report.Inversions)
	}
}

func TestDiscordGoStaysUnderTheLimitsOfManyChannels(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := discordtest.NewServer(&discordtest.Options{
			Uplink: 30 * time.Millisecond, Downlink: 30 * time.Millisecond, Line: line,
		})
		defer fake.Close()
		session, err := newSession("test", fake.Transport())
		if err != nil {
			t.Fatal(err)
		}
		var channels []string
		for i := range 40 {
			channels = append(channels, fmt.Sprintf("10000000000000%04d", i))
		}
		// One sender to each channel: two that met on discordgo's own mutex would stop the bubble's clock.
		const n = 12
		if err := run(session, channels, 1, n); err != nil {
			t.Fatal(err)
		}
		check(t, fake, len(channels)*n)
	})
}

func TestDiscordGoKeepsEachSendersOrderUnderContention(t *testing.T) {
	t.Parallel()
	fake := discordtest.NewServer(&discordtest.Options{
		Line: line,
		Limits: map[string]discordtest.Limit{ // short windows, as this takes real time
			"POST /channels/{channel}/messages": {N: 5, Window: 500 * time.Millisecond},
		},
	})
	defer fake.Close()
	session, err := newSession("test", fake.Loopback())
	if err != nil {
		t.Fatal(err)
	}
	channels := []string{"100000000000000001", "100000000000000002", "100000000000000003"}
	const senders, n = 4, 5
	if err := run(session, channels, senders, n); err != nil {
		t.Fatal(err)
	}
	check(t, fake, len(channels)*senders*n)
}

// Two sessions send to one channel, and neither knows what the other takes: what is too much, the transport refuses in
// Discord's own words, and discordgo waits.
func TestDiscordGoUnderstandsRefusals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := discordtest.NewServer(&discordtest.Options{Line: line})
		defer fake.Close()
		refused := 0
		limits := transport.New(discordlimits.New(nil), &transport.Options{
			Base: fake.Transport(), Mode: bucket.Reject, Refusal: transport.RefuseWith429, Trace: &transport.Trace{
				Finished: func(_ context.Context, i transport.FinishedInfo) {
					if i.Err != nil {
						refused++
					}
				},
			},
		})
		var sessions [2]*discordgo.Session
		for i := range sessions {
			session, err := discordgo.New("Bot test")
			if err != nil {
				t.Fatal(err)
			}
			session.Client = &http.Client{Transport: limits} // and its own retries stay on
			sessions[i] = session
		}
		const n = 12
		for i := range n {
			if _, err := sessions[i%2].ChannelMessageSend("100000000000000001", fmt.Sprintf("a: message %d", i)); err != nil {
				t.Fatal(err)
			}
		}
		check(t, fake, n)
		if refused == 0 {
			t.Error("nothing was refused")
		}
	})
}
