package caching_test

import (
	"maps"
	"testing"
	"testing/synctest"

	"workbench/lab/trial/caching"
	"workbench/lab/trial/trialtest"
)

func TestJitter(t *testing.T) {
	trialtest.Check(t, caching.Jitter(), map[string]any{"entries": 2000, "cycles": 1})
}

func TestWarm(t *testing.T) { trialtest.Check(t, caching.Warm(), map[string]any{"requests": 1000}) }

// The clock is virtual, so that the counts do not depend on the machine.
func TestEarly(t *testing.T) {
	one := caching.Early()
	for _, side := range []map[string]any{one.Wrong, one.Right} {
		synctest.Test(t, func(t *testing.T) {
			trialtest.Lost(t, trialtest.Run(t, one, maps.Clone(side)), side["early"] == 0)
		})
	}
	if _, err := one.Settings(map[string]any{"for": "1s", "ttl": "1s"}); err == nil {
		t.Error("a run in which nothing expires passes, want an error")
	}
}

func TestNegative(t *testing.T) {
	trialtest.Check(t, caching.Negative(), map[string]any{"times": 5})
}

func TestLevels(t *testing.T) {
	trialtest.Check(t, caching.Levels(), map[string]any{"items": 5, "rounds": 2, "pause": "200ms"})
}

// Redis alone has one copy for all, and no instance is behind.
func TestOneCopyForAll(t *testing.T) {
	trialtest.Lost(t, trialtest.Run(t, caching.Levels(), map[string]any{"store": "redis", "items": 5, "rounds": 2}), false)
}
