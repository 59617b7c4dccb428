package virtual_test

import (
	"testing"

	"workbench/lab"
	"workbench/lab/virtual"
)

// A call that lost leaves its line: behind a gate that hangs, two calls wait for
// each request, and both are gone once its users have theirs from elsewhere or
// its deadline has passed. Nobody is answered twice and nobody is forgotten.
func TestCancelledCallsLeaveTheGate(t *testing.T) {
	s := parse(t, `
title: t
system: profile
instances: 2
gate: {slots: 4, service: 20ms, law: lognormal, scv: 10, backlog: 400}
population: {users: 100, keys: 100, mix: [{op: read-profile, weight: 80}, {op: update-profile, weight: 20}]}
traffic: [{name: calm, for: 10s, rate: 100}, {name: full, for: 10s, rate: 250}]
faults: [{name: hang, at: 3s, for: 2s}, {name: kill, target: b, at: 7s, for: 2s}]
clients: {timeout: 1s, retries: 1}
`)
	for _, c := range []struct {
		name  string
		knobs map[string]any
		least float64 // share of the reads that have a second call
		most  float64
	}{
		{"unbounded", map[string]any{"quantile": 0, "after": "10ms", "budget": 1}, 0.2, 1},
		{"a budget", map[string]any{"quantile": 0, "after": "10ms", "budget": 0.1}, 0.08, 0.11},
		{"by quantile", map[string]any{"quantile": 0.95, "budget": 1}, 0.02, 0.25},
	} {
		t.Run(c.name, func(t *testing.T) {
			rep := run(t, s, virtual.Options{Seed: 5, Patterns: append(with("hedge", lab.On, c.knobs), with("timeout", lab.On, nil)...)})
			n := rep.Patterns["hedge"].Counters
			if share := float64(n["hedged"]) / float64(n["calls"]); share < c.least || share > c.most {
				t.Errorf("%d of %d reads had a second call, want a share of %v to %v", n["hedged"], n["calls"], c.least, c.most)
			}
			if n["won"] == 0 || n["won"] > n["hedged"] {
				t.Errorf("%d of %d second calls won, want some", n["won"], n["hedged"])
			}
			if got := ended(rep); got != rep.Offered {
				t.Errorf("%d users came and %d got an outcome, want as many", rep.Offered, got)
			}
			if last := rep.Series[len(rep.Series)-1]; last.Queue > 400 {
				t.Errorf("at the end %v wait, want no more than the backlog", last.Queue)
			}
		})
	}
}
