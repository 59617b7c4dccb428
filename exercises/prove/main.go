// Command prove holds the exercises to what they promise. For each exercise it
// compiles the starters, the right answers and the mutants with the exercise's
// own tests, as the grader does, and runs them many times in shuffled order
// with the race detector, on one processor, and on a machine that is busy:
//
//   - every starter compiles and fails;
//   - every right answer passes every test in every run;
//   - every mutant fails, in every run, by each test that it names, and the
//     test has written down what happened;
//   - the README's contract is exercise.json's, and each test has one task.
//
// It prints one row for each exercise and then the exceptions; the exit status
// is 1 when there is any.
//
//	go run ./exercises/prove [slug…] [-runs 3] [-seed 1] [-jobs 2]
//
// It runs the answers of this repository, not those of strangers: there is no
// sandbox here.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"time"

	"workbench/sim/clock"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// options is how one invocation proves.
type options struct {
	dir   string // where the exercises are
	slugs []string
	runs  int
	seed  uint64
	jobs  int
	all   bool // print what each mutant fails
}

func run(args []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if len(args) > 0 && args[0] == burnWord {
		burn(ctx)
		return 0
	}
	opt, err := parse(args, stderr)
	if err != nil {
		fmt.Fprintln(stderr, "prove:", err)
		return 2
	}
	shelf, err := load(opt.dir, opt.slugs)
	if err != nil {
		fmt.Fprintln(stderr, "prove:", err)
		return 1
	}
	fmt.Fprintf(stdout, "%-24s %-9s %-9s %-9s %-6s %-9s %-9s %s\n", "exercise", "starters", "right", "mutants", "tests", "runs", "slowest", "exceptions")
	var faults []string
	began := clock.NewWall()
	for _, e := range shelf {
		if ctx.Err() != nil {
			faults = append(faults, "interrupted")
			break
		}
		r := prove(ctx, e, opt)
		fmt.Fprintln(stdout, r.row())
		for _, note := range r.notes {
			fmt.Fprintln(stdout, "    "+note)
		}
		faults = append(faults, r.faults...)
	}
	fmt.Fprintf(stdout, "%d exercises, %d exceptions, %v\n", len(shelf), len(faults), began.Now().Round(time.Second))
	for _, f := range faults {
		fmt.Fprintln(stdout, "EXCEPTION "+f)
	}
	if len(faults) > 0 {
		return 1
	}
	return 0
}

// parse reads flags and slugs in any order.
func parse(args []string, stderr io.Writer) (options, error) {
	opt := options{}
	flags := flag.NewFlagSet("prove", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&opt.dir, "dir", "exercises", "where the exercises are, in a checkout")
	flags.IntVar(&opt.runs, "runs", 3, "shuffled runs of each binary, besides the one on one processor and the one on a busy machine")
	flags.Uint64Var(&opt.seed, "seed", 1, "from which the seeds of the shuffles are made")
	flags.IntVar(&opt.jobs, "jobs", 2, "binaries that run at the same time")
	flags.BoolVar(&opt.all, "v", false, "print all tests that each mutant fails")
	for len(args) > 0 {
		if err := flags.Parse(args); err != nil {
			return opt, err
		}
		args = flags.Args()
		for len(args) > 0 && !strings.HasPrefix(args[0], "-") {
			opt.slugs, args = append(opt.slugs, args[0]), args[1:]
		}
	}
	if opt.runs < 1 || opt.runs > 1000 || opt.jobs < 1 || opt.jobs > 64 {
		return opt, fmt.Errorf("-runs %d -jobs %d: want 1 to 1000 runs and 1 to 64 jobs", opt.runs, opt.jobs)
	}
	slices.Sort(opt.slugs)
	return opt, nil
}
