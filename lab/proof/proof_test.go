package proof_test

import (
	"testing"

	"workbench/lab/proof"
	"workbench/lab/scenario"
)

// Every scenario is there, under the seeds 1 to 5, lost and won. That the
// values are those of this program's runs is a test of cmd/workbench.
func TestEveryScenarioIsProvenUnderFiveSeeds(t *testing.T) {
	table, err := proof.Load()
	if err != nil {
		t.Fatal(err)
	}
	specs, err := scenario.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	const seeds = 5
	if got, want := len(table.Trials), seeds*len(specs); got != want {
		t.Fatalf("%d trials, want %d: run make proof", got, want)
	}
	for i, one := range table.Trials {
		spec, seed := specs[i/seeds], uint64(i%seeds+1)
		if one.Scenario != spec.Name || one.Seed != seed || one.Metric != spec.Ablation.Metric || one.Engine != "virtual" {
			t.Errorf("trial %d is %s %s, seed %d on %s; want %s %s, seed %d on virtual", i, one.Scenario, one.Metric, one.Seed, one.Engine, spec.Name, spec.Ablation.Metric, seed)
		}
		if !one.OK || one.Without.Won || !one.With.Won {
			t.Errorf("%s, seed %d: %+v, want lost without and won with", one.Scenario, one.Seed, one)
		}
	}
	if !table.OK {
		t.Error("the table says that not all came out as they should")
	}
}
