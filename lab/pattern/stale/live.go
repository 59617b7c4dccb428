package stale

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

// Pattern describes serving stale to the catalog.
func Pattern() lab.Pattern {
	return lab.DefineCore(lab.Pattern{
		Name:  "stale",
		Title: "Serve stale",
		Line:  "answers with the last good copy when a fresh answer fails or is slow",
		Events: []string{
			"stale", "fresh", "after", "refresh", "refresh_failed", "store", "store_refused",
			"evicted", "dropped", "too_old", "none", "shadow_stale",
		},
	}, Defaults, New, newLive, newStage)
}

// counts are the pattern's counters: stale counts every stale answer, after
// those of them given out because the call was slow, fresh the copies given out
// as ok, too_old and none the failures that no copy could cover.
type counts struct {
	stale, fresh, after, refresh, refreshFailed, store, refused *atomic.Uint64
	evicted, dropped, tooOld, none, shadow                      *atomic.Uint64
}

func newCounts(c *lab.Counters) *counts {
	return &counts{
		stale: c.Get("stale"), fresh: c.Get("fresh"), after: c.Get("after"), refresh: c.Get("refresh"),
		refreshFailed: c.Get("refresh_failed"), store: c.Get("store"), refused: c.Get("store_refused"),
		evicted: c.Get("evicted"), dropped: c.Get("dropped"), tooOld: c.Get("too_old"), none: c.Get("none"),
		shadow: c.Get("shadow_stale"),
	}
}

func (c *counts) kept(k Kept) {
	switch k {
	case Refused:
		c.refused.Add(1)
	case Stored:
		c.store.Add(1)
	case StoredFor:
		c.store.Add(1)
		c.evicted.Add(1)
	}
}

// keep gives a good answer to the copies.
func (c *counts) keep(copies *Copies, now time.Duration, r *lab.Request, lease Lease, res *lab.Response) {
	if Keepable(res) {
		c.kept(copies.Keep(now, r.Key, r.Op, lease, *res))
	}
}

// cover returns the copy in place of an answer that is worse, else the answer.
func (c *counts) cover(copies *Copies, now time.Duration, r *lab.Request, res lab.Response) lab.Response {
	if !Covers(&res) {
		return res
	}
	copied, ok, tooOld := copies.Last(now, r.Key, r.Op)
	switch {
	case ok:
		c.stale.Add(1)
		return copied
	case tooOld:
		c.tooOld.Add(1)
	default:
		c.none.Add(1)
	}
	return res
}

// endRenew ends a renewal that got this answer.
func (c *counts) endRenew(copies *Copies, now time.Duration, r *lab.Request, lease Lease, res *lab.Response) {
	c.keep(copies, now, r, lease, res)
	if !Keepable(res) {
		c.refreshFailed.Add(1)
	}
	copies.EndRenew(now, r.Key, r.Op, Keepable(res))
}

// Live is serving stale in a running service.
type Live struct {
	clock  clock.Clock
	run    func(func(context.Context))
	log    *slog.Logger
	counts *counts
	after  time.Duration

	mu     sync.Mutex
	copies *Copies // guarded by mu
}

func newLive(env lab.Env, copies *Copies) *Live {
	return &Live{clock: env.Clock, run: env.Go, log: env.Log, counts: newCounts(env.Counters), after: copies.knobs.After, copies: copies}
}

// Wrap implements lab.Live.
func (l *Live) Wrap(next lab.Handler, state lab.State) lab.Handler {
	return lab.Wrap(next, state, l.serve, l.watch)
}

func (l *Live) serve(ctx context.Context, r *lab.Request, next lab.Handler) lab.Response {
	if !r.Read {
		return l.write(ctx, r, next)
	}
	now := l.clock.Now()
	l.mu.Lock()
	copied, offer, lease := l.copies.Look(now, r.Key, r.Op)
	renew := offer == AtOnce && l.copies.Renew(now, r.Key, r.Op)
	l.mu.Unlock()
	switch {
	case offer == Fresh:
		l.counts.fresh.Add(1)
		return copied
	case offer == AtOnce:
		l.counts.stale.Add(1)
		if renew {
			l.renew(now, r, lease, next)
		}
		return copied
	case offer == Backup && l.after > 0:
		return l.soft(ctx, now, r, lease, next)
	}
	res := next.Serve(ctx, r)
	now = l.clock.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.counts.keep(l.copies, now, r, lease, &res)
	return l.counts.cover(l.copies, now, r, res)
}

