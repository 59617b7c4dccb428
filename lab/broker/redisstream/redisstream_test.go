package redisstream_test

import (
	"context"
	"crypto/rand"
	"errors"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"workbench/lab/broker"
	"workbench/lab/broker/brokertest"
	"workbench/lab/broker/redisstream"
	"workbench/sim/clock"
)

func dial(t *testing.T, address string) *redis.Client {
	t.Helper()
	c := redis.NewClient(&redis.Options{Addr: address, DisableIdentity: true, MaxRetries: -1})
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

func open(t *testing.T, client *redis.Client, label string, c broker.Config) *redisstream.Broker {
	t.Helper()
	b, err := redisstream.Open(t.Context(), client, label, c)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func fresh(c broker.Config) broker.Config {
	c.Queue = "contract-" + rand.Text()
	return c
}

// TestContractEmbedded runs on miniredis: the commands are the same, and what it
// holds ends with the process.
func TestContractEmbedded(t *testing.T) {
	client := dial(t, miniredis.RunT(t).Addr())
	brokertest.Run(t, brokertest.Suite{Open: func(t *testing.T, c broker.Config) broker.Broker {
		b := open(t, client, "embedded (miniredis)", fresh(c))
		if b.Caps().Durable {
			t.Error("on miniredis it claims Durable")
		}
		return b
	}, Leaks: 4}) // connections of the client's pool, on both ends
}

// TestContractReal runs on a redis-server that syncs each write, and kills it.
func TestContractReal(t *testing.T) {
	server, address := brokertest.Redis(t)
	client := dial(t, address)
	queues := map[broker.Broker]broker.Config{}
	brokertest.Run(t, brokertest.Suite{
		Open: func(t *testing.T, c broker.Config) broker.Broker {
			c = fresh(c)
			b := open(t, client, "real", c)
			if !b.Caps().Durable {
				t.Error("with appendfsync always it does not claim Durable")
			}
			queues[b] = c
			return b
		},
		Reopen: func(t *testing.T, b broker.Broker, _ broker.Config) broker.Broker {
			server.Kill()
			server.Start()
			return open(t, dial(t, address), "real", queues[b])
		},
	})
	t.Run("it comes back by itself", func(t *testing.T) { comesBack(t, server, address) })
	t.Run("a network that breaks loses nothing", func(t *testing.T) {
		p := brokertest.NewProxy(t, address)
		c := fresh(broker.Default("q"))
		c.Attempts, c.Lease = 100, 300*time.Millisecond // a delivery that a cut ends counts
		brokertest.Healing(t, open(t, dial(t, p.Address()), "real", c), p)
	})
	t.Run("a redis that may evict the queue is refused", func(t *testing.T) { evicting(t, client) })
	t.Run("no memory left is a full queue", func(t *testing.T) { outOfMemory(t, client) })
}

func comesBack(t *testing.T, server *brokertest.Server, address string) {
	b := open(t, dial(t, address), "real", fresh(broker.Default("q")))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := b.Publish(ctx, broker.Message{ID: "before"}); err != nil {
		t.Fatal(err)
	}
	server.Kill()
	if err := b.Publish(ctx, broker.Message{ID: "meanwhile"}); !errors.Is(err, broker.ErrUnavailable) {
		t.Errorf("Publish() to a killed server = %v, want ErrUnavailable", err)
	}
	if err := b.Consume(ctx, broker.Options{}, func(context.Context, broker.Message) error { return nil }); !errors.Is(err, broker.ErrUnavailable) {
		t.Errorf("Consume() from a killed server = %v, want ErrUnavailable", err)
	}
	server.Start()
	for wall := clock.NewWall(); b.Publish(ctx, broker.Message{ID: "after"}) != nil; {
		if err := wall.Wait(ctx, wall.Now()+20*time.Millisecond); err != nil {
			t.Fatal(err)
		}
	}
	got := map[string]bool{}
	consuming, end := context.WithCancel(ctx)
	if err := b.Consume(consuming, broker.Options{}, func(_ context.Context, m broker.Message) error {
		if got[m.ID] = true; len(got) == 2 {
			end()
		}
		return nil
	}); !errors.Is(err, context.Canceled) || !got["before"] || !got["after"] {
		t.Errorf("Consume() = %v with %v, want what was published before and after", err, got)
	}
	if err := b.Close(ctx); err != nil {
		t.Error(err)
	}
}

func evicting(t *testing.T, client *redis.Client) {
	set := func(name, value string) {
		if err := client.ConfigSet(t.Context(), name, value).Err(); err != nil {
			t.Fatal(err)
		}
	}
	set("maxmemory", "64mb")
	set("maxmemory-policy", "allkeys-lru")
	defer set("maxmemory", "0")
	defer set("maxmemory-policy", "noeviction")
	_, err := redisstream.Open(t.Context(), client, "real", fresh(broker.Default("q")))
	if err == nil || !strings.Contains(err.Error(), "allkeys-lru") || !strings.Contains(err.Error(), "volatile-lru") {
		t.Errorf("Open() = %v, want what is wrong and what to set", err)
	}
}

func outOfMemory(t *testing.T, client *redis.Client) {
	b := open(t, client, "real", fresh(broker.Default("q")))
	if err := client.ConfigSet(t.Context(), "maxmemory", "1").Err(); err != nil {
		t.Fatal(err)
	}
	err := b.Publish(t.Context(), broker.Message{ID: "a"})
	if reset := client.ConfigSet(t.Context(), "maxmemory", "0").Err(); reset != nil {
		t.Fatal(reset)
	}
	if !errors.Is(err, broker.ErrFull) {
		t.Errorf("Publish() without memory = %v, want ErrFull", err)
	}
	if err := b.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

// A consumer that ended well is off the group's list; one for which something
// is pending stays on it, or what is pending would be gone.
func TestConsumersLeaveTheListWithEmptyHands(t *testing.T) {
	client := dial(t, miniredis.RunT(t).Addr())
	b := open(t, client, "embedded (miniredis)", broker.Default("q"))
	for _, c := range []struct {
		answer error
		want   int
	}{{nil, 0}, {broker.ErrCrash, 1}} {
		if err := b.Publish(t.Context(), broker.Message{ID: "a"}); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		_ = b.Consume(ctx, broker.Options{}, func(context.Context, broker.Message) error {
			if c.answer == nil {
				cancel()
			}
			return c.answer
		})
		list, err := client.XInfoConsumers(t.Context(), "workbench-queue:{q}", "workers").Result()
		if err != nil || len(list) != c.want {
			t.Errorf("after a handler that answered %v the list has %d consumers, %v; want %d", c.answer, len(list), err, c.want)
		}
	}
	if err := b.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestARemovedQueueIsGone(t *testing.T) {
	client := dial(t, miniredis.RunT(t).Addr())
	brokertest.Removed(t, func() broker.Remover { return open(t, client, "embedded (miniredis)", broker.Default("q")) })
	if keys, err := client.Keys(t.Context(), "*").Result(); err != nil || len(keys) > 0 {
		t.Errorf("after all was removed Redis has %v, %v; want nothing", keys, err)
	}
}

// A Redis without persistence is not Durable, whatever it is called.
func TestRedisWithoutPersistenceIsNotDurable(t *testing.T) {
	path := brokertest.Need(t, "redis", "apt-get install redis-server", "redis-server")
	port := brokertest.FreePort(t)
	brokertest.Serve(t, func() *exec.Cmd {
		return exec.Command(path, "--bind", "127.0.0.1", "--port", strconv.Itoa(port), "--dir", t.TempDir(), "--save", "", "--appendonly", "no")
	}, func(ctx context.Context) error { return brokertest.Answers(ctx, port) })
	b := open(t, dial(t, "127.0.0.1:"+strconv.Itoa(port)), "real", broker.Default("q"))
	if c := b.Caps(); c.Durable || c.Label != "Redis Streams, real" {
		t.Errorf("Caps() = %+v, want it not Durable, with its label", c)
	}
	if err := b.Close(t.Context()); err != nil {
		t.Error(err)
	}
}
