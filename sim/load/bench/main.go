// Command bench measures the traffic generator on this machine: its processor
// time for a request beside wrk, vegeta and hey, whether it keeps to the drawn
// schedule, whether it tells the truth about a stalled server, and whether it
// knows what limits a run. It prints one table; the exit status is 1 when a
// goal is missed.
//
//	go run ./sim/load/bench [--json] [--rounds 3] [--for 2s]
//
// Rounds are interleaved and ratios are of the same round, because a machine
// with other work gives absolute figures that mean nothing.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"time"

	"workbench/sim/load"
)

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

// row is one line of the table.
type row struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
	Unit  string  `json:"unit,omitempty"`
	Goal  string  `json:"goal,omitempty"` // empty: for information
	OK    bool    `json:"ok"`
	Note  string  `json:"note,omitempty"`
}

// bench is one invocation.
type bench struct {
	self   string // this program, to run its own children
	pin    bool   // taskset is there and there are two cores
	rounds int
	length time.Duration
	rows   []row
}

func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if len(args) > 0 && isWorker(args[0]) {
		return report(stderr, work(ctx, args, stdin, stdout))
	}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(stderr)
	asJSON := flags.Bool("json", false, "print one JSON object")
	rounds := flags.Int("rounds", 3, "interleaved rounds beside the other tools")
	length := flags.Duration("for", 2*time.Second, "length of each closed-loop measurement")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	b, err := newBench(*rounds, *length)
	if err == nil {
		err = b.all(ctx, stderr)
	}
	if err != nil {
		return report(stderr, err)
	}
	return b.print(stdout, *asJSON)
}

func report(stderr io.Writer, err error) int {
	if err != nil {
		fmt.Fprintln(stderr, "bench:", err)
		return 1
	}
	return 0
}

// all runs the measurements in order.
func (b *bench) all(ctx context.Context, progress io.Writer) error {
	for _, part := range []struct {
		name string
		run  func(context.Context) error
	}{
		{"closed loop beside the other tools", b.peers},
		{"open loop at 20,000/s", b.schedule},
		{"stall of 200 ms every 2 s", b.stall},
		{"verdicts", b.verdicts},
	} {
		fmt.Fprintln(progress, "bench:", part.name)
		if err := part.run(ctx); err != nil {
			return fmt.Errorf("%s: %w", part.name, err)
		}
	}
	return nil
}

// most adds a row whose value must not exceed goal.
func (b *bench) most(name string, value, goal float64, unit, note string) {
	b.rows = append(b.rows, row{name, value, unit, fmt.Sprintf("≤ %g", goal), value <= goal, note})
}

// least adds a row whose value must reach goal.
func (b *bench) least(name string, value, goal float64, unit, note string) {
	b.rows = append(b.rows, row{name, value, unit, fmt.Sprintf("≥ %g", goal), value >= goal, note})
}

// note adds a row without a goal.
func (b *bench) note(name string, value float64, unit, note string) {
	b.rows = append(b.rows, row{Name: name, Value: value, Unit: unit, OK: true, Note: note})
}

// print writes the table and returns the exit status.
func (b *bench) print(stdout io.Writer, asJSON bool) int {
	status := 0
	for _, r := range b.rows {
		if !r.OK {
			status = 1
		}
	}
	if asJSON {
		out := json.NewEncoder(stdout)
		out.SetIndent("", "  ")
		if err := out.Encode(map[string]any{"ok": status == 0, "rows": b.rows}); err != nil {
			return 1
		}
		return status
	}
	for _, r := range b.rows {
		mark := "✓"
		switch {
		case r.Goal == "":
			mark = " "
		case !r.OK:
			mark = "✗"
		}
		fmt.Fprintf(stdout, "%s %-44s %10.4g %-9s %-8s %s\n", mark, r.Name, r.Value, r.Unit, r.Goal, r.Note)
	}
	return status
}

// closed is a closed loop of 64 connections, as wrk does it.
func closed(target string, length time.Duration) load.Plan {
	return load.Plan{
		Target: target, Duration: length, Conns: conns, Closed: true,
		Ops: []load.Op{{Name: "get", Path: "/item/1"}},
	}
}

// conns is how many connections every tool gets.
const conns = 64
