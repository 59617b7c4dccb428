//go:build exercise

package bulkhead_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	bulkhead "workbench/exercises/09-bulkhead/start"
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

type limits = map[string]bulkhead.Limit

func compartments(t testing.TB, l limits) *bulkhead.Bulkhead {
	t.Helper()
	b, err := bulkhead.New(l)
	if err != nil {
		t.Fatalf("New(%v) = %v, want a bulkhead", l, err)
	}
	return b
}

// acquire asks for a slot and writes down what it was answered. Giving the slot
// back is written down too.
func acquire(t testing.TB, ctx context.Context, b *bulkhead.Bulkhead, name string) (func(), error) {
	t.Helper()
	release, err := b.Acquire(ctx, name)
	tell(t, "Acquire(%s) = %v", name, err)
	if release == nil {
		return nil, err
	}
	return func() {
		tell(t, "release(%s)", name)
		release()
	}, err
}

// enter takes slots that must be free.
func enter(t testing.TB, b *bulkhead.Bulkhead, name string, n int) (releases []func()) {
	t.Helper()
	for i := range n {
		release, err := acquire(t, t.Context(), b, name)
		if err != nil {
			t.Fatalf("Acquire(%s) number %d = %v, want a free slot", name, i+1, err)
		}
		if release == nil {
			t.Fatalf("Acquire(%s) gave no release", name)
		}
		releases = append(releases, release)
	}
	return releases
}

func full(t testing.TB, b *bulkhead.Bulkhead, name, when string) {
	t.Helper()
	if release, err := acquire(t, t.Context(), b, name); !errors.Is(err, bulkhead.ErrFull) || release != nil {
		t.Errorf("%s: Acquire(%s) = %v, want ErrFull and no release", when, name, err)
	}
}

func load(t testing.TB, b *bulkhead.Bulkhead, name string, running, waiting int) {
	t.Helper()
	r, w := b.Load(name)
	tell(t, "Load(%s) = %d running, %d waiting", name, r, w)
	if r != running || w != waiting {
		t.Errorf("Load(%s) = %d running, %d waiting; want %d, %d", name, r, w, running, waiting)
	}
}

// pass lets virtual time go by, in a bubble.
func pass(d time.Duration) { <-time.After(d) }

// Those who wait for a dependency that hangs are not in the way of another one's
// callers.
func TestWaitersApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := compartments(t, limits{"slow": {Slots: 1, Waiters: 3, Wait: time.Hour}, "quick": {Slots: 1}})
		release := enter(t, b, "slow", 1)[0]
		var all sync.WaitGroup
		for range 3 {
			all.Go(func() {
				tell(t, "Acquire(slow) is asked")
				if release, err := acquire(t, t.Context(), b, "slow"); err == nil {
					release()
				}
			})
		}
		time.AfterFunc(10*time.Minute, release)
		pass(time.Second)
		began := time.Now()
		quick, err := acquire(t, t.Context(), b, "quick")
		if took := time.Since(began); err != nil || took != 0 {
			t.Errorf("beside a compartment that hangs, Acquire(quick) = %v after %v; want nil at once", err, took)
		}
		if err == nil {
			quick()
		}
		all.Wait()
	})
}

// Fifty at once at a dependency that hangs: 2 run, 3 wait, 45 know at once.
func TestWaitersBound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := compartments(t, limits{"slow": {Slots: 2, Waiters: 3, Wait: time.Hour}})
		var refused, entered atomic.Int64
		var all sync.WaitGroup
		for range 50 {
			all.Go(func() {
				release, err := acquire(t, t.Context(), b, "slow")
				if err != nil {
					refused.Add(1)
					return
				}
				entered.Add(1)
				pass(10 * time.Minute)
				release()
			})
		}
		pass(time.Second)
		load(t, b, "slow", 2, 3)
		if n := refused.Load(); n != 45 {
			t.Errorf("of 50 calls at once %d were refused within a second, want 45", n)
		}
		all.Wait()
		if n := entered.Load(); n != 5 {
			t.Errorf("%d calls entered in the end, want 5", n)
		}
		load(t, b, "slow", 0, 0)
	})
}

