package plug_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"workbench/lab"
)

// works is a service whose requests end one by one, and say that they began.
type works struct{ began, end chan uint64 }

func (s *works) Serve(_ context.Context, r *lab.Request) lab.Response {
	s.began <- r.ID
	<-s.end
	return lab.Response{}
}

// waiting waits until so many requests wait in a queue.
func waiting(t *testing.T, l lab.Live, e lab.Env, want float64) {
	t.Helper()
	for gaugeOf(l, e, "depth").Value != want {
		if t.Context().Err() != nil {
			t.Fatalf("%v wait, want %v", gaugeOf(l, e, "depth").Value, want)
		}
	}
}

// An answer to either exercise keeps the room: it refuses or drops when it is full,
// and says who is next.
func TestQueueSlot(t *testing.T) {
	w := open(t)
	w.guard.Deadline = 5 * time.Second // a busy machine must not count as a fault here
	for _, c := range []struct {
		slug  string
		after time.Duration // of waiting before the second is served
		order []uint64      // in which those who wait are served
		ends  map[lab.Reason]int
	}{
		{"bounded-queue", 0, []uint64{2, 3, 4}, map[lab.Reason]int{"": 4, "queue_full": 2}},
		{"lifo-codel", 0, []uint64{4, 5, 6}, map[lab.Reason]int{"": 4, "queue_evicted": 2}},
	} {
		t.Run(c.slug, func(t *testing.T) {
			e := w.exercise(c.slug)
			s := &works{began: make(chan uint64), end: make(chan uint64)}
			environment := env()
			h, l := at(t, "queue", map[string]any{"workers": 1, "length": 3, "target": "10s", "interval": "1m"}, w.build(c.slug, answers(t, e, e.Right[0]), ""), environment, s)
			var mu sync.Mutex
			ends := map[lab.Reason]int{}
			var all sync.WaitGroup
			come := func(id uint64) {
				all.Go(func() {
					res := h.Serve(t.Context(), &lab.Request{ID: id})
					mu.Lock()
					defer mu.Unlock()
					ends[res.Reason]++
				})
			}
			come(1)
			if id := <-s.began; id != 1 {
				t.Fatalf("%d is served first, want 1", id)
			}
			for id := uint64(2); id <= 6; id++ {
				come(id)
				waiting(t, l, environment, float64(min(id-1, 3)))
				for environment.Counters.All()[lab.EventDecisions] < id+1 {
				}
			}
			for _, want := range c.order {
				s.end <- 0
				if id := <-s.began; id != want {
					t.Errorf("%d is next, want %d", id, want)
				}
			}
			s.end <- 0
			all.Wait()
			for why, want := range c.ends {
				if ends[why] != want {
					t.Errorf("ends %v, want %v", ends, c.ends)
				}
			}
			n := environment.Counters.All()
			if n[lab.EventDecisions] != 10 || n[lab.EventFallbacks] != 0 || n[lab.EventTrips] != 0 || n["admitted"] != 4 {
				t.Errorf("counters %v, want 6 decisions about who may come in and 4 about who is next", n)
			}
			if n[lab.EventAgreed]+n[lab.EventDiffered] != 10 {
				t.Errorf("counters %v, want each decision compared with ours", n)
			}
			if g := gaugeOf(l, environment, "busy"); g.Value != 0 {
				t.Errorf("%v workers are busy, want none", g.Value)
			}
		})
	}
}

// room is an answer to bounded-queue whose Push and Pop are bodies.
func room(push, pop string) map[string]string {
	return map[string]string{"bounded_queue.go": `package boundedqueue

import (
	"context"
	"errors"
	"sync"
	"time"
)

var (
	ErrFull   = errors.New("full")
	ErrClosed = errors.New("closed")
	_         = time.Second
)

type Queue[T any] struct {
	mu    sync.Mutex
	items []T
	n     int
	hold  [][]byte
}

func New[T any](capacity int) (*Queue[T], error) { return &Queue[T]{}, nil }

func (q *Queue[T]) Push(item T) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.n++
	` + push + `
	q.items = append(q.items, item)
	return nil
}

func (q *Queue[T]) Pop(ctx context.Context) (item T, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.n++
	` + pop + `
	item = q.items[0]
	q.items = q.items[1:]
	return item, nil
}

func (q *Queue[T]) Close() {}

func (q *Queue[T]) Len() int { return len(q.items) }

func Work[T any](ctx context.Context, q *Queue[T], workers int, handle func(context.Context, T)) (handled, panicked int) {
	return 0, 0
}
`}
}

// A queue that ends, hangs, dawdles, loses items, serves one twice or invents some
// opens the guard, with the reason in words; everybody is served all the same.
func TestWhatTripsTheGuardOfAQueue(t *testing.T) {
	w := open(t)
	for _, c := range []struct{ name, push, pop, why string }{
		{"a panic at the door", `if q.n > 4 { panic("four is enough") }`, "", "panic: four is enough"},
		{"a panic within", "", `if q.n > 4 { panic("four is enough") }`, "panic: four is enough"},
		{"a loop without end", "", `for q.n > 4 { q.n++ }`, "it hangs: no answer for "},
		{"a deadlock", `if q.n > 4 { q.mu.Lock() }`, "", "deadlock"},
		{"a memory bomb", `for q.n > 4 { q.hold = append(q.hold, make([]byte, 1<<20)); q.hold[len(q.hold)-1][4096] = 1 }`, "", "memory"},
		{"items that are lost", `if q.n > 4 { return nil }`, "", "it talks nonsense: nobody waits, it says, and it has let in "},
		{"an item served twice", "", `if q.n > 4 { return q.items[0], nil }`, "it talks nonsense: item "},
		{"an item that is none", "", `if q.n > 4 { return item, nil }`, "it talks nonsense: item 0 is next, it says, and does not wait"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w, e := w, env()
			h, l := at(t, "queue", map[string]any{"workers": 2, "length": 100}, w.build("bounded-queue", room(c.push, c.pop), ""), e, served)
			seen := trip(t, l, e, func(int) {
				if res := h.Serve(t.Context(), &lab.Request{}); res.Outcome != lab.OK {
					t.Errorf("a request is %v for %s, want ok: there is room for all", res.Outcome, res.Reason)
				}
			})
			if !strings.Contains(seen, c.why) {
				t.Errorf("the guard says %q, want that it is open for good for %q", seen, c.why)
			}
			if n := e.Counters.All(); n[lab.EventTrips] != 3 || n[lab.EventRestarts] != 2 || n[lab.EventFallbacks] == 0 {
				t.Errorf("counters %v, want 3 trips, 2 restarts and some fallbacks", n)
			}
			if busy, depth := gaugeOf(l, e, "busy").Value, gaugeOf(l, e, "depth").Value; busy != 0 || depth != 0 {
				t.Errorf("%v workers are busy and %v wait, want nobody", busy, depth)
			}
		})
	}
}
