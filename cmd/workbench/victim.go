package main

import (
	"context"
	"os"

	"workbench/lab/trial/queue"
)

// victimName is the subcommand of the process that a trial kills.
const victimName = "victim"

// victim is this program, started by itself to be killed. It ends with its
// input.
func victim(ctx context.Context, p *program, args []string) error {
	if len(args) > 0 {
		return usagef("got %q, want no arguments: what to do comes on stdin", args)
	}
	return queue.Victim(ctx, p.in, p.out)
}

// asVictim returns the command that starts it; empty where this program cannot
// be found, which the trial says.
func asVictim() []string {
	exe, err := os.Executable()
	if err != nil {
		return nil
	}
	return []string{exe, victimName}
}
