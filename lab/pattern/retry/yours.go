package retry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"workbench/lab"
	"workbench/lab/knob"
	"workbench/sim/retry"
)

// Yours is a retry in which a learner's solution says whether and when a call is
// made again. Ours keeps its own budget beside it, so that it can take over after
// any call.
type Yours struct {
	*Live
	knobs   Knobs
	foreign lab.Trier
	beside  lab.Beside
	log     *slog.Logger
}

func newYours(env lab.Env, k Knobs, s lab.Solution) (lab.Live, error) {
	if k.Budget == 0 {
		return nil, knob.Wrong("budget", "0", "more than 0: a plugged-in solution has a budget")
	}
	core, err := New(k)
	if err != nil {
		return nil, err
	}
	foreign, err := s.Open(env, lab.Terms{Tries: k.Tries, Base: k.Base, Max: k.Cap, Budget: k.Budget, Burst: retry.DefaultBurst})
	if err != nil {
		return nil, fmt.Errorf("start the plugged-in solution of %s: %w", s.Name(), err)
	}
	trier, ok := foreign.(lab.Trier)
	if !ok {
		return nil, errors.Join(fmt.Errorf("the solution of %s makes no calls", s.Name()), foreign.Close())
	}
	return &Yours{Live: newLive(env, core), knobs: k, foreign: trier, beside: lab.NewBeside(env.Counters), log: env.Log}, nil
}

// Wrap implements lab.Live.
func (y *Yours) Wrap(next lab.Handler, _ lab.State) lab.Handler {
	return lab.HandlerFunc(func(ctx context.Context, r *lab.Request) lab.Response { return y.try(ctx, r, next) })
}

// attempt is one request with its calls. Its methods may be called while the
// request has gone on with ours: then no further call is made for the solution.
type attempt struct {
	y    *Yours
	ctx  context.Context
	r    *lab.Request
	next lab.Handler

	mu     sync.Mutex // held while a call is made
	over   bool       // guarded by mu; the solution's calls count no more
	calls  int        // guarded by mu
	res    lab.Response
	again  Verdict       // guarded by mu; what ours would do after the last call; Again: it would call once more
	pause  time.Duration // guarded by mu; ours, before that
	failed bool          // guarded by mu; the last call may be made again
}

func (y *Yours) try(ctx context.Context, r *lab.Request, next lab.Handler) lab.Response {
	y.mu.Lock()
	y.core.First(r)
	y.mu.Unlock()
	a := &attempt{y: y, ctx: ctx, r: r, next: next}
	q := lab.Try{Repeatable: r.Read, Call: a.call, Tries: y.knobs.Tries, Pause: a.longest}
	if end := r.End(); end > 0 {
		q.For = max(1, end-y.clock.Now())
	}
	err := y.foreign.Try(ctx, q)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.over = true
	if err == nil && a.calls > 0 {
		if a.failed { // it gave up: would ours have?
			y.beside.Pick(lab.Ruling{OK: false}, nil, a.again == Again)
			y.counts.decided(GiveUp)
		}
		return a.res
	}
	if ctx.Err() != nil {
		if a.calls == 0 {
			return lab.Answer(nil, lab.ErrStop)
		}
		return a.res
	}
	y.beside.Pick(lab.Ruling{}, lab.ErrForeign, true)
	return a.standIn()
}

// call makes a call for the solution.
func (a *attempt) call() (out lab.Called) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.over {
		return lab.Called{}
	}
	defer func() { // it runs on a goroutine of its own, where nobody else catches it
		if cause := recover(); cause != nil {
			a.y.log.Error("retry: panic below", "panic", fmt.Sprint(cause), "stack", string(debug.Stack()))
			a.res, a.failed, out = lab.Answer(nil, lab.ErrFail), false, lab.Called{}
		}
	}()
	if a.calls > 0 {
		a.y.beside.Pick(lab.Ruling{OK: true}, nil, a.failed && a.again == Again)
		a.y.counts.decided(Again)
	}
	a.make()
	return lab.Called{OK: a.res.Outcome.Good(), Transient: a.failed, Retry: a.res.RetryAfter}
}

// make makes a call, and asks ours what it would do next. Needs mu.
func (a *attempt) make() {
	a.calls++
	a.y.counts.tries.Add(1)
	a.res = a.next.Serve(a.ctx, a.r)
	if a.failed = Retryable(a.r, a.res); a.failed {
		a.again, a.pause = a.y.next(a.r, a.calls, a.res)
	}
}

// longest is for how long the solution may pause.
func (a *attempt) longest() time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.calls == 0 || !a.failed {
		return 0
	}
	return max(a.y.knobs.Cap, a.res.RetryAfter)
}

// standIn goes on as ours would. Needs mu.
func (a *attempt) standIn() lab.Response {
	if a.calls == 0 {
		a.make()
	}
	for a.failed {
		a.y.counts.decided(a.again)
		if a.again != Again || !a.y.Live.pause(a.ctx, a.pause) {
			break
		}
		a.make()
	}
	return a.res
}

// Gauges implements lab.Live.
func (y *Yours) Gauges(now time.Duration) []lab.Gauge {
	return append(y.Live.Gauges(now), y.foreign.Gauges(now)...)
}

// Close implements lab.Live.
func (y *Yours) Close() error { return y.foreign.Close() }

var _ lab.Live = (*Yours)(nil)
