package view

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"workbench/lab"
	"workbench/lab/knob"
	"workbench/lab/live"
	"workbench/lab/scenario"
)

// Pattern is a pattern's own page.
type Pattern struct {
	Switch  Switch
	Doc     []Paragraph
	Figures []Figure
	Away    string // where it is to be found, if the running service does not have it
}

// Paragraph is a piece of a package's documentation: a heading, a paragraph,
// or code.
type Paragraph struct {
	Heading, Text string
	Code          bool
}

// Figure is one named value.
type Figure struct{ Name, Value string }

// PatternOf makes a pattern's page from its state and documentation.
func PatternOf(p live.PatternState, doc string) Pattern {
	v := Pattern{Switch: SwitchOf(p, 0, ""), Doc: Paragraphs(doc)}
	for _, g := range p.Gauges {
		text := g.Text
		if text == "" {
			text = strconv.FormatFloat(g.Value, 'g', 4, 64)
		}
		v.Figures = append(v.Figures, Figure{Words(g.Name), text})
	}
	for _, name := range slices.Sorted(maps.Keys(p.Counters)) {
		v.Figures = append(v.Figures, Figure{Words(name), strconv.FormatUint(p.Counters[name], 10)})
	}
	return v
}

// Away says that the running service does not have a pattern, and what has it.
type Away struct{ State, Text string }

// AwayOf makes it from the scenarios that have the pattern. runs is whether a
// service runs at all: at the very start there is none yet.
func AwayOf(has []scenario.Spec, runs bool) Away {
	v := Away{State: "not in this service", Text: "The service that runs now does not have it."}
	if !runs {
		v = Away{State: "not running", Text: "No service runs at the moment."}
	}
	if len(has) == 0 {
		v.Text += " No scenario has it."
		return v
	}
	v.State += fmt.Sprintf("; scenario %s has it", has[0].Name)
	v.Text += fmt.Sprintf(" Scenario %s has it: %s.", has[0].Name, has[0].Title)
	return v
}

// Absent makes the page of a pattern that the running service does not have: its
// knobs stand at their defaults, and there is nothing to switch.
func Absent(p lab.Pattern, away Away) Pattern {
	v := PatternOf(live.PatternState{Name: p.Name, Title: p.Title, Line: p.Line, Side: p.Side, Front: p.Front, Knobs: knob.Describe(p.Knobs())}, "")
	v.Switch.State, v.Switch.States, v.Switch.Away, v.Away = "elsewhere", nil, away.State, away.Text
	return v
}

// Paragraphs splits a Go doc comment: blank lines part paragraphs, "# " begins
// a heading, and indented lines are code.
func Paragraphs(doc string) []Paragraph {
	var out []Paragraph
	for _, block := range strings.Split(strings.ReplaceAll(doc, "\r\n", "\n"), "\n\n") {
		trimmed := strings.TrimSpace(block)
		if trimmed == "" {
			continue
		}
		if heading, ok := strings.CutPrefix(trimmed, "# "); ok {
			out = append(out, Paragraph{Heading: heading})
			continue
		}
		if indented := strings.TrimLeft(block, "\n"); strings.HasPrefix(indented, "\t") || strings.HasPrefix(indented, "    ") {
			out = append(out, Paragraph{Text: strings.TrimRight(indented, "\n"), Code: true})
			continue
		}
		out = append(out, Paragraph{Text: strings.Join(strings.Fields(trimmed), " ")})
	}
	return out
}

// Route is one address of the API.
type Route struct{ Method, Path, Text, Body, Answer string }

// Gallery is one of everything.
type Gallery struct {
	Site        Site
	Headlines   []Headline
	Predictions []Predict
	Switches    []Switch
	Faults      []Fault
	Wide, Tall  Diagram
	Charts      []Chart
	Runs        []Run
}
