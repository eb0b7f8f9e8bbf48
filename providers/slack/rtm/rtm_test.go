package rtm_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/underlimit/underlimit/bucket"
	"github.com/underlimit/underlimit/providers/slack"
	"github.com/underlimit/underlimit/providers/slack/rtm"
	"github.com/underlimit/underlimit/providers/slack/slacktest"
	"github.com/underlimit/underlimit/transport"
)

const (
	s    = time.Second
	ms   = time.Millisecond
	ping = `{"id":9,"type":"ping"}`
	slow = `{"ok":false,"reply_to":1,"error":{"code":-1,"msg":"slow down, too many messages..."}}`
	done = `{"ok":true,"reply_to":1,"ts":"1355517523.000005","text":"hello"}`
)

func message(channel string) string {
	return fmt.Sprintf(`{"id":1,"type":"message","channel":%q,"text":"hello"}`, channel)
}

func typing(channel string) string {
	return fmt.Sprintf(`{"id":2,"type":"typing","channel":%q}`, channel)
}

// A line is a pacer with what one wants to know of what went through it.
type line struct {
	*rtm.Pacer

	t     *testing.T
	reg   *bucket.Registry
	start time.Time
}

func newLine(t *testing.T, opts *rtm.Options) *line {
	t.Helper()
	reg := bucket.NewRegistry(nil)
	return &line{
		Pacer: rtm.New(reg, slack.New(nil).Posts(t.Context(), "xoxb-1"), opts), t: t, reg: reg, start: time.Now(),
	}
}

// at writes a frame and returns when it went.
func (l *line) at(frame string) time.Duration {
	l.t.Helper()
	if err := l.Wait(l.t.Context(), []byte(frame)); err != nil {
		l.t.Errorf("%s: %v", frame, err)
	}
	return time.Since(l.start)
}

// quiet checks that nobody waits and nothing is under way.
func (l *line) quiet() {
	l.t.Helper()
	for name, p := range l.reg.Stats().Providers {
		if p.Waiting != 0 || p.InFlight != 0 {
			l.t.Errorf("%s: %d wait and %d are in flight at the end", name, p.Waiting, p.InFlight)
		}
	}
}

func TestFramesAreASecondApartAfterTheBurst(t *testing.T) {
	for _, test := range []struct {
		opts *rtm.Options
		want []time.Duration
	}{
		{nil, []time.Duration{0, 0, 0, 1 * s, 2 * s, 3 * s, 4 * s}},
		{&rtm.Options{Burst: 1}, []time.Duration{0, 1 * s, 2 * s, 3 * s}},
		{&rtm.Options{Every: 2 * s, Burst: 2}, []time.Duration{0, 0, 2 * s, 4 * s}},
		{&rtm.Options{Every: -1, Burst: -1}, []time.Duration{0, 0, 0, 1 * s}},
	} {
		synctest.Test(t, func(t *testing.T) {
			l := newLine(t, test.opts)
			for i, want := range test.want { // to a channel each, so that those play no part
				if got := l.at(message(fmt.Sprint("C", i))); got != want {
					t.Errorf("%+v: frame %d went at %v, want %v", test.opts, i+1, got, want)
				}
			}
			<-time.After(time.Hour) // the burst is there again, and no more than it
			l.start = time.Now()
			for i, want := range test.want {
				if got := l.at(message(fmt.Sprint("D", i))); got != want {
					t.Errorf("%+v: an hour later frame %d went at %v, want %v", test.opts, i+1, got, want)
				}
			}
			l.quiet()
		})
	}
}

func TestMessagesToOneChannelHaveNoBurst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLine(t, nil)
		for i, want := range []time.Duration{0, 1 * s, 2 * s, 3 * s} {
			if got := l.at(message("C1")); got != want {
				t.Errorf("message %d went at %v, want %v", i+1, got, want)
			}
		}
		l.quiet()
	})
}

