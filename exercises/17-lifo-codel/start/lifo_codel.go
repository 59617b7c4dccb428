// Package lifocodel is a queue that serves in order while it keeps up, and turns to
// the newest, who still wait, when it does not.
package lifocodel

import "time"

// Config says how a queue behaves.
type Config[T any] struct {
	Cap      int           // the most values it holds; below 1 counts as 1
	Target   time.Duration // how old a value may be while the queue is standing; below 0 counts as 0
	Interval time.Duration // for how long the queue must not have been empty to be standing
	// OnDrop, unless nil, gets each dropped value with its age. It may call the queue.
	OnDrop func(v T, age time.Duration)
}

// Queue holds values in the order in which they came. Make one with New.
// It is safe for concurrent use. Now is the time since some start, the same in all calls.
type Queue[T any] struct {
}

// New returns an empty queue.
func New[T any](c Config[T]) *Queue[T] { return &Queue[T]{} }

// Push adds v as the newest. A full queue drops its oldest to make room.
func (q *Queue[T]) Push(now time.Duration, v T) {}

// Pop takes the next value: the oldest while the queue is calm, the newest while it is
// standing, after it has dropped what is older than Target. It never waits.
func (q *Queue[T]) Pop(now time.Duration) (T, bool) {
	var none T
	return none, false
}

// Len returns how many values wait.
func (q *Queue[T]) Len() int { return 0 }
