// Package queue is the experiments on what carries work: brokers whose workers
// crash or hoard, whose messages are poison or of one key, whose queues fill, and
// publishers that are killed. Each runs over every broker that is at hand and
// that it has a meaning for.
package queue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
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
	return only(ctx, env, shortLease, f)
}

// How long a consumer may be silent before its messages are another's: short
// where trials wait for it, long where a worker merely takes its time.
const (
	shortLease = 500 * time.Millisecond
	longLease  = time.Minute
)

// only is each for the brokers of these names; none: all.
func only(ctx context.Context, env trial.Env, lease time.Duration, f func(bench) error, names ...string) (labels []string, err error) {
	places, end, err := place(env)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, end()) }()
	for _, k := range kind.All() {
		if len(names) > 0 && !slices.Contains(names, k.Name) || k.Name == "redis" && env.Redis == "" || k.Name == "rabbitmq" && env.RabbitMQ == "" {
			continue
		}
		c := broker.Default(queueName(env))
		c.Lease = lease
		places.Dir = filepath.Join(env.Dir, k.Name)
		if err := os.MkdirAll(places.Dir, 0o700); err != nil {
			return labels, err
		}
		b, err := kind.Open(ctx, k.Name, places, c)
		if err != nil {
			return labels, fmt.Errorf("%s: %w", k.Name, err)
		}
		err = f(bench{k, b, env.Clock, env.Log})
		if err = errors.Join(err, shut(ctx, b)); err != nil {
			return labels, fmt.Errorf("%s: %w", k.Name, err)
		}
		labels = append(labels, b.Caps().Label)
	}
	return labels, nil
}

// place says where the servers are. end closes what it opened.
func place(env trial.Env) (places kind.Places, end func() error, err error) {
	places, end = kind.Places{RabbitMQ: env.RabbitMQ, Kafka: env.Kafka}, func() error { return nil }
	if env.Redis == "" {
		return places, end, nil
	}
	o, err := redis.ParseURL(env.Redis)
	if err != nil {
		return places, end, errors.New("the address of Redis: want redis://host:port")
	}
	client := redis.NewClient(o)
	places.Redis, places.RedisLabel = client, "real (Redis at "+o.Addr+")"
	return places, client.Close, nil
}

// queueName returns a name that no other run has used.
func queueName(env trial.Env) string {
	return fmt.Sprintf("trial-%d-%d", os.Getpid(), env.Clock.Date(env.Clock.Now()).UnixNano())
}

// shut closes a broker, and deletes its queue where that would stay on a server.
// What it still holds may be lost: the trial is over.
func shut(ctx context.Context, b broker.Broker) error {
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	end := b.Close
	if r, ok := b.(broker.Remover); ok {
		end = r.Remove
	}
	if err := end(ending); err != nil && !errors.Is(err, broker.ErrLost) {
		return err
	}
	return nil
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
