package queue

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"workbench/lab"
	"workbench/sim/clock"
)

// Pattern describes the queue to the catalog.
func Pattern() lab.Pattern {
	return lab.Yield(lab.DefineCore(lab.Pattern{
		Name:    "queue",
		Title:   "Bounded queue",
		Line:    "a waiting room of bounded length in front of a number of workers",
		Reasons: []lab.Reason{ReasonFull, ReasonEvicted, ReasonWait, ReasonCoDel, ReasonExpired},
		Events:  []string{"admitted", "waited", "full", "evicted", "expired", "timed_out", "dropped", "shadow_waited", "shadow_full"},
	}, Defaults, New, newLive, newStage), newYours)
}

// counts are the pattern's counters. waited counts all that entered the room;
// ends counts by fate what became of each request (admitted, full, evicted,
// expired, timed_out, dropped). In shadow a request that finds a worker is
// admitted, and the others count as what Enter would do.
type counts struct {
	waited, shadowWaited, shadowFull *atomic.Uint64
	ends                             [fates]*atomic.Uint64 // nil for Wait
}

func newCounts(c *lab.Counters) counts {
	return counts{
		waited: c.Get("waited"), shadowWaited: c.Get("shadow_waited"), shadowFull: c.Get("shadow_full"),
		ends: [fates]*atomic.Uint64{
			Serve: c.Get("admitted"), Full: c.Get("full"), Evicted: c.Get("evicted"),
			Expired: c.Get("expired"), Slow: c.Get("timed_out"), Dropped: c.Get("dropped"),
		},
	}
}

func gauges(q *Queue, now time.Duration) []lab.Gauge {
	return []lab.Gauge{
		{Name: "depth", Value: float64(q.Depth())},
		{Name: "busy", Value: float64(q.Busy())},
		{Name: "oldest_seconds", Value: q.Oldest(now).Seconds()},
	}
}

// Live is a queue in a running service.
type Live struct {
	clock  clock.Clock
	counts counts

	mu    sync.Mutex
	core  *Queue               // guarded by mu
	calls map[Ticket]chan Fate // where each waiter is told its fate; guarded by mu
	gone  func(Ticket)         // told of who gives up, with mu held; nil: nobody is
}

func newLive(env lab.Env, core *Queue) *Live {
	return &Live{clock: env.Clock, counts: newCounts(env.Counters), core: core, calls: map[Ticket]chan Fate{}}
}

// Wrap implements lab.Live.
func (l *Live) Wrap(next lab.Handler, state lab.State) lab.Handler {
	return lab.Wrap(next, state, l.guard, l.watch)
}

// Gauges implements lab.Live.
func (l *Live) Gauges(now time.Duration) []lab.Gauge {
	l.mu.Lock()
	defer l.mu.Unlock()
	return gauges(l.core, now)
}

// Close implements lab.Live; a queue starts nothing.
func (l *Live) Close() error { return nil }

func (l *Live) guard(ctx context.Context, r *lab.Request, next lab.Handler) lab.Response {
	entry, call, now := l.enter(r)
	fate := entry.Fate
	if fate == Wait {
		l.counts.waited.Add(1)
		fate = l.wait(ctx, entry, now, call)
	}
	if fate == Wait { // still: the service stops
		return lab.Answer(nil, lab.ErrStop)
	}
	l.counts.ends[fate].Add(1)
	if fate != Serve {
		return fate.Response()
	}
	defer l.leave() // also when next panics: a lost worker would be lost for good
	return next.Serve(ctx, r)
}

// enter queues a request; one that waits gets a channel on which it is told its
// fate. The clock is read under the lock, so that the room is in order of time.
func (l *Live) enter(r *lab.Request) (e Entry, call chan Fate, now time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now = l.clock.Now()
	e = l.core.Enter(now, r.End())
	if e.Evicted != 0 {
		l.tell(e.Evicted, Evicted)
	}
	if e.Fate == Wait {
		call = make(chan Fate, 1)
		l.calls[e.Ticket] = call
	}
	return e, call, now
}

// tell requires l.mu. It never blocks: a waiter is told once.
func (l *Live) tell(t Ticket, f Fate) {
	l.calls[t] <- f
	delete(l.calls, t)
}

// wait returns the fate of a waiting request, or Wait when ctx ends first.
func (l *Live) wait(ctx context.Context, e Entry, now time.Duration, call chan Fate) Fate {
	var over <-chan time.Time
	if e.Until > 0 {
		timer := time.NewTimer(e.Until - now)
		defer timer.Stop()
		over = timer.C
	}
	select {
	case f := <-call:
		return f
	case <-over:
	case <-ctx.Done():
	}
	l.mu.Lock()
	f, ok := l.core.GiveUp(l.clock.Now(), e.Ticket)
	delete(l.calls, e.Ticket)
	if ok && l.gone != nil {
		l.gone(e.Ticket)
	}
	l.mu.Unlock()
	switch {
	case !ok:
		return <-call // told at the last moment
	case ctx.Err() != nil:
		return Wait
	}
	return f
}

func (l *Live) leave() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.core.Leave()
	var now time.Duration
	if l.core.Depth() > 0 { // an empty room has no use for the clock
		now = l.clock.Now()
	}
	for t, f, ok := l.core.Next(now); ok; t, f, ok = l.core.Next(now) {
		l.tell(t, f)
	}
}

// watch passes everything and keeps a worker for it, as many as that may take.
func (l *Live) watch(ctx context.Context, r *lab.Request, next lab.Handler) lab.Response {
	l.mu.Lock()
	fate := l.core.Pass()
	l.mu.Unlock()
	switch fate {
	case Wait:
		l.counts.shadowWaited.Add(1)
	case Full:
		l.counts.shadowFull.Add(1)
	default:
		l.counts.ends[Serve].Add(1)
	}
	defer l.leave()
	return next.Serve(ctx, r)
}

var _ lab.Live = (*Live)(nil)
