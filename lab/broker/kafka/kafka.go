package kafka

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"workbench/lab/broker"
	"workbench/lab/broker/pump"
	"workbench/sim/clock"
)

const (
	partitions     = 4 // of a topic that Open makes: as many workers can share it
	retention      = 24 * time.Hour
	retentionBytes = 256 << 20 // of one partition
	deliveryLimit  = 10 * time.Second
	metadataAge    = 250 * time.Millisecond // how soon it asks again where a partition is; the library waits 5 s
	rebalanceLimit = 10 * time.Second       // how long a member may keep the others waiting when partitions move
	sessionFloor   = 6 * time.Second        // the least that brokers allow by default
	workers        = "workers"              // the group that shares the work
)

// Names of record headers of ours; those of the message have a prefix.
const (
	headerID      = "workbench-id"
	headerReason  = "workbench-reason"
	headerAttempt = "workbench-attempt"
	headerPrefix  = "h:"
)

// Server says which broker to use.
type Server struct {
	Addrs   []string      // host:port of some of its nodes
	Label   string        // what it really is, for the diagram
	Durable bool          // what it has confirmed outlives its process
	Session time.Duration // the shortest session timeout that it allows; 0: 6 s
	Ends    bool          // it ends with the Broker that uses it: what is left of the topic then is lost
}

// Real returns the broker at comma-separated addresses.
func Real(addrs string) (Server, error) {
	var out []string
	for a := range strings.SplitSeq(addrs, ",") {
		a = strings.TrimSpace(a)
		if host, port, found := strings.Cut(a, ":"); !found || host == "" || port == "" {
			return Server{}, fmt.Errorf("kafka addresses: %q (want host:port, and commas between several)", a)
		}
		out = append(out, a)
	}
	return Server{Addrs: out, Label: "Kafka at " + strings.Join(out, ", "), Durable: true}, nil
}

// Broker is one topic of a broker. Use Open; Close it.
type Broker struct {
	config broker.Config
	server Server
	client *kgo.Client // produces and asks; each consumer has one of its own
	admin  *kadm.Client
	life   *pump.Life
	wall   *clock.Wall
	held   atomic.Int64 // by consumers of the group workers in this process
	lost   atomic.Int64

	consumers atomic.Int64    // of the group workers in this process
	stop      context.Context // of consumers of a server that ends: no more is to be taken
	halt      context.CancelFunc
}

// Open connects to a broker and makes what is missing of the topic of c and of
// that of its dead letters.
func Open(ctx context.Context, s Server, c broker.Config) (*Broker, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	client, err := kgo.NewClient(
		kgo.SeedBrokers(s.Addrs...),
		kgo.RequiredAcks(kgo.AllISRAcks()), // with the idempotent producer, which is the default
		kgo.MaxBufferedRecords(c.Capacity),
		kgo.RecordDeliveryTimeout(deliveryLimit),
		kgo.RetryTimeout(deliveryLimit),
		kgo.MetadataMinAge(metadataAge),
		kgo.ProducerLinger(0), // a caller waits for each confirmation
	)
	if err != nil {
		return nil, fmt.Errorf("open topic %s: %w", c.Queue, err)
	}
	b := &Broker{config: c, server: s, client: client, admin: kadm.NewClient(client), life: pump.NewLife(), wall: clock.NewWall()}
	b.stop, b.halt = context.WithCancel(context.Background())
	for topic, n := range map[string]int32{c.Queue: partitions, b.deadTopic(): 1} {
		if err := b.create(ctx, topic, n); err != nil {
			b.halt()
			client.Close()
			return nil, fmt.Errorf("open topic %s: %w", topic, explain(ctx, err))
		}
	}
	return b, nil
}

func (b *Broker) create(ctx context.Context, topic string, n int32) error {
	setting := func(v int64) *string { s := strconv.FormatInt(v, 10); return &s }
	_, err := b.admin.CreateTopic(ctx, n, -1, map[string]*string{
		"retention.ms": setting(retention.Milliseconds()), "retention.bytes": setting(retentionBytes),
	}, topic)
	if errors.Is(err, kerr.TopicAlreadyExists) {
		return nil
	}
	return err
}

func (b *Broker) deadTopic() string { return b.config.Queue + ".dead" }

