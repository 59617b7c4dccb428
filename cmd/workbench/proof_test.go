package main

import (
	"encoding/json"
	"strings"
	"testing"

	"workbench/lab/classics"
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

// TestKeptFiguresAreWhatThisProgramFinds reproduces the quicker half of the
// published results and holds the kept figures to them exactly.
func TestKeptFiguresAreWhatThisProgramFinds(t *testing.T) {
	kept, err := proof.Figures()
	if err != nil {
		t.Fatal(err)
	}
	if got, want := len(kept), len(classics.All()); got != want {
		t.Fatalf("%d kept figures, want %d: run make proof", got, want)
	}
	for _, f := range kept {
		c, ok := classics.Find(f.ID)
		if !ok {
			t.Errorf("%s is kept and is no classic", f.ID)
			continue
		}
		if f.Samples > 100_000 || testing.Short() {
			continue
		}
		again, err := c.Try(t.Context(), f.Seed)
		if err != nil {
			t.Fatal(err)
		}
		if got := (proof.Figure{ID: again.ID, Seed: again.Seed, Value: again.Value, Low: again.Low, High: again.High, Samples: again.Samples, OK: again.OK}); got != f {
			t.Errorf("kept %+v, found %+v; run make proof if the change is meant", f, got)
		}
	}
}
