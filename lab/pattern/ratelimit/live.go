package ratelimit

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"workbench/lab"
	"workbench/lab/remote/fuse"
	"workbench/sim/clock"
)

// Pattern describes the rate limit to the catalog.
func Pattern() lab.Pattern {
	return lab.Yield(lab.Define(lab.Pattern{
		Name:    "ratelimit",
		Title:   "Rate limit",
		Line:    "holds everybody, or each user, address or token, to a number a second",
		Reasons: []lab.Reason{ReasonGlobal, ReasonUser, ReasonIP, ReasonToken, ReasonStore},
		Events:  []string{"admitted", "limited", "shadow_limited", "evicted", "redis_errors", "redis_skipped"},
	}, Defaults, newLive, newStage), newYours)
}

// counts are the pattern's counters. A request within its quota is admitted in
// shadow too; shadow_limited counts those that would have been refused.
// redis_errors counts calls that failed, redis_skipped requests for which Redis
// was not asked because it had failed before.
type counts struct{ admitted, limited, shadowLimited, evicted, redisErrors, redisSkipped *atomic.Uint64 }

func newCounts(c *lab.Counters) counts {
	return counts{
		admitted: c.Get("admitted"), limited: c.Get("limited"), shadowLimited: c.Get("shadow_limited"),
		evicted: c.Get("evicted"), redisErrors: c.Get("redis_errors"), redisSkipped: c.Get("redis_skipped"),
	}
}

// lock keeps one shard; the padding keeps two locks off one cache line.
type lock struct {
	sync.Mutex
	_ [56]byte
}

// Live is a rate limit in a running service.
type Live struct {
	clock  clock.Clock
	counts counts
	core   *Limiter
	locks  []lock  // locks[i] guards core.Shard(i)
	shared *shared // nil: the quotas are local
}

func newLive(env lab.Env, k Knobs) (lab.Live, error) {
	core, err := New(k)
	if err != nil {
		return nil, err
	}
	l := &Live{clock: env.Clock, counts: newCounts(env.Counters), core: core, locks: make([]lock, core.Shards())}
	if k.Store != "redis" {
		return l, nil
	}
	if env.Redis == nil {
		return nil, errors.New("ratelimit: knob store: got redis, but there is no Redis here; want local, or a lab with Redis")
	}
	l.shared = newShared(env, k, l.counts)
	return l, nil
}

// Wrap implements lab.Live.
func (l *Live) Wrap(next lab.Handler, state lab.State) lab.Handler {
	switch {
	case state == lab.Shadow && l.shared != nil:
		return lab.HandlerFunc(func(ctx context.Context, r *lab.Request) lab.Response {
			// The answer is only counted, so the request need not wait for it.
			l.shared.ask(l.core.Key(r), func(v Verdict, err error) { l.watch(v, err) })
			return next.Serve(ctx, r)
		})
	case state == lab.Shadow:
		return lab.HandlerFunc(func(ctx context.Context, r *lab.Request) lab.Response {
			l.watch(l.take(r), nil)
			return next.Serve(ctx, r)
		})
	case l.shared != nil:
		return lab.HandlerFunc(func(ctx context.Context, r *lab.Request) lab.Response { return l.guardShared(ctx, r, next) })
	}
	return lab.HandlerFunc(func(ctx context.Context, r *lab.Request) lab.Response { return l.guard(ctx, r, next) })
}

func (l *Live) guard(ctx context.Context, r *lab.Request, next lab.Handler) lab.Response {
	if v := l.take(r); !v.OK {
		l.counts.limited.Add(1)
		return l.core.Refuse(v.Retry)
	}
	l.counts.admitted.Add(1)
	return next.Serve(ctx, r)
}

// take asks the local bucket of r's caller.
func (l *Live) take(r *lab.Request) Verdict {
	// Nothing has waited since the instance read the clock, and reading it again
	// would cost more than all the rest. An instant that is a little old only
	// makes the bucket look less full.
	now, key := r.At, l.core.Key(r)
	if now == 0 {
		now = l.clock.Now()
	}
	i := l.core.Place(key)
	l.locks[i].Lock()
	v := l.core.Shard(i).Take(now, key)
	l.locks[i].Unlock()
	if v.Evicted {
		l.counts.evicted.Add(1)
	}
	return v
}

func (l *Live) guardShared(ctx context.Context, r *lab.Request, next lab.Handler) lab.Response {
	v, err := l.shared.take(ctx, l.core.Key(r))
	switch {
	case ctx.Err() != nil:
		return lab.Answer(nil, lab.ErrStop)
	case err != nil && l.shared.closed:
		l.counts.limited.Add(1)
		return lab.Refuse(lab.Shed, ReasonStore, fuse.Pause)
	case err == nil && !v.OK:
		l.counts.limited.Add(1)
		return l.core.Refuse(v.Retry)
	}
	l.counts.admitted.Add(1)
	return next.Serve(ctx, r)
}

// watch counts what a request in shadow would have met.
func (l *Live) watch(v Verdict, err error) {
	if err == nil && !v.OK || err != nil && l.shared.closed {
		l.counts.shadowLimited.Add(1)
		return
	}
	l.counts.admitted.Add(1)
}

// Gauges implements lab.Live.
func (l *Live) Gauges(time.Duration) []lab.Gauge {
	keys := 0
	for i := range l.locks {
		l.locks[i].Lock()
		keys += l.core.Shard(i).Len()
		l.locks[i].Unlock()
	}
	return gauges(keys, l.shared != nil && !l.shared.fuse.Up())
}

// gauges returns the pattern's gauges. keys are those in this instance's memory;
// the keys of a shared limit are in Redis.
func gauges(keys int, degraded bool) []lab.Gauge {
	g := lab.Gauge{Name: "degraded", Text: "no"}
	if degraded {
		g.Value, g.Text = 1, "Redis does not answer"
	}
	return []lab.Gauge{{Name: "keys", Value: float64(keys)}, g}
}

// Close implements lab.Live. What asks Redis in shadow ends by its own timeout.
func (l *Live) Close() error { return nil }

var _ lab.Live = (*Live)(nil)
