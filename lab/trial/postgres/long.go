package postgres

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/jackc/pgx/v5"

	"workbench/lab/trial"
)

type longKnobs struct {
	Transaction string `knob:"transaction" options:"short,long" help:"whether a transaction that has read a row and locked it is ended, or left open while others work"`
	Rows        int    `knob:"rows" min:"1000" max:"200000" help:"rows in the table"`
}

func longTransaction() trial.Trial {
	return trial.Trial{
		Name: "long-transaction", Title: "The transaction that stays open", Chapter: 4, Needs: flag,
		Question: "One transaction has locked one row and waits for an HTTP call. What becomes of the table that others update and vacuum meanwhile?",
		Lesson:   "An open transaction keeps every old row from being cleared away and its locks from everybody else: no call to others inside a transaction.",
		Knobs:    func() any { return &longKnobs{Transaction: "short", Rows: 10_000} },
		Wrong:    map[string]any{"transaction": "long"}, Right: map[string]any{"transaction": "short"},
		Run: func(ctx context.Context, env trial.Env, knobs any, tell func(trial.Step)) (trial.Result, error) {
			return runLong(ctx, env, *knobs.(*longKnobs), tell)
		},
	}
}

const (
	rounds  = 5
	waiters = 5
)

func runLong(ctx context.Context, env trial.Env, k longKnobs, tell func(trial.Step)) (r trial.Result, err error) {
	b, err := open(ctx, env, "long-transaction", waiters+3, "CREATE TABLE items (id int PRIMARY KEY, n int NOT NULL, note text NOT NULL) WITH (autovacuum_enabled = off)")
	if err != nil {
		return r, err
	}
	defer func() { err = joined(err, b.close()) }()
	if err := b.exec(ctx, "INSERT INTO items SELECT id, 0, repeat('x', 100) FROM generate_series(1, $1::int) AS id", k.Rows); err != nil {
		return r, err
	}
	r = trial.Result{Component: b.component(), Columns: []trial.Column{{Title: "round of updates"}, {Title: "table", Unit: "KiB"}, {Title: "grown", Unit: "times"}}}
	tx, err := b.pool.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead})
	if err != nil {
		return r, err
	}
	defer func() {
		if gone := tx.Rollback(context.WithoutCancel(ctx)); !errors.Is(gone, pgx.ErrTxClosed) {
			err = joined(err, gone)
		}
	}()
	if _, err := tx.Exec(ctx, "SELECT n FROM items WHERE id = 1 FOR UPDATE"); err != nil {
		return r, err
	}
	if k.Transaction == "short" {
		if err := tx.Commit(ctx); err != nil {
			return r, err
		}
	}
	first, last := int64(0), int64(0)
	for round := range rounds + 1 {
		tell(trial.Step{Text: "update and vacuum", Done: round, Total: rounds + 1})
		if round > 0 {
			if err := b.exec(ctx, "UPDATE items SET n = n + 1 WHERE id > 1"); err != nil {
				return r, err
			}
		}
		if err := b.exec(ctx, "VACUUM items"); err != nil {
			return r, err
		}
		if last, err = b.number(ctx, "SELECT pg_relation_size('items')"); err != nil {
			return r, err
		}
		if round == 0 {
			first = last
		}
		r.Rows = append(r.Rows, []string{fmt.Sprint(round), fmt.Sprint(last >> 10), fmt.Sprintf("%.2f", float64(last)/float64(first))})
	}
	gaveUp, err := b.wait(ctx)
	grown := float64(last) / float64(first)
	r.Claims = []trial.Claim{
		{Text: "after five rounds the table is at most three times as large", OK: grown <= 3, Got: fmt.Sprintf("%.2f times", grown)},
		{Text: "nobody waits over 300 ms for the row", OK: gaveUp == 0, Got: fmt.Sprintf("%d of %d gave up", gaveUp, waiters)},
	}
	return r, err
}

// wait has others update the row that the transaction has locked, and returns
// how many gave up.
func (b *bench) wait(ctx context.Context) (gaveUp int64, err error) {
	var n atomic.Int64
	err = together(ctx, waiters, func(ctx context.Context, _ int) error {
		err := pgx.BeginFunc(ctx, b.pool, func(tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, "SET LOCAL lock_timeout = '300ms'"); err != nil {
				return err
			}
			_, err := tx.Exec(ctx, "UPDATE items SET n = n + 1 WHERE id = 1")
			return err
		})
		if code(err) == "55P03" { // lock_not_available
			n.Add(1)
			return nil
		}
		return err
	})
	return n.Load(), err
}

// joined joins errors, and is nil for none.
func joined(errs ...error) error { return errors.Join(errs...) }
