package asyncio_test

import (
	"testing"

	"workbench/lab/trial/asyncio"
	"workbench/lab/trial/trialtest"
)

func TestHoldAndWait(t *testing.T) {
	trialtest.Check(t, asyncio.HoldAndWait(), map[string]any{"patience": "2s"})
}

func TestOwnPool(t *testing.T) {
	trialtest.Check(t, asyncio.OwnPool(), map[string]any{"patience": "300ms"})
}

func TestLockAcross(t *testing.T) {
	trialtest.Check(t, asyncio.LockAcross(), map[string]any{"callers": 12, "call": "50ms"})
}

func TestConnections(t *testing.T) {
	trialtest.Check(t, asyncio.Connections(), map[string]any{"callers": 4, "calls": 8})
}

// Each wrong way makes a connection for every call, or nearly.
func TestEachWrongWayOpensConnections(t *testing.T) {
	for _, way := range []string{"fresh", "undrained"} {
		res := trialtest.Run(t, asyncio.Connections(), map[string]any{"client": way, "callers": 2, "calls": 10})
		if got := res.Rows[0][1]; got != "20" {
			t.Errorf("%s: %s connections for 20 calls, want 20", way, got)
		}
	}
}

func TestSpawn(t *testing.T) {
	trialtest.Check(t, asyncio.Spawn(), map[string]any{"requests": 2000, "hang": "0s"})
}

func TestSpin(t *testing.T) {
	trialtest.Check(t, asyncio.Spin(), map[string]any{"light": 20, "limit": "1s"})
}
