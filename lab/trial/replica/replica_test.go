package replica_test

import (
	"log/slog"
	"testing"

	"workbench/lab/trial"
	"workbench/lab/trial/replica"
	"workbench/sim/clock"
)

// TestOwnWrites: a caller that waits for its position always sees its write;
// one that is pinned for less than the lag, or not at all, does not.
func TestOwnWrites(t *testing.T) {
	one := replica.All()[0]
	for _, c := range []struct {
		name    string
		changes map[string]any
		won     bool
	}{
		{"right", one.Right, true},
		{"wrong", one.Wrong, false},
		{"off", map[string]any{"own": "off"}, false},
		{"pinned for longer than the lag", map[string]any{"own": "pin", "pin_for": "1s"}, true},
		{"no lag", map[string]any{"own": "wait", "lag": "0s"}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			k, err := one.Settings(c.changes)
			if err != nil {
				t.Fatal(err)
			}
			r, err := one.Run(t.Context(), trial.Env{Dir: t.TempDir(), Clock: clock.NewWall(), Log: slog.New(slog.DiscardHandler)}, k, func(trial.Step) {})
			if err != nil {
				t.Fatal(err)
			}
			for _, row := range r.Rows {
				t.Log(row)
			}
			if r.Won() != c.won {
				t.Errorf("won %v, want %v: %+v", r.Won(), c.won, r.Claims)
			}
		})
	}
}
