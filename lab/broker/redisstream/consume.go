package redisstream

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"workbench/lab/broker"
	"workbench/lab/broker/pump"
)

const (
	block   = 100 * time.Millisecond // how long one read waits, and at most how late the end of a context is seen
	renewal = 3                      // claims are renewed this many times a lease
)

// The scripts say what became of an entry: they remove it and, where it is not
// done, put it elsewhere in the same step. An entry that is not pending any more
// was settled by another after a lease ran out, and is left alone.
var (
	done = redis.NewScript(`
redis.call('XACK', KEYS[1], ARGV[1], ARGV[2])
return redis.call('XDEL', KEYS[1], ARGV[2])`)
	again = redis.NewScript(`
if redis.call('XACK', KEYS[1], ARGV[1], ARGV[2]) == 0 then return 0 end
redis.call('XDEL', KEYS[1], ARGV[2])
redis.call('XADD', KEYS[1], '*', 'id', ARGV[4], 'key', ARGV[5], 'body', ARGV[6], 'headers', ARGV[7], 'attempt', ARGV[3])
return 1`)
	// To delete a consumer deletes what is pending for it, and nobody would ever
	// get that again.
	forget = redis.NewScript(`
if #redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', 1, ARGV[2]) > 0 then return 0 end
redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], ARGV[2])
return 1`)
	bury = redis.NewScript(`
if redis.call('XACK', KEYS[1], ARGV[1], ARGV[2]) == 0 then return 0 end
redis.call('XDEL', KEYS[1], ARGV[2])
redis.call('XADD', KEYS[2], '*', 'id', ARGV[4], 'key', ARGV[5], 'body', ARGV[6], 'headers', ARGV[7], 'attempt', ARGV[3], 'reason', ARGV[8])
return redis.call('XTRIM', KEYS[2], 'MAXLEN', ARGV[9])`)
)

