// Package outboxrelay moves events from a database to a broker, each at least
// once and in order.
package outboxrelay

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// Schema creates the outbox. Change it as you like: only this package reads it.
const Schema = `
CREATE TABLE outbox (
	id    INTEGER PRIMARY KEY AUTOINCREMENT, -- never used twice, even when the row is gone
	lane  TEXT    NOT NULL,                  -- events of one lane go out in order
	body  TEXT    NOT NULL,
	tries INTEGER NOT NULL DEFAULT 0,        -- begun so far
	due   INTEGER NOT NULL DEFAULT 0,        -- nobody may try before, in nanoseconds
	dead  INTEGER NOT NULL DEFAULT 0         -- 1: given up
);
CREATE INDEX outbox_lane ON outbox (lane, id);`

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
	rows, err := db.QueryContext(ctx, `SELECT id, lane, body, tries FROM outbox WHERE dead = 1 ORDER BY id`)
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

// Relay takes a batch at a time, in a transaction, and publishes it afterwards.
type Relay struct {
	db      *sql.DB
	cfg     Config
	publish Publish
}

// New returns a relay.
func New(db *sql.DB, cfg Config, publish Publish) (*Relay, error) {
	switch {
	case db == nil:
		return nil, fmt.Errorf("outbox relay: no database")
	case publish == nil:
		return nil, fmt.Errorf("outbox relay: nothing to publish with")
	case cfg.Batch <= 0 || cfg.Tries <= 0 || cfg.Lease <= 0 || cfg.Backoff < 0:
		return nil, fmt.Errorf("outbox relay: bad settings %+v", cfg)
	}
	return &Relay{db, cfg, publish}, nil
}

// Pass publishes what is due at now, counted from an origin that all relays
// share, and returns how many events it published.
func (r *Relay) Pass(ctx context.Context, now time.Duration) (sent int, err error) {
	batch, err := r.claim(ctx, now)
	if err != nil {
		return 0, err
	}
	lease := now + r.cfg.Lease
	broken := map[string]bool{} // lanes in which something failed
	for _, e := range batch {
		if ctx.Err() != nil || broken[e.Lane] {
			if _, err := r.exec(ctx, `UPDATE outbox SET due = 0 WHERE id = ? AND due = ?`, e.ID, lease); err != nil {
				return sent, err
			}
			continue
		}
		mine, err := r.exec(ctx, `UPDATE outbox SET tries = tries + 1 WHERE id = ? AND due = ?`, e.ID, lease)
		if err != nil {
			return sent, err
		}
		if !mine { // it took too long to come to this one
			broken[e.Lane] = true
			continue
		}
		if r.deliver(ctx, e) {
			sent++
			_, err = r.exec(ctx, `DELETE FROM outbox WHERE id = ?`, e.ID)
		} else {
			broken[e.Lane] = true
			wait := r.cfg.Backoff
			for range e.Try - 1 {
				wait *= 2
			}
			_, err = r.exec(ctx, `UPDATE outbox SET due = ?, dead = ? WHERE id = ? AND due = ?`, now+wait, e.Try >= r.cfg.Tries, e.ID, lease)
		}
		if err != nil {
			return sent, err
		}
	}
	return sent, ctx.Err()
}

// exec settles something: that must not depend on whether anybody still waits.
func (r *Relay) exec(ctx context.Context, query string, args ...any) (changed bool, err error) {
	res, err := r.db.ExecContext(context.WithoutCancel(ctx), query, args...)
	if err != nil {
		return false, err
	}
	n, err := res.RowsAffected()
	return n > 0, err
}

// claim takes the oldest events whose lanes are free, in one transaction that
// is over before anything is published. The end of the lease tells them from
// those that another relay has taken since.
func (r *Relay) claim(ctx context.Context, now time.Duration) ([]Event, error) {
	tx, err := r.db.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer tx.Rollback()
	if _, err := tx.ExecContext(ctx, `UPDATE outbox SET dead = 1 WHERE dead = 0 AND tries >= ? AND due <= ?`, r.cfg.Tries, now); err != nil {
		return nil, err
	}
	rows, err := tx.QueryContext(ctx, `SELECT id, lane, body, tries + 1, due FROM outbox WHERE dead = 0 ORDER BY id`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var batch []Event
	held := map[string]bool{} // lanes whose oldest event is not to be had
	for rows.Next() && len(batch) < r.cfg.Batch {
		var e Event
		var due time.Duration
		if err := rows.Scan(&e.ID, &e.Lane, &e.Body, &e.Try, &due); err != nil {
			return nil, err
		}
		if due > now {
			held[e.Lane] = true
		}
		if !held[e.Lane] {
			batch = append(batch, e)
		}
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	rows.Close()
	for _, e := range batch {
		if _, err := tx.ExecContext(ctx, `UPDATE outbox SET due = ? WHERE id = ?`, now+r.cfg.Lease, e.ID); err != nil {
			return nil, err
		}
	}
	return batch, tx.Commit()
}

func (r *Relay) deliver(ctx context.Context, e Event) (ok bool) {
	defer func() {
		if recover() != nil {
			ok = false
		}
	}()
	return r.publish(ctx, e) == nil
}