func TestTheCapOnAllMessagesOfAWorkspaceHoldsFrames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := slack.New(&slack.Options{WorkspacePerMinute: 5})
		reg, start := bucket.NewRegistry(nil), time.Now()
		l := &line{rtm.New(reg, p.Posts(t.Context(), "xoxb-1"), &rtm.Options{Burst: 100}), t, reg, start}
		var went []time.Duration
		for i := range 20 {
			went = append(went, l.at(message(fmt.Sprint("C", i))))
		}
		for i := 5; i < len(went); i++ {
			if d := went[i] - went[i-5]; d < time.Minute {
				t.Errorf("frames %d to %d went within %v", i-4, i+1, d)
			}
		}
		if got := l.at(typing("C1")); got != went[len(went)-1] {
			t.Errorf("typing, which is no message, went at %v", got)
		}
	})
}

func TestConnectionsAreCountedApartAndChannelsAreNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLine(t, &rtm.Options{Burst: 1})
		another := *l
		another.Pacer = rtm.New(l.reg, slack.New(nil).Posts(t.Context(), "xoxb-1"), &rtm.Options{Burst: 1})
		stranger := *l
		stranger.Pacer = rtm.New(l.reg, slack.New(nil).Posts(t.Context(), "xoxb-2"), nil)
		unbound := *l
		unbound.Pacer = rtm.New(l.reg, nil, nil)
		for _, test := range []struct {
			l       *line
			channel string
			want    time.Duration
		}{
			{l, "C1", 0},
			{&another, "C2", 0},
			{&stranger, "C1", 0}, // whose C1 is another
			{&unbound, "C1", 0},
			{&another, "C1", 1 * s},
			{l, "C3", 1 * s},
			{l, "C1", 2 * s},
		} {
			if got := test.l.at(message(test.channel)); got != test.want {
				t.Errorf("to %s it went at %v, want %v", test.channel, got, test.want)
			}
		}
	})
}

func TestATypingIndicatorIsDroppedForThreeSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLine(t, nil)
		for _, test := range []struct {
			at      time.Duration
			channel string
			err     error
		}{
			{0, "C1", nil},
			{0, "C1", rtm.ErrDrop},
			{0, "C2", nil},
			{1 * s, "C1", rtm.ErrDrop},
			{3*s - 1, "C1", rtm.ErrDrop},
			{3 * s, "C1", nil}, // what was dropped did not count
			{5 * s, "C2", nil},
			{6*s - 1, "C1", rtm.ErrDrop},
			{6 * s, "C1", nil},
		} {
			<-time.After(test.at - time.Since(l.start))
			if err := l.Wait(t.Context(), []byte(typing(test.channel))); err != test.err { //nolint:errorlint // itself
				t.Errorf("at %v for %s: got %v, want %v", test.at, test.channel, err, test.err)
			}
			if got := time.Since(l.start); got != test.at {
				t.Errorf("it waited until %v, want %v", got, test.at)
			}
		}
		l.Reset()
		if err := l.Wait(t.Context(), []byte(typing("C1"))); err != nil {
			t.Errorf("on a new connection: %v", err)
		}
		l.quiet()
	})
}

func TestATypingIndicatorThatWaitsForTheConnectionCountsFromWhenItGoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLine(t, &rtm.Options{Every: 2 * s, Burst: 1})
		l.at(message("C1"))
		went := make(chan time.Duration)
		go func() { went <- l.at(typing("C1")) }()
		synctest.Wait()
		if err := l.Wait(t.Context(), []byte(typing("C1"))); err != rtm.ErrDrop { //nolint:errorlint // itself
			t.Errorf("while one waits: %v", err)
		}
		if got := <-went; got != 2*s {
			t.Errorf("it went at %v", got)
		}
		for _, test := range []struct {
			at  time.Duration
			err error
		}{{2 * s, rtm.ErrDrop}, {4 * s, rtm.ErrDrop}, {5*s - 1, rtm.ErrDrop}, {5 * s, nil}} {
			<-time.After(test.at - time.Since(l.start))
			if err := l.Wait(t.Context(), []byte(typing("C1"))); err != test.err { //nolint:errorlint // itself
				t.Errorf("at %v: got %v, want %v", test.at, err, test.err)
			}
		}
		l.quiet()
	})
}

