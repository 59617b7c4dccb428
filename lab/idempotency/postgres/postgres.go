// Package postgres keeps idempotency keys in the PostgreSQL in which the effects
// are. Store.Do holds the key, the effect and the answer in one transaction:
// either all of them are committed or none, whenever the process or the server
// is killed.
//
// Many transactions run at once here, so a key at work is known by an advisory
// lock, which ends with its transaction: who comes meanwhile is told so at once,
// also in another process, and waits for nobody.
package postgres

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"workbench/lab/idempotency"
	"workbench/lab/store/postgres"
)

const schema = `
CREATE TABLE IF NOT EXISTS idempotency (
	caller  text   NOT NULL,
	route   text   NOT NULL,
	key     text   NOT NULL,
	hash    bytea  NOT NULL,
	token   text   NOT NULL,
	until   bigint NOT NULL, -- when the reservation runs out, in Unix nanoseconds
	expires bigint NOT NULL, -- when it is forgotten, likewise
	status  int,             -- NULL while at work
	headers text,
	body    bytea,
	PRIMARY KEY (caller, route, key)
);
CREATE INDEX IF NOT EXISTS idempotency_expires ON idempotency (expires);`

const (
	// prune forgets a few of what has expired with each new key, and leaves those
	// that another is forgetting.
	prune = `
DELETE FROM idempotency WHERE (caller, route, key) IN
	(SELECT caller, route, key FROM idempotency WHERE expires <= $1 ORDER BY expires LIMIT 8 FOR UPDATE SKIP LOCKED)`
	find     = `SELECT hash, until, status, headers, body FROM idempotency WHERE caller = $1 AND route = $2 AND key = $3 AND expires > $4`
	lock     = `SELECT pg_try_advisory_xact_lock($1)`
	counting = `SELECT count(*) FROM (SELECT 1 FROM idempotency LIMIT $1) AS kept`
	remove   = `DELETE FROM idempotency WHERE caller = $1 AND route = $2 AND key = $3`
	reserve  = `INSERT INTO idempotency (caller, route, key, hash, token, until, expires) VALUES ($1, $2, $3, $4, $5, $6, $7)`
	finish   = `UPDATE idempotency SET status = $1, headers = $2, body = $3 WHERE caller = $4 AND route = $5 AND key = $6 AND token = $7 AND status IS NULL`
	abandon  = `DELETE FROM idempotency WHERE caller = $1 AND route = $2 AND key = $3 AND token = $4 AND status IS NULL`
)

// Store keeps keys in a database. Use New.
type Store struct {
	config idempotency.Config
	pool   *pgxpool.Pool
	room   atomic.Int64 // keys that may come before they are counted again

	mu     sync.Mutex
	inside map[idempotency.Key]*idempotency.Hash // guarded by mu: those in a transaction of Do
}

// New makes what is missing in the schema of the pool's search path and returns
// a store in it. The caller keeps the pool and closes it.
//
// Keys are not counted with each request: half of what was free is given out
// between two counts. Several processes may together keep more than
// Config.Capacity by what the others have given out meanwhile.
func New(ctx context.Context, pool *pgxpool.Pool, c idempotency.Config) (*Store, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if _, err := pool.Exec(ctx, schema); err != nil {
		return nil, fmt.Errorf("open idempotency keys: %w", postgres.Explain(ctx, err))
	}
	return &Store{config: c, pool: pool, inside: map[idempotency.Key]*idempotency.Hash{}}, nil
}

