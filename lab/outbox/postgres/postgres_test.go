package postgres_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"workbench/lab/broker"
	"workbench/lab/outbox"
	"workbench/lab/outbox/outboxtest"
	"workbench/lab/outbox/postgres"
	"workbench/lab/store/postgres/pgtest"
)

// shop takes orders in a database with an outbox.
type shop struct {
	*testing.T
	server *pgtest.Server
	pool   *pgxpool.Pool
	box    *postgres.Box
	config outbox.Config
}

// openShop opens a shop in a database of its own.
func openShop(t *testing.T, server *pgtest.Server, c outbox.Config) *shop {
	t.Helper()
	name := "shop_" + strings.ToLower(rand.Text())
	server.SQL("CREATE DATABASE " + name)
	settings, err := pgxpool.ParseConfig(server.URL())
	if err != nil {
		t.Fatal(err)
	}
	settings.ConnConfig.Database = name
	s := &shop{T: t, server: server, config: c}
	if s.pool, err = pgxpool.NewWithConfig(t.Context(), settings); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.pool.Close)
	if _, err := s.pool.Exec(t.Context(), "CREATE TABLE orders (id text PRIMARY KEY)"); err != nil {
		t.Fatal(err)
	}
	s.box = s.another()
	return s
}

// another returns an outbox on the same database, as another process has it.
func (s *shop) another() *postgres.Box {
	s.Helper()
	b, err := postgres.New(s.Context(), s.pool, s.config)
	if err != nil {
		s.Fatal(err)
	}
	return b
}

// Order implements outboxtest.Shop.
func (s *shop) Order(ctx context.Context, m broker.Message, end error) error {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	return pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "INSERT INTO orders VALUES ($1)", m.ID); err != nil {
			return err
		}
		if err := s.box.Add(ctx, tx, m, outboxtest.Added()); err != nil {
			return err
		}
		return end
	})
}

// Orders implements outboxtest.Shop.
func (s *shop) Orders(ctx context.Context) (n int, err error) {
	return n, s.pool.QueryRow(ctx, "SELECT count(*) FROM orders").Scan(&n)
}

// Lag implements outboxtest.Shop.
func (s *shop) Lag(ctx context.Context) (outbox.Lag, error) { return s.box.Lag(ctx) }

// Relay implements outboxtest.Shop.
func (s *shop) Relay(ctx context.Context, p outbox.Publisher) error { return s.box.Relay(ctx, p) }

// Rival implements outboxtest.Shop: that of another process.
func (s *shop) Rival(ctx context.Context, p outbox.Publisher) error { return s.another().Relay(ctx, p) }

func TestContract(t *testing.T) {
	server := pgtest.Start(t)
	outboxtest.Run(t, func(t *testing.T, c outbox.Config) outboxtest.Shop { return openShop(t, server, c) })
}

// TestKilledServer kills the server under orders and relay: every order that
// was acknowledged is announced, those of after a kill after those of before.
func TestKilledServer(t *testing.T) {
	s := openShop(t, pgtest.Start(t), outboxtest.Config())
	r := &outboxtest.Record{}
	acked := 0
	outboxtest.Drain(t, s, r, func() {
		for round := range 3 {
			for i := range 30 {
				m := broker.Message{ID: fmt.Sprint(round*100 + i)}
				outboxtest.Until(t, "the order is taken", func() bool {
					err := s.Order(t.Context(), m, nil)
					// An answer that was lost on the way: it is there.
					return err == nil || strings.Contains(err.Error(), "duplicate key")
				})
				acked++
			}
			s.server.Kill()
			s.server.Start()
		}
	})
	seen := map[string]bool{}
	last, again, disorder := -1, 0, 0
	for _, id := range r.Took() {
		if seen[id] {
			again++
			continue
		}
		seen[id] = true
		n := 0
		if _, err := fmt.Sscan(id, &n); err != nil {
			t.Fatal(err)
		}
		if n < last {
			disorder++
		}
		last = n
	}
	t.Logf("3 kills: %d orders, %d announced, %d announced again, %d out of order", acked, len(seen), again, disorder)
	if len(seen) != acked || disorder != 0 {
		t.Errorf("%d of %d orders announced, %d out of order; want all and none", len(seen), acked, disorder)
	}
}

func TestSettings(t *testing.T) {
	outboxtest.Settings(t, func(c outbox.Config) error {
		_, err := postgres.New(t.Context(), nil, c)
		return err
	})
}
