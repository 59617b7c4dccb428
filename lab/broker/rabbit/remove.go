package rabbit

import (
	"context"
	"errors"
	"fmt"

	amqp "github.com/rabbitmq/amqp091-go"

	"workbench/lab/broker"
)

// Remove implements broker.Remover.
func (b *Broker) Remove(ctx context.Context) error {
	first, err := b.life.Close(ctx)
	if !first {
		return err
	}
	gone := b.apart(ctx, func(ch *amqp.Channel) error {
		for _, name := range []string{b.config.Queue, b.dead()} { // of a queue that is not there it is no error
			if _, err := ch.QueueDelete(name, false, false, false); err != nil {
				return fmt.Errorf("remove queue %s: %w", name, err)
			}
		}
		return nil
	})
	return errors.Join(err, gone, b.hangUp())
}

var _ broker.Remover = (*Broker)(nil)
