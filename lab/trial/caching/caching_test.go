package caching_test

import (
	"maps"
	"slices"
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

func TestKeySet(t *testing.T) { trialtest.Check(t, caching.KeySet(), map[string]any{"rate": 20}) }

// Each knob changes what is measured, and each way to get it wrong loses the
// claims that it is known for.
func TestKeySetKnobs(t *testing.T) {
	const (
		calm = iota
		flood
		rotation
		withdrawn
		down
	)
	for _, s := range []struct {
		name    string
		changes map[string]any
		lost    []int // claims
	}{
		{"a fetch for each token", map[string]any{"way": "each"}, []int{calm, flood, rotation, down}},
		{"which an issuer with little work for it bears, until it is down", map[string]any{"way": "each", "cost": "1ms"}, []int{calm, flood, down}},
		{"one fetch for ever", map[string]any{"way": "ever"}, []int{rotation, withdrawn, down}},
		{"a ttl of 0", map[string]any{"ttl": "0s", "stale": "0s", "gap": "0s"}, []int{calm, flood, rotation, down}},
		{"a long ttl", map[string]any{"ttl": "10m"}, []int{withdrawn}},
		{"nothing old", map[string]any{"stale": "0s"}, []int{down}},
		{"nothing old in a short outage, with the set renewed ahead of it", map[string]any{"stale": "0s", "ttl": "20s", "unknown_ttl": "1h", "ahead": "12s", "down": "12s"}, nil},
		{"and not ahead of it", map[string]any{"stale": "0s", "ttl": "20s", "unknown_ttl": "1h", "ahead": "0s", "down": "12s"}, []int{down}},
		{"a long outage", map[string]any{"down": "2m"}, []int{down}},
		{"each unknown id is asked for", map[string]any{"gap": "0s", "unknown_ttl": "0s"}, []int{flood}},
		{"once", map[string]any{"gap": "0s"}, []int{flood}},
		{"once, and there are few", map[string]any{"gap": "0s", "ids": 10}, nil},
		{"nobody sends them", map[string]any{"gap": "0s", "unknown_ttl": "0s", "flood": 0}, nil},
		{"a new key signs at once", map[string]any{"publish": "0s", "rate": 50}, []int{rotation}},
		{"the old key is gone at once", map[string]any{"keep": "0s"}, []int{rotation}},
		{"fewer tokens for one set", map[string]any{"rate": 10}, []int{calm}},
	} {
		t.Run(s.name, func(t *testing.T) {
			changes := map[string]any{"rate": 20} // signatures take long under the race detector
			maps.Copy(changes, s.changes)
			var lost []int
			for i, c := range trialtest.Run(t, caching.KeySet(), changes).Claims {
				if !c.OK {
					lost = append(lost, i)
				}
			}
			if !slices.Equal(lost, s.lost) {
				t.Errorf("with %v: claims %v are lost, want %v", s.changes, lost, s.lost)
			}
		})
	}
	if _, err := caching.KeySet().Settings(map[string]any{"ttl": "5s", "ahead": "5s"}); err == nil {
		t.Error("a set that is always about to end passes, want an error")
	}
}
