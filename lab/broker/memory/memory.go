package memory

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"workbench/lab/broker"
	"workbench/lab/broker/pump"
)

// Broker is a queue in memory. Use New; Close it.
type Broker struct {
	config broker.Config
	life   *pump.Life

	mu       sync.Mutex
	lanes    map[string]*lane // guarded by mu: those of keys with messages here
	runnable *list.List       // guarded by mu: of *lane, with a message and none out
	ready    int              // guarded by mu: messages waiting
	unacked  int              // guarded by mu: messages out
	dead     []broker.Dead    // guarded by mu: oldest first
	lost     int64            // guarded by mu
	changed  chan struct{}    // guarded by mu: closed when a lane becomes runnable or the queue closes and empties
}

// lane is the messages of one key, or one message without a key.
type lane struct {
	key     string
	waiting []*broker.Message // Attempt: how often it was delivered
	out     bool
}

// New returns an empty queue.
func New(c broker.Config) (*Broker, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	return &Broker{
		config: c, life: pump.NewLife(), lanes: map[string]*lane{}, runnable: list.New(), changed: make(chan struct{}),
	}, nil
}

// Caps implements broker.Broker.
func (b *Broker) Caps() broker.Caps {
	return broker.Caps{
		Confirms: true, PerKeyOrder: true, Redelivery: true, CountsCrashes: true, DeadLetter: true,
		BoundedReject: true, Full: broker.Reject, Label: "in memory",
	}
}

// Publish implements broker.Broker. It never waits.
func (b *Broker) Publish(ctx context.Context, m broker.Message) error {
	if err := errors.Join(ctx.Err(), m.Validate()); err != nil {
		return err
	}
	leave, err := b.life.Enter()
	if err != nil {
		return err
	}
	defer leave()
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ready+b.unacked >= b.config.Capacity {
		return fmt.Errorf("%w (%d messages)", broker.ErrFull, b.config.Capacity)
	}
	kept := broker.Message{ID: m.ID, Key: m.Key, Body: slices.Clone(m.Body), Headers: maps.Clone(m.Headers)}
	l := b.lanes[m.Key]
	if l == nil || m.Key == "" {
		l = &lane{key: m.Key}
		if m.Key != "" {
			b.lanes[m.Key] = l
		}
	}
	l.waiting = append(l.waiting, &kept)
	b.ready++
	if len(l.waiting) == 1 && !l.out {
		b.run(l)
	}
	return nil
}

// run makes a lane runnable; mu is held.
func (b *Broker) run(l *lane) {
	b.runnable.PushBack(l)
	b.signal()
}

// signal wakes whoever waits for a change; mu is held.
func (b *Broker) signal() {
	close(b.changed)
	b.changed = make(chan struct{})
}

// Depth implements broker.Broker.
func (b *Broker) Depth(ctx context.Context) (broker.Depth, error) {
	leave, err := b.life.Enter()
	if err != nil {
		return broker.Depth{}, err
	}
	defer leave()
	b.mu.Lock()
	defer b.mu.Unlock()
	return broker.Depth{Ready: int64(b.ready), Unacked: int64(b.unacked), Dead: int64(len(b.dead)), Lost: b.lost}, ctx.Err()
}

// Dead implements broker.Broker.
func (b *Broker) Dead(ctx context.Context, n int) ([]broker.Dead, error) {
	leave, err := b.life.Enter()
	if err != nil {
		return nil, err
	}
	defer leave()
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.dead[:min(max(n, 0), len(b.dead))]), ctx.Err()
}

// Close implements broker.Broker.
func (b *Broker) Close(ctx context.Context) error {
	stopped := context.AfterFunc(b.life.Stop(), func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.signal() // consumers that wait for a message learn that none will come
	})
	defer stopped()
	first, err := b.life.Close(ctx)
	if !first {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	left := b.ready + b.unacked
	b.lost += int64(left)
	if left > 0 {
		err = errors.Join(err, &broker.LostError{Messages: int64(left), Where: "still in memory"})
	}
	return err
}

