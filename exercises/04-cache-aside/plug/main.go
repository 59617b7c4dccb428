// Command plug lets the lab's cache ask an answer to this exercise.
package main

import (
	"context"

	cacheaside "workbench/exercises/04-cache-aside/start"
	"workbench/exercises/plug/host"
)

func main() { host.Main(open) }

func open(t host.Terms) (host.Solution, error) {
	c, err := cacheaside.New(cacheaside.Config{TTL: t.TTL, Jitter: t.Jitter})
	if err != nil {
		return host.Solution{}, err
	}
	return host.Solution{Fetch: func(ctx context.Context, key string, load host.Load) (string, error) {
		return c.GetOrLoad(ctx, key, cacheaside.Loader(load))
	}}, nil
}
