package limits_test

import (
	"testing"

	"workbench/lab/trial/limits"
	"workbench/lab/trial/trialtest"
)

func TestShared(t *testing.T) {
	trialtest.Check(t, limits.Shared(), map[string]any{"for": "600ms"})
}

func TestEveryWindow(t *testing.T) {
	trialtest.Check(t, limits.EveryWindow(), map[string]any{"for": "600ms", "rate": 200})
}

func TestEdge(t *testing.T) { trialtest.Check(t, limits.Edge(), nil) }

// No algorithm of the lab lets more through at an edge than it promises.
func TestNoBucketHasAnEdge(t *testing.T) {
	for _, algorithm := range []string{"token-bucket", "gcra", "sliding-window"} {
		res := trialtest.Run(t, limits.Edge(), map[string]any{"algorithm": algorithm})
		trialtest.Lost(t, res, false)
	}
}

func TestTooManyToLookAt(t *testing.T) {
	if _, err := limits.EveryWindow().Settings(map[string]any{"rate": 2000, "for": "30s"}); err == nil {
		t.Error("60,000 admissions in four instances pass, want an error")
	}
}
