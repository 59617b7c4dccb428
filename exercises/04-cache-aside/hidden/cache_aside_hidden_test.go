//go:build exercise

package cacheaside_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	cacheaside "workbench/exercises/04-cache-aside/start"
)

// tell writes down what happened at an instant, for the verdict to list.
func tell(t testing.TB, at time.Duration, format string, args ...any) {
	t.Helper()
	t.Logf("@%v %s", at, fmt.Sprintf(format, args...))
}

// clock is a clock that moves when told to.
type clock struct{ at atomic.Int64 }

func (c *clock) now() time.Time          { return time.Unix(1000, c.at.Load()) }
func (c *clock) advance(d time.Duration) { c.at.Add(int64(d)) }

// told is a cache of which the helpers know what its clock says.
type told struct {
	*cacheaside.Cache
	clock *clock
}

func (c *told) at() time.Duration { return time.Duration(c.clock.at.Load()) }

// counted is a load that counts itself.
func counted(n *atomic.Int64, load cacheaside.Loader) cacheaside.Loader {
	return func(ctx context.Context) (string, error) {
		n.Add(1)
		return load(ctx)
	}
}

// cache returns a cache of a minute without jitter, on a clock of its own.
func cache(t testing.TB, set ...func(*cacheaside.Config)) (*told, *clock) {
	t.Helper()
	k := &clock{}
	cfg := cacheaside.Config{TTL: time.Minute, Now: k.now, Rand: func() float64 { return 0.5 }}
	for _, f := range set {
		f(&cfg)
	}
	c, err := cacheaside.New(cfg)
	if err != nil {
		t.Fatalf("New(%+v) = %v, want a cache", cfg, err)
	}
	return &told{c, k}, k
}

// source is where values really are. It answers with the number of the load,
// or an error if fail is set.
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

// get wants a value.
func get(t testing.TB, c *told, key string, load cacheaside.Loader, want string) {
	t.Helper()
	var got string
	var err error
	var loads atomic.Int64
	within(t, "GetOrLoad", func() { got, err = c.GetOrLoad(t.Context(), key, counted(&loads, load)) })
	tell(t, c.at(), "GetOrLoad(%s) = %q, %v, with %d loads", key, got, err, loads.Load())
	if err != nil || got != want {
		t.Errorf("GetOrLoad(%s) = %q, %v; want %q", key, got, err, want)
	}
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
	case <-time.After(3 * time.Second):
		t.Fatalf("%s has not returned after 3 s", what)
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

// crowd has n callers ask for key while its load is held up, until all of them
// wait. It returns what they got.
func crowd(t testing.TB, c *told, key string, n int, load cacheaside.Loader) (values []string, errs []error) {
	t.Helper()
	release := make(chan struct{})
	letGo := sync.OnceFunc(func() { close(release) })
	defer letGo()
	var loads atomic.Int64
	held := counted(&loads, func(ctx context.Context) (string, error) {
		<-release
		return load(ctx)
	})
	tell(t, c.at(), "%d callers ask GetOrLoad(%s), whose load is held up", n, key)
	values, errs = make([]string, n), make([]error, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			defer func() {
				if r := recover(); r != nil {
					errs[i] = fmt.Errorf("GetOrLoad panicked: %v", r)
				}
			}()
			values[i], errs[i] = c.GetOrLoad(t.Context(), key, held)
		})
	}
	rest(t)
	letGo()
	within(t, fmt.Sprintf("one of %d callers", n), all.Wait)
	tell(t, c.at(), "after %d loads the first of them gets %q, %v", loads.Load(), values[0], errs[0])
	return values, errs
}

func TestJitter(t *testing.T) {
	for _, c := range []struct {
		draw     float64
		lifetime time.Duration
	}{
		{0, 48 * time.Second},
		{0.25, 54 * time.Second},
		{0.5, time.Minute},
		{0.999999, 72 * time.Second},
	} {
		t.Run(fmt.Sprint(c.draw), func(t *testing.T) {
			cached, k := cache(t, func(cfg *cacheaside.Config) {
				cfg.Jitter = 0.2
				cfg.Rand = func() float64 { return c.draw }
			})
			var s source
			get(t, cached, "a", s.load, "value 1")
			k.advance(c.lifetime - 10*time.Millisecond)
			get(t, cached, "a", s.load, "value 1")
			k.advance(20 * time.Millisecond)
			get(t, cached, "a", s.load, "value 2")
		})
	}
}

