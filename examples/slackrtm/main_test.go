package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
	"github.com/slack-go/slack"

	"github.com/underlimit/underlimit/bucket"
	"github.com/underlimit/underlimit/examples/internal/rtmserver"
	"github.com/underlimit/underlimit/internal/memnet"
	slacklimits "github.com/underlimit/underlimit/providers/slack"
	"github.com/underlimit/underlimit/providers/slack/rtm"
)

// listen serves a handler in memory, so that a bubble can go idle.
func listen(t *testing.T, h http.Handler) *memnet.Listener {
	t.Helper()
	l := memnet.Listen()
	srv := &http.Server{Handler: h}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = srv.Serve(l) // until it is closed
	}()
	t.Cleanup(func() {
		_ = srv.Close()
		<-done
	})
	return l
}

// checkReport checks that n messages came to each channel by each way, each way's in order, and none too fast.
func checkReport(t *testing.T, r rtmserver.Report, channels []string, n int) {
	t.Helper()
	if r.Refused != 0 || len(r.Violations) != 0 {
		t.Errorf("%d messages were refused; %q", r.Refused, r.Violations)
	}
	got := map[string][]string{}
	for _, m := range r.Messages {
		way, _, _ := strings.Cut(m.Text, " ")
		got[way+" "+m.Channel] = append(got[way+" "+m.Channel], m.Text)
	}
	for _, channel := range channels {
		for _, way := range []string{"RTM", "HTTP"} {
			var want []string
			for i := range n {
				want = append(want, fmt.Sprint(way, " ", i))
			}
			if have := got[way+" "+channel]; !slices.Equal(have, want) {
				t.Errorf("%s to %s: %q came, want %q", way, channel, have, want)
			}
		}
	}
}

// virtual returns a bot on a network in memory.
func virtual(t *testing.T, h http.Handler, opts ...slack.RTMOption) *bot {
	l := listen(t, h)
	base := &http.Transport{DialContext: l.Dial}
	t.Cleanup(base.CloseIdleConnections)
	b := newBot("xoxb-test", base, "slack.test", slack.OptionAPIURL("http://slack.test/api/"))
	opts = append(opts, slack.RTMOptionDialer(&websocket.Dialer{NetDialContext: l.Dial}))
	b.rtm = b.api.NewRTM(opts...)
	return b
}

func TestSlackGoStaysUnderTheLimitsOfRTMAndHTTPTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := rtmserver.New(rtmserver.Options{}) // as strict as it gets
		b := virtual(t, srv, slack.RTMOptionPingInterval(time.Hour))
		channels := []string{"C1", "C2", "C3", "C4"}
		const n = 5
		start := time.Now()
		if err := b.run(t.Context(), channels, n); err != nil {
			t.Fatal(err)
		}
		r := srv.Report()
		checkReport(t, r, channels, n)
		// A frame a second, after three: the first indicator of each channel, messages, and those indicators that were
		// old enough. The rest was dropped.
		frames := n*len(channels) + len(r.Typing)
		if got, want := time.Since(start), time.Duration(frames-3)*time.Second; got != want {
			t.Errorf("%d frames took %v, want %v", frames, got, want)
		}
	})
}

func TestPingsOfSlackGoPassWhileMessagesWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := rtmserver.New(rtmserver.Options{Burst: 4}) // slack-go's pings are known only once they are answered
		b := virtual(t, srv, slack.RTMOptionPingInterval(5*time.Second))
		const n = 20
		start := time.Now()
		if err := b.run(t.Context(), []string{"C1", "C2"}, n); err != nil {
			t.Fatal(err)
		}
		r, took := srv.Report(), time.Since(start)
		checkReport(t, r, []string{"C1", "C2"}, n)
		if want := int(took / (5 * time.Second)); r.Pings != want {
			t.Errorf("in %v there were %d pings, want %d", took, r.Pings, want)
		}
	})
}

func TestAGoodbyeHoldsMessagesUntilSlackGoIsConnectedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := rtmserver.New(rtmserver.Options{})
		b := virtual(t, srv, slack.RTMOptionPingInterval(time.Hour))
		start := time.Now()
		// Half a second after a frame, so that none is under way.
		defer time.AfterFunc(10*time.Second+time.Second/2, srv.Goodbye).Stop()
		if err := b.run(t.Context(), []string{"C1", "C2"}, 10); err != nil {
			t.Fatal(err)
		}
		r := srv.Report()
		checkReport(t, r, []string{"C1", "C2"}, 10)
		if r.Connections != 2 {
			t.Errorf("it connected %d times", r.Connections)
		}
		for _, m := range r.Messages {
			// Slack allows one call of rtm.connect a minute.
			if at := m.At.Sub(start); !m.HTTP && at > 10*time.Second+time.Second/2 && at < time.Minute {
				t.Errorf("a message was written at %v, with no connection", at)
			}
		}
	})
}

