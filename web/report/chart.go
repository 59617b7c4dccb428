package report

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"workbench/lab/scenario"
	"workbench/web/view"
)

// The drawing's measures.
const (
	width, height      = 720, 200
	left, right        = 56, 12
	top, bottom        = 12, 26
	plotW, plotH       = width - left - right, height - top - bottom
	smallestLogLatency = 1.0 // ms; the latency axis begins here
)

type chart struct {
	Title, Unit string
	Lines       []line
	YTicks      []tick
	XTicks      []tick
	Flags       []tick
}

type line struct{ Name, Class, Points string }

type tick struct {
	At   string
	Text string
}

// series is one line before it is drawn.
type series struct {
	name, class string
	value       func(scenario.Point) float64
}

func charts(r scenario.Report) []chart {
	if len(r.Series) == 0 {
		return nil
	}
	return []chart{
		draw(r, "Traffic", "users a second", false, []series{
			{"arriving", "dim", func(p scenario.Point) float64 { return p.Offered }},
			{"answered in time", "ok", func(p scenario.Point) float64 { return p.Good }},
		}),
		draw(r, "Latency", "milliseconds, logarithmic", true, []series{
			{"p50", "ok", func(p scenario.Point) float64 { return p.P50MS }},
			{"p99", "warn", func(p scenario.Point) float64 { return p.P99MS }},
		}),
		draw(r, "Waiting", "requests", false, []series{
			{"in queues", "warn", func(p scenario.Point) float64 { return p.Queue }},
		}),
	}
}

func draw(r scenario.Report, title, unit string, log bool, all []series) chart {
	end, most := 0.0, 0.0
	for _, p := range r.Series {
		end = max(end, p.T)
		for _, s := range all {
			most = max(most, s.value(p))
		}
	}
	end = max(end, 1)
	x := func(t float64) float64 { return left + plotW*t/end }
	c := chart{Title: title, Unit: unit}
	y, ticks := axis(most, log)
	for _, v := range ticks {
		c.YTicks = append(c.YTicks, tick{at(y(v)), view.Rate(v)})
	}
	for i := range 7 {
		t := end * float64(i) / 6
		c.XTicks = append(c.XTicks, tick{at(x(t)), strconv.FormatFloat(t, 'f', 0, 64) + " s"})
	}
	for i, change := range r.Changes {
		c.Flags = append(c.Flags, tick{at(x(min(change.At.Seconds(), end))), strconv.Itoa(i + 1)})
	}
	for _, s := range all {
		var b strings.Builder
		for _, p := range r.Series {
			fmt.Fprintf(&b, "%.1f,%.1f ", x(p.T), y(s.value(p)))
		}
		c.Lines = append(c.Lines, line{s.name, s.class, b.String()})
	}
	return c
}

// axis returns the mapping of a value to a height and the values to mark.
func axis(most float64, log bool) (func(float64) float64, []float64) {
	if !log {
		most = ceiling(most)
		return func(v float64) float64 { return top + plotH*(1-v/most) }, []float64{0, most / 2, most}
	}
	decades := max(1, math.Ceil(math.Log10(max(most, 10*smallestLogLatency)/smallestLogLatency)))
	var ticks []float64
	for i := 0.0; i <= decades; i++ {
		ticks = append(ticks, smallestLogLatency*math.Pow(10, i))
	}
	return func(v float64) float64 {
		return top + plotH*(1-math.Log10(max(v, smallestLogLatency)/smallestLogLatency)/decades)
	}, ticks
}

// ceiling returns the next of 1, 2, 2.5, 5 × 10ⁿ.
func ceiling(v float64) float64 {
	if v <= 0 {
		return 1
	}
	base := math.Pow(10, math.Floor(math.Log10(v)))
	for _, m := range []float64{1, 2, 2.5, 5, 10} {
		if m*base >= v {
			return m * base
		}
	}
	return 10 * base
}

func at(v float64) string { return strconv.FormatFloat(v, 'f', 1, 64) }
