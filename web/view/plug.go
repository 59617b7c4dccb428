package view

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"workbench/lab"
	"workbench/lab/beside"
	"workbench/lab/live"
)

// Plug is the part of an exercise's page about its answer in the lab.
type Plug struct {
	Pattern, Title string
	Plugged        bool
	Again          string  // what has become of it since the workbench was started again; empty: nothing to say
	Compared       *Beside // nil: not yet
}

// PlugOf makes it.
func PlugOf(p lab.Pattern, plugged bool) Plug {
	return Plug{Pattern: p.Name, Title: p.Title, Plugged: plugged}
}

// yoursOf says how a plugged-in answer fares that decides now; empty: none does.
// panel.js writes the same sentence.
func yoursOf(p live.PatternState) string {
	if p.State != lab.Yours {
		return p.Remark
	}
	gauges := map[string]lab.Gauge{}
	for _, g := range p.Gauges {
		gauges[g.Name] = g
	}
	if g := gauges[lab.GaugeGuard]; g.Value > 0 {
		return "yours: " + g.Text
	}
	n := p.Counters
	return fmt.Sprintf("yours: %d decisions in %d frames, 99 in 100 within %.1f ms, ours stood in for %d",
		n[lab.EventDecisions], n[lab.EventBatches], 1000*gauges["yours_p99_seconds"].Value, n[lab.EventFallbacks])
}

// Beside is one comparison: a column each for no pattern, ours and yours.
type Beside struct {
	Setting, Measured string
	Heads             []string
	Rows              []BesideRow
	Curves            []BesideCurve
	Most              string // what the top of the picture stands for
	Text              string // the picture in words
	Warnings          []string
}

// BesideRow is one figure of all columns.
type BesideRow struct {
	Name  string
	Cells []string
}

// BesideCurve is one line of the picture, 300 by 80.
type BesideCurve struct{ Class, Points string }

const (
	besideWidth  = 300
	besideHeight = 80
)

// lagWorth is the lag of the sender from which a reader should distrust the
// figures.
const lagWorth = 20 * time.Millisecond

// BesideOf makes a comparison.
func BesideOf(r beside.Result) *Beside {
	v := &Beside{
		Setting:  r.Setting,
		Measured: fmt.Sprintf("Measured on this machine, all three at once: %v of the same arrivals, seed %d. In time means within %v.", r.Duration, r.Seed, r.Patience),
	}
	heads := map[lab.State]string{lab.Off: "without", lab.On: "ours", lab.Yours: "yours"}
	row := func(name string, cell func(c beside.Column) string) {
		cells := BesideRow{Name: name}
		for _, c := range r.Columns {
			cells.Cells = append(cells.Cells, cell(c))
		}
		v.Rows = append(v.Rows, cells)
	}
	count := func(of func(c beside.Column) int) func(c beside.Column) string {
		return func(c beside.Column) string { return strconv.Itoa(of(c)) }
	}
	spell := func(of func(c beside.Column) time.Duration) func(c beside.Column) string {
		return func(c beside.Column) string { return Millis(float64(of(c)) / float64(time.Millisecond)) }
	}
	row("requests", count(func(c beside.Column) int { return c.Offered }))
	row("answered in time", count(func(c beside.Column) int { return c.Good }))
	row("answered too late", count(func(c beside.Column) int { return c.Late }))
	row("admitted", count(func(c beside.Column) int { return c.Offered - c.Refused }))
	row("refused by the pattern", count(func(c beside.Column) int { return c.Refused }))
	row("failed behind it", count(func(c beside.Column) int { return c.Failed }))
	row("median of the answers", spell(func(c beside.Column) time.Duration { return c.P50 }))
	row("99 in 100 answers within", spell(func(c beside.Column) time.Duration { return c.P99 }))
	for _, c := range r.Columns {
		v.Heads = append(v.Heads, heads[c.State])
		if c.State != lab.Yours {
			continue
		}
		n := c.Counters
		v.Measured += fmt.Sprintf(" Yours gave %d decisions in %d frames; %d were as ours on the same request, %d were not; ours stood in for %d.",
			n[lab.EventDecisions], n[lab.EventBatches], n[lab.EventAgreed], n[lab.EventDiffered], n[lab.EventFallbacks])
		if c.Guard != "" {
			v.Warnings = append(v.Warnings, "Yours: "+c.Guard+".")
		}
	}
	if r.Lag > lagWorth {
		v.Warnings = append(v.Warnings, fmt.Sprintf("The machine was busy: one arrival in a hundred was sent more than %v late. Distrust these figures.", r.Lag.Round(time.Millisecond)))
	}
	v.draw(r, heads)
	return v
}

// draw makes the picture of the answers in time.
func (v *Beside) draw(r beside.Result, heads map[lab.State]string) {
	most := 1
	for _, c := range r.Columns {
		for _, n := range c.Curve {
			most = max(most, n)
		}
	}
	var words []string
	for _, c := range r.Columns {
		var points []string
		for i, n := range c.Curve {
			x := besideWidth * i / max(1, len(c.Curve)-1)
			points = append(points, fmt.Sprintf("%d,%d", x, besideHeight-besideHeight*n/most))
		}
		v.Curves = append(v.Curves, BesideCurve{Class: "curve-" + c.State.String(), Points: strings.Join(points, " ")})
		words = append(words, fmt.Sprintf("%s %d", heads[c.State], c.Good))
	}
	v.Most = fmt.Sprintf("%d answers in time a second", 10*most)
	v.Text = "Answers in time by the tenth of a second in which the request came; in all: " + strings.Join(words, ", ")
}
