package sqlite_test

import (
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"math/big"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"workbench/lab/broker"
	"workbench/lab/broker/brokertest"
	"workbench/lab/broker/sqlite"
	store "workbench/lab/store/sqlite"
)

// ledger is an effect that can be counted: how many messages were applied, and
// which, in one transaction. It makes a consumer idempotent.
type ledger struct{ db *sql.DB }

func openLedger(t *testing.T, path string) *ledger {
	t.Helper()
	db, err := sql.Open("sqlite", store.Source(path, "journal_mode(WAL)", "synchronous(FULL)")+"&_txlock=immediate")
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	if _, err := db.ExecContext(t.Context(), `
CREATE TABLE IF NOT EXISTS inbox (id TEXT PRIMARY KEY, deliveries INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS balance (one INTEGER PRIMARY KEY, sum INTEGER NOT NULL);
INSERT INTO balance VALUES (1, 0) ON CONFLICT DO NOTHING`); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return &ledger{db}
}

// apply adds one to the balance for a message that has not been applied.
func (l *ledger) apply(_ context.Context, m broker.Message) error {
	tx, err := l.db.Begin()
	if err != nil {
		return err
	}
	defer tx.Rollback() // does nothing after Commit
	var deliveries int
	err = tx.QueryRow(`INSERT INTO inbox VALUES (?, 1) ON CONFLICT DO UPDATE SET deliveries = deliveries + 1 RETURNING deliveries`, m.ID).Scan(&deliveries)
	if err != nil {
		return err
	}
	if deliveries == 1 {
		if _, err := tx.Exec(`UPDATE balance SET sum = sum + 1`); err != nil {
			return err
		}
	}
	return tx.Commit()
}

func randomBelow(t *testing.T, n int64) int {
	k, err := rand.Int(rand.Reader, big.NewInt(n))
	if err != nil {
		t.Fatal(err)
	}
	return int(k.Int64())
}

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
		acked = append(acked, brokertest.Kill(t, dir, 1+randomBelow(t, 150))...)
	}
	l := openLedger(t, filepath.Join(dir, "ledger.db"))
	b := open(t, filepath.Join(dir, "queue.db"), victimConfig())
	ctx, cancel := context.WithCancel(t.Context())
	result := make(chan error, 1)
	go func() { result <- b.Consume(ctx, broker.Options{Workers: 4}, l.apply) }()
	until(t, "the queue is empty", func() bool {
		d, err := b.Depth(t.Context())
		return err == nil && d == broker.Depth{}
	})
	cancel()
	<-result
	var applied, repeated, sum int
	if err := l.db.QueryRow(`SELECT count(*), sum(deliveries - 1), (SELECT sum FROM balance) FROM inbox`).Scan(&applied, &repeated, &sum); err != nil {
		t.Fatal(err)
	}
	lost := 0
	for _, id := range acked {
		var one int
		if l.db.QueryRow(`SELECT 1 FROM inbox WHERE id = ?`, id).Scan(&one) != nil {
			lost++
		}
	}
	t.Logf("10 kills: %d acknowledged, %d lost; %d applied, %d delivered again, effect counted %d", len(acked), lost, applied, repeated, sum)
	if lost != 0 || sum != applied || applied < len(acked) {
		t.Errorf("of %d acknowledged %d are lost, and %d messages had %d effects; want 0, and as many", len(acked), lost, applied, sum)
	}
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
	l := openLedger(t, filepath.Join(dir, "ledger.db"))
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
	all.Go(func() { t.Error(b.Consume(t.Context(), broker.Options{Workers: 2, Prefetch: 4}, l.apply)) })
	all.Wait()
}