func TestATypingIndicatorTakesNothingThatChannelsAllow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLine(t, nil)
		l.at(typing("C1"))
		if got := l.at(message("C1")); got != 0 {
			t.Errorf("a message after it went at %v", got)
		}
		if got := l.at(message("C2")); got != 0 {
			t.Errorf("the next at %v", got)
		}
		if got := l.at(message("C3")); got != 1*s {
			t.Errorf("the fourth frame went at %v", got)
		}
	})
}

func TestAPingNeverWaitsAndCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLine(t, &rtm.Options{Burst: 1})
		l.at(message("C1"))
		went := make(chan time.Duration)
		go func() { went <- l.at(message("C2")) }()
		synctest.Wait()
		for range 2 {
			if got := l.at(ping); got != 0 {
				t.Errorf("a ping went at %v", got)
			}
		}
		if got := <-went; got != 3*s {
			t.Errorf("the message that waited went at %v, want 3s: after the pings", got)
		}

		l.Penalize()
		l.Hold()
		if got := l.at(ping); got != 3*s {
			t.Errorf("when nobody else may go, a ping went at %v", got)
		}
		l.Reset()
		l.quiet()
	})
}

func TestATooLargeFrameTakesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLine(t, &rtm.Options{Burst: 1})
		of := func(n int) []byte {
			frame := message("C1")
			return []byte(strings.Replace(frame, "hello", strings.Repeat("x", n-len(frame)+len("hello")), 1))
		}
		if err := l.Wait(t.Context(), of(16_385)); err != rtm.ErrFrameTooLarge { //nolint:errorlint // itself
			t.Errorf("got %v", err)
		}
		if err := l.WaitMessage(t.Context(), "C1", 16_385); err != rtm.ErrFrameTooLarge { //nolint:errorlint // itself
			t.Errorf("of a size: got %v", err)
		}
		if n := len(l.reg.Stats().Providers); n != 0 {
			t.Errorf("buckets of %d providers were touched", n)
		}
		if err := l.Wait(t.Context(), of(16_384)); err != nil || time.Since(l.start) != 0 {
			t.Errorf("the largest: %v after %v", err, time.Since(l.start))
		}
		if err := l.WaitMessage(t.Context(), "C1", 16_384); err != nil || time.Since(l.start) != 1*s {
			t.Errorf("of a size, the largest: %v after %v", err, time.Since(l.start))
		}
	})
}

func TestFramesThatMakeNoSenseArePacedAsWell(t *testing.T) {
	for _, frame := range []string{
		"", "{", "null", "[]", "\xff", `{"type":7}`, `{"type":"presence_sub","ids":["U1"]}`, `{"type":"message"}`,
		`{"type":"message","channel":7}`, `{"type":"message","channel":"` + strings.Repeat("C", 5000) + `"}`,
		`{"type":"typing"}`, `{"type":"typing","channel":"\u0000"}`,
	} {
		synctest.Test(t, func(t *testing.T) {
			l := newLine(t, &rtm.Options{Burst: 1})
			if first, second := l.at(frame), l.at(frame); first != 0 || second != 1*s {
				t.Errorf("%.40q went at %v and at %v", frame, first, second)
			}
			l.quiet()
		})
	}
}

func TestTooFastDoublesTheWaitUpToAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLine(t, nil)
		for _, want := range []time.Duration{1 * s, 2 * s, 4 * s, 8 * s, 16 * s, 32 * s, 60 * s, 60 * s} {
			before := l.at(message("C1"))
			l.Observe([]byte(slow))
			l.Observe([]byte(slow)) // of the frame before: it is the same wait
			if got := l.at(message("C2")) - before; got != want {
				t.Errorf("it went after %v, want %v", got, want)
			}
		}
		l.Observe([]byte(done))
		before := time.Since(l.start)
		l.Observe([]byte(slow))
		l.Observe([]byte(done)) // of the frame before
		if got := l.at(message("C1")) - before; got != 1*s {
			t.Errorf("once Slack took a message, it went after %v", got)
		}
		l.quiet()
	})
}

