package cache_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"workbench/lab"
	"workbench/lab/pattern/cache"
	"workbench/lab/pattern/patterntest"
	"workbench/sim/dist"
)

func TestPoliciesInMemory(t *testing.T) {
	for _, policy := range []string{"lru", "w-tinylfu"} {
		t.Run(policy, func(t *testing.T) {
			bubble(t, func(f *farm) {
				n := f.node("a", lab.On, map[string]any{"policy": policy, "ttl": "10s", "jitter": 0, "negative_ttl": "1s"})
				f.want("first", n.read(1), "one", false, 0)
				f.wait(2 * time.Second)
				f.want("second", n.read(1), "one", true, 2*time.Second)
				n.write(1, "two")
				f.want("after a write", n.read(1), "two", false, 0)
				f.wait(10 * time.Second)
				f.want("after the ttl", n.read(1), "two", false, 0)
				f.value.Store(nil)
				if res := n.read(2); !res.Missing || res.Cached {
					t.Errorf("absent item: %+v, want missing and fresh", res)
				}
				if res := n.read(2); !res.Missing || !res.Cached {
					t.Errorf("absent item again: %+v, want missing from the cache", res)
				}
				f.write("born")
				f.wait(time.Second)
				f.want("the item appears once the negative entry is over", n.read(2), "born", false, 0)
				for name, want := range map[string]uint64{"hit": 2, "negative_hit": 1, "miss": 5, "expired": 2, "store": 5, "invalidated": 1} {
					f.count(n, name, want)
				}
				if g := n.Gauges(f.clock.Now()); g[0].Name != "entries" || g[0].Value != 2 || g[1].Name != "hit_share" || g[2].Text != "not used" {
					t.Errorf("Gauges() = %v, want 2 entries, hit_share, redis_up not used", g)
				}
			})
		})
	}
}

func TestHitShareGauge(t *testing.T) {
	bubble(t, func(f *farm) {
		n := f.node("a", lab.On, nil)
		for range 4 {
			n.read(1)
		}
		if g := n.Gauges(f.clock.Now()); g[1].Value != .75 {
			t.Errorf("hit_share after 1 miss and 3 hits = %v, want 0.75", g[1].Value)
		}
		f.wait(11 * time.Second)
		if g := n.Gauges(f.clock.Now()); g[1].Value != 0 {
			t.Errorf("hit_share after 11 s of silence = %v, want 0", g[1].Value)
		}
	})
}

func TestScansDoNotSpoilTinyLFU(t *testing.T) {
	share := func(policy string) (got float64) {
		bubble(t, func(f *farm) {
			f.delay = 0
			n := f.node("a", lab.On, map[string]any{"policy": policy, "capacity": 200})
			draws, hot, hits := dist.New(2, "scan"), 0, 0
			for i := range 60_000 {
				key := uint64(1_000_000 + i) // a scan: each asked for once
				if i%3 != 0 {
					key = uint64(draws.Float64() * draws.Float64() * 2000)
				}
				res := n.read(key)
				if i%3 != 0 && i > 20_000 {
					hot++
					if res.Cached {
						hits++
					}
				}
			}
			got = float64(hits) / float64(hot)
		})
		return got
	}
	lru, tiny := share("lru"), share("w-tinylfu")
	if tiny < lru+.05 {
		t.Errorf("hit share with scans between: w-tinylfu %.3f, lru %.3f, want at least 0.05 more (seed 2)", tiny, lru)
	}
}

func TestEarlyLoadThatFailsKeepsTheCopy(t *testing.T) {
	bubble(t, func(f *farm) {
		f.delay = time.Second
		n := f.node("a", lab.On, map[string]any{"ttl": "10s", "jitter": 0, "early": 100})
		f.want("first", n.read(1), "one", false, 0)
		f.fail.Store(true)
		f.want("an early load fails", n.read(1), "one", true, time.Second)
		f.count(n, "early", 1)
		f.count(n, "early_kept", 1)
		f.wait(9 * time.Second)
		if res := n.read(1); res.Outcome != lab.Failed {
			t.Errorf("after the ttl: %v, want failed", res.Outcome)
		}
	})
}

