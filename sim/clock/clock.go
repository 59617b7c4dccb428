// Package clock is the one place that asks the machine what time it is.
//
// Instants are durations since an origin that the owner of the clock chooses
// (the start of a lab, of a run, of a simulation). Cores take such an instant
// as an argument; only shells hold a Clock.
package clock

import (
	"context"
	"time"
)

// Clock tells and waits for time since its origin. It is safe for concurrent
// use.
type Clock interface {
	// Now returns the time since the origin; it never goes backwards.
	Now() time.Duration
	// Wait returns nil at the instant until, or ctx's error if that ends
	// first. For an instant that has passed it returns ctx's error, if any, at
	// once.
	Wait(ctx context.Context, until time.Duration) error
}

// Wall is the machine's monotonic clock with an origin. It also runs inside a
// testing/synctest bubble, where time is virtual.
type Wall struct{ origin time.Time }

// NewWall returns a clock whose origin is now.
func NewWall() *Wall { return &Wall{origin: time.Now()} }

// Now implements Clock.
func (w *Wall) Now() time.Duration { return time.Since(w.origin) }

// Date returns the calendar time of an instant of this clock.
func (w *Wall) Date(at time.Duration) time.Time { return w.origin.Add(at) }

// Wait implements Clock.
func (w *Wall) Wait(ctx context.Context, until time.Duration) error {
	d := until - w.Now()
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Manual is a clock that moves only when told to, for tests of code that
// reads the time and does not wait. The zero value stands at 0. Unlike other
// clocks it is for one goroutine alone.
type Manual struct{ At time.Duration }

// Now implements Clock.
func (m *Manual) Now() time.Duration { return m.At }

// Wait implements Clock by moving the clock to until.
func (m *Manual) Wait(ctx context.Context, until time.Duration) error {
	m.At = max(m.At, until)
	return ctx.Err()
}

var (
	_ Clock = (*Wall)(nil)
	_ Clock = (*Manual)(nil)
)
