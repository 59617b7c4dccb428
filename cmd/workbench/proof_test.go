package main

import (
	"encoding/json"
	"strings"
	"testing"

	"workbench/lab/proof"
)

// TestKeptProofIsWhatThisProgramMeasures plays trials again, in virtual time,
// and holds the kept ones to them exactly: every scenario under one seed, and
// two scenarios under all five.
func TestKeptProofIsWhatThisProgramMeasures(t *testing.T) {
	kept, err := proof.Load()
	if err != nil {
		t.Fatal(err)
	}
	calls := [][]string{{"metastable", "stampede", "--seeds=5"}}
	if !testing.Short() {
		calls = append(calls, []string{"--seeds=1"})
	}
	for _, args := range calls {
		var out, errs strings.Builder
		code := run(t.Context(), append([]string{"ablation", "--engine=virtual", "--json"}, args...), strings.NewReader(""), &out, &errs, func(string) string { return "" })
		var again proof.Table
		if err := json.Unmarshal([]byte(out.String()), &again); err != nil || code != exitOK || len(again.Trials) == 0 {
			t.Fatalf("ablation %v: exit code %d with %d trials, %v; stderr:\n%s", args, code, len(again.Trials), err, errs.String())
		}
		for _, one := range again.Trials {
			if was := find(kept, one); was != one {
				t.Errorf("%s, seed %d: kept %+v, measured %+v; run make proof if the change is meant", one.Scenario, one.Seed, was, one)
			}
		}
	}
}

// find returns the kept trial of the same scenario and seed.
func find(kept proof.Table, like proof.Trial) proof.Trial {
	for _, one := range kept.Trials {
		if one.Scenario == like.Scenario && one.Seed == like.Seed {
			return one
		}
	}
	return proof.Trial{}
}
