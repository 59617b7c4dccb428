package observing_test

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"strings"
	"testing"

	"workbench/lab/trial"
	"workbench/lab/trial/observing"
	"workbench/sim/clock"
)

func run(t *testing.T, one trial.Trial, changes ...map[string]any) trial.Result {
	t.Helper()
	all := map[string]any{}
	for _, c := range changes {
		maps.Copy(all, c)
	}
	k, err := one.Settings(all)
	if err != nil {
		t.Fatal(err)
	}
	env := trial.Env{Dir: t.TempDir(), Seed: 1, Clock: clock.NewWall(), Log: slog.New(slog.DiscardHandler)}
	r, err := one.Run(t.Context(), env, k, func(trial.Step) {})
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range r.Rows {
		if len(row) != len(r.Columns) {
			t.Errorf("row %q has %d cells for %d columns", row, len(row), len(r.Columns))
		}
	}
	return r
}

func TestEachTrialIsLostAndWon(t *testing.T) {
	for _, c := range []struct {
		trial trial.Trial
		small map[string]any
	}{
		{observing.Percentiles(), map[string]any{"requests": 20000}},
		{observing.SaturationLeads(), nil},
		{observing.LoggingCost(), map[string]any{"requests": 5000}},
		{observing.Cardinality(), map[string]any{"users": 4000}},
		{observing.BurnRate(), nil},
		{observing.NPlusOne(), map[string]any{"round_trip": "0s"}},
	} {
		t.Run(c.trial.Name, func(t *testing.T) {
			t.Parallel()
			wrong, right := run(t, c.trial, c.small, c.trial.Wrong), run(t, c.trial, c.small, c.trial.Right)
			if wrong.Won() {
				t.Errorf("with %v every claim holds: %+v", c.trial.Wrong, wrong.Claims)
			}
			if !right.Won() {
				t.Errorf("with %v: %+v, want all to hold; rows %v", c.trial.Right, right.Claims, right.Rows)
			}
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			k, err := c.trial.Settings(c.small)
			if err != nil {
				t.Fatal(err)
			}
			env := trial.Env{Dir: t.TempDir(), Seed: 1, Clock: clock.NewWall(), Log: slog.New(slog.DiscardHandler)}
			if _, err := c.trial.Run(ctx, env, k, func(trial.Step) {}); !errors.Is(err, context.Canceled) {
				t.Errorf("a run that is stopped returns %v, want %v", err, context.Canceled)
			}
		})
	}
}

func TestTheTraceShowsEachQuery(t *testing.T) {
	one := observing.NPlusOne()
	r := run(t, one, one.Wrong, map[string]any{"posts": 20, "round_trip": "0s"})
	if len(r.Rows) != 3 || r.Rows[1][1] != "20" || !strings.Contains(r.Notes[0].Text, "FROM author") {
		t.Errorf("rows %v and note %q, want twenty queries for authors", r.Rows, r.Notes[0].Text)
	}
}
