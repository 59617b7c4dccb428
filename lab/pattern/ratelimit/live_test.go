package ratelimit_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
	"golang.org/x/time/rate"

	"workbench/lab"
	"workbench/lab/pattern/ratelimit"
	"workbench/sim/clock"
	"workbench/sim/dist"
)

// bench is a lab's side of a rate limit with a Redis that can be broken.
type bench struct {
	t      testing.TB
	wall   *clock.Wall
	server *miniredis.Miniredis
	broken atomic.Value // "", "refuses", "hangs"
	cancel context.CancelFunc
	env    lab.Env
	owned  sync.WaitGroup
	nodes  []lab.Live
	serves atomic.Int64
}

func newBench(t testing.TB) *bench {
	b := &bench{t: t, wall: clock.NewWall(), server: miniredis.NewMiniRedis()}
	b.server.ClockTTL(true)
	b.broken.Store("")
	client := redis.NewClient(&redis.Options{
		Addr:   "127.0.0.1:0", // a number: names are looked up outside the bubble
		Dialer: b.dial, ContextTimeoutEnabled: true, MaxRetries: -1, DialerRetries: 1, PoolSize: 16,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	})
	ctx, cancel := context.WithCancel(context.Background())
	b.cancel = func() {
		for _, n := range b.nodes {
			if err := n.Close(); err != nil {
				t.Errorf("Close() = %v", err)
			}
		}
		cancel()
		b.owned.Wait()
		if err := client.Close(); err != nil {
			t.Errorf("close the client: %v", err)
		}
		b.server.Close()
	}
	b.env = lab.Env{
		Clock: b.wall, Counters: lab.NewCounters(), Redis: client, Log: slog.New(slog.DiscardHandler),
		Go: func(f func(context.Context)) { b.owned.Go(func() { f(ctx) }) },
	}
	return b
}

// line is a connection that stops answering when the bench says so.
type line struct {
	net.Conn
	b *bench
}

func (l line) Write(p []byte) (int, error) {
	switch l.b.broken.Load() {
	case "hangs":
		return len(p), nil // swallowed: the answer never comes
	case "refuses":
		return 0, errors.New("connection reset")
	}
	return l.Conn.Write(p)
}

func (b *bench) dial(context.Context, string, string) (net.Conn, error) {
	if b.broken.Load() == "refuses" {
		return nil, errors.New("connection refused")
	}
	c, err := b.server.Dial()
	return line{Conn: c, b: b}, err
}

func (b *bench) handler(state lab.State, changes map[string]any) lab.Handler {
	b.t.Helper()
	p := ratelimit.Pattern()
	k, err := p.Settings(changes)
	if err != nil {
		b.t.Fatal(err)
	}
	l, err := p.New(b.env, k)
	if err != nil {
		b.t.Fatal(err)
	}
	b.nodes = append(b.nodes, l)
	return l.Wrap(lab.HandlerFunc(func(context.Context, *lab.Request) lab.Response {
		b.serves.Add(1)
		return lab.Response{}
	}), state)
}

func (b *bench) wait(d time.Duration) {
	b.t.Helper()
	if err := b.wall.Wait(context.Background(), b.wall.Now()+d); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) expectCounts(want map[string]uint64) {
	b.t.Helper()
	got := b.env.Counters.All()
	for name, n := range want {
		if got[name] != n {
			b.t.Errorf("counter %s = %d, want %d", name, got[name], n)
		}
	}
}

func TestRedisIsSharedByInstances(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		defer b.cancel()
		settings := map[string]any{"store": "redis", "per": "user", "rate": 10, "burst": 6}
		nodes := []lab.Handler{b.handler(lab.On, settings), b.handler(lab.On, settings), b.handler(lab.On, settings)}
		for i := range 30 {
			res := nodes[i%3].Serve(context.Background(), &lab.Request{User: 9})
			switch {
			case i < 6 && res.Outcome != lab.OK:
				t.Errorf("request %d of a burst of 6 = %v for %s, want ok", i+1, res.Outcome, res.Reason)
			case i >= 6 && (res.Outcome != lab.Limited || res.Reason != ratelimit.ReasonUser || res.RetryAfter != 100*time.Millisecond):
				t.Errorf("request %d = %+v, want limited_user after 100ms", i+1, res)
			}
		}
		if res := nodes[0].Serve(context.Background(), &lab.Request{User: 10}); res.Outcome != lab.OK {
			t.Errorf("another user = %v, want ok", res.Outcome)
		}
		keys := b.server.Keys()
		if len(keys) != 2 {
			t.Fatalf("keys in Redis = %v, want one for each user", keys)
		}
		if ttl := b.server.TTL(keys[0]); ttl <= 2*time.Second || ttl > 2600*time.Millisecond {
			t.Errorf("TTL(%s) = %v, want two seconds and at most burst/rate, 600ms", keys[0], ttl)
		}
		b.wait(100 * time.Millisecond)
		if res := nodes[1].Serve(context.Background(), &lab.Request{User: 9}); res.Outcome != lab.OK {
			t.Errorf("after the time to retry: %v, want ok", res.Outcome)
		}
		b.expectCounts(map[string]uint64{"admitted": 8, "limited": 24, "redis_errors": 0})
	})
}

