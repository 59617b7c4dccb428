// Package sqlite keeps the demo services' data in one SQLite file.
//
// One connection writes and several read: SQLite allows one writer at a time,
// and a pool of writers only moves the queue into its busy handler, where it is
// unfair and fails (measured: 16 writing connections without a busy timeout
// fail 320,000 times in 1.5 s; one connection never). The file is in WAL mode,
// so reads go on beside the writer, also when the disk is full.
//
// SQLite answers in microseconds. What a remote, contended database would add
// is the job of package gate, in front of the store.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"time"

	_ "modernc.org/sqlite" // the driver named "sqlite"
)

const (
	readers     = 4               // reading connections; more do not help on a few cores
	busyTimeout = 5 * time.Second // how long to wait for another process's lock on the file
)

// Store is an open file. It is safe for concurrent use. Use Open; Close it.
type Store struct {
	write, read                          *sql.DB
	profile, update, exists, report, job *sql.Stmt
	finish                               *sql.Stmt
}

// Open opens the file at path, which it makes when there is none, and brings
// its tables into being.
func Open(ctx context.Context, path string) (*Store, error) {
	if path == "" {
		return nil, errors.New("open store: path is empty (want the name of a file)")
	}
	full, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("open store %s: %w", path, err)
	}
	s := &Store{}
	if err := s.open(ctx, full); err != nil {
		return nil, errors.Join(fmt.Errorf("open store %s: %w", path, explain(ctx, err)), s.Close())
	}
	return s, nil
}

func (s *Store) open(ctx context.Context, path string) error {
	var err error
	if s.write, err = sql.Open("sqlite", source(path, "journal_mode(WAL)", "synchronous(NORMAL)")+"&_txlock=immediate"); err != nil {
		return err
	}
	s.write.SetMaxOpenConns(1)
	// The writer goes first: it makes the file and its tables.
	if _, err := s.write.ExecContext(ctx, schema); err != nil {
		return err
	}
	if s.read, err = sql.Open("sqlite", source(path, "query_only(1)")); err != nil {
		return err
	}
	s.read.SetMaxOpenConns(readers)
	s.read.SetMaxIdleConns(readers)
	for _, p := range []struct {
		to  **sql.Stmt
		db  *sql.DB
		sql string
	}{
		{&s.profile, s.read, selectProfile}, {&s.exists, s.read, selectExists}, {&s.report, s.read, selectReport},
		{&s.job, s.read, selectJob}, {&s.update, s.write, updateProfile}, {&s.finish, s.write, finishJob},
	} {
		if *p.to, err = p.db.PrepareContext(ctx, p.sql); err != nil {
			return err
		}
	}
	return nil
}

// source returns the driver's name for the file with these pragmas.
func source(path string, pragmas ...string) string {
	q := url.Values{"_pragma": append(pragmas, fmt.Sprintf("busy_timeout(%d)", busyTimeout.Milliseconds()))}
	return "file:" + (&url.URL{Path: filepath.ToSlash(path)}).EscapedPath() + "?" + q.Encode()
}

// Close closes the file once running queries have ended.
func (s *Store) Close() error {
	var faults []error
	for _, db := range []*sql.DB{s.read, s.write} { // the writer last: it folds the WAL into the file
		if db != nil {
			faults = append(faults, db.Close()) // closes its statements too
		}
	}
	if err := errors.Join(faults...); err != nil {
		return fmt.Errorf("close store: %w", err)
	}
	return nil
}
