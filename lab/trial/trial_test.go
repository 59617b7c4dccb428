package trial_test

import (
	"strings"
	"testing"

	"workbench/lab/trial"
)

type knobs struct {
	Rows int `knob:"rows" min:"1" max:"100" help:"rows in the table"`
}

func TestSettings(t *testing.T) {
	with := trial.Trial{Name: "pages", Knobs: func() any { return &knobs{Rows: 5} }}
	got, err := with.Settings(map[string]any{"rows": 7})
	if err != nil || got.(*knobs).Rows != 7 {
		t.Errorf("Settings(rows 7) = %+v, %v; want 7 rows", got, err)
	}
	for _, c := range []struct {
		name    string
		trial   trial.Trial
		changes map[string]any
		want    string
	}{
		{"out of bounds", with, map[string]any{"rows": 101}, "rows"},
		{"no such knob", with, map[string]any{"colour": "red"}, "colour"},
		{"nothing to set", trial.Trial{Name: "still"}, map[string]any{"rows": 1}, "still has no settings"},
	} {
		if _, err := c.trial.Settings(c.changes); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one that says %q", c.name, err, c.want)
		}
	}
}

func TestWon(t *testing.T) {
	for _, c := range []struct {
		name   string
		claims []trial.Claim
		want   bool
	}{
		{"no claim", nil, false},
		{"all hold", []trial.Claim{{OK: true}, {OK: true}}, true},
		{"one fails", []trial.Claim{{OK: true}, {}}, false},
	} {
		if got := (trial.Result{Claims: c.claims}).Won(); got != c.want {
			t.Errorf("%s: Won() = %v, want %v", c.name, got, c.want)
		}
	}
}