// Consume implements broker.Broker.
func (b *Broker) Consume(ctx context.Context, o broker.Options, h broker.Handler) error {
	o, err := o.Checked()
	if err != nil {
		return err
	}
	if o.Group != "" {
		return fmt.Errorf("group %q: %w: messages in memory are gone once they are handled", o.Group, broker.ErrUnsupported)
	}
	leave, err := b.life.Enter()
	if err != nil {
		return err
	}
	defer leave()
	c := &consumer{broker: b, held: map[*broker.Message]*lane{}}
	defer c.abandon()
	return pump.Run(ctx, pump.Job{Source: c, Options: o, Handler: h, Kill: b.life.Kill()})
}

// consumer is one call of Consume.
type consumer struct {
	broker *Broker
	held   map[*broker.Message]*lane // guarded by broker.mu
}

// Next implements pump.Source.
func (c *consumer) Next(ctx context.Context) (pump.Delivery, error) {
	b := c.broker
	for {
		b.mu.Lock()
		if front := b.runnable.Front(); front != nil && ctx.Err() == nil {
			l := b.runnable.Remove(front).(*lane)
			m := l.waiting[0]
			l.waiting, l.out = l.waiting[1:], true
			m.Attempt++
			b.ready, b.unacked = b.ready-1, b.unacked+1
			c.held[m] = l
			d := pump.Delivery{Message: *m, Tag: m}
			b.mu.Unlock()
			return d, nil
		}
		done, changed := b.life.Stop().Err() != nil && b.ready+b.unacked == 0, b.changed
		b.mu.Unlock()
		if done {
			return pump.Delivery{}, pump.ErrEnd
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return pump.Delivery{}, ctx.Err()
		}
	}
}

// Settle implements pump.Source.
func (c *consumer) Settle(_ context.Context, d pump.Delivery, v pump.Verdict, why string) error {
	b := c.broker
	b.mu.Lock()
	defer b.mu.Unlock()
	m := d.Tag.(*broker.Message)
	switch {
	case v == pump.Retry && m.Attempt >= b.config.Attempts, v == pump.Bury:
		b.bury(*m, why)
		c.drop(m)
	case v == pump.Ack:
		c.drop(m)
	case v == pump.Release:
		m.Attempt--
		fallthrough
	default:
		c.giveBack(m)
	}
	return nil
}

// Lost implements pump.Source.
func (c *consumer) Lost(n int) {
	c.broker.mu.Lock()
	defer c.broker.mu.Unlock()
	c.broker.lost += int64(n)
}

// bury keeps a dead letter; mu is held.
func (b *Broker) bury(m broker.Message, why string) {
	if len(b.dead) >= b.config.DeadCapacity {
		b.dead = slices.Delete(b.dead, 0, 1)
		b.lost++
	}
	b.dead = append(b.dead, broker.Dead{Message: m, Reason: why})
}

// drop ends a message; broker.mu is held.
func (c *consumer) drop(m *broker.Message) {
	b, l := c.broker, c.held[m]
	delete(c.held, m)
	b.unacked--
	l.out = false
	switch {
	case len(l.waiting) > 0:
		b.run(l)
	case l.key != "":
		delete(b.lanes, l.key)
	}
	if b.ready+b.unacked == 0 {
		b.signal()
	}
}

// giveBack puts a message before the others of its key; broker.mu is held.
func (c *consumer) giveBack(m *broker.Message) {
	b, l := c.broker, c.held[m]
	delete(c.held, m)
	b.ready, b.unacked = b.ready+1, b.unacked-1
	l.waiting, l.out = slices.Insert(l.waiting, 0, m), false
	b.run(l)
}

// abandon gives back, or gives up, what a crashed consumer left unsettled.
func (c *consumer) abandon() {
	b := c.broker
	b.mu.Lock()
	defer b.mu.Unlock()
	for m := range maps.Clone(c.held) {
		if m.Attempt >= b.config.Attempts {
			b.bury(*m, "its consumer crashed")
			c.drop(m)
			continue
		}
		c.giveBack(m)
	}
}

var _ broker.Broker = (*Broker)(nil)
