//go:build exercise

package lockcleanup_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	lockcleanup "workbench/exercises/05-lock-cleanup/start"
)

// telling knows which tests are over: who is still under way then has nobody to tell.
var telling = struct {
	sync.Mutex
	over map[testing.TB]bool
}{over: map[testing.TB]bool{}}

// tell writes down what happened, for the verdict to list, with the instant in
// a bubble, which begins with the year 2000. Outside of one there is none to tell.
func tell(t testing.TB, format string, args ...any) {
	t.Helper()
	telling.Lock()
	defer telling.Unlock()
	over, known := telling.over[t]
	if over {
		return
	}
	if !known {
		telling.over[t] = false
		t.Cleanup(func() {
			telling.Lock()
			defer telling.Unlock()
			telling.over[t] = true
		})
	}
	at := "-"
	if d := time.Since(time.Date(2000, time.January, 1, 0, 0, 0, 0, time.UTC)); d < 10_000*time.Hour {
		at = d.String()
	}
	t.Logf("@%s %s", at, fmt.Sprintf(format, args...))
}

// counted is a load that counts itself.
func counted(n *atomic.Int64, load lockcleanup.Loader) lockcleanup.Loader {
	return func(ctx context.Context) (string, error) {
		n.Add(1)
		return load(ctx)
	}
}

// cache returns a cache whose clock stands still.
func cache(t testing.TB) *lockcleanup.Cache {
	t.Helper()
	now := func() time.Time { return time.Unix(1000, 0) }
	c, err := lockcleanup.New(lockcleanup.Config{TTL: time.Minute, LoadTimeout: 10 * time.Second, Now: now})
	if err != nil {
		t.Fatalf("New = %v, want a cache", err)
	}
	return c
}

// source is where values really are.
type source struct {
	loads atomic.Int64
	fail  atomic.Bool
}

var errSick = errors.New("the database is sick")

func (s *source) load(context.Context) (string, error) {
	n := s.loads.Add(1)
	if s.fail.Load() {
		return "", errSick
	}
	return fmt.Sprint("value ", n), nil
}

// within fails the test when f has not returned after a time that is ages for it.
func within(t testing.TB, what string, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	select {
	case <-done:
	case <-time.After(4 * time.Second):
		t.Fatalf("%s has not returned after 4 s", what)
	}
}

func get(t testing.TB, c *lockcleanup.Cache, key string, load lockcleanup.Loader, want string) {
	t.Helper()
	var got string
	var err error
	var loads atomic.Int64
	within(t, "GetOrLoad", func() { got, err = c.GetOrLoad(t.Context(), key, counted(&loads, load)) })
	tell(t, "GetOrLoad(%s) = %q, %v, with %d loads", key, got, err, loads.Load())
	if err != nil || got != want {
		t.Errorf("GetOrLoad(%s) = %q, %v; want %q", key, got, err, want)
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

// noLocks wants nothing to be kept beside the values, once the goroutines that
// are about to end have ended.
func noLocks(t testing.TB, c *lockcleanup.Cache, when string) {
	t.Helper()
	rest(t)
	tell(t, "%s, Locks = %d", when, c.Locks())
	if n := c.Locks(); n != 0 {
		t.Errorf("%s, something is kept for %d keys, want for none", when, n)
	}
}

// hesitant is a context at which a goroutine pauses that is about to wait: there,
// between getting hold of a lock and taking it, is where the lock is removed.
type hesitant struct{ context.Context }

func (h hesitant) Done() <-chan struct{} {
	for range 3 {
		runtime.Gosched()
	}
	return h.Context.Done()
}

// yield lets others run, n times.
func yield(n int) {
	for range n {
		runtime.Gosched()
	}
}

// The lock that is removed while somebody is on the way to it: a newcomer makes
// a second one, and both load. It shows when loads fail, which is when the
// source can least afford it.
func TestNeverTwoLoads(t *testing.T) {
	c := cache(t)
	var running, overlaps, loads atomic.Int64
	load := func(context.Context) (string, error) {
		if running.Add(1) > 1 {
			overlaps.Add(1)
		}
		yield(1 + int(loads.Add(1)%3)*200)
		running.Add(-1)
		return "", errSick
	}
	ctx := hesitant{t.Context()}
	// Many at once wait for one another; of few, often none is left.
	for _, callers := range []int{16, 3} {
		began := time.Now()
		var all sync.WaitGroup
		for g := range callers {
			all.Go(func() {
				for i := 0; time.Since(began) < 500*time.Millisecond && overlaps.Load() == 0; i++ {
					if _, err := c.GetOrLoad(ctx, "sick", load); !errors.Is(err, errSick) {
						t.Errorf("GetOrLoad = %v, want the load's error", err)
						return
					}
					if callers == 3 && (i+g)%3 == 0 {
						yield(i % 4 * 100)
					} else if i%5 == 0 {
						yield(1)
					}
				}
			})
		}
		within(t, "one of several goroutines", all.Wait)
	}
	tell(t, "GetOrLoad(sick), again and again by 16 goroutines and by 3: %d loads, %d of them beside another", loads.Load(), overlaps.Load())
	if overlaps.Load() > 0 {
		t.Errorf("among %d loads of one key that fail, two ran at the same time", loads.Load())
	}
	noLocks(t, c, "after all have returned")
}

// A waiter that leaves must not take the lock of those who stay with it.
func TestLeavingKeepsTheLock(t *testing.T) {
	c := cache(t)
	var s source
	release := make(chan struct{})
	held := func(ctx context.Context) (string, error) {
		<-release
		return s.load(ctx)
	}
	var all sync.WaitGroup
	started := make(chan struct{})
	all.Go(func() {
		c.GetOrLoad(t.Context(), "a", func(ctx context.Context) (string, error) {
			close(started)
			return held(ctx)
		})
	})
	within(t, "starting a load", func() { <-started })
	tell(t, "the load of a has begun")
	ctx, cancel := context.WithCancel(t.Context())
	var leavers sync.WaitGroup
	for range 10 {
		leavers.Go(func() { c.GetOrLoad(ctx, "a", held) })
	}
	rest(t) // all ten wait
	cancel()
	within(t, "a caller that leaves", leavers.Wait)
	tell(t, "ten callers came to wait, their context ended, and they left")
	for range 10 {
		all.Go(func() { c.GetOrLoad(t.Context(), "a", held) })
	}
	rest(t)
	close(release)
	within(t, "a caller that stays", all.Wait)
	tell(t, "ten others came, and the load went on: %d loads", s.loads.Load())
	if n := s.loads.Load(); n != 1 {
		t.Errorf("with ten waiters leaving in between, the key was loaded %d times, want once", n)
	}
	noLocks(t, c, "after ten waiters left")
}

// One hung load must not hold its key for ever.
func TestHungLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, err := lockcleanup.New(lockcleanup.Config{TTL: time.Minute, LoadTimeout: 2 * time.Second})
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		tell(t, "GetOrLoad(a) is asked, with a load timeout of 2 s")
		_, err = c.GetOrLoad(t.Context(), "a", func(ctx context.Context) (string, error) {
			tell(t, "the load begins, and hangs")
			select {
			case <-ctx.Done():
				return "", ctx.Err()
			case <-time.After(time.Hour):
				return "too late", nil
			}
		})
		tell(t, "GetOrLoad(a) = %v", err)
		if took := time.Since(began); !errors.Is(err, context.DeadlineExceeded) || took != 2*time.Second {
			t.Errorf("a load that hangs, with a timeout of 2 s, gave %v after %v; want context.DeadlineExceeded after 2s", err, took)
		}
		value, err := c.GetOrLoad(t.Context(), "a", func(context.Context) (string, error) { return "value", nil })
		tell(t, "GetOrLoad(a) of a load that works = %q, %v", value, err)
		if err != nil || value != "value" {
			t.Errorf("after a load that hung, GetOrLoad = %q, %v; want a new load", value, err)
		}
		synctest.Wait()
		if n := c.Locks(); n != 0 {
			t.Errorf("after a load that hung, something is kept for %d keys, want for none", n)
		}
	})
}

