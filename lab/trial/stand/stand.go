// Package stand puts the lab's own patterns on the bench: each as it stands in
// the chain of a service instance, with a Redis beside it where that is wanted.
package stand

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"workbench/lab"
	"workbench/lab/remote"
	"workbench/lab/trial"
	"workbench/sim/dist"
)

// Stand holds patterns at work. Use New; Close it.
type Stand struct {
	env  trial.Env
	life context.Context
	end  context.CancelFunc
	work sync.WaitGroup
	live []lab.Live

	mu     sync.Mutex
	stream *dist.Stream // guarded by mu

	redis *remote.Redis // nil until it is asked for
}

// New returns an empty stand. What it starts ends with ctx, or by Close.
func New(ctx context.Context, env trial.Env) *Stand {
	life, end := context.WithCancel(ctx)
	return &Stand{env: env, life: life, end: end, stream: dist.New(env.Seed, "stand")}
}

// Uniform returns the next draw of the run's chance. It is safe for concurrent
// use.
func (s *Stand) Uniform() float64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stream.Float64()
}

// Redis returns the Redis of this run: the one that was given, else a private
// one, which ends with the stand.
func (s *Stand) Redis(ctx context.Context) (*remote.Redis, error) {
	if s.redis != nil {
		return s.redis, nil
	}
	r, err := remote.Open(ctx, remote.Options{URL: s.env.Redis, Log: s.env.Log, Dir: s.env.Dir})
	if err != nil {
		return nil, fmt.Errorf("open Redis: %w", err)
	}
	s.redis = r
	return r, nil
}

// Put returns next with a pattern in front of it, as in the instance of this
// name, and the pattern's counters. When the pattern is to share something, ask
// for Redis first.
func (s *Stand) Put(p lab.Pattern, changes map[string]any, instance string, next lab.Handler) (lab.Handler, *lab.Counters, error) {
	knobs, err := p.Settings(changes)
	if err != nil {
		return nil, nil, err
	}
	counters := lab.NewCounters()
	env := lab.Env{
		Clock: s.env.Clock, Uniform: s.Uniform, Counters: counters, Slots: 20, Instance: instance, Log: s.env.Log,
		Go: func(f func(context.Context)) { s.work.Go(func() { f(s.life) }) },
	}
	if s.redis != nil {
		env.Redis = s.redis.Client()
	}
	live, err := p.New(env, knobs)
	if err != nil {
		return nil, nil, fmt.Errorf("build %s: %w", p.Name, err)
	}
	s.live = append(s.live, live)
	return live.Wrap(next, lab.On), counters, nil
}

// Close ends the patterns, what they started, and a Redis of our own. A Redis
// that was given loses what the workbench wrote to it.
func (s *Stand) Close() error {
	var faults []error
	for _, l := range s.live {
		faults = append(faults, l.Close())
	}
	s.end()
	s.work.Wait()
	if s.redis != nil {
		faults = append(faults, s.redis.Close())
	}
	return errors.Join(faults...)
}
