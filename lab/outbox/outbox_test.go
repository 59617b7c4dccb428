package outbox_test

import (
	"context"
	"database/sql"
	"path/filepath"
	"testing"

	"workbench/lab/broker"
	"workbench/lab/outbox"
	"workbench/lab/outbox/outboxtest"
	store "workbench/lab/store/sqlite"
)

// shop takes orders in a database with an outbox.
type shop struct {
	*testing.T
	db  *sql.DB
	box *outbox.Box
}

func openShop(t *testing.T, path string) *shop { return openWith(t, path, outboxtest.Config()) }

func openWith(t *testing.T, path string, c outbox.Config) *shop {
	t.Helper()
	db, err := sql.Open("sqlite", store.Source(path, "journal_mode(WAL)", "synchronous(FULL)")+"&_txlock=immediate")
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { _ = db.Close() })
	if _, err := db.ExecContext(t.Context(), "CREATE TABLE IF NOT EXISTS orders (id TEXT PRIMARY KEY)"); err != nil {
		t.Fatal(err)
	}
	box, err := outbox.New(t.Context(), db, c)
	if err != nil {
		t.Fatal(err)
	}
	return &shop{T: t, db: db, box: box}
}

// Order implements outboxtest.Shop.
func (s *shop) Order(ctx context.Context, m broker.Message, end error) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // does nothing after Commit
	if _, err := tx.ExecContext(ctx, "INSERT INTO orders VALUES (?)", m.ID); err != nil {
		return err
	}
	if err := s.box.Add(ctx, tx, m, outboxtest.Added()); err != nil {
		return err
	}
	if end != nil {
		return end
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	s.box.Nudge()
	return nil
}

// Orders implements outboxtest.Shop.
func (s *shop) Orders(ctx context.Context) (n int, err error) {
	return n, s.db.QueryRowContext(ctx, "SELECT count(*) FROM orders").Scan(&n)
}

// Lag implements outboxtest.Shop.
func (s *shop) Lag(ctx context.Context) (outbox.Lag, error) { return s.box.Lag(ctx) }

// Relay implements outboxtest.Shop.
func (s *shop) Relay(ctx context.Context, p outbox.Publisher) error { return s.box.Relay(ctx, p) }

// Rival implements outboxtest.Shop: of this outbox, because another process on
// the same file is not kept out.
func (s *shop) Rival(ctx context.Context, p outbox.Publisher) error { return s.box.Relay(ctx, p) }

func (s *shop) order(m broker.Message, end error) error { return s.Order(s.Context(), m, end) }

// orders returns how many orders there are.
func (s *shop) orders() int {
	s.Helper()
	n, err := s.Orders(s.Context())
	if err != nil {
		s.Fatal(err)
	}
	return n
}

// relay relays to p until the outbox is empty.
func (s *shop) relay(p outbox.Publisher) {
	s.Helper()
	outboxtest.Drain(s.T, s, p, func() {})
}

func (s *shop) until(what string, fact func() bool) {
	s.Helper()
	outboxtest.Until(s.T, what, fact)
}

func TestContract(t *testing.T) {
	for name, keys := range map[string]int{"all in order": 1, "several keys at once": 8} {
		t.Run(name, func(t *testing.T) {
			outboxtest.Run(t, func(t *testing.T, c outbox.Config) outboxtest.Shop {
				c.Keys = keys
				return openWith(t, filepath.Join(t.TempDir(), "shop.db"), c)
			})
		})
	}
}

func TestSettings(t *testing.T) {
	outboxtest.Settings(t, func(c outbox.Config) error {
		_, err := outbox.New(t.Context(), nil, c)
		return err
	})
}
