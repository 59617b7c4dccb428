package rabbit

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	amqp "github.com/rabbitmq/amqp091-go"

	"workbench/lab/broker"
	"workbench/lab/broker/pump"
)

// Consume implements broker.Broker.
func (b *Broker) Consume(ctx context.Context, o broker.Options, h broker.Handler) error {
	o, err := o.Checked()
	if err != nil {
		return err
	}
	if o.Group != "" {
		return fmt.Errorf("group %q: %w: a queue of RabbitMQ gives each message to one consumer", o.Group, broker.ErrUnsupported)
	}
	leave, err := b.life.Enter()
	if err != nil {
		return err
	}
	defer leave()
	l, err := b.connected(ctx)
	switch {
	case errors.Is(err, broker.ErrClosed): // in the middle of this call: its end, as that of any consumer
		return nil
	case err != nil:
		return err
	}
	ch, err := l.conn.Channel()
	if err != nil {
		return unavailable(err)
	}
	gone, lose := context.WithCancelCause(context.WithoutCancel(ctx))
	lost := ch.NotifyClose(make(chan *amqp.Error, 1))
	noticed := make(chan struct{})
	go func() { // ends with the channel, which is closed below
		defer close(noticed)
		lose(unavailable(errors.Join(errors.New("the connection was lost"), cause(<-lost))))
	}()
	c := &consumer{broker: b, gone: gone}
	if err = ch.Qos(o.Prefetch, 0, false); err == nil {
		c.deliveries, err = ch.Consume(b.config.Queue, "", false, false, false, false, nil)
	}
	if err != nil {
		return unavailable(errors.Join(err, closed(ch.Close())))
	}
	// Closing the channel gives back whatever it holds, which is also what
	// RabbitMQ does when the process is killed.
	err = pump.Run(ctx, pump.Job{Source: c, Options: o, Handler: h, Stop: b.life.Stop(), Kill: b.life.Kill(), Gone: gone})
	b.held.Add(-c.held())
	if shut := closed(ch.Close()); shut != nil && err == nil {
		err = unavailable(shut)
	}
	for range c.deliveries { // the library waits for its reader
	}
	<-noticed
	return err
}

// consumer is one call of Consume.
type consumer struct {
	broker     *Broker
	deliveries <-chan amqp.Delivery
	gone       context.Context
	count      atomic.Int64 // of messages held
}

func (c *consumer) held() int64 { return c.count.Load() }

// Next implements pump.Source.
func (c *consumer) Next(ctx context.Context) (pump.Delivery, error) {
	select {
	case d, ok := <-c.deliveries:
		if !ok {
			<-c.gone.Done()
			return pump.Delivery{}, context.Cause(c.gone)
		}
		c.count.Add(1)
		c.broker.held.Add(1)
		return pump.Delivery{Message: message(&d), Tag: &d}, nil
	case <-ctx.Done():
		return pump.Delivery{}, ctx.Err()
	}
}

// cause returns why a channel closed; nil when that was asked for.
func cause(e *amqp.Error) error {
	if e == nil {
		return nil
	}
	return e
}

// Settle implements pump.Source.
func (c *consumer) Settle(_ context.Context, d pump.Delivery, v pump.Verdict, _ string) (err error) {
	delivery := d.Tag.(*amqp.Delivery)
	if v == pump.Retry && d.Attempt >= c.broker.config.Attempts {
		v = pump.Bury
	}
	switch v {
	case pump.Ack:
		err = delivery.Ack(false)
	case pump.Bury:
		err = delivery.Nack(false, false)
	default:
		err = delivery.Nack(false, true)
	}
	if err != nil {
		return unavailable(err)
	}
	c.count.Add(-1)
	c.broker.held.Add(-1)
	return nil
}

// Lost implements pump.Source.
func (c *consumer) Lost(n int) { c.broker.lost.Add(int64(n)) }
