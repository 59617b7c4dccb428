package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"workbench/lab/trial"
)

type poolKnobs struct {
	Conns   int           `knob:"conns" min:"1" max:"64" help:"connections in the pool"`
	Callers int           `knob:"callers" min:"2" max:"64" help:"callers at once"`
	Calls   int           `knob:"calls" min:"1" max:"500" help:"transactions that each caller makes"`
	Hold    time.Duration `knob:"hold" min:"1ms" max:"200ms" help:"how long a transaction takes at the server"`
}

func poolSize() trial.Trial {
	return trial.Trial{
		Name: "pool-of-connections", Title: "How many connections", Chapter: 2, Needs: flag,
		Question: "Sixteen callers hold a connection for 10 ms each time. With two connections, how long does a call take?",
		Lesson:   "Connections needed are calls a second times the time that each holds one; with fewer the calls queue for the pool, with more the server works on too much at once.",
		Knobs:    func() any { return &poolKnobs{Conns: 16, Callers: 16, Calls: 20, Hold: 10 * time.Millisecond} },
		Wrong:    map[string]any{"conns": 2}, Right: map[string]any{"conns": 16},
		Run: func(ctx context.Context, env trial.Env, knobs any, tell func(trial.Step)) (trial.Result, error) {
			return runPool(ctx, env, *knobs.(*poolKnobs), tell)
		},
	}
}

func runPool(ctx context.Context, env trial.Env, k poolKnobs, tell func(trial.Step)) (r trial.Result, err error) {
	r = trial.Result{Columns: []trial.Column{{Title: "connections"}, {Title: "calls", Unit: "1/s"}, {Title: "waited for a connection", Unit: "ms a call"}, {Title: "mean call", Unit: "ms"}}}
	sizes := []int{1, 4, 16, k.Conns}
	for i, n := range sizes {
		tell(trial.Step{Text: fmt.Sprintf("%d connections", n), Done: i, Total: len(sizes)})
		waited, call, rate, err := measurePool(ctx, env, k, n, &r)
		if err != nil {
			return r, err
		}
		name := fmt.Sprint(n)
		if i == len(sizes)-1 {
			name += " (as set)"
			r.Claims = []trial.Claim{{Text: "less than half of a call is waiting for a connection", OK: waited < call/2, Got: fmt.Sprintf("%.1f of %.1f ms", ms(waited), ms(call))}}
		}
		r.Rows = append(r.Rows, []string{name, fmt.Sprintf("%.0f", rate), fmt.Sprintf("%.1f", ms(waited)), fmt.Sprintf("%.1f", ms(call))})
	}
	return r, nil
}

func ms(d time.Duration) float64 { return d.Seconds() * 1e3 }

// measurePool makes the calls over a pool of n connections that are open
// already, and returns means.
func measurePool(ctx context.Context, env trial.Env, k poolKnobs, n int, r *trial.Result) (waited, call time.Duration, rate float64, err error) {
	b, err := open(ctx, env, "pool-of-connections", n, "")
	if err != nil {
		return 0, 0, 0, err
	}
	defer func() { err = joined(err, b.close()) }()
	r.Component = b.component()
	// All at once, so that each connection is there before time is taken.
	if err := together(ctx, n, func(ctx context.Context, _ int) error { return b.exec(ctx, "SELECT pg_sleep(0.05)") }); err != nil {
		return 0, 0, 0, err
	}
	waits, calls := make([]time.Duration, k.Callers), make([]time.Duration, k.Callers)
	begun := env.Clock.Now()
	err = together(ctx, k.Callers, func(ctx context.Context, w int) error {
		for range k.Calls {
			asked := env.Clock.Now()
			c, err := b.pool.Acquire(ctx)
			if err != nil {
				return err
			}
			waits[w] += env.Clock.Now() - asked
			err = pgx.BeginFunc(ctx, c, func(tx pgx.Tx) error {
				_, err := tx.Exec(ctx, "SELECT pg_sleep($1)", k.Hold.Seconds())
				return err
			})
			c.Release()
			if err != nil {
				return err
			}
			calls[w] += env.Clock.Now() - asked
		}
		return nil
	})
	took := env.Clock.Now() - begun
	total := k.Callers * k.Calls
	for w := range waits {
		waited += waits[w] / time.Duration(total)
		call += calls[w] / time.Duration(total)
	}
	return waited, call, float64(total) / took.Seconds(), err
}
