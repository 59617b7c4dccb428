// Command plug lets the lab's cache ask an answer to this exercise.
package main

import (
	"context"

	lockcleanup "workbench/exercises/05-lock-cleanup/start"
	"workbench/exercises/plug/host"
)

func main() { host.Main(open) }

func open(t host.Terms) (host.Solution, error) {
	c, err := lockcleanup.New(lockcleanup.Config{TTL: t.TTL, LoadTimeout: t.Load})
	if err != nil {
		return host.Solution{}, err
	}
	return host.Solution{Fetch: func(ctx context.Context, key string, load host.Load) (string, error) {
		return c.GetOrLoad(ctx, key, lockcleanup.Loader(load))
	}}, nil
}
