package sqlite_test

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
)

// TestKillLosesNothing kills, ten times and at random points, a process that
// publishes and consumes. What it acknowledged is applied in the end, once.
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
	b := open(t, filepath.Join(dir, "queue.db"), victimConfig())
	ctx, cancel := context.WithCancel(t.Context())
	result := make(chan error, 1)
	go func() { result <- b.Consume(ctx, broker.Options{Workers: 4}, l.Apply) }()
	until(t, "the queue is empty", func() bool {
		d, err := b.Depth(t.Context())
		return err == nil && d == broker.Depth{}
	})
	cancel()
	<-result
	l.Verify(t, acked)
	if err := b.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

func victimConfig() broker.Config {
	c := broker.Default("orders")
	c.Attempts = 100 // kills count as attempts
	return c
}

// playVictim publishes and consumes until it is killed.
func playVictim(t *testing.T, dir string) {
	l := brokertest.OpenLedger(t, filepath.Join(dir, "ledger.db"))
	c := victimConfig()
	c.Lease = 100 * time.Millisecond
	b, err := sqlite.Open(t.Context(), filepath.Join(dir, "queue.db"), c)
	if err != nil {
		t.Fatal(err)
	}
	run := rand.Text()
	var all sync.WaitGroup
	for w := range 4 {
		all.Go(func() {
			for i := 0; ; i++ {
				m := broker.Message{ID: fmt.Sprintf("%s-%d-%d", run, w, i), Key: fmt.Sprint(w % 2)}
				if err := b.Publish(t.Context(), m); err != nil {
					t.Error(err)
					return
				}
				brokertest.Acked(m.ID)
			}
		})
	}
	all.Go(func() { t.Error(b.Consume(t.Context(), broker.Options{Workers: 2, Prefetch: 4}, l.Apply)) })
	all.Wait()
}
