// Package trialtest holds a trial to its word: with the right settings every
// claim holds, with the wrong ones at least one does not, and a run that is
// stopped ends.
//
// It judges claims on counts alone: the machine that runs the tests may be busy.
package trialtest

import (
	"context"
	"maps"
	"strings"
	"testing"
	"time"

	"workbench/lab/knob"
	"workbench/lab/trial"
	"workbench/lab/trial/runner"
)

// Check runs a trial with small settings, which go before its own sides, as far
// as those leave them open.
func Check(t *testing.T, one trial.Trial, small map[string]any) {
	t.Helper()
	whole(t, one)
	if one.Right == nil {
		Lost(t, Run(t, one, small), false)
		return
	}
	t.Run("wrong", func(t *testing.T) { Lost(t, Run(t, one, with(small, one.Wrong)), true) })
	t.Run("right", func(t *testing.T) { Lost(t, Run(t, one, with(small, one.Right)), false) })
	t.Run("stopped", func(t *testing.T) { stopped(t, one, small) })
}

func with(small, side map[string]any) map[string]any {
	out := maps.Clone(small)
	if out == nil {
		out = map[string]any{}
	}
	maps.Copy(out, side)
	return out
}

// whole finds what a trial lacks.
func whole(t *testing.T, one trial.Trial) {
	t.Helper()
	if one.Name == "" || one.Name != strings.ToLower(one.Name) || strings.ContainsAny(one.Name, " _/") {
		t.Errorf("name %q, want lower case with dashes", one.Name)
	}
	for field, text := range map[string]string{"title": one.Title, "question": one.Question, "lesson": one.Lesson} {
		if text == "" {
			t.Errorf("%s: got no %s, want one", one.Name, field)
		}
	}
	if one.Chapter < 1 || one.Chapter > 9 {
		t.Errorf("%s: chapter %d, want one of the guide's nine", one.Name, one.Chapter)
	}
	if (one.Wrong == nil) != (one.Right == nil) {
		t.Errorf("%s: wrong %v and right %v, want both or neither", one.Name, one.Wrong, one.Right)
	}
	for side, changes := range map[string]map[string]any{"wrong": one.Wrong, "right": one.Right} {
		if _, err := one.Settings(changes); err != nil {
			t.Errorf("%s: the %s settings: %v", one.Name, side, err)
		}
	}
	if one.Knobs == nil {
		return
	}
	for _, k := range knob.Describe(one.Knobs()) {
		if k.Help == "" {
			t.Errorf("%s: knob %s says nothing of itself", one.Name, k.Name)
		}
	}
}

// Run runs a trial once and returns its result.
func Run(t *testing.T, one trial.Trial, changes map[string]any) trial.Result {
	t.Helper()
	return RunIn(t, Env(t), one, changes)
}

// Env returns an environment for one run of a test: directories of its own, no
// addresses.
func Env(t *testing.T) trial.Env {
	t.Helper()
	env := runner.Bare()
	env.Dir, env.Keep = t.TempDir(), t.TempDir()
	return env
}

// RunIn is Run in a given environment.
func RunIn(t *testing.T, env trial.Env, one trial.Trial, changes map[string]any) trial.Result {
	t.Helper()
	settings, err := one.Settings(changes)
	if err != nil {
		t.Fatal(err)
	}
	res, err := one.Run(t.Context(), env, settings, func(trial.Step) {})
	if err != nil {
		t.Fatalf("%s with %v: %v", one.Name, changes, err)
	}
	if res.Component == "" || len(res.Claims) == 0 || len(res.Rows) == 0 {
		t.Errorf("%s: component %q, %d claims, %d rows; want all three", one.Name, res.Component, len(res.Claims), len(res.Rows))
	}
	for _, row := range res.Rows {
		if len(row) != len(res.Columns) {
			t.Errorf("%s: row %q has %d cells for %d columns", one.Name, row, len(row), len(res.Columns))
		}
	}
	for _, c := range res.Claims {
		if c.Text == "" || c.Got == "" {
			t.Errorf("%s: claim %+v, want a text and a measured value", one.Name, c)
		}
		t.Logf("%v %s (%s)", c.OK, c.Text, c.Got)
	}
	return res
}

// Lost holds a result to a verdict by its claims on counts: lost means that at
// least one of them fails.
func Lost(t *testing.T, res trial.Result, want bool) {
	t.Helper()
	var failed []trial.Claim
	counts := 0
	for _, c := range res.Claims {
		if c.Timed {
			continue
		}
		counts++
		if !c.OK {
			failed = append(failed, c)
		}
	}
	if counts == 0 {
		t.Error("no claim is on a count: the verdict would hang on how busy the machine is")
	}
	if got := len(failed) > 0; got != want {
		t.Errorf("lost %v, want %v; failed claims %+v of %d", got, want, failed, counts)
	}
}

// stopped runs a trial that is stopped before it begins: it must end soon, with
// the context's error.
func stopped(t *testing.T, one trial.Trial, small map[string]any) {
	t.Helper()
	settings, err := one.Settings(with(small, one.Wrong))
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	env := Env(t)
	began := env.Clock.Now()
	if _, err := one.Run(ctx, env, settings, func(trial.Step) {}); err == nil {
		t.Errorf("%s: a stopped run ends without an error, want one", one.Name)
	}
	if took := env.Clock.Now() - began; took > 5*time.Second {
		t.Errorf("%s: a stopped run took %v, want it to end soon", one.Name, took)
	}
}
