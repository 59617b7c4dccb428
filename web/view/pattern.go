package view

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"workbench/lab/live"
)

// Pattern is a pattern's own page.
type Pattern struct {
	Switch  Switch
	Doc     []Paragraph
	Figures []Figure
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
