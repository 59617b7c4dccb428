package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math"
	"strings"

	"workbench/lab/scenario"
	"workbench/sim/load"
)

// compare is the subcommand that runs a scenario twice with the same arrivals.
func compare(ctx context.Context, p *program, args []string) error {
	fs := flag.NewFlagSet(`compare SCENARIO|FILE --a "FLAGS" --b "FLAGS"`, flag.ContinueOnError)
	var base scenario.Override
	var faults []error
	overrides(fs, &base, &faults)
	name := fs.String("engine", p.parts.engines[0].name, "run on engine `NAME`: "+p.engineHelp())
	asJSON := fs.Bool("json", false, `print {"a": report, "b": report}`)
	sides := [2]string{}
	fs.StringVar(&sides[0], "a", "", "the first run's `FLAGS`, or one of the scenario's variants")
	fs.StringVar(&sides[1], "b", "", "the second run's `FLAGS`, or one of the scenario's variants")
	rest, err := p.flags(fs, args)
	if err != nil {
		return err
	}
	if sides[0] == sides[1] {
		faults = append(faults, errors.New(`flags --a and --b: got the same twice, want two settings to compare, such as --a "" --b "--on=queue"`))
	}
	var specs [2]scenario.Spec
	var settings [2]scenario.Override
	for i, side := range sides {
		o, err := parseSide(side)
		if err == nil && o.Seed != nil {
			err = errors.New("got --seed, want it beside --a and --b: both runs have the same arrivals")
		}
		if err != nil {
			faults = append(faults, fmt.Errorf("flag --%c: %w", 'a'+i, err))
		}
		settings[i] = o.Over(base)
	}
	for i := range sides {
		if specs[i], settings[i], err = p.scenario(rest, settings[i], faults); err != nil {
			return err
		}
	}
	var reports [2]scenario.Report
	for i, side := range sides {
		if reports[i], err = p.runOnce(ctx, *name, specs[i], settings[i], p.bar(fmt.Sprintf("%c %s", 'a'+i, side))); err != nil {
			return err
		}
	}
	if *asJSON {
		err = writeJSON(p.out, map[string]scenario.Report{"a": reports[0], "b": reports[1]})
	} else {
		fmt.Fprintf(p.out, "%s: %s\nengine %s, seed %d, scale %.4g\n\n", reports[0].Scenario, specs[0].Title, reports[0].Engine, reports[0].Seed, reports[0].Scale)
		err = columns(p.out, difference(sides, reports))
	}
	if err != nil {
		return err
	}
	if reports[0].Verdict == load.GeneratorLimited || reports[1].Verdict == load.GeneratorLimited {
		return errSpoiled
	}
	return nil
}

// parseSide reads flags, or the name of a variant.
func parseSide(text string) (scenario.Override, error) {
	words := strings.Fields(text)
	if len(words) == 1 && !strings.HasPrefix(words[0], "-") {
		words = []string{"--variant", words[0]}
	}
	return scenario.ParseFlags(words)
}

// difference lists both runs' figures and how the second differs.
func difference(sides [2]string, r [2]scenario.Report) [][]string {
	head := func(i int) string {
		if sides[i] == "" {
			return fmt.Sprintf("%c: as it is", 'a'+i)
		}
		return fmt.Sprintf("%c: %s", 'a'+i, sides[i])
	}
	rows := [][]string{{"", head(0), head(1), "b - a"}}
	count := func(name string, f func(scenario.Report) float64) {
		a, b := f(r[0]), f(r[1])
		rows = append(rows, []string{name, figure(a), figure(b), signed(b - a)})
	}
	count("users offered", func(r scenario.Report) float64 { return float64(r.Offered) })
	count("requests sent", func(r scenario.Report) float64 { return float64(r.Sent) })
	count("goodput, % of users", func(r scenario.Report) float64 { return 100 * r.GoodputShare })
	count("p50, ms", func(r scenario.Report) float64 { return r.LatencyMS.P50 })
	count("p99, ms", func(r scenario.Report) float64 { return r.LatencyMS.P99 })
	count("max, ms", func(r scenario.Report) float64 { return r.LatencyMS.Max })
	for _, name := range []string{"shed", "limited", "open", "late", "failed", "stale"} {
		if r[0].Outcomes[name]+r[1].Outcomes[name] > 0 {
			count(name+", users", func(r scenario.Report) float64 { return float64(r.Outcomes[name]) })
		}
	}
	rows = append(rows, []string{"patterns on", or(states(r[0]), "none"), or(states(r[1]), "none")})
	return rows
}

// figure writes a number with four digits, and a large one whole.
func figure(v float64) string {
	if math.Abs(v) >= 1000 {
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.4g", v)
}

func signed(v float64) string {
	if v < 0 {
		return figure(v)
	}
	return "+" + figure(v)
}

func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}
