package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"strings"

	"workbench/lab/checklist"
	"workbench/lab/proof"
	"workbench/lab/scenario"
	"workbench/lab/trial"
	triallist "workbench/lab/trial/list"
	"workbench/lab/trial/runner"
)

// errChecklist means that a row was not lost without its piece, or not won with
// it.
var errChecklist = errors.New("not every row that is there is lost without its piece and won with it")

// The states of a line of the checklist.
const (
	lineShown   = "shown"   // lost without, won with
	lineKept    = "kept"    // the same, by the proof that is part of the program
	lineAsked   = "there"   // there, and not measured
	lineMissing = "missing" // not built yet
	lineFailed  = "failed"  // measured, and not as it should be
	lineAbsent  = "absent"  // a component is not here
)

// checkedLine is one line of the checklist in JSON: one piece of evidence for a row.
type checkedLine struct {
	Chapter  int      `json:"chapter"`
	Item     string   `json:"item"`
	Patterns []string `json:"patterns,omitempty"`
	Kind     string   `json:"kind,omitempty"` // scenario or trial
	Name     string   `json:"name,omitempty"`
	Without  string   `json:"without,omitempty"`
	With     string   `json:"with,omitempty"`
	State    string   `json:"state"`
	Why      string   `json:"why,omitempty"` // of a line that is not shown
}

// checkOff is the subcommand that prints the guide's checklist and what shows
// each of its rows.
func checkOff(ctx context.Context, p *program, args []string) error {
	fs := flag.NewFlagSet("checklist", flag.ContinueOnError)
	measure := fs.Bool("run", false, "measure each row now: scenarios in virtual time, trials for real; takes minutes")
	asJSON := fs.Bool("json", false, "print a JSON array")
	env := p.trialFlags(fs)
	rest, err := p.flags(fs, args)
	if err != nil {
		return err
	}
	if len(rest) > 0 {
		return usagef("got %q, want flags alone", rest)
	}
	c := &checker{p: p, measure: *measure, env: env(), table: &trials{p: p, engine: auto, open: map[string]engine{}}}
	if c.kept, err = proof.Load(); err != nil {
		return err
	}
	var lines []checkedLine
	for _, row := range checklist.Rows() {
		more, err := c.row(ctx, row)
		lines = append(lines, more...)
		if err != nil {
			return errors.Join(err, c.table.close(context.WithoutCancel(ctx)))
		}
	}
	if err := c.table.close(context.WithoutCancel(ctx)); err != nil {
		return err
	}
	if *asJSON {
		err = writeJSON(p.out, lines)
	} else {
		err = columns(p.out, checkedRows(lines))
	}
	for _, l := range lines {
		if l.State == lineFailed {
			return errors.Join(err, errChecklist)
		}
	}
	return err
}

// checker goes through the checklist.
type checker struct {
	p       *program
	measure bool
	env     trial.Env
	kept    proof.Table
	table   *trials // the engines, and the ablations played
}

// row returns a line for each piece of evidence of a row, and one for what is
// missing.
func (c *checker) row(ctx context.Context, r checklist.Row) ([]checkedLine, error) {
	line := checkedLine{Chapter: r.Chapter, Item: r.Item, Patterns: r.Patterns}
	var out []checkedLine
	if r.Scenario != "" {
		l, err := c.scenario(ctx, line, r.Scenario)
		if err != nil {
			return out, err
		}
		out = append(out, l)
	}
	for _, name := range r.Trials {
		l, err := c.trial(ctx, line, name)
		if err != nil {
			return out, err
		}
		out = append(out, l)
	}
	if r.Missing != "" {
		line.State, line.Why = lineMissing, r.Missing
		out = append(out, line)
	}
	return out, nil
}

// scenario judges a scenario by the kept proof, or by playing it now.
func (c *checker) scenario(ctx context.Context, l checkedLine, name string) (checkedLine, error) {
	l.Kind, l.Name, l.State = "scenario", name, lineKept
	runs := c.kept.Trials
	if c.measure {
		spec, err := scenario.Find(name)
		if err != nil {
			return l, err
		}
		if err := c.table.add(ctx, spec, defaultSeed); err != nil {
			return l, err
		}
		runs, l.State = c.table.done[len(c.table.done)-1:], lineShown
	}
	found := false
	for _, one := range runs {
		if one.Scenario != name {
			continue
		}
		if !found {
			l.Without, l.With = one.Metric+" "+sideText(one.Without), sideText(one.With)
		}
		found = true
		if !one.OK {
			l.State, l.Why = lineFailed, fmt.Sprintf("seed %d: %s without, %s with", one.Seed, sideText(one.Without), sideText(one.With))
		}
	}
	if !found {
		l.State, l.Why = lineAsked, "not in the kept proof; measure it with --run"
	}
	return l, nil
}

// trial judges a trial, if it is to be measured. What a trial needs and is not
// here is no fault of the checklist's.
func (c *checker) trial(ctx context.Context, l checkedLine, name string) (checkedLine, error) {
	one, ok := triallist.Find(name)
	if !ok {
		return l, fmt.Errorf("trial %s: unknown", name) // a test holds the rows to the list
	}
	l.Kind, l.Name, l.State = "trial", name, lineAsked
	if !c.measure {
		l.Why = "measure it with --run, or with trial " + name + " --both"
		return l, nil
	}
	parts, err := runner.OfTrial(one, nil, runner.Wrong, runner.Right)
	if err != nil {
		return l, err
	}
	l.State = lineShown
	for i, part := range parts {
		bar := c.p.bar(name + ", " + part.Name)
		o, err := runner.Do(ctx, c.env, 0, part, bar.tell)
		bar.end()
		switch {
		case errors.Is(err, trial.ErrMissing):
			l.State, l.Why = lineAbsent, err.Error()
			return l, nil
		case ctx.Err() != nil:
			return l, err
		case err != nil:
			l.State, l.Why = lineFailed, err.Error()
			return l, nil
		}
		text, wrong := claimText(*o.Result), part.Name == runner.Wrong
		if i == 0 {
			l.Without = text
		} else {
			l.With = text
		}
		if o.Won == wrong {
			l.State, l.Why = lineFailed, fmt.Sprintf("with the %s settings: %s", part.Name, text)
		}
	}
	return l, nil
}

// claimText returns the claim that decides: the first that fails, else the
// first.
func claimText(r trial.Result) string {
	for _, c := range r.Claims {
		if !c.OK {
			return "lost at " + c.Got
		}
	}
	return "won at " + r.Claims[0].Got
}

func checkedRows(lines []checkedLine) [][]string {
	marks := map[string]string{lineShown: "✓ shown", lineKept: "✓ kept proof", lineAsked: "· there", lineMissing: "– missing", lineFailed: "✗ failed", lineAbsent: "– not here"}
	rows := [][]string{{"CH.", "CHECKLIST", "PATTERNS", "SHOWN BY", "WITHOUT", "WITH", "", "WHY NOT"}}
	for _, l := range lines {
		by := ""
		if l.Name != "" {
			by = l.Kind + " " + l.Name
		}
		rows = append(rows, []string{fmt.Sprint(l.Chapter), l.Item, strings.Join(l.Patterns, " "), by, l.Without, l.With, marks[l.State], l.Why})
	}
	return rows
}
