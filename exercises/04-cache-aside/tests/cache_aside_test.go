//go:build exercise

package cacheaside_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
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

func TestHit(t *testing.T) {
	c, k := cache(t)
	var s source
	get(t, c, "a", s.load, "value 1")
	k.advance(59 * time.Second)
	get(t, c, "a", s.load, "value 1")
	get(t, c, "b", s.load, "value 2")
	if n := s.loads.Load(); n != 2 {
		t.Errorf("3 questions for 2 keys were loaded %d times, want 2", n)
	}
}

func TestExpiry(t *testing.T) {
	c, k := cache(t)
	var s source
	get(t, c, "a", s.load, "value 1")
	k.advance(61 * time.Second)
	get(t, c, "a", s.load, "value 2")
	k.advance(59 * time.Second)
	get(t, c, "a", s.load, "value 2")
}

func TestOneLoad(t *testing.T) {
	c, _ := cache(t)
	var s source
	values, errs := crowd(t, c, "hot", 50, s.load)
	for i := range values {
		if values[i] != "value 1" || errs[i] != nil {
			t.Fatalf("caller %d got %q, %v; want the one load's %q", i, values[i], errs[i], "value 1")
		}
	}
	if n := s.loads.Load(); n != 1 {
		t.Errorf("50 callers at once were %d loads, want 1", n)
	}
}

func TestErrorsAreNotKept(t *testing.T) {
	c, _ := cache(t)
	var s source
	s.fail.Store(true)
	var err error
	within(t, "GetOrLoad", func() { _, err = c.GetOrLoad(t.Context(), "a", s.load) })
	tell(t, c.at(), "GetOrLoad(a) of a sick source = %v", err)
	if !errors.Is(err, errSick) {
		t.Errorf("GetOrLoad of a sick source = %v, want its error", err)
	}
	s.fail.Store(false)
	get(t, c, "a", s.load, "value 2")
}
