package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// Errors that a caller may act on.
var (
	ErrMissing  = errors.New("there is no such item")
	ErrSpace    = errors.New("the disk is full: free some space; reading still works")
	ErrReadOnly = errors.New("the database file cannot be written: check its permissions and the disk; reading still works")
	ErrBusy     = errors.New("another process holds the database file: end it, or use another data directory")
)

// explain puts a sentinel around an error of the driver that has one, and the
// context's error around a query that it ended.
func explain(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, sql.ErrNoRows) {
		return ErrMissing
	}
	if ended := ctx.Err(); ended != nil && !errors.Is(err, ended) {
		return fmt.Errorf("%w: %w", ended, err)
	}
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return err
	}
	const primary = 0xff // the low byte of an extended result code is the plain one
	switch e.Code() & primary {
	case sqlite3.SQLITE_FULL:
		return fmt.Errorf("%w: %w", ErrSpace, err)
	case sqlite3.SQLITE_READONLY:
		return fmt.Errorf("%w: %w", ErrReadOnly, err)
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return fmt.Errorf("%w: %w", ErrBusy, err)
	default:
		return err
	}
}
