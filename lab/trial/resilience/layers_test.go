package resilience_test

import (
	"testing"

	"workbench/lab/trial/resilience"
	"workbench/lab/trial/trialtest"
)

func TestLayers(t *testing.T) { trialtest.Check(t, resilience.Layers(), map[string]any{"users": 2}) }

// Three layers of four tries each are 64 calls, as the chapter says.
func TestTriesMultiply(t *testing.T) {
	res := trialtest.Run(t, resilience.Layers(), map[string]any{"users": 1, "retry": "every"})
	for i, want := range []string{"1", "4", "16", "64"} {
		if got := res.Rows[i][1]; got != want {
			t.Errorf("%s got %s calls, want %s", res.Rows[i][0], got, want)
		}
	}
}
