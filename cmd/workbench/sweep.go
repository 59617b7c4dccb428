package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math"
	"strings"
	"sync"
	"time"

	"workbench/lab"
	"workbench/lab/scenario"
	"workbench/sim/load"
	"workbench/sim/stat"
)

// sweepTable is what a sweep found, as its JSON.
type sweepTable struct {
	Scenario string       `json:"scenario"`
	Engine   string       `json:"engine"`
	Vary     string       `json:"vary"`   // PATTERN.KNOB
	Metric   string       `json:"metric"` // of the scenario's ablation
	Points   []sweepPoint `json:"points"` // those of which every seed has run
	Tips     []tip        `json:"tips"`
}

// sweepPoint is one value of the knob under all seeds.
type sweepPoint struct {
	Value string    `json:"value"`
	Mean  float64   `json:"mean"`
	Half  *float64  `json:"half,omitempty"` // of the 95 % confidence interval; nil: a single seed
	Seeds []float64 `json:"seeds"`          // the metric under each seed
	Won   int       `json:"won"`            // seeds under which the scenario is won
	P99MS float64   `json:"p99_ms"`         // the mean over seeds
}

// holds reports whether the scenario is won under most seeds.
func (s sweepPoint) holds() bool { return 2*s.Won > len(s.Seeds) }

// tip is a place where a scenario turns from lost to won or back.
type tip struct {
	From string `json:"from"`
	To   string `json:"to"`
	Won  bool   `json:"won"` // beyond it
}

// sweep is the subcommand that varies one knob and says where the scenario
// tips over.
func sweep(ctx context.Context, p *program, args []string) error {
	fs := flag.NewFlagSet("sweep SCENARIO|FILE --vary PATTERN.KNOB=LOW..HIGH", flag.ContinueOnError)
	var base scenario.Override
	var faults []error
	overrides(fs, &base, &faults)
	vary := fs.String("vary", "", "try `PATTERN.KNOB=LOW..HIGH`, with the pattern switched on")
	steps := fs.Int("steps", 9, "try `N` values from LOW to HIGH")
	log := fs.Bool("log", false, "space them in equal ratios in place of equal steps")
	seeds := fs.Uint64("seeds", 5, "run each value under the seeds 1 to `N`")
	name := fs.String("engine", p.quickest(), "run on engine `NAME`: "+p.engineHelp())
	asJSON := fs.Bool("json", false, `print {"points": […], "tips": […], …}`)
	rest, err := p.flags(fs, args)
	if err != nil {
		return err
	}
	if *seeds < 1 || *seeds > maxSeeds {
		faults = append(faults, fmt.Errorf("flag --seeds: got %d, want 1 to %d", *seeds, maxSeeds))
	}
	if base.Seed != nil {
		faults = append(faults, errors.New("flag --seed: got one seed, want --seeds N: a sweep runs each value under several"))
	}
	v, err := p.parseVary(*vary, *steps, *log)
	if err != nil {
		faults = append(faults, err)
	} else if t := base.Patterns[v.pattern]; t.State != nil && *t.State != lab.On {
		faults = append(faults, fmt.Errorf("flag --vary: got %s %v, want it on: its knobs do nothing otherwise", v.pattern, *t.State))
	}
	runs, err := p.sweepRuns(rest, base, v, *seeds, faults)
	if err != nil {
		return err
	}
	table := sweepTable{Scenario: runs[0].spec.Name, Engine: *name, Vary: v.pattern + "." + v.knob, Metric: runs[0].spec.Ablation.Metric}
	err = p.runAll(ctx, *name, runs)
	table.Points = sweepPoints(v, runs, int(*seeds))
	table.Tips = tips(table.Points)
	switch {
	case len(table.Points) == 0 && err != nil:
	case *asJSON:
		err = errors.Join(writeJSON(p.out, table), err)
	default:
		err = errors.Join(p.printSweep(table, runs[0].spec.Title), err)
	}
	return err
}

// sweepRun is one run of a sweep. Its result is written by the one worker that
// took it.
type sweepRun struct {
	spec    scenario.Spec
	options scenario.Override

	done  bool
	won   bool
	value float64
	p99   float64
}

// sweepRuns lists the runs of a sweep, value by value and under each seed, all
// of them checked. Everything that is wrong is reported at once.
func (p *program) sweepRuns(args []string, base scenario.Override, v varied, seeds uint64, faults []error) ([]sweepRun, error) {
	if len(faults) > 0 {
		_, _, err := p.scenario(args, base, faults)
		return nil, err
	}
	on := lab.On
	var out []sweepRun
	for _, value := range v.values {
		change := scenario.Override{Patterns: map[string]scenario.Toggle{v.pattern: {State: &on, Knobs: map[string]any{v.knob: value}}}}
		spec, o, err := p.scenario(args, change.Over(base), nil)
		if err != nil {
			return nil, err
		}
		if spec.Ablation.Metric == "" {
			return nil, usagef("scenario %s: got no ablation, want one in its file: it says what counts as won", spec.Name)
		}
		for seed := range seeds {
			one := o
			seed++
			one.Seed = &seed
			out = append(out, sweepRun{spec: spec, options: one})
		}
	}
	return out, nil
}

