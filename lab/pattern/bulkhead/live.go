package bulkhead

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"workbench/lab"
	"workbench/sim/clock"
)

// Pattern describes the bulkhead to the catalog.
func Pattern() lab.Pattern {
	return lab.Yield(lab.DefineCore(lab.Pattern{
		Name:    "bulkhead",
		Title:   "Bulkhead",
		Line:    "gives each operation its own places, so a slow one cannot take them all",
		Reasons: []lab.Reason{ReasonFull},
		Events:  []string{"refused", "waited"},
	}, Defaults, New, newLive, newStage), newYours)
}

// counts are the pattern's counters. In shadow, where nobody waits, a request
// that finds no place counts as waited if it could have waited, else as refused.
type counts struct{ refused, waited *atomic.Uint64 }

func newCounts(c *lab.Counters) counts {
	return counts{refused: c.Get("refused"), waited: c.Get("waited")}
}

// gaugeNames are the names of the gauges by compartment.
func gaugeNames() [Compartments]string {
	return [Compartments]string{
		"inflight_0", "inflight_1", "inflight_2", "inflight_3",
		"inflight_4", "inflight_5", "inflight_6", "inflight_7",
	}
}

func gauges(b *Bulkhead) []lab.Gauge {
	out := make([]lab.Gauge, 0, Compartments+1)
	for i, name := range gaugeNames() {
		out = append(out, lab.Gauge{Name: name, Value: float64(b.Inside(i))})
	}
	return append(out, lab.Gauge{Name: "waiting", Value: float64(b.Waiting())})
}

// Live is a bulkhead in a running service.
type Live struct {
	clock  clock.Clock
	counts counts

	mu     sync.Mutex
	core   *Bulkhead                // guarded by mu
	places map[Ticket]chan struct{} // closed when the waiter gets its place; guarded by mu
}

func newLive(env lab.Env, core *Bulkhead) *Live {
	return &Live{clock: env.Clock, counts: newCounts(env.Counters), core: core, places: map[Ticket]chan struct{}{}}
}

// Wrap implements lab.Live.
func (l *Live) Wrap(next lab.Handler, state lab.State) lab.Handler {
	return lab.Wrap(next, state, l.guard, l.watch)
}

// Gauges implements lab.Live.
func (l *Live) Gauges(time.Duration) []lab.Gauge {
	l.mu.Lock()
	defer l.mu.Unlock()
	return gauges(l.core)
}

// Close implements lab.Live; a bulkhead starts nothing.
func (l *Live) Close() error { return nil }

func (l *Live) guard(ctx context.Context, r *lab.Request, next lab.Handler) lab.Response {
	where := Compartment(r.Op)
	now := l.clock.Now()
	entry, place := l.enter(now, where, r.Deadline)
	if entry.Wait {
		l.counts.waited.Add(1)
		entry.OK = l.wait(ctx, entry, where, now, place)
	}
	if !entry.OK {
		l.counts.refused.Add(1)
		if ctx.Err() != nil {
			return lab.Answer(nil, lab.ErrStop)
		}
		return refuse(r, l.clock.Now())
	}
	defer l.leave(where) // also when next panics: a lost place would be lost for good
	return next.Serve(ctx, r)
}

// enter asks for a place; a request that may wait gets a channel to wait on.
func (l *Live) enter(now time.Duration, where int, deadline time.Duration) (Entry, chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	entry := l.core.Enter(now, where, deadline)
	if !entry.Wait {
		return entry, nil
	}
	place := make(chan struct{})
	l.places[entry.Ticket] = place
	return entry, place
}

// wait reports whether the request got its place in time.
func (l *Live) wait(ctx context.Context, entry Entry, where int, now time.Duration, place chan struct{}) bool {
	timer := time.NewTimer(entry.Until - now)
	defer timer.Stop()
	select {
	case <-place:
		return true
	case <-timer.C:
	case <-ctx.Done():
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.core.GiveUp(where, entry.Ticket) {
		return true // the place came at the last moment
	}
	delete(l.places, entry.Ticket)
	return false
}

func (l *Live) leave(where int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if next, ok := l.core.Leave(where); ok {
		close(l.places[next])
		delete(l.places, next)
	}
}

// watch passes everything and holds a place for what would have had one.
func (l *Live) watch(ctx context.Context, r *lab.Request, next lab.Handler) lab.Response {
	where := Compartment(r.Op)
	l.mu.Lock()
	entry := l.core.Enter(l.clock.Now(), where, r.Deadline)
	if entry.Wait {
		l.core.GiveUp(where, entry.Ticket)
	}
	l.mu.Unlock()
	switch {
	case entry.OK:
		defer l.leave(where)
	case entry.Wait:
		l.counts.waited.Add(1)
	default:
		l.counts.refused.Add(1)
	}
	return next.Serve(ctx, r)
}

var _ lab.Live = (*Live)(nil)