func TestExpiredHotKey(t *testing.T) {
	c, k := cache(t)
	var s source
	get(t, c, "hot", s.load, "value 1")
	k.advance(2 * time.Minute)
	values, errs := crowd(t, c, "hot", 30, s.load)
	for i := range values {
		if values[i] != "value 2" || errs[i] != nil {
			t.Fatalf("caller %d got %q, %v; want the new %q", i, values[i], errs[i], "value 2")
		}
	}
	if n := s.loads.Load(); n != 2 {
		t.Errorf("30 callers at an expired key were %d loads, want 1", n-1)
	}
}

// Who waits for a load that fails shares its failure. One load after another
// for each of them would make the last wait 40 times as long.
func TestFailureIsShared(t *testing.T) {
	c, _ := cache(t)
	var s source
	s.fail.Store(true)
	_, errs := crowd(t, c, "hot", 40, s.load)
	for i, err := range errs {
		if !errors.Is(err, errSick) {
			t.Fatalf("caller %d got %v, want the load's error", i, err)
		}
	}
	if n := s.loads.Load(); n != 1 {
		t.Errorf("40 callers of a sick source were %d loads, want them to share one", n)
	}
}

func TestKeysAreApart(t *testing.T) {
	c, _ := cache(t)
	var s source
	get(t, c, "fresh", s.load, "value 1")
	release := make(chan struct{})
	var all sync.WaitGroup
	started := make(chan struct{})
	all.Go(func() {
		c.GetOrLoad(t.Context(), "slow", func(context.Context) (string, error) {
			close(started)
			<-release
			return "", nil
		})
	})
	defer func() { close(release); all.Wait() }()
	within(t, "starting a load", func() { <-started })
	tell(t, c.at(), "the load of slow has begun and goes on")
	get(t, c, "fresh", s.load, "value 1")
	get(t, c, "other", s.load, "value 2")
}

// The caller that began the load leaves. The load goes on for the others, who
// would all fail for one closed tab.
func TestFirstCallerLeaves(t *testing.T) {
	c, _ := cache(t)
	type name struct{}
	ctx, cancel := context.WithCancel(context.WithValue(t.Context(), name{}, "trace"))
	defer cancel()
	started, release := make(chan context.Context, 2), make(chan struct{})
	load := func(ctx context.Context) (string, error) {
		started <- ctx
		<-release
		return "value", ctx.Err()
	}
	first := make(chan error, 1)
	go func() {
		_, err := c.GetOrLoad(ctx, "a", load)
		first <- err
	}()
	var loading context.Context
	within(t, "starting a load", func() { loading = <-started })
	tell(t, c.at(), "the first caller's load of a has begun")
	second := make(chan error, 1)
	go func() {
		value, err := c.GetOrLoad(t.Context(), "a", load)
		if err == nil && value != "value" {
			err = fmt.Errorf("got %q", value)
		}
		second <- err
	}()
	rest(t) // the second waits too
	cancel()
	tell(t, c.at(), "a second caller waits too, and the first one's context ends")
	within(t, "GetOrLoad of the caller that leaves", func() {
		if err := <-first; !errors.Is(err, context.Canceled) {
			t.Errorf("the caller that left got %v, want context.Canceled", err)
		}
	})
	tell(t, c.at(), "the first caller has left; the error of the load's context: %v", loading.Err())
	if loading.Err() != nil {
		t.Errorf("the load's context ended with the caller's (%v), want it to go on for the others", loading.Err())
	}
	if loading.Value(name{}) != "trace" {
		t.Error("the load's context lost the values of the caller's")
	}
	close(release)
	within(t, "GetOrLoad of the other caller", func() {
		if err := <-second; err != nil {
			t.Errorf("the other caller got %v, want the value", err)
		}
	})
}