func TestOnlyWhatSaysSoIsTooFast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for frame, want := range map[string]time.Duration{
			slow: 1 * s,
			`{"ok":false,"error":{"code":7,"msg":"Too many requests"}}`: 1 * s,
			`{"ok":false,"error":"slow down"}`:                          1 * s,

			`{"ok":false,"reply_to":1,"error":{"code":2,"msg":"message text is missing"}}`: 0,
			`{"ok":false,"error":{"code":-1}}`:                                             0,
			`{"ok":false,"error":[]}`:                                                      0,
			`{"ok":false}`:                                                                 0,
			`{"ok":"false","error":"slow down"}`:                                           0,
			`{"type":"message","text":"slow down, too many messages..."}`:                  0,
			`{"type":"error","error":{"code":1,"msg":"Socket URL has expired"}}`:           0,
			`{"type":"message","text":"goodbye"}`:                                          0,
			done:                                                                           0, "": 0, "null": 0, "{": 0,
			`{"ok":false,"error":"slow down` + strings.Repeat(" ", 64<<10) + `"}`: 0, // no answer is that long
		} {
			l := newLine(t, nil)
			l.Observe([]byte(frame))
			if got := l.at(message("C1")); got != want {
				t.Errorf("after %.60s a message went at %v, want %v", frame, got, want)
			}
		}
	})
}

func TestAGoodbyeHoldsWritesUntilTheNextConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLine(t, nil)
		l.at(message("C1"))
		l.Observe([]byte(`{"type":"goodbye"}`))
		l.Observe([]byte(`{"type":"goodbye"}`))
		var mu sync.Mutex
		went := map[string]time.Duration{}
		var all sync.WaitGroup
		for _, frame := range []string{message("C1"), message("C2"), typing("C3")} {
			all.Go(func() {
				at := l.at(frame)
				mu.Lock()
				defer mu.Unlock()
				went[frame] = at
			})
			synctest.Wait()
		}
		hurried, cancel := context.WithTimeout(t.Context(), 3*s) // who knows when the next connection comes
		defer cancel()
		err := l.Wait(hurried, []byte(message("C4")))
		if wait, ok := errors.AsType[*bucket.WaitError](err); !ok || !wait.Timeout() || time.Since(l.start) != 3*s {
			t.Errorf("got %v after %v", err, time.Since(l.start))
		}
		<-time.After(7 * s)
		synctest.Wait()
		if len(went) != 0 {
			t.Errorf("while it was held: %v", went)
		}
		l.Reset()
		all.Wait()
		if want := map[string]time.Duration{
			message("C1"): 10 * s, message("C2"): 10 * s, typing("C3"): 10 * s,
		}; !maps.Equal(went, want) {
			t.Errorf("they went at %v, want %v", went, want)
		}
		l.Reset()
		if got := l.at(message("C5")); got != 11*s {
			t.Errorf("the fourth frame went at %v: a new connection makes no room", got)
		}
		l.quiet()
	})
}

func TestATypingIndicatorThatWaitedForAConnectionCountsThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLine(t, nil)
		l.Hold()
		went := make(chan time.Duration)
		go func() { went <- l.at(typing("C1")) }()
		synctest.Wait()
		<-time.After(5 * s)
		l.Reset()
		if err := l.Wait(t.Context(), []byte(typing("C1"))); err != rtm.ErrDrop { //nolint:errorlint // itself
			t.Errorf("while one is about to go: %v", err)
		}
		if got := <-went; got != 5*s {
			t.Errorf("it went at %v", got)
		}
		<-time.After(3*s - 1)
		if err := l.Wait(t.Context(), []byte(typing("C1"))); err != rtm.ErrDrop { //nolint:errorlint // itself
			t.Errorf("less than three seconds later: %v", err)
		}
		<-time.After(1)
		if got := l.at(typing("C1")); got != 8*s {
			t.Errorf("the next went at %v", got)
		}
		l.quiet()
	})
}

