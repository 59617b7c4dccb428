package redisstream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/redis/go-redis/v9"

	"workbench/lab/broker"
	"workbench/lab/broker/pump"
	"workbench/sim/clock"
)

// prefix begins every key. It is none of those that package remote empties: what
// was accepted into a queue is no copy of anything.
const prefix = "workbench-queue:"

// group is the consumer group that shares the work.
const group = "workers"

// Broker is one queue in a Redis. Use Open; Close it.
type Broker struct {
	config       broker.Config
	client       redis.UniversalClient
	label        string
	durable      bool
	stream, dead string // keys; the braces keep them on one node of a cluster
	life         *pump.Life
	wall         *clock.Wall
	lost         atomic.Int64
}

// Open makes what is missing of the queue of c in the Redis of client, which
// stays the caller's. label names that Redis for the diagram.
func Open(ctx context.Context, client redis.UniversalClient, label string, c broker.Config) (*Broker, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	b := &Broker{
		config: c, client: client, label: "Redis Streams, " + label, life: pump.NewLife(), wall: clock.NewWall(),
		stream: prefix + "{" + c.Queue + "}", dead: prefix + "{" + c.Queue + "}:dead",
	}
	if policy := b.setting(ctx, "maxmemory-policy"); strings.HasPrefix(policy, "allkeys-") && b.setting(ctx, "maxmemory") != "0" {
		return nil, fmt.Errorf("open queue %s: this Redis may evict it whole (maxmemory-policy is %s): set volatile-lru or noeviction", c.Queue, policy)
	}
	b.durable = b.setting(ctx, "appendonly") == "yes" && b.setting(ctx, "appendfsync") == "always"
	if err := b.makeGroup(ctx); err != nil {
		return nil, fmt.Errorf("open queue %s: %w", c.Queue, explain(ctx, err))
	}
	return b, nil
}

// setting returns one of the server's settings, or "" where it does not tell.
func (b *Broker) setting(ctx context.Context, name string) string {
	return b.client.ConfigGet(ctx, name).Val()[name]
}

// makeGroup brings the stream and its group into being.
func (b *Broker) makeGroup(ctx context.Context) error {
	err := b.client.XGroupCreateMkStream(ctx, b.stream, group, "0").Err()
	if err != nil && strings.HasPrefix(err.Error(), "BUSYGROUP") {
		return nil
	}
	return err
}

// explain puts a sentinel around an error of the client.
func explain(ctx context.Context, err error) error {
	var answered redis.Error
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, &answered) && strings.HasPrefix(err.Error(), "OOM"):
		return fmt.Errorf("%w: Redis has no memory left: %w", broker.ErrFull, err)
	}
	return fmt.Errorf("%w: Redis: %w", broker.ErrUnavailable, err)
}

// Caps implements broker.Broker.
func (b *Broker) Caps() broker.Caps {
	return broker.Caps{
		Confirms: true, Durable: b.durable, Redelivery: true, CountsCrashes: true, DeadLetter: true,
		BoundedReject: true, Full: broker.Reject, Label: b.label,
	}
}

// publish appends a message unless the stream is full.
var publish = redis.NewScript(`
if redis.call('XLEN', KEYS[1]) >= tonumber(ARGV[1]) then return 0 end
redis.call('XADD', KEYS[1], '*', 'id', ARGV[2], 'key', ARGV[3], 'body', ARGV[4], 'headers', ARGV[5], 'attempt', '0')
return 1`)

// Publish implements broker.Broker.
func (b *Broker) Publish(ctx context.Context, m broker.Message) error {
	if err := errors.Join(ctx.Err(), m.Validate()); err != nil {
		return err
	}
	leave, err := b.life.Enter()
	if err != nil {
		return err
	}
	defer leave()
	headers, err := json.Marshal(m.Headers)
	if err != nil {
		return fmt.Errorf("publish %s: %w", m.ID, err)
	}
	n, err := publish.Run(ctx, b.client, []string{b.stream}, b.config.Capacity, m.ID, m.Key, m.Body, headers).Int()
	if err != nil {
		return fmt.Errorf("publish %s: %w", m.ID, explain(ctx, err))
	}
	if n == 0 {
		return fmt.Errorf("%w (%d messages)", broker.ErrFull, b.config.Capacity)
	}
	return nil
}

// message reads a message from the fields of a stream entry; Attempt is how
// often it had failed when it was appended.
func message(values map[string]any) (m broker.Message, err error) {
	text := func(name string) string { s, _ := values[name].(string); return s }
	m = broker.Message{ID: text("id"), Key: text("key"), Body: []byte(text("body"))}
	if m.Attempt, err = strconv.Atoi(text("attempt")); err != nil {
		return m, fmt.Errorf("an entry of the stream is not ours: attempt %.40q: %w", text("attempt"), err)
	}
	if err := json.Unmarshal([]byte(text("headers")), &m.Headers); err != nil {
		return m, fmt.Errorf("an entry of the stream is not ours: headers: %w", err)
	}
	return m, nil
}

// Depth implements broker.Broker.
func (b *Broker) Depth(ctx context.Context) (broker.Depth, error) {
	leave, err := b.life.Enter()
	if err != nil {
		return broker.Depth{}, err
	}
	defer leave()
	p := b.client.TxPipeline()
	held, out, dead := p.XLen(ctx, b.stream), p.XPending(ctx, b.stream, group), p.XLen(ctx, b.dead)
	_, err = p.Exec(ctx)
	if err != nil && !strings.Contains(err.Error(), "NOGROUP") { // after Redis lost everything
		return broker.Depth{}, fmt.Errorf("depth of %s: %w", b.config.Queue, explain(ctx, err))
	}
	var pending int64
	if out.Err() == nil {
		pending = out.Val().Count
	}
	return broker.Depth{Ready: held.Val() - pending, Unacked: pending, Dead: dead.Val(), Lost: b.lost.Load()}, nil
}

// Dead implements broker.Broker.
func (b *Broker) Dead(ctx context.Context, n int) ([]broker.Dead, error) {
	leave, err := b.life.Enter()
	if err != nil {
		return nil, err
	}
	defer leave()
	if n <= 0 {
		return nil, nil
	}
	entries, err := b.client.XRangeN(ctx, b.dead, "-", "+", int64(n)).Result()
	if err != nil {
		return nil, fmt.Errorf("dead letters of %s: %w", b.config.Queue, explain(ctx, err))
	}
	out := make([]broker.Dead, 0, len(entries))
	for _, e := range entries {
		m, err := message(e.Values)
		if err != nil {
			return nil, err
		}
		reason, _ := e.Values["reason"].(string)
		out = append(out, broker.Dead{Message: m, Reason: reason})
	}
	return out, nil
}

// Close implements broker.Broker. What is left stays in Redis.
func (b *Broker) Close(ctx context.Context) error {
	_, err := b.life.Close(ctx)
	return err
}

// Remove implements broker.Remover.
func (b *Broker) Remove(ctx context.Context) error {
	err := b.Close(ctx)
	if _, gone := b.client.Unlink(ctx, b.stream, b.dead).Result(); gone != nil {
		err = errors.Join(err, fmt.Errorf("remove queue %s: %w", b.config.Queue, explain(ctx, gone)))
	}
	return err
}

var _ broker.Remover = (*Broker)(nil)