// runAll runs everything on one engine, as many at once as the engine allows,
// and returns when all are done, one has failed or ctx has ended.
func (p *program) runAll(ctx context.Context, name string, runs []sweepRun) error {
	e, err := p.open(ctx, name)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	bar := p.bar("sweep")
	defer bar.end()
	var (
		mu      sync.Mutex // guards next, ended and the bar
		next    int
		ended   int
		workers sync.WaitGroup
	)
	for range min(p.jobs(name), len(runs)) {
		workers.Go(func() {
			for ctx.Err() == nil {
				mu.Lock()
				i := next
				next++
				mu.Unlock()
				if i >= len(runs) {
					return
				}
				if err := runs[i].run(ctx, e); err != nil {
					stop(err)
					return
				}
				mu.Lock()
				ended++
				bar.update(time.Duration(ended)*time.Second, time.Duration(len(runs))*time.Second, scenario.Point{Offered: 1, Good: runs[i].value})
				mu.Unlock()
			}
		})
	}
	workers.Wait()
	return errors.Join(context.Cause(ctx), e.Close(context.WithoutCancel(ctx)))
}

// quickest returns the last engine that plays.
func (p *program) quickest() string {
	name := ""
	for _, k := range p.parts.engines {
		if !k.paper {
			name = k.name
		}
	}
	return name
}

// jobs returns how many runs an engine takes at once.
func (p *program) jobs(name string) int {
	for _, k := range p.parts.engines {
		if k.name == name {
			return max(1, k.jobs)
		}
	}
	return 1
}

func (r *sweepRun) run(ctx context.Context, e engine) error {
	rep, err := runWith(ctx, e, r.spec, r.options, nil)
	if err != nil {
		return err
	}
	if rep.Verdict == load.GeneratorLimited {
		return errSpoiled
	}
	r.won, r.value, err = scenario.Won(r.spec.Scaled(rep.Scale), rep)
	if err != nil {
		return fmt.Errorf("scenario %s: %w", r.spec.Name, err)
	}
	r.p99, r.done = rep.LatencyMS.P99, true
	return nil
}

// sweepPoints puts together the runs of each value, leaving out values of which
// a run is missing.
func sweepPoints(v varied, runs []sweepRun, seeds int) []sweepPoint {
	out := []sweepPoint{}
	for i, value := range v.values {
		point := sweepPoint{Value: value}
		var p99 stat.Moments
		for _, r := range runs[i*seeds : (i+1)*seeds] {
			if !r.done {
				continue
			}
			point.Seeds = append(point.Seeds, r.value)
			p99.Add(r.p99)
			if r.won {
				point.Won++
			}
		}
		if len(point.Seeds) < seeds {
			continue
		}
		interval := stat.NewInterval(point.Seeds)
		point.Mean, point.P99MS = interval.Mean, p99.Mean()
		if !math.IsInf(interval.Half, 0) {
			point.Half = &interval.Half
		}
		out = append(out, point)
	}
	return out
}

// tips lists the neighbours between which the scenario turns.
func tips(points []sweepPoint) []tip {
	out := []tip{}
	for i := 1; i < len(points); i++ {
		if before, after := points[i-1], points[i]; before.holds() != after.holds() {
			out = append(out, tip{before.Value, after.Value, after.holds()})
		}
	}
	return out
}

// printSweep writes the points as a table with a bar each, and where it tips.
func (p *program) printSweep(t sweepTable, title string) error {
	fmt.Fprintf(p.out, "%s: %s\nengine %s, %s under %d seeds\n\n", t.Scenario, title, t.Engine, t.Vary, len(t.Points[0].Seeds))
	top := 0.0
	for _, point := range t.Points {
		top = max(top, point.Mean)
	}
	rows := [][]string{{strings.ToUpper(t.Vary), strings.ToUpper(t.Metric), "±95 %", "P99", "WON", ""}}
	for _, point := range t.Points {
		half := "-"
		if point.Half != nil {
			half = fmt.Sprintf("%.2g", *point.Half)
		}
		length := 0
		if top > 0 {
			length = int(math.Round(barWidth * max(0, point.Mean) / top))
		}
		rows = append(rows, []string{point.Value, fmt.Sprintf("%.4g", point.Mean), half, ms(point.P99MS), fmt.Sprintf("%d of %d", point.Won, len(point.Seeds)), strings.Repeat("#", length)})
	}
	if err := columns(p.out, rows); err != nil {
		return err
	}
	fmt.Fprintln(p.out)
	words := map[bool]string{true: "won", false: "lost"}
	for _, one := range t.Tips {
		fmt.Fprintf(p.out, "  %s tips between %s (%s) and %s (%s)\n", t.Vary, one.From, words[!one.Won], one.To, words[one.Won])
	}
	if len(t.Tips) == 0 {
		fmt.Fprintf(p.out, "  %s does not tip in this range: %s at every value\n", t.Vary, words[t.Points[0].holds()])
	}
	return nil
}