func TestOnLoopbackAllArrivesInOrder(t *testing.T) {
	fake := rtmserver.New(rtmserver.Options{Every: time.Millisecond, Burst: 1000, Leeway: time.Minute})
	srv := httptest.NewServer(fake)
	defer srv.Close()
	defer fake.Close()
	b := newBot("xoxb-test", http.DefaultTransport, srv.Listener.Addr().String(), slack.OptionAPIURL(srv.URL+"/api/"))
	if err := b.run(t.Context(), []string{"C1", "C2", "C3"}, 1); err != nil {
		t.Fatal(err)
	}
	checkReport(t, fake.Report(), []string{"C1", "C2", "C3"}, 1)
}

// A client is a plain websocket whose frames are paced.
type client struct {
	ws    *websocket.Conn
	pacer *rtm.Pacer
	done  chan struct{} // what reads has ended
}

func newClient(t *testing.T, h http.Handler, pacer *rtm.Pacer) *client {
	t.Helper()
	l := listen(t, h)
	ws, resp, err := (&websocket.Dialer{NetDialContext: l.Dial}).DialContext(t.Context(), "ws://slack.test/socket", nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	c := &client{ws, pacer, make(chan struct{})}
	go func() {
		defer close(c.done)
		for {
			_, frame, err := ws.ReadMessage()
			if err != nil {
				return
			}
			pacer.Observe(frame)
		}
	}()
	t.Cleanup(func() {
		_ = ws.Close()
		<-c.done
	})
	return c
}

func (c *client) write(ctx context.Context, frame map[string]any) error {
	text, err := json.Marshal(frame)
	if err != nil {
		return err
	}
	if err := c.pacer.Wait(ctx, text); err != nil {
		return err
	}
	return c.ws.WriteMessage(websocket.TextMessage, text)
}

func message(channel, text string) map[string]any {
	return map[string]any{"id": 1, "type": "message", "channel": channel, "text": text}
}

func TestAPlainWebsocketIsPacedByWhatSlackSays(t *testing.T) {
	const s = time.Second
	for _, test := range []struct {
		moody int
		want  []time.Duration // when messages are written
	}{
		{0, []time.Duration{0, 0, 0, 1 * s, 2 * s, 3 * s, 4 * s, 5 * s}},
		{4, []time.Duration{0, 1 * s, 3 * s, 7 * s, 15 * s, 15 * s, 15 * s, 16 * s}},
	} {
		synctest.Test(t, func(t *testing.T) {
			srv := rtmserver.New(rtmserver.Options{Moody: test.moody})
			c := newClient(t, srv, rtm.New(bucket.NewRegistry(nil), slacklimits.New(nil).Posts(t.Context(), "xoxb-test"), nil))
			start := time.Now()
			var got []time.Duration
			for i := range test.want {
				if err := c.write(t.Context(), message(fmt.Sprint("C", i), "hello")); err != nil {
					t.Fatal(err)
				}
				got = append(got, time.Since(start))
				synctest.Wait() // for the answer
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("frames were written at %v, want %v", got, test.want)
			}
			if r := srv.Report(); r.Refused != test.moody || len(r.Violations) != 0 {
				t.Errorf("%d frames were refused; %q", r.Refused, r.Violations)
			}
		})
	}
}

func TestAPlainWebsocketSurvivesWhatWouldCloseIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := rtmserver.New(rtmserver.Options{})
		c := newClient(t, srv, rtm.New(bucket.NewRegistry(nil), slacklimits.New(nil).Posts(t.Context(), "xoxb-test"), nil))
		overhead := len(`{"channel":"C1","id":1,"text":"","type":"message"}`)
		most := strings.Repeat("x", rtm.MaxFrame-overhead)
		//nolint:errorlint // itself
		if err := c.write(t.Context(), message("C1", most+"x")); err != rtm.ErrFrameTooLarge {
			t.Errorf("a frame that is too large: %v", err)
		}
		typing := map[string]any{"id": 1, "type": "typing", "channel": "C1"}
		if err := c.write(t.Context(), typing); err != nil {
			t.Error(err)
		}
		if err := c.write(t.Context(), typing); err != rtm.ErrDrop { //nolint:errorlint // itself
			t.Errorf("an indicator that comes too soon: %v", err)
		}
		if err := c.write(t.Context(), message("C1", most)); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		r := srv.Report()
		if len(r.Messages) != 1 || r.Messages[0].Text != most || len(r.Typing) != 1 || len(r.Violations) != 0 {
			t.Errorf("%d messages and %d indicators came; %q", len(r.Messages), len(r.Typing), r.Violations)
		}
	})
}
