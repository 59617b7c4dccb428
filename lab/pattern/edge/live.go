package edge

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"workbench/lab"
	"workbench/lab/shield"
	"workbench/sim/clock"
)

// Pattern describes the edge cache to the catalog.
func Pattern() lab.Pattern {
	return lab.Define(lab.Pattern{
		Name: "edge", Title: "Edge cache (CDN)", Front: true,
		Line: "answers reads before the balancer, for as long as the service’s answers allow",
		Events: []string{
			"hit", "miss", "revalidated", "stale", "stale_error", "collapsed", "refresh", "store", "evicted", "dropped", "bytes_saved", "shadow_hit",
		},
	}, Defaults, newLive, newStage)
}

// counts are the pattern's counters. bytes_saved is counted where there are bytes.
type counts struct {
	hit, miss, revalidated, stale, staleError, collapsed, refresh, store, evicted, dropped, bytes, shadow *atomic.Uint64
}

func newCounts(c *lab.Counters) counts {
	return counts{
		hit: c.Get("hit"), miss: c.Get("miss"), revalidated: c.Get("revalidated"), stale: c.Get("stale"), staleError: c.Get("stale_error"),
		collapsed: c.Get("collapsed"), refresh: c.Get("refresh"), store: c.Get("store"), evicted: c.Get("evicted"), dropped: c.Get("dropped"),
		bytes: c.Get("bytes_saved"), shadow: c.Get("shadow_hit"),
	}
}

func (c counts) kept(k Kept) {
	switch k {
	case Renewed:
		c.revalidated.Add(1)
	case Stored:
		c.store.Add(1)
	case StoredFor:
		c.store.Add(1)
		c.evicted.Add(1)
	}
}

// saved counts the body of an answer that did not have to come from the service.
func (c counts) saved(res *lab.Response) { c.bytes.Add(uint64(len(res.Body))) }

// Live is the edge before one handler. In the lab's service the same rules stand
// before the balancer as HTTP, in lab/edge.
type Live struct {
	clock  clock.Clock
	run    func(func(context.Context))
	log    *slog.Logger
	counts counts

	mu     sync.Mutex
	copies *Copies[*landing] // guarded by mu
}

// landing is where a flight's answer appears.
type landing struct {
	done chan struct{} // closed when res is there
	res  lab.Response
}

func newLive(env lab.Env, k Knobs) (lab.Live, error) {
	return &Live{clock: env.Clock, run: env.Go, log: env.Log, counts: newCounts(env.Counters), copies: New[*landing](k)}, nil
}

// Wrap implements lab.Live.
func (l *Live) Wrap(next lab.Handler, state lab.State) lab.Handler {
	return lab.HandlerFunc(func(ctx context.Context, r *lab.Request) lab.Response {
		switch {
		case !r.Read:
			return l.write(ctx, r, next)
		case state == lab.Shadow:
			return l.watch(ctx, r, next)
		}
		return l.serve(ctx, r, next)
	})
}

func (l *Live) write(ctx context.Context, r *lab.Request, next lab.Handler) lab.Response {
	res := next.Serve(ctx, r)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.counts.dropped.Add(uint64(l.copies.Wrote(r, operations, &res)))
	return res
}

func (l *Live) serve(ctx context.Context, r *lab.Request, next lab.Handler) lab.Response {
	l.mu.Lock()
	copied, offer, lease := l.copies.Look(l.clock.Now(), r)
	var f *Flight[*landing]
	leads := false
	switch offer {
	case While:
		f, leads = l.copies.Refresh(r, lease)
	case Miss:
		f, leads = l.copies.Join(r, lease)
	}
	if leads {
		f.Of = &landing{done: make(chan struct{})}
	}
	l.mu.Unlock()
	switch {
	case offer == Fresh:
		l.counts.hit.Add(1)
		l.counts.saved(&copied)
		return copied
	case offer == While:
		l.counts.stale.Add(1)
		l.counts.saved(&copied)
		if leads {
			l.counts.refresh.Add(1)
			l.start(f, r, next)
		}
		return copied
	}
	l.counts.miss.Add(1)
	if f == nil {
		return l.alone(ctx, r, lease, next)
	}
	if leads {
		l.start(f, r, next)
	} else {
		l.counts.collapsed.Add(1)
	}
	return l.wait(ctx, r, f, leads, next)
}

// alone asks the service for one request.
func (l *Live) alone(ctx context.Context, r *lab.Request, lease Lease, next lab.Handler) lab.Response {
	res := next.Serve(ctx, r)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.counts.kept(l.copies.Keep(l.clock.Now(), r, lease, res))
	return l.cover(r, res)
}

// cover returns the copy in place of a failure, else the answer. mu is held.
func (l *Live) cover(r *lab.Request, res lab.Response) lab.Response {
	copied, ok := l.copies.OnError(l.clock.Now(), r, &res)
	if !ok {
		return res
	}
	l.counts.staleError.Add(1)
	l.counts.saved(&copied)
	return copied
}

// start begins a flight on a goroutine of the lab's, so that it outlives the
// request that leads it.
func (l *Live) start(f *Flight[*landing], r *lab.Request, next lab.Handler) {
	own := *r
	Detached(l.clock.Now(), &own)
	l.run(func(ctx context.Context) {
		f.Of.res, _ = shield.Call(ctx, l.log, "edge", &own, next)
		l.mu.Lock()
		l.counts.kept(l.copies.Keep(l.clock.Now(), &own, l.copies.Land(f), f.Of.res))
		l.mu.Unlock()
		close(f.Of.done)
	})
}

// wait returns what a flight brought.
func (l *Live) wait(ctx context.Context, r *lab.Request, f *Flight[*landing], leads bool, next lab.Handler) lab.Response {
	select {
	case <-f.Of.done:
	case <-ctx.Done():
		return lab.Refuse(lab.Shed, lab.ReasonShutdown, time.Second)
	}
	l.mu.Lock()
	answer := l.cover(r, f.Of.res)
	_, _, lease := l.copies.Look(l.clock.Now(), r)
	l.mu.Unlock()
	if !leads && !served(&answer) {
		return l.alone(ctx, r, lease, next)
	}
	if !leads && answer.Outcome == lab.OK {
		l.counts.saved(&answer) // a stale one has been counted
	}
	return answer
}

// watch passes everything and counts what a copy would have answered.
func (l *Live) watch(ctx context.Context, r *lab.Request, next lab.Handler) lab.Response {
	l.mu.Lock()
	_, offer, lease := l.copies.Look(l.clock.Now(), r)
	l.mu.Unlock()
	if offer != Miss {
		l.counts.shadow.Add(1)
	}
	res := next.Serve(ctx, r)
	if offer != Fresh { // a fresh copy would not have been fetched anew
		l.mu.Lock()
		defer l.mu.Unlock()
		l.counts.kept(l.copies.Keep(l.clock.Now(), r, lease, res))
	}
	return res
}

// Gauges implements lab.Live.
func (l *Live) Gauges(time.Duration) []lab.Gauge {
	l.mu.Lock()
	defer l.mu.Unlock()
	return gauges(l.copies.Len(), l.copies.Flights())
}

func gauges(answers, flights int) []lab.Gauge {
	return []lab.Gauge{{Name: "answers", Value: float64(answers)}, {Name: "flights", Value: float64(flights)}}
}

// Close implements lab.Live. Flights belong to the lab's goroutines and land by
// their deadline.
func (l *Live) Close() error { return nil }

var _ lab.Live = (*Live)(nil)
