// Package sqlite keeps idempotency keys in the database in which the effects
// are. Store.Do holds the key, the effect and the answer in one transaction:
// either all of them are on the disk or none, whenever the process is killed.
package sqlite

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"workbench/lab/idempotency"
	"workbench/lab/store/sqlite"
)

// schema brings the tables into being. Triggers count the keys, so that the
// bound costs nothing however many there are.
const schema = `
CREATE TABLE IF NOT EXISTS idempotency (
	caller  TEXT    NOT NULL,
	route   TEXT    NOT NULL,
	key     TEXT    NOT NULL,
	hash    BLOB    NOT NULL,
	token   TEXT    NOT NULL,
	until   INTEGER NOT NULL, -- when the reservation runs out, in Unix nanoseconds
	expires INTEGER NOT NULL, -- when it is forgotten, likewise
	status  INTEGER,          -- NULL while at work
	headers TEXT,
	body    BLOB,
	PRIMARY KEY (caller, route, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS idempotency_expires ON idempotency (expires);
CREATE TABLE IF NOT EXISTS idempotency_count (one INTEGER PRIMARY KEY, n INTEGER NOT NULL) STRICT;
INSERT INTO idempotency_count VALUES (1, 0) ON CONFLICT DO NOTHING;
CREATE TRIGGER IF NOT EXISTS idempotency_in AFTER INSERT ON idempotency BEGIN
	UPDATE idempotency_count SET n = n + 1;
END;
CREATE TRIGGER IF NOT EXISTS idempotency_out AFTER DELETE ON idempotency BEGIN
	UPDATE idempotency_count SET n = n - 1;
END;`

const (
	// prune forgets a few of what has expired with each new key: as many as
	// come can go, and no request pays for a great cleaning.
	prune = `
DELETE FROM idempotency WHERE (caller, route, key) IN (SELECT caller, route, key FROM idempotency WHERE expires <= ? ORDER BY expires LIMIT 8)`
	find     = `SELECT hash, until, status, headers, body FROM idempotency WHERE caller = ? AND route = ? AND key = ? AND expires > ?`
	counting = `SELECT n FROM idempotency_count`
	reserve  = `INSERT INTO idempotency (caller, route, key, hash, token, until, expires) VALUES (?, ?, ?, ?, ?, ?, ?)`
	remove   = `DELETE FROM idempotency WHERE caller = ? AND route = ? AND key = ?`
	finish   = `UPDATE idempotency SET status = ?, headers = ?, body = ? WHERE caller = ? AND route = ? AND key = ? AND token = ? AND status IS NULL`
	abandon  = `DELETE FROM idempotency WHERE caller = ? AND route = ? AND key = ? AND token = ? AND status IS NULL`
)

// Store keeps keys in a database. Use New.
type Store struct {
	config idempotency.Config
	db     *sql.DB

	mu     sync.Mutex
	inside map[idempotency.Key]*idempotency.Hash // guarded by mu: those in a transaction of Do
}

// New makes what is missing in db and returns a store in it. Its transactions
// have to take the write lock when they begin (_txlock=immediate), and what it
// promises of a power cut is what the connection promises (synchronous=FULL).
// The caller keeps db and closes it.
func New(ctx context.Context, db *sql.DB, c idempotency.Config) (*Store, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if _, err := db.ExecContext(ctx, schema); err != nil {
		return nil, fmt.Errorf("open idempotency keys: %w", sqlite.Explain(ctx, err))
	}
	return &Store{config: c, db: db, inside: map[idempotency.Key]*idempotency.Hash{}}, nil
}

// Do has the effect of a request once. A first request of its key calls effect
// with a transaction in which it has to do all it does; that and the answer
// are committed together. If effect returns an error or panics, or the process
// ends, nothing has happened. Errors are those of idempotency.Store.Begin and of
// effect.
func (s *Store) Do(ctx context.Context, k idempotency.Key, h idempotency.Hash, now time.Time, effect func(context.Context, *sql.Tx) (idempotency.Response, error)) (r idempotency.Response, replayed bool, err error) {
	if err := k.Validate(); err != nil {
		return r, false, err
	}
	if err := s.atWork(k, h); err != nil {
		return r, false, err
	}
	leave := func() {}
	// After the commit and before the answer: who comes later finds the answer.
	defer func() { leave() }()
	err = s.transact(ctx, func(tx *sql.Tx) error {
		claim, kept, err := s.begin(ctx, tx, k, h, now)
		if err != nil {
			return err
		}
		if kept != nil {
			r, replayed = *kept, true
			return nil
		}
		leave = s.enter(k, h)
		if r, err = effect(ctx, tx); err != nil {
			return err
		}
		return complete(ctx, tx, claim, r)
	})
	if err != nil {
		return idempotency.Response{}, false, err
	}
	return r, replayed, nil
}

// In is Do within a transaction of the caller's, which may hold other requests
// too: nothing has happened until the caller commits it, and when In returns an
// error, the caller has to take back what was done since it was called. Requests
// with one key that come at the same time are the caller's to keep apart.
func (s *Store) In(ctx context.Context, tx *sql.Tx, k idempotency.Key, h idempotency.Hash, now time.Time, effect func(context.Context, *sql.Tx) (idempotency.Response, error)) (r idempotency.Response, replayed bool, err error) {
	if err := k.Validate(); err != nil {
		return r, false, err
	}
	claim, kept, err := s.begin(ctx, tx, k, h, now)
	switch {
	case err != nil:
		return r, false, err
	case kept != nil:
		return *kept, true, nil
	}
	if r, err = effect(ctx, tx); err != nil {
		return idempotency.Response{}, false, err
	}
	return r, false, complete(ctx, tx, claim, r)
}

