//go:build exercise

package servestale_test

import (
	"bytes"
	"context"
	"errors"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	servestale "workbench/exercises/21-serve-stale/start"
)

// patience is how long a real-time test waits for what should come at once.
const patience = 8 * time.Second

// soon waits for done and says what did not come.
func soon(t *testing.T, done <-chan struct{}, what string) {
	t.Helper()
	select {
	case <-done:
	case <-time.After(patience):
		t.Fatal(what)
	}
}

// rest waits until every other goroutine waits for something: a channel, a
// lock, a timer. Whoever was on the way has arrived then. Unlike synctest.Wait
// it also knows those who wait for a lock that somebody holds while he waits.
func rest(t testing.TB) {
	t.Helper()
	stacks := make([]byte, 1<<20)
	quiet := 0 // looks in a row at which nobody ran but this goroutine
	for end := time.Now().Add(5 * time.Second); quiet < 3; runtime.Gosched() {
		all, busy := stacks[:runtime.Stack(stacks, true)], 0
		for _, state := range []string{" [running", " [runnable", " [preempted", " [GC assist"} {
			busy += bytes.Count(all, []byte(state))
		}
		if quiet++; busy > 1 {
			quiet = 0
		}
		if time.Now().After(end) {
			t.Error("after 5 s somebody still runs: who waits should sleep until woken, and not look again and again")
			return
		}
	}
}

// Between the end of freshness and the end of a refresh nobody else may refresh.
func TestOneRefresh(t *testing.T) {
	virtual(t, func(t *testing.T) {
		o := &origin{t: t, takes: 500 * time.Millisecond}
		c := cache(t, usual, o.load)
		want(t, c, "v1", 0, 500*time.Millisecond)
		pass(12 * time.Second)
		for i := range 20 {
			want(t, c, "v1", 12*time.Second+time.Duration(i)*20*time.Millisecond, 0)
			pass(20 * time.Millisecond)
		}
		pass(time.Second)
		if n := o.loads.Load(); n != 2 {
			t.Errorf("20 callers during one refresh made %d loads, want the first and one: 2", n)
		}
	})
}

// After Revalidate an old value is no longer an answer, unless loading fails.
func TestRevalidateEnds(t *testing.T) {
	virtual(t, func(t *testing.T) {
		o := &origin{t: t, takes: 50 * time.Millisecond}
		c := cache(t, usual, o.load)
		want(t, c, "v1", 0, 50*time.Millisecond)
		pass(31 * time.Second)
		want(t, c, "v2", 0, 50*time.Millisecond)
	})
}

func TestTooOld(t *testing.T) {
	virtual(t, func(t *testing.T) {
		o := &origin{t: t, takes: 50 * time.Millisecond}
		c := cache(t, usual, o.load)
		want(t, c, "v1", 0, 50*time.Millisecond)
		o.down.Store(true)
		tell(t, "the origin goes down")
		pass(69 * time.Second)
		want(t, c, "v1", 69*time.Second+50*time.Millisecond, 50*time.Millisecond)
		pass(3 * time.Second)
		for range 2 {
			if v, _, err := ask(t, context.Background(), c); v != "" || !errors.Is(err, errDown) {
				t.Errorf("72 s old, 10 s of freshness and a minute of grace: GetOrLoad = %q, %v; want the load's error", v, err)
			}
		}
		o.down.Store(false)
		tell(t, "the origin is up again")
		want(t, c, "v5", 0, 50*time.Millisecond)
	})
}

// A refresh that failed leaves the value as it is: no younger, and not gone.
func TestFailedRefresh(t *testing.T) {
	virtual(t, func(t *testing.T) {
		o := &origin{t: t, takes: 50 * time.Millisecond}
		c := cache(t, usual, o.load)
		want(t, c, "v1", 0, 50*time.Millisecond)
		o.down.Store(true)
		tell(t, "the origin goes down")
		pass(11 * time.Second)
		want(t, c, "v1", 11*time.Second, 0)
		pass(3 * time.Second)
		want(t, c, "v1", 14*time.Second, 0)
		pass(3 * time.Second)
		o.down.Store(false)
		tell(t, "the origin is up again")
		want(t, c, "v1", 17*time.Second, 0)
		pass(time.Second)
		want(t, c, "v4", 950*time.Millisecond, 0)
	})
}

