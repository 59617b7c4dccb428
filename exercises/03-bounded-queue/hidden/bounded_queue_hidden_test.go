//go:build exercise

package boundedqueue_test

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

	boundedqueue "workbench/exercises/03-bounded-queue/start"
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

func queue(t testing.TB, capacity int, items ...int) *boundedqueue.Queue[int] {
	t.Helper()
	q, err := boundedqueue.New[int](capacity)
	if err != nil {
		t.Fatalf("New(%d) = %v, want a queue", capacity, err)
	}
	for _, item := range items {
		push(t, q, item)
	}
	return q
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
		tell(t, "%s does not return", what)
		t.Fatalf("%s has not returned after 3 s", what)
	}
}

func push(t testing.TB, q *boundedqueue.Queue[int], item int) {
	t.Helper()
	var err error
	within(t, "Push", func() { err = q.Push(item) })
	tell(t, "Push(%d) = %v", item, err)
	if err != nil {
		t.Errorf("Push(%d) = %v, want room for it", item, err)
	}
}

func pop(t testing.TB, q *boundedqueue.Queue[int], want int) {
	t.Helper()
	var got int
	var err error
	within(t, "Pop", func() { got, err = q.Pop(t.Context()) })
	tell(t, "Pop = %d, %v", got, err)
	if err != nil || got != want {
		t.Errorf("Pop = %d, %v; want %d", got, err, want)
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

// pass lets virtual time go by, in a bubble.
func pass(d time.Duration) { <-time.After(d) }

func TestCapacityTogether(t *testing.T) {
	for round := range 30 {
		q := queue(t, 10)
		var accepted atomic.Int64
		var all sync.WaitGroup
		gate := make(chan struct{})
		for range 16 {
			all.Go(func() {
				<-gate
				for i := range 5 {
					if q.Push(i) == nil {
						accepted.Add(1)
					}
				}
			})
		}
		close(gate)
		within(t, "16 goroutines pushing", all.Wait)
		if n := accepted.Load(); n != 10 || q.Len() != 10 {
			tell(t, "Push by 16 goroutines, 5 times each: %d accepted, then Len = %d", n, q.Len())
			t.Fatalf("round %d: a queue of 10 accepted %d items and holds %d, want 10 and 10", round, n, q.Len())
		}
	}
}

// Whoever pushes while the queue is being closed gets an error or a place, and
// never a panic; and what got a place can be popped.
func TestCloseTogether(t *testing.T) {
	for round := range 30 {
		q := queue(t, 1000)
		var tried, accepted atomic.Int64
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				defer func() {
					if r := recover(); r != nil {
						t.Errorf("round %d: Push beside Close panicked: %v", round, r)
					}
				}()
				for range 100 {
					tried.Add(1)
					err := q.Push(1)
					if err == nil {
						accepted.Add(1)
					} else if !errors.Is(err, boundedqueue.ErrClosed) {
						t.Errorf("Push = %v, want nil or ErrClosed: there is room", err)
					}
				}
			})
		}
		for tried.Load() < 20 {
			runtime.Gosched()
		}
		q.Close()
		within(t, "8 goroutines pushing beside Close", all.Wait)
		popped := int64(0)
		within(t, "draining", func() {
			for {
				if _, err := q.Pop(t.Context()); err != nil {
					return
				}
				popped++
			}
		})
		if round == 0 || popped != accepted.Load() {
			tell(t, "round %d: Push by 8 goroutines beside Close: %d accepted, then %d came out of Pop", round, accepted.Load(), popped)
		}
		if popped != accepted.Load() {
			t.Fatalf("round %d: %d items were accepted and %d came out", round, accepted.Load(), popped)
		}
		if t.Failed() {
			return
		}
	}
}

func TestCloseWakesAll(t *testing.T) {
	q := queue(t, 1)
	var all sync.WaitGroup
	for range 5 {
		all.Go(func() {
			if _, err := q.Pop(t.Context()); !errors.Is(err, boundedqueue.ErrClosed) {
				t.Errorf("Pop = %v, want ErrClosed", err)
			}
		})
	}
	rest(t)
	tell(t, "5 goroutines wait in Pop; Close")
	q.Close()
	within(t, "waiting while the queue is closed", all.Wait)
}

func TestPopEndsWithContext(t *testing.T) {
	q := queue(t, 2)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	got := make(chan error, 1)
	go func() {
		_, err := q.Pop(ctx)
		got <- err
	}()
	rest(t)
	cancel()
	tell(t, "a goroutine waits in Pop, and its context ends")
	var err error
	within(t, "Pop whose context ends", func() { err = <-got })
	tell(t, "its Pop = %v", err)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Pop = %v, want context.Canceled", err)
	}
	push(t, q, 1)
	within(t, "Pop with an ended context", func() { _, err = q.Pop(ctx) })
	tell(t, "Pop with the ended context = %v", err)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Pop with an ended context = %v, want context.Canceled", err)
	}
	pop(t, q, 1) // nobody has taken it
}

