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
