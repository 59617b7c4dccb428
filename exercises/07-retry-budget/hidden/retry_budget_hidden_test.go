//go:build exercise

package retrybudget_test

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
	"testing/synctest"
	"time"

	retrybudget "workbench/exercises/07-retry-budget/start"
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

var errDown = errors.New("connection refused")

func transient() error { return &retrybudget.Transient{Err: errDown} }

// retrier returns one with 4 tries, waits of at most 1, 2 and 4 s that are taken
// in full, and a budget that is no obstacle.
func retrier(t testing.TB, set ...func(*retrybudget.Config)) *retrybudget.Retrier {
	t.Helper()
	cfg := retrybudget.Config{Tries: 4, Base: time.Second, Max: time.Minute, Budget: 0, Burst: 1000, Rand: func() float64 { return 1 - 1e-12 }}
	for _, f := range set {
		f(&cfg)
	}
	r, err := retrybudget.New(cfg)
	if err != nil {
		t.Fatalf("New = %v, want a retrier", err)
	}
	return r
}

// server fails the first calls and notes when it is called.
type server struct {
	t     testing.TB
	fails int
	err   func() error
	began time.Time
	calls []time.Duration
}

func (s *server) call(context.Context) error {
	if s.began.IsZero() {
		s.began = time.Now()
	}
	s.calls = append(s.calls, time.Since(s.began).Round(time.Millisecond))
	var err error
	if len(s.calls) <= s.fails {
		err = s.err()
	}
	tell(s.t, "call %d = %v", len(s.calls), err)
	return err
}

// do makes a call and writes down what came of it.
func do(t testing.TB, ctx context.Context, r *retrybudget.Retrier, idempotent bool, call func(context.Context) error) error {
	t.Helper()
	tell(t, "Do is called, idempotent: %v", idempotent)
	err := r.Do(ctx, idempotent, call)
	tell(t, "Do = %v", err)
	return err
}

// calledAt wants calls at these instants after the first.
func (s *server) calledAt(t testing.TB, want ...time.Duration) {
	t.Helper()
	if fmt.Sprint(s.calls) != fmt.Sprint(want) {
		t.Errorf("called at %v, want %v", s.calls, want)
	}
}

func TestJitter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		draws := []float64{0.5, 0, 0.25}
		r := retrier(t, func(c *retrybudget.Config) {
			c.Rand = func() float64 {
				d := draws[0]
				draws = append(draws[1:], d)
				return d
			}
		})
		s := &server{t: t, fails: 100, err: transient}
		do(t, t.Context(), r, true, s.call)
		s.calledAt(t, 0, 500*time.Millisecond, 500*time.Millisecond, 1500*time.Millisecond)
	})
}

// The sixty-fourth doubling of a second does not fit any integer.
func TestCapped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := retrier(t, func(c *retrybudget.Config) { c.Tries, c.Max = 100, 10*time.Second })
		s := &server{t: t, fails: 1000, err: transient}
		do(t, t.Context(), r, true, s.call)
		if len(s.calls) != 100 {
			t.Fatalf("called %d times, want 100", len(s.calls))
		}
		want := []time.Duration{0, 1, 3, 7, 15, 25, 35}
		for i := range want {
			if got := s.calls[i]; got != want[i]*time.Second {
				t.Errorf("call %d after %v, want %v", i+1, got, want[i]*time.Second)
			}
		}
		if last := s.calls[99]; last != 965*time.Second {
			t.Errorf("the last of 100 calls after %v, want 965s: 1 + 2 + 4 + 8 + 95 times 10", last)
		}
	})
}

func TestCancelWhileWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(1500*time.Millisecond, cancel)
		s := &server{t: t, fails: 100, err: transient}
		began := time.Now()
		err := do(t, ctx, retrier(t), true, s.call)
		if !errors.Is(err, context.Canceled) || !errors.Is(err, errDown) {
			t.Errorf("cancelled while waiting, Do = %v; want an error that is both context.Canceled and the last one", err)
		}
		if took := time.Since(began); took != 1500*time.Millisecond {
			t.Errorf("it returned after %v, want 1.5s: when the context ended", took)
		}
		s.calledAt(t, 0, time.Second)
	})
}

// With 5 s to wait and 3 s left, the answer would find nobody. Say so now; and
// a retry that is not made is not paid for.
func TestDeadlineTooNear(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := retrier(t, func(c *retrybudget.Config) { c.Base, c.Burst = 5*time.Second, 1 })
		for range 10 {
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
			s := &server{t: t, fails: 100, err: transient}
			began := time.Now()
			err := do(t, ctx, r, true, s.call)
			if took := time.Since(began); !errors.Is(err, errDown) || took != 0 {
				t.Fatalf("with 5 s to wait and 3 s left, Do = %v after %v; want the last error at once", err, took)
			}
			s.calledAt(t, 0)
			cancel()
		}
		s := &server{t: t, fails: 1, err: transient}
		if err := do(t, t.Context(), r, true, s.call); err != nil {
			t.Errorf("after ten retries that were not made, Do = %v; want the one retry of the budget", err)
		}
	})
}

func TestEndedContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s := &server{t: t}
	if err := do(t, ctx, retrier(t), true, s.call); !errors.Is(err, context.Canceled) || len(s.calls) > 0 {
		t.Errorf("with an ended context, Do = %v and %d calls; want context.Canceled and none", err, len(s.calls))
	}
	ctx, cancel = context.WithCancel(t.Context())
	calls := 0
	err := do(t, ctx, retrier(t), true, func(context.Context) error {
		calls++
		cancel()
		tell(t, "call %d fails, and the context ends", calls)
		return transient()
	})
	if err == nil || calls != 1 {
		t.Errorf("the context ended in the first call: Do = %v after %d calls; want an error after 1", err, calls)
	}
}

