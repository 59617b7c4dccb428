//go:build e2e

package e2e_test

import (
	"context"
	"time"

	"workbench/exercises/shelf"
	"workbench/lab"
	"workbench/lab/beside"
)

// plugged is a plugger in which an answer is plugged in and was compared.
type plugged struct{}

func (plugged) Plug(context.Context, shelf.Exercise, map[string]string) error { return nil }
func (plugged) Unplug(context.Context, shelf.Exercise) error                  { return nil }
func (plugged) Again(string) string                                           { return "" }
func (plugged) Plugged(shelf.Exercise) bool                                   { return true }

func (p plugged) Compare(_ context.Context, e shelf.Exercise) (beside.Result, error) {
	r, _ := p.Compared(e)
	return r, nil
}

func (plugged) Compared(shelf.Exercise) (beside.Result, bool) {
	return beside.Result{
		Pattern: "ratelimit", Solution: "token-bucket", Seed: 1, Duration: 4 * time.Second, Patience: 150 * time.Millisecond, Lag: 30 * time.Millisecond,
		Setting: "200 requests a second, for a second 800, before 4 slots × 10 ms that can serve 400; the limit is 340 a second",
		Columns: []beside.Column{
			{State: lab.Off, Offered: 1382, Good: 290, Late: 1092, P50: 518 * time.Millisecond, P99: 1133 * time.Millisecond, Curve: []int{20, 20, 60, 0, 0}},
			{State: lab.On, Offered: 1382, Good: 944, Refused: 438, P50: 13 * time.Millisecond, P99: 60 * time.Millisecond, Curve: []int{20, 20, 52, 33, 20}},
			{State: lab.Yours, Offered: 1382, Good: 940, Refused: 442, P50: 13 * time.Millisecond, P99: 61 * time.Millisecond, Curve: []int{20, 20, 50, 33, 20}, Guard: "guard open: it hangs"},
		},
	}, true
}
