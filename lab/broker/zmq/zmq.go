package zmq

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"workbench/lab/broker"
	"workbench/lab/broker/pump"
	"workbench/sim/clock"
)

// Broker is the publisher's side: what waits below the high-water mark. Use New;
// Close it.
type Broker struct {
	queue    chan broker.Message // of Config.Capacity; never closed
	life     *pump.Life
	wall     *clock.Wall
	inflight atomic.Int64 // accepted, and not yet taken by a consumer or lost
	held     atomic.Int64 // taken by consumers, and not yet being handled
	lost     atomic.Int64
}

// New returns a publisher without consumers.
func New(c broker.Config) (*Broker, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	return &Broker{queue: make(chan broker.Message, c.Capacity), life: pump.NewLife(), wall: clock.NewWall()}, nil
}

// Caps implements broker.Broker.
func (b *Broker) Caps() broker.Caps {
	return broker.Caps{Full: broker.Drop, Label: "ZeroMQ, without a broker"}
}

// Publish implements broker.Broker. It never waits. Nil means that the message
// is on its way, or was counted lost because too many are.
func (b *Broker) Publish(ctx context.Context, m broker.Message) error {
	if err := errors.Join(ctx.Err(), m.Validate()); err != nil {
		return err
	}
	leave, err := b.life.Enter()
	if err != nil {
		return err
	}
	defer leave()
	b.inflight.Add(1)
	select {
	case b.queue <- m:
	default:
		b.lose(1)
	}
	return nil
}

// lose counts messages that are no longer on their way and will not arrive.
func (b *Broker) lose(n int64) {
	b.inflight.Add(-n)
	b.lost.Add(n)
}

// Depth implements broker.Broker.
func (b *Broker) Depth(ctx context.Context) (broker.Depth, error) {
	leave, err := b.life.Enter()
	if err != nil {
		return broker.Depth{}, err
	}
	defer leave()
	return broker.Depth{Ready: b.inflight.Load(), Unacked: b.held.Load(), Lost: b.lost.Load()}, ctx.Err()
}

// Dead implements broker.Broker: there are no dead letters.
func (b *Broker) Dead(context.Context, int) ([]broker.Dead, error) {
	return nil, fmt.Errorf("dead letters: %w: a message that failed is gone", broker.ErrUnsupported)
}

// Close implements broker.Broker.
func (b *Broker) Close(ctx context.Context) error {
	first, err := b.life.Close(ctx)
	if !first {
		return err
	}
	left := 0
	for len(b.queue) > 0 {
		<-b.queue
		left++
	}
	b.lose(int64(left))
	if left > 0 {
		err = errors.Join(err, &broker.LostError{Messages: int64(left), Where: "still to be sent"})
	}
	return err
}

var _ broker.Broker = (*Broker)(nil)
