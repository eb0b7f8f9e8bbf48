package demo_test

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/underlimit/underlimit/cmd/underlimit/internal/demo"
)

func snapshot() demo.Snapshot {
	return demo.Snapshot{{
		API: "Slack", Calls: 200, Best: 19 * time.Second,
		Plain: demo.Progress{Answered: 200, Refused: 150, Failed: 150, Took: 310 * time.Millisecond},
		Ours:  demo.Progress{Answered: 50},
	}}
}

func TestTheViewShowsBothClientsAsBars(t *testing.T) {
	t.Parallel()
	want := []string{
		"Slack     plain      ███▒▒▒▒▒▒▒▒▒▒▒  200/200   150 refused   0.31 s",
		"          underlimit ███···········   50/200     0 refused",
	}
	got := demo.View(snapshot(), demo.Style{Width: 68})
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestNoLineOfTheViewIsWiderThanTheTerminal(t *testing.T) {
	t.Parallel()
	most := demo.Progress{Answered: 9999, Refused: 9999, Failed: 1, Took: 999 * time.Second}
	snap := demo.Snapshot{{API: "Intercom", Calls: 9999, Plain: most, Ours: most}}
	for _, width := range []int{0, demo.MinWidth, demo.MinWidth + 1, 80} {
		for _, line := range demo.View(snap, demo.Style{Width: width}) {
			if got := utf8.RuneCountInString(line); got > max(width, demo.MinWidth) {
				t.Errorf("in a terminal of %d a line of %d: %s", width, got, line)
			}
		}
	}
}

func TestTheViewHasColorsOnlyIfAskedFor(t *testing.T) {
	t.Parallel()
	for _, color := range []bool{false, true} {
		view := strings.Join(demo.View(snapshot(), demo.Style{Width: 80, Color: color}), "\n")
		if got := strings.Contains(view, "\x1b["); got != color {
			t.Errorf("with Color %v: escape sequences: %v", color, got)
		}
	}
}

func TestALineTellsASnapshot(t *testing.T) {
	t.Parallel()
	want := "Slack: plain 200/200, 150 refused; underlimit 50/200, 0 refused"
	if got := demo.Line(snapshot()); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestTheTableComparesWithTheBestPossible(t *testing.T) {
	t.Parallel()
	snap := snapshot()
	snap[0].Ours = demo.Progress{Answered: 200, Took: 19*time.Second + 190*time.Millisecond}
	want := strings.Join([]string{
		"    API      client  calls  refused by the server  failed     time  at best  time / best",
		"  Slack       plain    200                    150     150   0.31 s                      ",
		"  Slack  underlimit    200                      0       0  19.19 s  19.00 s        1.010",
		"",
	}, "\n")
	if got := demo.Table(snap); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestTheDemoFailsIfUnderlimitIsRefusedOrLosesACall(t *testing.T) {
	t.Parallel()
	fine := demo.Progress{Answered: 200, Took: time.Second}
	for name, tt := range map[string]struct {
		ours demo.Progress
		ok   bool
	}{
		"all well":     {fine, true},
		"one refused":  {demo.Progress{Answered: 200, Refused: 1}, false},
		"one failed":   {demo.Progress{Answered: 200, Failed: 1}, false},
		"one missing":  {demo.Progress{Answered: 199}, false},
		"nothing done": {demo.Progress{}, false},
	} {
		snap := snapshot()
		snap[0].Ours = tt.ours
		if err := demo.Check(snap); (err == nil) != tt.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}
