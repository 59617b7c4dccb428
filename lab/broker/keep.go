package broker

import (
	"context"
	"errors"
	"time"

	"workbench/sim/clock"
)

// How long Keep waits after a consumer ended by itself: the pause doubles until
// one has lived longer than the longest pause.
const (
	keepFloor = 50 * time.Millisecond
	keepCeil  = 2 * time.Second
)

// Consumer is what Keep needs of a Broker.
type Consumer interface {
	Consume(ctx context.Context, o Options, h Handler) error
}

// Keep consumes until ctx ends, which is its error, or the broker is closed,
// which is nil. When a consumer ends by itself, because the broker is away or it
// crashed, another takes its place after a pause, and ended (nil: nobody) is told
// why. Options that are wrong, or that the broker cannot do, are not tried again.
func Keep(ctx context.Context, c clock.Clock, b Consumer, o Options, h Handler, ended func(error)) error {
	if _, err := o.Checked(); err != nil {
		return err
	}
	for pause := keepFloor; ; pause = min(2*pause, keepCeil) {
		begun := c.Now()
		err := b.Consume(ctx, o, h)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err == nil, errors.Is(err, ErrClosed):
			return nil
		case errors.Is(err, ErrUnsupported):
			return err
		}
		if ended != nil {
			ended(err)
		}
		if c.Now()-begun > keepCeil {
			pause = keepFloor
		}
		if err := c.Wait(ctx, c.Now()+pause); err != nil {
			return err
		}
	}
}
