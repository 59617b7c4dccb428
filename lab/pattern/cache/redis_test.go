package cache_test

import (
	"context"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"workbench/lab"
	"workbench/lab/pattern/cache"
	"workbench/lab/remote"
	"workbench/sim/clock"
)

// TestRealRedisKilledUnderLoad kills and revives a real redis-server while two
// instances serve: no caller sees an error, and copies are used again by
// themselves.
func TestRealRedisKilledUnderLoad(t *testing.T) {
	if _, err := exec.LookPath("redis-server"); err != nil {
		if strings.Contains(os.Getenv("WORKBENCH_REQUIRE"), "redis") {
			t.Fatal("no redis-server on PATH, and WORKBENCH_REQUIRE asks for it")
		}
		t.Skip("SKIPPED: no redis-server on PATH; the cache is tested against miniredis only")
	}
	r, err := remote.Open(t.Context(), remote.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var owned sync.WaitGroup
	wall := clock.NewWall()
	var nodes []lab.Handler
	counters := lab.NewCounters()
	for _, name := range []string{"a", "b"} {
		k, err := cache.Pattern().Settings(map[string]any{"store": "redis"})
		if err != nil {
			t.Fatal(err)
		}
		l, err := cache.Pattern().New(lab.Env{
			Clock: wall, Counters: counters, Redis: r.Client(), Instance: name, Log: slog.New(slog.DiscardHandler),
			Uniform: func() float64 { return .5 }, Go: func(f func(context.Context)) { owned.Go(func() { f(ctx) }) },
		}, k)
		if err != nil {
			t.Fatal(err)
		}
		nodes = append(nodes, l.Wrap(lab.HandlerFunc(func(context.Context, *lab.Request) lab.Response { return lab.Response{} }), lab.On))
	}
	var hits, errs, n atomic.Int64
	for u := range 8 {
		owned.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				res := nodes[u%2].Serve(ctx, &lab.Request{Key: uint64(i % 50), Op: uint8(i / 500 % 2), Read: i%100 != 0})
				n.Add(1)
				if res.Cached {
					hits.Add(1)
				}
				if res.Outcome != lab.OK {
					errs.Add(1)
				}
			}
		})
	}
	reach := func(what string, ok func() bool) {
		t.Helper()
		for begin := wall.Now(); !ok(); {
			if wall.Now()-begin > 10*time.Second {
				t.Fatalf("%s: not reached in 10 s", what)
			}
			if err := wall.Wait(t.Context(), wall.Now()+5*time.Millisecond); err != nil {
				t.Fatal(err)
			}
		}
	}
	reach("hits", func() bool { return hits.Load() > 1000 })
	if err := r.Kill(); err != nil {
		t.Fatal(err)
	}
	reach("Redis is left alone", func() bool { return counters.All()["redis_skipped"] > 1000 })
	if err := r.Revive(t.Context()); err != nil {
		t.Fatal(err)
	}
	before := hits.Load()
	reach("hits again", func() bool { return hits.Load() > before+1000 })
	cancel()
	owned.Wait()
	if errs.Load() != 0 {
		t.Errorf("%d of %d requests were not answered OK, want 0", errs.Load(), n.Load())
	}
	t.Logf("%d requests on %s, %d hits, counters %v", n.Load(), r.Label(), hits.Load(), counters.All())
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}
