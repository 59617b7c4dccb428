package breaker

import (
	"context"
	"fmt"
	"math"
	"sync/atomic"
	"time"

	"workbench/lab"
)

// Yours is a breaker that a learner's solution operates. Ours watches the same
// calls beside it, so that it can take over at any call. The counters of changes
// of state stand still: only refusals are seen from outside.
type Yours struct {
	*Live
	knobs   Knobs
	foreign lab.Foreign
	beside  lab.Beside
	refuses atomic.Bool // the latest decision was a refusal
}

func newYours(env lab.Env, k Knobs, s lab.Solution) (lab.Live, error) {
	core, err := New(k)
	if err != nil {
		return nil, err
	}
	// The exercise's breaker looks at a number of results where ours looks at a
	// stretch of time: as many as ours wants to see before it judges.
	foreign, err := s.Open(env, lab.Terms{
		Window: k.MinCalls, Failures: max(1, int(math.Ceil(k.FailureShare*float64(k.MinCalls)))), OpenFor: k.OpenFor, Probes: k.Probes,
	})
	if err != nil {
		return nil, fmt.Errorf("start the plugged-in solution of %s: %w", s.Name(), err)
	}
	ours := &Live{clock: env.Clock, counts: newCounts(env.Counters), core: core}
	return &Yours{Live: ours, knobs: k, foreign: foreign, beside: lab.NewBeside(env.Counters)}, nil
}

// Wrap implements lab.Live.
func (y *Yours) Wrap(next lab.Handler, _ lab.State) lab.Handler {
	return lab.HandlerFunc(func(ctx context.Context, r *lab.Request) lab.Response { return y.guard(ctx, r, next) })
}

func (y *Yours) guard(ctx context.Context, r *lab.Request, next lab.Handler) lab.Response {
	now := y.clock.Now()
	ours := y.allow()
	ruling, err := y.foreign.Admit(ctx, lab.Question{At: now})
	end, verdict := lab.Unheard, Ignored // stand for a call that is not made
	defer func() {
		y.foreign.Done(ruling, y.clock.Now(), end)
		if ours.Reason == "" {
			y.done(ours.Pass, verdict)
		}
	}()
	if ctx.Err() != nil {
		return lab.Answer(nil, lab.ErrStop)
	}
	ok, fallback := y.beside.Pick(ruling, err, ours.Reason == "")
	y.refuses.Store(!ok)
	if !ok {
		y.counts.refused.Add(1)
		if fallback {
			return lab.Refuse(lab.Open, ours.Reason, ours.RetryAfter)
		}
		return lab.Refuse(lab.Open, ReasonOpen, y.knobs.OpenFor)
	}
	end, verdict = lab.Broken, Failure // stand if next panics
	began := y.clock.Now()
	res := next.Serve(ctx, r)
	verdict = Judge(r, began, res)
	end = y.ending(verdict, y.clock.Now()-began)
	return res
}

// ending is a verdict in the terms of a solution, which has no word for slow.
func (y *Yours) ending(v Verdict, took time.Duration) lab.End {
	switch {
	case v == Ignored:
		return lab.Unheard
	case v == Success && (y.knobs.Slow == 0 || took <= y.knobs.Slow):
		return lab.Served
	}
	return lab.Broken
}

// Gauges implements lab.Live. The state is what the latest decision shows of it.
func (y *Yours) Gauges(now time.Duration) []lab.Gauge {
	out := y.Live.Gauges(now)
	out[0] = lab.Gauge{Name: "state", Value: float64(Closed), Text: Closed.String()}
	if y.refuses.Load() {
		out[0] = lab.Gauge{Name: "state", Value: float64(Open), Text: Open.String()}
	}
	return append(out, y.foreign.Gauges(now)...)
}

// Close implements lab.Live.
func (y *Yours) Close() error { return y.foreign.Close() }

var _ lab.Live = (*Yours)(nil)
