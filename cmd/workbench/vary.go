package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"workbench/lab"
	"workbench/lab/knob"
)

// varied is what a sweep changes from point to point.
type varied struct {
	pattern, knob string
	values        []string // in the knob's own notation, rising, each once
}

// maxSteps bounds the points of a sweep.
const maxSteps = 200

// parseVary reads PATTERN.KNOB=lo..hi and places steps points from lo to hi,
// both included: evenly, or in equal ratios when log is true. Whole-numbered
// knobs may get fewer.
func (p *program) parseVary(text string, steps int, log bool) (varied, error) {
	path, span, given := strings.Cut(text, "=")
	name, field, dotted := strings.Cut(path, ".")
	low, high, ranged := strings.Cut(span, "..")
	if !given || !dotted || !ranged {
		return varied{}, fmt.Errorf("flag --vary: got %q, want PATTERN.KNOB=LOW..HIGH, such as queue.length=10..1000", text)
	}
	if steps < 2 || steps > maxSteps {
		return varied{}, fmt.Errorf("flag --steps: got %d, want 2 to %d", steps, maxSteps)
	}
	info, err := p.knob(name, field)
	if err != nil {
		return varied{}, fmt.Errorf("flag --vary: %w", err)
	}
	from, to := reading{kind: info.Kind}, reading{kind: info.Kind}
	if err := from.parse(low); err != nil {
		return varied{}, fmt.Errorf("flag --vary: %s: %w", path, err)
	}
	if err := to.parse(high); err != nil {
		return varied{}, fmt.Errorf("flag --vary: %s: %w", path, err)
	}
	if from.value >= to.value {
		return varied{}, fmt.Errorf("flag --vary: %s: got %s..%s, want the smaller value first", path, low, high)
	}
	if log && from.value <= 0 {
		return varied{}, fmt.Errorf("flag --log: got %s..%s, want a range above 0", low, high)
	}
	out := varied{pattern: name, knob: field}
	for i := range steps {
		at := reading{kind: info.Kind, value: between(from.value, to.value, float64(i)/float64(steps-1), log)}
		if text := at.String(); len(out.values) == 0 || out.values[len(out.values)-1] != text {
			out.values = append(out.values, text)
		}
	}
	return out, nil
}

// knob finds a pattern's knob by name.
func (p *program) knob(pattern, name string) (knob.Info, error) {
	var patterns []string
	for _, known := range p.parts.patterns {
		patterns = append(patterns, known.Name)
		if known.Name != pattern {
			continue
		}
		return knobOf(known, name)
	}
	return knob.Info{}, fmt.Errorf("pattern %q: unknown, want one of %s", pattern, strings.Join(patterns, ", "))
}

func knobOf(pattern lab.Pattern, name string) (knob.Info, error) {
	var names []string
	for _, info := range knob.Describe(pattern.Knobs()) {
		names = append(names, info.Name)
		if info.Name == name {
			return info, nil
		}
	}
	return knob.Info{}, fmt.Errorf("pattern %s: knob %q: unknown, want one of %s", pattern.Name, name, strings.Join(names, ", "))
}

// between returns the point at share 0..1 of the way from low to high.
func between(low, high, share float64, log bool) float64 {
	switch {
	case share == 1:
		return high
	case log:
		return low * math.Pow(high/low, share)
	}
	return low + (high-low)*share
}

// reading is a knob's value on a scale that can be divided: durations are in
// seconds.
type reading struct {
	kind  knob.Kind
	value float64
}

func (r *reading) parse(text string) error {
	var err error
	want := "a number"
	switch r.kind {
	case knob.Number:
		r.value, err = strconv.ParseFloat(text, 64)
	case knob.Integer:
		var n int
		n, err = strconv.Atoi(text)
		r.value, want = float64(n), "a whole number"
	case knob.Duration:
		var d time.Duration
		d, err = time.ParseDuration(text)
		r.value, want = d.Seconds(), "a duration such as 50ms"
	default:
		return fmt.Errorf("got a %s, want a knob that is a number or a duration", r.kind)
	}
	if err != nil || math.IsNaN(r.value) || math.IsInf(r.value, 0) {
		return fmt.Errorf("got %q, want %s", text, want)
	}
	return nil
}

// String writes the value as the knob reads it. Numbers have six digits and
// durations whole microseconds.
func (r reading) String() string {
	switch r.kind {
	case knob.Integer:
		return strconv.FormatFloat(math.Round(r.value), 'f', 0, 64)
	case knob.Duration:
		return time.Duration(math.Round(r.value * float64(time.Second))).Round(time.Microsecond).String()
	}
	return strconv.FormatFloat(r.value, 'g', 6, 64)
}
