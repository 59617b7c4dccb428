package asyncio

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"workbench/lab/trial"
)

// ownKnobs are the settings of OwnPool.
type ownKnobs struct {
	Way      string        `knob:"way" options:"inline,own-pool" help:"a worker does the part of its job itself, or hands it to the pool it belongs to and waits"`
	Workers  int           `knob:"workers" min:"1" max:"64" help:"workers of the pool"`
	Jobs     int           `knob:"jobs" min:"1" max:"1000" help:"jobs, each with one part"`
	Patience time.Duration `knob:"patience" min:"50ms" max:"10s" help:"when a job that waits for its part gives up"`
}

// OwnPool lets workers hand work to their own pool and wait for it.
func OwnPool() trial.Trial {
	return trial.Trial{
		Name: "own-pool", Title: "A worker that waits for its own pool", Chapter: 2,
		Question: "A pool has 4 workers. Each of 8 jobs hands one part of its work to the same pool and waits for it. How many finish?",
		Lesson:   "When every worker waits for a part, nobody is left to do the parts: do them yourself, or give them a pool of their own.",
		Knobs:    func() any { return &ownKnobs{Way: "inline", Workers: 4, Jobs: 8, Patience: time.Second} },
		Wrong:    map[string]any{"way": "own-pool"}, Right: map[string]any{"way": "inline"},
		Run: ownPool,
	}
}

func ownPool(ctx context.Context, env trial.Env, knobs any, tell func(trial.Step)) (trial.Result, error) {
	k := knobs.(*ownKnobs)
	tell(trial.Step{Text: fmt.Sprintf("%d jobs for %d workers", k.Jobs, k.Workers)})
	within, cancel := context.WithTimeout(ctx, k.Patience)
	defer cancel()
	work := make(chan func()) // without room: who hands over waits for a worker
	var workers, jobs sync.WaitGroup
	for range k.Workers {
		workers.Go(func() {
			for f := range work {
				f()
			}
		})
	}
	var done, stuck atomic.Int64
	began := env.Clock.Now()
	meet := newMeeting(min(k.Jobs, k.Workers))
	for range k.Jobs {
		jobs.Add(1)
		job := func() {
			defer jobs.Done()
			meet.arrive(within) // until as many jobs are begun as there are workers
			if k.Way == "inline" {
				done.Add(1)
				return
			}
			part := make(chan struct{})
			select {
			case work <- func() { close(part) }:
				<-part
				done.Add(1)
			case <-within.Done():
				stuck.Add(1)
			}
		}
		select {
		case work <- job:
		case <-within.Done():
			jobs.Done()
			stuck.Add(1)
		}
	}
	jobs.Wait()
	close(work)
	workers.Wait()
	took := env.Clock.Now() - began
	if err := ctx.Err(); err != nil {
		return trial.Result{}, err
	}
	return trial.Result{
		Component: fmt.Sprintf("%d goroutines that take work from one channel", k.Workers),
		Columns:   []trial.Column{{Title: "jobs"}, {Title: "finished"}, {Title: "gave up"}, {Title: "until all were done"}},
		Rows:      [][]string{{trial.Count(k.Jobs), trial.Count(int(done.Load())), trial.Count(int(stuck.Load())), trial.Took(took)}},
		Claims:    []trial.Claim{trial.Exactly("jobs that finished", int(done.Load()), k.Jobs)},
	}, nil
}
