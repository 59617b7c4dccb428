package main

import (
	"context"

	"workbench/sim/load"
)

// traffic is the generator's process: this program, started by itself. It ends
// with its input. A signal to the whole group must not end it before its
// parent has stopped the run, so ctx's end is not passed on.
func traffic(ctx context.Context, p *program, args []string) error {
	if len(args) > 0 {
		return usagef("got %q, want no arguments: the plan comes on stdin", args)
	}
	return load.Serve(context.WithoutCancel(ctx), p.in, p.out)
}
