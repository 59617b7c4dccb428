package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"strings"
	"time"

	"workbench/lab/agree"
	"workbench/lab/formula"
	"workbench/lab/scenario"
	"workbench/sim/clock"
	"workbench/sim/load"
)

// errDisagree means that live and virtual time are further apart than they may
// be.
var errDisagree = errors.New("live and virtual time do not agree")

// agreement is one load on all engines, as its JSON.
type agreement struct {
	Load    string      `json:"load"`
	CostMS  float64     `json:"machine_ms"` // of a request, as calibrated
	Rows    []agree.Row `json:"rows"`       // live; virtual and, where it has a form, theory at its scale; virtual at full scale
	Off     agree.Off   `json:"off"`        // virtual at the live scale, from live
	OK      bool        `json:"ok"`
	Verdict string      `json:"verdict,omitempty"` // why there is none
	Theory  string      `json:"theory,omitempty"`  // why it has no form
}

// compareEngines is the subcommand that plays loads on all engines.
func compareEngines(ctx context.Context, p *program, args []string) error {
	fs := flag.NewFlagSet("agree [SCENARIO|FILE]…", flag.ContinueOnError)
	var o scenario.Override
	var faults []error
	overrides(fs, &o, &faults)
	full := fs.Float64("full", 1, "the `SCALE` of the second run in virtual time")
	asJSON := fs.Bool("json", false, "print a JSON array")
	rest, err := p.flags(fs, args)
	if err != nil {
		return err
	}
	if !(*full >= scenario.MinScale && *full <= scenario.MaxScale) {
		faults = append(faults, fmt.Errorf("flag --full: got %v, want %g to %g", *full, scenario.MinScale, scenario.MaxScale))
	}
	if err := errors.Join(faults...); err != nil {
		return usagef("%w", err)
	}
	loads, err := agree.Loads()
	if err != nil {
		return err
	}
	m := meeting{p: p, full: *full, wall: clock.NewWall(), options: o, specs: loads}
	if len(rest) > 0 {
		m.specs = nil
	}
	for _, name := range rest {
		spec, _, err := p.scenario([]string{name}, o, nil)
		if err != nil {
			return err
		}
		m.specs = append(m.specs, spec)
	}
	err = m.run(ctx, loads[0])
	if *asJSON && len(m.done) > 0 {
		err = errors.Join(writeJSON(p.out, m.done), err)
	} else if len(m.done) > 0 {
		err = errors.Join(m.print(), err)
	}
	return err
}

// meeting is one call of agree.
type meeting struct {
	p       *program
	full    float64
	wall    *clock.Wall
	options scenario.Override
	specs   []scenario.Spec
	cost    time.Duration
	done    []agreement
}

// run calibrates and plays every load.
func (m *meeting) run(ctx context.Context, quiet scenario.Spec) error {
	if err := m.calibrate(ctx, quiet); err != nil {
		return err
	}
	apart := false
	for _, spec := range m.specs {
		one, err := m.meet(ctx, spec)
		if err != nil {
			return err
		}
		m.done = append(m.done, one)
		apart = apart || !one.OK && one.Verdict == ""
	}
	if apart {
		return errDisagree
	}
	return nil
}

// calibrate measures what a request costs this machine, on the quiet load and
// with arrivals that no other load here has.
func (m *meeting) calibrate(ctx context.Context, quiet scenario.Spec) error {
	o := scenario.Override{Scale: quiet.LiveScale, Seed: new(uint64)}
	*o.Seed = m.seed() + 1_000_000
	real, _, err := m.play(ctx, "live", quiet, o)
	if err != nil {
		return fmt.Errorf("calibrate: %w", err)
	}
	virtual, _, err := m.play(ctx, "virtual", quiet, o)
	if err == nil {
		m.cost, err = agree.Calibrate(real, virtual)
	}
	if err != nil {
		return fmt.Errorf("calibrate: %w", err)
	}
	return nil
}

