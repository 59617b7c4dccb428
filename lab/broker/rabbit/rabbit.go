package rabbit

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"workbench/lab/broker"
	"workbench/lab/broker/pump"
	"workbench/sim/clock"
)

const (
	dialLimit = 3 * time.Second
	dialPause = 500 * time.Millisecond // after a dial that failed: meanwhile its error is the answer
	farewell  = time.Second            // for a server to say goodbye in, before the connection is cut
	heartbeat = 5 * time.Second        // a silent server is given up after two of them
	slack     = 64                     // how many waited confirmations may pass before the bound is noticed
)

// Broker is one queue of a RabbitMQ. Use Open; Close it.
type Broker struct {
	config  broker.Config
	url     string
	version string
	life    *pump.Life
	wall    *clock.Wall
	dialer  func(ctx context.Context, network, address string) (net.Conn, error)
	apartly chan struct{}  // of one: who asks on a channel apart holds its place
	owned   sync.WaitGroup // goroutines that may outlive the call that began them
	lost    atomic.Int64
	held    atomic.Int64  // by consumers of this process
	number  atomic.Uint64 // of the latest publication

	mu   sync.Mutex
	link *link         // guarded by mu; nil before the first and after a lost connection
	call *call         // guarded by mu; the dial under way, nil: none
	last error         // guarded by mu; why the last dial failed, nil: it did not
	rest time.Duration // guarded by mu; until when last is the answer
}

// link is a connection with its publishing channel.
type link struct {
	conn *amqp.Connection
	wire net.Conn // below conn: to be cut when the server says nothing
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
	b := prepare(address, c, (&net.Dialer{}).DialContext)
	l, err := b.connected(ctx)
	if err != nil {
		return nil, errors.Join(err, b.Close(context.WithoutCancel(ctx)))
	}
	b.version, _ = l.conn.Properties["version"].(string)
	return b, nil
}

// prepare returns a broker that is not connected.
func prepare(address string, c broker.Config, dialer func(ctx context.Context, network, address string) (net.Conn, error)) *Broker {
	return &Broker{config: c, url: address, life: pump.NewLife(), wall: clock.NewWall(), dialer: dialer, apartly: make(chan struct{}, 1)}
}

// Caps implements broker.Broker.
func (b *Broker) Caps() broker.Caps {
	return broker.Caps{
		Confirms: true, Durable: true, Redelivery: true, CountsCrashes: true, DeadLetter: true,
		BoundedReject: true, Full: broker.Reject, Slack: slack, Label: "RabbitMQ " + b.version,
	}
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
	ctx, done := b.open(ctx)
	defer done()
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
	ctx, done := b.open(ctx)
	defer done()
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

// closed passes over the error of closing what is closed.
func closed(err error) error {
	if errors.Is(err, amqp.ErrClosed) {
		return nil
	}
	return err
}