// While the origin is down it is asked once every Pause, not by every caller;
// and in between nobody waits.
func TestPause(t *testing.T) {
	for _, c := range []struct {
		name string
		at   time.Duration
		wait time.Duration // of a caller who does try
	}{
		{"while revalidating", 15 * time.Second, 0},
		{"as a last resort", 40 * time.Second, 50 * time.Millisecond},
	} {
		t.Run(c.name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				o := &origin{t: t, takes: 50 * time.Millisecond}
				k := cache(t, usual, o.load)
				want(t, k, "v1", 0, 50*time.Millisecond)
				o.down.Store(true)
				tell(t, "the origin goes down")
				pass(c.at)
				want(t, k, "v1", c.at+c.wait, c.wait)
				pass(100*time.Millisecond - c.wait)
				for i := range 18 {
					want(t, k, "v1", c.at+time.Duration(i+1)*100*time.Millisecond, 0)
					pass(100 * time.Millisecond)
				}
				if n := o.loads.Load(); n != 2 {
					t.Errorf("1.9 s after a failure there were %d loads, want none since: 2", n)
				}
				pass(time.Second)
				want(t, k, "v1", c.at+2900*time.Millisecond+c.wait, c.wait)
				pass(100 * time.Millisecond)
				if n := o.loads.Load(); n != 3 {
					t.Errorf("2.9 s after a failure there were %d loads, want one more try: 3", n)
				}
			})
		})
	}
}

func TestOutlivesCaller(t *testing.T) {
	virtual(t, func(t *testing.T) {
		o := &origin{t: t, takes: 50 * time.Millisecond}
		c := cache(t, usual, o.load)
		want(t, c, "v1", 0, 50*time.Millisecond)
		pass(11 * time.Second)
		ctx, cancel := context.WithCancel(context.Background())
		_, _, _ = ask(t, ctx, c)
		cancel() // the request is answered: its context ends
		pass(100 * time.Millisecond)
		want(t, c, "v2", 50*time.Millisecond, 0)
	})
}

func TestLoadFor(t *testing.T) {
	virtual(t, func(t *testing.T) {
		var loads atomic.Int64
		c := cache(t, usual, func(ctx context.Context, key string) (string, error) {
			if loads.Add(1) == 1 {
				return "v1", nil
			}
			tell(t, "a load begins, and hangs")
			<-ctx.Done()
			return "", ctx.Err()
		})
		want(t, c, "v1", 0, 0)
		pass(40 * time.Second)
		want(t, c, "v1", 41*time.Second, time.Second)
		pass(time.Minute)
		began := time.Now()
		_, _, err := ask(t, context.Background(), c)
		if took := time.Since(began); !errors.Is(err, context.DeadlineExceeded) || took != time.Second {
			t.Errorf("a load that hangs: %v after %v, want deadline exceeded after LoadFor, 1s", err, took)
		}
	})
}

// A caller gives up; the load that it began goes on for the next.
func TestCallerLeaves(t *testing.T) {
	virtual(t, func(t *testing.T) {
		o := &origin{t: t, takes: 500 * time.Millisecond}
		c := cache(t, usual, o.load)
		ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
		defer cancel()
		began := time.Now()
		if _, _, err := ask(t, ctx, c); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != 100*time.Millisecond {
			t.Errorf("a caller with 100 ms got %v after %v, want its context's error after 100ms", err, time.Since(began))
		}
		want(t, c, "v1", 0, 400*time.Millisecond)
		if n := o.loads.Load(); n != 1 {
			t.Errorf("%d loads, want the one that the first caller began", n)
		}
	})
}

// gate is a load that waits until it is let go.
type gate struct {
	loads atomic.Int64
	began chan struct{} // closed at the first load
	open  chan struct{}
	err   error
}

func newGate() *gate { return &gate{began: make(chan struct{}), open: make(chan struct{})} }

func (g *gate) load(ctx context.Context, key string) (string, error) {
	if g.loads.Add(1) == 1 {
		close(g.began)
	}
	<-g.open
	return "of " + key, g.err
}

