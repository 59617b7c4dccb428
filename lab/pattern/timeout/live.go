package timeout

import (
	"context"
	"sync/atomic"
	"time"

	"workbench/lab"
	"workbench/sim/clock"
)

// Pattern describes the timeout to the catalog.
func Pattern() lab.Pattern {
	return lab.DefineCore(lab.Pattern{
		Name:    "timeout",
		Title:   "Timeout",
		Line:    "sets one deadline, no later than the caller's own, for all work below",
		Reasons: []lab.Reason{ReasonTimeout},
		Events:  []string{"late", "late_on_entry"},
	}, Defaults, New, newLive, newStage)
}

// counts are the pattern's counters; in shadow they count what would have been
// late.
type counts struct{ late, entry *atomic.Uint64 }

func newCounts(c *lab.Counters) counts {
	return counts{late: c.Get("late"), entry: c.Get("late_on_entry")}
}

// Live is the timeout in a running service.
type Live struct {
	core   Timeout
	clock  clock.Clock
	counts counts
}

func newLive(env lab.Env, core Timeout) *Live {
	return &Live{core: core, clock: env.Clock, counts: newCounts(env.Counters)}
}

// Wrap implements lab.Live.
func (l *Live) Wrap(next lab.Handler, state lab.State) lab.Handler {
	return lab.Wrap(next, state, l.limited, l.watch)
}

func (l *Live) limited(ctx context.Context, r *lab.Request, next lab.Handler) lab.Response {
	now := l.clock.Now()
	deadline := l.core.Deadline(now, r)
	if Late(now, deadline) {
		l.counts.entry.Add(1)
		return lab.Refuse(lab.Late, ReasonTimeout, 0)
	}
	r.Deadline = deadline
	res := next.Serve(ctx, r)
	if Late(l.clock.Now(), deadline) {
		l.counts.late.Add(1)
		return lab.Refuse(lab.Late, ReasonTimeout, 0)
	}
	return res
}

// watch passes everything and counts what limited would have refused. It leaves
// the deadline alone, so work below may take longer than it would.
func (l *Live) watch(ctx context.Context, r *lab.Request, next lab.Handler) lab.Response {
	now := l.clock.Now()
	deadline := l.core.Deadline(now, r)
	res := next.Serve(ctx, r)
	switch {
	case Late(now, deadline):
		l.counts.entry.Add(1)
	case Late(l.clock.Now(), deadline):
		l.counts.late.Add(1)
	}
	return res
}

// Gauges implements lab.Live: a timeout has no state but its limit.
func (l *Live) Gauges(time.Duration) []lab.Gauge { return gauges(l.core) }

func gauges(t Timeout) []lab.Gauge {
	return []lab.Gauge{{Name: "limit_seconds", Value: t.knobs.Limit.Seconds()}}
}

// Close implements lab.Live; a timeout starts nothing.
func (l *Live) Close() error { return nil }

var _ lab.Live = (*Live)(nil)
