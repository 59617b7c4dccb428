//go:build exercise

package bulkhead_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	bulkhead "workbench/exercises/09-bulkhead/start"
)

// A queue without an end is where the next outage waits.
func TestQueueEnds(t *testing.T) {
	virtual(t, func(t *testing.T) {
		b := build(t, compartments{"adverts": {Places: 1, Queue: 3, Wait: time.Hour}})
		leave := enter(t, b, "adverts")
		var served atomic.Int64
		for range 3 {
			go func() {
				if release, err := b.Acquire(t.Context(), "adverts"); err == nil {
					served.Add(1)
					release()
				}
			}()
		}
		synctest.Wait()
		count(t, b, "adverts", 1, 3)
		refused(t, t.Context(), b, "adverts", bulkhead.ErrFull, 0)
		leave()
		synctest.Wait()
		count(t, b, "adverts", 0, 0)
		if n := served.Load(); n != 3 {
			t.Errorf("%d of 3 waiting callers were served, want all", n)
		}
	})
}

func TestFirstComeFirstServed(t *testing.T) {
	virtual(t, func(t *testing.T) {
		b := build(t, compartments{"adverts": {Places: 1, Queue: 10, Wait: time.Hour}})
		leave := enter(t, b, "adverts")
		var mu sync.Mutex
		var order []int
		for i := range 10 {
			go func() {
				release, err := b.Acquire(t.Context(), "adverts")
				if err != nil {
					return
				}
				mu.Lock()
				order = append(order, i)
				mu.Unlock()
				time.Sleep(10 * ms)
				release()
			}()
			synctest.Wait()
		}
		leave()
		// A place that is given back belongs to who waits, not to who is quick.
		if release, err := b.Acquire(t.Context(), "adverts"); err == nil {
			mu.Lock()
			if len(order) < 10 {
				t.Errorf("a newcomer got a place before %d who waited", 10-len(order))
			}
			mu.Unlock()
			release()
		}
		time.Sleep(time.Second)
		mu.Lock()
		defer mu.Unlock()
		if !slices.Equal(order, []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}) {
			t.Errorf("served in the order %v, want that of arrival", order)
		}
	})
}

// Who has given up must not stand in the way of those who still wait.
func TestGivingUp(t *testing.T) {
	virtual(t, func(t *testing.T) {
		b := build(t, compartments{"adverts": {Places: 1, Queue: 2, Wait: time.Hour}})
		leave := enter(t, b, "adverts")
		ctx, cancel := context.WithCancel(t.Context())
		gone := make(chan error, 1)
		go func() { _, err := b.Acquire(ctx, "adverts"); gone <- err }()
		synctest.Wait()
		var served atomic.Bool
		go func() {
			release, err := b.Acquire(t.Context(), "adverts")
			if err == nil {
				served.Store(true)
				release()
			}
		}()
		synctest.Wait()
		count(t, b, "adverts", 1, 2)
		cancel()
		synctest.Wait()
		select {
		case err := <-gone:
			if !errors.Is(err, context.Canceled) {
				t.Errorf("a waiting caller whose context ended got %v, want the context's error", err)
			}
		default:
			t.Error("a waiting caller whose context ended still waits")
		}
		count(t, b, "adverts", 1, 1)
		leave()
		synctest.Wait()
		if !served.Load() {
			t.Error("the place went to one who had given up: the next is not served")
		}
		count(t, b, "adverts", 0, 0)
	})
}

func TestContext(t *testing.T) {
	virtual(t, func(t *testing.T) {
		b := build(t, compartments{"adverts": {Places: 1, Queue: 2, Wait: time.Hour}})
		over, cancel := context.WithCancel(t.Context())
		cancel()
		refused(t, over, b, "adverts", context.Canceled, 0)
		count(t, b, "adverts", 0, 0)
		enter(t, b, "adverts")
		short, stop := context.WithTimeout(t.Context(), 20*ms)
		defer stop()
		refused(t, short, b, "adverts", context.DeadlineExceeded, 20*ms)
		count(t, b, "adverts", 1, 0)
	})
}

// The place comes in the very moment in which the caller gives up, a hundred
// times. Whoever gets it, it must still be there afterwards.
func TestNoPlaceIsLost(t *testing.T) {
	virtual(t, func(t *testing.T) {
		b := build(t, compartments{"adverts": {Places: 1, Queue: 2, Wait: 10 * ms}})
		for i := range 100 {
			leave := enter(t, b, "adverts")
			ctx, cancel := context.WithCancel(t.Context())
			if i%2 == 0 {
				time.AfterFunc(10*ms, leave) // and the wait is over
			} else {
				time.AfterFunc(5*ms, func() { leave(); cancel() })
			}
			release, err := b.Acquire(ctx, "adverts")
			if err == nil {
				release()
			}
			time.Sleep(ms)
			cancel()
			if inside, waiting := b.Count("adverts"); inside != 0 || waiting != 0 {
				t.Fatalf("round %d, everybody has left: %d inside, %d waiting, want nobody: the place is lost for ever", i, inside, waiting)
			}
		}
	})
}

// A deferred release and one on the way out are one leaving.
func TestReleaseTwice(t *testing.T) {
	virtual(t, func(t *testing.T) {
		b := build(t, compartments{"adverts": {Places: 2}})
		first := enter(t, b, "adverts")
		enter(t, b, "adverts")
		first()
		first()
		count(t, b, "adverts", 1, 0)
		enter(t, b, "adverts")
		first()
		count(t, b, "adverts", 2, 0)
		refused(t, t.Context(), b, "adverts", bulkhead.ErrFull, 0)
	})
}

