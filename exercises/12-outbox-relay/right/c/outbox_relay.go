// Package outboxrelay moves events from a database to a broker, each at least
// once and in order.
package outboxrelay

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"time"
)

// Schema creates the outbox. Change it as you like: only this package reads it.
const Schema = `
CREATE TABLE outbox (
	id    INTEGER PRIMARY KEY AUTOINCREMENT, -- never used twice, even when the row is gone
	lane  TEXT    NOT NULL,                  -- events of one lane go out in order
	body  TEXT    NOT NULL,
	tries INTEGER NOT NULL DEFAULT 0,        -- begun so far
	due   INTEGER NOT NULL DEFAULT 0         -- nobody may try before, in nanoseconds
);
CREATE TABLE graveyard (id INTEGER PRIMARY KEY, lane TEXT NOT NULL, body TEXT NOT NULL, tries INTEGER NOT NULL);`

// Event is one event on its way out.
type Event struct {
	ID   int64 // the same on each try: consumers tell duplicates by it
	Lane string
	Body string
	Try  int // 1 for the first
}

// Config says how a relay works.
type Config struct {
	Batch   int           // events that one pass publishes at most
	Lease   time.Duration // an event belongs to the relay that took it for so long
	Backoff time.Duration // after the first failure; each further one doubles it
	Tries   int           // after so many the event is dead
}

// Publish hands an event to the broker.
type Publish func(ctx context.Context, e Event) error

// Add puts an event into the outbox, inside the caller's transaction.
func Add(ctx context.Context, tx *sql.Tx, lane, body string) error {
	if _, err := tx.ExecContext(ctx, `INSERT INTO outbox (lane, body) VALUES (?, ?)`, lane, body); err != nil {
		return fmt.Errorf("add to the outbox: %w", err)
	}
	return nil
}

// Dead returns the events that were given up, the oldest first, with the number
// of tries that each has had.
func Dead(ctx context.Context, db *sql.DB) ([]Event, error) {
	rows, err := db.QueryContext(ctx, `SELECT id, lane, body, tries FROM graveyard ORDER BY id`)
	if err != nil {
		return nil, fmt.Errorf("list dead events: %w", err)
	}
	defer rows.Close()
	var out []Event
	for rows.Next() {
		var e Event
		if err := rows.Scan(&e.ID, &e.Lane, &e.Body, &e.Try); err != nil {
			return nil, fmt.Errorf("list dead events: %w", err)
		}
		out = append(out, e)
	}
	return out, rows.Err()
}

// Relay does one pass at a time: its lock is held while it publishes. Among
// relays, a compare-and-swap on the number of tries decides who has an event.
type Relay struct {
	db      *sql.DB
	cfg     Config
	publish Publish
	mu      sync.Mutex
}

// New returns a relay.
func New(db *sql.DB, cfg Config, publish Publish) (*Relay, error) {
	if db == nil || publish == nil || cfg.Batch < 1 || cfg.Tries < 1 || cfg.Lease < 1 || cfg.Backoff < 0 {
		return nil, errors.New("outbox relay: something is missing or too small")
	}
	return &Relay{db: db, cfg: cfg, publish: publish}, nil
}

// Pass publishes what is due at now, counted from an origin that all relays
// share, and returns how many events it published.
func (r *Relay) Pass(ctx context.Context, now time.Duration) (sent int, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for done := 0; done < r.cfg.Batch; {
		heads, err := r.heads(ctx, now)
		if err != nil || len(heads) == 0 {
			return sent, err
		}
		progress := false
		for _, e := range heads {
			if done >= r.cfg.Batch {
				break
			}
			tried, ok, err := r.one(ctx, now, e)
			if err != nil {
				return sent, err
			}
			if tried {
				done++
				progress = true
			}
			if ok {
				sent++
			}
		}
		if !progress {
			break // others were quicker with each of them
		}
	}
	return sent, ctx.Err()
}

// heads returns the oldest event of each lane whose turn has come.
func (r *Relay) heads(ctx context.Context, now time.Duration) ([]Event, error) {
	rows, err := r.db.QueryContext(ctx, `
		SELECT id, lane, body, tries FROM outbox
		WHERE due <= ? AND id IN (SELECT min(id) FROM outbox GROUP BY lane) ORDER BY id LIMIT ?`, now, r.cfg.Batch)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []Event
	for rows.Next() {
		var e Event
		if err := rows.Scan(&e.ID, &e.Lane, &e.Body, &e.Try); err != nil {
			return nil, err
		}
		out = append(out, e)
	}
	return out, rows.Err()
}

// one takes an event, if nobody else has, and publishes it.
func (r *Relay) one(ctx context.Context, now time.Duration, e Event) (tried, ok bool, err error) {
	if err := ctx.Err(); err != nil {
		return false, false, err
	}
	if e.Try >= r.cfg.Tries { // whoever tried last did not come back
		return true, false, r.bury(ctx, e)
	}
	res, err := r.db.ExecContext(ctx, `UPDATE outbox SET tries = tries + 1, due = ? WHERE id = ? AND tries = ? AND due <= ?`,
		now+r.cfg.Lease, e.ID, e.Try, now)
	if err != nil {
		return false, false, err
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return false, false, err
	}
	e.Try++
	failed := func() (err error) {
		defer func() {
			if p := recover(); p != nil {
				err = fmt.Errorf("panic: %v", p)
			}
		}()
		return r.publish(ctx, e)
	}()
	later := context.WithoutCancel(ctx)
	switch {
	case failed == nil:
		_, err = r.db.ExecContext(later, `DELETE FROM outbox WHERE id = ?`, e.ID)
		return true, true, err
	case e.Try >= r.cfg.Tries:
		return true, false, r.bury(later, e)
	}
	_, err = r.db.ExecContext(later, `UPDATE outbox SET due = ? WHERE id = ? AND tries = ?`,
		now+r.cfg.Backoff*(1<<(e.Try-1)), e.ID, e.Try)
	return true, false, err
}

// bury moves an event to the dead, unless somebody else has changed it.
func (r *Relay) bury(ctx context.Context, e Event) error {
	tx, err := r.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	_, err = tx.ExecContext(ctx, `INSERT OR IGNORE INTO graveyard SELECT id, lane, body, tries FROM outbox WHERE id = ? AND tries = ?`, e.ID, e.Try)
	if err == nil {
		_, err = tx.ExecContext(ctx, `DELETE FROM outbox WHERE id = ? AND tries = ?`, e.ID, e.Try)
	}
	if err != nil {
		return err
	}
	return tx.Commit()
}
