package classics

import (
	"context"
	"fmt"
	"time"

	"workbench/lab"
	"workbench/lab/chain"
	"workbench/lab/scenario"
	"workbench/lab/virtual"
	"workbench/sim/arrival"
)

// collapse runs one of the program's own scenarios in virtual time, whole, once
// for each of several seeds.
type collapse struct {
	scenario string
	budget   float64 // the clients' retry budget; 0: none
	longer   time.Duration
	times    int
}

func (c collapse) run(ctx context.Context, seed uint64, measure func(scenario.Spec, scenario.Report) (float64, error)) (Result, error) {
	spec, err := scenario.Find(c.scenario)
	if err != nil {
		return Result{}, err
	}
	// A copy: the schedule found belongs to the scenario.
	spec.Traffic = append(arrival.Schedule(nil), spec.Traffic...)
	spec.Traffic[len(spec.Traffic)-1].For += c.longer
	state := lab.Off
	var knobs map[string]any
	if c.budget > 0 {
		state, knobs = lab.On, map[string]any{"share": c.budget}
	}
	changes := []chain.Change{{Pattern: "client-budget", State: &state, Knobs: knobs}}
	return repeat(ctx, seed, c.times, func(seed uint64) (float64, error) {
		report, err := virtual.Run(ctx, spec, virtual.Options{Seed: seed, Scale: 1, Patterns: changes})
		if err != nil {
			return 0, err
		}
		return measure(spec, report)
	})
}

// metric measures one of the scenario language's metrics in the last 15 s.
func (c collapse) metric(name string) func(context.Context, uint64) (Result, error) {
	return func(ctx context.Context, seed uint64) (Result, error) {
		return c.run(ctx, seed, func(spec scenario.Spec, r scenario.Report) (float64, error) {
			return scenario.MeasureIn(scenario.Window{Last: 15 * time.Second}, name, spec, r)
		})
	}
}

// late measures for how many seconds after the spike hardly anybody is served.
func (c collapse) late(ctx context.Context, seed uint64) (Result, error) {
	return c.run(ctx, seed, func(spec scenario.Spec, r scenario.Report) (float64, error) {
		end := 0.
		for _, phase := range spec.Traffic {
			end += phase.For.Seconds()
			if phase.Name == "spike" {
				break
			}
		}
		for _, p := range r.Series {
			if p.T > end+1 && p.Good >= p.Offered/2 {
				// Half-way through its second: T is the second's end.
				return p.T - .5 - end, nil
			}
		}
		return 0, fmt.Errorf("scenario %s: did not recover in %.0f s", spec.Name, r.DurationS)
	})
}

func collapses() []Classic {
	const bronson = "N. Bronson and others, Metastable Failures in Distributed Systems, HotOS 2021; L. Huang and others, Metastable Failures in the Wild, OSDI 2022"
	bare := collapse{scenario: "metastable", times: 3}
	budgeted := collapse{scenario: "metastable", budget: .1, times: 3}
	return []Classic{
		{
			ID: "metastable-goodput", Title: "A spike ends, the failure does not", Theory: 0, Tolerance: .02, Source: bronson,
			Figure: "800 of 1000 requests/s, three retries, a spike of ten seconds: a minute later nobody is served in time",
			Run:    bare.metric("goodput_share"),
		}, {
			ID: "metastable-load", Title: "What keeps it going", Theory: 4, Tolerance: .05, Source: bronson,
			Figure: "each user makes four attempts: 3200 requests/s for a capacity of 1000",
			Run:    bare.metric("tries_ratio"),
		}, {
			ID: "metastable-budget", Title: "What ends it", Theory: 1, Tolerance: .02, Source: bronson + "; the budget: Site Reliability Engineering, 2016, chapter 21",
			Figure: "with a retry budget of 10 % all are served again a minute after the spike",
			Run:    budgeted.metric("goodput_share"),
		}, {
			ID: "budget-drain-10", Title: "A backlog drains by the margin: 10 % budget", Theory: 30.1, Tolerance: 3, Source: "the fluid limit of the scenario retry-budget-threshold: " + drain,
			Figure: "1000 - 880 requests/s drain 4116 - 500 requests in 30 s",
			Run:    collapse{scenario: "retry-budget-threshold", budget: .1, times: 6}.late,
		}, {
			ID: "budget-drain-20", Title: "A third of the margin, three times as long: 20 % budget", Theory: 90.4, Tolerance: 9, Source: "the fluid limit of the scenario retry-budget-threshold: " + drain,
			Figure: "1000 - 960 requests/s drain 4116 - 500 requests in 90 s",
			Run:    collapse{scenario: "retry-budget-threshold", budget: .2, longer: time.Minute, times: 12}.late,
		},
	}
}

// drain says where the numbers of the budgets come from.
const drain = "a backlog of 4096 and 20 slots, less the 500 that half a second of patience allows"