func TestInstancesShareRedis(t *testing.T) {
	bubble(t, func(f *farm) {
		knobs := map[string]any{"store": "redis", "ttl": "10s", "jitter": 0}
		a, b := f.node("a", lab.On, knobs), f.node("b", lab.On, knobs)
		b.read(9) // a cache that starts drops what Redis holds, once
		f.want("a loads", a.read(1), "one", false, 0)
		f.wait(3 * time.Second)
		f.want("b has it from Redis", b.read(1), "one", true, 3*time.Second)
		f.count(b, "redis_hit", 1)
		f.count(a, "store", 1)
		b.write(1, "two")
		f.want("a write at b is seen at a", a.read(1), "two", false, 0)
		f.wait(10 * time.Second)
		f.want("expired", a.read(1), "two", false, 0)
		if g := b.Gauges(f.clock.Now()); g[2].Value != 1 {
			t.Errorf("redis_up = %v, want 1", g[2])
		}
	})
}

// TestFillRaceAcrossInstances: a slow load at one instance began before a write
// at another and ends after it.
func TestFillRaceAcrossInstances(t *testing.T) {
	for _, store := range []string{"redis", "both"} {
		t.Run(store, func(t *testing.T) {
			bubble(t, func(f *farm) {
				a, b := f.node("a", lab.On, map[string]any{"store": store}), f.node("b", lab.On, map[string]any{"store": store})
				a.read(8)
				b.read(9)
				synctest.Wait()
				f.delay = time.Second
				var slow sync.WaitGroup
				slow.Go(func() { f.want("the slow load", a.read(1), "one", false, 0) })
				f.wait(500 * time.Millisecond)
				b.write(1, "two")
				slow.Wait()
				f.want("at a afterwards", a.read(1), "two", false, 0)
				f.want("at b afterwards", b.read(1), "two", true, 0)
			})
		})
	}
}

func TestBothDropsOtherMemories(t *testing.T) {
	bubble(t, func(f *farm) {
		a, b := f.node("a", lab.On, map[string]any{"store": "both"}), f.node("b", lab.On, map[string]any{"store": "both"})
		a.read(8)
		b.read(9)
		synctest.Wait()
		a.read(1)
		b.read(1)
		f.count(b, "redis_hit", 1)
		f.want("b has it in memory", b.read(1), "one", true, 0)
		f.count(b, "redis_hit", 1)
		a.write(1, "two")
		synctest.Wait()
		f.count(b, "invalidated", 1)
		f.want("b after a write at a", b.read(1), "two", false, 0)
	})
}

func TestDeadRedisIsAMiss(t *testing.T) {
	for name, line := range map[string]int32{"refusing": lineRefusing, "silent": lineSilent} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(f *farm) {
				n := f.node("a", lab.On, map[string]any{"store": "redis", "ttl": "1h", "redis_timeout": "20ms"})
				n.read(1)
				f.want("while Redis is up", n.read(1), "one", true, 0)
				f.cut(line)
				slowest := time.Duration(0)
				for i := range 20 {
					begin := f.clock.Now()
					if i == 10 {
						n.write(1, "two")
					}
					if res := n.read(1); res.Outcome != lab.OK || res.Cached {
						t.Errorf("read %d with Redis away: %+v, want a fresh OK", i, res)
					}
					slowest = max(slowest, f.clock.Now()-begin)
				}
				if slowest > 100*time.Millisecond {
					t.Errorf("slowest read with Redis away took %v, want at most 2 × 20ms and the load", slowest)
				}
				if got := n.counters.All()["redis_error"]; got < 3 || got > 5 {
					t.Errorf("redis_error = %d, want 3 to 5: after three it is left alone", got)
				}
				if g := n.Gauges(f.clock.Now()); g[2].Value != 0 {
					t.Errorf("redis_up = %v, want 0", g[2])
				}
				f.cut(lineUp)
				f.wait(5 * time.Second)
				f.want("back: the write that Redis missed is not undone", n.read(1), "two", false, 0)
				f.want("and then", n.read(1), "two", true, 0)
				if g := n.Gauges(f.clock.Now()); g[2].Value != 1 {
					t.Errorf("redis_up = %v, want 1", g[2])
				}
			})
		})
	}
}

