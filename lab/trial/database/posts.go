package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	_ "modernc.org/sqlite" // the database of these trials

	"workbench/lab/trial"
)

const (
	authors   = 1000   // who write posts
	hot       = 1000   // the author of every tenth post; the others are 1 to 999
	usual     = 7      // an author like the others
	batch     = 50_000 // rows made by one statement, between two signs of progress
	spacing   = 10     // between the instants of two posts that follow each other
	edition   = 1      // of the tables: a kept file of another one is made anew
	pageSize  = 20
	busyLimit = 5 * time.Second
)

const table = `CREATE TABLE posts (id INTEGER PRIMARY KEY, author INTEGER NOT NULL, created INTEGER NOT NULL, title TEXT NOT NULL)`

const fill = `WITH RECURSIVE n(i) AS (SELECT ?1 UNION ALL SELECT i+1 FROM n WHERE i < ?2)
INSERT INTO posts SELECT i, CASE WHEN i % 10 = 0 THEN ?3 ELSE i % ?4 END, i * ?5, 'post ' || i FROM n`

// The indexes, in the order in which they are made.
var indexes = [...]string{
	`CREATE INDEX by_time ON posts (created, id)`,
	`CREATE INDEX by_author ON posts (author)`,
	`CREATE INDEX by_author_time ON posts (author, created)`,
}

// source names a file to the driver.
func source(path string, pragmas ...string) string {
	q := url.Values{"_pragma": pragmas}
	return "file:" + (&url.URL{Path: filepath.ToSlash(path)}).EscapedPath() + "?" + q.Encode()
}

// posts opens a table of so many posts, read-only. It is made when there is none
// yet. The caller closes it.
func posts(ctx context.Context, env trial.Env, rows int, tell func(trial.Step)) (*sql.DB, error) {
	dir := env.Keep
	if dir == "" {
		dir = env.Dir
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the directory for the rows: %w", err)
	}
	path := filepath.Join(dir, fmt.Sprintf("posts-%d-v%d.db", rows, edition))
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		// Made beside its place and moved there whole: a run that is stopped, or a
		// machine that is, leaves no half table to be taken for a whole one.
		if err := seed(ctx, filepath.Join(env.Dir, "seed.db"), path, rows, tell); err != nil {
			return nil, fmt.Errorf("make %s rows: %w", trial.Count(rows), err)
		}
	} else if err != nil {
		return nil, fmt.Errorf("look for the kept rows: %w", err)
	}
	db, err := sql.Open("sqlite", source(path, "query_only(1)", "mmap_size(268435456)"))
	if err != nil {
		return nil, fmt.Errorf("open the rows: %w", err)
	}
	db.SetMaxOpenConns(1) // so that a statement is prepared once
	return db, nil
}

// seed makes the table in a scratch file and moves it to its place.
func seed(ctx context.Context, scratch, path string, rows int, tell func(trial.Step)) (err error) {
	db, err := sql.Open("sqlite", source(scratch, "synchronous(off)", "journal_mode(off)"))
	if err != nil {
		return fmt.Errorf("open: %w", err)
	}
	defer func() {
		if err = errors.Join(err, db.Close()); err == nil {
			err = settle(scratch, path)
		}
	}()
	db.SetMaxOpenConns(1)
	if _, err := db.ExecContext(ctx, table); err != nil {
		return fmt.Errorf("make the table: %w", err)
	}
	for from := 1; from <= rows; from += batch {
		tell(trial.Step{Text: "makes the rows, once", Done: from - 1, Total: rows})
		if _, err := db.ExecContext(ctx, fill, from, min(rows, from+batch-1), hot, authors, spacing); err != nil {
			return fmt.Errorf("fill the table: %w", err)
		}
	}
	for i, index := range indexes {
		tell(trial.Step{Text: "makes the indexes, once", Done: i, Total: len(indexes)})
		if _, err := db.ExecContext(ctx, index); err != nil {
			return fmt.Errorf("make an index: %w", err)
		}
	}
	if _, err := db.ExecContext(ctx, "ANALYZE"); err != nil {
		return fmt.Errorf("gather statistics: %w", err)
	}
	return nil
}

