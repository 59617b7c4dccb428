// Package breaker leaves a dependency alone that keeps failing.
package breaker

import (
	"context"
	"errors"
	"time"
)

// ErrOpen says that the call was not allowed.
var ErrOpen = errors.New("breaker: open")

// Config says when a breaker opens, and for how long.
type Config struct {
	Share    float64       // of failures among the calls of the last Window at which it opens, above 0 and at most 1
	MinCalls int           // fewest calls in the Window before the share means anything
	Window   time.Duration // how far back calls count
	OpenFor  time.Duration // how long it stays open before it probes
}

// State is where a breaker stands.
type State int

// The states.
const (
	Closed   State = iota // calls pass
	Open                  // nothing passes
	HalfOpen              // one probe passes, or is under way
)

// Result is what a call says about the dependency.
type Result int

// The results.
const (
	Success Result = iota // it works
	Failure               // it does not
	Ignored               // nothing: the call was given up
)

// Pass is the right to one call. Its fields are yours.
type Pass struct{}

// Breaker decides which calls may be made. Use New. It is safe for concurrent use.
type Breaker struct {
	// Which state is it in, since when, and what has it seen?
}

// New returns a closed breaker.
func New(cfg Config) (*Breaker, error) {
	return &Breaker{}, nil
}

// Allow asks at now, counted from any fixed origin, whether a call may be made.
// Whoever gets a pass reports what became of the call.
func (b *Breaker) Allow(now time.Duration) (Pass, error) {
	return Pass{}, nil
}

// Report says at now what became of a call.
func (b *Breaker) Report(now time.Duration, p Pass, r Result) {}

// State returns the state at now.
func (b *Breaker) State(now time.Duration) State {
	return Closed
}

// Do makes the call f if it is allowed, and reports it.
func (b *Breaker) Do(ctx context.Context, now func() time.Duration, f func(context.Context) error) error {
	return f(ctx)
}
