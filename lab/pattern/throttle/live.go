package throttle

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"workbench/lab"
	"workbench/sim/clock"
)

// Pattern describes the throttle to the catalog.
func Pattern() lab.Pattern {
	return lab.DefineCore(lab.Pattern{
		Name:    "throttle",
		Title:   "Adaptive throttling",
		Line:    "refuses itself the share that the dependency would turn down anyway",
		Reasons: []lab.Reason{ReasonThrottled},
		Events:  []string{"refused", "accepted", "turned_down"},
	}, Defaults, New, newLive, newStage)
}

// counts are the pattern's counters: refused are requests whose call was not
// made (in shadow: would not have been), accepted and turned_down the calls that
// were, by what became of them.
type counts struct{ refused, accepted, down *atomic.Uint64 }

func newCounts(c *lab.Counters) counts {
	return counts{refused: c.Get("refused"), accepted: c.Get("accepted"), down: c.Get("turned_down")}
}

func (c *counts) called(accepted bool) {
	if accepted {
		c.accepted.Add(1)
	} else {
		c.down.Add(1)
	}
}

func gauges(t *Throttle, now time.Duration) []lab.Gauge {
	share, requests, accepts := t.Worst(now)
	return []lab.Gauge{{Name: "refuse_share", Value: share}, {Name: "requests", Value: requests}, {Name: "accepts", Value: accepts}}
}

// Live is the throttle in a running service.
type Live struct {
	clock   clock.Clock
	uniform func() float64
	counts  counts

	mu   sync.Mutex
	core *Throttle // guarded by mu
}

func newLive(env lab.Env, core *Throttle) *Live {
	return &Live{clock: env.Clock, uniform: env.Uniform, counts: newCounts(env.Counters), core: core}
}

// Wrap implements lab.Live.
func (l *Live) Wrap(next lab.Handler, state lab.State) lab.Handler {
	shadow := state == lab.Shadow
	return lab.HandlerFunc(func(ctx context.Context, r *lab.Request) lab.Response {
		if l.refuses(r.Op) {
			if shadow {
				return next.Serve(ctx, r) // a call that would not have been made proves nothing
			}
			return lab.Refuse(lab.Shed, ReasonThrottled, retryAfter)
		}
		return l.call(ctx, r, next)
	})
}

// refuses decides on a request, and counts it if it is refused. It draws only
// where there is something to decide.
func (l *Live) refuses(op uint8) bool {
	now := l.clock.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	share := l.core.Share(now, op)
	if share <= 0 || l.uniform() >= share {
		return false
	}
	l.core.Refused(now, op)
	l.counts.refused.Add(1)
	return true
}

func (l *Live) call(ctx context.Context, r *lab.Request, next lab.Handler) lab.Response {
	accepted := false // stands if next panics
	defer func() {
		l.mu.Lock()
		l.core.Called(l.clock.Now(), r.Op, accepted)
		l.mu.Unlock()
		l.counts.called(accepted)
	}()
	res := next.Serve(ctx, r)
	accepted = Accepted(l.clock.Now(), r, &res)
	return res
}

// Gauges implements lab.Live.
func (l *Live) Gauges(now time.Duration) []lab.Gauge {
	l.mu.Lock()
	defer l.mu.Unlock()
	return gauges(l.core, now)
}

// Close implements lab.Live; a throttle starts nothing.
func (l *Live) Close() error { return nil }

var _ lab.Live = (*Live)(nil)