func (m *meeting) seed() uint64 {
	if m.options.Seed != nil {
		return *m.options.Seed
	}
	return defaultSeed
}

// meet plays one load on every engine.
func (m *meeting) meet(ctx context.Context, spec scenario.Spec) (agreement, error) {
	out := agreement{Load: spec.Name, CostMS: float64(m.cost) / float64(time.Millisecond)}
	spec, o, err := scenario.Apply(spec, m.options, m.p.parts.known())
	if err != nil {
		return out, usagef("%w", err)
	}
	real, took, err := m.play(ctx, "live", spec, o)
	if err != nil {
		return out, fmt.Errorf("%s: %w", spec.Name, err)
	}
	live := agree.RowOf(real, took)
	live.Reference = true
	out.Rows = append(out.Rows, live)
	costly := agree.Add(spec, m.cost)
	for _, run := range []struct {
		engine string
		scale  float64
	}{{"virtual", real.Scale}, {"theory", real.Scale}, {"virtual", m.full}} {
		o.Scale = run.scale
		rep, took, err := m.play(ctx, run.engine, costly, o)
		switch {
		case errors.Is(err, formula.ErrNone):
			out.Theory = err.Error()
		case err != nil:
			return out, fmt.Errorf("%s: %w", spec.Name, err)
		default:
			out.Rows = append(out.Rows, agree.RowOf(rep, took))
		}
	}
	out.Off = out.Rows[1].From(live)
	out.OK = out.Off.OK()
	if err := agree.Decided(spec); err != nil {
		out.OK, out.Verdict = false, err.Error()
	}
	return out, nil
}

// play runs one load on one engine and says how long that took.
func (m *meeting) play(ctx context.Context, engine string, spec scenario.Spec, o scenario.Override) (scenario.Report, time.Duration, error) {
	began := m.wall.Now()
	rep, err := m.p.runOnce(ctx, engine, spec, o, m.p.bar(engine+" "+spec.Name))
	if err == nil && rep.Verdict == load.GeneratorLimited {
		err = errSpoiled
	}
	return rep, m.wall.Now() - began, err
}

// print writes a table of all loads.
func (m *meeting) print() error {
	fmt.Fprintf(m.p.out, "A request costs this machine %.2f ms beyond the load itself; virtual time and theory have that added.\n\n", m.done[0].CostMS)
	rows := [][]string{{"LOAD", "ENGINE", "SCALE", "USERS", "IN TIME", "P50", "P90", "P99", "REFUSED", "TOOK", "FROM LIVE: P50", "P99", "REFUSED", ""}}
	for _, one := range m.done {
		for i, r := range one.Rows {
			row := []string{one.Load, r.Engine, fmt.Sprintf("%g", r.Scale), fmt.Sprint(r.Offered), percent(r.Goodput), ms(r.P50MS), ms(r.P90MS), ms(r.P99MS), percent(r.Refused), fmt.Sprintf("%.1f s", r.TookS)}
			if i > 0 {
				off := r.From(one.Rows[0])
				row = append(row, fmt.Sprintf("%+.1f %%", 100*off.P50), fmt.Sprintf("%+.1f %%", 100*off.P99), fmt.Sprintf("%+.1f points", 100*off.Refused))
			}
			if i == 1 {
				row = append(row, mark(one))
			}
			rows = append(rows, row)
		}
	}
	if err := columns(m.p.out, rows); err != nil {
		return err
	}
	fmt.Fprintf(m.p.out, "\nAt another scale the same load waits less or longer: a larger pool of slots is busy more evenly. Compare figures of one scale.\n")
	for _, one := range m.done {
		for _, why := range []string{one.Verdict, one.Theory} {
			if why != "" {
				fmt.Fprintf(m.p.out, "  %s: %s\n", one.Load, strings.ReplaceAll(why, "\n", "; "))
			}
		}
	}
	return nil
}

func mark(a agreement) string {
	switch {
	case a.Verdict != "":
		return "no verdict"
	case a.OK:
		return "✓"
	}
	return "✗"
}
