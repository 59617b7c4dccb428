package kafka_test

import (
	"context"
	"crypto/rand"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"workbench/lab/broker"
	"workbench/lab/broker/brokertest"
	"workbench/lab/broker/kafka"
)

func embed(t *testing.T, dir string) kafka.Server {
	t.Helper()
	return embedded(t, dir).Server(dir != "")
}

func embedded(t *testing.T, dir string) *kafka.Embedded {
	t.Helper()
	e, err := kafka.Embed(dir, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	return e
}

func open(t *testing.T, s kafka.Server, c broker.Config) *kafka.Broker {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	b, err := kafka.Open(ctx, s, c)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func fresh(c broker.Config) broker.Config {
	c.Queue = "contract-" + rand.Text()
	return c
}

// given names the variable that has the address of a Kafka that somebody else
// runs: host:port.
const given = "WORKBENCH_TEST_KAFKA"

// TestContract runs on the Kafka protocol in this process (kfake), which is not
// Kafka, and on a Kafka where one is given.
func TestContract(t *testing.T) {
	t.Run("embedded", func(t *testing.T) {
		s := embed(t, "")
		brokertest.Run(t, brokertest.Suite{Open: func(t *testing.T, c broker.Config) broker.Broker {
			b := open(t, s, fresh(c))
			if l := b.Caps().Label; l != "Kafka protocol, in-process (kfake)" {
				t.Errorf("Caps().Label = %q, want what it really is", l)
			}
			return b
		}})
	})
	addrs := os.Getenv(given)
	if addrs == "" {
		if strings.Contains(os.Getenv("WORKBENCH_REQUIRE"), "kafka") {
			t.Errorf("WORKBENCH_REQUIRE asks for kafka, and %s has no address", given)
		}
		t.Logf("no Kafka is given: set %s to host:port of one", given)
		return
	}
	t.Run("given", func(t *testing.T) { outside(t, addrs) })
}

func outside(t *testing.T, addrs string) {
	s, err := kafka.Real(addrs)
	if err != nil {
		t.Fatal(err)
	}
	// Its processes are not ours to kill.
	brokertest.Run(t, brokertest.Suite{Open: func(t *testing.T, c broker.Config) broker.Broker { return open(t, s, fresh(c)) },
		Reopen: func(t *testing.T, b broker.Broker, c broker.Config) broker.Broker {
			t.Skip("the restart of a Kafka that is not ours is not tested")
			return nil
		}})
}

func TestARemovedTopicIsGone(t *testing.T) {
	s := embed(t, "")
	brokertest.Removed(t, func() broker.Remover { return open(t, s, broker.Default("q")) })
}

// What the embedded broker confirmed is in its directory.
func TestEmbeddedKeepsItsDirectory(t *testing.T) {
	dir := t.TempDir()
	first, err := kafka.Embed(dir, 0)
	if err != nil {
		t.Fatal(err)
	}
	c := fresh(broker.Default("q"))
	b := open(t, first.Server(true), c)
	if !b.Caps().Durable {
		t.Error("with a directory it does not claim Durable")
	}
	for _, id := range []string{"a", "b", "c"} {
		if err := b.Publish(t.Context(), broker.Message{ID: id, Key: "k"}); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	first.Close()
	b = open(t, embed(t, dir), c)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	var got []string
	if err := b.Consume(ctx, broker.Options{}, func(_ context.Context, m broker.Message) error {
		if got = append(got, m.ID); len(got) == 3 {
			cancel()
		}
		return nil
	}); !errors.Is(err, context.Canceled) || strings.Join(got, "") != "abc" {
		t.Errorf("Consume() after a restart = %v with %v, want a, b and c", err, got)
	}
	if err := b.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

// restarted is an embedded broker that stops and comes back at its address, with
// its directory.
type restarted struct {
	*testing.T
	dir  string
	port int
	*kafka.Embedded
}

func (r *restarted) Cut() { r.Embedded.Close() }

func (r *restarted) Heal() {
	e, err := kafka.Embed(r.dir, r.port)
	if err != nil {
		r.Error(err)
		return
	}
	r.Embedded = e
}

// The broker is stopped again and again under publishers and consumers.
func TestRestartsLoseNothing(t *testing.T) {
	r := &restarted{T: t, dir: t.TempDir(), port: brokertest.FreePort(t)}
	r.Heal()
	t.Cleanup(func() { r.Embedded.Close() })
	brokertest.Healing(t, open(t, r.Server(true), fresh(broker.Default("q"))), r)
}

// A message that always fails holds up its partition until it is given up; the
// other partitions go on. It is what a log does, unlike a queue.
func TestPoisonHoldsUpItsPartition(t *testing.T) {
	c := fresh(broker.Default("q"))
	c.Attempts = 4
	b := open(t, embed(t, ""), c)
	for _, m := range []broker.Message{{ID: "bad", Key: "k"}, {ID: "behind", Key: "k"}} {
		if err := b.Publish(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	var order []string
	_ = b.Consume(ctx, broker.Options{Workers: 4}, func(_ context.Context, m broker.Message) error {
		order = append(order, m.ID)
		if m.ID == "behind" {
			cancel()
			return nil
		}
		return errors.New("always")
	})
	if got, want := strings.Join(order, " "), "bad bad bad bad behind"; got != want {
		t.Errorf("delivered %s, want %s", got, want)
	}
	if err := b.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestAddresses(t *testing.T) {
	s, err := kafka.Real("a:1, b:2")
	if err != nil || len(s.Addrs) != 2 || s.Addrs[1] != "b:2" || !s.Durable || s.Label != "Kafka at a:1, b:2" {
		t.Errorf("Real() = %+v, %v; want both addresses", s, err)
	}
	for _, bad := range []string{"", "host", "a:1,", ":9092"} {
		if _, err := kafka.Real(bad); err == nil || !strings.Contains(err.Error(), "host:port") {
			t.Errorf("Real(%q) = %v, want what is wanted", bad, err)
		}
	}
}

func TestNobodyListens(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := kafka.Open(ctx, kafka.Server{Addrs: []string{"127.0.0.1:1"}}, broker.Default("q")); err == nil {
		t.Error("Open where nobody listens = nil, want an error")
	}
}