// atWork refuses a request whose key is in a transaction: it learns at once
// that the other is at work, and does not wait for the lock behind it.
func (s *Store) atWork(k idempotency.Key, h idempotency.Hash) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch first, at := s.inside[k]; {
	case at && *first != h:
		return idempotency.ErrMismatch
	case at:
		return idempotency.ErrInFlight
	}
	return nil
}

// enter notes that a key is in a transaction. Only the one that has reserved it
// does, and it holds the lock.
func (s *Store) enter(k idempotency.Key, h idempotency.Hash) (leave func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	mine := &h
	s.inside[k] = mine
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.inside[k] == mine { // after a failure the next may be in already
			delete(s.inside, k)
		}
	}
}

// transact runs f in a transaction, which ends with it, also by a panic.
func (s *Store) transact(ctx context.Context, f func(*sql.Tx) error) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("idempotency: %w", sqlite.Explain(ctx, err))
	}
	defer tx.Rollback() // does nothing after Commit
	if err := f(tx); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("idempotency: %w", sqlite.Explain(ctx, err))
	}
	return nil
}

// begin reserves a key within a transaction, or returns what is kept for it.
func (s *Store) begin(ctx context.Context, tx *sql.Tx, k idempotency.Key, h idempotency.Hash, now time.Time) (c idempotency.Claim, kept *idempotency.Response, err error) {
	fail := func(err error) (idempotency.Claim, *idempotency.Response, error) {
		return idempotency.Claim{}, nil, fmt.Errorf("idempotency key: %w", sqlite.Explain(ctx, err))
	}
	if _, err := tx.ExecContext(ctx, prune, now.UnixNano()); err != nil {
		return fail(err)
	}
	var hash, body []byte
	var until int64
	var status sql.NullInt64
	var headers sql.NullString
	err = tx.QueryRowContext(ctx, find, k.Caller, k.Route, k.Key, now.UnixNano()).Scan(&hash, &until, &status, &headers, &body)
	switch {
	case errors.Is(err, sql.ErrNoRows): // it is new, or expired and not yet gone
	case err != nil:
		return fail(err)
	case string(hash) != string(h[:]):
		return c, nil, idempotency.ErrMismatch
	case status.Valid:
		kept = &idempotency.Response{Status: int(status.Int64), Body: body}
		if err := json.Unmarshal([]byte(headers.String), &kept.Headers); err != nil {
			return fail(err)
		}
		return c, kept, nil
	case now.UnixNano() < until:
		return c, nil, idempotency.ErrInFlight
	}
	// Triggers count what is deleted and inserted, and not what is replaced.
	if _, err := tx.ExecContext(ctx, remove, k.Caller, k.Route, k.Key); err != nil {
		return fail(err)
	}
	var n int
	if err := tx.QueryRowContext(ctx, counting).Scan(&n); err != nil {
		return fail(err)
	}
	if n >= s.config.Capacity {
		return c, nil, idempotency.ErrFull
	}
	c = idempotency.Claim{Key: k, Token: rand.Text()}
	if _, err := tx.ExecContext(ctx, reserve, k.Caller, k.Route, k.Key, h[:], c.Token,
		now.Add(s.config.Lease).UnixNano(), now.Add(s.config.Kept).UnixNano()); err != nil {
		return fail(err)
	}
	return c, nil, nil
}

// complete keeps an answer within a transaction.
func complete(ctx context.Context, tx *sql.Tx, c idempotency.Claim, r idempotency.Response) error {
	headers, err := json.Marshal(r.Headers)
	if err != nil {
		return fmt.Errorf("keep answer: %w", err)
	}
	body := r.Body
	if body == nil {
		body = []byte{}
	}
	res, err := tx.ExecContext(ctx, finish, r.Status, string(headers), body, c.Key.Caller, c.Key.Route, c.Key.Key, c.Token)
	if err != nil {
		return fmt.Errorf("keep answer: %w", sqlite.Explain(ctx, err))
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return errors.Join(idempotency.ErrLate, err)
	}
	return nil
}

// Begin implements idempotency.Store, for an effect that is elsewhere.
func (s *Store) Begin(ctx context.Context, k idempotency.Key, h idempotency.Hash, now time.Time) (c idempotency.Claim, kept *idempotency.Response, err error) {
	if err := k.Validate(); err != nil {
		return c, nil, err
	}
	err = s.transact(ctx, func(tx *sql.Tx) (err error) {
		c, kept, err = s.begin(ctx, tx, k, h, now)
		return err
	})
	return c, kept, err
}

// Finish implements idempotency.Store.
func (s *Store) Finish(ctx context.Context, c idempotency.Claim, r idempotency.Response) error {
	return s.transact(ctx, func(tx *sql.Tx) error { return complete(ctx, tx, c, r) })
}

// Abandon implements idempotency.Store.
func (s *Store) Abandon(ctx context.Context, c idempotency.Claim) error {
	_, err := s.db.ExecContext(ctx, abandon, c.Key.Caller, c.Key.Route, c.Key.Key, c.Token)
	return sqlite.Explain(ctx, err)
}

var _ idempotency.Store = (*Store)(nil)