// A Redis that lets keys go a second early, as the embedded one may, gives nothing
// twice.
func TestWhatExpiresEarlyIsNotGivenTwice(t *testing.T) {
	for _, algorithm := range []string{"token-bucket", "gcra", "sliding-window"} {
		t.Run(algorithm, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t)
				defer b.cancel()
				node := b.handler(lab.On, map[string]any{"algorithm": algorithm, "store": "redis", "per": "user", "rate": 10, "burst": 6})
				admitted := 0
				for range 40 {
					if node.Serve(context.Background(), &lab.Request{User: 9}).Outcome == lab.OK {
						admitted++
					}
					b.server.FastForward(25 * time.Millisecond) // a second in all
				}
				if most := 6; admitted != most {
					t.Errorf("%d requests at one instant were admitted, want %d", admitted, most)
				}
			})
		})
	}
}

// Each algorithm decides in Redis as it does in memory, and says the same time to
// retry, to a microsecond.
func TestRedisDecidesAsMemoryDoes(t *testing.T) {
	for _, algorithm := range []string{"token-bucket", "gcra", "sliding-window"} {
		t.Run(algorithm, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t)
				defer b.cancel()
				settings := map[string]any{"algorithm": algorithm, "per": "user", "rate": 10, "burst": 6}
				local := b.handler(lab.On, settings)
				settings["store"] = "redis"
				remote := b.handler(lab.On, settings)
				draw := dist.New(7, "gaps")
				limited := 0
				for i := range 2000 {
					gap := draw.IntN(300_000) // microseconds: from a crowd to a lull
					if i%50 < 25 {
						gap /= 10
					}
					b.wait(time.Duration(gap) * time.Microsecond)
					r := &lab.Request{User: 9}
					want, got := local.Serve(context.Background(), r), remote.Serve(context.Background(), r)
					if off := got.RetryAfter - want.RetryAfter; got.Outcome != want.Outcome || got.Reason != want.Reason || off < -time.Microsecond || off > time.Microsecond {
						t.Fatalf("request %d at %v: in Redis %+v, in memory %+v", i, b.wall.Now(), got, want)
					}
					if got.Outcome == lab.Limited {
						limited++
					}
				}
				if limited < 200 || limited > 1800 {
					t.Errorf("%d of 2000 were refused: the arrivals try one side alone", limited)
				}
			})
		})
	}
}

func TestRedisDiesAndRecovers(t *testing.T) {
	for _, c := range []struct {
		policy, fault string
		outcome       lab.Outcome
		slowest       time.Duration
	}{
		{"open", "refuses", lab.OK, 0},
		{"open", "hangs", lab.OK, 50 * time.Millisecond},
		{"closed", "refuses", lab.Shed, 0},
		{"closed", "hangs", lab.Shed, 50 * time.Millisecond},
	} {
		t.Run(c.policy+" when Redis "+c.fault, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t)
				defer b.cancel()
				h := b.handler(lab.On, map[string]any{"store": "redis", "on_redis_error": c.policy, "rate": 10, "burst": 1})
				serve := func() lab.Response { return h.Serve(context.Background(), &lab.Request{}) }
				if res := serve(); res.Outcome != lab.OK {
					t.Fatalf("with Redis: %+v, want ok", res)
				}
				b.broken.Store(c.fault)
				began := b.wall.Now()
				for i := range 100 {
					at := b.wall.Now()
					res := serve()
					if took := b.wall.Now() - at; res.Outcome != c.outcome || took > c.slowest {
						t.Fatalf("request %d without Redis: %v after %v, want %v within %v", i+1, res.Outcome, took, c.outcome, c.slowest)
					}
				}
				if took := b.wall.Now() - began; took > 3*c.slowest {
					t.Errorf("100 requests without Redis took %v, want three timeouts at most", took)
				}
				b.expectCounts(map[string]uint64{"redis_errors": 3, "redis_skipped": 97})
				if g := b.nodes[0].Gauges(b.wall.Now()); g[1].Name != "degraded" || g[1].Value != 1 {
					t.Errorf("Gauges() = %+v, want degraded 1", g)
				}
				b.broken.Store("")
				b.wait(2 * time.Second)
				if first, second := serve(), serve(); first.Outcome != lab.OK || second.Outcome != lab.Limited {
					t.Errorf("with Redis back: %v then %v, want ok then limited", first.Outcome, second.Outcome)
				}
				if g := b.nodes[0].Gauges(b.wall.Now()); g[1].Value != 0 {
					t.Errorf("Gauges() = %+v, want degraded 0", g)
				}
			})
		})
	}
}

