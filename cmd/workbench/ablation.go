package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"slices"
	"strconv"

	"workbench/lab/proof"
	"workbench/lab/scenario"
	"workbench/sim/load"
)

// errAblation means that a scenario was won without its pattern or lost with
// it: then it does not teach what it says.
var errAblation = errors.New("not every scenario is lost without its pattern and won with it")

// auto is the engine that ablation uses by default: the last one there is that
// plays and can run the scenario. The list begins with the one that is most real and
// slowest.
const auto = "auto"

// maxSeeds bounds a table of runs.
const maxSeeds = 1000

// ablation is the subcommand that proves that scenarios teach what they say.
func ablation(ctx context.Context, p *program, args []string) error {
	fs := flag.NewFlagSet("ablation [SCENARIO]…", flag.ContinueOnError)
	seeds := fs.Uint64("seeds", 5, "run each scenario under the seeds 1 to `N`")
	name := fs.String("engine", auto, "run on engine `NAME`: "+auto+" (the quickest that can run the scenario), "+p.engineHelp())
	asJSON := fs.Bool("json", false, `print {"trials": […], "ok": …}`)
	rest, err := p.flags(fs, args)
	if err != nil {
		return err
	}
	if *seeds < 1 || *seeds > maxSeeds {
		return usagef("flag --seeds: got %d, want 1 to %d", *seeds, maxSeeds)
	}
	if *name != auto && !slices.ContainsFunc(p.parts.engines, func(k engineKind) bool { return k.name == *name }) {
		return usagef("flag --engine: got %q, want one of %s, %s", *name, auto, p.engineNames())
	}
	specs, err := p.chosen(rest)
	if err != nil {
		return err
	}
	table := &trials{p: p, engine: *name, open: map[string]engine{}}
	for _, spec := range specs {
		for seed := uint64(1); seed <= *seeds && err == nil; seed++ {
			err = table.add(ctx, spec, seed)
		}
	}
	err = errors.Join(err, table.close(context.WithoutCancel(ctx)))
	if err != nil {
		return err
	}
	if *asJSON {
		err = writeJSON(p.out, proof.Table{Trials: table.done, OK: table.ok()})
	} else {
		err = columns(p.out, table.rows())
	}
	if err == nil && !table.ok() {
		err = errAblation
	}
	return err
}

// chosen loads the named scenarios, or all; each must say how it is lost.
func (p *program) chosen(names []string) ([]scenario.Spec, error) {
	if len(names) == 0 {
		return scenario.Embedded()
	}
	var out []scenario.Spec
	var faults []error
	for _, name := range names {
		spec, err := scenario.Load(name)
		if err == nil {
			err = spec.Validate(p.parts.known())
		}
		if err == nil && spec.Ablation.Metric == "" {
			err = fmt.Errorf("scenario %s: got no ablation, want one in its file", name)
		}
		faults = append(faults, err)
		out = append(out, spec)
	}
	if err := errors.Join(faults...); err != nil {
		return nil, usagef("%w", err)
	}
	return out, nil
}

// trials is the growing table. Engines are opened once and used for all runs.
type trials struct {
	p      *program
	engine string
	open   map[string]engine
	done   []proof.Trial
}

func (t *trials) add(ctx context.Context, spec scenario.Spec, seed uint64) error {
	name, e, err := t.choose(ctx, spec)
	if err != nil {
		return err
	}
	one := proof.Trial{Scenario: spec.Name, Engine: name, Seed: seed, Metric: spec.Ablation.Metric}
	if one.Without, err = t.play(ctx, e, spec, spec.Ablation.Without, seed, "without"); err != nil {
		return err
	}
	if one.With, err = t.play(ctx, e, spec, spec.Ablation.With, seed, "with"); err != nil {
		return err
	}
	one.OK = !one.Without.Won && one.With.Won
	t.done = append(t.done, one)
	return nil
}

// choose returns the engine for a scenario, opened.
func (t *trials) choose(ctx context.Context, spec scenario.Spec) (string, engine, error) {
	if t.engine != auto {
		e, err := t.get(ctx, t.engine)
		return t.engine, e, err
	}
	var faults []error
	for i := len(t.p.parts.engines) - 1; i >= 0; i-- {
		if t.p.parts.engines[i].paper {
			continue
		}
		name := t.p.parts.engines[i].name
		e, err := t.get(ctx, name)
		if err == nil {
			err = e.Can(spec)
		}
		if err == nil {
			return name, e, nil
		}
		faults = append(faults, err)
	}
	return "", nil, errors.Join(faults...)
}

func (t *trials) get(ctx context.Context, name string) (engine, error) {
	if e := t.open[name]; e != nil {
		return e, nil
	}
	e, err := t.p.open(ctx, name)
	if err == nil {
		t.open[name] = e
	}
	return e, err
}

func (t *trials) play(ctx context.Context, e engine, spec scenario.Spec, flags []string, seed uint64, which string) (proof.Side, error) {
	o, err := scenario.ParseFlags(flags)
	if err == nil {
		spec, o, err = scenario.Apply(spec, o, t.p.parts.known())
	}
	if err != nil {
		return proof.Side{}, fmt.Errorf("scenario %s: ablation %s: %w", spec.Name, which, err)
	}
	o.Seed = &seed
	rep, err := runWith(ctx, e, spec, o, t.p.bar(fmt.Sprintf("%s %s, seed %d", spec.Name, which, seed)))
	if err != nil {
		return proof.Side{}, fmt.Errorf("scenario %s %s: %w", spec.Name, which, err)
	}
	if rep.Verdict == load.GeneratorLimited {
		return proof.Side{}, fmt.Errorf("scenario %s %s: %w", spec.Name, which, errSpoiled)
	}
	won, value, err := scenario.Won(spec.Scaled(rep.Scale), rep)
	if err != nil {
		return proof.Side{}, fmt.Errorf("scenario %s %s: %w", spec.Name, which, err)
	}
	return proof.Side{Won: won, Value: value}, nil
}

func (t *trials) close(ctx context.Context) error {
	var faults []error
	for _, kind := range t.p.parts.engines {
		if e := t.open[kind.name]; e != nil {
			faults = append(faults, e.Close(ctx))
		}
	}
	return errors.Join(faults...)
}

func (t *trials) ok() bool {
	for _, one := range t.done {
		if !one.OK {
			return false
		}
	}
	return len(t.done) > 0
}

func (t *trials) rows() [][]string {
	rows := [][]string{{"SCENARIO", "ENGINE", "SEED", "METRIC", "WITHOUT", "WITH", ""}}
	for _, one := range t.done {
		mark := "✗"
		if one.OK {
			mark = "✓"
		}
		rows = append(rows, []string{one.Scenario, one.Engine, strconv.FormatUint(one.Seed, 10), one.Metric, sideText(one.Without), sideText(one.With), mark})
	}
	return rows
}

func sideText(o proof.Side) string {
	word := "lost"
	if o.Won {
		word = "won"
	}
	return fmt.Sprintf("%s at %.4g", word, o.Value)
}
