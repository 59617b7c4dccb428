package resilience_test

import (
	"testing"
	"testing/synctest"

	"workbench/lab/trial"
	"workbench/lab/trial/resilience"
	"workbench/lab/trial/trialtest"
)

// In a bubble the clock is virtual: the counts do not depend on the machine, and
// no goroutine may be left over.
func TestProtections(t *testing.T) {
	for _, one := range []trial.Trial{resilience.Hang(), resilience.Dead(), resilience.Old()} {
		for _, side := range []struct {
			name    string
			changes map[string]any
			lost    bool
		}{{"wrong", one.Wrong, true}, {"right", one.Right, false}} {
			t.Run(one.Name+" "+side.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					trialtest.Lost(t, trialtest.Run(t, one, side.changes), side.lost)
				})
			})
		}
	}
}
