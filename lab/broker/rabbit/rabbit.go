package rabbit

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"workbench/lab/broker"
	"workbench/lab/broker/pump"
)

const (
	dialLimit = 3 * time.Second
	heartbeat = 5 * time.Second // a silent server is given up after two of them
	slack     = 64              // how many waited confirmations may pass before the bound is noticed
)

// Broker is one queue of a RabbitMQ. Use Open; Close it.
type Broker struct {
	config  broker.Config
	url     string
	version string
	life    *pump.Life
	lost    atomic.Int64
	held    atomic.Int64  // by consumers of this process
	number  atomic.Uint64 // of the latest publication

	mu   sync.Mutex
	link *link // guarded by mu; nil before the first and after a lost connection
}

// link is a connection with its publishing channel.
type link struct {
	conn *amqp.Connection
	ch   *amqp.Channel
	back *returns
	gone chan struct{} // closed when the connection is lost
}

// Open connects to the RabbitMQ at an amqp:// or amqps:// address and declares
// the queue of c and the queue of its dead letters.
func Open(ctx context.Context, address string, c broker.Config) (*Broker, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "amqp" && u.Scheme != "amqps" || u.Host == "" {
		// The address may hold a password, so it is not repeated.
		return nil, errors.New("RabbitMQ address: want amqp://[user:password@]host:port[/vhost] or amqps:// for TLS")
	}
	b := &Broker{config: c, url: address, life: pump.NewLife()}
	l, err := b.connected(ctx)
	if err != nil {
		return nil, err
	}
	b.version, _ = l.conn.Properties["version"].(string)
	return b, nil
}

// Caps implements broker.Broker.
func (b *Broker) Caps() broker.Caps {
	return broker.Caps{
		Confirms: true, Durable: true, Redelivery: true, CountsCrashes: true, DeadLetter: true,
		BoundedReject: true, Full: broker.Reject, Slack: slack, Label: "RabbitMQ " + b.version,
	}
}

// connected returns the connection, and makes a new one if it was lost.
func (b *Broker) connected(ctx context.Context) (*link, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if b.link != nil {
		select {
		case <-b.link.gone:
			b.link.back.wait()
			b.link = nil
		default:
			return b.link, nil
		}
	}
	l, err := b.dial()
	if err != nil {
		return nil, unavailable(err)
	}
	b.link = l
	return l, nil
}

func unavailable(err error) error { return fmt.Errorf("%w: RabbitMQ: %w", broker.ErrUnavailable, err) }

// dial connects, declares the queues and opens the publishing channel.
func (b *Broker) dial() (*link, error) {
	conn, err := amqp.DialConfig(b.url, amqp.Config{Heartbeat: heartbeat, Dial: amqp.DefaultDial(dialLimit)})
	if err != nil {
		return nil, err
	}
	l := &link{conn: conn, gone: make(chan struct{})}
	if l.ch, err = conn.Channel(); err == nil {
		if err = b.declare(l.ch); err == nil {
			err = l.ch.Confirm(false)
		}
	}
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	l.back = listen(l.ch)
	closed := l.ch.NotifyClose(make(chan *amqp.Error, 1))
	go func() { // ends with the channel, which Close closes
		<-closed
		close(l.gone)
		_ = conn.Close() // the channel alone may have failed
	}()
	return l, nil
}

// dead is the name of the queue of dead letters.
func (b *Broker) dead() string { return b.config.Queue + ".dead" }

func (b *Broker) declare(ch *amqp.Channel) error {
	for _, q := range []struct {
		name string
		args amqp.Table
	}{
		{b.dead(), amqp.Table{"x-queue-type": "quorum", "x-max-length": int64(b.config.DeadCapacity), "x-overflow": "drop-head"}},
		{b.config.Queue, amqp.Table{
			"x-queue-type": "quorum", "x-max-length": int64(b.config.Capacity), "x-overflow": "reject-publish",
			"x-delivery-limit":       int64(b.config.Attempts - 1), // of deliveries after the first
			"x-dead-letter-exchange": "", "x-dead-letter-routing-key": b.dead(), "x-dead-letter-strategy": "at-least-once",
		}},
	} {
		if _, err := ch.QueueDeclare(q.name, true, false, false, false, q.args); err != nil {
			var e *amqp.Error
			if errors.As(err, &e) && e.Code == amqp.PreconditionFailed {
				return fmt.Errorf("queue %s is there with other settings (delete it, or choose another name): %w", q.name, err)
			}
			return err
		}
	}
	return nil
}

// Depth implements broker.Broker.
func (b *Broker) Depth(ctx context.Context) (broker.Depth, error) {
	leave, err := b.life.Enter()
	if err != nil {
		return broker.Depth{}, err
	}
	defer leave()
	var ready, dead int
	err = b.apart(ctx, func(ch *amqp.Channel) error {
		q, err := ch.QueueDeclarePassive(b.config.Queue, true, false, false, false, nil)
		if err != nil {
			return err
		}
		d, err := ch.QueueDeclarePassive(b.dead(), true, false, false, false, nil)
		ready, dead = q.Messages, d.Messages
		return err
	})
	if err != nil {
		return broker.Depth{}, fmt.Errorf("depth of %s: %w", b.config.Queue, err)
	}
	return broker.Depth{Ready: int64(ready), Unacked: b.held.Load(), Dead: int64(dead), Lost: b.lost.Load()}, nil
}

// Dead implements broker.Broker. RabbitMQ gives letters out to whoever reads
// them, so for a moment another reader does not see them.
func (b *Broker) Dead(ctx context.Context, n int) ([]broker.Dead, error) {
	leave, err := b.life.Enter()
	if err != nil {
		return nil, err
	}
	defer leave()
	var out []broker.Dead
	err = b.apart(ctx, func(ch *amqp.Channel) error {
		for len(out) < n {
			d, ok, err := ch.Get(b.dead(), false)
			if err != nil {
				return err
			}
			if !ok {
				break
			}
			reason, _ := d.Headers["x-first-death-reason"].(string)
			m := message(&d)
			m.Attempt = 0 // it counts how often the letter was looked at
			out = append(out, broker.Dead{Message: m, Reason: "RabbitMQ says " + reason})
		}
		return nil // closing the channel puts them back
	})
	if err != nil {
		return nil, fmt.Errorf("dead letters of %s: %w", b.config.Queue, err)
	}
	return out, nil
}

// apart runs f with a channel of its own: an error of AMQP ends the channel on
// which it occurred.
func (b *Broker) apart(ctx context.Context, f func(*amqp.Channel) error) error {
	l, err := b.connected(ctx)
	if err != nil {
		return err
	}
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

// closed passes over the error of closing what is closed.
func closed(err error) error {
	if errors.Is(err, amqp.ErrClosed) {
		return nil
	}
	return err
}

// Close implements broker.Broker. What is left stays in RabbitMQ.
func (b *Broker) Close(ctx context.Context) error {
	first, err := b.life.Close(ctx)
	if !first {
		return err
	}
	return errors.Join(err, b.hangUp())
}
