package sqlite_test

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"workbench/lab/idempotency"
	"workbench/lab/idempotency/idempotencytest"
	"workbench/lab/idempotency/sqlite"
	store "workbench/lab/store/sqlite"
)

func open(t *testing.T, path string, c idempotency.Config) (*sql.DB, *sqlite.Store) {
	t.Helper()
	db, err := sql.Open("sqlite", store.Source(path, "journal_mode(WAL)", "synchronous(FULL)")+"&_txlock=immediate")
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	s, err := sqlite.New(t.Context(), db, c)
	if err != nil {
		t.Fatal(err)
	}
	return db, s
}

func TestContractInOneTransaction(t *testing.T) {
	idempotencytest.Run(t, func(t *testing.T, c idempotency.Config) idempotencytest.Do {
		_, s := open(t, filepath.Join(t.TempDir(), "i.db"), c)
		return func(ctx context.Context, k idempotency.Key, h idempotency.Hash, now time.Time, effect func(context.Context) (idempotency.Response, error)) (idempotency.Response, bool, error) {
			return s.Do(ctx, k, h, now, func(ctx context.Context, _ *sql.Tx) (idempotency.Response, error) { return effect(ctx) })
		}
	})
}

func TestContractByReservation(t *testing.T) {
	idempotencytest.Run(t, func(t *testing.T, c idempotency.Config) idempotencytest.Do {
		_, s := open(t, filepath.Join(t.TempDir(), "i.db"), c)
		return func(ctx context.Context, k idempotency.Key, h idempotency.Hash, now time.Time, effect func(context.Context) (idempotency.Response, error)) (idempotency.Response, bool, error) {
			return idempotency.Do(ctx, s, k, h, now, effect)
		}
	})
}

// The effect and its key are one: what fails after the effect takes it back.
func TestEffectAndKeyAreOne(t *testing.T) {
	path := filepath.Join(t.TempDir(), "i.db")
	db, s := open(t, path, idempotency.Default())
	if _, err := db.ExecContext(t.Context(), "CREATE TABLE orders (n INTEGER)"); err != nil {
		t.Fatal(err)
	}
	k, h, now := idempotency.Key{Caller: "a", Route: "r", Key: "k"}, idempotency.Fingerprint(), time.Unix(1000, 0)
	broken := errors.New("broken after the insert")
	buy := func(err error) func(context.Context, *sql.Tx) (idempotency.Response, error) {
		return func(ctx context.Context, tx *sql.Tx) (idempotency.Response, error) {
			_, insert := tx.ExecContext(ctx, "INSERT INTO orders VALUES (1)")
			return idempotency.Response{Status: 201}, errors.Join(insert, err)
		}
	}
	count := func() (n int) {
		if err := db.QueryRowContext(t.Context(), "SELECT count(*) FROM orders").Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	if _, _, err := s.Do(t.Context(), k, h, now, buy(broken)); !errors.Is(err, broken) || count() != 0 {
		t.Errorf("Do() = %v with %d orders, want the error and none", err, count())
	}
	for range 2 {
		if r, _, err := s.Do(t.Context(), k, h, now, buy(nil)); err != nil || r.Status != 201 || count() != 1 {
			t.Errorf("Do() = %+v, %v with %d orders, want 201 and one", r, err, count())
		}
	}
	// Another process on the same file answers from it.
	_, other := open(t, path, idempotency.Default())
	if r, replayed, err := other.Do(t.Context(), k, h, now, buy(nil)); err != nil || !replayed || r.Status != 201 || count() != 1 {
		t.Errorf("Do() of another process = %+v, %v, %v with %d orders; want it replayed", r, replayed, err, count())
	}
}

// A reservation that a killed process left runs out, and its key is free for
// the same request, and for no other.
func TestReservationOfADeadProcessRunsOut(t *testing.T) {
	c := idempotency.Default()
	_, s := open(t, filepath.Join(t.TempDir(), "i.db"), c)
	k, h, now := idempotency.Key{Caller: "a", Route: "r", Key: "k"}, idempotency.Fingerprint(), time.Unix(1000, 0)
	first, _, err := s.Begin(t.Context(), k, h, now)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Begin(t.Context(), k, h, now.Add(c.Lease-1)); !errors.Is(err, idempotency.ErrInFlight) {
		t.Errorf("Begin within the lease = %v, want ErrInFlight", err)
	}
	if _, _, err := s.Begin(t.Context(), k, idempotency.Fingerprint(nil), now.Add(c.Lease)); !errors.Is(err, idempotency.ErrMismatch) {
		t.Errorf("Begin of another request after the lease = %v, want ErrMismatch", err)
	}
	second, kept, err := s.Begin(t.Context(), k, h, now.Add(c.Lease))
	if err != nil || kept != nil {
		t.Fatalf("Begin after the lease = %v, %v; want a reservation", kept, err)
	}
	if err := s.Finish(t.Context(), first, idempotency.Response{Status: 1}); !errors.Is(err, idempotency.ErrLate) {
		t.Errorf("Finish of the first = %v, want ErrLate", err)
	}
	if err := errors.Join(s.Abandon(t.Context(), first), s.Finish(t.Context(), second, idempotency.Response{Status: 2})); err != nil {
		t.Errorf("Abandon of the first and Finish of the second = %v, want nil", err)
	}
	if _, kept, err := s.Begin(t.Context(), k, h, now.Add(c.Lease)); err != nil || kept == nil || kept.Status != 2 {
		t.Errorf("kept %+v, %v; want the answer of the second", kept, err)
	}
}