func TestWaiterLeaves(t *testing.T) {
	c, _ := cache(t)
	started, release := make(chan struct{}), make(chan struct{})
	first := make(chan error, 1)
	go func() {
		_, err := c.GetOrLoad(t.Context(), "a", func(context.Context) (string, error) {
			close(started)
			<-release
			return "value", nil
		})
		first <- err
	}()
	within(t, "starting a load", func() { <-started })
	tell(t, c.at(), "the load of a has begun; another caller asks for a, with 20 ms left on the real clock")
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	left := make(chan error, 1)
	go func() {
		_, err := c.GetOrLoad(ctx, "a", func(context.Context) (string, error) { return "second load", nil })
		left <- err
	}()
	select {
	case err := <-left:
		tell(t, c.at(), "the other caller gets %v", err)
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a waiter with 20 ms got %v, want context.DeadlineExceeded", err)
		}
	case <-time.After(3 * time.Second):
		t.Error("a waiter with 20 ms still waits after 3 s")
	}
	close(release)
	within(t, "the load", func() {
		if err := <-first; err != nil {
			t.Errorf("the caller that stayed got %v, want the value", err)
		}
	})
}

func TestPanic(t *testing.T) {
	c, _ := cache(t)
	_, errs := crowd(t, c, "a", 10, func(context.Context) (string, error) { panic("nil map") })
	for i, err := range errs {
		if !errors.Is(err, cacheaside.ErrPanic) {
			t.Fatalf("caller %d of a load that panics got %v, want ErrPanic", i, err)
		}
	}
	var s source
	get(t, c, "a", s.load, "value 1")
}

func TestTogether(t *testing.T) {
	c, _ := cache(t)
	var sources [20]source
	var all sync.WaitGroup
	for g := range 8 {
		all.Go(func() {
			for i := range 400 {
				key := (i*7 + g) % len(sources)
				got, err := c.GetOrLoad(t.Context(), fmt.Sprint(key), sources[key].load)
				if err != nil || got != "value 1" {
					t.Errorf("GetOrLoad(%d) = %q, %v; want %q", key, got, err, "value 1")
					return
				}
			}
		})
	}
	within(t, "one of 8 goroutines", all.Wait)
	tell(t, c.at(), "GetOrLoad of 20 keys by 8 goroutines, 400 times each: the first key was loaded %d times", sources[0].loads.Load())
	for key := range sources {
		if n := sources[key].loads.Load(); n != 1 {
			t.Errorf("key %d was loaded %d times, want once", key, n)
		}
	}
}

func TestBadSettings(t *testing.T) {
	for _, cfg := range []cacheaside.Config{
		{TTL: 0}, {TTL: -time.Second}, {TTL: time.Second, Jitter: -0.1}, {TTL: time.Second, Jitter: 1}, {TTL: time.Second, Jitter: math.NaN()},
	} {
		if c, err := cacheaside.New(cfg); err == nil || c != nil {
			t.Errorf("New(TTL %v, Jitter %v) = %v, %v; want no cache and an error", cfg.TTL, cfg.Jitter, c, err)
		}
	}
	own, err := cacheaside.New(cacheaside.Config{TTL: time.Hour, Jitter: 0.5})
	if err != nil {
		t.Fatalf("New without Now and Rand = %v, want the machine's own", err)
	}
	c := &told{own, &clock{}}
	var s source
	get(t, c, "a", s.load, "value 1")
	get(t, c, "a", s.load, "value 1")
}

func TestHitAllocations(t *testing.T) {
	c, _ := cache(t)
	var s source
	get(t, c, "a", s.load, "value 1")
	ctx := t.Context()
	load := cacheaside.Loader(s.load)
	if n := testing.AllocsPerRun(500, func() { c.GetOrLoad(ctx, "a", load) }); n > 1 {
		t.Errorf("a hit allocates %v times, want at most 1: hits are why there is a cache", n)
	}
}

func BenchmarkHit(b *testing.B) {
	c, _ := cache(b)
	var s source
	ctx := b.Context()
	load := cacheaside.Loader(s.load)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			c.GetOrLoad(ctx, "a", load)
		}
	})
}
