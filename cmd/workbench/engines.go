package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"workbench/lab/chain"
	"workbench/lab/formula"
	"workbench/lab/live"
	"workbench/lab/scenario"
	"workbench/lab/virtual"
	"workbench/sim/load"
)

// child returns a starter of generators that run in a process of their own, so
// that a busy service does not make the traffic late.
func child(log *slog.Logger) func(context.Context, load.Plan) (live.Generator, error) {
	return func(ctx context.Context, plan load.Plan) (live.Generator, error) {
		exe, err := os.Executable()
		if err != nil {
			return nil, fmt.Errorf("find this program to start the generator: %w", err)
		}
		return load.Child{Exe: exe, Args: []string{"traffic"}, Log: log}.Start(ctx, plan)
	}
}

// changes returns toggles as the engines take them.
func changes(toggles map[string]scenario.Toggle) []chain.Change {
	var out []chain.Change
	for name, t := range toggles {
		out = append(out, chain.Change{Pattern: name, State: t.State, Knobs: t.Knobs})
	}
	return out
}

// liveEngine runs scenarios on a lab of its own.
type liveEngine struct {
	lab *live.Lab
	dir string
}

func openLive(ctx context.Context, p *program) (engine, error) {
	dir, err := os.MkdirTemp("", "workbench-")
	if err != nil {
		return nil, fmt.Errorf("make a scratch directory: %w", err)
	}
	redis, rabbit, kafka := p.env("WORKBENCH_REDIS"), p.env("WORKBENCH_RABBITMQ"), p.env("WORKBENCH_KAFKA")
	if err := checkServers(redis, rabbit, kafka); err != nil { // from the environment alone: flags have been looked at
		return nil, errors.Join(usagef("%w", err), os.RemoveAll(dir))
	}
	log := slog.New(slog.NewTextHandler(p.err, &slog.HandlerOptions{Level: slog.LevelWarn}))
	l, err := live.New(ctx, live.Config{Dir: dir, RedisURL: redis, Postgres: p.env("WORKBENCH_POSTGRES"), Replicas: commas(p.env("WORKBENCH_POSTGRES_REPLICA")), RabbitMQ: rabbit, Kafka: kafka, Log: log, Generator: child(log), Version: release()})
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return &liveEngine{l, dir}, nil
}

// Can implements engine: what can be written in a scenario can be run for real.
func (e *liveEngine) Can(scenario.Spec) error { return nil }

// Run implements engine.
func (e *liveEngine) Run(ctx context.Context, spec scenario.Spec, o runOptions, show watcher) (scenario.Report, error) {
	return e.lab.Play(ctx, spec, live.Options{Seed: o.Seed, Scale: o.Scale, Patterns: changes(o.Patterns), Progress: show})
}

// Close implements engine.
func (e *liveEngine) Close(ctx context.Context) error {
	return errors.Join(e.lab.Close(ctx), os.RemoveAll(e.dir))
}

// virtualEngine runs scenarios in virtual time.
type virtualEngine struct{}

func openVirtual(context.Context, *program) (engine, error) { return virtualEngine{}, nil }

// Can implements engine: virtual time knows every fault.
func (virtualEngine) Can(scenario.Spec) error { return nil }

// Run implements engine.
func (virtualEngine) Run(ctx context.Context, spec scenario.Spec, o runOptions, show watcher) (scenario.Report, error) {
	return virtual.Run(ctx, spec, virtual.Options{Seed: o.Seed, Scale: o.Scale, Patterns: changes(o.Patterns), Version: release(), Progress: show})
}

// Close implements engine.
func (virtualEngine) Close(context.Context) error { return nil }

// theoryEngine works scenarios out on paper.
type theoryEngine struct{}

func openTheory(context.Context, *program) (engine, error) { return theoryEngine{}, nil }

// Can implements engine. Whether there is a closed form depends on what is
// switched on, so Run says it.
func (theoryEngine) Can(scenario.Spec) error { return nil }

// Run implements engine. That there is no closed form is a matter of how the
// program was called.
func (theoryEngine) Run(ctx context.Context, spec scenario.Spec, o runOptions, _ watcher) (scenario.Report, error) {
	rep, err := formula.Run(ctx, spec, formula.Options{Scale: o.Scale, Patterns: changes(o.Patterns), Version: release()})
	if errors.Is(err, formula.ErrNone) {
		return rep, usagef("%w; want --engine virtual, which plays it", err)
	}
	return rep, err
}

// Close implements engine.
func (theoryEngine) Close(context.Context) error { return nil }