func TestANewConnectionMakesNoRoomInChannels(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLine(t, nil)
		l.at(message("C1"))
		l.Observe([]byte(`{"type":"goodbye"}`))
		l.Reset()
		if got := l.at(message("C1")); got != 1*s {
			t.Errorf("the second message went at %v", got)
		}
		l.Penalize()
		l.Reset()
		if got := l.at(message("C2")); got != 2*s {
			t.Errorf("after one that was too fast, it went at %v", got)
		}
	})
}

func TestWhoGivesUpLeavesNoTrace(t *testing.T) {
	for name, frame := range map[string]string{"a message": message("C1"), "typing": typing("C1"), "another": "{}"} {
		synctest.Test(t, func(t *testing.T) {
			l := newLine(t, &rtm.Options{Burst: 1})
			l.at(message("C9"))
			ctx, cancel := context.WithCancel(t.Context())
			defer time.AfterFunc(s/2, cancel).Stop()
			if err := l.Wait(ctx, []byte(frame)); !errors.Is(err, context.Canceled) || time.Since(l.start) != s/2 {
				t.Errorf("%s: got %v after %v", name, err, time.Since(l.start))
			}
			if err := l.Wait(ctx, []byte(frame)); !errors.Is(err, context.Canceled) {
				t.Errorf("%s, once more: got %v", name, err)
			}
			hurried, cancel := context.WithTimeout(t.Context(), s/2-1)
			defer cancel()
			err := l.Wait(hurried, []byte(frame))
			if !errors.Is(err, context.DeadlineExceeded) || time.Since(l.start) != s/2 {
				t.Errorf("%s, without the time: got %v after %v", name, err, time.Since(l.start))
			}
			l.quiet()
			if got := l.at(frame); got != 1*s {
				t.Errorf("%s: the next went at %v", name, got)
			}
			l.quiet()
		})
	}
}

func TestAChannelTakesOneASecondFromBothSidesTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := slacktest.NewServer(&slacktest.Options{Uplink: 40 * ms, Downlink: 40 * ms})
		defer fake.Close()
		p := slack.New(nil)
		var mu sync.Mutex
		var arrived []time.Duration // at Slack, by either way, 40 ms after they left
		start := time.Now()
		note := func() {
			mu.Lock()
			defer mu.Unlock()
			arrived = append(arrived, time.Since(start)+40*ms)
		}
		limits := transport.New(p, &transport.Options{Base: noting{fake.Transport(), note}})
		pacer := rtm.New(limits.Buckets(), p.Posts(t.Context(), "xoxb-1"), nil)
		client := &http.Client{Transport: limits}

		const each = 30
		var all sync.WaitGroup
		all.Go(func() {
			for range each {
				post(t, client, "C1")
			}
		})
		synctest.Wait()
		all.Go(func() {
			for range each {
				if err := pacer.Wait(t.Context(), []byte(message("C1"))); err != nil {
					t.Error(err)
				}
				note()
			}
		})
		all.Wait()
		if len(arrived) != 2*each {
			t.Fatalf("%d messages arrived", len(arrived))
		}
		for i := 1; i < len(arrived); i++ {
			// At first a message keeps its distance from the answer to the post before: how long one takes is not known.
			if d := arrived[i] - arrived[i-1]; d < 1*s || d > 1*s && i >= 10 {
				t.Errorf("message %d came %v after the one before", i+1, d)
			}
		}
		if report := fake.Report(); report.OK != each || report.Refused != 0 || report.ViolationCount != 0 {
			t.Errorf("of the posts %d were taken and %d refused; %v", report.OK, report.Refused, report.Violations)
		}
	})
}

