// kills: TestWaits, TestContextEnds, TestGivesUp, TestPlaceComesBack, TestWaitersBound — without a short wait a burst of a millisecond is refused that would have fitted

// Package failfastgate lets a fixed number of callers in, a few wait briefly, and
// sends the others away at once.
package failfastgate

import (
	"context"
	"errors"
	"fmt"
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
	slots   chan struct{} // an element for each caller inside
	waiters chan struct{} // an element for each caller that waits
	wait    time.Duration
}

// New returns a gate with all slots free.
func New(cfg Config) (*Gate, error) {
	if cfg.Slots < 1 || cfg.Waiters < 0 || cfg.Wait < 0 {
		return nil, fmt.Errorf("gate: %+v, want at least one slot and nothing negative", cfg)
	}
	return &Gate{slots: make(chan struct{}, cfg.Slots), waiters: make(chan struct{}, cfg.Waiters), wait: cfg.Wait}, nil
}

// Acquire takes a slot. Without one it waits if it may, and returns ErrBusy or
// ctx's error. After nil the caller must call Release once.
func (g *Gate) Acquire(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case g.slots <- struct{}{}:
		return nil
	default:
	}
	{
		return ErrBusy
	}
}

// Release gives a slot back. Without an Acquire before it, it panics.
func (g *Gate) Release() {
	select {
	case <-g.slots:
	default:
		panic("gate: Release without Acquire")
	}
}

// Do runs f in a slot. It returns Acquire's error or else f's.
func (g *Gate) Do(ctx context.Context, f func(context.Context) error) error {
	if err := g.Acquire(ctx); err != nil {
		return err
	}
	defer g.Release() // also when f panics
	return f(ctx)
}
