package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"slices"
	"strings"

	"workbench/lab"
	"workbench/lab/proof"
	"workbench/lab/scenario"
)

// whole are the patterns of the complete service that virtual time can take
// away: the product's, and the two of its clients. The broker is not among them:
// that it outlives a crash is for a crash to show (make kill-orders).
func whole() []string {
	return []string{"ratelimit", "shed", "timeout", "idempotency", "outbox", "sequencer", "client-backoff", "client-budget"}
}

// errStrip means that taking patterns away loses nothing, or that the complete
// service loses something: then it is not the complete one.
var errStrip = errors.New("the complete service does not hold what it should")

// strip is the subcommand that takes one pattern at a time away.
func strip(ctx context.Context, p *program, args []string) error {
	fs := flag.NewFlagSet("strip", flag.ContinueOnError)
	seed := fs.Uint64("seed", 1, "draw chance from seed `N`")
	asJSON := fs.Bool("json", false, "print the table as one JSON object")
	rest, err := p.flags(fs, args)
	if err == nil && len(rest) > 0 {
		err = usagef("got %q, want flags alone", rest)
	}
	if err != nil {
		return err
	}
	table, err := stripTest(ctx, *seed)
	if err != nil {
		return err
	}
	if *asJSON {
		return writeJSON(p.out, table)
	}
	return columns(p.out, stripRows(table))
}

// stripTest plays each scenario of the orders service with everything on, and
// then without each pattern.
func stripTest(ctx context.Context, seed uint64) (proof.Strip, error) {
	specs, err := scenario.Embedded()
	if err != nil {
		return proof.Strip{}, err
	}
	specs = slices.DeleteFunc(specs, func(s scenario.Spec) bool { return s.System != "orders" })
	out := proof.Strip{Seed: seed, Complete: whole(), Held: []proof.Held{}}
	for _, name := range out.Complete {
		out.Without = append(out.Without, proof.Taken{Pattern: name, Lost: []proof.Held{}})
	}
	for _, spec := range specs {
		complete, err := playWhole(ctx, spec, seed, "")
		if err != nil {
			return out, err
		}
		var held []scenario.Claim
		for _, c := range spec.Claims {
			if !slices.ContainsFunc(complete.Claims, func(v scenario.Verdict) bool { return v.Text == c.Text && v.NotJudged == "" }) {
				continue // it speaks of another configuration
			}
			h, ok, err := holds(spec, c, complete)
			if err != nil {
				return out, err
			}
			if !ok {
				return out, fmt.Errorf("%w: scenario %s: %s: %g, want %s", errStrip, spec.Name, c.Text, h.Value, h.Want)
			}
			held = append(held, c)
			out.Held = append(out.Held, h)
		}
		for i := range out.Without {
			without, err := playWhole(ctx, spec, seed, out.Without[i].Pattern)
			if err != nil {
				return out, err
			}
			for _, c := range held {
				h, ok, err := holds(spec, c, without)
				if err != nil {
					return out, err
				}
				if !ok {
					out.Without[i].Lost = append(out.Without[i].Lost, h)
				}
			}
		}
	}
	return out, nil
}

// playWhole plays a scenario with all patterns of the complete service on but
// one.
func playWhole(ctx context.Context, spec scenario.Spec, seed uint64, without string) (scenario.Report, error) {
	set := map[string]scenario.Toggle{}
	for _, name := range whole() {
		state := lab.On
		if name == without {
			state = lab.Off
		}
		set[name] = scenario.Toggle{State: &state}
	}
	rep, err := virtualEngine{}.Run(ctx, spec, runOptions{Seed: seed, Patterns: set}, nil)
	if err != nil {
		err = fmt.Errorf("scenario %s without %q: %w", spec.Name, without, err)
	}
	return rep, err
}

// holds measures a claim in a run, whatever configuration it speaks of.
func holds(spec scenario.Spec, c scenario.Claim, rep scenario.Report) (proof.Held, bool, error) {
	c.When, c.Knobs = nil, nil
	alone := spec
	alone.Claims = []scenario.Claim{c}
	all := scenario.Judge(alone, rep)
	if len(all) != 1 {
		return proof.Held{}, false, fmt.Errorf("scenario %s: the claim %q cannot be measured", spec.Name, c.Text)
	}
	v := all[0]
	if v.NotJudged != "" {
		return proof.Held{}, false, fmt.Errorf("scenario %s: the claim %q is not judged: %s", spec.Name, c.Text, v.NotJudged)
	}
	return proof.Held{Scenario: spec.Name, Claim: c.Text, Metric: c.Metric, Want: v.Want, Value: v.Value}, v.OK, nil
}

func stripRows(s proof.Strip) [][]string {
	rows := [][]string{{"WITHOUT", "SCENARIO", "WHAT IS LOST", "METRIC", "GOT", "WANT"}}
	rows = append(rows, []string{"nothing", "all", fmt.Sprintf("nothing: %d claims hold with %s", len(s.Held), strings.Join(s.Complete, ", ")), "", "", ""})
	for _, t := range s.Without {
		if len(t.Lost) == 0 {
			rows = append(rows, []string{t.Pattern, "none", "nothing that these scenarios claim", "", "", ""})
		}
		for _, h := range t.Lost {
			rows = append(rows, []string{t.Pattern, h.Scenario, h.Claim, h.Metric, fmt.Sprintf("%.4g", h.Value), h.Want})
		}
	}
	return rows
}
