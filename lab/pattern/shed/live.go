package shed

import (
	"context"
	"sync/atomic"
	"time"

	"workbench/lab"
)

// Pattern describes load shedding to the catalog.
func Pattern() lab.Pattern {
	return lab.DefineCore(lab.Pattern{
		Name:    "shed",
		Title:   "Load shedding",
		Line:    "refuses the least important requests first when nearly full",
		Reasons: []lab.Reason{ReasonLow, ReasonNormal, ReasonHigh},
		Events:  []string{"admitted", "shed_low", "shed_normal", "shed_high", "shadow_shed"},
	}, Defaults, New, newLive, newStage)
}

// counts are the pattern's counters; shed is indexed by priority. A request that
// finds room counts as admitted in shadow too; shadow counts the others.
type counts struct {
	admitted, shadow *atomic.Uint64
	shed             [priorities]*atomic.Uint64
}

func newCounts(c *lab.Counters) counts {
	return counts{
		admitted: c.Get("admitted"), shadow: c.Get("shadow_shed"),
		shed: [priorities]*atomic.Uint64{c.Get("shed_low"), c.Get("shed_normal"), c.Get("shed_high")},
	}
}

func (c *counts) refused(p lab.Priority) { c.shed[min(int(p), priorities-1)].Add(1) }

// Live sheds load in a running service. It has no lock.
type Live struct {
	core     *Shedder
	counts   counts
	inflight atomic.Int64
}

func newLive(env lab.Env, core *Shedder) *Live {
	return &Live{core: core, counts: newCounts(env.Counters)}
}

// Wrap implements lab.Live.
func (l *Live) Wrap(next lab.Handler, state lab.State) lab.Handler {
	return lab.Wrap(next, state, l.guard, l.watch)
}

func (l *Live) guard(ctx context.Context, r *lab.Request, next lab.Handler) lab.Response {
	if !l.enter(r.Priority) {
		l.counts.refused(r.Priority)
		return l.core.Refuse(r.Priority)
	}
	defer l.leave() // also when next panics: else the service seems fuller for good
	l.counts.admitted.Add(1)
	return next.Serve(ctx, r)
}

// enter counts a request in if there is room for its priority. Comparing before
// counting keeps two that arrive together from refusing each other.
func (l *Live) enter(p lab.Priority) bool {
	for {
		n := l.inflight.Load()
		if !l.core.Admits(n, p) {
			return false
		}
		if l.inflight.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

func (l *Live) leave() { l.inflight.Add(-1) }

// watch lets everything pass, and counts it in: in shadow the service below
// really holds it.
func (l *Live) watch(ctx context.Context, r *lab.Request, next lab.Handler) lab.Response {
	if l.core.Admits(l.inflight.Add(1)-1, r.Priority) {
		l.counts.admitted.Add(1)
	} else {
		l.counts.shadow.Add(1)
	}
	defer l.leave()
	return next.Serve(ctx, r)
}

// Gauges implements lab.Live.
func (l *Live) Gauges(time.Duration) []lab.Gauge { return gauges(l.core, l.inflight.Load()) }

func gauges(core *Shedder, inflight int64) []lab.Gauge {
	lowest := core.lowest(inflight)
	return []lab.Gauge{
		{Name: "inflight", Value: float64(inflight)},
		{Name: "lowest_admitted", Value: float64(lowest), Text: [priorities + 1]string{"all", "normal and high", "high only", "none"}[lowest]},
	}
}

// Close implements lab.Live; shedding starts nothing.
func (l *Live) Close() error { return nil }

var _ lab.Live = (*Live)(nil)
