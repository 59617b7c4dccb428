package view

import (
	"fmt"
	"hash/fnv"
	"math"
	"strconv"
	"time"

	"workbench/lab/signal"
	"workbench/sim/stat"
)

// Signals is the page of rates, errors, durations, and of what runs out.
type Signals struct {
	Ops       []SignalRow // the last: all together
	Instances []SignalRow
	Resources []SignalRow
	Spread    []Cell
	Heat      Heat
	Shape     string // changes when the page has other rows
	Slowest   []TraceLine
	Empty     bool
}

// Cell is a figure that is kept up to date under a name.
type Cell struct{ ID, Title, Text string }

// SignalRow is one row of figures.
type SignalRow struct {
	Name  string
	Path  string // traces of it; empty: none
	Cells []Cell
}

// Heat is how long requests took, second by second: darker is more. It is drawn
// like a scope: a mark wanders from left to right and begins anew.
type Heat struct {
	Rows   []string // the bounds, the slowest first
	Cells  []HeatCell
	Cursor string
}

// HeatCell is one cell of the heat map.
type HeatCell struct{ ID, X, Y, Opacity string }

// How the heat map is cut.
const (
	heatColumns = 30
	heatStep    = 2 * time.Second
	heatWidth   = 20
	heatHeight  = 14
)

func heatBounds() []float64 { return []float64{5, 10, 20, 50, 100, 200, 500, 1000, 2000} }

// secondsShown is over how long the rows' figures are taken.
const secondsShown = 10

// SignalsOf makes the page from the last minute's windows, the oldest first.
func SignalsOf(minute []signal.Window) Signals {
	var v Signals
	recent := minute[max(0, len(minute)-secondsShown):]
	sum := signal.Sum(recent)
	v.Empty = len(minute) == 0
	span := max(sum.Span.Seconds(), 1e-9)
	for i, c := range append(sum.Ops, sum.All()) {
		path := "/traces?show=slowest&op=" + c.Name
		if i == len(sum.Ops) {
			path = "/traces?show=slowest"
		}
		v.Ops = append(v.Ops, callRow("o"+strconv.Itoa(i), c, span, path))
	}
	for i, c := range sum.Instances {
		v.Instances = append(v.Instances, callRow("i"+strconv.Itoa(i), c, span, "/traces?show=slowest&instance="+c.Name))
	}
	for i, r := range sum.Resources {
		v.Resources = append(v.Resources, resourceRow("r"+strconv.Itoa(i), r, span))
	}
	s := signal.SpreadOf(minute)
	v.Spread = []Cell{
		{"s0", "mean of all", ms(s.Mean)}, {"s1", "p99 of all together", ms(s.P99)},
		{"s2", "mean of the seconds’ p99s", ms(s.MeanOfP99)}, {"s3", "the worst second’s p99", ms(s.MaxOfP99)}, {"s4", "seconds", strconv.Itoa(s.Windows)},
	}
	v.Heat = heatOf(minute)
	h := fnv.New32a()
	for _, rows := range [][]SignalRow{v.Ops, v.Instances, v.Resources} {
		for _, r := range rows {
			_, _ = h.Write([]byte(r.Name + "|")) // a hash takes everything
		}
	}
	v.Shape = strconv.FormatUint(uint64(h.Sum32()), 36)
	return v
}

func callRow(id string, c signal.Call, span float64, path string) SignalRow {
	all := c.Good() + c.Bad()
	errors := "–"
	if all > 0 {
		errors = stat.Percent(float64(c.Bad())/float64(all), 1)
	}
	return SignalRow{Name: c.Name, Path: path, Cells: []Cell{
		{id + "r", "rate", fmt.Sprintf("%.1f/s", float64(all)/span)}, {id + "e", "errors", errors}, {id + "m", "mean", ms(c.Took.Mean())},
		{id + "5", "p50", ms(c.Took.Quantile(.5))}, {id + "9", "p99", ms(c.Took.Quantile(.99))}, {id + "0", "p99.9", ms(c.Took.Quantile(.999))},
	}}
}

func resourceRow(id string, r signal.Resource, span float64) SignalRow {
	used := "–"
	if r.Used >= 0 {
		used = fmt.Sprintf("%.0f %%", 100*r.Used)
	}
	return SignalRow{Name: r.Kind + " " + r.Name, Cells: []Cell{
		{id + "u", "utilisation", used}, {id + "s", "saturation", fmt.Sprintf("%.0f waiting", r.Waiting)}, {id + "e", "errors", fmt.Sprintf("%.1f/s", float64(r.Errors)/span)},
	}}
}

func ms(v float64) string {
	switch {
	case v == 0:
		return "–"
	case v < 10:
		return fmt.Sprintf("%.1f ms", v)
	case v < 10_000:
		return fmt.Sprintf("%.0f ms", v)
	}
	return fmt.Sprintf("%.1f s", v/1000)
}

// heatOf draws the heat map. A column is two seconds; which one follows from the
// time alone, so that a page that opens late shows what others show.
func heatOf(minute []signal.Window) Heat {
	bounds := heatBounds()
	var h Heat
	for i := len(bounds); i >= 0; i-- {
		if i == len(bounds) {
			h.Rows = append(h.Rows, "more")
			continue
		}
		h.Rows = append(h.Rows, ms(bounds[i]))
	}
	var counts [heatColumns][]float64
	var last time.Duration
	if n := len(minute); n > 0 {
		last = minute[n-1].At
	}
	for _, w := range minute {
		if last-w.At >= (heatColumns-1)*heatStep {
			continue // the column is the mark's by now
		}
		c := int(w.At/heatStep) % heatColumns
		if counts[c] == nil {
			counts[c] = make([]float64, len(bounds)+1)
		}
		took := w.All().Took
		for i, n := range took.Spread(bounds) {
			counts[c][i] += float64(n)
		}
	}
	for c := range counts {
		var whole float64
		for _, n := range counts[c] {
			whole += n
		}
		for row := range len(bounds) + 1 {
			opacity := 0.0
			if whole > 0 {
				// The root makes the one request in a hundred visible.
				opacity = math.Sqrt(counts[c][len(bounds)-row] / whole)
			}
			h.Cells = append(h.Cells, HeatCell{fmt.Sprintf("h%d.%d", c, row), strconv.Itoa(c * heatWidth), strconv.Itoa(row * heatHeight), fmt.Sprintf("%.2f", opacity)})
		}
	}
	h.Cursor = strconv.Itoa((int(last/heatStep)%heatColumns + 1) % heatColumns * heatWidth)
	return h
}

// Figures returns everything on the page that changes, by name: what the stream
// sends.
func (v Signals) Figures() map[string]string {
	out := map[string]string{"cursor@x": v.Heat.Cursor}
	for _, rows := range [][]SignalRow{v.Ops, v.Instances, v.Resources} {
		for _, r := range rows {
			for _, c := range r.Cells {
				out[c.ID] = c.Text
			}
		}
	}
	for _, c := range v.Spread {
		out[c.ID] = c.Text
	}
	for _, c := range v.Heat.Cells {
		out[c.ID+"@fill-opacity"] = c.Opacity
	}
	return out
}
