package asyncio

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	_ "modernc.org/sqlite" // the pool is that of a real database

	"workbench/lab/trial"
)

// poolKnobs are the settings of HoldAndWait.
type poolKnobs struct {
	Way         string        `knob:"way" options:"buffered,nested" help:"a second query after the first was read to its end, or while its rows are still open"`
	Connections int           `knob:"connections" min:"1" max:"64" help:"connections of the pool (MaxOpenConns)"`
	Workers     int           `knob:"workers" min:"1" max:"256" help:"requests at once"`
	Patience    time.Duration `knob:"patience" min:"50ms" max:"10s" help:"when a request gives up"`
}

const people = `
CREATE TABLE authors (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE posts (id INTEGER PRIMARY KEY, author INTEGER NOT NULL);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < 20)
INSERT INTO authors SELECT i, 'author ' || i FROM n;
INSERT INTO posts SELECT id, id FROM authors;`

// HoldAndWait lets requests that hold one connection wait for another.
func HoldAndWait() trial.Trial {
	return trial.Trial{
		Name: "pool-hold-and-wait", Title: "A query inside the rows of another", Chapter: 2,
		Question: "A pool has 4 connections. 8 requests each ask for an author while they still read their posts. How many get an answer?",
		Lesson:   "Who holds one connection and waits for a second one waits for himself: read the rows to their end first, or ask for all of it in one join.",
		Knobs: func() any {
			return &poolKnobs{Way: "buffered", Connections: 4, Workers: 8, Patience: time.Second}
		},
		Wrong: map[string]any{"way": "nested"}, Right: map[string]any{"way": "buffered"},
		Run: holdAndWait,
	}
}

func holdAndWait(ctx context.Context, env trial.Env, knobs any, tell func(trial.Step)) (res trial.Result, err error) {
	k := knobs.(*poolKnobs)
	db, err := sql.Open("sqlite", "file:"+filepath.ToSlash(filepath.Join(env.Dir, "pool.db"))+"?_pragma=journal_mode(wal)&_pragma=busy_timeout(5000)")
	if err != nil {
		return res, fmt.Errorf("open a database: %w", err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if _, err := db.ExecContext(ctx, people); err != nil {
		return res, fmt.Errorf("make the tables: %w", err)
	}
	db.SetMaxOpenConns(k.Connections)
	tell(trial.Step{Text: fmt.Sprintf("%d requests at once", k.Workers)})
	// All requests have their first connection, as far as there are any, before one
	// asks for a second: what chance does under load is done here on purpose.
	meet := newMeeting(min(k.Workers, k.Connections))
	within, cancel := context.WithTimeout(ctx, k.Patience)
	defer cancel()
	var served, late atomic.Int64
	began := env.Clock.Now()
	var all sync.WaitGroup
	for range k.Workers {
		all.Go(func() {
			if err := list(within, db, k.Way, meet.arrive); err != nil {
				late.Add(1)
				return
			}
			served.Add(1)
		})
	}
	all.Wait()
	took := env.Clock.Now() - began
	if err := ctx.Err(); err != nil {
		return res, err
	}
	stats := db.Stats()
	return trial.Result{
		Component: fmt.Sprintf("database/sql with %d connections to SQLite", k.Connections),
		Columns:   []trial.Column{{Title: "requests"}, {Title: "answered"}, {Title: "gave up"}, {Title: "waits for a connection"}, {Title: "until all were done"}},
		Rows:      [][]string{{trial.Count(k.Workers), trial.Count(int(served.Load())), trial.Count(int(late.Load())), trial.Count(int(stats.WaitCount)), trial.Took(took)}},
		Claims:    []trial.Claim{trial.Exactly("requests that gave up", int(late.Load()), 0)},
	}, nil
}

// list names the authors of all posts. opened is called once the posts' rows are
// open.
func list(ctx context.Context, db *sql.DB, way string, opened func(context.Context)) error {
	rows, err := db.QueryContext(ctx, `SELECT author FROM posts`)
	if err != nil {
		return fmt.Errorf("list the posts: %w", err)
	}
	defer rows.Close()
	var ids []int64
	for first := true; rows.Next(); first = false {
		var id int64
		if err := rows.Scan(&id); err != nil {
			return fmt.Errorf("read a post: %w", err)
		}
		if first {
			opened(ctx)
		}
		if way == "nested" {
			if err := author(ctx, db, id); err != nil {
				return err
			}
		}
		ids = append(ids, id)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return fmt.Errorf("read the posts: %w", err)
	}
	if way == "nested" {
		return nil
	}
	for _, id := range ids {
		if err := author(ctx, db, id); err != nil {
			return err
		}
	}
	return nil
}

func author(ctx context.Context, db *sql.DB, id int64) error {
	var name string
	if err := db.QueryRowContext(ctx, `SELECT name FROM authors WHERE id = ?`, id).Scan(&name); err != nil {
		return fmt.Errorf("ask for an author: %w", err)
	}
	return nil
}

// meeting lets the first so many wait for one another; who comes later goes on.
type meeting struct {
	many int64
	come atomic.Int64
	all  chan struct{} // closed when all are there
}

func newMeeting(many int) *meeting { return &meeting{many: int64(many), all: make(chan struct{})} }

// arrive returns when all are there, or when ctx ends.
func (m *meeting) arrive(ctx context.Context) {
	switch n := m.come.Add(1); {
	case n == m.many:
		close(m.all)
	case n > m.many:
		return
	}
	select {
	case <-m.all:
	case <-ctx.Done():
	}
}
