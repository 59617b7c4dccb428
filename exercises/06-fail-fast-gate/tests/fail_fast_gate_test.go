//go:build exercise

package failfastgate_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
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

func TestSlots(t *testing.T) {
	g := gate(t, 3, 0, 0)
	enter(t, g, 3)
	if err := acquire(t, t.Context(), g); !errors.Is(err, failfastgate.ErrBusy) {
		t.Errorf("with all of 3 slots taken, Acquire = %v, want ErrBusy", err)
	}
	release(t, g)
	enter(t, g, 1)
}

func TestWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := gate(t, 1, 5, 50*time.Millisecond)
		enter(t, g, 1)
		time.AfterFunc(20*time.Millisecond, func() { release(t, g) })
		began := time.Now()
		tell(t, "Acquire is asked for a slot")
		err := acquire(t, t.Context(), g)
		if took := time.Since(began); err != nil || took != 20*time.Millisecond {
			t.Errorf("with a slot free after 20 ms, Acquire = %v after %v; want nil after 20ms", err, took)
		}
	})
}

func TestGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := gate(t, 1, 5, 50*time.Millisecond)
		enter(t, g, 1)
		time.AfterFunc(time.Second, func() { release(t, g) })
		began := time.Now()
		tell(t, "Acquire is asked for a slot")
		err := acquire(t, t.Context(), g)
		if took := time.Since(began); !errors.Is(err, failfastgate.ErrBusy) || took != 50*time.Millisecond {
			t.Errorf("with a slot free after a second, Acquire = %v after %v; want ErrBusy after 50ms", err, took)
		}
		pass(2 * time.Second)
		enter(t, g, 1) // who gave up did not take the slot
	})
}

// A hundred at once: three enter, five wait, and 92 know it in the same instant.
func TestWaitersBound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := gate(t, 3, 5, 50*time.Millisecond)
		type result struct {
			err  error
			took time.Duration
		}
		results := make(chan result, 100)
		began := time.Now()
		for range 100 {
			go func() {
				err := acquire(t, t.Context(), g)
				results <- result{err, time.Since(began)}
				if err == nil {
					pass(20 * time.Millisecond)
					release(t, g)
				}
			}()
		}
		count := map[time.Duration]int{}
		refused := 0
		for range 100 {
			r := <-results
			if r.err == nil {
				count[r.took]++
			} else if r.took == 0 && errors.Is(r.err, failfastgate.ErrBusy) {
				refused++
			} else {
				t.Errorf("Acquire = %v after %v, want nil or ErrBusy at once", r.err, r.took)
			}
		}
		if refused != 92 || count[0] != 3 || count[20*time.Millisecond] != 3 || count[40*time.Millisecond] != 2 {
			t.Errorf("of 100 callers %d were refused at once and these entered: %v; want 92, and 3 at 0s, 3 at 20ms, 2 at 40ms", refused, count)
		}
		pass(time.Second)
	})
}

func TestDo(t *testing.T) {
	g := gate(t, 1, 0, 0)
	sick := errors.New("the database is sick")
	for range 3 {
		err := g.Do(t.Context(), func(ctx context.Context) error {
			tell(t, "Do calls the function, which asks for a slot too")
			err := g.Do(ctx, func(context.Context) error { return nil })
			tell(t, "Do inside Do = %v", err)
			if !errors.Is(err, failfastgate.ErrBusy) {
				t.Errorf("Do inside the only slot = %v, want ErrBusy", err)
			}
			return sick
		})
		tell(t, "Do = %v", err)
		if !errors.Is(err, sick) {
			t.Fatalf("Do = %v, want what the function returned", err)
		}
	}
}