func TestShadowDoesNotWaitForRedis(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		defer b.cancel()
		h := b.handler(lab.Shadow, map[string]any{"store": "redis", "rate": 10, "burst": 2})
		for range 10 {
			if res := h.Serve(context.Background(), &lab.Request{}); res.Outcome != lab.OK {
				t.Errorf("in shadow: %+v, want ok", res)
			}
		}
		synctest.Wait()
		b.expectCounts(map[string]uint64{"admitted": 2, "shadow_limited": 8, "limited": 0})
		b.broken.Store("hangs")
		for range 10 {
			h.Serve(context.Background(), &lab.Request{})
		}
		if now := b.wall.Now(); now != 0 {
			t.Errorf("20 requests in shadow took %v, want no wait", now)
		}
		if n := b.serves.Load(); n != 20 {
			t.Errorf("%d of 20 reached the service, want all", n)
		}
	})
}

func TestAStopIsNotAFailureOfRedis(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		defer b.cancel()
		h := b.handler(lab.On, map[string]any{"store": "redis"})
		ctx, stop := context.WithCancel(context.Background())
		stop()
		if res := h.Serve(ctx, &lab.Request{}); res.Reason != lab.ReasonShutdown {
			t.Errorf("while stopping: %+v, want shutdown", res)
		}
		b.expectCounts(map[string]uint64{"redis_errors": 0, "admitted": 0})
	})
}

func TestRedisMustBeThere(t *testing.T) {
	p := ratelimit.Pattern()
	k, err := p.Settings(map[string]any{"store": "redis"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.New(lab.Env{Clock: &clock.Manual{}, Counters: lab.NewCounters()}, k); err == nil {
		t.Error("New with store redis and no Redis = nil error, want one that says so")
	}
}

func TestCountsInShadow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		defer b.cancel()
		on := map[string]any{"per": "user", "rate": 1, "burst": 2, "max_keys": 1}
		acting, watching := b.handler(lab.On, on), b.handler(lab.Shadow, on)
		for range 5 {
			acting.Serve(context.Background(), &lab.Request{User: 1})
			watching.Serve(context.Background(), &lab.Request{User: 1})
		}
		acting.Serve(context.Background(), &lab.Request{User: 2})
		b.expectCounts(map[string]uint64{"admitted": 5, "limited": 3, "shadow_limited": 3, "evicted": 1})
		if g := b.nodes[0].Gauges(0); g[0].Name != "keys" || g[0].Value != 1 {
			t.Errorf("Gauges() = %+v, want keys 1", g)
		}
	})
}

func BenchmarkLive(b *testing.B) {
	next := lab.HandlerFunc(func(context.Context, *lab.Request) lab.Response { return lab.Response{} })
	for _, c := range []struct{ name, algorithm, per string }{
		{"token-bucket global", "token-bucket", "global"},
		{"token-bucket user", "token-bucket", "user"},
		{"gcra global", "gcra", "global"},
		{"gcra user", "gcra", "user"},
		{"sliding-window user", "sliding-window", "user"},
	} {
		b.Run(c.name, func(b *testing.B) {
			p := ratelimit.Pattern()
			k, err := p.Settings(map[string]any{"algorithm": c.algorithm, "per": c.per, "rate": 1e6, "burst": 1e6})
			if err != nil {
				b.Fatal(err)
			}
			l, err := p.New(lab.Env{Clock: clock.NewWall(), Counters: lab.NewCounters()}, k)
			if err != nil {
				b.Fatal(err)
			}
			h := l.Wrap(next, lab.On)
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				var r lab.Request
				for i := uint64(0); pb.Next(); i++ {
					r.User = i * 2654435761 % 4096
					h.Serve(context.Background(), &r)
				}
			})
		})
	}
	b.Run("x-time-rate in a sync.Map", func(b *testing.B) {
		var limiters sync.Map
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			var r lab.Request
			for i := uint64(0); pb.Next(); i++ {
				r.User = i * 2654435761 % 4096
				l, ok := limiters.Load(r.User)
				if !ok {
					l, _ = limiters.LoadOrStore(r.User, rate.NewLimiter(1e6, 1e6))
				}
				if l.(*rate.Limiter).Allow() {
					next.Serve(context.Background(), &r)
				}
			}
		})
	})
}
