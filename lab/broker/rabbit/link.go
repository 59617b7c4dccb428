package rabbit

import (
	"context"
	"errors"
	"fmt"
	"net"

	amqp "github.com/rabbitmq/amqp091-go"

	"workbench/lab/broker"
)

// call is one dial, for which any number of callers wait.
type call struct {
	done chan struct{} // closed when link and err stand
	link *link
	err  error
}

// connected returns the connection. If it was lost, one dial makes a new one for
// all who ask; each leaves when its own ctx ends or the broker is closed, which
// is ErrClosed.
func (b *Broker) connected(ctx context.Context) (*link, error) {
	if ctx.Err() != nil {
		return nil, ended(ctx)
	}
	l, c, err := b.present()
	if c == nil {
		return l, err
	}
	select {
	case <-c.done:
		return c.link, c.err
	case <-ctx.Done():
		return nil, ended(ctx)
	case <-b.life.Stop().Done():
		return nil, broker.ErrClosed
	}
}

// present returns the connection there is, or the dial that is to make one, or
// why there is neither. It does not wait for the network.
func (b *Broker) present() (*link, *call, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.link != nil {
		select {
		case <-b.link.gone:
			b.link = nil
		default:
			return b.link, nil, nil
		}
	}
	switch {
	case b.call != nil:
	case b.life.Stop().Err() != nil:
		return nil, nil, broker.ErrClosed
	case b.last != nil && b.wall.Now() < b.rest:
		return nil, nil, b.last
	default:
		c := &call{done: make(chan struct{})}
		b.call = c
		b.owned.Go(func() { b.connect(c) })
	}
	return nil, b.call, nil
}

// connect dials, and tells whoever waits.
func (b *Broker) connect(c *call) {
	ctx, cancel := context.WithTimeout(b.life.Stop(), dialLimit)
	defer cancel()
	defer close(c.done)
	l, err := b.dial(ctx)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.call = nil
	switch {
	case b.life.Stop().Err() != nil: // it came in the moment of Close, which does not know of it
		c.err = broker.ErrClosed
		if l != nil {
			_ = b.part(l)
		}
	case err != nil:
		c.err = unavailable(err)
		b.last, b.rest = c.err, b.wall.Now()+dialPause
	default:
		c.link, b.link, b.last = l, l, nil
	}
}

func unavailable(err error) error { return fmt.Errorf("%w: RabbitMQ: %w", broker.ErrUnavailable, err) }

// dial connects, declares the queues and opens the publishing channel. When ctx
// ends first the connection is cut, at whatever point it is.
func (b *Broker) dial(ctx context.Context) (*link, error) {
	l := &link{gone: make(chan struct{})}
	keep := func() bool { return true }
	conn, err := amqp.DialConfig(b.url, amqp.Config{Heartbeat: heartbeat, Dial: func(network, address string) (net.Conn, error) {
		wire, err := b.dialer(ctx, network, address)
		if err != nil {
			return nil, err
		}
		l.wire = wire
		keep = context.AfterFunc(ctx, func() { _ = wire.Close() }) // whoever reads and writes there learns it
		return wire, nil
	}})
	if err != nil {
		return nil, silent(ctx, keep(), err)
	}
	l.conn = conn
	if l.ch, err = conn.Channel(); err == nil {
		if err = b.declare(l.ch); err == nil {
			err = l.ch.Confirm(false)
		}
	}
	if kept := keep(); err != nil || !kept {
		_ = b.part(l) // what is wrong is known
		return nil, silent(ctx, kept, err)
	}
	l.back = listen(l.ch)
	lost := l.ch.NotifyClose(make(chan *amqp.Error, 1))
	b.owned.Go(func() { // ends with the channel, which Close closes
		<-lost
		close(l.gone)
		_ = b.part(l) // the channel alone may have failed
		l.back.wait()
	})
	return l, nil
}

// silent says why a dial failed: what the library found, or that it was cut. The
// cut is no end of the caller's context, and not told as one.
func silent(ctx context.Context, kept bool, err error) error {
	if kept && ctx.Err() == nil {
		return err
	}
	return errors.Join(fmt.Errorf("it did not answer within %v", dialLimit), err)
}

// part closes a connection. A server that says nothing is not waited for.
func (b *Broker) part(l *link) error {
	ctx, cancel := context.WithTimeout(context.Background(), farewell)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { _ = l.wire.Close() })
	defer stop()
	return l.conn.Close()
}

// apart runs f with a channel of its own: an error of AMQP ends the channel on
// which it occurred. One at a time does so. The library knows no contexts: when
// ctx ends f is left to end with its connection, and the cause is the error.
func (b *Broker) apart(ctx context.Context, f func(*amqp.Channel) error) error {
	select {
	case b.apartly <- struct{}{}:
	case <-ctx.Done():
		return ended(ctx)
	}
	l, err := b.connected(ctx)
	if err != nil {
		<-b.apartly
		return err
	}
	result := make(chan error, 1)
	b.owned.Go(func() {
		defer func() { <-b.apartly }()
		result <- onChannel(l, f)
	})
	select {
	case err := <-result:
		return err
	case <-ctx.Done():
		return ended(ctx)
	}
}

// open returns a context that ends with ctx, or as ErrClosed when the broker
// closes.
func (b *Broker) open(ctx context.Context) (_ context.Context, leave func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(b.life.Stop(), func() { cancel(broker.ErrClosed) })
	return ctx, func() {
		stop()
		cancel(nil)
	}
}

// ended says why a context of open, or any other, has ended.
func ended(ctx context.Context) error {
	if errors.Is(context.Cause(ctx), broker.ErrClosed) {
		return broker.ErrClosed
	}
	return ctx.Err()
}

func onChannel(l *link, f func(*amqp.Channel) error) error {
	ch, err := l.conn.Channel()
	if err != nil {
		return unavailable(err)
	}
	if err := f(ch); err != nil {
		return unavailable(errors.Join(err, closed(ch.Close())))
	}
	if err := closed(ch.Close()); err != nil {
		return unavailable(err)
	}
	return nil
}

// Close implements broker.Broker. What is left stays in RabbitMQ. A server that
// does not answer is waited for a second at most beyond ctx.
func (b *Broker) Close(ctx context.Context) error {
	spare, cancel := context.WithCancel(context.Background())
	defer cancel()
	defer context.AfterFunc(ctx, func() { // handlers end with ctx, and then their messages are given back, or fall back with the connection
		if b.wall.Wait(spare, b.wall.Now()+farewell) == nil {
			b.cut()
		}
	})()
	first, err := b.life.Close(ctx)
	if !first {
		return err
	}
	return errors.Join(err, b.hangUp())
}

// hangUp closes the connection of a broker that nobody is inside of any more, and
// waits for all that it has begun.
func (b *Broker) hangUp() (err error) {
	b.mu.Lock()
	l := b.link
	b.link = nil
	b.mu.Unlock()
	if l != nil {
		err = closed(b.part(l))
	}
	b.owned.Wait()
	return err
}

// cut ends the connection at once.
func (b *Broker) cut() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.link != nil {
		_ = b.link.wire.Close() // its reader learns of it, and ends
	}
}
