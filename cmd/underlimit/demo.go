package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/underlimit/underlimit/cmd/underlimit/internal/demo"
)

func newDemo() *cobra.Command {
	var listen string
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Race a plain client against underlimit on strict fakes of three APIs",
		Long: `Starts strict fakes of Slack, Discord and Intercom on loopback addresses and sends the same calls to each twice,
through a plain client and through underlimit, side by side. It needs no network and no server, takes about 20
seconds, and fails if underlimit had a single call refused or lost.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runDemo(cmd, listen)
		},
	}
	cmd.Flags().StringVar(&listen, "listen", "127.0.0.1:0", "address that serves /metrics while the demo runs")
	return cmd
}

func runDemo(cmd *cobra.Command, listen string) error {
	out := cmd.OutOrStdout()
	show := demo.NewShow()
	defer show.Close()
	url, stop, err := show.ServeMetrics(listen)
	if err != nil {
		return err
	}
	defer stop()
	fmt.Fprintf(out, "Metrics while this runs: %s\n\n", url)

	screen := newScreen(out)
	done := show.Start(cmd.Context())
	ticker := time.NewTicker(screen.every)
	defer ticker.Stop()
	for running := true; running; {
		select {
		case <-ticker.C:
		case <-done:
			running = false
		}
		screen.draw(show.Snapshot())
	}
	if err := cmd.Context().Err(); err != nil {
		return err
	}
	last := show.Snapshot()
	fmt.Fprintf(out, "\n%s", demo.Table(last))
	return demo.Check(last)
}

// A screen shows snapshots: on a terminal that is wide enough one over the other, else as a line each.
type screen struct {
	out   io.Writer
	every time.Duration
	live  bool // it is a terminal that can move its cursor, and as wide as the view
	style demo.Style
	lines int // drawn last
}

func newScreen(out io.Writer) *screen {
	s := &screen{out: out, every: time.Second}
	f, ok := out.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) || os.Getenv("TERM") == "dumb" {
		return s
	}
	s.style = demo.Style{Width: 80, Color: os.Getenv("NO_COLOR") == ""}
	if width, _, err := term.GetSize(int(f.Fd())); err == nil && width > 0 {
		s.style.Width = width
	}
	if s.style.Width >= demo.MinWidth { // a line that the terminal breaks would be two to move over
		s.live, s.every = true, 200*time.Millisecond
	}
	return s
}

// up moves the cursor to the start of the line n lines above, and clears from there to the end.
const up = "\x1b[%dF\x1b[J"

func (s *screen) draw(snap demo.Snapshot) {
	if !s.live {
		fmt.Fprintln(s.out, demo.Line(snap))
		return
	}
	if s.lines > 0 {
		fmt.Fprintf(s.out, up, s.lines)
	}
	view := demo.View(snap, s.style)
	for _, line := range view {
		fmt.Fprintln(s.out, line)
	}
	s.lines = len(view)
}
