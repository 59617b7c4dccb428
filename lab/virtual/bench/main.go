// Command bench measures what virtual time costs on this machine: events a
// second on a plain queue, beside other ways to write the same simulation, and
// whole runs of the reference load with one to a hundred million users. It prints one table; the exit status is 1 when a goal is missed.
//
//	go run ./lab/virtual/bench [--rounds 3] [--customers 2000000]
//
// Rounds are interleaved and ratios are of the same round, because a machine
// with other work gives absolute figures that mean nothing.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// row is one line of the table.
type row struct {
	name       string
	value      float64
	unit, goal string // goal empty: for information
	ok         bool
	note       string
}

// bench is one invocation.
type bench struct {
	rounds, customers int
	allocs            float64
	rows              []row
}

func run(args []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if len(args) > 0 && args[0] == workRun {
		return report(stderr, work(ctx, args[1:], stdout))
	}
	var b bench
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.IntVar(&b.rounds, "rounds", 3, "interleaved rounds")
	flags.IntVar(&b.customers, "customers", 2_000_000, "customers of a run of the quickest style")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	if b.rounds < 1 || b.rounds > 100 || b.customers < 100_000 || b.customers > 1_000_000_000 {
		fmt.Fprintln(stderr, "bench: want 1 to 100 rounds and 100000 to 1000000000 customers")
		return 2
	}
	for _, part := range []func(context.Context) error{b.styles, b.scale} {
		if err := part(ctx); err != nil {
			return report(stderr, err)
		}
	}
	return b.print(stdout)
}

// report writes an error and returns the exit status.
func report(stderr io.Writer, err error) int {
	if err != nil {
		fmt.Fprintln(stderr, "bench:", err)
		return 1
	}
	return 0
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
	b.rows = append(b.rows, row{name: name, value: value, unit: unit, ok: true, note: note})
}

// print writes the table and returns the exit status.
func (b *bench) print(stdout io.Writer) int {
	status := 0
	for _, r := range b.rows {
		mark := "✓"
		switch {
		case r.goal == "":
			mark = " "
		case !r.ok:
			mark, status = "✗", 1
		}
		fmt.Fprintf(stdout, "%s %-40s %10.4g %-4s %-7s %s\n", mark, r.name, r.value, r.unit, r.goal, r.note)
	}
	return status
}

// median returns the middle of values, which must not be empty.
func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}
