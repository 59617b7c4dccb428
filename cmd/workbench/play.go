package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"workbench/lab/scenario"
	"workbench/lab/virtual"
	"workbench/sim/load"
)

// errSpoiled means that a run measured the generator and not the service.
var errSpoiled = errors.New("the traffic generator was the bottleneck, so the figures are not to be trusted: lower --scale, stop other programs, or use --engine virtual")

// defaultSeed is the seed of a run that names none.
const defaultSeed = 1

// play is the subcommand run.
func play(ctx context.Context, p *program, args []string) error {
	fs := flag.NewFlagSet("run SCENARIO|FILE", flag.ContinueOnError)
	var o scenario.Override
	var faults []error
	overrides(fs, &o, &faults)
	var at places
	p.places(fs, &at)
	name := fs.String("engine", p.parts.engines[0].name, "run on engine `NAME`: "+p.engineHelp())
	asJSON := fs.Bool("json", false, "print the report as one JSON object")
	file := fs.String("out", "", "also write the report as JSON to `FILE`")
	rest, err := p.flags(fs, args)
	if err != nil {
		return err
	}
	if err := checkServers(at.redis, at.rabbitmq, at.kafka); err != nil {
		faults = append(faults, err)
	}
	spec, o, err := p.scenario(rest, o, faults)
	if err != nil {
		return err
	}
	rep, err := p.with(at).runOnce(ctx, *name, spec, o, p.bar(spec.Name))
	if err != nil && rep.Scenario == "" {
		return err
	}
	if *file != "" {
		err = errors.Join(err, writeFile(*file, rep))
	}
	if *asJSON {
		err = errors.Join(err, writeJSON(p.out, rep))
	} else {
		printReport(p.out, spec, rep)
	}
	if err != nil {
		return err
	}
	if rep.Verdict == load.GeneratorLimited {
		return errSpoiled
	}
	return rep.Failed()
}

// scenario loads the one scenario that args name and applies the flags to it.
// Everything that is wrong with the flags is reported at once.
func (p *program) scenario(args []string, o scenario.Override, faults []error) (scenario.Spec, scenario.Override, error) {
	if len(args) != 1 {
		faults = append([]error{fmt.Errorf("got %d scenarios, want one: a name (%s) or a file", len(args), strings.Join(scenario.Names(), ", "))}, faults...)
	}
	if err := errors.Join(faults...); err != nil {
		return scenario.Spec{}, scenario.Override{}, usagef("%w", err)
	}
	spec, err := scenario.Load(args[0])
	if err == nil {
		err = spec.Validate(p.parts.known())
	}
	if err == nil {
		spec, o, err = scenario.Apply(spec, o, p.parts.known())
	}
	if err != nil {
		return scenario.Spec{}, scenario.Override{}, usagef("%w", err)
	}
	return spec, o, nil
}

// engineNames lists the engines for messages.
func (p *program) engineNames() string {
	var out []string
	for _, e := range p.parts.engines {
		out = append(out, e.name)
	}
	return strings.Join(out, ", ")
}

// engineHelp lists the engines for the flag's help.
func (p *program) engineHelp() string {
	var out []string
	for _, e := range p.parts.engines {
		out = append(out, e.name+" ("+e.line+")")
	}
	return strings.Join(out, ", ")
}

// open starts the engine with this name.
func (p *program) open(ctx context.Context, name string) (engine, error) {
	for _, e := range p.parts.engines {
		if e.name == name {
			opened, err := e.open(ctx, p)
			if err != nil {
				return nil, fmt.Errorf("start the %s engine: %w", name, err)
			}
			return opened, nil
		}
	}
	return nil, usagef("flag --engine: got %q, want one of %s", name, p.engineNames())
}

// runOnce opens an engine for a single run.
func (p *program) runOnce(ctx context.Context, name string, spec scenario.Spec, o scenario.Override, show *bar) (scenario.Report, error) {
	e, err := p.open(ctx, name)
	if err != nil {
		return scenario.Report{}, err
	}
	rep, err := runWith(ctx, e, spec, o, show)
	return rep, errors.Join(err, e.Close(context.WithoutCancel(ctx)))
}

// runWith runs a scenario on an open engine.
func runWith(ctx context.Context, e engine, spec scenario.Spec, o scenario.Override, show *bar) (scenario.Report, error) {
	if err := e.Can(spec); err != nil {
		return scenario.Report{}, usagef("%w", err)
	}
	options := runOptions{Seed: defaultSeed, Scale: o.Scale, Patterns: o.Patterns}
	if o.Seed != nil {
		options.Seed = *o.Seed
	}
	defer show.end()
	rep, err := e.Run(ctx, spec, options, show.update)
	if errors.Is(err, virtual.ErrSpec) {
		return rep, usagef("%w", err)
	}
	if errors.Is(err, context.Canceled) {
		rep.Claims = nil // they speak of a whole run
		err = fmt.Errorf("interrupted after %.0f s, so no claim was judged: %w", rep.DurationS, err)
	}
	return rep, err
}

func writeJSON(w io.Writer, v any) error {
	out := json.NewEncoder(w)
	out.SetIndent("", "  ")
	if err := out.Encode(v); err != nil {
		return fmt.Errorf("write JSON: %w", err)
	}
	return nil
}

func writeFile(path string, rep scenario.Report) error {
	f, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("flag --out: %w", err)
	}
	return errors.Join(writeJSON(f, rep), f.Close())
}
