package ratelimit

import (
	"context"
	"fmt"
	"time"

	"workbench/lab"
	"workbench/lab/knob"
)

// Yours is a rate limit whose quotas a learner's solution keeps. Ours keeps
// count beside it, so that it can take over at any request and be compared with.
type Yours struct {
	*Live
	foreign lab.Foreign
	beside  lab.Beside
}

func newYours(env lab.Env, k Knobs, s lab.Solution) (lab.Live, error) {
	if k.Store != "local" {
		return nil, knob.Wrong("store", k.Store, "local: a plugged-in solution keeps its quotas in its own memory")
	}
	core, err := New(k)
	if err != nil {
		return nil, err
	}
	foreign, err := s.Open(env, lab.Terms{Rate: k.Rate, Burst: k.Burst, Keys: k.MaxKeys})
	if err != nil {
		return nil, fmt.Errorf("start the plugged-in solution of %s: %w", s.Name(), err)
	}
	ours := &Live{clock: env.Clock, counts: newCounts(env.Counters), core: core, locks: make([]lock, core.Shards())}
	return &Yours{Live: ours, foreign: foreign, beside: lab.NewBeside(env.Counters)}, nil
}

// Wrap implements lab.Live.
func (y *Yours) Wrap(next lab.Handler, _ lab.State) lab.Handler {
	return lab.HandlerFunc(func(ctx context.Context, r *lab.Request) lab.Response { return y.guard(ctx, r, next) })
}

func (y *Yours) guard(ctx context.Context, r *lab.Request, next lab.Handler) lab.Response {
	now := r.At
	if now == 0 {
		now = y.clock.Now()
	}
	ours := y.take(r)
	ruling, err := y.foreign.Admit(ctx, lab.Question{Key: y.core.Key(r), At: now})
	if ctx.Err() != nil {
		return lab.Answer(nil, lab.ErrStop)
	}
	ok, fallback := y.beside.Pick(ruling, err, ours.OK)
	if ok {
		y.counts.admitted.Add(1)
		return next.Serve(ctx, r)
	}
	y.counts.limited.Add(1)
	if fallback {
		return y.core.Refuse(ours.Retry)
	}
	return y.core.Refuse(ruling.Retry)
}

// Gauges implements lab.Live.
func (y *Yours) Gauges(now time.Duration) []lab.Gauge {
	return append(y.Live.Gauges(now), y.foreign.Gauges(now)...)
}

// Close implements lab.Live.
func (y *Yours) Close() error { return y.foreign.Close() }

var _ lab.Live = (*Yours)(nil)
