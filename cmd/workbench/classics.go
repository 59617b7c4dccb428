package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"

	"workbench/lab/classics"
)

// errClassics means that a published result was not reproduced.
var errClassics = errors.New("not every published result is reproduced")

// reproduce is the subcommand that runs published results and holds them to
// their figures.
func reproduce(ctx context.Context, p *program, args []string) error {
	fs := flag.NewFlagSet("classics [ID]…", flag.ContinueOnError)
	seed := fs.Uint64("seed", defaultSeed, "draw chance from seed `N`")
	asJSON := fs.Bool("json", false, "print a JSON array")
	rest, err := p.flags(fs, args)
	if err != nil {
		return err
	}
	chosen, err := pick(p.parts.classics, rest)
	if err != nil {
		return err
	}
	runs, err := runClassics(ctx, chosen, *seed)
	runs = slices.DeleteFunc(runs, func(r classics.Record) bool { return r.ID == "" }) // not run, for want of time
	switch {
	case len(runs) == 0 && err != nil:
	case *asJSON:
		err = errors.Join(writeJSON(p.out, runs), err)
	default:
		err = errors.Join(columns(p.out, classicRows(runs)), err)
	}
	if err == nil && slices.ContainsFunc(runs, func(r classics.Record) bool { return !r.OK }) {
		err = errClassics
	}
	return err
}

// pick returns the classics with these ids in the page's order, or all.
func pick(all []classics.Classic, ids []string) ([]classics.Classic, error) {
	if len(ids) == 0 {
		return all, nil
	}
	var known []string
	for _, c := range all {
		known = append(known, c.ID)
	}
	var faults []error
	for _, id := range ids {
		if !slices.Contains(known, id) {
			faults = append(faults, fmt.Errorf("classic %q: unknown, want one of %s", id, strings.Join(known, ", ")))
		}
	}
	if err := errors.Join(faults...); err != nil {
		return nil, usagef("%w", err)
	}
	return slices.DeleteFunc(slices.Clone(all), func(c classics.Classic) bool { return !slices.Contains(ids, c.ID) }), nil
}

// runClassics runs all of them, one on each core at a time. A result that is
// not reproduced is no error; one that could not be run is.
func runClassics(ctx context.Context, chosen []classics.Classic, seed uint64) ([]classics.Record, error) {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	runs := make([]classics.Record, len(chosen))
	work := make(chan int)
	var workers sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(chosen)) {
		workers.Go(func() {
			for i := range work {
				var err error
				if runs[i], err = chosen[i].Try(ctx, seed); err != nil {
					stop(err)
				}
			}
		})
	}
	for i := range chosen {
		select {
		case work <- i:
			continue
		case <-ctx.Done():
		}
		break
	}
	close(work)
	workers.Wait()
	return runs, context.Cause(ctx)
}

func classicRows(runs []classics.Record) [][]string {
	rows := [][]string{{"CLASSIC", "PUBLISHED", "OURS", "±95 %", "TOLERANCE", "", "WHAT"}}
	for _, r := range runs {
		mark := "✓"
		if !r.OK {
			mark = "✗"
		}
		rows = append(rows, []string{r.ID, fmt.Sprintf("%.5g", r.Theory), fmt.Sprintf("%.5g", r.Value), fmt.Sprintf("%.2g", r.Half()), fmt.Sprintf("%.2g", r.Tolerance), mark, r.Title})
	}
	return rows
}