// settle puts a file at its place. Where the two are on different file systems it
// is copied beside its place first.
func settle(from, to string) error {
	err := os.Rename(from, to)
	if err == nil {
		return nil
	}
	data, copying := os.ReadFile(from)
	if copying == nil {
		copying = os.WriteFile(to+".new", data, 0o600)
	}
	if copying == nil {
		copying = os.Rename(to+".new", to)
	}
	if copying != nil {
		return fmt.Errorf("move the rows to their place: %w", errors.Join(err, copying))
	}
	return nil
}

// scratch opens an empty database of this run alone. The caller closes it.
func scratch(ctx context.Context, env trial.Env, name, script string, pragmas ...string) (*sql.DB, error) {
	db, err := sql.Open("sqlite", source(filepath.Join(env.Dir, name), append([]string{"synchronous(normal)", "journal_mode(wal)"}, pragmas...)...)+"&_txlock=immediate")
	if err != nil {
		return nil, fmt.Errorf("open a scratch database: %w", err)
	}
	if _, err := db.ExecContext(ctx, script); err != nil {
		return nil, errors.Join(fmt.Errorf("make the scratch database: %w", err), db.Close())
	}
	return db, nil
}

// component names the database that runs.
func component(ctx context.Context, db *sql.DB, what string) (string, error) {
	var version string
	if err := db.QueryRowContext(ctx, "SELECT sqlite_version()").Scan(&version); err != nil {
		return "", fmt.Errorf("ask SQLite for its version: %w", err)
	}
	return fmt.Sprintf("SQLite %s in this process, %s", version, what), nil
}

// post is a row of a page.
type post struct {
	id    int64
	title string
}

// asker is a database, or a transaction or a connection of it.
type asker interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// page reads the posts that a query gives.
func page(ctx context.Context, db asker, query string, args ...any) ([]post, error) {
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("query: %w", err)
	}
	return scan(rows)
}

func scan(rows *sql.Rows) ([]post, error) {
	defer rows.Close()
	var out []post
	for rows.Next() {
		var p post
		if err := rows.Scan(&p.id, &p.title); err != nil {
			return nil, fmt.Errorf("read a row: %w", err)
		}
		out = append(out, p)
	}
	return out, rows.Err()
}

// timed returns how long a query takes that was prepared before: the quickest of
// some rounds of calls.
func timed(ctx context.Context, env trial.Env, db *sql.DB, rounds, calls int, query string, args ...any) (_ time.Duration, err error) {
	stmt, err := db.PrepareContext(ctx, query)
	if err != nil {
		return 0, fmt.Errorf("prepare: %w", err)
	}
	defer func() { err = errors.Join(err, stmt.Close()) }()
	return quickest(env, rounds, calls, func() error {
		rows, err := stmt.QueryContext(ctx, args...)
		if err != nil {
			return fmt.Errorf("query: %w", err)
		}
		_, err = scan(rows)
		return err
	})
}

// plan returns what EXPLAIN QUERY PLAN says, and how many sorts are in it.
func plan(ctx context.Context, db *sql.DB, query string, args ...any) (text string, sorts int, err error) {
	rows, err := db.QueryContext(ctx, "EXPLAIN QUERY PLAN "+query, args...)
	if err != nil {
		return "", 0, fmt.Errorf("explain: %w", err)
	}
	defer rows.Close()
	var lines []string
	for rows.Next() {
		var id, parent, unused int
		var detail string
		if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
			return "", 0, fmt.Errorf("read the plan: %w", err)
		}
		lines = append(lines, detail)
		sorts += strings.Count(detail, "TEMP B-TREE")
	}
	return strings.Join(lines, "\n"), sorts, rows.Err()
}

// quickest returns the shortest of some rounds of calls, per call: what else the
// machine does only ever adds to it.
func quickest(env trial.Env, rounds, calls int, f func() error) (time.Duration, error) {
	best := time.Duration(1 << 62)
	for range rounds {
		began := env.Clock.Now()
		for range calls {
			if err := f(); err != nil {
				return 0, err
			}
		}
		best = min(best, (env.Clock.Now()-began)/time.Duration(calls))
	}
	return max(best, 1), nil // nothing is free
}

// times returns how many times as long one thing takes as another.
func times(slow, quick time.Duration) float64 { return float64(slow) / float64(quick) }