// explain puts a sentinel around an error of the client.
func explain(ctx context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, kgo.ErrMaxBuffered):
		return fmt.Errorf("%w: as many wait to be sent: %w", broker.ErrFull, err)
	}
	return fmt.Errorf("%w: Kafka: %w", broker.ErrUnavailable, err)
}

// Caps implements broker.Broker.
func (b *Broker) Caps() broker.Caps {
	return broker.Caps{
		Confirms: true, Durable: b.server.Durable, Replay: true, PerKeyOrder: true, Redelivery: true, DeadLetter: true,
		Full: broker.Expire, Label: b.server.Label,
	}
}

// Publish implements broker.Broker. Nil means that every replica in step has it.
func (b *Broker) Publish(ctx context.Context, m broker.Message) error {
	if err := errors.Join(ctx.Err(), m.Validate()); err != nil {
		return err
	}
	leave, err := b.life.Enter()
	if err != nil {
		return err
	}
	defer leave()
	if err := b.produce(ctx, record(b.config.Queue, m)); err != nil {
		return fmt.Errorf("publish %s: %w", m.ID, explain(ctx, err))
	}
	return nil
}

// produce sends a record and waits until it is confirmed.
func (b *Broker) produce(ctx context.Context, r *kgo.Record) error {
	result := make(chan error, 1)
	b.client.TryProduce(ctx, r, func(_ *kgo.Record, err error) { result <- err })
	return <-result // it comes by the end of ctx or of deliveryLimit
}

// record writes a message as a record.
func record(topic string, m broker.Message) *kgo.Record {
	r := &kgo.Record{Topic: topic, Value: m.Body, Headers: []kgo.RecordHeader{{Key: headerID, Value: []byte(m.ID)}}}
	if m.Key != "" { // without a key the partition is any
		r.Key = []byte(m.Key)
	}
	for name, value := range m.Headers {
		r.Headers = append(r.Headers, kgo.RecordHeader{Key: headerPrefix + name, Value: []byte(value)})
	}
	return r
}

// message reads a message from a record; reason is that of a dead letter. A
// record that somebody else wrote has no ID, and gets its place for one.
func message(r *kgo.Record) (m broker.Message, reason string) {
	m = broker.Message{Key: string(r.Key), Body: r.Value, Attempt: 1}
	for _, h := range r.Headers {
		switch name, ours := strings.CutPrefix(h.Key, headerPrefix); {
		case ours:
			if m.Headers == nil {
				m.Headers = map[string]string{}
			}
			m.Headers[name] = string(h.Value)
		case h.Key == headerID:
			m.ID = string(h.Value)
		case h.Key == headerReason:
			reason = string(h.Value)
		case h.Key == headerAttempt:
			if n, err := strconv.Atoi(string(h.Value)); err == nil {
				m.Attempt = n
			}
		}
	}
	if m.ID == "" {
		m.ID = fmt.Sprintf("%s/%d/%d", r.Topic, r.Partition, r.Offset)
	}
	return m, reason
}

// bury copies a message to the dead letters, and forgets the oldest of them.
func (b *Broker) bury(ctx context.Context, m broker.Message, why string) error {
	r := record(b.deadTopic(), m)
	r.Headers = append(r.Headers,
		kgo.RecordHeader{Key: headerReason, Value: []byte(why)}, kgo.RecordHeader{Key: headerAttempt, Value: []byte(strconv.Itoa(m.Attempt))})
	if err := b.produce(ctx, r); err != nil {
		return err
	}
	start, end, err := b.deadRange(ctx)
	if err != nil || end-start <= int64(b.config.DeadCapacity) {
		return err
	}
	keep := end - int64(b.config.DeadCapacity)
	var offsets kadm.Offsets
	offsets.AddOffset(b.deadTopic(), 0, keep, -1)
	if _, err := b.admin.DeleteRecords(ctx, offsets); err != nil {
		return err
	}
	b.lost.Add(keep - start)
	return nil
}