func TestDo(t *testing.T) {
	virtual(t, func(t *testing.T) {
		b := build(t, compartments{"adverts": {Places: 1}})
		fault := errors.New("no adverts today")
		if err := b.Do(t.Context(), "adverts", func(ctx context.Context) error {
			count(t, b, "adverts", 1, 0)
			if ctx != t.Context() {
				t.Error("f was given another context than Do's")
			}
			return fault
		}); err != fault {
			t.Errorf("Do = %v, want the error of f", err)
		}
		count(t, b, "adverts", 0, 0)
		leave := enter(t, b, "adverts")
		if err := b.Do(t.Context(), "adverts", func(context.Context) error {
			t.Error("f was called without a place")
			return nil
		}); !errors.Is(err, bulkhead.ErrFull) {
			t.Errorf("Do in a full compartment = %v, want ErrFull", err)
		}
		leave()
	})
}

// Places that leak with each panic close the compartment for ever.
func TestPanic(t *testing.T) {
	virtual(t, func(t *testing.T) {
		b := build(t, compartments{"adverts": {Places: 1}})
		for range 3 {
			func() {
				defer func() {
					if recover() != "a nil map" {
						t.Error("the panic of f did not reach the caller of Do, want it passed on")
					}
				}()
				_ = b.Do(t.Context(), "adverts", func(context.Context) error { panic("a nil map") })
			}()
			count(t, b, "adverts", 0, 0)
		}
	})
}

func TestNeverTooMany(t *testing.T) {
	c := compartments{}
	var inside [3]atomic.Int64
	for i := range inside {
		c[fmt.Sprint(i)] = bulkhead.Compartment{Places: i + 1, Queue: 100, Wait: 5 * time.Second}
	}
	b := build(t, c)
	var all sync.WaitGroup
	for g := range 24 {
		all.Go(func() {
			for j := range 20 {
				i := (g + j) % len(inside)
				release, err := b.Acquire(context.Background(), fmt.Sprint(i))
				if err != nil {
					t.Errorf("Acquire with room in the queue = %v, want a place", err)
					return
				}
				if n := inside[i].Add(1); n > int64(i+1) {
					t.Errorf("%d inside a compartment with %d places", n, i+1)
				}
				time.Sleep(20 * time.Microsecond)
				inside[i].Add(-1)
				release()
			}
		})
	}
	all.Wait()
	for i := range inside {
		count(t, b, fmt.Sprint(i), 0, 0)
	}
}

// Callers come, wait, give up and are served, all at the same time.
func TestCrowd(t *testing.T) {
	b := build(t, compartments{"adverts": {Places: 3, Queue: 4, Wait: 200 * time.Microsecond}})
	var all sync.WaitGroup
	for g := range 16 {
		all.Go(func() {
			for j := range 40 {
				ctx, cancel := context.WithTimeout(context.Background(), time.Duration(50+(g*40+j)%400)*time.Microsecond)
				release, err := b.Acquire(ctx, "adverts")
				switch {
				case err == nil:
					time.Sleep(50 * time.Microsecond)
					release()
				case !errors.Is(err, bulkhead.ErrFull) && !errors.Is(err, context.DeadlineExceeded):
					t.Errorf("Acquire = %v, want a place, ErrFull or the context's error", err)
				}
				cancel()
			}
		})
	}
	all.Wait()
	count(t, b, "adverts", 0, 0)
	for range 3 {
		if _, err := b.Acquire(context.Background(), "adverts"); err != nil {
			t.Fatalf("everybody has left: Acquire = %v, want a place: some were lost", err)
		}
	}
}

func TestBadSettings(t *testing.T) {
	for _, c := range []struct {
		name string
		c    compartments
	}{
		{"none at all", nil},
		{"no places", compartments{"a": {Places: 1}, "b": {Places: 0}}},
		{"negative queue", compartments{"a": {Places: 1, Queue: -1}}},
		{"negative wait", compartments{"a": {Places: 1, Queue: 1, Wait: -1}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if b, err := bulkhead.New(c.c); b != nil || err == nil {
				t.Errorf("New(%v) = %v, %v; want no bulkhead and an error", c.c, b, err)
			}
		})
	}
	virtual(t, func(t *testing.T) {
		mine := compartments{"adverts": {Places: 1}}
		b := build(t, mine)
		mine["adverts"] = bulkhead.Compartment{Places: 100}
		mine["likes"] = bulkhead.Compartment{Places: 100}
		enter(t, b, "adverts")
		refused(t, t.Context(), b, "adverts", bulkhead.ErrFull, 0)
		refused(t, t.Context(), b, "likes", bulkhead.ErrUnknown, 0)
	})
}

func TestAllocations(t *testing.T) {
	b := build(t, compartments{"adverts": {Places: 1, Queue: 10, Wait: time.Second}})
	ctx := context.Background()
	if n := testing.AllocsPerRun(1000, func() {
		if release, err := b.Acquire(ctx, "adverts"); err == nil {
			release()
		}
	}); n > 4 {
		t.Errorf("a free place costs %v allocations, want at most 4: no timer, no channel", n)
	}
}

func BenchmarkAcquire(b *testing.B) {
	k := build(b, compartments{"adverts": {Places: 1000, Queue: 10, Wait: time.Second}})
	ctx := context.Background()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if release, err := k.Acquire(ctx, "adverts"); err == nil {
				release()
			}
		}
	})
}