// crowd has n callers ask for one key at once, and counts those that get value.
func crowd(c *servestale.Cache, n int, value string) (done chan struct{}, good *atomic.Int64) {
	done, good = make(chan struct{}), &atomic.Int64{}
	var all sync.WaitGroup
	for range n {
		all.Go(func() {
			if v, _, err := c.GetOrLoad(context.Background(), "k"); v == value && err == nil {
				good.Add(1)
			}
		})
	}
	go func() { all.Wait(); close(done) }()
	return done, good
}

func TestSharedLoad(t *testing.T) {
	cfg := usual
	cfg.LoadFor = time.Minute
	t.Run("that goes well", func(t *testing.T) {
		g := newGate()
		done, good := crowd(cache(t, cfg, g.load), 50, "of k")
		rest(t) // all 50 wait for the load
		close(g.open)
		soon(t, done, "callers of one load still wait after it has ended")
		tell(t, "50 callers of GetOrLoad at once: %d loads held up, %d callers got the value", g.loads.Load(), good.Load())
		if n := g.loads.Load(); n != 1 || good.Load() != 50 {
			t.Errorf("50 callers made %d loads and %d got the value, want 1 load and 50 values", n, good.Load())
		}
	})
	t.Run("that fails", func(t *testing.T) {
		g := newGate()
		g.err = errDown
		done, _ := crowd(cache(t, cfg, g.load), 50, "of k")
		rest(t)
		close(g.open)
		soon(t, done, "callers of one load still wait after it has failed")
		tell(t, "50 callers of GetOrLoad at once: %d loads held up, which fail", g.loads.Load())
		if n := g.loads.Load(); n != 1 {
			t.Errorf("50 callers of one load that failed made %d loads, want its failure shared", n)
		}
	})
}

// Everybody comes in the moment in which a value has become stale.
func TestRefreshRush(t *testing.T) {
	g := newGate()
	first := true
	cfg := servestale.Config{Fresh: 1, Revalidate: time.Hour, IfError: time.Hour, LoadFor: time.Minute}
	c := cache(t, cfg, func(ctx context.Context, key string) (string, error) {
		if first {
			first = false
			return "old", nil
		}
		return g.load(ctx, key)
	})
	if v, _, err := ask(t, context.Background(), c); v != "old" || err != nil {
		t.Fatalf("GetOrLoad = %q, %v; want the value", v, err)
	}
	for loaded := time.Now(); time.Since(loaded) <= cfg.Fresh; {
		runtime.Gosched()
	}
	done, good := crowd(c, 50, "old")
	soon(t, done, "callers wait for a refresh, want the old value at once")
	soon(t, g.began, "nobody refreshes a stale value")
	rest(t) // whoever refreshes has begun to
	close(g.open)
	tell(t, "50 callers of GetOrLoad at once: %d loads held up, %d callers got the value", g.loads.Load(), good.Load())
	if n := g.loads.Load(); n != 1 || good.Load() != 50 {
		t.Errorf("50 callers of a stale value made %d refreshes and %d got it, want 1 and 50", n, good.Load())
	}
}

func TestKeysApart(t *testing.T) {
	g := newGate()
	cfg := usual
	cfg.LoadFor = time.Minute
	c := cache(t, cfg, func(ctx context.Context, key string) (string, error) {
		if key == "slow" {
			return g.load(ctx, key)
		}
		return "of " + key, nil
	})
	slow, quick := make(chan struct{}), make(chan struct{})
	go func() { defer close(slow); _, _, _ = c.GetOrLoad(context.Background(), "slow") }()
	soon(t, g.began, "GetOrLoad does not load")
	tell(t, "GetOrLoad(slow) is held up in its load; GetOrLoad(quick) is asked")
	go func() { defer close(quick); _, _, _ = c.GetOrLoad(context.Background(), "quick") }()
	select {
	case <-quick:
	case <-time.After(patience / 4):
		t.Error("a key waits for the load of another, want each key for itself")
	}
	close(g.open)
	soon(t, slow, "the slow key's caller never got its answer")
	soon(t, quick, "the quick key's caller never got its answer")
}

