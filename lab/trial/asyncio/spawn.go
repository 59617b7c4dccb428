package asyncio

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"workbench/lab/trial"
)

// spawnKnobs are the settings of Spawn.
type spawnKnobs struct {
	Way      string        `knob:"way" options:"pool,unbounded" help:"a bounded pool with a bounded queue that refuses, or a goroutine for every request"`
	Requests int           `knob:"requests" min:"100" max:"200000" help:"requests that arrive while the dependency hangs"`
	Workers  int           `knob:"workers" min:"1" max:"1000" help:"workers of the pool"`
	Queue    int           `knob:"queue" min:"1" max:"10000" help:"requests that may wait for a worker"`
	Size     int           `knob:"size" unit:"kB" min:"0" max:"64" help:"what each request keeps in memory"`
	Hang     time.Duration `knob:"hang" min:"0s" max:"5s" help:"how long the dependency goes on hanging once all have arrived"`
}

// Spawn begins a goroutine for each request while a dependency hangs.
func Spawn() trial.Trial {
	return trial.Trial{
		Name: "goroutine-per-request", Title: "A goroutine for everybody", Chapter: 2,
		Question: "A dependency hangs while 20,000 requests arrive, and each gets a goroutine that keeps 8 kB. How much memory is that?",
		Lesson:   "go f() is a queue without a limit: it takes memory in place of refusing. Bound the workers and the queue, and say no at once.",
		Knobs: func() any {
			return &spawnKnobs{Way: "pool", Requests: 20_000, Workers: 64, Queue: 256, Size: 8, Hang: 300 * time.Millisecond}
		},
		Wrong: map[string]any{"way": "unbounded"}, Right: map[string]any{"way": "pool"},
		Run: spawn,
	}
}

func spawn(ctx context.Context, env trial.Env, knobs any, tell func(trial.Step)) (trial.Result, error) {
	k := knobs.(*spawnKnobs)
	hang := make(chan struct{}) // closed when the dependency answers again
	var answered, refused, alive, most atomic.Int64
	serve := func() {
		kept := make([]byte, k.Size<<10)
		for i := range kept {
			kept[i] = 1 // memory that was never written is not there
		}
		select {
		case <-hang:
			answered.Add(1)
		case <-ctx.Done():
		}
		runtime.KeepAlive(kept)
	}
	begin := func(all *sync.WaitGroup, f func()) {
		most.Store(max(most.Load(), alive.Add(1))) // by the one goroutine that begins others
		all.Go(func() { defer alive.Add(-1); f() })
	}
	runtime.GC()
	before := memory()
	var all sync.WaitGroup
	queue := make(chan struct{}, k.Queue)
	if k.Way == "pool" {
		for range k.Workers {
			begin(&all, func() {
				for range queue {
					serve()
				}
			})
		}
	}
	for i := range k.Requests {
		if i%1000 == 0 {
			tell(trial.Step{Text: "requests arrive", Done: i, Total: k.Requests})
		}
		if k.Way == "unbounded" {
			begin(&all, serve)
			continue
		}
		select {
		case queue <- struct{}{}:
		default:
			refused.Add(1) // at once, so that the caller can do something else
		}
	}
	_ = env.Clock.Wait(ctx, env.Clock.Now()+k.Hang) // the end of ctx ends the waiting of all
	used := memory() - before
	close(hang)
	close(queue)
	all.Wait()
	if err := ctx.Err(); err != nil {
		return trial.Result{}, err
	}
	return trial.Result{
		Component: "goroutines of this process, while a dependency hangs",
		Columns:   []trial.Column{{Title: "requests"}, {Title: "most goroutines"}, {Title: "memory"}, {Title: "answered"}, {Title: "refused at once"}},
		Rows:      [][]string{{trial.Count(k.Requests), trial.Count(int(most.Load())), trial.Number(used, "MB"), trial.Count(int(answered.Load())), trial.Count(int(refused.Load()))}},
		Claims: []trial.Claim{
			trial.AtMost("goroutines at once", float64(most.Load()), float64(k.Workers), ""),
			trial.OnThisMachine(trial.AtMost("memory while the dependency hangs", used, max(4, float64((k.Workers+k.Queue)*(k.Size+16))/1000*2), "MB")),
			{Text: fmt.Sprintf("every request was answered or refused: %s", trial.Count(k.Requests)), OK: answered.Load()+refused.Load() == int64(k.Requests), Got: trial.Count(int(answered.Load() + refused.Load()))},
		},
	}, nil
}

// memory returns the megabytes that goroutines' stacks and the heap take.
func memory() float64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.StackInuse+m.HeapInuse) / 1e6
}
