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
	"time"

	lockcleanup "workbench/exercises/05-lock-cleanup/start"
)

// tell writes down what happened at an instant, for the verdict to list.
func tell(t testing.TB, at time.Duration, format string, args ...any) {
	t.Helper()
	t.Logf("@%v %s", at, fmt.Sprintf(format, args...))
}

// quiet is a test whose helpers write nothing down: for what is done thousands
// of times.
type quiet struct{ testing.TB }

func (quiet) Logf(string, ...any) {}

// clock is a clock that moves when told to.
type clock struct{ at atomic.Int64 }

func (c *clock) now() time.Time          { return time.Unix(1000, c.at.Load()) }
func (c *clock) advance(d time.Duration) { c.at.Add(int64(d)) }

// told is a cache of which the helpers know what its clock says.
type told struct {
	*lockcleanup.Cache
	clock *clock
}

func (c *told) at() time.Duration { return time.Duration(c.clock.at.Load()) }

// counted is a load that counts itself.
func counted(n *atomic.Int64, load lockcleanup.Loader) lockcleanup.Loader {
	return func(ctx context.Context) (string, error) {
		n.Add(1)
		return load(ctx)
	}
}

func cache(t testing.TB) (*told, *clock) {
	t.Helper()
	k := &clock{}
	c, err := lockcleanup.New(lockcleanup.Config{TTL: time.Minute, LoadTimeout: 10 * time.Second, Now: k.now})
	if err != nil {
		t.Fatalf("New = %v, want a cache", err)
	}
	return &told{c, k}, k
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

func get(t testing.TB, c *told, key string, load lockcleanup.Loader, want string) {
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

// crowd has n callers ask for key while its first load is held up, until all of
// them wait. It returns what they got.
func crowd(t testing.TB, c *told, key string, n int, load lockcleanup.Loader) (values []string, errs []error) {
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
			values[i], errs[i] = c.GetOrLoad(t.Context(), key, held)
		})
	}
	rest(t)
	letGo()
	within(t, fmt.Sprintf("one of %d callers", n), all.Wait)
	tell(t, c.at(), "after %d loads the first of them gets %q, %v", loads.Load(), values[0], errs[0])
	return values, errs
}

// noLocks wants nothing to be kept beside the values, once the goroutines that
// are about to end have ended.
func noLocks(t testing.TB, c *told, when string) {
	t.Helper()
	rest(t)
	tell(t, c.at(), "%s, Locks = %d", when, c.Locks())
	if n := c.Locks(); n != 0 {
		t.Errorf("%s, something is kept for %d keys, want for none", when, n)
	}
}

func TestHitAndExpiry(t *testing.T) {
	c, k := cache(t)
	var s source
	get(t, c, "a", s.load, "value 1")
	k.advance(59 * time.Second)
	get(t, c, "a", s.load, "value 1")
	k.advance(2 * time.Second)
	get(t, c, "a", s.load, "value 2")
}

func TestOneLoad(t *testing.T) {
	c, _ := cache(t)
	var s source
	values, errs := crowd(t, c, "hot", 50, s.load)
	for i := range values {
		if values[i] != "value 1" || errs[i] != nil {
			t.Fatalf("caller %d got %q, %v; want %q", i, values[i], errs[i], "value 1")
		}
	}
	if n := s.loads.Load(); n != 1 {
		t.Errorf("50 callers at once were %d loads, want 1", n)
	}
}

func TestLocksAreRemoved(t *testing.T) {
	c, _ := cache(t)
	var s source
	for i := range 200 {
		get(quiet{t}, c, fmt.Sprint("key ", i), s.load, fmt.Sprint("value ", i+1))
	}
	noLocks(t, c, "after 200 loads")
	s.fail.Store(true)
	crowd(t, c, "sick", 20, s.load)
	noLocks(t, c, "after 20 callers of a load that failed")
}

// The convoy: under a plain lock each waiter of a sick source loads for itself,
// one after another, and the last waits 40 times as long as one load.
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
	s.fail.Store(false)
	get(t, c, "hot", s.load, fmt.Sprint("value ", s.loads.Load()+1))
}

func TestCallerLeaves(t *testing.T) {
	c, _ := cache(t)
	started, release := make(chan struct{}, 1), make(chan struct{})
	load := func(ctx context.Context) (string, error) {
		started <- struct{}{}
		<-release
		return "value", ctx.Err()
	}
	begin := func(ctx context.Context) chan error {
		out := make(chan error, 1)
		go func() {
			_, err := c.GetOrLoad(ctx, "a", load)
			out <- err
		}()
		return out
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	first := begin(ctx)
	within(t, "starting a load", func() { <-started })
	tell(t, c.at(), "the first caller's load of a has begun")
	second, third := begin(ctx), begin(t.Context())
	rest(t) // both others wait
	cancel()
	tell(t, c.at(), "two more callers wait; the context of the first and of one of them ends")
	left := func(who string, out chan error) {
		select {
		case err := <-out:
			tell(t, c.at(), "the %s gets %v", who, err)
			if !errors.Is(err, context.Canceled) {
				t.Errorf("the %s got %v, want context.Canceled", who, err)
			}
		case <-time.After(3 * time.Second):
			t.Errorf("the %s still waits 3 s after its context ended", who)
		}
	}
	left("caller that loads", first)
	left("caller that waits", second)
	close(release)
	within(t, "the caller that stays", func() {
		if err := <-third; err != nil {
			t.Errorf("the caller that stayed got %v, want the value", err)
		}
	})
}
