// Package boundedqueue holds jobs between those who bring them and those who do
// them, and says so when it is full.
package boundedqueue

import (
	"context"
	"errors"
	"sync"
)

// Errors of a queue.
var (
	ErrFull   = errors.New("bounded queue: full, ask again later")
	ErrClosed = errors.New("bounded queue: closed")
)

// Queue is a buffered channel, and a lock that keeps Close apart from Push: a
// send on a closed channel panics.
type Queue[T any] struct {
	items  chan T
	mu     sync.RWMutex
	closed bool // guarded by mu
}

// New returns an empty queue for at most capacity items.
func New[T any](capacity int) (*Queue[T], error) {
	if capacity < 1 {
		return nil, errors.New("bounded queue: the capacity must be at least 1")
	}
	return &Queue[T]{items: make(chan T, capacity)}, nil
}

// Push adds an item, or says at once why not: ErrFull or ErrClosed.
func (q *Queue[T]) Push(item T) error {
	q.mu.RLock()
	defer q.mu.RUnlock()
	if q.closed {
		return ErrClosed
	}
	select {
	case q.items <- item:
		return nil
	default:
		return ErrFull
	}
}

// Pop takes the oldest item and waits for one if need be. It returns ctx's
// error when ctx ends first, and ErrClosed when there will be no more items.
func (q *Queue[T]) Pop(ctx context.Context) (item T, err error) {
	if err := ctx.Err(); err != nil {
		return item, err // a select with both ready would choose by chance
	}
	select {
	case item, ok := <-q.items:
		if !ok {
			return item, ErrClosed
		}
		return item, nil
	case <-ctx.Done():
		return item, ctx.Err()
	}
}

// Close ends Push. What is in the queue can still be popped. It may be called
// more than once.
func (q *Queue[T]) Close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.closed {
		q.closed = true
		close(q.items)
	}
}

// Len returns how many items wait.
func (q *Queue[T]) Len() int { return len(q.items) }

// Work handles items with a number of workers until the queue is closed and
// empty, or until ctx ends: then no further item is taken. It returns when every
// handler has returned: how many items were handled, and in how many of those
// the handler panicked.
func Work[T any](ctx context.Context, q *Queue[T], workers int, handle func(context.Context, T)) (handled, panicked int) {
	type tally struct{ handled, panicked int }
	tallies := make(chan tally)
	for range workers {
		go func() {
			var mine tally
			defer func() { tallies <- mine }()
			for {
				item, err := q.Pop(ctx)
				if err != nil {
					return
				}
				mine.handled++
				if !survives(ctx, item, handle) {
					mine.panicked++
				}
			}
		}()
	}
	for range workers {
		t := <-tallies
		handled += t.handled
		panicked += t.panicked
	}
	return handled, panicked
}

func survives[T any](ctx context.Context, item T, handle func(context.Context, T)) (ok bool) {
	defer func() { ok = recover() == nil }()
	handle(ctx, item)
	return true
}
