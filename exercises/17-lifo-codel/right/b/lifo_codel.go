// Package lifocodel is a queue that serves in order while it keeps up, and turns to
// the newest, who still wait, when it does not.
// This answer is a linked list, and gathers the dropped in a list of their own.
package lifocodel

import (
	"container/list"
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

	mu       sync.Mutex
	waiting  list.List     // guarded by mu; of held[T], the oldest in front
	notEmpty time.Duration // guarded by mu; since when
	clock    time.Duration // guarded by mu
}

type held[T any] struct {
	v  T
	at time.Duration
}

// New returns an empty queue.
func New[T any](c Config[T]) *Queue[T] {
	if c.Cap < 1 {
		c.Cap = 1
	}
	if c.Target < 0 {
		c.Target = 0
	}
	if c.OnDrop == nil {
		c.OnDrop = func(T, time.Duration) {}
	}
	return &Queue[T]{c: c}
}

// Push adds v as the newest.
func (q *Queue[T]) Push(now time.Duration, v T) {
	q.with(now, func(now time.Duration, drop func()) {
		switch q.waiting.Len() {
		case 0:
			q.notEmpty = now
		case q.c.Cap:
			drop()
		}
		q.waiting.PushBack(held[T]{v, now})
	})
}

// Pop takes the next value.
func (q *Queue[T]) Pop(now time.Duration) (v T, ok bool) {
	q.with(now, func(now time.Duration, drop func()) {
		next := q.waiting.Front
		if now >= q.notEmpty+q.c.Interval {
			next = q.waiting.Back
			for q.waiting.Len() > 0 && q.waiting.Front().Value.(held[T]).at < now-q.c.Target {
				drop()
			}
		}
		if e := next(); e != nil {
			v, ok = q.waiting.Remove(e).(held[T]).v, true
		}
	})
	return v, ok
}

// Len returns how many values wait.
func (q *Queue[T]) Len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.waiting.Len()
}

// with runs change under the lock and reports what it dropped after it.
func (q *Queue[T]) with(now time.Duration, change func(now time.Duration, drop func())) {
	var gone []held[T]
	q.mu.Lock()
	if now > q.clock {
		q.clock = now
	}
	now = q.clock
	change(now, func() { gone = append(gone, q.waiting.Remove(q.waiting.Front()).(held[T])) })
	q.mu.Unlock()
	for _, g := range gone {
		q.c.OnDrop(g.v, now-g.at)
	}
}
