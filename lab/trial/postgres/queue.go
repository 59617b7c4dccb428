package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"workbench/lab/trial"
)

type queueKnobs struct {
	Claim   string        `knob:"claim" options:"for-update,skip-locked" help:"how a worker takes the next job: it waits for a job that another has, or passes over it"`
	Workers int           `knob:"workers" min:"1" max:"16" help:"workers"`
	Jobs    int           `knob:"jobs" min:"10" max:"2000" help:"jobs in the table"`
	Work    time.Duration `knob:"work" min:"1ms" max:"1s" help:"how long a job takes, within the transaction that has taken it"`
}

func workQueue() trial.Trial {
	return trial.Trial{
		Name: "queue-in-a-table", Title: "A work queue in a table", Chapter: 4, Needs: flag,
		Question: "Four workers take jobs from a table with SELECT … FOR UPDATE: how many jobs are worked on at once?",
		Lesson:   "FOR UPDATE makes the workers queue for the first job; SKIP LOCKED gives each the next free one, and still every job is done once.",
		Knobs: func() any {
			return &queueKnobs{Claim: "skip-locked", Workers: 4, Jobs: 100, Work: 20 * time.Millisecond}
		},
		Wrong: map[string]any{"claim": "for-update"}, Right: map[string]any{"claim": "skip-locked"},
		Run: func(ctx context.Context, env trial.Env, knobs any, tell func(trial.Step)) (trial.Result, error) {
			return runQueue(ctx, env, *knobs.(*queueKnobs), tell)
		},
	}
}

func runQueue(ctx context.Context, env trial.Env, k queueKnobs, tell func(trial.Step)) (r trial.Result, err error) {
	b, err := open(ctx, env, "queue-in-a-table", k.Workers, "CREATE TABLE jobs (id int PRIMARY KEY, done int NOT NULL DEFAULT 0)")
	if err != nil {
		return r, err
	}
	defer func() { err = joined(err, b.close()) }()
	r = trial.Result{Component: b.component(), Columns: []trial.Column{{Title: "way"}, {Title: "jobs"}, {Title: "done once"}, {Title: "at once"}, {Title: "took", Unit: "ms"}}}
	for i, way := range []string{"for-update", "skip-locked"} {
		tell(trial.Step{Text: way, Done: i, Total: 2})
		if err := b.exec(ctx, "TRUNCATE jobs"); err != nil {
			return r, err
		}
		if err := b.exec(ctx, "INSERT INTO jobs SELECT generate_series(1, $1::int)", k.Jobs); err != nil {
			return r, err
		}
		begun := env.Clock.Now()
		if err := together(ctx, k.Workers, func(ctx context.Context, _ int) error { return b.work(ctx, way, k.Work) }); err != nil {
			return r, fmt.Errorf("%s: %w", way, err)
		}
		took := env.Clock.Now() - begun
		once, err := b.number(ctx, "SELECT count(*) FROM jobs WHERE done = 1")
		if err != nil {
			return r, err
		}
		atOnce := float64(k.Jobs) * k.Work.Seconds() / took.Seconds()
		r.Rows = append(r.Rows, []string{way, fmt.Sprint(k.Jobs), fmt.Sprint(once), fmt.Sprintf("%.2f", atOnce), fmt.Sprint(took.Milliseconds())})
		if way == k.Claim {
			want := float64(k.Workers) * 0.4
			r.Claims = []trial.Claim{
				{Text: "every job is done exactly once", OK: once == int64(k.Jobs), Got: fmt.Sprintf("%d of %d", once, k.Jobs)},
				{Text: fmt.Sprintf("at least %.1f jobs are worked on at once", want), OK: atOnce >= want, Got: fmt.Sprintf("%.2f", atOnce)},
			}
		}
	}
	return r, nil
}

// work does jobs until there are none.
func (b *bench) work(ctx context.Context, way string, takes time.Duration) error {
	query := "SELECT id FROM jobs WHERE done = 0 ORDER BY id LIMIT 1 FOR UPDATE"
	if way == "skip-locked" {
		query += " SKIP LOCKED"
	}
	for {
		err := pgx.BeginFunc(ctx, b.pool, func(tx pgx.Tx) error {
			var id int
			if err := tx.QueryRow(ctx, query).Scan(&id); err != nil {
				return err
			}
			if _, err := tx.Exec(ctx, "SELECT pg_sleep($1)", takes.Seconds()); err != nil {
				return err
			}
			_, err := tx.Exec(ctx, "UPDATE jobs SET done = done + 1 WHERE id = $1", id)
			return err
		})
		if !errors.Is(err, pgx.ErrNoRows) {
			if err != nil {
				return err
			}
			continue
		}
		left, err := b.number(ctx, "SELECT count(*) FROM jobs WHERE done = 0")
		if err != nil || left == 0 {
			return err
		}
		if way == "skip-locked" {
			return nil // the rest are in other workers' hands
		}
	}
}
