package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"workbench/lab/trial"
	"workbench/sim/clock"
	"workbench/sim/stat"
)

// writeKnobs are the settings of Transactions.
type writeKnobs struct {
	Way      string        `knob:"way" options:"short,long" help:"call the other service before the transaction, or inside it"`
	Writers  int           `knob:"writers" min:"2" max:"64" help:"orders that are written at once"`
	Call     time.Duration `knob:"call" min:"1ms" max:"1s" help:"how long the other service takes, such as a payment"`
	Patience time.Duration `knob:"patience" min:"10ms" max:"10s" help:"how long a writer waits for the lock (busy_timeout)"`
	Rounds   int           `knob:"rounds" min:"1" max:"20" help:"orders of each writer, in turn"`
}

const stock = `CREATE TABLE stock (item INTEGER PRIMARY KEY, left_over INTEGER NOT NULL);
CREATE TABLE orders (id INTEGER PRIMARY KEY, item INTEGER NOT NULL);
INSERT INTO stock VALUES (1, 1000000);`

// Transactions compares writers who call another service inside their
// transaction with writers who call it before.
func Transactions() trial.Trial {
	return trial.Trial{
		Name: "long-transactions", Title: "A call inside a transaction", Chapter: 5,
		Question: "20 writers each charge a card, which takes 50 ms, and write an order; a writer waits 500 ms for the lock. How many orders fail when the card is charged inside the transaction?",
		Lesson:   "A transaction holds its locks until it ends, and everybody behind it waits for the sum: do what is slow before it or after it, and keep only the writes inside.",
		Knobs: func() any {
			return &writeKnobs{Way: "short", Writers: 20, Call: 50 * time.Millisecond, Patience: 500 * time.Millisecond, Rounds: 2}
		},
		Wrong: map[string]any{"way": "long"}, Right: map[string]any{"way": "short"},
		Run: transactions,
	}
}

// tally is what some writers met. It is safe for concurrent use.
type tally struct {
	mu    sync.Mutex
	waits stat.Hist // guarded by mu; until the lock was held, or refused
	ok    int       // guarded by mu
	busy  int       // guarded by mu
	fault error     // guarded by mu; the first that is none of these
}

func (t *tally) note(wait time.Duration, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.waits.Record(wait)
	switch {
	case err == nil:
		t.ok++
	case isBusy(err):
		t.busy++
	case t.fault == nil:
		t.fault = err
	}
}

// isBusy reports whether SQLite gave up waiting for a lock.
func isBusy(err error) bool { return strings.Contains(err.Error(), "SQLITE_BUSY") }

func transactions(ctx context.Context, env trial.Env, knobs any, tell func(trial.Step)) (res trial.Result, err error) {
	k := knobs.(*writeKnobs)
	db, err := scratch(ctx, env, "orders.db", stock, fmt.Sprintf("busy_timeout(%d)", k.Patience.Milliseconds()))
	if err != nil {
		return res, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	db.SetMaxIdleConns(k.Writers)
	tell(trial.Step{Text: fmt.Sprintf("%d writers", k.Writers)})
	t := &tally{}
	began := env.Clock.Now()
	var all sync.WaitGroup
	for range k.Writers {
		all.Go(func() {
			for range k.Rounds {
				t.note(order(ctx, env.Clock, db, k))
			}
		})
	}
	all.Wait()
	took := env.Clock.Now() - began
	if err := errors.Join(ctx.Err(), t.fault); err != nil {
		return res, fmt.Errorf("write orders: %w", err)
	}
	var kept, sold int
	if err := db.QueryRowContext(ctx, `SELECT (SELECT count(*) FROM orders), 1000000 - left_over FROM stock`).Scan(&kept, &sold); err != nil {
		return res, fmt.Errorf("count the orders: %w", err)
	}
	if res.Component, err = component(ctx, db, fmt.Sprintf("one writer at a time, busy_timeout %v", k.Patience)); err != nil {
		return res, err
	}
	p99 := t.waits.Quantile(.99)
	res.Columns = []trial.Column{{Title: "orders"}, {Title: "written"}, {Title: "refused as busy"}, {Title: "wait for the lock, p50"}, {Title: "p99"}, {Title: "until all were done"}}
	res.Rows = [][]string{{trial.Count(k.Writers * k.Rounds), trial.Count(t.ok), trial.Count(t.busy), trial.Took(t.waits.Quantile(.5)), trial.Took(p99), trial.Took(took)}}
	res.Claims = []trial.Claim{
		trial.Exactly("orders refused as busy", t.busy, 0),
		trial.OnThisMachine(trial.AtMost("wait for the lock, p99, in calls", float64(p99)/float64(k.Call), 4, "×")),
		{Text: "what was acknowledged is there, and nothing else: " + trial.Count(t.ok), OK: kept == t.ok && sold == t.ok, Got: trial.Count(kept)},
	}
	return res, nil
}

// order charges a card and writes one order. It returns how long it waited for
// the write lock.
func order(ctx context.Context, wall *clock.Wall, db *sql.DB, k *writeKnobs) (wait time.Duration, err error) {
	charge := func() error { return wall.Wait(ctx, wall.Now()+k.Call) }
	if k.Way == "short" {
		if err := charge(); err != nil {
			return 0, err
		}
	}
	began := wall.Now()
	tx, err := db.BeginTx(ctx, nil) // immediate: it takes the write lock here
	wait = wall.Now() - began
	if err != nil {
		return wait, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, tx.Rollback())
		}
	}()
	if _, err := tx.ExecContext(ctx, `UPDATE stock SET left_over = left_over - 1 WHERE item = 1`); err != nil {
		return wait, err
	}
	if k.Way == "long" {
		if err := charge(); err != nil {
			return wait, err
		}
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO orders (item) VALUES (1)`); err != nil {
		return wait, err
	}
	return wait, tx.Commit()
}
