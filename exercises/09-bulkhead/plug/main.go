// Command plug lets the lab's bulkhead ask an answer to this exercise: a
// compartment for each operation.
package main

import (
	"context"
	"strconv"
	"time"

	bulkhead "workbench/exercises/09-bulkhead/start"
	"workbench/exercises/plug/host"
)

func main() { host.Main(open) }

func open(t host.Terms) (host.Solution, error) {
	limits := map[string]bulkhead.Limit{}
	for i := range t.Parts {
		limits[strconv.Itoa(i)] = bulkhead.Limit{Slots: t.Slots, Waiters: t.Waiters, Wait: t.Wait}
	}
	b, err := bulkhead.New(limits)
	if err != nil {
		return host.Solution{}, err
	}
	return host.Solution{Wait: func(ctx context.Context, key uint64) host.Decision {
		release, err := b.Acquire(ctx, strconv.FormatUint(key, 10))
		if err != nil {
			return host.Decision{}
		}
		return host.Decision{OK: true, Done: func(time.Duration, error) { release() }}
	}}, nil
}
