package outbox_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"workbench/lab/broker"
	"workbench/lab/broker/brokertest"
	"workbench/lab/broker/sqlite"
	"workbench/lab/outbox"
	"workbench/lab/outbox/outboxtest"
)

// openQueue opens the queue beside a shop.
func openQueue(t *testing.T, dir string) *sqlite.Broker {
	t.Helper()
	c := broker.Default("orders")
	c.Attempts, c.Lease = 100, 200*time.Millisecond // kills count as attempts
	b, err := sqlite.Open(t.Context(), filepath.Join(dir, "queue.db"), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return b
}

// waiting returns how many messages a queue holds.
func waiting(t *testing.T, b broker.Broker) int64 {
	t.Helper()
	d, err := b.Depth(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return d.Ready + d.Unacked
}

// TestKillBetweenPublishAndMark kills a relay that has published a message and
// has not yet removed it from the outbox. The message is published again.
func TestKillBetweenPublishAndMark(t *testing.T) {
	if dir, is := brokertest.Victim(); is {
		s, b := openShop(t, filepath.Join(dir, "shop.db")), openQueue(t, dir)
		if err := s.order(broker.Message{ID: "order"}, nil); err != nil {
			t.Fatal(err)
		}
		_ = s.box.Relay(t.Context(), outboxtest.Publisher(func(ctx context.Context, m broker.Message) error {
			if err := b.Publish(ctx, m); err != nil {
				return err
			}
			brokertest.Acked(m.ID) // here it is killed
			<-ctx.Done()
			return ctx.Err()
		}))
		return
	}
	dir := t.TempDir()
	brokertest.Kill(t, dir, 1)
	s, b := openShop(t, filepath.Join(dir, "shop.db")), openQueue(t, dir)
	if l, err := s.box.Lag(t.Context()); err != nil || l.Waiting != 1 || waiting(t, b) != 1 {
		t.Fatalf("after the kill %+v, %v waits in the outbox and %d in the queue, want 1 and 1", l, err, waiting(t, b))
	}
	s.relay(b)
	if n := waiting(t, b); n != 2 || s.orders() != 1 {
		t.Errorf("%d messages of %d orders, want the message twice", n, s.orders())
	}
}

// TestDualWriteLosesWhatTheOutboxKeeps kills a process that commits and then
// publishes, in between: the order is there, and nobody will ever hear of it.
func TestDualWriteLosesWhatTheOutboxKeeps(t *testing.T) {
	if dir, is := brokertest.Victim(); is {
		s, b := openShop(t, filepath.Join(dir, "shop.db")), openQueue(t, dir)
		if _, err := s.db.Exec("INSERT INTO orders VALUES ('order')"); err != nil {
			t.Fatal(err)
		}
		brokertest.Acked("order") // here it is killed
		<-t.Context().Done()
		_ = b.Publish(t.Context(), broker.Message{ID: "order"})
		return
	}
	dir := t.TempDir()
	brokertest.Kill(t, dir, 1)
	s, b := openShop(t, filepath.Join(dir, "shop.db")), openQueue(t, dir)
	s.relay(b)
	if n := waiting(t, b); n != 0 || s.orders() != 1 {
		t.Errorf("%d messages of %d orders, want an order without a message: that is what two writes lose", n, s.orders())
	}
}

// TestKillLosesNothing kills, ten times and at random points, a process that
// takes orders, relays them and works on them. Every order it acknowledged has
// its effect in the end, once.
func TestKillLosesNothing(t *testing.T) {
	if dir, is := brokertest.Victim(); is {
		playVictim(t, dir)
		return
	}
	dir := t.TempDir()
	var acked []string
	for range 10 {
		acked = append(acked, brokertest.Kill(t, dir, brokertest.Random(t, 60))...)
	}
	l := brokertest.OpenLedger(t, filepath.Join(dir, "ledger.db"))
	s, b := openShop(t, filepath.Join(dir, "shop.db")), openQueue(t, dir)
	s.relay(b)
	ctx, cancel := context.WithCancel(t.Context())
	result := make(chan error, 1)
	go func() { result <- b.Consume(ctx, broker.Options{Workers: 4}, l.Apply) }()
	s.until("the queue is empty", func() bool { return waiting(t, b) == 0 })
	cancel()
	<-result
	l.Verify(t, acked)
	t.Logf("%d orders in the shop", s.orders())
}

// playVictim takes orders until it is killed.
func playVictim(t *testing.T, dir string) {
	l := brokertest.OpenLedger(t, filepath.Join(dir, "ledger.db"))
	s, b := openShop(t, filepath.Join(dir, "shop.db")), openQueue(t, dir)
	run := rand.Text()
	var all sync.WaitGroup
	for w := range 2 {
		all.Go(func() {
			for i := 0; ; i++ {
				m := broker.Message{ID: fmt.Sprintf("%s-%d-%d", run, w, i), Key: fmt.Sprint(w)}
				if err := s.order(m, nil); err != nil {
					t.Error(err)
					return
				}
				brokertest.Acked(m.ID)
			}
		})
	}
	all.Go(func() { t.Error(s.box.Relay(t.Context(), b)) })
	all.Go(func() { t.Error(b.Consume(t.Context(), broker.Options{Workers: 2}, l.Apply)) })
	all.Wait()
}

var _ outbox.Publisher = (broker.Broker)(nil)
