package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"workbench/lab/trial"
	"workbench/sim/stat"
)

// poolKnobs are the settings of Pools.
type poolKnobs struct {
	Readers int           `knob:"readers" min:"1" max:"256" help:"connections that read: few make reads wait for one another"`
	Writers int           `knob:"writers" min:"1" max:"64" help:"connections that write: SQLite lets one write at a time, so more of them fight"`
	Reads   int           `knob:"reads" min:"1" max:"200" help:"reads of each of 32 callers, in turn"`
	RTT     time.Duration `knob:"rtt" min:"0s" max:"50ms" help:"how long a read holds its connection beside the query, as a network would"`
}

const (
	readingCallers = 32
	writingCallers = 8
	writesEach     = 10
	holdsLock      = 5 * time.Millisecond  // of a write, as a slower disk would
	waitsForLock   = 10 * time.Millisecond // the busy_timeout of a writing connection
)

// Pools compares sizes of connection pools: too small for the reads, too large
// for the writes.
func Pools() trial.Trial {
	return trial.Trial{
		Name: "pool-size", Title: "How many connections", Chapter: 5,
		Question: "32 callers read over 4 connections, and 8 callers write over 8 of a database that lets one write at a time. Which of the two numbers is too low, and which too high?",
		Lesson:   "A pool is as large as rate times the time a connection is held, no larger than the database can use: too few connections wait in the pool, too many fight in the database, where waiting is unfair and fails.",
		Knobs: func() any {
			return &poolKnobs{Readers: readingCallers, Writers: 1, Reads: 40, RTT: 2 * time.Millisecond}
		},
		Wrong: map[string]any{"readers": 4, "writers": writingCallers}, Right: map[string]any{"readers": readingCallers, "writers": 1},
		Run: pools,
	}
}

func pools(ctx context.Context, env trial.Env, knobs any, tell func(trial.Step)) (res trial.Result, err error) {
	k := knobs.(*poolKnobs)
	write, err := scratch(ctx, env, "pool.db", feed, fmt.Sprintf("busy_timeout(%d)", waitsForLock.Milliseconds()))
	if err != nil {
		return res, err
	}
	defer func() { err = errors.Join(err, write.Close()) }()
	write.SetMaxOpenConns(k.Writers)
	write.SetMaxIdleConns(k.Writers)
	read, err := sql.Open("sqlite", source(filepath.Join(env.Dir, "pool.db"), "query_only(1)", fmt.Sprintf("busy_timeout(%d)", busyLimit.Milliseconds())))
	if err != nil {
		return res, fmt.Errorf("open for reading: %w", err)
	}
	defer func() { err = errors.Join(err, read.Close()) }()
	read.SetMaxOpenConns(k.Readers)
	read.SetMaxIdleConns(k.Readers)
	tell(trial.Step{Text: "reads"})
	times, err := reading(ctx, env, read, k)
	if err != nil {
		return res, err
	}
	tell(trial.Step{Text: "writes"})
	t, err := writing(ctx, env, write)
	if err != nil {
		return res, err
	}
	if res.Component, err = component(ctx, read, "one pool of connections that read, one of those that write"); err != nil {
		return res, err
	}
	all, waited := k.Reads*readingCallers, int(read.Stats().WaitCount)
	res.Columns = []trial.Column{{Title: "pool"}, {Title: "connections"}, {Title: "calls"}, {Title: "waited for one"}, {Title: "refused as busy"}, {Title: "p50"}, {Title: "p99"}}
	row := func(name string, size, calls, waits, busy int, h *stat.Hist) []string {
		return []string{name, trial.Count(size), trial.Count(calls), trial.Share(waits, calls), trial.Count(busy), trial.Took(h.Quantile(.5)), trial.Took(h.Quantile(.99))}
	}
	res.Rows = [][]string{
		row("reads", k.Readers, all, waited, 0, times),
		row("writes", k.Writers, writingCallers*writesEach, int(write.Stats().WaitCount), t.busy, &t.waits),
	}
	res.Claims = []trial.Claim{
		trial.AtMost("reads that waited for a connection", trial.Percent(waited, all), 10, "%"),
		trial.Exactly("writes refused as busy", t.busy, 0),
	}
	return res, nil
}

// reading lets callers read, and returns how long their reads took.
func reading(ctx context.Context, env trial.Env, db *sql.DB, k *poolKnobs) (*stat.Hist, error) {
	var mu sync.Mutex
	h := &stat.Hist{}
	one := func() error {
		began := env.Clock.Now()
		conn, err := db.Conn(ctx)
		if err != nil {
			return fmt.Errorf("take a connection: %w", err)
		}
		_, err = page(ctx, conn, byOffset, pageSize, 0)
		if err == nil {
			err = env.Clock.Wait(ctx, env.Clock.Now()+k.RTT)
		}
		if err = errors.Join(err, conn.Close()); err != nil {
			return fmt.Errorf("read: %w", err)
		}
		mu.Lock()
		defer mu.Unlock()
		h.Record(env.Clock.Now() - began)
		return nil
	}
	faults := make([]error, readingCallers)
	var all sync.WaitGroup
	for i := range faults {
		all.Go(func() {
			for range k.Reads {
				if faults[i] = one(); faults[i] != nil {
					return
				}
			}
		})
	}
	all.Wait()
	return h, errors.Join(faults...)
}

// writing lets callers write and counts what they meet.
func writing(ctx context.Context, env trial.Env, db *sql.DB) (*tally, error) {
	t := &tally{}
	one := func() (time.Duration, error) {
		began := env.Clock.Now()
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			return env.Clock.Now() - began, err
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO posts (author, created, title) VALUES (1, 1, 'new')`)
		if err == nil {
			err = env.Clock.Wait(ctx, env.Clock.Now()+holdsLock)
		}
		if err != nil {
			return env.Clock.Now() - began, errors.Join(err, tx.Rollback())
		}
		err = tx.Commit()
		return env.Clock.Now() - began, err
	}
	var all sync.WaitGroup
	for range writingCallers {
		all.Go(func() {
			for range writesEach {
				t.note(one())
			}
		})
	}
	all.Wait()
	if err := errors.Join(ctx.Err(), t.fault); err != nil {
		return nil, fmt.Errorf("write: %w", err)
	}
	return t, nil
}
