// kills: TestShortOverload — Length says nothing: a short queue can stand and a long one can be a burst.

package lifocodel

import (
	"sync"
	"time"
)

// Config says how a queue behaves.
type Config[T any] struct {
	Cap      int
	Target   time.Duration
	Interval time.Duration
	OnDrop   func(v T, age time.Duration)
}

// Queue holds values in the order in which they came.
type Queue[T any] struct {
	c Config[T]

	mu    sync.Mutex
	ring  []entry[T]    // guarded by mu; the oldest is at head
	head  int           // guarded by mu
	n     int           // guarded by mu
	since time.Duration // guarded by mu; when the queue was last empty
	last  time.Duration // guarded by mu; the latest now
}

type entry[T any] struct {
	v  T
	at time.Duration
}

// New returns an empty queue.
func New[T any](c Config[T]) *Queue[T] {
	c.Cap = max(1, c.Cap)
	c.Target = max(0, c.Target)
	return &Queue[T]{c: c, ring: make([]entry[T], c.Cap)}
}

// Push adds v as the newest.
func (q *Queue[T]) Push(now time.Duration, v T) {
	q.mu.Lock()
	now = q.tick(now)
	var dropped []entry[T]
	if q.n == 0 {
		q.since = now
	}
	if q.n == len(q.ring) {
		dropped = append(dropped, q.oldest())
	}
	q.ring[(q.head+q.n)%len(q.ring)] = entry[T]{v, now}
	q.n++
	q.mu.Unlock()
	q.tell(now, dropped)
}

// Pop takes the next value.
func (q *Queue[T]) Pop(now time.Duration) (T, bool) {
	q.mu.Lock()
	now = q.tick(now)
	standing := q.n > len(q.ring)/2
	var dropped []entry[T]
	for standing && q.n > 0 && now-q.ring[q.head].at > q.c.Target {
		dropped = append(dropped, q.oldest())
	}
	var e entry[T]
	ok := q.n > 0
	switch {
	case ok && standing:
		e = q.newest()
	case ok:
		e = q.oldest()
	}
	q.mu.Unlock()
	q.tell(now, dropped)
	return e.v, ok
}

// Len returns how many values wait.
func (q *Queue[T]) Len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.n
}

// tick keeps time from going back; the caller holds mu.
func (q *Queue[T]) tick(now time.Duration) time.Duration {
	q.last = max(q.last, now)
	return q.last
}

// oldest empties its place, so that the value can be collected; the caller holds mu.
func (q *Queue[T]) oldest() entry[T] {
	e := q.ring[q.head]
	q.ring[q.head] = entry[T]{}
	q.head = (q.head + 1) % len(q.ring)
	q.n--
	return e
}

func (q *Queue[T]) newest() entry[T] {
	i := (q.head + q.n - 1) % len(q.ring)
	e := q.ring[i]
	q.ring[i] = entry[T]{}
	q.n--
	return e
}

// tell runs without the lock, because the callback may call the queue.
func (q *Queue[T]) tell(now time.Duration, dropped []entry[T]) {
	for _, e := range dropped {
		if q.c.OnDrop != nil {
			q.c.OnDrop(e.v, now-e.at)
		}
	}
}
