package checklist_test

import (
	"slices"
	"strings"
	"testing"

	"workbench/lab"
	"workbench/lab/checklist"
	"workbench/lab/scenario"
	"workbench/lab/system/kind"
	"workbench/lab/trial/list"
)

// Every name in the checklist is one of something that is there, and a row
// either is shown or says what is missing.
func TestRowsNameWhatIsThere(t *testing.T) {
	seen, patterns := map[string]bool{}, kind.AllPatterns()
	for _, r := range checklist.Rows() {
		if seen[r.Item] || r.Item == "" || r.Chapter < 1 || r.Chapter > 9 {
			t.Errorf("row %+v: want an item of its own and a chapter of nine", r)
		}
		seen[r.Item] = true
		if !r.Shown() && r.Missing == "" {
			t.Errorf("%s: got neither scenario nor trial, want one, or what is missing", r.Item)
		}
		for _, name := range r.Patterns {
			if name == "balancer" || name == "autoscaler" || name == "alert" {
				continue // settings of the instances
			}
			if !slices.ContainsFunc(patterns, func(p lab.Pattern) bool { return p.Name == name }) {
				t.Errorf("%s: pattern %q is not there", r.Item, name)
			}
		}
		for _, name := range r.Trials {
			if one, ok := list.Find(name); !ok {
				t.Errorf("%s: trial %q is not there", r.Item, name)
			} else if one.Wrong == nil {
				t.Errorf("%s: trial %q has no wrong way, so it does not show what is lost", r.Item, name)
			}
		}
		for _, name := range r.Scenarios {
			checkScenario(t, r, name)
		}
	}
	if len(seen) < 30 {
		t.Errorf("%d rows, want the whole checklist", len(seen))
	}
}

// checkScenario holds a row's scenario to its patterns: its cure is to be one of
// them.
func checkScenario(t *testing.T, r checklist.Row, name string) {
	t.Helper()
	spec, err := scenario.Find(name)
	if err != nil {
		t.Errorf("%s: %v", r.Item, err)
		return
	}
	flags := strings.Join(append(spec.Ablation.With, spec.Ablation.Without...), " ")
	if !slices.ContainsFunc(r.Patterns, func(p string) bool {
		return strings.Contains(flags, "="+p+".") || strings.Contains(flags, "="+p)
	}) {
		t.Errorf("%s: scenario %s is won by %q, which is none of %v", r.Item, name, flags, r.Patterns)
	}
}

func TestShown(t *testing.T) {
	for _, c := range []struct {
		name string
		row  checklist.Row
		want bool
	}{
		{"a scenario", checklist.Row{Scenarios: []string{"metastable"}}, true},
		{"a trial", checklist.Row{Trials: []string{"deep-pages"}}, true},
		{"half of it", checklist.Row{Scenarios: []string{"accepted-work"}, Missing: "the brokers"}, false},
		{"nothing", checklist.Row{}, false},
	} {
		if got := c.row.Shown(); got != c.want {
			t.Errorf("%s: Shown() = %v, want %v", c.name, got, c.want)
		}
	}
}

// Each pattern of the lab is in a row, so that none is without what shows it.
func TestEachPatternHasARow(t *testing.T) {
	without := map[string]string{}
	for _, p := range kind.AllPatterns() {
		there := slices.ContainsFunc(checklist.Rows(), func(r checklist.Row) bool { return slices.Contains(r.Patterns, p.Name) })
		if why := without[p.Name]; there == (why != "") {
			t.Errorf("%s: in a row: %v; and the reason why in none: %q", p.Name, there, why)
		}
	}
}
