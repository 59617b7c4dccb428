package desk_test

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"workbench/lab/broker"
	"workbench/lab/broker/brokertest"
	"workbench/lab/broker/kafka"
	"workbench/lab/broker/kind"
	"workbench/lab/remote"
	"workbench/lab/system/orders/desk"
)

// servers start what two desks can share.
func servers() map[string]func(t *testing.T) kind.Places {
	return map[string]func(t *testing.T) kind.Places{
		"redis": func(t *testing.T) kind.Places {
			r, err := remote.Open(t.Context(), remote.Options{Embedded: true, Log: slog.New(slog.DiscardHandler)})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := r.Close(); err != nil {
					t.Error(err)
				}
			})
			return kind.Places{Redis: r.Client(), RedisLabel: r.Label()}
		},
		"kafka": func(t *testing.T) kind.Places {
			e, err := kafka.Embed("", 0)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(e.Close)
			return kind.Places{Kafka: e.Server(false).Addrs[0]}
		},
		"rabbitmq": func(t *testing.T) kind.Places {
			_, url := brokertest.RabbitMQ(t)
			return kind.Places{RabbitMQ: url}
		},
	}
}

// Two desks on one server: neither takes what is the other's. A desk that starts
// again finds what it has left, and the queue of one that is done with is removed
// without harm to the other.
func TestTwoDesksShareAServer(t *testing.T) {
	for name, start := range servers() {
		t.Run(name, func(t *testing.T) {
			places, dirs := start(t), [2]string{t.TempDir(), t.TempDir()}
			config := func(queue string) broker.Config {
				c := broker.Default(queue)
				c.Lease = time.Second
				return c
			}
			open := func(i int, hold chan struct{}) rig {
				return with(t, dirs[i], func(d *desk.Deps) {
					d.Broker = durable(name)
					d.Open = func(ctx context.Context, kinds, queue string) (broker.Broker, error) {
						b, err := kind.Open(ctx, kinds, places, config(queue))
						if err != nil || hold == nil {
							return b, err
						}
						return &held{Broker: b, let: hold}, nil
					}
				})
			}
			const each = 20
			send := func(r rig, from int) {
				for i := range each {
					req := submit(fmt.Sprint(from+i), buy)
					req.Choices = all(durable(name))
					if res := r.do(t, req); res.Status != 202 {
						t.Fatalf("submit = %+v %s", res, res.Body)
					}
				}
			}
			holding := open(0, make(chan struct{}))
			other := open(1, nil)
			if holding.Queue() == other.Queue() {
				t.Fatalf("both desks have queue %s", holding.Queue())
			}
			send(holding, 0)
			send(other, 0)
			other.until(t, "the other desk has settled its own", func() bool { return other.counts.Applied.Load() == each })
			holding.until(t, "the first has published", func() bool { return holding.Status(t.Context()).Waiting == 0 })
			if n, dead := holding.counts.Applied.Load(), other.counts.Dead.Load(); n != 0 || dead != 0 {
				t.Errorf("%d settled by a desk that holds, %d events of another file seen; want none", n, dead)
			}
			dropped, now := context.WithCancel(context.Background())
			now()
			_ = holding.Close(dropped)
			again := open(0, nil)
			if again.Queue() != holding.Queue() {
				t.Errorf("the queue of a file is %s, and after a start %s", holding.Queue(), again.Queue())
			}
			again.until(t, "what was left is settled", func() bool { return again.counts.Applied.Load() == each })
			if n := again.counts.Published.Load(); n != 0 {
				t.Errorf("%d events published again, want none: the queue was kept", n)
			}
			if got := again.Opened(); len(got) != 1 || got[0] != name {
				t.Errorf("Opened() = %v, want %s", got, name)
			}
			again.end(t)
			if err := kind.Remove(t.Context(), name, places, config(again.Queue())); err != nil {
				t.Errorf("Remove() = %v, want nil", err)
			}
			send(other, each)
			other.until(t, "the other one goes on", func() bool { return other.counts.Applied.Load() == 2*each })
		})
	}
}

// An event of another file is no order of this one: it is kept with the dead
// letters, where it can be seen, and settles nothing.
func TestAnEventOfAnotherFile(t *testing.T) {
	dir := t.TempDir()
	var queue broker.Broker
	r := with(t, dir, func(d *desk.Deps) {
		open := d.Open
		d.Open = func(ctx context.Context, name, q string) (b broker.Broker, err error) {
			b, err = open(ctx, name, q)
			queue = b
			return b, err
		}
	})
	for i, body := range []string{`{"order":1,"of":"another"}`, `{"order":9223372036854775813,"of":"another"}`} {
		if err := queue.Publish(t.Context(), broker.Message{ID: fmt.Sprint(i), Body: []byte(body)}); err != nil {
			t.Fatal(err)
		}
	}
	r.until(t, "both are dead letters", func() bool { return r.Status(t.Context()).Depth.Dead == 2 })
	if a, d := r.counts.Applied.Load(), r.counts.Dead.Load(); a != 0 || d != 2 {
		t.Errorf("applied %d, dead %d; want 0 and 2", a, d)
	}
}
