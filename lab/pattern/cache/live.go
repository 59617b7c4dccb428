package cache

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"workbench/lab"
	"workbench/sim/clock"
)

// Pattern describes the cache to the catalog.
func Pattern() lab.Pattern {
	return lab.Yield(lab.Define(lab.Pattern{
		Name:  "cache",
		Title: "Cache",
		Line:  "answers reads from a copy, in memory, in Redis, or in both",
		Events: []string{
			"hit", "negative_hit", "miss", "expired", "early", "early_kept", "store", "store_refused",
			"evicted", "invalidated", "redis_hit", "redis_error", "redis_skipped", "shadow_hit",
		},
	}, Defaults, newLive, newStage), newYours)
}

// ErrNoRedis is returned for a store of redis or both without a Redis.
var ErrNoRedis = errors.New("no redis is open: set store to memory, or give the lab one")

// counts are the pattern's counters. hit counts every answer from a copy,
// negative_hit those of them that say the item does not exist, redis_hit those
// that came from Redis. miss counts every request that was passed on.
type counts struct {
	hit, negative, miss, expired, early, earlyKept, store, refused   *atomic.Uint64
	evicted, invalidated, redisHit, redisError, redisSkipped, shadow *atomic.Uint64
}

func newCounts(c *lab.Counters) *counts {
	return &counts{
		hit: c.Get("hit"), negative: c.Get("negative_hit"), miss: c.Get("miss"), expired: c.Get("expired"),
		early: c.Get("early"), earlyKept: c.Get("early_kept"), store: c.Get("store"), refused: c.Get("store_refused"),
		evicted: c.Get("evicted"), invalidated: c.Get("invalidated"), redisHit: c.Get("redis_hit"),
		redisError: c.Get("redis_error"), redisSkipped: c.Get("redis_skipped"), shadow: c.Get("shadow_hit"),
	}
}

func (c *counts) answered(res *lab.Response) {
	c.hit.Add(1)
	if res.Missing {
		c.negative.Add(1)
	}
}

// missed counts a look that is not answered from a copy.
func (c *counts) missed(f Found) {
	c.miss.Add(1)
	switch f {
	case Expired:
		c.expired.Add(1)
	case Soon:
		c.early.Add(1)
	}
}

func (c *counts) stored(s Stored) {
	switch s {
	case Refused:
		c.refused.Add(1)
	case Kept:
		c.store.Add(1)
	case KeptFor:
		c.store.Add(1)
		c.evicted.Add(1)
	}
}

// Live is the cache in a running service.
type Live struct {
	knobs  Knobs
	clock  clock.Clock
	draw   func() float64
	counts *counts
	memory table   // always there: shadow uses nothing else
	local  bool    // whether memory answers; false with store redis
	shared *shared // nil with store memory
}

func newLive(env lab.Env, k Knobs) (lab.Live, error) {
	l := &Live{knobs: k, clock: env.Clock, draw: env.Uniform, counts: newCounts(env.Counters), local: k.Store != Redis}
	var err error
	if l.memory, err = newTable(&k, l.counts.evicted); err != nil {
		return nil, fmt.Errorf("cache of %d entries: %w", k.Capacity, err)
	}
	if k.Store == Memory {
		return l, nil
	}
	if env.Redis == nil {
		return nil, fmt.Errorf("cache with store %s: %w", k.Store, ErrNoRedis)
	}
	l.shared = newShared(env, &k, l.counts)
	if k.Store == Both {
		l.shared.follow(env.Go, l.memory)
	}
	return l, nil
}

// Wrap implements lab.Live.
func (l *Live) Wrap(next lab.Handler, state lab.State) lab.Handler {
	return lab.Wrap(next, state, l.serve, l.watch)
}

func (l *Live) serve(ctx context.Context, r *lab.Request, next lab.Handler) lab.Response {
	if !r.Read {
		res := next.Serve(ctx, r)
		if Changes(&res) {
			l.drop(ctx, r.Key)
		}
		return res
	}
	if !l.local {
		return l.load(ctx, r, next, Miss, 0)
	}
	res, found, lease := l.memory.get(l.clock.Now(), r.Key, r.Op, l.chance())
	if found == Hit {
		l.counts.answered(&res)
		return res
	}
	return l.load(ctx, r, next, found, lease)
}

