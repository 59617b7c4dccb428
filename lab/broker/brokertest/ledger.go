package brokertest

import (
	"context"
	"database/sql"
	"fmt"
	"testing"

	"workbench/lab/broker"
	"workbench/lab/store/sqlite"
)

// Ledger is an effect that can be counted, by a consumer that is idempotent:
// which messages were applied, and how often something was, in one transaction.
type Ledger struct{ db *sql.DB }

// OpenLedger opens the ledger in the file at path and makes what is missing.
func OpenLedger(t *testing.T, path string) *Ledger {
	t.Helper()
	db, err := sql.Open("sqlite", sqlite.Source(path, "journal_mode(WAL)", "synchronous(FULL)")+"&_txlock=immediate")
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
	return &Ledger{db}
}

// Apply is a broker.Handler that adds one to the balance for each message that
// it has not seen.
func (l *Ledger) Apply(_ context.Context, m broker.Message) error {
	tx, err := l.db.Begin()
	if err != nil {
		return err
	}
	defer tx.Rollback() // does nothing after Commit
	var deliveries int
	err = tx.QueryRow(`INSERT INTO inbox VALUES (?, 1) ON CONFLICT DO UPDATE SET deliveries = deliveries + 1 RETURNING deliveries`, m.ID).Scan(&deliveries)
	if err == nil && deliveries == 1 {
		_, err = tx.Exec(`UPDATE balance SET sum = sum + 1`)
	}
	if err != nil {
		return err
	}
	return tx.Commit()
}

// Verify wants every acknowledged message applied, and each message once.
func (l *Ledger) Verify(t *testing.T, acked []string) {
	t.Helper()
	var applied, repeated, sum int
	if err := l.db.QueryRow(`SELECT count(*), coalesce(sum(deliveries - 1), 0), (SELECT sum FROM balance) FROM inbox`).Scan(&applied, &repeated, &sum); err != nil {
		t.Fatal(err)
	}
	lost := 0
	for _, id := range acked {
		var one int
		if l.db.QueryRow(`SELECT 1 FROM inbox WHERE id = ?`, id).Scan(&one) != nil {
			lost++
		}
	}
	said := fmt.Sprintf("%d acknowledged, %d lost; %d applied, %d delivered again, %d effects", len(acked), lost, applied, repeated, sum)
	t.Log(said)
	if lost != 0 || sum != applied || applied < len(acked) {
		t.Errorf("%s; want none lost, and an effect for each applied", said)
	}
}