// TestSwitchedOnAgainDistrustsRedis: while the cache was off, nobody dropped
// what was written.
func TestSwitchedOnAgainDistrustsRedis(t *testing.T) {
	bubble(t, func(f *farm) {
		f.node("a", lab.On, map[string]any{"store": "redis"}).read(1)
		f.write("two")
		again := f.node("a", lab.On, map[string]any{"store": "redis"})
		f.want("switched on again", again.read(1), "two", false, 0)
	})
}

func TestForeignValuesInRedisAreMisses(t *testing.T) {
	bubble(t, func(f *farm) {
		n := f.node("a", lab.On, map[string]any{"store": "redis"})
		n.read(1)
		for _, key := range f.redis.Keys() {
			if err := f.redis.Set(key, "\x01\x00garbage"); err != nil {
				t.Fatal(err)
			}
		}
		f.want("garbage", n.read(1), "one", false, 0)
	})
}

func TestShadowKeepsAccountOnly(t *testing.T) {
	bubble(t, func(f *farm) {
		n := f.node("a", lab.Shadow, map[string]any{"store": "redis"})
		for range 3 {
			f.want("in shadow", n.read(1), "one", false, 0)
		}
		n.write(1, "two")
		f.want("in shadow", n.read(1), "two", false, 0)
		for name, want := range map[string]uint64{"shadow_hit": 2, "hit": 0, "miss": 2, "store": 2, "invalidated": 1} {
			f.count(n, name, want)
		}
		if got := f.loads.Load(); got != 4 {
			t.Errorf("loads = %d, want all 4 reads", got)
		}
		if keys := f.redis.Keys(); len(keys) != 0 {
			t.Errorf("keys in Redis = %v, want none", keys)
		}
	})
}

func TestRedisIsRequiredOnlyIfAsked(t *testing.T) {
	p := cache.Pattern()
	for _, store := range []string{"redis", "both"} {
		k, err := p.Settings(map[string]any{"store": store})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.New(lab.Env{Counters: lab.NewCounters()}, k); !errors.Is(err, cache.ErrNoRedis) {
			t.Errorf("New with store %s and no Redis = %v, want ErrNoRedis", store, err)
		}
	}
}

// TestHitDoesNotAllocate pins what the hot path costs in garbage.
func TestHitDoesNotAllocate(t *testing.T) {
	h := hot(t, "lru")
	r := &lab.Request{Key: 1, Read: true}
	if got := testing.AllocsPerRun(1000, func() { h.Serve(context.Background(), r) }); got != 0 {
		t.Errorf("allocations of a hit: %v, want 0", got)
	}
}

func hot(tb testing.TB, policy string) lab.Handler {
	tb.Helper()
	l := patterntest.Open(tb, cache.Pattern(), map[string]any{"policy": policy, "ttl": "1h"}, patterntest.Luck(.5))
	h := l.Wrap(lab.HandlerFunc(func(context.Context, *lab.Request) lab.Response { return lab.Response{} }), lab.On)
	for i := range uint64(1000) {
		h.Serve(context.Background(), &lab.Request{Key: i, Read: true})
	}
	return h
}

func BenchmarkHit(b *testing.B) {
	for _, policy := range []string{"lru", "w-tinylfu"} {
		h := hot(b, policy)
		b.Run(fmt.Sprint(policy), func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				r := &lab.Request{Read: true}
				for pb.Next() {
					r.Key = (r.Key + 7) % 1000
					h.Serve(context.Background(), r)
				}
			})
		})
	}
}
