package postgres_test

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"workbench/lab/idempotency"
	"workbench/lab/idempotency/idempotencytest"
	"workbench/lab/idempotency/postgres"
	"workbench/lab/store/postgres/pgtest"
)

// open returns a store in an empty database, over a pool that looks through a
// network if there is one.
func open(t *testing.T, server *pgtest.Server, c idempotency.Config) (*postgres.Store, *pgxpool.Pool) {
	t.Helper()
	server.SQL("DROP TABLE IF EXISTS idempotency; DROP TABLE IF EXISTS orders; CREATE TABLE orders (id text PRIMARY KEY)")
	pool, err := pgxpool.New(t.Context(), server.URL())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	s, err := postgres.New(t.Context(), pool, c)
	if err != nil {
		t.Fatal(err)
	}
	return s, pool
}

// TestContract runs the contract with the effect in the transaction, and with
// the effect elsewhere.
func TestContract(t *testing.T) {
	server := pgtest.Start(t)
	for name, do := range map[string]func(*postgres.Store) idempotencytest.Do{
		"in the transaction": func(s *postgres.Store) idempotencytest.Do {
			return func(ctx context.Context, k idempotency.Key, h idempotency.Hash, now time.Time, effect func(context.Context) (idempotency.Response, error)) (idempotency.Response, bool, error) {
				return s.Do(ctx, k, h, now, func(ctx context.Context, _ pgx.Tx) (idempotency.Response, error) { return effect(ctx) })
			}
		},
		"elsewhere": func(s *postgres.Store) idempotencytest.Do {
			return func(ctx context.Context, k idempotency.Key, h idempotency.Hash, now time.Time, effect func(context.Context) (idempotency.Response, error)) (idempotency.Response, bool, error) {
				return idempotency.Do(ctx, s, k, h, now, effect)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			idempotencytest.Run(t, func(t *testing.T, c idempotency.Config) idempotencytest.Do {
				s, _ := open(t, server, c)
				return do(s)
			})
		})
	}
}

// TestTwoProcesses: a key that is at work elsewhere is refused at once, and
// answered once it is done.
func TestTwoProcesses(t *testing.T) {
	server := pgtest.Start(t)
	a, pool := open(t, server, idempotency.Default())
	b, err := postgres.New(t.Context(), pool, idempotency.Default())
	if err != nil {
		t.Fatal(err)
	}
	k, h, now := idempotency.Key{Caller: "alice", Route: "POST /orders", Key: "k"}, idempotency.Fingerprint(), time.Unix(1000, 0)
	never := func(context.Context, pgx.Tx) (idempotency.Response, error) {
		t.Error("a repetition had the effect again")
		return idempotency.Response{}, nil
	}
	if _, _, err := a.Do(t.Context(), k, h, now, func(ctx context.Context, tx pgx.Tx) (idempotency.Response, error) {
		if _, _, err := b.Do(ctx, k, h, now, never); !errors.Is(err, idempotency.ErrInFlight) {
			t.Errorf("the same key elsewhere meanwhile = %v, want ErrInFlight", err)
		}
		return idempotency.Response{Status: 201}, nil
	}); err != nil {
		t.Fatal(err)
	}
	if r, again, err := b.Do(t.Context(), k, h, now, never); err != nil || !again || r.Status != 201 {
		t.Errorf("afterwards = %+v, %v, %v; want the answer, replayed", r, again, err)
	}
}

// TestKilledServer kills the server again and again under orders that are
// repeated until they are answered: each is there exactly once.
func TestKilledServer(t *testing.T) {
	server := pgtest.Start(t)
	s, pool := open(t, server, idempotency.Default())
	const kills, each = 3, 40
	acked := 0
	for round := range kills {
		stop := make(chan struct{})
		go func() { // ends with the restart, which is waited for
			defer close(stop)
			server.Kill()
			server.Start()
		}()
		for i := range each {
			id := strconv.Itoa(round*each + i)
			k := idempotency.Key{Caller: "alice", Route: "POST /orders", Key: id}
			for {
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				_, _, err := s.Do(ctx, k, idempotency.Fingerprint([]byte(id)), time.Unix(1000, 0), func(ctx context.Context, tx pgx.Tx) (idempotency.Response, error) {
					_, err := tx.Exec(ctx, "INSERT INTO orders VALUES ($1)", id)
					return idempotency.Response{Status: 201}, err
				})
				cancel()
				if err == nil {
					break
				}
				if strings.Contains(err.Error(), "duplicate key") {
					t.Fatalf("order %s had its effect twice: %v", id, err)
				}
			}
			acked++
		}
		<-stop
	}
	var there int
	if err := pool.QueryRow(t.Context(), "SELECT count(*) FROM orders").Scan(&there); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d kills: %d orders acknowledged, %d there", kills, acked, there)
	if there != acked {
		t.Errorf("%d orders of %d are there", there, acked)
	}
}