// The server is down. What reaches it must be the calls and a tenth more, and
// not four times the calls.
func TestStorm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := retrier(t, func(c *retrybudget.Config) { c.Budget, c.Burst = 0.1, 10 })
		calls := 0
		for range 1000 {
			r.Do(t.Context(), true, func(context.Context) error {
				calls++
				return transient()
			})
		}
		if retries := calls - 1000; retries < 105 || retries > 110 {
			tell(t, "Do of each of 1000 calls that fail: %d calls in all", calls)
			t.Errorf("1000 failing calls were retried %d times, want 110: a burst of 10 and a tenth of the calls", retries)
		}
	})
}

func TestBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := retrier(t, func(c *retrybudget.Config) { c.Budget, c.Burst = 0.25, 2 })
		retries := func() int {
			s := &server{t: t, fails: 100, err: transient}
			do(t, t.Context(), r, true, s.call)
			return len(s.calls) - 1
		}
		works := func(n int) {
			tell(t, "Do of each of %d calls that work", n)
			for range n {
				if err := r.Do(t.Context(), true, func(context.Context) error { return nil }); err != nil {
					tell(t, "Do of a call that works = %v", err)
					t.Errorf("Do of a call that works = %v, want nil", err)
				}
			}
		}
		if n := retries(); n != 2 {
			t.Errorf("a new budget of 2 gave %d retries, want 2", n)
		}
		if n := retries(); n != 0 {
			t.Errorf("with a quarter saved there were %d retries, want 0", n)
		}
		works(2)
		if n := retries(); n != 1 {
			t.Errorf("after four calls that pay a quarter each there were %d retries, want 1", n)
		}
		works(1000)
		if n := retries(); n != 2 {
			t.Errorf("after 1000 calls there were %d retries, want 2: no more than Burst are saved", n)
		}
	})
}

func TestTogether(t *testing.T) {
	r := retrier(t, func(c *retrybudget.Config) { c.Burst, c.Base = 100, 1 })
	var calls atomic.Int64
	var all sync.WaitGroup
	for range 10 {
		all.Go(func() {
			for range 40 {
				r.Do(t.Context(), true, func(context.Context) error {
					calls.Add(1)
					return transient()
				})
			}
		})
	}
	all.Wait()
	tell(t, "Do of 400 calls that fail, by 10 goroutines: %d calls in all", calls.Load())
	if n := calls.Load(); n != 500 {
		t.Errorf("400 failing calls from 10 goroutines, with a budget of 100 retries, were %d calls; want 500", n)
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

// One client waits; the others must not wait with it.
func TestApart(t *testing.T) {
	r := retrier(t, func(c *retrybudget.Config) { c.Base, c.Max = time.Hour, time.Hour })
	ctx, cancel := context.WithCancel(t.Context())
	failed := make(chan struct{}, 1)
	var all sync.WaitGroup
	all.Go(func() {
		r.Do(ctx, true, func(context.Context) error {
			failed <- struct{}{}
			return transient()
		})
	})
	<-failed
	rest(t) // it waits
	tell(t, "a Do waits for its retry; another begins, of a call that works")
	done := make(chan error, 1)
	all.Go(func() { done <- r.Do(t.Context(), true, func(context.Context) error { return nil }) })
	select {
	case err := <-done:
		tell(t, "the other Do = %v", err)
		if err != nil {
			t.Errorf("Do beside one that waits = %v, want nil", err)
		}
	case <-time.After(3 * time.Second):
		t.Error("Do beside one that waits has not returned after 3 s")
	}
	cancel()
	tell(t, "the context of the one that waits ends")
	over := make(chan struct{})
	go func() {
		defer close(over)
		all.Wait()
	}()
	select {
	case <-over:
	case <-time.After(3 * time.Second):
		t.Error("a Do that waits has not returned 3 s after its context ended")
	}
}

func TestBadSettings(t *testing.T) {
	good := retrybudget.Config{Tries: 1, Base: 1, Max: 1, Budget: 0, Burst: 0}
	if _, err := retrybudget.New(good); err != nil {
		t.Errorf("New(%+v) = %v, want a retrier that never retries", good, err)
	}
	for _, c := range []struct {
		name string
		set  func(*retrybudget.Config)
	}{
		{"no tries", func(c *retrybudget.Config) { c.Tries = 0 }},
		{"negative base", func(c *retrybudget.Config) { c.Base = -1 }},
		{"max below base", func(c *retrybudget.Config) { c.Base = 2 }},
		{"negative budget", func(c *retrybudget.Config) { c.Budget = -0.1 }},
		{"budget not a number", func(c *retrybudget.Config) { c.Budget = math.NaN() }},
		{"endless budget", func(c *retrybudget.Config) { c.Budget = math.Inf(1) }},
		{"negative burst", func(c *retrybudget.Config) { c.Burst = -1 }},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := good
			c.set(&cfg)
			if r, err := retrybudget.New(cfg); err == nil || r != nil {
				t.Errorf("New = %v, %v; want no retrier and an error", r, err)
			}
		})
	}
}

func TestAllocations(t *testing.T) {
	r := retrier(t)
	ctx := t.Context()
	works := func(context.Context) error { return nil }
	if n := testing.AllocsPerRun(500, func() { r.Do(ctx, true, works) }); n > 2 {
		t.Errorf("a call that works allocates %v times, want at most 2: nearly all calls work", n)
	}
}
