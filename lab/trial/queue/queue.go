// Package queue is the experiments on what carries work: brokers whose workers
// crash, whose messages are poison, whose queues fill. Each runs over every
// broker that is at hand.
package queue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"workbench/lab/broker"
	"workbench/lab/broker/kind"
	"workbench/lab/trial"
	"workbench/sim/clock"
)

// bench is one open broker under experiment.
type bench struct {
	kind.Kind
	broker.Broker
	clock *clock.Wall
	log   *slog.Logger
}

// each runs f with every broker that is at hand, each with an empty queue, and
// returns the labels of those that it had.
func each(ctx context.Context, env trial.Env, f func(bench) error) (labels []string, err error) {
	return only(ctx, env, "", f)
}

// only is each for the broker of one name.
func only(ctx context.Context, env trial.Env, name string, f func(bench) error) (labels []string, err error) {
	places := kind.Places{RabbitMQ: env.RabbitMQ, Kafka: env.Kafka}
	if env.Redis != "" {
		o, err := redis.ParseURL(env.Redis)
		if err != nil {
			return nil, errors.New("the address of Redis: want redis://host:port")
		}
		client := redis.NewClient(o)
		defer func() { err = errors.Join(err, client.Close()) }()
		places.Redis, places.RedisLabel = client, "real (Redis at "+o.Addr+")"
	}
	for _, k := range kind.All() {
		if name != "" && k.Name != name || k.Name == "redis" && env.Redis == "" || k.Name == "rabbitmq" && env.RabbitMQ == "" {
			continue
		}
		c := broker.Default(fmt.Sprintf("trial-%d-%d", os.Getpid(), env.Clock.Date(env.Clock.Now()).UnixNano()))
		c.Lease = 500 * time.Millisecond
		places.Dir = filepath.Join(env.Dir, k.Name)
		if err := os.MkdirAll(places.Dir, 0o700); err != nil {
			return labels, err
		}
		b, err := kind.Open(ctx, k.Name, places, c)
		if err != nil {
			return labels, fmt.Errorf("%s: %w", k.Name, err)
		}
		err = f(bench{k, b, env.Clock, env.Log})
		ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		closed := b.Close(ending)
		cancel()
		if err == nil && closed != nil && !errors.Is(closed, broker.ErrLost) {
			err = closed
		}
		if err != nil {
			return labels, fmt.Errorf("%s: %w", k.Name, err)
		}
		labels = append(labels, b.Caps().Label)
	}
	return labels, nil
}

// effects counts what jobs have brought about.
type effects struct {
	mu    sync.Mutex
	times map[string]int
	tries int
}

// have has the effect of a job, and reports whether it was had before.
func (e *effects) have(id string, once bool) (before bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.tries++
	before = e.times[id] > 0
	if !before || !once {
		e.times[id]++
	}
	return before
}

// count returns of n jobs how many had no effect, and how many effects were more
// than one.
func (e *effects) count(n int) (lost, repeated, deliveries int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	lost = n - len(e.times)
	for _, times := range e.times {
		repeated += times - 1
	}
	return lost, repeated, e.tries
}

// rest waits until there is enough, until the count of deliveries has not
// changed for a while, or ctx ends. Who delivers again may need some seconds for
// it: a group notices the death of a member by its silence.
func (b bench) rest(ctx context.Context, e *effects, enough func() bool) error {
	still := 1500 * time.Millisecond
	if b.Caps().Redelivery {
		still = 20 * time.Second
	}
	last, since := -1, b.clock.Now()
	for {
		_, _, now := e.count(0)
		if now != last {
			last, since = now, b.clock.Now()
		}
		if enough() || b.clock.Now()-since > still {
			return ctx.Err()
		}
		if err := b.clock.Wait(ctx, b.clock.Now()+10*time.Millisecond); err != nil {
			return err
		}
	}
}

func component(labels []string) string { return strings.Join(labels, "; ") }