func (l *Live) write(ctx context.Context, r *lab.Request, next lab.Handler) lab.Response {
	res := next.Serve(ctx, r)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.counts.dropped.Add(uint64(l.copies.Wrote(r.Key, &res)))
	return res
}

// renew loads a copy anew on a goroutine of the lab's. The request is copied,
// because its own answer leaves at once.
func (l *Live) renew(now time.Duration, r *lab.Request, lease Lease, next lab.Handler) {
	l.counts.refresh.Add(1)
	own := *r
	Detached(now, &own, true)
	l.run(func(ctx context.Context) {
		res, _ := shield.Call(ctx, l.log, "stale", &own, next)
		l.mu.Lock()
		defer l.mu.Unlock()
		l.counts.endRenew(l.copies, l.clock.Now(), &own, lease, &res)
	})
}

// slow is a call that may go on behind.
type slow struct {
	done   chan lab.Response // takes one answer without a reader
	landed bool              // guarded by Live.mu
	left   bool              // guarded by Live.mu: the request has its answer and the call has room
}

// soft waits for the call for a while, then gives out the copy and lets it go
// on, if there is room for that.
func (l *Live) soft(ctx context.Context, now time.Duration, r *lab.Request, lease Lease, next lab.Handler) lab.Response {
	own := *r
	Detached(now, &own, false)
	s := &slow{done: make(chan lab.Response, 1)}
	l.run(func(ctx context.Context) {
		res, _ := shield.Call(ctx, l.log, "stale", &own, next)
		l.land(s, res, &own, lease)
	})
	timer := time.NewTimer(l.after)
	defer timer.Stop()
	for {
		select {
		case res := <-s.done:
			return l.covered(r, res)
		case <-ctx.Done():
			return l.covered(r, lab.Refuse(lab.Shed, lab.ReasonShutdown, time.Second))
		case <-timer.C:
			if copied, ok := l.abandon(s, r); ok {
				return copied
			}
		}
	}
}

// land takes the answer of a call.
func (l *Live) land(s *slow, res lab.Response, r *lab.Request, lease Lease) {
	l.mu.Lock()
	l.counts.keep(l.copies, l.clock.Now(), r, lease, &res)
	s.landed = true
	if s.left {
		l.copies.FreeRoom()
	}
	l.mu.Unlock()
	s.done <- res
}

// abandon returns the copy for a request whose call is slow, if there is still
// one and room for the call to go on.
func (l *Live) abandon(s *slow, r *lab.Request) (lab.Response, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	copied, ok, _ := l.copies.Last(l.clock.Now(), r.Key, r.Op)
	if !ok || s.landed || !l.copies.TakeRoom() {
		return lab.Response{}, false
	}
	s.left = true
	l.counts.after.Add(1)
	l.counts.stale.Add(1)
	return copied, true
}

func (l *Live) covered(r *lab.Request, res lab.Response) lab.Response {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.counts.cover(l.copies, l.clock.Now(), r, res)
}

// watch passes everything and counts the answers that would have been stale.
func (l *Live) watch(ctx context.Context, r *lab.Request, next lab.Handler) lab.Response {
	if !r.Read {
		return l.write(ctx, r, next)
	}
	begin := l.clock.Now()
	l.mu.Lock()
	_, offer, lease := l.copies.Look(begin, r.Key, r.Op)
	l.mu.Unlock()
	res := next.Serve(ctx, r)
	now := l.clock.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	slow := l.after > 0 && now-begin > l.after
	if offer == AtOnce || offer == Backup && (slow || Covers(&res)) {
		l.counts.shadow.Add(1)
	}
	l.counts.keep(l.copies, now, r, lease, &res)
	return res
}

// Gauges implements lab.Live.
func (l *Live) Gauges(time.Duration) []lab.Gauge {
	l.mu.Lock()
	defer l.mu.Unlock()
	return gauges(l.copies)
}

func gauges(c *Copies) []lab.Gauge {
	return []lab.Gauge{{Name: "items", Value: float64(c.Len())}, {Name: "behind", Value: float64(c.Behind())}}
}

// Close implements lab.Live. Calls that go on behind belong to the lab's
// goroutines and end by their deadline.
func (l *Live) Close() error { return nil }

var _ lab.Live = (*Live)(nil)
