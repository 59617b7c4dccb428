//go:build exercise

package failfastgate_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	failfastgate "workbench/exercises/06-fail-fast-gate/start"
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

// quiet is a test whose helpers write nothing down: for what is done thousands
// of times.
type quiet struct{ testing.TB }

func (quiet) Logf(string, ...any) {}

func gate(t testing.TB, slots, waiters int, wait time.Duration) *failfastgate.Gate {
	t.Helper()
	cfg := failfastgate.Config{Slots: slots, Waiters: waiters, Wait: wait}
	g, err := failfastgate.New(cfg)
	if err != nil {
		t.Fatalf("New(%+v) = %v, want a gate", cfg, err)
	}
	return g
}

// acquire asks for a slot and writes down what it was answered.
func acquire(t testing.TB, ctx context.Context, g *failfastgate.Gate) error {
	t.Helper()
	err := g.Acquire(ctx)
	tell(t, "Acquire = %v", err)
	return err
}

// release gives a slot back.
func release(t testing.TB, g *failfastgate.Gate) {
	t.Helper()
	tell(t, "Release")
	g.Release()
}

// enter takes slots that must be free.
func enter(t testing.TB, g *failfastgate.Gate, n int) {
	t.Helper()
	for i := range n {
		if err := acquire(t, t.Context(), g); err != nil {
			t.Fatalf("Acquire number %d = %v, want a free slot", i+1, err)
		}
	}
}

// pass lets virtual time go by, in a bubble.
func pass(d time.Duration) { <-time.After(d) }

func TestContextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := gate(t, 1, 1, time.Minute)
		enter(t, g, 1)
		time.AfterFunc(30*time.Second, func() { release(t, g) })
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		began := time.Now()
		tell(t, "Acquire is asked for a slot, with 10 ms left")
		err := acquire(t, ctx, g)
		if took := time.Since(began); !errors.Is(err, context.DeadlineExceeded) || took != 10*time.Millisecond {
			t.Errorf("Acquire whose context ends after 10 ms = %v after %v; want context.DeadlineExceeded after 10ms", err, took)
		}
		pass(time.Minute)
		enter(t, g, 1)
	})
}

func TestEndedContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	g := gate(t, 1, 1, time.Second)
	for range 20 {
		if err := acquire(t, ctx, g); !errors.Is(err, context.Canceled) {
			t.Fatalf("Acquire with an ended context = %v, want context.Canceled although a slot is free", err)
		}
	}
	enter(t, g, 1)
}

// Who gives up makes room for another waiter.
func TestPlaceComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := gate(t, 1, 2, 50*time.Millisecond)
		enter(t, g, 1)
		time.AfterFunc(time.Second, func() { release(t, g) })
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		var all sync.WaitGroup
		all.Go(func() { acquire(t, ctx, g) })
		all.Go(func() { acquire(t, t.Context(), g) })
		all.Wait() // one left at 10 ms, the other at 50 ms
		pass(930 * time.Millisecond)
		for range 2 {
			all.Go(func() {
				tell(t, "Acquire is asked for a slot")
				if err := acquire(t, t.Context(), g); err != nil {
					t.Errorf("after all waiters had left, Acquire 20 ms before a slot came free = %v, want nil", err)
					return
				}
				pass(10 * time.Millisecond)
				release(t, g)
			})
		}
		all.Wait()
	})
}

func TestPanicReleases(t *testing.T) {
	g := gate(t, 1, 0, 0)
	for range 2 {
		func() {
			defer func() {
				r := recover()
				tell(t, "Do of a function that panics panicked with %v", r)
				if r != "bug" {
					t.Errorf("recovered %v, want the function's panic to come through", r)
				}
			}()
			g.Do(t.Context(), func(context.Context) error { panic("bug") })
		}()
	}
	enter(t, g, 1)
}

// A Release too many would raise the limit for ever, and nobody would notice
// before the next overload.
func TestReleaseWithoutAcquire(t *testing.T) {
	g := gate(t, 2, 0, 0)
	enter(t, g, 1)
	release(t, g)
	for range 3 {
		func() {
			defer func() {
				r := recover()
				tell(t, "Release without Acquire panicked with %v", r)
				if r == nil {
					t.Error("Release without Acquire did not panic")
				}
			}()
			g.Release()
		}()
	}
	enter(t, g, 2)
	if err := acquire(t, t.Context(), g); !errors.Is(err, failfastgate.ErrBusy) {
		t.Errorf("after Releases too many, a third caller entered 2 slots (%v), want ErrBusy", err)
	}
}

// A slot that comes free in the moment in which a waiter leaves is either the
// waiter's or free.
func TestNoSlotLost(t *testing.T) {
	g := gate(t, 1, 4, time.Minute)
	for round := range 800 {
		enter(quiet{t}, g, 1)
		ctx, cancel := context.WithCancel(t.Context())
		got := make(chan error, 1)
		go func() { got <- g.Acquire(ctx) }()
		for range round % 4 {
			runtime.Gosched() // let it wait
		}
		if round%3 == 0 {
			go cancel()
		} else {
			cancel()
		}
		g.Release()
		var err error
		select {
		case err = <-got:
		case <-time.After(3 * time.Second):
			t.Fatal("Acquire has not returned 3 s after its context ended")
		}
		if err == nil {
			g.Release()
		}
		if round < 5 {
			tell(t, "round %d: Release, and the waiter's context ends: its Acquire = %v", round, err)
		}
		short, end := context.WithTimeout(t.Context(), 3*time.Second)
		if err := g.Acquire(short); err != nil {
			tell(t, "round %d: Acquire of the free slot = %v", round, err)
			t.Fatalf("round %d: the slot is lost: Acquire = %v", round, err)
		}
		end()
		g.Release()
		cancel()
	}
}

func TestTogether(t *testing.T) {
	g := gate(t, 3, 8, 200*time.Microsecond)
	var inside, most, entered atomic.Int64
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			for range 200 {
				if g.Acquire(t.Context()) != nil {
					continue
				}
				entered.Add(1)
				n := inside.Add(1)
				for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
				}
				runtime.Gosched()
				inside.Add(-1)
				g.Release()
			}
		})
	}
	all.Wait()
	tell(t, "16 goroutines asked 200 times each: %d entered, %d at a time", entered.Load(), most.Load())
	if most.Load() > 3 || entered.Load() == 0 {
		t.Errorf("%d callers entered, %d at a time; want some, at most 3 at a time", entered.Load(), most.Load())
	}
	enter(t, g, 3)
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	if err := acquire(t, ctx, g); !errors.Is(err, failfastgate.ErrBusy) {
		t.Errorf("after all that, a fourth caller entered 3 slots (%v), want ErrBusy", err)
	}
}

func TestBadSettings(t *testing.T) {
	for _, cfg := range []failfastgate.Config{{Slots: 0}, {Slots: -1}, {Slots: 1, Waiters: -1}, {Slots: 1, Wait: -1}} {
		if g, err := failfastgate.New(cfg); err == nil || g != nil {
			t.Errorf("New(%+v) = %v, %v; want no gate and an error", cfg, g, err)
		}
	}
}

func TestAllocations(t *testing.T) {
	g := gate(t, 2, 2, time.Second)
	ctx := t.Context()
	if n := testing.AllocsPerRun(500, func() {
		if g.Acquire(ctx) == nil {
			g.Release()
		}
	}); n > 0 {
		t.Errorf("entering a gate with a free slot allocates %v times, want 0: most requests find one", n)
	}
}
