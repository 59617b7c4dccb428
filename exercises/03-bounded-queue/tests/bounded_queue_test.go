//go:build exercise

package boundedqueue_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"
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

func TestOrder(t *testing.T) {
	q := queue(t, 3, 1, 2, 3)
	pop(t, q, 1)
	push(t, q, 4)
	tell(t, "Len = %d", q.Len())
	if n := q.Len(); n != 3 {
		t.Errorf("Len = %d, want 3", n)
	}
	for _, want := range []int{2, 3, 4} {
		pop(t, q, want)
	}
	tell(t, "Len = %d", q.Len())
	if n := q.Len(); n != 0 {
		t.Errorf("Len = %d, want 0", n)
	}
}

// The whole point: a queue that is full says so now, and not in a minute.
func TestFull(t *testing.T) {
	q := queue(t, 2, 1, 2)
	var err error
	within(t, "Push to a full queue", func() { err = q.Push(3) })
	tell(t, "Push(3) = %v", err)
	if !errors.Is(err, boundedqueue.ErrFull) {
		t.Errorf("Push to a full queue = %v, want ErrFull", err)
	}
	pop(t, q, 1)
	push(t, q, 4)
	pop(t, q, 2)
	pop(t, q, 4)
}

func TestFullAtOnce(t *testing.T) {
	q := queue(t, 1, 1)
	within(t, "Push to a full queue", func() {
		for range 100 {
			q.Push(2) // whatever it says, it says it now
		}
	})
}

func TestPopWaits(t *testing.T) {
	q := queue(t, 1)
	got := make(chan int, 1)
	go func() {
		item, err := q.Pop(t.Context())
		if err != nil {
			t.Errorf("Pop = %v, want the item that came while it waited", err)
		}
		got <- item
	}()
	rest(t)
	tell(t, "Pop waits in a goroutine of its own, or has returned")
	select {
	case item := <-got:
		t.Fatalf("Pop of an empty queue = %d, want it to wait", item)
	default:
	}
	push(t, q, 7)
	item := 0
	within(t, "Pop after Push", func() { item = <-got })
	tell(t, "the Pop that waited = %d", item)
	if item != 7 {
		t.Errorf("Pop = %d, want 7", item)
	}
}

func TestCloseDrains(t *testing.T) {
	q := queue(t, 5, 1, 2)
	within(t, "Close", func() { q.Close(); q.Close() })
	err := q.Push(3)
	tell(t, "Close, twice; then Push(3) = %v", err)
	if !errors.Is(err, boundedqueue.ErrClosed) {
		t.Errorf("Push after Close = %v, want ErrClosed", err)
	}
	pop(t, q, 1)
	pop(t, q, 2)
	within(t, "Pop of a closed, empty queue", func() { _, err = q.Pop(t.Context()) })
	tell(t, "Pop of the closed, empty queue = %v", err)
	if !errors.Is(err, boundedqueue.ErrClosed) {
		t.Errorf("Pop of a closed, empty queue = %v, want ErrClosed", err)
	}
}

func TestWork(t *testing.T) {
	q := queue(t, 20)
	for i := range 20 {
		push(t, q, i)
	}
	q.Close()
	var mu sync.Mutex
	var seen []int
	var handled, panicked int
	within(t, "Work on a closed queue", func() {
		handled, panicked = boundedqueue.Work(t.Context(), q, 3, func(_ context.Context, item int) {
			mu.Lock()
			defer mu.Unlock()
			seen = append(seen, item)
		})
	})
	tell(t, "Close; then Work with 3 workers = %d handled, %d panicked", handled, panicked)
	if handled != 20 || panicked != 0 {
		t.Errorf("Work = %d, %d; want 20 handled, 0 panicked", handled, panicked)
	}
	mu.Lock()
	defer mu.Unlock()
	slices.Sort(seen)
	for i := range 20 {
		if len(seen) != 20 || seen[i] != i {
			t.Fatalf("handled %v, want each of 0 to 19 once", seen)
		}
	}
}
