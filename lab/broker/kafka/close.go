package kafka

import (
	"context"
	"errors"
	"fmt"

	"workbench/lab/broker"
)

// Close implements broker.Broker. What is left stays in the topic; where that
// ends with the Broker, its consumers work it off first.
func (b *Broker) Close(ctx context.Context) error {
	ended := make(chan struct{})
	go func() { // ends with the consumers' end, which follows from Stop and from the end of ctx
		defer close(ended)
		<-b.life.Stop().Done()
		if b.server.Ends {
			b.workOff(ctx)
		}
		b.halt()
	}()
	first, err := b.life.Close(ctx)
	<-ended
	if !first {
		return err
	}
	if b.server.Ends {
		err = errors.Join(err, b.left(ctx))
	}
	b.client.Close()
	return err
}

// workOff waits until the consumers have handled everything, or there are none.
func (b *Broker) workOff(ctx context.Context) {
	for b.consumers.Load() > 0 {
		if n, err := b.lag(ctx); err == nil && n == 0 {
			return
		}
		if b.wall.Wait(ctx, b.wall.Now()+commitPeriod) != nil {
			return
		}
	}
}

// left is a LostError when something is left of a topic that ends.
func (b *Broker) left(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), endLimit)
	defer cancel()
	switch n, err := b.lag(ctx); {
	case err != nil:
		return fmt.Errorf("count what is left of %s: %w", b.config.Queue, explain(ctx, err))
	case n > 0:
		return &broker.LostError{Messages: n, Where: "still in the topic"}
	}
	return nil
}

// lag returns how many messages the group that shares the work has not
// committed.
func (b *Broker) lag(ctx context.Context) (sum int64, err error) {
	lags, err := b.lags(ctx)
	for _, n := range lags {
		sum += n
	}
	return sum, err
}
