// Package deadlinepropagation does the work behind one request within the time
// that its caller will wait.
package deadlinepropagation

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync/atomic"
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

// future is a step under way. Its other fields are read after done is closed.
type future struct {
	Step
	done  chan struct{}
	value string
	err   error
}

// begin starts a step and tells fail when a required one fails.
func begin(ctx context.Context, s Step, fail func(error)) *future {
	f := &future{Step: s, done: make(chan struct{})}
	go func() {
		defer close(f.done)
		defer func() {
			if p := recover(); p != nil {
				f.err = errors.Join(ErrPanic, fmt.Errorf("%v", p))
			}
			if f.err != nil && !s.Optional {
				fail(fmt.Errorf("%s: %w", s.Name, f.err))
			}
		}()
		limit := s.Max
		if end, ok := ctx.Deadline(); ok {
			left := time.Until(end)
			if left < max(s.Min, 1) {
				f.err = ErrNoTime
				return
			}
			if limit == 0 || left < limit {
				limit = left
			}
		}
		own, cancel := context.WithCancel(ctx)
		defer cancel()
		if limit > 0 {
			own, cancel = context.WithTimeout(ctx, limit)
			defer cancel()
		}
		f.value, f.err = s.Call(own)
	}()
	return f
}

// Run runs the stages one after another, and the steps of a stage together, so
// that reserve is left before ctx's deadline. It returns when every call that it
// began has returned.
func Run(ctx context.Context, reserve time.Duration, stages [][]Step) (Result, error) {
	return run(ctx, ctx, reserve, stages, Result{Values: map[string]string{}})
}

// run runs the first stage and then, with what it gave, the others.
func run(asked, ctx context.Context, reserve time.Duration, stages [][]Step, r Result) (Result, error) {
	if err := asked.Err(); err != nil {
		return Result{}, err
	}
	if len(stages) == 0 {
		r.Missing = slices.Sorted(slices.Values(r.Missing))
		return r, nil
	}
	if end, ok := ctx.Deadline(); ok {
		var stop context.CancelFunc
		ctx, stop = context.WithDeadline(ctx, end.Add(-reserve))
		defer stop()
	}
	together, cancel := context.WithCancel(ctx)
	defer cancel()
	var first atomic.Pointer[error]
	fail := func(err error) {
		if first.CompareAndSwap(nil, &err) {
			cancel()
		}
	}
	var futures []*future
	for _, s := range stages[0] {
		futures = append(futures, begin(together, s, fail))
	}
	got := maps.Clone(r.Values)
	for _, f := range futures {
		<-f.done
		if f.err == nil {
			got[f.Name] = f.value
		} else if f.Optional {
			r.Missing = append(r.Missing, f.Name)
		}
	}
	if err := first.Load(); err != nil {
		return Result{}, *err
	}
	return run(asked, ctx, 0, stages[1:], Result{got, r.Missing})
}
