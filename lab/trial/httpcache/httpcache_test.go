package httpcache_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"

	"workbench/lab/trial"
	"workbench/lab/trial/httpcache"
	"workbench/sim/clock"
)

// TestTrials runs each trial on both sides: with the wrong settings a claim
// fails, with the right ones all hold, and a stopped run ends.
func TestTrials(t *testing.T) {
	for _, one := range []trial.Trial{httpcache.Collapse(), httpcache.While(), httpcache.Validators(), httpcache.Storm(), httpcache.Variants()} {
		t.Run(one.Name, func(t *testing.T) {
			for side, changes := range map[string]map[string]any{"wrong": one.Wrong, "right": one.Right} {
				res, err := run(t.Context(), one, changes)
				if err != nil {
					t.Fatalf("%s: %v", side, err)
				}
				if res.Won() != (side == "right") {
					t.Errorf("%s: claims %+v, rows %v", side, res.Claims, res.Rows)
				}
				for _, row := range res.Rows {
					if len(row) != len(res.Columns) {
						t.Errorf("%s: %d cells for %d columns", side, len(row), len(res.Columns))
					}
				}
				t.Logf("%s: %v %+v", side, res.Rows, res.Claims)
			}
			ctx, stop := context.WithCancel(t.Context())
			stop()
			if _, err := run(ctx, one, one.Wrong); !errors.Is(err, context.Canceled) {
				t.Errorf("stopped: %v, want %v", err, context.Canceled)
			}
		})
	}
}

func run(ctx context.Context, one trial.Trial, changes map[string]any) (trial.Result, error) {
	knobs, err := one.Settings(changes)
	if err != nil {
		return trial.Result{}, err
	}
	return one.Run(ctx, trial.Env{Clock: clock.NewWall(), Log: slog.New(slog.DiscardHandler)}, knobs, func(trial.Step) {})
}
