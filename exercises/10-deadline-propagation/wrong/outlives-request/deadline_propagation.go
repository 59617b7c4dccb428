// kills: TestWaitsForCalls — a goroutine that outlives its request is work that nobody counts

// Package deadlinepropagation does the work behind one request within the time
// that its caller will wait.
package deadlinepropagation

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
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

// Run runs the stages one after another, and the steps of a stage together, so
// that reserve is left before ctx's deadline. It returns when every call that it
// began has returned.
func Run(ctx context.Context, reserve time.Duration, stages [][]Step) (Result, error) {
	work := ctx
	if end, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		work, cancel = context.WithDeadline(ctx, end.Add(-reserve))
		defer cancel()
	}
	r := Result{Values: map[string]string{}}
	for _, stage := range stages {
		if err := ctx.Err(); err != nil {
			return Result{}, err
		}
		if err := r.stage(work, stage); err != nil {
			return Result{}, err
		}
	}
	if err := ctx.Err(); err != nil {
		return Result{}, err
	}
	slices.Sort(r.Missing)
	return r, nil
}

// stage runs steps together and takes in what they give.
func (r *Result) stage(ctx context.Context, steps []Step) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var mu sync.Mutex
	var first error // guarded by mu
	var all sync.WaitGroup
	for _, s := range steps {
		all.Go(func() {
			value, err := s.run(ctx)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				r.Values[s.Name] = value
			case s.Optional:
				r.Missing = append(r.Missing, s.Name)
			case first == nil:
				first = fmt.Errorf("%s: %w", s.Name, err)
				cancel() // the others work for an answer that will not be given
			}
		})
	}
	over := make(chan struct{})
	go func() { all.Wait(); close(over) }()
	select {
	case <-over:
	case <-ctx.Done():
	}
	mu.Lock()
	defer mu.Unlock()
	return first
}

// run makes one call, if there is time for it.
func (s *Step) run(ctx context.Context) (value string, err error) {
	if end, ok := ctx.Deadline(); ok {
		if left := time.Until(end); left <= 0 || left < s.Min {
			return "", ErrNoTime
		}
	}
	if s.Max > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, s.Max)
		defer cancel()
	}
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v", ErrPanic, p)
		}
	}()
	return s.Call(ctx)
}
