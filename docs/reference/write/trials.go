package main

import (
	"fmt"
	"slices"
	"strings"

	"workbench/lab/checklist"
	"workbench/lab/knob"
	"workbench/lab/trial"
)

// trialReference writes all trials in the order of the guide's chapters, and the
// checklist that they serve.
func trialReference(trials []trial.Trial, rows []checklist.Row) string {
	var b strings.Builder
	b.WriteString("# Trials\n\nMade by `make generate` from what the trials say of themselves. A trial is an experiment on real components, with wrong settings and right ones: " +
		"`bin/workbench trial NAME --both` runs it in a terminal, its page under `/trials` in a browser. It is lost when a claim fails. What takes long to make, such as a million rows, is kept " +
		"in the data directory and used again.\n\n")
	for _, t := range trials {
		fmt.Fprintf(&b, "- [%s](#%s), chapter %d\n", t.Title, t.Name, t.Chapter)
	}
	for _, t := range trials {
		oneTrial(&b, t)
	}
	b.WriteString("\n## The checklist\n\nWhat shows each row of the guide's checklist; `bin/workbench checklist --run` measures it.\n\n| chapter | row | patterns | shown by | missing |\n|---|---|---|---|---|\n")
	for _, r := range rows {
		var by []string
		for _, name := range r.Scenarios {
			by = append(by, "scenario `"+name+"`")
		}
		for _, name := range r.Trials {
			by = append(by, fmt.Sprintf("[%s](#%s)", name, name))
		}
		fmt.Fprintf(&b, "| %d | %s | %s | %s | %s |\n", r.Chapter, r.Item, strings.Join(r.Patterns, ", "), strings.Join(by, ", "), r.Missing)
	}
	return b.String()
}

func oneTrial(b *strings.Builder, t trial.Trial) {
	fmt.Fprintf(b, "\n<a id=\"%s\"></a>\n\n## %s\n\n`%s`, chapter %d. %s\n\n%s\n", t.Name, t.Title, t.Name, t.Chapter, t.Question, t.Lesson)
	if t.Needs != "" {
		fmt.Fprintf(b, "\nIt needs `%s`.\n", t.Needs)
	}
	if t.Long != "" {
		fmt.Fprintf(b, "\nHow long: %s.\n", t.Long)
	}
	if t.Knobs == nil {
		return
	}
	if t.Wrong != nil {
		fmt.Fprintf(b, "\nWrong: %s. Right: %s.\n", side(t.Wrong), side(t.Right))
	}
	table(b, knob.Describe(t.Knobs()))
}

// side writes the settings of a side in the order of their names.
func side(changes map[string]any) string {
	var out []string
	for name, value := range changes {
		out = append(out, fmt.Sprintf("`%s=%v`", name, value))
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}