// Who came first is served first, and a newcomer does not overtake.
func TestInTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := compartments(t, limits{"db": {Slots: 1, Waiters: 10, Wait: time.Hour}})
		release := enter(t, b, "db", 1)[0]
		var mu sync.Mutex
		var order []int
		var all sync.WaitGroup
		for i := range 8 {
			all.Go(func() {
				tell(t, "waiter %d asks", i)
				release, err := acquire(t, t.Context(), b, "db")
				if err != nil {
					t.Errorf("waiter %d: Acquire = %v, want its turn", i, err)
					return
				}
				tell(t, "waiter %d is served", i)
				mu.Lock()
				order = append(order, i)
				mu.Unlock()
				pass(time.Second)
				release()
			})
			pass(time.Second) // so that they come one after another
		}
		release()
		all.Wait()
		if want := []int{0, 1, 2, 3, 4, 5, 6, 7}; !slices.Equal(order, want) {
			t.Errorf("waiters were served in the order %v, want %v", order, want)
		}
	})
}

func TestContextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := compartments(t, limits{"db": {Slots: 1, Waiters: 1, Wait: time.Minute}})
		release := enter(t, b, "db", 1)[0]
		time.AfterFunc(30*time.Second, release)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		began := time.Now()
		_, err := acquire(t, ctx, b, "db")
		if took := time.Since(began); !errors.Is(err, context.DeadlineExceeded) || took != 10*time.Millisecond {
			t.Errorf("Acquire whose context ends after 10 ms = %v after %v; want context.DeadlineExceeded after 10ms", err, took)
		}
		load(t, b, "db", 1, 0) // its place is free again
		pass(time.Minute)
		for range 20 {
			if _, err := acquire(t, ctx, b, "db"); !errors.Is(err, context.DeadlineExceeded) {
				t.Fatalf("Acquire with an ended context = %v, want its error although a slot is free", err)
			}
		}
		load(t, b, "db", 0, 0)
	})
}

func TestReleaseTwice(t *testing.T) {
	b := compartments(t, limits{"db": {Slots: 2}})
	releases := enter(t, b, "db", 2)
	for range 3 {
		releases[0]()
	}
	load(t, b, "db", 1, 0)
	enter(t, b, "db", 1)
	full(t, b, "db", "a slot that was given back three times is one slot")
}

func TestPanicReleases(t *testing.T) {
	b := compartments(t, limits{"db": {Slots: 1}})
	for range 2 {
		func() {
			defer func() {
				r := recover()
				tell(t, "Do of a function that panics panicked with %v", r)
				if r != "bug" {
					t.Errorf("recovered %v, want the function's panic to come through", r)
				}
			}()
			b.Do(t.Context(), "db", func(context.Context) error { panic("bug") })
		}()
	}
	load(t, b, "db", 0, 0)
	enter(t, b, "db", 1)
}

// A slot that comes free in the moment in which a waiter leaves is not lost.
func TestNoSlotLost(t *testing.T) {
	b := compartments(t, limits{"db": {Slots: 1, Waiters: 4, Wait: time.Minute}})
	for round := range 800 {
		release := enter(quiet{t}, b, "db", 1)[0]
		ctx, cancel := context.WithCancel(t.Context())
		got := make(chan func(), 1)
		go func() {
			release, _ := b.Acquire(ctx, "db")
			got <- release
		}()
		for range round % 4 {
			runtime.Gosched() // let it wait
		}
		if round%3 == 0 {
			go cancel()
		} else {
			cancel()
		}
		release()
		select {
		case release := <-got:
			if release != nil {
				release()
			}
		case <-time.After(3 * time.Second):
			t.Fatal("Acquire has not returned 3 s after its context ended")
		}
		cancel()
		running, waiting := b.Load("db")
		if round < 5 || running != 0 || waiting != 0 {
			tell(t, "round %d: the slot is given back while its waiter's context ends; all have left: Load(db) = %d running, %d waiting", round, running, waiting)
		}
		if running != 0 || waiting != 0 {
			t.Fatalf("round %d: all have left, and Load = %d running, %d waiting; want 0, 0", round, running, waiting)
		}
	}
}

