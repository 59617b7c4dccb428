package runner_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"workbench/lab/trial"
	"workbench/lab/trial/runner"
)

// open returns a runner whose directories are below the test's own. Call it
// within a bubble.
func open(t *testing.T, finished func(runner.Run)) (*runner.Runner, string) {
	t.Helper()
	env := runner.Bare()
	env.Dir = t.TempDir()
	r, err := runner.New(runner.Config{Env: env, Finished: finished})
	if err != nil {
		t.Fatal(err)
	}
	return r, env.Dir
}

// timed is a part that takes some time and then says that it has won.
func timed(name string, d time.Duration) runner.Part {
	return runner.Part{Name: name, Run: func(ctx context.Context, env trial.Env, tell func(trial.Step)) (trial.Result, error) {
		if err := os.WriteFile(filepath.Join(env.Dir, "left.db"), nil, 0o600); err != nil {
			return trial.Result{}, err
		}
		tell(trial.Step{Text: "waits", Done: 1, Total: 2})
		if err := env.Clock.Wait(ctx, env.Clock.Now()+d); err != nil {
			return trial.Result{}, err
		}
		return trial.Result{Component: "a clock", Claims: []trial.Claim{trial.Exactly("seed", int(env.Seed), 7)}}, nil
	}}
}

func job(parts ...runner.Part) runner.Job {
	return runner.Job{Subject: "trial/clock", Title: "Clock", Seed: 7, Parts: parts}
}

func TestPartsRunInTurnAndOneJobAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ended []runner.Run
		r, dir := open(t, func(run runner.Run) { ended = append(ended, run) })
		run, err := r.Start(job(timed(runner.Wrong, time.Second), timed(runner.Right, time.Second)))
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		now, err := r.Get(run.ID)
		if err != nil || now.State != runner.Running || now.Part != runner.Wrong || now.Step.Text != "waits" {
			t.Errorf("the run is %+v, %v; want its first part waiting", now, err)
		}
		_, err = r.Start(job(timed(runner.Yours, 0)))
		var busy *runner.BusyError
		if !errors.As(err, &busy) || busy.Run.ID != run.ID || !strings.Contains(err.Error(), "Clock") {
			t.Errorf("a second Start = %v, want a BusyError that names the first", err)
		}
		states, err := r.Watch(t.Context(), run.ID)
		if err != nil {
			t.Fatal(err)
		}
		var last runner.Run
		for last = range states {
		}
		right, ok := last.Outcome(runner.Right)
		if last.State != runner.Done || !ok || !right.Won || right.TookS != 1 || len(last.Outcomes) != 2 {
			t.Errorf("the run ended as %+v, want two parts of a second, won", last)
		}
		synctest.Wait()
		if len(ended) != 1 || ended[0].ID != run.ID {
			t.Errorf("Finished was told %v, want run %d once", ended, run.ID)
		}
		if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
			t.Errorf("%v, %v are left behind, want nothing", left, err)
		}
		if got, ok := r.Latest("trial/clock"); !ok || got.ID != run.ID {
			t.Errorf("Latest = %v, %v, want run %d", got.ID, ok, run.ID)
		}
		if _, ok := r.Current(); ok {
			t.Error("a run is under way, want none")
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestWhatGoesWrongIsInTheRun(t *testing.T) {
	broken := runner.Part{Name: "broken", Run: func(context.Context, trial.Env, func(trial.Step)) (trial.Result, error) { panic("index") }}
	missing := runner.Part{Name: "missing", Run: func(context.Context, trial.Env, func(trial.Step)) (trial.Result, error) {
		return trial.Result{}, trial.ErrMissing
	}}
	for _, c := range []struct {
		name  string
		part  runner.Part
		limit time.Duration
		stop  bool
		state runner.State
		want  string
	}{
		{"a panic", broken, 0, false, runner.Failed, "fault of the workbench: index"},
		{"a missing component", missing, 0, false, runner.Failed, "not here"},
		{"too long", timed("long", time.Hour), time.Minute, false, runner.Failed, "longer than it may: 1m0s"},
		{"stopped", timed("long", time.Hour), 0, true, runner.Stopped, "stopped"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r, _ := open(t, nil)
				defer r.Close()
				j := job(c.part)
				j.Limit = c.limit
				run, err := r.Start(j)
				if err != nil {
					t.Fatal(err)
				}
				if c.stop {
					synctest.Wait()
					if err := r.Stop(run.ID); err != nil {
						t.Error(err)
					}
				}
				states, err := r.Watch(t.Context(), run.ID)
				if err != nil {
					t.Fatal(err)
				}
				var last runner.Run
				for last = range states {
				}
				if last.State != c.state || len(last.Outcomes) != 1 || !strings.Contains(last.Outcomes[0].Error, c.want) {
					t.Errorf("the run ended as %+v, want %s with %q", last, c.state, c.want)
				}
				if _, err := r.Start(job(timed("next", 0))); err != nil {
					t.Errorf("the next Start = %v, want none", err)
				}
			})
		})
	}
}

func TestCloseStopsWhatRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _ := open(t, nil)
		run, err := r.Start(job(timed("long", time.Hour), timed("never", time.Hour)))
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		if got, err := r.Get(run.ID); err != nil || got.State != runner.Stopped || len(got.Outcomes) != 1 {
			t.Errorf("the run is %+v, %v; want stopped in its first part", got, err)
		}
		if _, err := r.Start(job(timed("late", 0))); !errors.Is(err, runner.ErrClosed) {
			t.Errorf("Start after Close = %v, want ErrClosed", err)
		}
		if _, err := r.Get(99); !errors.Is(err, runner.ErrUnknown) {
			t.Errorf("Get(99) = %v, want ErrUnknown", err)
		}
	})
}

type knobs struct {
	Rows int    `knob:"rows" min:"1" max:"100" help:"rows"`
	Way  string `knob:"way" options:"good,bad" help:"how"`
}

func TestPartsOfATrial(t *testing.T) {
	one := trial.Trial{
		Name: "pages", Wrong: map[string]any{"way": "bad"}, Right: map[string]any{"way": "good"},
		Knobs: func() any { return &knobs{Rows: 50, Way: "good"} },
	}
	parts, err := runner.OfTrial(one, map[string]any{"rows": "7", "way": "good"}, runner.Wrong, runner.Right, runner.Yours)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"bad", "good", "good"} {
		if got := parts[i].Settings; got["way"] != want || got["rows"] != "7" {
			t.Errorf("%s runs with %v, want 7 rows the %s way", parts[i].Name, got, want)
		}
	}
	if _, err := runner.OfTrial(one, map[string]any{"rows": 0, "colour": 1}, runner.Yours); err == nil || !strings.Contains(err.Error(), "rows") || !strings.Contains(err.Error(), "colour") {
		t.Errorf("wrong settings give %v, want both named", err)
	}
}
