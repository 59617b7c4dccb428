package bulkhead

import (
	"context"
	"fmt"
	"time"

	"workbench/lab"
)

// Yours is a bulkhead whose compartments a learner's solution keeps. Ours counts
// those inside beside it, so that it can take over at any request.
type Yours struct {
	*Live
	knobs   Knobs
	foreign lab.Foreign
	beside  lab.Beside
}

func newYours(env lab.Env, k Knobs, s lab.Solution) (lab.Live, error) {
	core, err := New(k)
	if err != nil {
		return nil, err
	}
	foreign, err := s.Open(env, lab.Terms{Parts: Compartments, Slots: k.Limit, Waiters: k.Limit, Wait: k.Wait})
	if err != nil {
		return nil, fmt.Errorf("start the plugged-in solution of %s: %w", s.Name(), err)
	}
	return &Yours{Live: newLive(env, core), knobs: k, foreign: foreign, beside: lab.NewBeside(env.Counters)}, nil
}

// Wrap implements lab.Live.
func (y *Yours) Wrap(next lab.Handler, _ lab.State) lab.Handler {
	return lab.HandlerFunc(func(ctx context.Context, r *lab.Request) lab.Response { return y.guard(ctx, r, next) })
}

func (y *Yours) guard(ctx context.Context, r *lab.Request, next lab.Handler) lab.Response {
	where, now, wait := Compartment(r.Op), y.clock.Now(), y.knobs.Wait
	if r.Deadline > 0 {
		wait = min(wait, max(0, r.Deadline-now))
	}
	ruling, err := y.foreign.Admit(ctx, lab.Question{Key: uint64(where), At: now, Wait: wait})
	if ctx.Err() != nil {
		y.foreign.Done(ruling, now, lab.Unheard)
		return lab.Answer(nil, lab.ErrStop)
	}
	y.mu.Lock()
	ours := y.core.Inside(where) < y.knobs.Limit
	y.mu.Unlock()
	ok, fallback := y.beside.Pick(ruling, err, ours)
	later := y.clock.Now()
	switch {
	case !ok && (!fallback || wait > 0 && later-now >= wait): // nobody waits twice
		y.counts.refused.Add(1)
		return refuse(r, later)
	case fallback:
		return y.Live.guard(ctx, r, next)
	}
	defer func() { y.foreign.Done(ruling, y.clock.Now(), lab.Served) }()
	y.mu.Lock()
	y.core.Pass(where)
	y.mu.Unlock()
	defer y.leave(where)
	return next.Serve(ctx, r)
}

// Gauges implements lab.Live.
func (y *Yours) Gauges(now time.Duration) []lab.Gauge {
	return append(y.Live.Gauges(now), y.foreign.Gauges(now)...)
}

// Close implements lab.Live.
func (y *Yours) Close() error { return y.foreign.Close() }

var _ lab.Live = (*Yours)(nil)
