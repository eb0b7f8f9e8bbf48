package demo

import (
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"
)

// A Snapshot is how the races stand.
type Snapshot []Standing

// A Standing is how one race stands.
type Standing struct {
	API         string
	Calls       int
	Best        time.Duration // what a client would need that knows everything
	Plain, Ours Progress
}

// Progress is how far one client has come.
type Progress struct {
	Answered, Refused, Failed int
	Took                      time.Duration // 0: it still runs
}

// Snapshot returns how the races stand now.
func (s *Show) Snapshot() Snapshot {
	var snap Snapshot
	for _, r := range s.races {
		snap = append(snap, Standing{
			API: r.api, Calls: len(r.calls), Best: r.best, Plain: r.lanes[plain].progress(), Ours: r.lanes[ours].progress(),
		})
	}
	return snap
}

func (l *lane) progress() Progress {
	return Progress{
		Answered: int(l.answered.Load()),
		Refused:  l.fake.Report().Refused,
		Failed:   int(l.failed.Load()),
		Took:     time.Duration(l.took.Load()),
	}
}

// A Style is how a view is drawn. The zero Style draws in black and white, as narrow as it can.
type Style struct {
	Width int
	Color bool
}

const (
	red   = "\x1b[31m"
	green = "\x1b[32m"
	reset = "\x1b[0m"
)

func (st Style) color(code, s string) string {
	if !st.Color {
		return s
	}
	return code + s + reset
}

const (
	besideBar = 54 // what a line of a view takes beside its bar
	leastBar  = 4  // the width of the narrowest bar
)

// MinWidth is the width that a view takes at least.
const MinWidth = besideBar + leastBar

// View draws a snapshot as lines, two for each race. None is wider than the Style's Width, or than MinWidth.
func View(snap Snapshot, st Style) []string {
	var lines []string
	for _, s := range snap {
		lines = append(lines, st.line(s.API, "plain", s.Calls, s.Plain), st.line("", "underlimit", s.Calls, s.Ours))
	}
	return lines
}

func (st Style) line(api, client string, calls int, p Progress) string {
	width := min(max(st.Width-besideBar, leastBar), 60)
	good := width * (p.Answered - p.Failed) / calls
	bad := width*p.Answered/calls - good
	bar := st.color(green, strings.Repeat("█", good)) + st.color(red, strings.Repeat("▒", bad)) +
		strings.Repeat("·", width-good-bad)
	refused := fmt.Sprintf("%4d refused", p.Refused)
	if p.Refused > 0 {
		refused = st.color(red, refused)
	}
	took := ""
	if p.Took > 0 {
		took = seconds(p.Took)
	}
	return strings.TrimRight(fmt.Sprintf("%-9s %-10s %s %4d/%-4d %s %8s", api, client, bar, p.Answered, calls, refused, took), " ")
}

// Line tells a snapshot in one line.
func Line(snap Snapshot) string {
	var parts []string
	for _, s := range snap {
		parts = append(parts, fmt.Sprintf("%s: plain %d/%d, %d refused; underlimit %d/%d, %d refused",
			s.API, s.Plain.Answered, s.Calls, s.Plain.Refused, s.Ours.Answered, s.Calls, s.Ours.Refused))
	}
	return strings.Join(parts, " | ")
}

// Table is the closing table.
func Table(snap Snapshot) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "API\tclient\tcalls\trefused by the server\tfailed\ttime\tat best\ttime / best\t")
	for _, s := range snap {
		row(w, s.API, "plain", s.Calls, s.Plain, "", "")
		row(w, s.API, "underlimit", s.Calls, s.Ours, seconds(s.Best), fmt.Sprintf("%.3f", float64(s.Ours.Took)/float64(s.Best)))
	}
	_ = w.Flush() // a strings.Builder takes everything
	return b.String()
}

func row(w *tabwriter.Writer, api, client string, calls int, p Progress, best, ratio string) {
	fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%d\t%s\t%s\t%s\t\n", api, client, calls, p.Refused, p.Failed, seconds(p.Took), best, ratio)
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.2f s", d.Seconds()) }

// Check returns an error unless underlimit's side of every race had all its calls processed and none refused.
func Check(snap Snapshot) error {
	var errs []error
	for _, s := range snap {
		if s.Ours.Refused > 0 || s.Ours.Failed > 0 || s.Ours.Answered < s.Calls {
			errs = append(errs, fmt.Errorf("%s: of underlimit's %d calls %d were answered, %d refused, %d failed",
				s.API, s.Calls, s.Ours.Answered, s.Ours.Refused, s.Ours.Failed))
		}
	}
	if len(errs) > 0 {
		errs = append(errs, errors.New("the demo takes real time: other work on this machine may have held requests up"))
	}
	return errors.Join(errs...)
}
