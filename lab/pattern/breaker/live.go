package breaker

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"workbench/lab"
	"workbench/sim/clock"
)

// Pattern describes the breaker to the catalog.
func Pattern() lab.Pattern {
	return lab.Yield(lab.DefineCore(lab.Pattern{
		Name:    "breaker",
		Title:   "Circuit breaker",
		Line:    "stops calling a dependency that fails or is too slow, then probes it",
		Reasons: []lab.Reason{ReasonOpen, ReasonProbing},
		Events:  []string{"opened", "half_opened", "closed", "refused", "failures", "slow"},
	}, Defaults, New, newLive, newStage), newYours)
}

// counts are the pattern's counters. In shadow, refused counts the calls that
// would have been refused.
type counts struct {
	changes                 [3]*atomic.Uint64 // by the State that was entered
	refused, failures, slow *atomic.Uint64
}

func newCounts(c *lab.Counters) counts {
	return counts{
		changes: [3]*atomic.Uint64{Closed: c.Get("closed"), HalfOpen: c.Get("half_opened"), Open: c.Get("opened")},
		refused: c.Get("refused"), failures: c.Get("failures"), slow: c.Get("slow"),
	}
}

func (c *counts) changed(to State) { c.changes[to].Add(1) }

func (c *counts) settled(v Verdict) {
	switch v {
	case Failure:
		c.failures.Add(1)
	case Slow:
		c.slow.Add(1)
	}
}

// gauges returns the state of a core for the page.
func gauges(b *Breaker, now time.Duration) []lab.Gauge {
	s := b.State(now)
	return []lab.Gauge{
		{Name: "state", Value: float64(s), Text: s.String()},
		{Name: "failure_share", Value: b.Share(now)},
		{Name: "open_remaining_seconds", Value: b.Remaining(now).Seconds()},
	}
}

// Live is a breaker in a running service.
type Live struct {
	clock  clock.Clock
	counts counts

	mu   sync.Mutex
	core *Breaker // guarded by mu
}

func newLive(env lab.Env, core *Breaker) *Live {
	l := &Live{clock: env.Clock, counts: newCounts(env.Counters), core: core}
	core.OnChange = l.counts.changed
	return l
}

// Wrap implements lab.Live.
func (l *Live) Wrap(next lab.Handler, state lab.State) lab.Handler {
	return &handler{live: l, next: next, shadow: state == lab.Shadow}
}

// Gauges implements lab.Live.
func (l *Live) Gauges(now time.Duration) []lab.Gauge {
	l.mu.Lock()
	defer l.mu.Unlock()
	return gauges(l.core, now)
}

// Close implements lab.Live; a breaker starts nothing.
func (l *Live) Close() error { return nil }

func (l *Live) allow() Decision {
	now := l.clock.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.core.Allow(now)
}

func (l *Live) done(p Pass, v Verdict) {
	now := l.clock.Now()
	l.mu.Lock()
	v = l.core.Done(now, p, v)
	l.mu.Unlock()
	l.counts.settled(v)
}

// handler is a breaker in front of next.
type handler struct {
	live   *Live
	next   lab.Handler
	shadow bool
}

// Serve implements lab.Handler.
func (h *handler) Serve(ctx context.Context, r *lab.Request) lab.Response {
	d := h.live.allow()
	if d.Reason != "" {
		h.live.counts.refused.Add(1)
		if h.shadow {
			return h.next.Serve(ctx, r) // a call that would not have been made proves nothing
		}
		return lab.Refuse(lab.Open, d.Reason, d.RetryAfter)
	}
	verdict := Failure // stands if next panics: the admission is returned in any case
	defer func() { h.live.done(d.Pass, verdict) }()
	res := h.next.Serve(ctx, r)
	verdict = Judge(r, d.Pass.at, res)
	return res
}

var (
	_ lab.Live    = (*Live)(nil)
	_ lab.Handler = (*handler)(nil)
)
