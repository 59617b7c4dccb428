package main

import (
	"context"
	"flag"
	"fmt"
	"strings"

	"workbench/lab/knob"
	"workbench/lab/scenario"
	"workbench/sim/preset"
)

// list is the subcommand that says what there is.
func list(_ context.Context, p *program, args []string) error {
	fs := flag.NewFlagSet("list scenarios|presets|patterns|systems|brokers|trials|exercises|questions", flag.ContinueOnError)
	asJSON := fs.Bool("json", false, "print a JSON array")
	rest, err := p.flags(fs, args)
	if err != nil {
		return err
	}
	kinds := map[string]func() (any, [][]string, error){
		"scenarios": p.scenarios, "presets": p.presets, "patterns": p.patterns, "systems": p.systems, "brokers": p.brokers, "trials": p.trials, "exercises": p.exercises, "questions": p.questions,
	}
	const want = "scenarios, presets, patterns, systems, brokers, trials, exercises or questions"
	if len(rest) != 1 {
		return usagef("got %d things to list, want one: %s", len(rest), want)
	}
	what, ok := kinds[rest[0]]
	if !ok {
		return usagef("got %q, want %s", rest[0], want)
	}
	values, rows, err := what()
	if err != nil {
		return err
	}
	if *asJSON {
		return writeJSON(p.out, values)
	}
	return columns(p.out, rows)
}

// listedScenario is a scenario in the list's JSON.
type listedScenario struct {
	Name      string              `json:"name"`
	Title     string              `json:"title"`
	Story     string              `json:"story"`
	Lesson    string              `json:"lesson"`
	Teaches   string              `json:"teaches"`
	DurationS float64             `json:"duration_s"`
	Variants  map[string][]string `json:"variants"`
}

func (p *program) scenarios() (any, [][]string, error) {
	specs, err := scenario.Embedded()
	if err != nil {
		return nil, nil, err
	}
	var out []listedScenario
	rows := [][]string{{"SCENARIO", "TEACHES", "TITLE"}}
	for _, s := range specs {
		out = append(out, listedScenario{s.Name, s.Title, s.Story, s.Lesson, s.Teaches, s.Traffic.Duration().Seconds(), s.Variants})
		rows = append(rows, []string{s.Name, s.Teaches, s.Title})
	}
	return out, rows, nil
}

// listedPreset is a named load in the list's JSON.
type listedPreset struct {
	Name       string `json:"name"` // as run knows it
	Title      string `json:"title"`
	Story      string `json:"story"`
	Source     string `json:"source"`
	Unverified bool   `json:"unverified"`
	Doubt      string `json:"doubt,omitempty"`
}

func (p *program) presets() (any, [][]string, error) {
	var out []listedPreset
	rows := [][]string{{"PRESET", "TITLE", "SOURCE"}}
	for _, one := range preset.Presets() {
		name, source := scenario.FromPreset(one).Name, one.Source
		if one.Unverified {
			source += " (unverified: " + one.Doubt + ")"
		}
		out = append(out, listedPreset{name, one.Title, one.Story, one.Source, one.Unverified, one.Doubt})
		rows = append(rows, []string{name, one.Title, source})
	}
	return out, rows, nil
}

// listedPattern is a pattern in the list's JSON.
type listedPattern struct {
	Name  string      `json:"name"`
	Title string      `json:"title"`
	Line  string      `json:"line"`
	Side  string      `json:"side"`
	Knobs []knob.Info `json:"knobs"`
}

func (p *program) patterns() (any, [][]string, error) {
	var out []listedPattern
	rows := [][]string{{"PATTERN", "WHAT IT DOES", "KNOBS AND THEIR DEFAULTS"}}
	for _, pattern := range p.parts.patterns {
		knobs := knob.Describe(pattern.Knobs())
		out = append(out, listedPattern{pattern.Name, pattern.Title, pattern.Line, string(pattern.Side), knobs})
		rows = append(rows, []string{pattern.Name, pattern.Line, settings(knobs)})
	}
	return out, rows, nil
}

func settings(knobs []knob.Info) string {
	var out []string
	for _, k := range knobs {
		out = append(out, k.Name+"="+k.Value)
	}
	return strings.Join(out, " ")
}

// listedSystem is a demo service in the list's JSON.
type listedSystem struct {
	Name       string            `json:"name"`
	Title      string            `json:"title"`
	Operations []listedOperation `json:"operations"`
}

type listedOperation struct {
	Name     string `json:"name"`
	Title    string `json:"title"`
	Method   string `json:"method"`
	Path     string `json:"path"`
	Priority string `json:"priority"`
}

func (p *program) systems() (any, [][]string, error) {
	var out []listedSystem
	rows := [][]string{{"SYSTEM", "OPERATION", "REQUEST", "PRIORITY"}}
	for _, s := range p.parts.systems {
		one := listedSystem{Name: s.name, Title: s.title}
		for _, op := range s.ops {
			one.Operations = append(one.Operations, listedOperation{op.Name, op.Title, op.Method, op.Path, op.Op.Priority})
			rows = append(rows, []string{s.name, op.Name, fmt.Sprintf("%s %s", op.Method, op.Path), op.Op.Priority})
		}
		out = append(out, one)
	}
	return out, rows, nil
}