func TestLoadContext(t *testing.T) {
	c := cache(t)
	type name struct{}
	ctx := context.WithValue(t.Context(), name{}, "trace")
	tell(t, "GetOrLoad(a) is asked with a context that has a value and no deadline")
	c.GetOrLoad(ctx, "a", func(ctx context.Context) (string, error) {
		if ctx.Value(name{}) != "trace" {
			t.Error("the load's context lost the values of the caller's")
		}
		if _, ok := ctx.Deadline(); !ok {
			t.Error("the load's context has no deadline, want the load timeout")
		}
		return "", nil
	})
}

func TestTogether(t *testing.T) {
	c := cache(t)
	var sources [20]source
	var all sync.WaitGroup
	for g := range 8 {
		all.Go(func() {
			for i := range 400 {
				key := (i*7 + g) % len(sources)
				if got, err := c.GetOrLoad(t.Context(), fmt.Sprint(key), sources[key].load); err != nil || got != "value 1" {
					t.Errorf("GetOrLoad(%d) = %q, %v; want %q", key, got, err, "value 1")
					return
				}
			}
		})
	}
	within(t, "one of 8 goroutines", all.Wait)
	tell(t, "GetOrLoad of 20 keys by 8 goroutines, 400 times each: the first key was loaded %d times", sources[0].loads.Load())
	for key := range sources {
		if n := sources[key].loads.Load(); n != 1 {
			t.Errorf("key %d was loaded %d times, want once", key, n)
		}
	}
}

func TestKeysAreApart(t *testing.T) {
	c := cache(t)
	var s source
	started, release := make(chan struct{}), make(chan struct{})
	var all sync.WaitGroup
	all.Go(func() {
		c.GetOrLoad(t.Context(), "slow", func(context.Context) (string, error) {
			close(started)
			<-release
			return "", nil
		})
	})
	defer func() { close(release); all.Wait() }()
	within(t, "starting a load", func() { <-started })
	tell(t, "the load of slow has begun and goes on")
	get(t, c, "other", s.load, "value 1")
	get(t, c, "other", s.load, "value 1")
}

func TestBadSettings(t *testing.T) {
	for _, cfg := range []lockcleanup.Config{{TTL: time.Second}, {LoadTimeout: time.Second}, {TTL: -1, LoadTimeout: 1}} {
		if c, err := lockcleanup.New(cfg); err == nil || c != nil {
			t.Errorf("New(TTL %v, LoadTimeout %v) = %v, %v; want no cache and an error", cfg.TTL, cfg.LoadTimeout, c, err)
		}
	}
}