// Do has the effect of a request once. A first request of its key calls effect
// with a transaction in which it has to do all it does; that and the answer
// are committed together. If effect returns an error or panics, or the process
// ends, nothing has happened. Errors are those of idempotency.Store.Begin and of
// effect. When the commit is not answered it may have taken place: repeating
// the request tells.
func (s *Store) Do(ctx context.Context, k idempotency.Key, h idempotency.Hash, now time.Time, effect func(context.Context, pgx.Tx) (idempotency.Response, error)) (r idempotency.Response, replayed bool, err error) {
	if err := k.Validate(); err != nil {
		return r, false, err
	}
	leave := func() {}
	// After the commit and before the answer: who comes later finds the answer.
	defer func() { leave() }()
	err = s.transact(ctx, func(tx pgx.Tx) error {
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

// atWork says why a key that is locked is refused. Where this process has it,
// a repetition is told from another request, which the lock alone cannot. It is
// not asked before the database: a repetition may have been answered already
// while the first still waits to be told of its commit.
func (s *Store) atWork(k idempotency.Key, h idempotency.Hash) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if first, at := s.inside[k]; at && *first != h {
		return idempotency.ErrMismatch
	}
	return idempotency.ErrInFlight
}

// enter notes that a key is in a transaction. Only the one that has its lock
// does.
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

// settleLimit is how long a rollback may take.
const settleLimit = 5 * time.Second

// transact runs f in a transaction, which ends with it, also by a panic.
func (s *Store) transact(ctx context.Context, f func(pgx.Tx) error) error {
	tx, err := s.pool.Begin(ctx)
	if err != nil {
		return fmt.Errorf("idempotency: %w", postgres.Explain(ctx, err))
	}
	defer func() {
		settle, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleLimit)
		defer cancel()
		_ = tx.Rollback(settle) // does nothing after Commit; a connection that fails here is closed
	}()
	if err := f(tx); err != nil {
		return err
	}
	if err := tx.Commit(ctx); err != nil {
		return fmt.Errorf("idempotency: %w", postgres.Explain(ctx, err))
	}
	return nil
}

// begin reserves a key within a transaction, or returns what is kept for it.
//
// What is kept is looked for first, without the lock: else one that only reads
// its answer would look to others like one at work.
func (s *Store) begin(ctx context.Context, tx pgx.Tx, k idempotency.Key, h idempotency.Hash, now time.Time) (c idempotency.Claim, kept *idempotency.Response, err error) {
	fail := func(err error) (idempotency.Claim, *idempotency.Response, error) {
		return idempotency.Claim{}, nil, fmt.Errorf("idempotency key: %w", postgres.Explain(ctx, err))
	}
	if kept, err = lookup(ctx, tx, k, h, now); err != nil || kept != nil {
		return c, kept, err
	}
	var mine bool
	if err := tx.QueryRow(ctx, lock, lockOf(k)).Scan(&mine); err != nil {
		return fail(err)
	}
	if !mine {
		return c, nil, s.atWork(k, h)
	}
	// The one before may have committed between the two.
	if kept, err = lookup(ctx, tx, k, h, now); err != nil || kept != nil {
		return c, kept, err
	}
	if _, err := tx.Exec(ctx, prune, now.UnixNano()); err != nil {
		return fail(err)
	}
	if err := s.admit(ctx, tx); err != nil {
		return c, nil, err
	}
	if _, err := tx.Exec(ctx, remove, k.Caller, k.Route, k.Key); err != nil { // expired, or its reservation has
		return fail(err)
	}
	c = idempotency.Claim{Key: k, Token: rand.Text()}
	if _, err := tx.Exec(ctx, reserve, k.Caller, k.Route, k.Key, h[:], c.Token, now.Add(s.config.Lease).UnixNano(), now.Add(s.config.Kept).UnixNano()); err != nil {
		return fail(err)
	}
	return c, nil, nil
}

// lookup returns what is kept for a key; nil: the key is free.
func lookup(ctx context.Context, tx pgx.Tx, k idempotency.Key, h idempotency.Hash, now time.Time) (*idempotency.Response, error) {
	var hash, body []byte
	var until int64
	var status *int
	var headers *string
	err := tx.QueryRow(ctx, find, k.Caller, k.Route, k.Key, now.UnixNano()).Scan(&hash, &until, &status, &headers, &body)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("idempotency key: %w", postgres.Explain(ctx, err))
	case string(hash) != string(h[:]):
		return nil, idempotency.ErrMismatch
	case status == nil && now.UnixNano() < until:
		return nil, idempotency.ErrInFlight
	case status == nil:
		return nil, nil
	}
	kept := &idempotency.Response{Status: *status, Body: body}
	if headers != nil {
		if err := json.Unmarshal([]byte(*headers), &kept.Headers); err != nil {
			return nil, fmt.Errorf("idempotency key: headers of the kept answer: %w", err)
		}
	}
	return kept, nil
}

// lockOf returns the number of a key's advisory lock. Two keys with one number
// are told to ask again, which is all.
func lockOf(k idempotency.Key) int64 {
	h := idempotency.Fingerprint([]byte(k.Caller), []byte(k.Route), []byte(k.Key))
	return int64(binary.BigEndian.Uint64(h[:8])) // every bit counts, also the sign's
}

// admit takes one of the places that are free, and counts when it knows of none.
func (s *Store) admit(ctx context.Context, tx pgx.Tx) error {
	if s.room.Add(-1) >= 0 {
		return nil
	}
	var n int64
	if err := tx.QueryRow(ctx, counting, s.config.Capacity).Scan(&n); err != nil {
		return fmt.Errorf("count idempotency keys: %w", postgres.Explain(ctx, err))
	}
	free := int64(s.config.Capacity) - n
	if free <= 0 {
		return idempotency.ErrFull
	}
	s.room.Store(free/2 - 1)
	return nil
}

// complete keeps an answer within a transaction.
func complete(ctx context.Context, tx pgx.Tx, c idempotency.Claim, r idempotency.Response) error {
	headers, err := json.Marshal(r.Headers)
	if err != nil {
		return fmt.Errorf("keep answer: %w", err)
	}
	body := r.Body
	if body == nil {
		body = []byte{}
	}
	tag, err := tx.Exec(ctx, finish, r.Status, string(headers), body, c.Key.Caller, c.Key.Route, c.Key.Key, c.Token)
	if err != nil {
		return fmt.Errorf("keep answer: %w", postgres.Explain(ctx, err))
	}
	if tag.RowsAffected() == 0 {
		return idempotency.ErrLate
	}
	return nil
}

// Begin implements idempotency.Store, for an effect that is elsewhere.
func (s *Store) Begin(ctx context.Context, k idempotency.Key, h idempotency.Hash, now time.Time) (c idempotency.Claim, kept *idempotency.Response, err error) {
	if err := k.Validate(); err != nil {
		return c, nil, err
	}
	err = s.transact(ctx, func(tx pgx.Tx) (err error) {
		c, kept, err = s.begin(ctx, tx, k, h, now)
		return err
	})
	return c, kept, err
}

// Finish implements idempotency.Store.
func (s *Store) Finish(ctx context.Context, c idempotency.Claim, r idempotency.Response) error {
	return s.transact(ctx, func(tx pgx.Tx) error { return complete(ctx, tx, c, r) })
}

// Abandon implements idempotency.Store.
func (s *Store) Abandon(ctx context.Context, c idempotency.Claim) error {
	_, err := s.pool.Exec(ctx, abandon, c.Key.Caller, c.Key.Route, c.Key.Key, c.Token)
	return postgres.Explain(ctx, err)
}

var _ idempotency.Store = (*Store)(nil)