// chance draws for early loading, if that is on.
func (l *Live) chance() float64 {
	if l.knobs.Early > 0 {
		return l.draw()
	}
	return 0
}

// load answers a request that memory could not: from Redis, else from below.
func (l *Live) load(ctx context.Context, r *lab.Request, next lab.Handler, found Found, lease Lease) lab.Response {
	var far farLease
	if l.shared != nil {
		// A request that was chosen to load early does not take another copy.
		copied, ok := l.shared.get(ctx, r.Key, r.Op, found != Soon)
		far = copied.lease
		if ok {
			l.counts.redisHit.Add(1)
			l.counts.answered(&copied.res)
			if l.local {
				l.counts.stored(l.memory.put(l.clock.Now(), r.Key, r.Op, lease, copied.res, copied.left, copied.load))
			}
			return copied.res
		}
	}
	l.counts.missed(found)
	begin := l.clock.Now()
	res := next.Serve(ctx, r)
	now := l.clock.Now()
	switch {
	case Keepable(&res):
		ttl := l.life(&res)
		if ttl <= 0 {
			break
		}
		if l.local {
			l.counts.stored(l.memory.put(now, r.Key, r.Op, lease, res, ttl, now-begin))
		}
		if l.shared != nil && l.shared.put(ctx, r.Key, r.Op, far, res, ttl, now-begin) && !l.local {
			l.counts.store.Add(1) // with both, memory has counted it
		}
	case found == Soon && !res.Outcome.Good():
		if copied, ok := l.memory.peek(now, r.Key, r.Op); ok {
			l.counts.earlyKept.Add(1)
			return copied
		}
	}
	return res
}

// life draws how long an answer is kept.
func (l *Live) life(res *lab.Response) time.Duration {
	if l.knobs.Jitter == 0 {
		return l.knobs.Life(res.Missing, .5)
	}
	return l.knobs.Life(res.Missing, l.draw())
}

// drop forgets an item everywhere. Redis comes first: else another request
// could fetch the old copy from there between the two.
func (l *Live) drop(ctx context.Context, item uint64) {
	if l.shared != nil {
		l.shared.drop(ctx, item)
	}
	l.counts.invalidated.Add(uint64(l.memory.drop(item)))
}

// watch passes everything and keeps account in memory of what would have been
// answered from a copy; it leaves Redis alone.
func (l *Live) watch(ctx context.Context, r *lab.Request, next lab.Handler) lab.Response {
	if !r.Read {
		res := next.Serve(ctx, r)
		if Changes(&res) {
			l.counts.invalidated.Add(uint64(l.memory.drop(r.Key)))
		}
		return res
	}
	begin := l.clock.Now()
	_, found, lease := l.memory.get(begin, r.Key, r.Op, l.chance())
	res := next.Serve(ctx, r)
	if found == Hit {
		l.counts.shadow.Add(1)
		return res
	}
	l.counts.missed(found)
	if Keepable(&res) {
		if ttl := l.life(&res); ttl > 0 {
			now := l.clock.Now()
			l.counts.stored(l.memory.put(now, r.Key, r.Op, lease, res, ttl, now-begin))
		}
	}
	return res
}

// Clear empties this instance's memory, as a restart would. Redis is not
// touched: it is shared.
func (l *Live) Clear() { l.memory.clear() }

// Gauges implements lab.Live.
func (l *Live) Gauges(now time.Duration) []lab.Gauge {
	hits, looks := l.memory.recent(now)
	up := lab.Gauge{Name: "redis_up", Value: 1, Text: "not used"}
	if l.shared != nil {
		up = l.shared.gauge()
		far, farLooks := l.shared.recent(now)
		if hits += far; !l.local {
			looks = farLooks
		}
	}
	return append(gauges(l.memory.len(), hits, looks), up)
}

// gauges are those that live and virtual have in common.
func gauges(entries int, hits, looks uint64) []lab.Gauge {
	share := 0.
	if looks > 0 {
		share = float64(hits) / float64(looks)
	}
	return []lab.Gauge{{Name: "entries", Value: float64(entries)}, {Name: "hit_share", Value: share}}
}

// Close implements lab.Live. What is in Redis stays and expires; a cache that
// is switched on later does not trust it.
func (l *Live) Close() error {
	if l.shared != nil {
		l.shared.close()
	}
	return nil
}

var _ lab.Live = (*Live)(nil)
