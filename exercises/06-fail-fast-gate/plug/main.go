// Command plug lets the lab's limit on concurrency ask an answer to this
// exercise.
package main

import (
	"context"
	"time"

	failfastgate "workbench/exercises/06-fail-fast-gate/start"
	"workbench/exercises/plug/host"
)

func main() { host.Main(open) }

func open(t host.Terms) (host.Solution, error) {
	g, err := failfastgate.New(failfastgate.Config{Slots: t.Slots, Waiters: t.Waiters, Wait: t.Wait})
	if err != nil {
		return host.Solution{}, err
	}
	return host.Solution{Wait: func(ctx context.Context, _ uint64) host.Decision {
		if err := g.Acquire(ctx); err != nil {
			return host.Decision{}
		}
		return host.Decision{OK: true, Done: func(time.Duration, error) { g.Release() }}
	}}, nil
}
