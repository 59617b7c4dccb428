package rabbit_test

import (
	"context"
	"crypto/rand"
	"errors"
	neturl "net/url"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"workbench/lab/broker"
	"workbench/lab/broker/brokertest"
	"workbench/lab/broker/rabbit"
	"workbench/sim/clock"
)

// open opens a queue that no other test uses. A server that has just started
// may listen and not yet let anybody in.
func open(t *testing.T, url string, c broker.Config) *rabbit.Broker {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	wall := clock.NewWall()
	for {
		b, err := rabbit.Open(ctx, url, c)
		if err == nil {
			return b
		}
		if wall.Wait(ctx, wall.Now()+50*time.Millisecond) != nil {
			t.Fatal(err)
		}
	}
}

func fresh(c broker.Config) broker.Config {
	c.Queue = "contract-" + rand.Text()
	return c
}

// registered waits until RabbitMQ has written down that a new queue is there.
// It does so half a second late: a quorum queue declared just before a kill -9
// is gone afterwards, with its confirmed messages (seen with 3.10.8).
func registered(t *testing.T) {
	t.Helper()
	wall := clock.NewWall()
	if err := wall.Wait(t.Context(), 2*time.Second); err != nil {
		t.Fatal(err)
	}
}

func TestContract(t *testing.T) {
	server, url := brokertest.RabbitMQ(t)
	queues := map[broker.Broker]broker.Config{}
	brokertest.Run(t, brokertest.Suite{
		Open: func(t *testing.T, c broker.Config) broker.Broker {
			c = fresh(c)
			b := open(t, url, c)
			queues[b] = c
			return b
		},
		Reopen: func(t *testing.T, b broker.Broker, _ broker.Config) broker.Broker {
			registered(t)
			server.Kill()
			server.Start()
			return open(t, url, queues[b])
		},
	})
	t.Run("it comes back by itself", func(t *testing.T) { comesBack(t, server, url) })
	t.Run("a network that breaks loses nothing", func(t *testing.T) {
		u, err := neturl.Parse(url)
		if err != nil {
			t.Fatal(err)
		}
		p := brokertest.NewProxy(t, u.Host)
		u.Host = p.Address()
		c := fresh(broker.Default("q"))
		c.Attempts = 100 // a delivery that a cut ends counts
		brokertest.Healing(t, open(t, u.String(), c), p)
	})
	t.Run("a deleted queue is an error", func(t *testing.T) { deleted(t, url) })
	t.Run("a removed queue is gone", func(t *testing.T) {
		c := fresh(broker.Default("q"))
		brokertest.Removed(t, func() broker.Remover { return open(t, url, c) })
	})
	t.Run("a queue with other settings is explained", func(t *testing.T) { other(t, url) })
}

// comesBack kills the server under a publisher and a consumer. Both say that it
// is away, and find it again when it is back.
func comesBack(t *testing.T, server *brokertest.Server, url string) {
	b := open(t, url, fresh(broker.Default("q")))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := b.Publish(ctx, broker.Message{ID: "before"}); err != nil {
		t.Fatal(err)
	}
	inside := make(chan struct{})
	result := make(chan error, 1)
	go func() {
		result <- b.Consume(ctx, broker.Options{}, func(ctx context.Context, _ broker.Message) error {
			close(inside)
			<-ctx.Done()
			return ctx.Err()
		})
	}()
	<-inside
	registered(t)
	server.Kill()
	if err := <-result; !errors.Is(err, broker.ErrUnavailable) {
		t.Errorf("Consume() under a killed server = %v, want ErrUnavailable", err)
	}
	if err := b.Publish(ctx, broker.Message{ID: "meanwhile"}); !errors.Is(err, broker.ErrUnavailable) {
		t.Errorf("Publish() to a killed server = %v, want ErrUnavailable", err)
	}
	server.Start()
	for wall := clock.NewWall(); b.Publish(ctx, broker.Message{ID: "after"}) != nil; {
		if err := wall.Wait(ctx, wall.Now()+50*time.Millisecond); err != nil {
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

func deleted(t *testing.T, url string) {
	c := fresh(broker.Default("q"))
	b := open(t, url, c)
	conn, err := amqp.Dial(url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	ch, err := conn.Channel()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ch.QueueDelete(c.Queue, false, false, false); err != nil {
		t.Fatal(err)
	}
	if err := b.Publish(t.Context(), broker.Message{ID: "a"}); !errors.Is(err, broker.ErrUnavailable) || !strings.Contains(err.Error(), "deleted") {
		t.Errorf("Publish() to a deleted queue = %v, want that it was deleted", err)
	}
	if err := b.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

func other(t *testing.T, url string) {
	c := fresh(broker.Default("q"))
	if err := open(t, url, c).Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	c.Capacity++
	if _, err := rabbit.Open(t.Context(), url, c); err == nil || !strings.Contains(err.Error(), "other settings") {
		t.Errorf("Open with another capacity = %v, want that the queue has other settings", err)
	}
}

func TestAddressIsExplainedAndNotRepeated(t *testing.T) {
	for _, address := range []string{"", "localhost:5672", "http://user:secret@host/", "amqp://", "amqp://user:secret@[::1/"} {
		_, err := rabbit.Open(t.Context(), address, broker.Default("q"))
		if err == nil || !strings.Contains(err.Error(), "amqp://") || strings.Contains(err.Error(), "secret") {
			t.Errorf("Open(%q) = %v, want an error that says what is wanted and no password", address, err)
		}
	}
	if _, err := rabbit.Open(t.Context(), "amqp://127.0.0.1:1/", broker.Default("q")); !errors.Is(err, broker.ErrUnavailable) {
		t.Errorf("Open where nobody listens = %v, want ErrUnavailable", err)
	}
}