// deadRange returns the first and the next offset of the dead letters.
func (b *Broker) deadRange(ctx context.Context) (start, end int64, err error) {
	starts, err := b.admin.ListStartOffsets(ctx, b.deadTopic())
	if err != nil {
		return 0, 0, err
	}
	ends, err := b.admin.ListEndOffsets(ctx, b.deadTopic())
	if err != nil {
		return 0, 0, err
	}
	first, _ := starts.Lookup(b.deadTopic(), 0)
	last, _ := ends.Lookup(b.deadTopic(), 0)
	return first.Offset, last.Offset, errors.Join(first.Err, last.Err)
}

// Depth implements broker.Broker. Ready is the lag of the group that shares the
// work, without what this process holds.
func (b *Broker) Depth(ctx context.Context) (broker.Depth, error) {
	leave, err := b.life.Enter()
	if err != nil {
		return broker.Depth{}, err
	}
	defer leave()
	lag, err := b.lag(ctx)
	if err != nil {
		return broker.Depth{}, fmt.Errorf("depth of %s: %w", b.config.Queue, explain(ctx, err))
	}
	start, end, err := b.deadRange(ctx)
	if err != nil {
		return broker.Depth{}, fmt.Errorf("depth of %s: %w", b.deadTopic(), explain(ctx, err))
	}
	held := b.held.Load()
	return broker.Depth{Ready: max(lag-held, 0), Unacked: held, Dead: end - start, Lost: b.lost.Load()}, nil
}

// Lags returns, by partition, how many messages the group that shares the work
// has not committed.
func (b *Broker) Lags(ctx context.Context) ([]int64, error) {
	leave, err := b.life.Enter()
	if err != nil {
		return nil, err
	}
	defer leave()
	lags, err := b.lags(ctx)
	if err != nil {
		return nil, fmt.Errorf("lag of %s: %w", b.config.Queue, explain(ctx, err))
	}
	return lags, nil
}

func (b *Broker) lags(ctx context.Context) (lags []int64, err error) {
	committed, err := b.admin.FetchOffsetsForTopics(ctx, b.group(""), b.config.Queue)
	if err != nil && !errors.Is(err, kerr.GroupIDNotFound) { // before its first consumer
		return nil, err
	}
	starts, err := b.admin.ListStartOffsets(ctx, b.config.Queue)
	if err != nil {
		return nil, err
	}
	ends, err := b.admin.ListEndOffsets(ctx, b.config.Queue)
	if err != nil {
		return nil, err
	}
	ends.Each(func(end kadm.ListedOffset) {
		at := int64(0)
		if first, ok := starts.Lookup(b.config.Queue, end.Partition); ok {
			at = first.Offset
		}
		if c, ok := committed.Lookup(b.config.Queue, end.Partition); ok {
			at = max(at, c.At)
		}
		for int(end.Partition) >= len(lags) {
			lags = append(lags, 0)
		}
		lags[end.Partition] = max(end.Offset-at, 0)
		err = errors.Join(err, end.Err)
	})
	return lags, err
}

// group returns the name of a consumer group of this topic.
func (b *Broker) group(name string) string {
	if name == "" {
		name = workers
	}
	return b.config.Queue + "." + name
}

// Dead implements broker.Broker.
func (b *Broker) Dead(ctx context.Context, n int) ([]broker.Dead, error) {
	leave, err := b.life.Enter()
	if err != nil {
		return nil, err
	}
	defer leave()
	start, end, err := b.deadRange(ctx)
	if err != nil {
		return nil, fmt.Errorf("dead letters of %s: %w", b.config.Queue, explain(ctx, err))
	}
	n = min(n, int(end-start))
	if n <= 0 {
		return nil, nil
	}
	reader, err := kgo.NewClient(kgo.SeedBrokers(b.server.Addrs...), kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{
		b.deadTopic(): {0: kgo.NewOffset().At(start)},
	}))
	if err != nil {
		return nil, fmt.Errorf("dead letters of %s: %w", b.config.Queue, err)
	}
	defer reader.Close()
	var out []broker.Dead
	for len(out) < n {
		fetches := reader.PollRecords(ctx, n-len(out))
		if err := fetches.Err(); err != nil {
			return nil, fmt.Errorf("dead letters of %s: %w", b.config.Queue, explain(ctx, err))
		}
		fetches.EachRecord(func(r *kgo.Record) {
			m, reason := message(r)
			out = append(out, broker.Dead{Message: m, Reason: reason})
		})
	}
	return out, nil
}
