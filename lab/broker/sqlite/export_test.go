package sqlite

import (
	"context"
	"errors"
)

// Synchronous returns what commits of the two connections wait for.
func (b *Broker) Synchronous(ctx context.Context) (synced, fast int, err error) {
	err = errors.Join(
		b.synced.QueryRowContext(ctx, "PRAGMA synchronous").Scan(&synced),
		b.fast.QueryRowContext(ctx, "PRAGMA synchronous").Scan(&fast))
	return synced, fast, err
}

// ExecSynced runs a statement on the connection of publishers.
func (b *Broker) ExecSynced(ctx context.Context, query string) error {
	_, err := b.synced.ExecContext(ctx, query)
	return err
}

// ClaimPlan returns how SQLite looks for the next message.
func (b *Broker) ClaimPlan(ctx context.Context) (plan string, err error) {
	rows, err := b.fast.QueryContext(ctx, "EXPLAIN QUERY PLAN "+claim, "name", 2, b.config.Queue, 1)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var id, parent, unused int
		var step string
		if err := rows.Scan(&id, &parent, &unused, &step); err != nil {
			return "", err
		}
		plan += step + "\n"
	}
	return plan, rows.Err()
}
