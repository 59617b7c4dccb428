package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"workbench/exercises/grade"
	"workbench/lab/scenario"
)

// barWidth is the bar's length in characters.
const barWidth = 30

// bar draws how far a run is, in one line that it overwrites. A nil bar draws
// nothing.
type bar struct {
	w     io.Writer
	name  string
	drawn bool
}

// bar returns a progress bar on stderr, or nil when that is not a terminal.
func (p *program) bar(name string) *bar {
	f, ok := p.err.(*os.File)
	if !ok {
		return nil
	}
	if info, err := f.Stat(); err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return nil
	}
	return &bar{w: f, name: name}
}

// update is a watcher.
func (b *bar) update(elapsed, total time.Duration, point scenario.Point) {
	if b == nil || total <= 0 {
		return
	}
	share := min(1, max(0, float64(elapsed)/float64(total)))
	done := int(share * barWidth)
	goodput := 0.0
	if point.Offered > 0 {
		goodput = min(1, point.Good/point.Offered)
	}
	fmt.Fprintf(b.w, "\r%s [%s%s] %3.0f s of %.0f, goodput %3.0f %% \x1b[K", b.name,
		strings.Repeat("=", done), strings.Repeat(" ", barWidth-done), elapsed.Seconds(), total.Seconds(), 100*goodput)
	b.drawn = true
}

// end removes the bar.
func (b *bar) end() {
	if b != nil && b.drawn {
		fmt.Fprint(b.w, "\r\x1b[K")
		b.drawn = false
	}
}

// step shows what an attempt at an exercise is doing.
func (b *bar) step(e grade.Event) {
	if b == nil {
		return
	}
	text := e.Text
	switch e.Stage {
	case "run":
		text = fmt.Sprintf("run %d of %d", e.Run, e.Runs)
	case "test":
		text = fmt.Sprintf("run %d of %d: %s", e.Run, e.Runs, e.Test)
	}
	fmt.Fprintf(b.w, "\r%s: %s \x1b[K", b.name, text)
	b.drawn = true
}
