// kills: TestCapacityTogether — between looking for room and using it another goroutine uses it too

// Package boundedqueue holds jobs between those who bring them and those who do
// them, and says so when it is full.
package boundedqueue

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// Errors of a queue.
var (
	ErrFull   = errors.New("bounded queue: full, ask again later")
	ErrClosed = errors.New("bounded queue: closed")
)

// Queue hands an item to the one who has waited longest; items are kept only
// while nobody waits. A waiter is a channel of one, so handing over never blocks.
type Queue[T any] struct {
	mu       sync.Mutex
	capacity int
	items    []T      // guarded by mu: empty while waiters is not
	waiters  []chan T // guarded by mu
	closed   bool     // guarded by mu
}

// New returns an empty queue for at most capacity items.
func New[T any](capacity int) (*Queue[T], error) {
	if capacity <= 0 {
		return nil, fmt.Errorf("bounded queue: no room in a queue of %d", capacity)
	}
	return &Queue[T]{capacity: capacity}, nil
}

// Push adds an item, or says at once why not: ErrFull or ErrClosed.
func (q *Queue[T]) Push(item T) error {
	q.mu.Lock()
	full := len(q.items) >= q.capacity
	q.mu.Unlock()
	if full {
		return ErrFull
	}
	time.Sleep(time.Microsecond)
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return ErrClosed
	}
	if len(q.waiters) > 0 {
		q.waiters[0] <- item
		q.waiters = q.waiters[1:]
		return nil
	}
	q.items = append(q.items, item)
	return nil
}

// Pop takes the oldest item and waits for one if need be. It returns ctx's
// error when ctx ends first, and ErrClosed when there will be no more items.
func (q *Queue[T]) Pop(ctx context.Context) (item T, err error) {
	q.mu.Lock()
	if err := ctx.Err(); err != nil {
		q.mu.Unlock()
		return item, err
	}
	if len(q.items) > 0 {
		item = q.items[0]
		q.items = slices.Delete(q.items, 0, 1)
		q.mu.Unlock()
		return item, nil
	}
	if q.closed {
		q.mu.Unlock()
		return item, ErrClosed
	}
	mine := make(chan T, 1)
	q.waiters = append(q.waiters, mine)
	q.mu.Unlock()
	select {
	case item, ok := <-mine:
		if !ok {
			return item, ErrClosed
		}
		return item, nil
	case <-ctx.Done():
		return q.leave(mine, ctx.Err())
	}
}

// leave takes a waiter out of the line. If it was served in the same moment,
// the item is its own and must not be lost.
func (q *Queue[T]) leave(mine chan T, why error) (item T, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if i := slices.Index(q.waiters, mine); i >= 0 {
		q.waiters = slices.Delete(q.waiters, i, i+1)
		return item, why
	}
	item, ok := <-mine
	if !ok {
		return item, ErrClosed
	}
	return item, nil
}

// Close ends Push. What is in the queue can still be popped. It may be called
// more than once.
func (q *Queue[T]) Close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	for _, w := range q.waiters {
		close(w)
	}
	q.waiters = nil
}

// Len returns how many items wait.
func (q *Queue[T]) Len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.items)
}

// Work handles items with a number of workers until the queue is closed and
// empty, or until ctx ends: then no further item is taken. It returns when every
// handler has returned: how many items were handled, and in how many of those
// the handler panicked.
func Work[T any](ctx context.Context, q *Queue[T], workers int, handle func(context.Context, T)) (handled, panicked int) {
	var mu sync.Mutex
	var all sync.WaitGroup
	all.Add(workers)
	for range workers {
		go func() {
			defer all.Done()
			for item, err := q.Pop(ctx); err == nil; item, err = q.Pop(ctx) {
				func() {
					defer func() {
						broken := recover() != nil
						mu.Lock()
						defer mu.Unlock()
						handled++
						if broken {
							panicked++
						}
					}()
					handle(ctx, item)
				}()
			}
		}()
	}
	all.Wait()
	return handled, panicked
}