func TestWhatIsReadTellsNothingOfHowLongPostsTake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := slacktest.NewServer(&slacktest.Options{Uplink: 40 * ms, Downlink: 40 * ms})
		defer fake.Close()
		p := slack.New(nil)
		var sent []time.Duration
		start := time.Now()
		limits := transport.New(p, &transport.Options{Base: noting{fake.Transport(), func() {
			sent = append(sent, time.Since(start))
		}}})
		pacer := rtm.New(limits.Buckets(), p.Posts(t.Context(), "xoxb-1"), nil)
		for range 30 {
			post(t, &http.Client{Transport: limits}, "C1")
			pacer.Observe([]byte(done))
			if err := pacer.Wait(t.Context(), []byte(ping)); err != nil {
				t.Error(err)
			}
		}
		for i := 10; i < len(sent); i++ { // by then it is known that they take as long as one another
			if d := sent[i] - sent[i-1]; d != 1*s {
				t.Errorf("post %d left %v after the one before", i+1, d)
			}
		}
	})
}

func post(t *testing.T, client *http.Client, channel string) {
	t.Helper()
	form := url.Values{"token": {"xoxb-1"}, "channel": {channel}, "text": {"by HTTP"}}
	resp, err := client.PostForm("https://slack.com/api/chat.postMessage", form)
	if err != nil {
		t.Error(err)
		return
	}
	_ = resp.Body.Close()
}

// noting is a base transport that notes when a request is sent.
type noting struct {
	http.RoundTripper

	note func()
}

func (n noting) RoundTrip(req *http.Request) (*http.Response, error) {
	n.note()
	return n.RoundTripper.RoundTrip(req)
}

func TestARefusedPostHoldsTheChannelsFramesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := slack.New(nil)
		refuse := func(*http.Request) (*http.Response, error) {
			h := http.Header{"Retry-After": {"7"}}
			return &http.Response{StatusCode: 429, Header: h, Body: http.NoBody}, nil
		}
		limits := transport.New(p, &transport.Options{Base: base(refuse), MaxAttempts: 1})
		pacer := rtm.New(limits.Buckets(), p.Posts(t.Context(), "xoxb-1"), nil)
		start := time.Now()
		post(t, &http.Client{Transport: limits}, "C1")
		for _, test := range []struct {
			channel string
			want    time.Duration
		}{{"C2", 0}, {"C1", 7 * s}} {
			if err := pacer.Wait(t.Context(), []byte(message(test.channel))); err != nil {
				t.Fatal(err)
			}
			if got := time.Since(start); got != test.want {
				t.Errorf("a frame to %s went at %v, want %v", test.channel, got, test.want)
			}
		}
	})
}

type base func(*http.Request) (*http.Response, error)

func (b base) RoundTrip(req *http.Request) (*http.Response, error) { return b(req) }

func TestManyGoroutinesMayWriteReadAndReconnectAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLine(t, nil)
		var mu sync.Mutex
		var went []time.Duration
		var all sync.WaitGroup
		for i := range 20 {
			all.Go(func() {
				for range 10 {
					at := l.at(message(fmt.Sprint("C", i)))
					mu.Lock()
					went = append(went, at)
					mu.Unlock()
					if i == 0 {
						l.Hold()
						<-time.After(s / 2)
						l.Reset()
					}
					l.Observe([]byte(done))
				}
			})
			all.Go(func() {
				err := l.Wait(t.Context(), []byte(typing("C1")))
				if err != nil && err != rtm.ErrDrop { //nolint:errorlint // itself
					t.Error(err)
				}
			})
		}
		all.Wait()
		slices.Sort(went)
		for i := 3; i < len(went); i++ {
			if d := went[i] - went[i-3]; d < 1*s {
				t.Fatalf("frames %d to %d went within %v", i-2, i+1, d)
			}
		}
		l.quiet()
	})
}
