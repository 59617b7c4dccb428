package code

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// ErrCrash stands for the process ending at this point, in tests.
var ErrCrash = errors.New("the process ends here")

// guide:begin outbox

// Place stores an order and, in the same transaction, the event that tells of
// it: both are there or neither.
func Place(ctx context.Context, db *sql.DB, item string) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("place an order: %w", err)
	}
	defer tx.Rollback() // after Commit it does nothing
	if _, err := tx.ExecContext(ctx, `INSERT INTO orders (item) VALUES (?)`, item); err != nil {
		return fmt.Errorf("place an order: %w", err)
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO outbox (event) VALUES (?)`, "placed "+item); err != nil {
		return fmt.Errorf("note the event: %w", err)
	}
	return tx.Commit()
}

// Relay publishes noted events in order and forgets each one afterwards. A
// crash between the two publishes it again: receivers must expect that.
func Relay(ctx context.Context, db *sql.DB, publish func(event string) error) error {
	for {
		var id int64
		var event string
		err := db.QueryRowContext(ctx, `SELECT id, event FROM outbox ORDER BY id LIMIT 1`).Scan(&id, &event)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read the outbox: %w", err)
		}
		if err := publish(event); err != nil {
			return err
		}
		if _, err := db.ExecContext(ctx, `DELETE FROM outbox WHERE id = ?`, id); err != nil {
			return fmt.Errorf("forget event %d: %w", id, err)
		}
	}
}

// guide:end

// PlaceAndTell stores an order and then publishes the event. When the process
// ends in between, nobody is ever told.
func PlaceAndTell(ctx context.Context, db *sql.DB, item string, publish func(event string) error) error {
	if _, err := db.ExecContext(ctx, `INSERT INTO orders (item) VALUES (?)`, item); err != nil {
		return fmt.Errorf("place an order: %w", err)
	}
	return publish("placed " + item)
}
