package discordload

import (
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	discordlimits "github.com/underlimit/underlimit/providers/discord"
	"github.com/underlimit/underlimit/providers/discord/discordtest"
)

// Calls are what an SDK sends in trials.
type Calls struct {
	Send   func(channel, text string) error
	Edit   func(channel, message, text string) error
	Read   func(channel string) error // a channel's messages
	Rename func(channel, name string) error
	Slow   func(channel string, seconds int) error // changes a channel, but not its name
	Delete func(channel, message string) error

	Execute func(webhook, token, text string) error
	Hook    func(webhook, token, text string) error // by the URL that Discord shows, which has no version

	Respond  func(interaction, token string) error       // the first answer, which is due within three seconds
	FollowUp func(application, token, text string) error // a later one
}

// A Trialist is an SDK that goes through our transport with a provider of these options, and then to base.
type Trialist func(base http.RoundTripper, o *discordlimits.Options) (Calls, error)

// A trial is something hard that an SDK has to get through.
type trial struct {
	name    string
	options discordtest.Options
	invalid int // Options.InvalidPer10Minutes of the provider
	lines   []line

	refused int // at most: one for each hidden limit, or what was on its way
	failed  int // calls that end in an error
	lost    int // of these, those that were not processed
	wrong   int // of these, those that should not have been made: no limit says so, but the answers
}

// A line is a goroutine that makes calls one after the other.
type line struct {
	n    int
	call func(c Calls, i int) error
	by   time.Duration // when the last is answered at the latest
	from time.Duration // and at the earliest
}

// Trials has an SDK get through all that is hard. It fails the test unless nothing is refused but what nobody could
// know, and everything is delivered that may be: once, in order, and in time. begin is called before each trial, outside
// of its bubble.
func Trials(t *testing.T, alone bool, begin func() Trialist) {
	t.Helper()
	for i, named := range trials(alone) {
		t.Run(named.name, func(t *testing.T) {
			sdk := begin()
			synctest.Test(t, func(t *testing.T) {
				<-time.NewTimer(time.Until(today)).C
				trials(alone)[i].run(t, sdk)
			})
		})
	}
}

// today is when trials take place. A bubble begins in a year that ids of Discord's cannot tell.
var today = time.Date(2026, time.May, 23, 12, 0, 0, 0, time.UTC)

func (tr *trial) run(t *testing.T, sdk Trialist) {
	t.Helper()
	tr.options.Uplink, tr.options.Downlink, tr.options.Line = uplink, downlink, Line
	fake := discordtest.NewServer(&tr.options)
	defer fake.Close()
	calls, err := sdk(fake.Transport(), &discordlimits.Options{
		OmitAuthorization: true, InvalidPer10Minutes: tr.invalid,
	})
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	var wg sync.WaitGroup
	var mu sync.Mutex
	failed, errs := 0, map[string]int{}
	want := -tr.lost
	for _, l := range tr.lines {
		want += l.n
		wg.Go(func() {
			for i := range l.n {
				if err := l.call(calls, i); err != nil {
					mu.Lock()
					failed++
					errs[err.Error()]++
					mu.Unlock()
				}
			}
			if took := time.Since(start); took < l.from || took > l.by {
				t.Errorf("a line took %v, want from %v to %v", took, l.from, l.by)
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
	t.Logf("refused %v, failed %v, took %v", r.RefusedBy, errs, time.Since(start))
	if failed != tr.failed || r.Refused > tr.refused || r.ViolationCount != tr.wrong || r.Inversions != 0 {
		t.Errorf("%d failed, %v refused, violations %v, inversions %d; want %d, at most %d, %d, 0",
			failed, r.RefusedBy, r.Violations, r.Inversions, tr.failed, tr.refused, tr.wrong)
	}
	if r.OK < want || once != r.OK {
		t.Errorf("%d processed, %d of them different, want %d", r.OK, once, want)
	}
}
