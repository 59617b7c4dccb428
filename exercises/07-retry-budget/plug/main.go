// Command plug lets the lab's retry ask an answer to this exercise.
package main

import (
	"context"
	"errors"

	retrybudget "workbench/exercises/07-retry-budget/start"
	"workbench/exercises/plug/host"
)

func main() { host.Main(open) }

func open(t host.Terms) (host.Solution, error) {
	r, err := retrybudget.New(retrybudget.Config{Tries: t.Tries, Base: t.Base, Max: t.Max, Budget: t.Budget, Burst: t.Burst})
	if err != nil {
		return host.Solution{}, err
	}
	return host.Solution{Try: func(ctx context.Context, repeatable bool, call func(context.Context) error) error {
		return r.Do(ctx, repeatable, func(ctx context.Context) error {
			err := call(ctx)
			var f *host.Failure
			if errors.As(err, &f) && f.Transient {
				return &retrybudget.Transient{Err: err, RetryAfter: f.RetryAfter}
			}
			return err
		})
	}}, nil
}
