// Package outboxrelay moves events from a database to a broker, each at least
// once and in order.
package outboxrelay

import (
	"context"
	"database/sql"
	"errors"
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
	return errors.New("outbox relay: Add is still to be written")
}

// Dead returns the events that were given up, the oldest first, with the number
// of tries that each has had.
func Dead(ctx context.Context, db *sql.DB) ([]Event, error) {
	return nil, nil
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
	return &Relay{db: db, cfg: cfg, publish: publish}, nil
}

// Pass publishes what is due at now, counted from an origin that all relays
// share, and returns how many events it published.
func (r *Relay) Pass(ctx context.Context, now time.Duration) (sent int, err error) {
	return 0, nil
}
