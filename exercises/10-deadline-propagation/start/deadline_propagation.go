// Package deadlinepropagation does the work behind one request within the time
// that its caller will wait.
package deadlinepropagation

import (
	"context"
	"errors"
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
	r := Result{Values: map[string]string{}}
	for _, stage := range stages {
		for _, s := range stage {
			value, err := s.Call(context.Background())
			if err != nil {
				return Result{}, err
			}
			r.Values[s.Name] = value
		}
	}
	return r, nil
}
