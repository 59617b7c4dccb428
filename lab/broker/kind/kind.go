// Package kind is the list of brokers that the lab can carry its work with, and
// the one place that knows all of them.
package kind

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/redis/go-redis/v9"

	"workbench/lab/broker"
	"workbench/lab/broker/kafka"
	"workbench/lab/broker/memory"
	"workbench/lab/broker/rabbit"
	"workbench/lab/broker/redisstream"
	"workbench/lab/broker/sqlite"
	"workbench/lab/broker/zmq"
)

// Errors of Open, beside those of the broker.
var (
	ErrUnknown = errors.New("there is no such broker")
	ErrMissing = errors.New("this broker needs a server that is not given")
)

// Places says where servers and files are. Its fields may be empty: then some
// brokers are missing, and the others are not.
type Places struct {
	Dir        string                // folder for the file of the SQLite queue
	Redis      redis.UniversalClient // stays the caller's
	RedisLabel string                // what is behind it
	RabbitMQ   string                // amqp:// address
	Kafka      string                // host:port of nodes, with commas; empty: the embedded one
}

// Kind is one of the brokers.
type Kind struct {
	Name  string // on the command line and in addresses of pages
	Title string
	Idea  string // one sentence: what is special about it
	Needs string // what it cannot do without; empty: nothing
	open  func(context.Context, Places, broker.Config) (broker.Broker, error)
}

// All returns every kind, the simplest first.
func All() []Kind {
	return []Kind{
		{"memory", "In memory", "A bounded queue in the process, which ends with it.", "", openMemory},
		{"sqlite", "SQLite file", "A queue in one file, synced before it is acknowledged, that outlives a kill.", "a folder", openSQLite},
		{"redis", "Redis Streams", "A stream and a consumer group: what a dead consumer held is claimed by another.", "a Redis", openRedis},
		{"rabbitmq", "RabbitMQ", "A quorum queue: the server pushes, counts deliveries and keeps dead letters.", "a RabbitMQ", openRabbit},
		{"kafka", "Kafka protocol", "A log in partitions: order by key, groups that read again, and poison that blocks its partition.", "", openKafka},
		{"zeromq", "ZeroMQ", "Sockets without a broker: fast, nothing kept, and what is lost is counted here alone.", "", openZeroMQ},
	}
}

// Open opens the broker of this name.
func Open(ctx context.Context, name string, p Places, c broker.Config) (broker.Broker, error) {
	var names []string
	for _, k := range All() {
		if k.Name == name {
			return k.open(ctx, p, c)
		}
		names = append(names, k.Name)
	}
	return nil, fmt.Errorf("%w: %.40q (want one of %s)", ErrUnknown, name, strings.Join(names, ", "))
}

// Remove deletes a queue that Open has opened on a server, where it would stay.
// Queues in this process and in Places.Dir go with those.
func Remove(ctx context.Context, name string, p Places, c broker.Config) error {
	if name != "redis" && name != "rabbitmq" && (name != "kafka" || p.Kafka == "") {
		return nil
	}
	b, err := Open(ctx, name, p, c)
	if err != nil {
		return err
	}
	r, ok := b.(broker.Remover)
	if !ok {
		return errors.Join(fmt.Errorf("remove queue %s of %s: %w", c.Queue, name, broker.ErrUnsupported), b.Close(ctx))
	}
	return r.Remove(ctx)
}

// opened keeps a failed broker from being a Broker that holds a nil pointer.
func opened[B broker.Broker](b B, err error) (broker.Broker, error) {
	if err != nil {
		return nil, err
	}
	return b, nil
}

func openMemory(_ context.Context, _ Places, c broker.Config) (broker.Broker, error) {
	return opened(memory.New(c))
}

func openSQLite(ctx context.Context, p Places, c broker.Config) (broker.Broker, error) {
	if p.Dir == "" {
		return nil, fmt.Errorf("%w: a folder for the file of the queue", ErrMissing)
	}
	return opened(sqlite.Open(ctx, filepath.Join(p.Dir, "queue.db"), c))
}

func openRedis(ctx context.Context, p Places, c broker.Config) (broker.Broker, error) {
	if p.Redis == nil {
		return nil, fmt.Errorf("%w: a Redis", ErrMissing)
	}
	return opened(redisstream.Open(ctx, p.Redis, p.RedisLabel, c))
}

func openRabbit(ctx context.Context, p Places, c broker.Config) (broker.Broker, error) {
	if p.RabbitMQ == "" {
		return nil, fmt.Errorf("%w: a RabbitMQ (start one, and give its amqp:// address)", ErrMissing)
	}
	return opened(rabbit.Open(ctx, p.RabbitMQ, c))
}

func openKafka(ctx context.Context, p Places, c broker.Config) (broker.Broker, error) {
	if p.Kafka != "" {
		s, err := kafka.Real(p.Kafka)
		if err != nil {
			return nil, err
		}
		return opened(kafka.Open(ctx, s, c))
	}
	e, err := kafka.Embed("", 0)
	if err != nil {
		return nil, err
	}
	server := e.Server(false)
	server.Ends = true
	b, err := kafka.Open(ctx, server, c)
	if err != nil {
		e.Close()
		return nil, err
	}
	return &embedded{b, e}, nil
}

// embedded closes the embedded server with its only queue.
type embedded struct {
	broker.Broker
	server *kafka.Embedded
}

// Close implements broker.Broker.
func (e *embedded) Close(ctx context.Context) error {
	err := e.Broker.Close(ctx)
	e.server.Close()
	return err
}

func openZeroMQ(_ context.Context, _ Places, c broker.Config) (broker.Broker, error) {
	return opened(zmq.New(c))
}
