package view

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"workbench/lab/proof"
	"workbench/lab/scenario"
)

// Proof is the page that shows how each scenario is lost and won.
type Proof struct {
	Rows    []ProofRow
	Trials  []ProofTrial
	Sum     string // "All 12 scenarios …"
	OK      bool
	Engine  string
	Version string // of the program
}

// ProofRow is one scenario over all seeds.
type ProofRow struct {
	Name, Title, Link    string
	Measure, Goal        string
	Cure, Lost           string // flags that make the difference; Lost may be empty
	Without, With, Seeds string
	OK                   bool
}

// ProofTrial is one scenario under one seed.
type ProofTrial struct {
	Title, Seed, Without, With string
	OK                         bool
}

// ProofOf makes the page's figures from the kept trials and the scenarios they
// are about, in the scenarios' order. A scenario without trials is an error.
func ProofOf(table proof.Table, specs []scenario.Spec, version string) (Proof, error) {
	v := Proof{OK: table.OK, Version: version}
	var faults []error
	seeds := 0
	for _, spec := range specs {
		var trials []proof.Trial
		for _, one := range table.Trials {
			if one.Scenario == spec.Name {
				trials = append(trials, one)
			}
		}
		if len(trials) == 0 {
			faults = append(faults, fmt.Errorf("scenario %s: the kept proof has no run of it; make it anew with make proof", spec.Name))
			continue
		}
		seeds, v.Engine = len(trials), trials[0].Engine
		v.Rows = append(v.Rows, proofRow(spec, trials))
		for _, one := range trials {
			v.Trials = append(v.Trials, ProofTrial{
				Title: spec.Title, Seed: strconv.FormatUint(one.Seed, 10), Without: measured(one.Metric, one.Without.Value), With: measured(one.Metric, one.With.Value), OK: one.OK,
			})
		}
	}
	v.Sum = fmt.Sprintf("All %d scenarios are lost without their pattern and won with it, under each of %d seeds.", len(v.Rows), seeds)
	if !v.OK {
		v.Sum = "Not every scenario is lost without its pattern and won with it."
	}
	return v, errors.Join(faults...)
}

func proofRow(spec scenario.Spec, trials []proof.Trial) ProofRow {
	a := spec.Ablation
	r := ProofRow{
		Name: spec.Name, Title: spec.Title, Link: "/lab?scenario=" + spec.Name,
		Measure: measure(a.Metric), Goal: goal(a), Cure: strings.Join(a.With, " "), Lost: strings.Join(a.Without, " "),
	}
	var without, with []float64
	held := 0
	for _, one := range trials {
		without, with = append(without, one.Without.Value), append(with, one.With.Value)
		if one.OK {
			held++
		}
	}
	r.Without, r.With = between(a.Metric, without), between(a.Metric, with)
	r.Seeds, r.OK = fmt.Sprintf("%d of %d", held, len(trials)), held == len(trials)
	return r
}

// measure says what a metric measures: "users of read-profile answered in time".
func measure(metric string) string {
	name, op, _ := strings.Cut(metric, ":")
	text := map[string]string{
		"goodput_share": "users answered in time", "good_rate": "users answered in time, a second", "victim_good_share": "users other than the abuser answered in time",
		"op_good_share": "users answered in time", "event_share": "how often it happened, for each user who came", "p50_ms": "median latency", "p99_ms": "99th percentile of the latency", "recovered_after_s": "time until it is well again",
	}[name]
	if text == "" {
		text = Words(name)
	}
	if name == "event_share" {
		return text + ": " + op
	}
	if op != "" {
		text += ", " + op + " alone"
	}
	return text
}

// goal says what winning means: "at least 95 %, in the last 15 s".
func goal(a scenario.Ablation) string {
	var parts []string
	if a.Min != nil {
		parts = append(parts, "at least "+measured(a.Metric, *a.Min))
	}
	if a.Max != nil {
		parts = append(parts, "at most "+measured(a.Metric, *a.Max))
	}
	seconds := func(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'f', -1, 64) }
	text := strings.Join(parts, ", ")
	switch {
	case a.Last > 0:
		text += ", in the last " + seconds(a.Last) + " s"
	case a.From > 0 && a.To > 0:
		text += ", from second " + seconds(a.From) + " to " + seconds(a.To)
	case a.From > 0:
		text += ", from second " + seconds(a.From) + " on"
	}
	return text
}

// measured writes a metric's value with its unit.
func measured(metric string, v float64) string {
	name, _, _ := strings.Cut(metric, ":")
	for _, m := range scenario.Metrics() {
		if m.Name != name {
			continue
		}
		switch m.Unit {
		case "share":
			return share(v)
		case "ms":
			return Millis(v)
		case "s":
			return strconv.FormatFloat(v, 'f', -1, 64) + " s"
		case "req/s":
			return Rate(v) + "/s"
		}
	}
	return strconv.FormatFloat(v, 'g', digits, 64)
}

// share writes a share as Percent does, with one digit more near all, where it
// makes a difference.
func share(v float64) string {
	if v > .9 && v < 1 {
		return strconv.FormatFloat(math.Floor(v*1000+1e-9)/10, 'f', -1, 64) + " %"
	}
	return Percent(v)
}

const digits = 4 // of a figure without a form of its own

// between writes the least and the greatest of some values, once if they read
// the same.
func between(metric string, values []float64) string {
	low, high := measured(metric, slices.Min(values)), measured(metric, slices.Max(values))
	if low == high {
		return low
	}
	return low + " to " + high
}