// Consume implements broker.Broker.
func (b *Broker) Consume(ctx context.Context, o broker.Options, h broker.Handler) error {
	o, err := o.Checked()
	if err != nil {
		return err
	}
	if o.Group != "" {
		return fmt.Errorf("group %q: %w: a handled message is removed from the stream", o.Group, broker.ErrUnsupported)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	leave, err := b.life.Enter()
	if err != nil {
		return err
	}
	defer leave()
	c := &consumer{broker: b, name: rand.Text(), held: map[string]bool{}}
	working, stop := context.WithCancel(context.WithoutCancel(ctx))
	renewed := make(chan struct{})
	go func() {
		defer close(renewed)
		c.renew(working)
	}()
	err = pump.Run(ctx, pump.Job{Source: c, Options: o, Handler: func(ctx context.Context, m broker.Message) error {
		err := h(ctx, m)
		if errors.Is(err, broker.ErrCrash) {
			stop() // who is dead renews nothing
		}
		return err
	}, Stop: b.life.Stop(), Kill: b.life.Kill()})
	stop()
	<-renewed
	c.leave(ctx)
	return err
}

// consumer is one call of Consume.
type consumer struct {
	broker *Broker
	name   string
	asked  time.Duration // when it last asked for idle messages; for the intake alone

	mu   sync.Mutex
	held map[string]bool // guarded by mu: the entries it holds, by their ID
}

// renew keeps what the consumer holds from being idle until ctx ends. A renewal
// that fails is no end: the message is then delivered twice, which it may be.
func (c *consumer) renew(ctx context.Context) {
	b := c.broker
	for b.wall.Wait(ctx, b.wall.Now()+b.config.Lease/renewal) == nil {
		c.mu.Lock()
		ids := make([]string, 0, len(c.held))
		for id := range c.held {
			ids = append(ids, id)
		}
		c.mu.Unlock()
		if len(ids) > 0 {
			// JUSTID leaves the count of deliveries alone.
			_ = b.client.XClaimJustID(ctx, &redis.XClaimArgs{Stream: b.stream, Group: group, Consumer: c.name, Messages: ids}).Err()
		}
	}
}

// leave takes the consumer off the group's list, unless something is pending for
// it. That may be more than it knows of: of what was on its way to it when a
// connection broke, it has not heard.
func (c *consumer) leave(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	_ = forget.Run(ctx, c.broker.client, []string{c.broker.stream}, group, c.name).Err() // a name on a list does no harm
}

// Next implements pump.Source. A read whose answer is not heard would hold a
// message for nobody, so ctx does not end one.
func (c *consumer) Next(ctx context.Context) (pump.Delivery, error) {
	b := c.broker
	whole := context.WithoutCancel(ctx)
	for {
		if err := ctx.Err(); err != nil {
			return pump.Delivery{}, err
		}
		entry, err := c.read(whole)
		switch {
		case errors.Is(err, redis.Nil):
			continue
		case err != nil && strings.Contains(err.Error(), "NOGROUP"): // Redis lost everything
			if err := b.makeGroup(whole); err != nil {
				return pump.Delivery{}, explain(ctx, err)
			}
			continue
		case err != nil:
			return pump.Delivery{}, explain(ctx, err)
		}
		d, err := c.delivery(whole, entry)
		if err != nil {
			return pump.Delivery{}, err
		}
		if d.Attempt <= b.config.Attempts {
			return d, nil
		}
		if err := c.Settle(whole, d, pump.Bury, "its consumer crashed at each attempt"); err != nil {
			return pump.Delivery{}, err
		}
	}
}

// read returns an entry that is idle, or a new one; redis.Nil when there is
// none for a while.
func (c *consumer) read(ctx context.Context) (redis.XMessage, error) {
	b := c.broker
	if now := b.wall.Now(); now-c.asked >= min(block, b.config.Lease/4) {
		idle, _, err := b.client.XAutoClaim(ctx, &redis.XAutoClaimArgs{
			Stream: b.stream, Group: group, Consumer: c.name, MinIdle: b.config.Lease, Start: "0", Count: 1,
		}).Result()
		if err != nil && !errors.Is(err, redis.Nil) {
			return redis.XMessage{}, err
		}
		if len(idle) > 0 && idle[0].Values != nil {
			return idle[0], nil
		}
		c.asked = now
	}
	streams, err := b.client.XReadGroup(ctx, &redis.XReadGroupArgs{
		Group: group, Consumer: c.name, Streams: []string{b.stream, ">"}, Count: 1, Block: min(block, b.config.Lease/4),
	}).Result()
	if err != nil {
		return redis.XMessage{}, err
	}
	if len(streams) == 0 || len(streams[0].Messages) == 0 {
		return redis.XMessage{}, redis.Nil
	}
	return streams[0].Messages[0], nil
}

// delivery reads an entry and how often it was delivered.
func (c *consumer) delivery(ctx context.Context, entry redis.XMessage) (pump.Delivery, error) {
	b := c.broker
	m, err := message(entry.Values)
	if err != nil {
		return pump.Delivery{}, err
	}
	pending, err := b.client.XPendingExt(ctx, &redis.XPendingExtArgs{Stream: b.stream, Group: group, Start: entry.ID, End: entry.ID, Count: 1}).Result()
	if err != nil {
		return pump.Delivery{}, explain(ctx, err)
	}
	deliveries := 1
	if len(pending) == 1 {
		deliveries = int(pending[0].RetryCount)
	}
	m.Attempt += deliveries
	c.mu.Lock()
	c.held[entry.ID] = true
	c.mu.Unlock()
	return pump.Delivery{Message: m, Tag: entry}, nil
}

// Settle implements pump.Source.
func (c *consumer) Settle(ctx context.Context, d pump.Delivery, v pump.Verdict, why string) error {
	b := c.broker
	entry := d.Tag.(redis.XMessage)
	if v == pump.Retry && d.Attempt >= b.config.Attempts {
		v = pump.Bury
	}
	keys := []string{b.stream, b.dead}
	attempt := d.Attempt
	if v == pump.Release {
		attempt--
	}
	parts := []any{group, entry.ID, attempt, d.ID, d.Key, d.Body, entry.Values["headers"], why, b.config.DeadCapacity}
	var err error
	switch v {
	case pump.Ack:
		err = done.Run(ctx, b.client, keys, parts[:2]...).Err()
	case pump.Bury:
		var gone int64
		gone, err = bury.Run(ctx, b.client, keys, parts...).Int64()
		b.lost.Add(gone)
	default:
		err = again.Run(ctx, b.client, keys, parts[:7]...).Err()
	}
	c.mu.Lock()
	delete(c.held, entry.ID)
	c.mu.Unlock()
	return explain(ctx, err)
}

// Lost implements pump.Source.
func (c *consumer) Lost(n int) { c.broker.lost.Add(int64(n)) }
