//go:build !linux

package load

import (
	"context"
	"time"

	"workbench/sim/clock"
)

// timer waits by the runtime's timers, which are up to a millisecond late.
type timer struct{ clk *clock.Wall }

func newPacer() (pacer, error) { return timer{clock.NewWall()}, nil }

// wait implements pacer.
func (t timer) wait(d time.Duration) error {
	return t.clk.Wait(context.Background(), t.clk.Now()+d)
}

// close implements pacer.
func (timer) close() error { return nil }
