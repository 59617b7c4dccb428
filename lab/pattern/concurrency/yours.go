package concurrency

import (
	"context"
	"fmt"
	"time"

	"workbench/lab"
	"workbench/lab/knob"
)

// Yours is a limit whose places a learner's solution gives. Ours counts those
// inside beside it, so that it can take over at any request.
type Yours struct {
	*Live
	wait    time.Duration
	foreign lab.Foreign
	beside  lab.Beside
}

func newYours(env lab.Env, k Knobs, s lab.Solution) (lab.Live, error) {
	if k.Algorithm != "fixed" {
		return nil, knob.Wrong("algorithm", k.Algorithm, "fixed: a plugged-in solution has a fixed number of places")
	}
	core, err := New(k)
	if err != nil {
		return nil, err
	}
	foreign, err := s.Open(env, lab.Terms{Slots: k.Limit, Waiters: k.MaxWaiting, Wait: k.Wait})
	if err != nil {
		return nil, fmt.Errorf("start the plugged-in solution of %s: %w", s.Name(), err)
	}
	return &Yours{Live: newLive(env, core), wait: k.Wait, foreign: foreign, beside: lab.NewBeside(env.Counters)}, nil
}

// Wrap implements lab.Live.
func (y *Yours) Wrap(next lab.Handler, _ lab.State) lab.Handler {
	return lab.HandlerFunc(func(ctx context.Context, r *lab.Request) lab.Response { return y.guard(ctx, r, next) })
}

func (y *Yours) guard(ctx context.Context, r *lab.Request, next lab.Handler) lab.Response {
	now := y.clock.Now()
	wait := y.wait
	if r.Deadline > 0 {
		wait = min(wait, max(0, r.Deadline-now))
	}
	ruling, err := y.foreign.Admit(ctx, lab.Question{At: now, Wait: wait})
	if ctx.Err() != nil {
		y.foreign.Done(ruling, now, lab.Unheard)
		return lab.Answer(nil, lab.ErrStop)
	}
	// Ours is asked in the instant of the decision: what it would do to a request
	// that has waited as long as this one.
	y.mu.Lock()
	ours := y.core.Inside() < y.core.Limit()
	y.mu.Unlock()
	ok, fallback := y.beside.Pick(ruling, err, ours)
	later := y.clock.Now()
	waited := wait > 0 && later-now >= wait
	switch {
	case !ok && (!fallback || waited): // nobody waits twice
		y.counts.refused.Add(1)
		return refuse(r, later, waited)
	case fallback:
		return y.Live.guard(ctx, r, next)
	}
	y.counts.admitted.Add(1)
	defer func() { y.foreign.Done(ruling, y.clock.Now(), lab.Served) }()
	y.mu.Lock()
	y.core.Pass()
	y.mu.Unlock()
	return y.serve(ctx, r, next, now)
}

// Gauges implements lab.Live.
func (y *Yours) Gauges(now time.Duration) []lab.Gauge {
	return append(y.Live.Gauges(now), y.foreign.Gauges(now)...)
}

// Close implements lab.Live.
func (y *Yours) Close() error { return y.foreign.Close() }

var _ lab.Live = (*Yours)(nil)