func TestTogether(t *testing.T) {
	b := compartments(t, limits{
		"a": {Slots: 1, Waiters: 3, Wait: 200 * time.Microsecond},
		"b": {Slots: 3, Waiters: 3, Wait: 200 * time.Microsecond},
	})
	var inside, most [2]atomic.Int64
	var all sync.WaitGroup
	for g := range 12 {
		all.Go(func() {
			for i := range 150 {
				k := (i + g) % 2
				b.Do(t.Context(), []string{"a", "b"}[k], func(context.Context) error {
					n := inside[k].Add(1)
					for m := most[k].Load(); n > m && !most[k].CompareAndSwap(m, n); m = most[k].Load() {
					}
					runtime.Gosched()
					inside[k].Add(-1)
					return nil
				})
			}
		})
	}
	all.Wait()
	tell(t, "Do by 12 goroutines, 150 times each: %d at a time in a, %d in b", most[0].Load(), most[1].Load())
	for k, want := range []int64{1, 3} {
		if n := most[k].Load(); n > want || n == 0 {
			t.Errorf("compartment %d had %d calls at a time, want some and at most %d", k, n, want)
		}
	}
	load(t, b, "a", 0, 0)
	load(t, b, "b", 0, 0)
}

// The caller may do with its map what it likes.
func TestLimitsAreCopied(t *testing.T) {
	l := limits{"db": {Slots: 1}}
	b := compartments(t, l)
	l["db"] = bulkhead.Limit{Slots: 100}
	l["new"] = bulkhead.Limit{Slots: 1}
	enter(t, b, "db", 1)
	full(t, b, "db", "the caller's map was changed")
	if _, err := acquire(t, t.Context(), b, "new"); !errors.Is(err, bulkhead.ErrUnknown) {
		t.Errorf("Acquire of a name added to the caller's map = %v, want ErrUnknown", err)
	}
}

func TestBadSettings(t *testing.T) {
	for _, bad := range []bulkhead.Limit{{Slots: 0}, {Slots: -1}, {Slots: 1, Waiters: -1}, {Slots: 1, Wait: -1}} {
		if b, err := bulkhead.New(limits{"good": {Slots: 1}, "bad": bad}); err == nil || b != nil {
			t.Errorf("New with %+v = %v, %v; want no bulkhead and an error", bad, b, err)
		}
	}
}

// Callers choose names. Names that nobody gave a compartment must leave nothing
// behind, and asking must not depend on how many compartments there are.
func TestStrangers(t *testing.T) {
	many := limits{}
	for i := range 1000 {
		many[fmt.Sprint("compartment-", i)] = bulkhead.Limit{Slots: 1}
	}
	b := compartments(t, many)
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	for i := range 20_000 {
		b.Acquire(t.Context(), fmt.Sprint("stranger-", i))
	}
	after := heap()
	tell(t, "Acquire of each of 20,000 unknown names: %d bytes in use before, %d after", before, after)
	if after > before+200_000 {
		t.Errorf("after 20,000 unknown names %d bytes more are in use, want next to none", after-before)
	}
	enter(t, b, "compartment-7", 1)
	ctx := t.Context()
	if n := testing.AllocsPerRun(500, func() {
		if release, err := b.Acquire(ctx, "compartment-8"); err == nil {
			release()
		}
	}); n > 8 {
		t.Errorf("entering a compartment with a free slot allocates %v times, want at most 8", n)
	}
}
