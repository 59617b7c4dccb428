package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
)

// Tables is an open file with tables of a room's own: one connection that
// writes and several that read. See the package's comment for why.
type Tables struct{ Write, Read *sql.DB }

// OpenTables opens the file at path, which it makes when there is none, and runs
// schema. durable: a commit is on the disk before it is acknowledged.
func OpenTables(ctx context.Context, path, schema string, durable bool) (*Tables, error) {
	full, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("open tables %s: %w", path, err)
	}
	synchronous := "synchronous(NORMAL)"
	if durable {
		synchronous = "synchronous(FULL)"
	}
	t := &Tables{}
	if t.Write, err = sql.Open("sqlite", source(full, "journal_mode(WAL)", synchronous)+"&_txlock=immediate"); err != nil {
		return nil, fmt.Errorf("open tables %s: %w", path, err)
	}
	t.Write.SetMaxOpenConns(1)
	if _, err := t.Write.ExecContext(ctx, schema); err != nil {
		return nil, errors.Join(fmt.Errorf("open tables %s: %w", path, explain(ctx, err)), t.Close())
	}
	if t.Read, err = sql.Open("sqlite", source(full, "query_only(1)")); err != nil {
		return nil, errors.Join(fmt.Errorf("open tables %s: %w", path, err), t.Close())
	}
	t.Read.SetMaxOpenConns(readers)
	t.Read.SetMaxIdleConns(readers)
	return t, nil
}

// Close closes the file once running queries have ended.
func (t *Tables) Close() error {
	var faults []error
	for _, db := range []*sql.DB{t.Read, t.Write} { // the writer last: it folds the WAL into the file
		if db != nil {
			faults = append(faults, db.Close())
		}
	}
	return errors.Join(faults...)
}
