// Package measure makes every figure that the guide prints: runs of scenarios in
// virtual time, closed forms, and small programs that really run.
//
// A run in virtual time and a closed form give the same figure on any machine
// and are held to the last printed digit. What a program measures of the
// machine is a ratio with a wide tolerance.
package measure

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"workbench/docs/guide"
	"workbench/lab/scenario"
	"workbench/lab/virtual"
)

// seed is that of every scenario run, as on the command line.
const seed = 1

// Program is one measurement that gives some figures. Their ids begin with its
// own, which is also what to give the command numbers to run it alone.
type Program struct {
	ID      string
	Figures []guide.Figure // ids without the program's; Value and Command are left to Measure
	// Measure returns a value for each figure by its id.
	Measure func(context.Context) (map[string]float64, error)
}

// Programs returns all programs in the order of the chapters.
func Programs() []Program {
	return slices.Concat(mental(), waiting(), refusing(), copies(), tables(), queues(), resilience(), seeing(), whole())
}

// FindProgram returns the program with this id.
func FindProgram(id string) (Program, bool) {
	all := Programs()
	i := slices.IndexFunc(all, func(p Program) bool { return p.ID == id })
	if i < 0 {
		return Program{}, false
	}
	return all[i], true
}

// All measures the figures whose ids begin with one of the prefixes, or all
// figures when there is none. When a measurement fails the others are returned
// with its error.
func All(ctx context.Context, chapters []guide.Chapter, prefixes []string) (guide.Figures, error) {
	out := guide.Figures{}
	var faults []error
	for _, c := range chapters {
		for _, e := range c.Experiments() {
			if e.Scenario == "" || !wanted(c.Slug+"."+e.ID, prefixes) {
				continue
			}
			figures, err := Experiment(ctx, c.Slug, e)
			faults = append(faults, err)
			maps.Copy(out, figures)
		}
	}
	for _, p := range Programs() {
		if !wanted(p.ID, prefixes) {
			continue
		}
		figures, err := p.Run(ctx)
		faults = append(faults, err)
		maps.Copy(out, figures)
	}
	maps.DeleteFunc(out, func(id string, _ guide.Figure) bool { return !within(id, prefixes) })
	return out, errors.Join(faults...)
}

// wanted reports whether a measurement may give a figure that a prefix names.
func wanted(id string, prefixes []string) bool {
	return within(id, prefixes) || slices.ContainsFunc(prefixes, func(p string) bool { return begins(p, id) })
}

func within(id string, prefixes []string) bool {
	return len(prefixes) == 0 || slices.ContainsFunc(prefixes, func(p string) bool { return begins(id, p) })
}

// begins reports whether id is prefix, or below it.
func begins(id, prefix string) bool { return id == prefix || strings.HasPrefix(id, prefix+".") }

// Run makes the measurement and returns its figures by their whole ids.
func (p Program) Run(ctx context.Context) (guide.Figures, error) {
	values, err := p.Measure(ctx)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", p.ID, err)
	}
	out := guide.Figures{}
	for _, f := range p.Figures {
		v, ok := values[f.ID]
		if !ok {
			return nil, fmt.Errorf("%s: measured no %s", p.ID, f.ID)
		}
		f.ID = p.ID + "." + f.ID
		f.Command = command(p.ID)
		f.Value = v
		if f.Tolerance == 0 {
			f.Value = f.Rounded(v)
		}
		out[f.ID] = f
	}
	return out, nil
}

func command(id string) string { return "go run ./docs/guide/numbers " + id }

// Experiment plays all runs of a scenario experiment and takes its readings.
func Experiment(ctx context.Context, chapter string, e guide.Experiment) (guide.Figures, error) {
	spec, err := scenario.Find(e.Scenario)
	if err != nil {
		return nil, fmt.Errorf("%s.%s: %w", chapter, e.ID, err)
	}
	out := guide.Figures{}
	for _, run := range e.Runs {
		report, err := virtual.RunFlags(ctx, spec, run.Flags, virtual.Options{Seed: seed})
		if err != nil {
			return nil, fmt.Errorf("%s.%s: run %s: %w", chapter, e.ID, run.Name, err)
		}
		for _, r := range e.Reads {
			v, err := scenario.MeasureIn(r.Window, r.Metric, spec, report)
			if err != nil {
				return nil, fmt.Errorf("%s.%s: run %s: %w", chapter, e.ID, run.Name, err)
			}
			f := guide.Figure{ID: e.Figure(chapter, run, r), Unit: r.Unit, Digits: r.Digits, Command: command(chapter + "." + e.ID)}
			f.Value = f.Rounded(v * r.Factor)
			f.How = fmt.Sprintf("%s%s of workbench run %s --engine virtual", r.Metric, window(r.Window), strings.Join(append([]string{e.Scenario}, run.Flags...), " "))
			out[f.ID] = f
		}
	}
	return out, nil
}

// window says which part of the run is meant.
func window(w scenario.Window) string {
	switch {
	case w.Last > 0:
		return fmt.Sprintf(" in the last %v", w.Last)
	case w.To > 0:
		return fmt.Sprintf(" from %v to %v", w.From, w.To)
	case w.From > 0:
		return fmt.Sprintf(" from %v on", w.From)
	}
	return ""
}

// form returns a program of one figure that a closed form gives. Its error is
// that of the form: an argument that it does not take.
func form(id, unit string, digits int, how, formula string, value func() (float64, error)) Program {
	parent, name := id[:strings.LastIndexByte(id, '.')], id[strings.LastIndexByte(id, '.')+1:]
	return Program{
		ID:      parent,
		Figures: []guide.Figure{{ID: name, Unit: unit, Digits: digits, How: how, Formula: formula}},
		Measure: func(context.Context) (map[string]float64, error) {
			v, err := value()
			return map[string]float64{name: v}, err
		},
	}
}

// counted returns a figure of a program that counts: the same on any machine.
func counted(name, unit string, digits int, how string) guide.Figure {
	return guide.Figure{ID: name, Unit: unit, Digits: digits, How: how}
}

// timed returns a figure that depends on the machine: a later measurement may
// be tolerance times as much again, or as little.
func timed(name, unit string, digits int, tolerance float64, how string) guide.Figure {
	return guide.Figure{ID: name, Unit: unit, Digits: digits, Tolerance: tolerance, How: how}
}
