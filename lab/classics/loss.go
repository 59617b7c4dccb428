package classics

import (
	"context"
	"fmt"
	"time"

	"workbench/lab/pattern/bulkhead"
	"workbench/sim/dist"
	"workbench/sim/engine"
	"workbench/sim/stat"
)

// loss is a bulkhead where nobody waits, with Poisson arrivals and a mean
// service time of one second.
type loss struct {
	places    int
	load      float64 // erlangs
	law       string
	customers int
}

// run measures the share of arrivals that find no place.
func (l loss) run(ctx context.Context, seed uint64) (Result, error) {
	core, err := bulkhead.New(bulkhead.Knobs{Limit: l.places})
	if err != nil {
		return Result{}, err
	}
	law, err := dist.NewLaw(l.law, time.Second, 0)
	if err != nil {
		return Result{}, fmt.Errorf("make the service law: %w", err)
	}
	gaps, service := dist.New(seed, "arrivals"), dist.New(seed, "service")
	lost := make([]float64, 0, l.customers)
	var queue engine.Queue
	queue.Schedule(0, evArrive, 0, 0)
	for len(lost) < l.customers {
		if queue.Count()%look == 0 && ctx.Err() != nil {
			return Result{}, ctx.Err()
		}
		e, _ := queue.Take()
		if e.Kind == evFinish {
			core.Leave(0)
			continue
		}
		queue.Schedule(e.At+time.Duration(gaps.Exp()*float64(time.Second)/l.load), evArrive, 0, 0)
		if core.Enter(e.At, 0, 0).OK {
			lost = append(lost, 0)
			queue.Schedule(e.At+law.Draw(service), evFinish, 0, 0)
		} else {
			lost = append(lost, 1)
		}
	}
	lost = lost[len(lost)/10:]
	return measured(stat.Batches(lost, batches), len(lost)), nil
}

func losses() []Classic {
	const erlang = "A. K. Erlang, Solution of some problems in the theory of probabilities, 1917"
	const insensitive = "B. Sevastyanov, An ergodic theorem for Markov processes and its application to telephone systems, 1957"
	return []Classic{
		{
			ID: "erlang-b-5", Title: "Erlang's loss formula", Theory: .2430, Tolerance: .004, Source: erlang,
			Figure: "a bulkhead of 5 places offered 4.5 erlangs refuses 24.3 %",
			Run:    loss{5, 4.5, dist.Exponential, million}.run,
		}, {
			ID: "erlang-b-10", Title: "Larger groups lose less at the same load", Theory: .1680, Tolerance: .003, Source: erlang,
			Figure: "a bulkhead of 10 places offered 9 erlangs refuses 16.8 %",
			Run:    loss{10, 9, dist.Exponential, million}.run,
		}, {
			ID: "erlang-b-constant", Title: "Losses do not depend on the service law", Theory: .1680, Tolerance: .003, Source: insensitive,
			Figure: "with equal service times, again 16.8 %: insensitivity",
			Run:    loss{10, 9, dist.Constant, million}.run,
		}, {
			ID: "erlang-b-lognormal", Title: "Nor on its tail", Theory: .1680, Tolerance: .003, Source: insensitive,
			Figure: "with lognormal service times, again 16.8 %",
			Run:    loss{10, 9, dist.Lognormal, million}.run,
		},
	}
}
