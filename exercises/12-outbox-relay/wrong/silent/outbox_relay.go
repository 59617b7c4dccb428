// kills: TestDatabaseFails — a relay that takes every error for an empty table stands still and nobody knows

// Package outboxrelay moves events from a database to a broker, each at least
// once and in order.
package outboxrelay

import (
	"context"
	"database/sql"
	"errors"
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

// Relay publishes what is in the outbox. Use New. Any number of relays may work
// on one database.
type Relay struct {
	db      *sql.DB
	cfg     Config
	publish Publish
}

// New returns a relay.
func New(db *sql.DB, cfg Config, publish Publish) (*Relay, error) {
	if db == nil || publish == nil {
		return nil, errors.New("outbox relay: want a database and a function that publishes")
	}
	if cfg.Batch < 1 || cfg.Tries < 1 || cfg.Lease <= 0 || cfg.Backoff < 0 {
		return nil, fmt.Errorf("outbox relay: batch %d, tries %d, lease %v, backoff %v: want at least 1, 1, more than 0s and at least 0s", cfg.Batch, cfg.Tries, cfg.Lease, cfg.Backoff)
	}
	return &Relay{db: db, cfg: cfg, publish: publish}, nil
}

// Pass publishes what is due at now, counted from an origin that all relays
// share, and returns how many events it published.
func (r *Relay) Pass(ctx context.Context, now time.Duration) (sent int, err error) {
	// Who took an event for the last time and never came back may have died of it.
	_, err = r.db.ExecContext(ctx, `UPDATE outbox SET dead = 1 WHERE dead = 0 AND tries >= ? AND due <= ?`, r.cfg.Tries, now)
	if err != nil {
		return 0, nil
	}
	for range r.cfg.Batch {
		if err := ctx.Err(); err != nil {
			return sent, err
		}
		e, err := r.take(ctx, now)
		if err != nil {
			return sent, nil
		}
		failed := r.try(ctx, e)
		if failed == nil {
			sent++
		}
		if err := r.settle(ctx, now, e, failed); err != nil {
			return sent, fmt.Errorf("settle event %d: %w", e.ID, err)
		}
	}
	return sent, ctx.Err()
}

// take finds the oldest event that may go out and makes it this relay's own for
// the length of a lease, in one statement.
func (r *Relay) take(ctx context.Context, now time.Duration) (Event, error) {
	var e Event
	err := r.db.QueryRowContext(ctx, `
		UPDATE outbox SET tries = tries + 1, due = ?
		WHERE id = (
			SELECT id FROM outbox AS o
			WHERE dead = 0 AND due <= ? AND NOT EXISTS (
				SELECT 1 FROM outbox AS older WHERE older.lane = o.lane AND older.dead = 0 AND older.id < o.id
			)
			ORDER BY id LIMIT 1
		)
		RETURNING id, lane, body, tries`,
		now+r.cfg.Lease, now).Scan(&e.ID, &e.Lane, &e.Body, &e.Try)
	return e, err
}

// try publishes; a panic is a failure.
func (r *Relay) try(ctx context.Context, e Event) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("publish panicked: %v", p)
		}
	}()
	return r.publish(ctx, e)
}

// settle writes down what became of a try, even when ctx has ended since: the
// broker has the event. A relay whose lease ran out finds another number of
// tries and changes nothing.
func (r *Relay) settle(ctx context.Context, now time.Duration, e Event, failed error) error {
	ctx = context.WithoutCancel(ctx)
	if failed == nil {
		_, err := r.db.ExecContext(ctx, `DELETE FROM outbox WHERE id = ?`, e.ID)
		return err
	}
	_, err := r.db.ExecContext(ctx, `UPDATE outbox SET due = ?, dead = (tries >= ?) WHERE id = ? AND tries = ?`,
		now+r.cfg.Backoff<<(e.Try-1), r.cfg.Tries, e.ID, e.Try)
	return err
}
