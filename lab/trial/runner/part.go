package runner

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"workbench/lab/knob"
	"workbench/lab/trial"
	"workbench/sim/clock"
)

// errLong is the cause of a context that the limit of time has ended.
var errLong = errors.New("it took longer than it may")

// Do measures one part in a directory of its own below env.Dir (empty: the
// system's), within a limit of time (0: Limit). The outcome is whole also when
// there is an error, which is then in it as text.
func Do(ctx context.Context, env trial.Env, limit time.Duration, p Part, tell func(trial.Step)) (Outcome, error) {
	if limit == 0 {
		limit = Limit
	}
	o := Outcome{Part: p.Name, Settings: p.Settings}
	began := env.Clock.Now()
	res, err := inDirectory(ctx, env, limit, p, tell)
	o.TookS = (env.Clock.Now() - began).Seconds()
	if err != nil {
		o.Error = err.Error()
		return o, err
	}
	o.Result, o.Won = &res, res.Won()
	return o, nil
}

func inDirectory(ctx context.Context, env trial.Env, limit time.Duration, p Part, tell func(trial.Step)) (res trial.Result, err error) {
	dir, err := os.MkdirTemp(env.Dir, "trial-")
	if err != nil {
		return res, fmt.Errorf("make a directory for the trial: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	env.Dir = dir
	within, cancel := context.WithTimeoutCause(ctx, limit, errLong)
	defer cancel()
	res, err = guarded(within, env, p, tell)
	switch {
	case err == nil:
	case ctx.Err() != nil:
		err = fmt.Errorf("stopped: %w", ctx.Err())
	case errors.Is(context.Cause(within), errLong):
		err = fmt.Errorf("%w: %v (%w); take smaller settings", errLong, limit, err)
	}
	return res, err
}

// guarded turns a panic into an error.
func guarded(ctx context.Context, env trial.Env, p Part, tell func(trial.Step)) (res trial.Result, err error) {
	defer func() {
		if fault := recover(); fault != nil {
			env.Log.Error("trial panicked", "part", p.Name, "panic", fault)
			err = fmt.Errorf("the trial broke off, which is a fault of the workbench: %v", fault)
		}
	}()
	return p.Run(ctx, env, tell)
}

// OfTrial returns the parts of a trial with these names: Wrong, Right or Yours.
// changes are settings beside the wrong or the right ones, which go before them.
// The error names every wrong setting.
func OfTrial(t trial.Trial, changes map[string]any, names ...string) ([]Part, error) {
	var out []Part
	for _, name := range names {
		all := map[string]any{}
		for k, v := range changes {
			all[k] = v
		}
		side := map[string]map[string]any{Wrong: t.Wrong, Right: t.Right, Yours: nil}
		for k, v := range side[name] {
			all[k] = v
		}
		knobs, err := t.Settings(all)
		if err != nil {
			return nil, err
		}
		p := Part{Name: name, Run: func(ctx context.Context, env trial.Env, tell func(trial.Step)) (trial.Result, error) {
			return t.Run(ctx, env, knobs, tell)
		}}
		if knobs != nil {
			p.Settings = knob.Values(knobs)
		}
		out = append(out, p)
	}
	return out, nil
}

// Bare returns an environment for one part without a server: no addresses, a
// clock of its own, and a log that goes nowhere.
func Bare() trial.Env {
	return trial.Env{Clock: clock.NewWall(), Log: slog.New(slog.DiscardHandler), Seed: 1}
}