// An item that comes in the moment in which a context ends is either the
// waiter's or still there.
func TestCancelLosesNothing(t *testing.T) {
	q := queue(t, 4)
	for round := range 1000 {
		ctx, cancel := context.WithCancel(t.Context())
		got := make(chan bool, 1)
		go func() {
			_, err := q.Pop(ctx)
			got <- err == nil
		}()
		if round%2 == 0 {
			runtime.Gosched() // let it wait
		}
		if round%3 == 0 {
			go cancel()
		} else {
			cancel()
		}
		if err := q.Push(round); err != nil {
			t.Fatalf("round %d: Push = %v, want room", round, err)
		}
		served := false
		within(t, "Pop whose context ends", func() { served = <-got })
		if round < 5 || q.Len() != map[bool]int{false: 1}[served] {
			tell(t, "round %d: Push while the context of a Pop ends: it got the item: %v, then Len = %d", round, served, q.Len())
		}
		if want := map[bool]int{true: 0, false: 1}[served]; q.Len() != want {
			t.Fatalf("round %d: Pop got the item: %v, and the queue holds %d; want it in exactly one place", round, served, q.Len())
		}
		if !served {
			pop(quiet{t}, q, round)
		}
		cancel()
	}
}

// Ten jobs of a second, three workers: four seconds, and never four at a time.
func TestWorkersBound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, err := boundedqueue.New[int](10)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 10 {
			if err := q.Push(i); err != nil {
				t.Fatalf("Push = %v, want room", err)
			}
		}
		q.Close()
		tell(t, "10 items, Close; Work begins with 3 workers")
		var running, most atomic.Int64
		began := time.Now()
		handled, _ := boundedqueue.Work(t.Context(), q, 3, func(_ context.Context, item int) {
			n := running.Add(1)
			tell(t, "item %d is begun, %d at a time", item, n)
			for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
			}
			pass(time.Second)
			running.Add(-1)
		})
		tell(t, "Work = %d handled", handled)
		if took := time.Since(began); handled != 10 || took != 4*time.Second || most.Load() != 3 {
			t.Errorf("3 workers handled %d jobs of a second in %v, %d at a time; want 10 in 4s, 3 at a time", handled, took, most.Load())
		}
	})
}

func TestPanicInHandler(t *testing.T) {
	q := queue(t, 10)
	for i := range 10 {
		push(t, q, i)
	}
	q.Close()
	var handled, panicked int
	within(t, "Work with handlers that panic", func() {
		handled, panicked = boundedqueue.Work(t.Context(), q, 2, func(_ context.Context, item int) {
			if item%2 == 1 {
				panic("odd")
			}
		})
	})
	tell(t, "Close; then Work whose handler panics at odd items = %d handled, %d panicked", handled, panicked)
	if handled != 10 || panicked != 5 {
		t.Errorf("Work = %d, %d; want 10 handled, 5 of them panicked", handled, panicked)
	}
}

// On SIGTERM: take nothing more, finish what was begun, say what is left.
func TestStopWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, err := boundedqueue.New[int](10)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 6 {
			if err := q.Push(i); err != nil {
				t.Fatalf("Push = %v, want room", err)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
		defer cancel()
		var finished atomic.Int64
		tell(t, "6 items; Work begins with 2 workers and 1.5 s left")
		began := time.Now()
		handled, _ := boundedqueue.Work(ctx, q, 2, func(_ context.Context, item int) {
			tell(t, "item %d is begun", item)
			pass(time.Second)
			tell(t, "item %d is finished", item)
			finished.Add(1)
		})
		took, done := time.Since(began), finished.Load()
		tell(t, "Work = %d handled; Len = %d", handled, q.Len())
		pass(5 * time.Second)
		if handled != 4 || done != 4 || took != 2*time.Second || q.Len() != 2 {
			t.Errorf("stopped after 1.5 s, 2 workers said %d handled after %v, when %d had finished and %d were left; want 4 after 2s, 4, 2", handled, took, done, q.Len())
		}
	})
}

func TestBadCapacity(t *testing.T) {
	for _, capacity := range []int{0, -1} {
		if q, err := boundedqueue.New[int](capacity); err == nil || q != nil {
			t.Errorf("New(%d) = %v, %v; want no queue and an error", capacity, q, err)
		}
	}
}

// watched counts how often somebody asks whether a context has ended.
type watched struct {
	context.Context
	asked atomic.Int64
}

func (w *watched) Done() <-chan struct{} { w.asked.Add(1); return w.Context.Done() }
func (w *watched) Err() error            { w.asked.Add(1); return w.Context.Err() }

// Waiting is being woken, not asking again and again.
func TestWaitsQuietly(t *testing.T) {
	q := queue(t, 1)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel() // of one that never rests
	done := make(chan error, 1)
	go func() {
		_, err := q.Pop(ctx)
		done <- err
	}()
	rest(t)
	push(t, q, 1)
	var err error
	within(t, "Pop after Push", func() { err = <-done })
	tell(t, "the Pop that waited = %v", err)
	if err != nil {
		t.Errorf("Pop = %v, want the item", err)
	}
	synctest.Test(t, func(t *testing.T) {
		q, err := boundedqueue.New[int](1)
		if err != nil {
			t.Fatal(err)
		}
		inner, cancel := context.WithTimeout(t.Context(), 150*time.Millisecond)
		defer cancel()
		ctx := &watched{Context: inner}
		_, err = q.Pop(ctx)
		tell(t, "Pop with 150 ms left = %v; it looked %d times whether its context had ended", err, ctx.asked.Load())
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Pop of an empty queue = %v, want the context's error after 150ms", err)
		}
		if n := ctx.asked.Load(); n > 20 {
			t.Errorf("while it waited 150 ms, Pop looked %d times whether its context had ended; want it to sleep until woken", n)
		}
		q.Close()
	})
}
