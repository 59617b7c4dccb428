// kills: TestContextsEnd — a context that is never cancelled keeps a timer for every request

// Package deadlinepropagation does the work behind one request within the time
// that its caller will wait.
package deadlinepropagation

import (
	"context"
	"errors"
	"fmt"
	"sort"
	"time"
)

// Errors of a step.
var (
	ErrNoTime = errors.New("not enough time is left")
	ErrPanic  = errors.New("the call panicked")
)

// Step is one call to somebody else.
type Step struct {
	Name     string
	Min      time.Duration // with less time than this it is not begun
	Max      time.Duration // the longest it may take; 0: as long as there is
	Optional bool          // without it the answer is still an answer
	Call     func(ctx context.Context) (string, error)
}

// Result is what the steps gave.
type Result struct {
	Values  map[string]string // by name
	Missing []string          // optional steps that gave nothing, in order of names
}

// outcome is what became of one step.
type outcome struct {
	step  Step
	value string
	err   error
}

// Run runs the stages one after another, and the steps of a stage together, so
// that reserve is left before ctx's deadline. It returns when every call that it
// began has returned.
func Run(ctx context.Context, reserve time.Duration, stages [][]Step) (Result, error) {
	var end time.Time // zero: none
	if d, ok := ctx.Deadline(); ok {
		end = d.Add(-reserve)
	}
	r := Result{Values: map[string]string{}}
	for _, stage := range stages {
		if ctx.Err() != nil {
			return Result{}, ctx.Err()
		}
		group, cancel := context.WithCancel(ctx)
		outcomes := make(chan outcome)
		for _, s := range stage {
			go func() {
				value, err := one(group, end, s)
				outcomes <- outcome{s, value, err}
			}()
		}
		var failure error
		for range stage {
			switch o := <-outcomes; {
			case o.err == nil:
				r.Values[o.step.Name] = o.value
			case o.step.Optional:
				r.Missing = append(r.Missing, o.step.Name)
			case failure == nil:
				failure = fmt.Errorf("step %s: %w", o.step.Name, o.err)
				cancel()
			}
		}
		context.AfterFunc(group, cancel)
		if failure != nil {
			return Result{}, failure
		}
	}
	if ctx.Err() != nil {
		return Result{}, ctx.Err()
	}
	sort.Strings(r.Missing)
	return r, nil
}

// one makes one call that must be over at end.
func one(ctx context.Context, end time.Time, s Step) (value string, err error) {
	now := time.Now()
	if !end.IsZero() && (!now.Before(end) || end.Sub(now) < s.Min) {
		return "", fmt.Errorf("%w: %v", ErrNoTime, end.Sub(now))
	}
	if s.Max > 0 && (end.IsZero() || now.Add(s.Max).Before(end)) {
		end = now.Add(s.Max)
	}
	cancel := func() {}
	if end.IsZero() {
		ctx, cancel = context.WithCancel(ctx)
	} else {
		ctx, cancel = context.WithDeadline(ctx, end)
	}
	context.AfterFunc(ctx, cancel)
	defer func() {
		if p := recover(); p != nil {
			value, err = "", fmt.Errorf("%v: %w", p, ErrPanic)
		}
	}()
	return s.Call(ctx)
}
