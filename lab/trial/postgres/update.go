package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"workbench/lab/trial"
)

// The ways to add to a value.
const (
	readWrite    = "read-then-write"
	version      = "version"
	forUpdate    = "for-update"
	serializable = "serializable"
)

type updateKnobs struct {
	Way     string `knob:"way" options:"read-then-write,version,for-update,serializable" help:"how a worker reads the balance and writes the new one"`
	Workers int    `knob:"workers" min:"2" max:"16" help:"workers on the one account"`
	Each    int    `knob:"each" min:"1" max:"1000" help:"deposits of 1 that each worker makes"`
}

func lostUpdate() trial.Trial {
	return trial.Trial{
		Name: "lost-update", Title: "The lost update", Chapter: 4, Needs: flag,
		Question: "Eight workers deposit 1 into the same account, fifty times each, in transactions: what is the balance?",
		Lesson:   "A transaction at read committed does not protect what was read before: check a version, lock the row, or be serializable and try again.",
		Knobs:    func() any { return &updateKnobs{Way: forUpdate, Workers: 8, Each: 50} },
		Wrong:    map[string]any{"way": readWrite}, Right: map[string]any{"way": forUpdate},
		Run: func(ctx context.Context, env trial.Env, knobs any, tell func(trial.Step)) (trial.Result, error) {
			return runUpdates(ctx, env, *knobs.(*updateKnobs), tell)
		},
	}
}

func runUpdates(ctx context.Context, env trial.Env, k updateKnobs, tell func(trial.Step)) (r trial.Result, err error) {
	b, err := open(ctx, env, "lost-update", k.Workers, "CREATE TABLE account (id int PRIMARY KEY, balance int NOT NULL, version int NOT NULL)")
	if err != nil {
		return r, err
	}
	defer func() { err = joined(err, b.close()) }()
	r = trial.Result{Component: b.component(), Columns: []trial.Column{{Title: "way"}, {Title: "deposits acknowledged"}, {Title: "balance"}, {Title: "lost"}, {Title: "tries again"}, {Title: "took", Unit: "ms"}}}
	for i, way := range []string{readWrite, version, forUpdate, serializable} {
		tell(trial.Step{Text: way, Done: i, Total: 4})
		if err := b.exec(ctx, "DELETE FROM account; INSERT INTO account VALUES (1, 0, 0)"); err != nil {
			return r, err
		}
		again := make([]int, k.Workers)
		begun := env.Clock.Now()
		err := together(ctx, k.Workers, func(ctx context.Context, w int) error {
			for range k.Each {
				n, err := b.deposit(ctx, way)
				if err != nil {
					return err
				}
				again[w] += n
			}
			return nil
		})
		took := env.Clock.Now() - begun
		if err != nil {
			return r, fmt.Errorf("%s: %w", way, err)
		}
		balance, err := b.number(ctx, "SELECT balance FROM account")
		if err != nil {
			return r, err
		}
		acked, retries := int64(k.Workers*k.Each), 0
		for _, n := range again {
			retries += n
		}
		r.Rows = append(r.Rows, []string{way, fmt.Sprint(acked), fmt.Sprint(balance), fmt.Sprint(acked - balance), fmt.Sprint(retries), fmt.Sprint(took.Milliseconds())})
		if way == k.Way {
			r.Claims = append(r.Claims, trial.Claim{Text: "no acknowledged deposit is lost", OK: acked == balance, Got: fmt.Sprintf("%d lost of %d", acked-balance, acked)})
		}
	}
	return r, nil
}

// deposit adds 1 and returns how often it had to be tried again.
func (b *bench) deposit(ctx context.Context, way string) (again int, err error) {
	options := pgx.TxOptions{}
	if way == serializable {
		options.IsoLevel = pgx.Serializable
	}
	for {
		done := false
		err := pgx.BeginTxFunc(ctx, b.pool, options, func(tx pgx.Tx) error {
			query, write := "SELECT balance, version FROM account WHERE id = 1", "UPDATE account SET balance = $1 WHERE id = 1 AND $2::int IS NOT NULL"
			switch way {
			case forUpdate:
				query += " FOR UPDATE"
			case version:
				write = "UPDATE account SET balance = $1, version = version + 1 WHERE id = 1 AND version = $2"
			}
			var balance, at int
			if err := tx.QueryRow(ctx, query).Scan(&balance, &at); err != nil {
				return err
			}
			tag, err := tx.Exec(ctx, write, balance+1, at)
			done = tag.RowsAffected() == 1
			return err
		})
		switch {
		case err != nil && code(err) != "40001": // serialization_failure: to be tried again
			return again, err
		case err == nil && done:
			return again, nil
		}
		again++
	}
}
