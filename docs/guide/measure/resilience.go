package measure

import (
	"context"
	"fmt"
	"time"

	"workbench/docs/guide"
	"workbench/lab/classics"
	"workbench/sim/theory"
)

// resilience is what chapter 7 prints besides its scenarios.
func resilience() []Program {
	return []Program{
		contest(), hedged(),
		form("resilience.layers.calls", "", 0, "calls that reach the last of 3 layers for one request, 4 attempts in each", "attempts^layers", func() (float64, error) { return theory.Amplification(4, 3) }),
		form("resilience.inflight.patient", "", 0, "requests in flight: 500 a second, a hung dependency, a timeout of 30 s", "λW", func() (float64, error) { return theory.Little(500, 30*time.Second) }),
		form("resilience.inflight.strict", "", 0, "requests in flight: 500 a second, a hung dependency, a timeout of 200 ms", "λW", func() (float64, error) { return theory.Little(500, 200*time.Millisecond) }),
		form("resilience.load.retries", "/s", 0, "calls a second when all fail: 800 users, 4 attempts each", "λ×attempts", func() (float64, error) { return theory.Clients{Rate: 800, Attempts: 4}.Load() }),
		form("resilience.load.budget", "/s", 0, "calls a second when all fail: 800 users, 4 attempts, a budget of 10 %", "λ(1+b)", func() (float64, error) { return theory.Clients{Rate: 800, Attempts: 4, Budget: .1}.Load() }),
		form("resilience.load.wide", "/s", 0, "calls a second when all fail: 800 users, 4 attempts, a budget of 20 %", "λ(1+b)", func() (float64, error) { return theory.Clients{Rate: 800, Attempts: 4, Budget: .2}.Load() }),
	}
}

// contest is a hundred clients who all want to write one row: a published
// experiment that lab/classics reproduces.
func contest() Program {
	return reproduced("resilience.jitter", map[string]string{
		"none": "backoff-calls-none", "exponential": "backoff-calls-exponential", "full": "backoff-calls-full",
		"time-exponential": "backoff-time-exponential", "time-full": "backoff-time-full",
	}, []guide.Figure{
		counted("none", "", 0, "calls until a hundred clients have each written one row, without a pause between tries (M. Brooker, 2015)"),
		counted("exponential", "", 0, "calls with exponential backoff and no jitter"),
		counted("full", "", 0, "calls with exponential backoff and full jitter"),
		counted("time-exponential", "s", 1, "until all have written, with exponential backoff"),
		counted("time-full", "s", 1, "until all have written, with full jitter"),
	}, map[string]float64{"time-exponential": 1e-3, "time-full": 1e-3})
}

// hedged is a page of a hundred calls that asks late ones again.
func hedged() Program {
	return reproduced("resilience.hedge", map[string]string{"bare": "tail-100", "hedged": "tail-hedged"}, []guide.Figure{
		counted("bare", "%", 1, "pages of a hundred calls with a slow one, when one call in a hundred is slow (J. Dean and L. A. Barroso, 2013)"),
		counted("hedged", "%", 1, "the same when a call that has not answered after 10 ms is made again elsewhere"),
	}, map[string]float64{"bare": 100, "hedged": 100})
}

// reproduced returns a program of published results that lab/classics runs in
// virtual time. factors turn them into the figures' units; 1 if none.
func reproduced(id string, runs map[string]string, figures []guide.Figure, factors map[string]float64) Program {
	return Program{ID: id, Figures: figures, Measure: func(ctx context.Context) (map[string]float64, error) {
		out := map[string]float64{}
		for name, classic := range runs {
			c, ok := classics.Find(classic)
			if !ok {
				return nil, fmt.Errorf("there is no classic %s", classic)
			}
			record, err := c.Try(ctx, seed)
			if err != nil {
				return nil, err
			}
			out[name] = record.Value
			if f, ok := factors[name]; ok {
				out[name] *= f
			}
		}
		return out, nil
	}}
}