func TestCrowd(t *testing.T) {
	cfg := servestale.Config{Fresh: 20 * time.Microsecond, Revalidate: 50 * time.Microsecond, IfError: time.Second, Pause: 30 * time.Microsecond, LoadFor: time.Minute}
	var loads atomic.Int64
	c := cache(t, cfg, func(ctx context.Context, key string) (string, error) {
		if loads.Add(1)%3 == 0 {
			return "", errDown
		}
		return "of " + key, nil
	})
	keys := []string{"a", "b", "c"}
	done := make(chan struct{})
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for j := range 300 {
				key := keys[(i+j)%len(keys)]
				v, age, err := c.GetOrLoad(context.Background(), key)
				if err == nil && (v != "of "+key || age < 0) || err != nil && (v != "" || !errors.Is(err, errDown)) {
					t.Errorf("GetOrLoad(%s) = %q, %v, %v; want its value or the load's error", key, v, age, err)
					return
				}
			}
		})
	}
	tell(t, "GetOrLoad by 8 goroutines, 300 times each, of three keys that are stale again and again")
	go func() { all.Wait(); close(done) }()
	soon(t, done, "callers wait for a load that has ended")
}

func TestPanic(t *testing.T) {
	virtual(t, func(t *testing.T) {
		var loads atomic.Int64
		c := cache(t, usual, func(ctx context.Context, key string) (string, error) {
			if loads.Add(1) == 1 {
				tell(t, "the load panics")
				panic("a bug in the loader")
			}
			return "v2", nil
		})
		if _, _, err := ask(t, context.Background(), c); err == nil || !strings.Contains(err.Error(), "a bug in the loader") {
			t.Errorf("a load that panicked: error %v, want one that says so", err)
		}
		want(t, c, "v2", 0, 0)
	})
}

// Behind an answer there is nobody to catch a panic but the cache.
func TestPanicBehind(t *testing.T) {
	virtual(t, func(t *testing.T) {
		var loads atomic.Int64
		c := cache(t, usual, func(ctx context.Context, key string) (string, error) {
			switch loads.Add(1) {
			case 1:
				return "v1", nil
			case 2:
				tell(t, "the load panics")
				panic("a bug in the loader")
			}
			return "v3", nil
		})
		want(t, c, "v1", 0, 0)
		pass(11 * time.Second)
		want(t, c, "v1", 11*time.Second, 0)
		pass(3 * time.Second)
		want(t, c, "v1", 14*time.Second, 0)
		pass(time.Second)
		want(t, c, "v3", time.Second, 0)
	})
}

func TestBadConfig(t *testing.T) {
	o := &origin{t: quiet{t}}
	for _, c := range []struct {
		name  string
		spoil func(*servestale.Config)
	}{
		{"no freshness", func(c *servestale.Config) { c.Fresh = 0 }},
		{"negative freshness", func(c *servestale.Config) { c.Fresh = -1 }},
		{"no time to load", func(c *servestale.Config) { c.LoadFor = 0 }},
		{"negative revalidate", func(c *servestale.Config) { c.Revalidate = -1 }},
		{"negative if error", func(c *servestale.Config) { c.IfError = -1 }},
		{"negative pause", func(c *servestale.Config) { c.Pause = -1 }},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := usual
			c.spoil(&cfg)
			if k, err := servestale.New(cfg, o.load); k != nil || err == nil {
				t.Errorf("New = %v, %v; want no cache and an error", k, err)
			}
		})
	}
	if k, err := servestale.New(usual, nil); k != nil || err == nil {
		t.Errorf("New without a load = %v, %v; want no cache and an error", k, err)
	}
	cache(t, servestale.Config{Fresh: 1, LoadFor: 1}, o.load)
}

func TestAllocations(t *testing.T) {
	o := &origin{t: quiet{t}}
	cfg := usual
	cfg.Fresh = time.Hour
	c := cache(t, cfg, o.load)
	ctx := context.Background()
	_, _, _ = c.GetOrLoad(ctx, "k")
	if n := testing.AllocsPerRun(1000, func() { _, _, _ = c.GetOrLoad(ctx, "k") }); n > 1 || o.loads.Load() != 1 {
		t.Errorf("a fresh value costs %v allocations a call and %d loads in all, want at most 1 and 1", n, o.loads.Load())
	}
}

func BenchmarkGetOrLoad(b *testing.B) {
	o := &origin{t: quiet{b}}
	cfg := usual
	cfg.Fresh = time.Hour
	c := cache(b, cfg, o.load)
	ctx := context.Background()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			_, _, _ = c.GetOrLoad(ctx, "k")
		}
	})
}
