package retry

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"workbench/lab"
	"workbench/sim/clock"
)

// Pattern describes the retry to the catalog. It passes failures on and has no
// reason of its own.
func Pattern() lab.Pattern {
	return lab.Yield(lab.DefineCore(lab.Pattern{
		Name:   "retry",
		Title:  "Retry with a budget",
		Line:   "repeats reads that failed by accident, as long as few fail",
		Events: []string{"tries", "retries", "budget_denied", "gave_up"},
	}, Defaults, New, newLive, newStage), newYours)
}

// counts are the pattern's counters. In shadow, retries counts the first
// retries that would have been made.
type counts struct{ tries, retries, denied, gaveUp *atomic.Uint64 }

func newCounts(c *lab.Counters) counts {
	return counts{tries: c.Get("tries"), retries: c.Get("retries"), denied: c.Get("budget_denied"), gaveUp: c.Get("gave_up")}
}

func (c *counts) decided(v Verdict) {
	switch v {
	case Again:
		c.retries.Add(1)
	case Denied:
		c.denied.Add(1)
	case GiveUp:
		c.gaveUp.Add(1)
	}
}

func gauges(t *Retry, pausing int) []lab.Gauge {
	budget := lab.Gauge{Name: "budget_retries"}
	if n, ok := t.Balance(); ok {
		budget.Value = n
	} else {
		budget.Text = "no budget"
	}
	return []lab.Gauge{budget, {Name: "pausing", Value: float64(pausing)}}
}

// Live is the retry in a running service.
type Live struct {
	clock   clock.Clock
	uniform func() float64
	counts  counts

	mu      sync.Mutex
	core    *Retry // guarded by mu
	pausing int    // requests between two tries; guarded by mu
}

func newLive(env lab.Env, core *Retry) *Live {
	return &Live{clock: env.Clock, uniform: env.Uniform, counts: newCounts(env.Counters), core: core}
}

// Wrap implements lab.Live.
func (l *Live) Wrap(next lab.Handler, state lab.State) lab.Handler {
	shadow := state == lab.Shadow
	return lab.HandlerFunc(func(ctx context.Context, r *lab.Request) lab.Response {
		return l.serve(ctx, r, next, shadow)
	})
}

// Gauges implements lab.Live.
func (l *Live) Gauges(time.Duration) []lab.Gauge {
	l.mu.Lock()
	defer l.mu.Unlock()
	return gauges(l.core, l.pausing)
}

// Close implements lab.Live; a retry starts nothing.
func (l *Live) Close() error { return nil }

func (l *Live) serve(ctx context.Context, r *lab.Request, next lab.Handler, shadow bool) lab.Response {
	l.mu.Lock()
	l.core.First(r)
	l.mu.Unlock()
	for calls := 1; ; calls++ {
		l.counts.tries.Add(1)
		res := next.Serve(ctx, r)
		if !Retryable(r, res) {
			return res
		}
		verdict, pause := l.next(r, calls, res)
		l.counts.decided(verdict)
		if verdict != Again || shadow || !l.pause(ctx, pause) {
			return res
		}
	}
}

func (l *Live) next(r *lab.Request, calls int, res lab.Response) (Verdict, time.Duration) {
	now, u := l.clock.Now(), l.uniform()
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.core.Next(now, r, calls, res, u)
}

// pause waits and reports whether the service is still running.
func (l *Live) pause(ctx context.Context, d time.Duration) bool {
	l.note(+1)
	defer l.note(-1)
	return l.clock.Wait(ctx, l.clock.Now()+d) == nil
}

func (l *Live) note(change int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pausing += change
}

var _ lab.Live = (*Live)(nil)
