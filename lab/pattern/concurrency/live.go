package concurrency

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"workbench/lab"
	"workbench/sim/clock"
)

// Pattern describes the concurrency limit to the catalog.
func Pattern() lab.Pattern {
	return lab.Yield(lab.DefineCore(lab.Pattern{
		Name:    "concurrency",
		Title:   "Concurrency limit",
		Line:    "lets only so many requests work at once, and a few wait a moment",
		Reasons: []lab.Reason{ReasonFull, ReasonWait},
		Events:  []string{"admitted", "waited", "refused", "shadow_waited", "shadow_refused"},
	}, Defaults, New, newLive, newStage), newYours)
}

// counts are the pattern's counters. admitted counts all that got a place,
// waited those that had to wait, whatever came of it. In shadow a request that
// finds a place is admitted, and the others are counted as what Enter would do.
type counts struct{ admitted, waited, refused, shadowWaited, shadowRefused *atomic.Uint64 }

func newCounts(c *lab.Counters) counts {
	return counts{
		admitted: c.Get("admitted"), waited: c.Get("waited"), refused: c.Get("refused"),
		shadowWaited: c.Get("shadow_waited"), shadowRefused: c.Get("shadow_refused"),
	}
}

func gauges(g *Gate) []lab.Gauge {
	return []lab.Gauge{
		{Name: "limit", Value: float64(g.Limit())},
		{Name: "inflight", Value: float64(g.Inside())},
		{Name: "waiting", Value: float64(g.Waiting())},
	}
}

// Live is a concurrency limit in a running service.
type Live struct {
	clock    clock.Clock
	counts   counts
	adaptive bool

	mu     sync.Mutex
	core   *Gate                    // guarded by mu
	places map[Ticket]chan struct{} // closed when the waiter gets its place; guarded by mu
}

func newLive(env lab.Env, core *Gate) *Live {
	return &Live{
		clock: env.Clock, counts: newCounts(env.Counters), adaptive: core.Adaptive(),
		core: core, places: map[Ticket]chan struct{}{},
	}
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

// Close implements lab.Live; a limit starts nothing.
func (l *Live) Close() error { return nil }

func (l *Live) guard(ctx context.Context, r *lab.Request, next lab.Handler) lab.Response {
	now := l.clock.Now()
	entry, place := l.enter(now, r.Deadline)
	if entry.Wait {
		l.counts.waited.Add(1)
		entry.OK = l.wait(ctx, entry, now, place)
		now = l.clock.Now()
	}
	if !entry.OK {
		l.counts.refused.Add(1)
		if ctx.Err() != nil {
			return lab.Answer(nil, lab.ErrStop)
		}
		return refuse(r, now, entry.Wait)
	}
	l.counts.admitted.Add(1)
	return l.serve(ctx, r, next, now)
}

// enter asks for a place; a request that may wait gets a channel to wait on.
func (l *Live) enter(now, deadline time.Duration) (Entry, chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	entry := l.core.Enter(now, deadline)
	if !entry.Wait {
		return entry, nil
	}
	place := make(chan struct{})
	l.places[entry.Ticket] = place
	return entry, place
}

// wait reports whether the request got its place in time.
func (l *Live) wait(ctx context.Context, entry Entry, now time.Duration, place chan struct{}) bool {
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
	if !l.core.GiveUp(entry.Ticket) {
		return true // the place came at the last moment
	}
	delete(l.places, entry.Ticket)
	return false
}

// serve works on a request that has had its place since entered.
func (l *Live) serve(ctx context.Context, r *lab.Request, next lab.Handler, entered time.Duration) (res lab.Response) {
	res.Outcome = lab.Failed // what the gate is told if next panics
	defer func() { l.leave(entered, res.Outcome) }()
	return next.Serve(ctx, r)
}

func (l *Live) leave(entered time.Duration, o lab.Outcome) {
	now := entered
	if l.adaptive { // a fixed limit spares the clock
		now = l.clock.Now()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.core.Leave(now, entered, o)
	for t, ok := l.core.Next(); ok; t, ok = l.core.Next() {
		close(l.places[t])
		delete(l.places, t)
	}
}

// watch passes everything; the gate sees it, so that an adaptive limit moves.
func (l *Live) watch(ctx context.Context, r *lab.Request, next lab.Handler) lab.Response {
	now := l.clock.Now()
	l.mu.Lock()
	entry := l.core.Pass()
	l.mu.Unlock()
	switch {
	case entry.OK:
		l.counts.admitted.Add(1)
	case entry.Wait:
		l.counts.shadowWaited.Add(1)
	default:
		l.counts.shadowRefused.Add(1)
	}
	return l.serve(ctx, r, next, now)
}

var _ lab.Live = (*Live)(nil)
