package zmq

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-zeromq/zmq4"

	"workbench/lab/broker"
	"workbench/lab/broker/pump"
)

const (
	drainLimit = 2 * time.Second      // how long an ending consumer waits for what was sent to it
	drainPoll  = time.Millisecond     // and how often it looks
	closePoll  = 5 * time.Millisecond // how often a closing consumer asks whether all have arrived
	frames     = 4                    // of a message: ID, key, headers, body
)

// Consume implements broker.Broker.
func (b *Broker) Consume(ctx context.Context, o broker.Options, h broker.Handler) error {
	o, err := o.Checked()
	if err != nil {
		return err
	}
	if o.Group != "" {
		return fmt.Errorf("group %q: %w: a message that was sent is gone", o.Group, broker.ErrUnsupported)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	leave, err := b.life.Enter()
	if err != nil {
		return err
	}
	defer leave()
	o.AtMostOnce = true
	c, err := b.connect()
	if err != nil {
		return fmt.Errorf("%w: ZeroMQ: %w", broker.ErrUnavailable, err)
	}
	err = pump.Run(ctx, pump.Job{Source: c, Options: o, Handler: h, Kill: b.life.Kill()})
	return errors.Join(err, c.end())
}

// consumer is one call of Consume: a pair of sockets.
type consumer struct {
	broker         *Broker
	push, pull     zmq4.Socket
	sent, received atomic.Int64
	taken          atomic.Int64 // by Next, and not yet settled
	in             chan broker.Message
	stop           chan struct{} // closed when no more is to be sent
	ending         chan struct{} // closed when what arrives is lost
	sender, reader sync.WaitGroup
}

// connect opens the sockets and starts a goroutine for each, which end ends.
func (b *Broker) connect() (*consumer, error) {
	quiet := zmq4.WithLogger(log.New(io.Discard, "", 0))
	c := &consumer{
		broker: b, in: make(chan broker.Message), stop: make(chan struct{}), ending: make(chan struct{}),
		push: zmq4.NewPush(context.Background(), quiet), pull: zmq4.NewPull(context.Background(), quiet),
	}
	err := c.pull.Listen("tcp://127.0.0.1:0")
	if err == nil {
		err = c.push.Dial("tcp://" + c.pull.Addr().String())
	}
	if err != nil {
		return nil, errors.Join(err, c.push.Close(), c.pull.Close())
	}
	c.sender.Go(c.send)
	c.reader.Go(c.read)
	return c, nil
}

// send passes on what waits until stop.
func (c *consumer) send() {
	b := c.broker
	for {
		select {
		case <-c.stop:
			return
		default:
		}
		select {
		case <-c.stop:
			return
		case m := <-b.queue:
			headers, err := json.Marshal(m.Headers)
			if err == nil {
				c.sent.Add(1)
				err = c.push.SendMulti(zmq4.NewMsgFrom([]byte(m.ID), []byte(m.Key), headers, m.Body))
				if err != nil {
					c.sent.Add(-1)
				}
			}
			if err != nil {
				b.lose(1)
			}
		}
	}
}

// read takes what arrives until the socket closes.
func (c *consumer) read() {
	for {
		msg, err := c.pull.Recv()
		if err != nil {
			return
		}
		c.received.Add(1)
		m, err := message(msg)
		if err != nil { // not from our sender: the port is open to this machine
			c.received.Add(-1)
			continue
		}
		select {
		case c.in <- m:
		case <-c.ending:
			c.broker.lose(1)
		}
	}
}

// message reads a message from its frames.
func message(msg zmq4.Msg) (m broker.Message, err error) {
	if len(msg.Frames) != frames {
		return m, fmt.Errorf("a message of %d frames (want %d)", len(msg.Frames), frames)
	}
	m = broker.Message{ID: string(msg.Frames[0]), Key: string(msg.Frames[1]), Body: msg.Frames[3], Attempt: 1}
	if err := json.Unmarshal(msg.Frames[2], &m.Headers); err != nil {
		return m, fmt.Errorf("headers: %w", err)
	}
	return m, m.Validate()
}

// end stops the sender, counts what it sent in vain, and closes the sockets.
func (c *consumer) end() error {
	b := c.broker
	close(c.ending)
	close(c.stop)
	c.sender.Wait() // the reader goes on, so a send that waits for it ends
	for until := b.wall.Now() + drainLimit; c.received.Load() < c.sent.Load() && b.wall.Now() < until; {
		_ = b.wall.Wait(context.Background(), b.wall.Now()+drainPoll)
	}
	err := errors.Join(closed(c.push.Close()), closed(c.pull.Close()))
	c.reader.Wait()
	b.lose(c.sent.Load() - c.received.Load())
	held := c.taken.Load() // by a crash
	b.held.Add(-held)
	b.lost.Add(held)
	if err != nil {
		return fmt.Errorf("close sockets: %w", err)
	}
	return nil
}

// closed passes over the error of closing a connection that the other end
// closed first: each socket closes its own end, in no order.
func closed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// Next implements pump.Source. Once the broker closes, it ends when nothing is
// on its way any more.
func (c *consumer) Next(ctx context.Context) (pump.Delivery, error) {
	b := c.broker
	for {
		look, cancel := ctx, context.CancelFunc(func() {})
		if b.life.Stop().Err() != nil {
			if b.inflight.Load() == 0 {
				return pump.Delivery{}, pump.ErrEnd
			}
			look, cancel = context.WithTimeout(ctx, closePoll)
		}
		d, ok := c.next(look)
		cancel()
		switch {
		case ok:
			return d, nil
		case ctx.Err() != nil:
			return pump.Delivery{}, ctx.Err()
		}
	}
}

// next waits for a message until ctx ends or the broker begins to close.
func (c *consumer) next(ctx context.Context) (d pump.Delivery, ok bool) {
	b := c.broker
	closing := b.life.Stop().Done()
	if b.life.Stop().Err() != nil {
		closing = nil // it is known already
	}
	select {
	case m := <-c.in:
		b.held.Add(1)
		b.inflight.Add(-1)
		c.taken.Add(1)
		return pump.Delivery{Message: m}, true
	case <-ctx.Done():
	case <-closing:
	}
	return pump.Delivery{}, false
}

// Settle implements pump.Source.
func (c *consumer) Settle(_ context.Context, _ pump.Delivery, v pump.Verdict, _ string) error {
	c.taken.Add(-1)
	c.broker.held.Add(-1)
	if v != pump.Ack { // there is nobody to give it back to
		c.broker.lost.Add(1)
	}
	return nil
}

// Lost implements pump.Source.
func (c *consumer) Lost(n int) { c.broker.lost.Add(int64(n)) }
