package patterntest

import (
	"errors"
	"testing"

	"workbench/lab/knob"
)

// Core returns what build makes of knobs with these changes.
func Core[K, C any](t testing.TB, build func(K) (C, error), k K, changes ...func(*K)) C {
	t.Helper()
	for _, change := range changes {
		change(&k)
	}
	core, err := build(k)
	if err != nil {
		t.Fatalf("New(%+v): %v", k, err)
	}
	return core
}

// Spoil wants build to refuse good knobs with any of these changes, by an error
// that names the knob under which the change stands.
func Spoil[K, C any](t *testing.T, build func(K) (C, error), good K, changes map[string]func(*K)) {
	t.Helper()
	Core(t, build, good)
	for name, change := range changes {
		k := good
		change(&k)
		var wrong *knob.Error
		if _, err := build(k); !errors.As(err, &wrong) || wrong.Knob != name {
			t.Errorf("New(%+v) = %v, want an error that names knob %s", k, err, name)
		}
	}
}
