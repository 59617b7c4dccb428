package fallback

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"workbench/lab"
	"workbench/sim/clock"
)

// Pattern describes the fallback to the catalog.
func Pattern() lab.Pattern {
	return lab.DefineCore(lab.Pattern{
		Name:    "fallback",
		Title:   "Fallbacks in order",
		Line:    "a young copy, a simpler answer, an old copy, and only then the error",
		Reasons: []lab.Reason{ReasonNone},
		Events:  []string{"copy", "default", "old_copy", "error"},
	}, Defaults, New, newLive, newStage)
}

// counts are the pattern's counters: answers by the step that gave them. In
// shadow, by the step that would have.
type counts [Error + 1]*atomic.Uint64

func newCounts(c *lab.Counters) counts {
	return counts{Copy: c.Get("copy"), Default: c.Get("default"), OldCopy: c.Get("old_copy"), Error: c.Get("error")}
}

func (c *counts) decided(s Step) {
	if s != Real {
		c[s].Add(1)
	}
}

func gauges(l *Ladder) []lab.Gauge { return []lab.Gauge{{Name: "fallback_share", Value: l.Share()}} }

// simpler returns what a service answers instead; nil: it has nothing.
func simpler(env lab.Env, r *lab.Request) []byte {
	if env.Simpler == nil || !r.Read {
		return nil
	}
	return env.Simpler(r)
}

// Live is the fallback in a running service.
type Live struct {
	env    lab.Env
	clock  clock.Clock
	counts counts

	mu   sync.Mutex
	core *Ladder // guarded by mu
}

func newLive(env lab.Env, core *Ladder) *Live {
	return &Live{env: env, clock: env.Clock, counts: newCounts(env.Counters), core: core}
}

// Wrap implements lab.Live.
func (l *Live) Wrap(next lab.Handler, state lab.State) lab.Handler {
	return lab.HandlerFunc(func(ctx context.Context, r *lab.Request) lab.Response {
		res := next.Serve(ctx, r)
		var simple []byte
		if res.Outcome != lab.OK {
			simple = simpler(l.env, r)
		}
		l.mu.Lock()
		step := l.core.Decide(l.clock.Now(), r, &res, simple != nil)
		l.mu.Unlock()
		l.counts.decided(step)
		if state == lab.Shadow {
			return res
		}
		return Answer(step, res, simple)
	})
}

// Gauges implements lab.Live.
func (l *Live) Gauges(time.Duration) []lab.Gauge {
	l.mu.Lock()
	defer l.mu.Unlock()
	return gauges(l.core)
}

// Close implements lab.Live; a fallback starts nothing.
func (l *Live) Close() error { return nil }

var _ lab.Live = (*Live)(nil)
