package queue_test

import (
	"log/slog"
	"testing"

	"workbench/lab/trial"
	"workbench/lab/trial/queue"
	"workbench/sim/clock"
)

// Each trial is lost with the wrong settings and won with the right ones.
func TestTrials(t *testing.T) {
	for _, one := range []trial.Trial{queue.Crash(), queue.Backlog(), queue.Poison()} {
		for _, c := range []struct {
			name     string
			settings map[string]any
			won      bool
		}{{"wrong", one.Wrong, false}, {"right", one.Right, true}} {
			t.Run(one.Name+" "+c.name, func(t *testing.T) {
				k, err := one.Settings(c.settings)
				if err != nil {
					t.Fatal(err)
				}
				env := trial.Env{Dir: t.TempDir(), Seed: 1, Clock: clock.NewWall(), Log: slog.New(slog.DiscardHandler)}
				r, err := one.Run(t.Context(), env, k, func(trial.Step) {})
				if err != nil {
					t.Fatal(err)
				}
				if r.Won() != c.won || r.Component == "" || len(r.Rows) == 0 {
					t.Errorf("%+v\nwon %v, want %v", r, r.Won(), c.won)
				}
				t.Logf("%s: %v %+v", r.Component, r.Rows, r.Claims)
			})
		}
	}
}
