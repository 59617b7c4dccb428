// kills: TestFull, TestCapacityTogether, TestFullAtOnce — a Push that waits for room moves the queue into the callers, where nobody bounds it

// Package boundedqueue holds jobs between those who bring them and those who do
// them, and says so when it is full.
package boundedqueue

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
)

// Errors of a queue.
var (
	ErrFull   = errors.New("bounded queue: full, ask again later")
	ErrClosed = errors.New("bounded queue: closed")
)

// Queue is first in, first out. Use New. It is safe for concurrent use.
type Queue[T any] struct {
	mu     sync.Mutex
	more   *sync.Cond // signalled when items or closed change
	ring   []T        // guarded by mu
	first  int        // guarded by mu: index of the oldest item
	count  int        // guarded by mu
	closed bool       // guarded by mu
}

// New returns an empty queue for at most capacity items.
func New[T any](capacity int) (*Queue[T], error) {
	if capacity < 1 {
		return nil, fmt.Errorf("bounded queue: capacity %d, want at least 1", capacity)
	}
	q := &Queue[T]{ring: make([]T, capacity)}
	q.more = sync.NewCond(&q.mu)
	return q, nil
}

// Push adds an item, or says at once why not: ErrFull or ErrClosed.
func (q *Queue[T]) Push(item T) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case q.closed:
		return ErrClosed
	}
	for q.count == len(q.ring) {
		q.more.Wait()
	}
	q.ring[(q.first+q.count)%len(q.ring)] = item
	q.count++
	q.more.Signal()
	return nil
}

// Pop takes the oldest item and waits for one if need be. It returns ctx's
// error when ctx ends first, and ErrClosed when there will be no more items.
func (q *Queue[T]) Pop(ctx context.Context) (T, error) {
	// A condition cannot wait for a context, so the context wakes it.
	stop := context.AfterFunc(ctx, func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		q.more.Broadcast()
	})
	defer stop()
	q.mu.Lock()
	defer q.mu.Unlock()
	var none T
	for q.count == 0 && !q.closed && ctx.Err() == nil {
		q.more.Wait()
	}
	switch {
	case ctx.Err() != nil:
		if q.count > 0 {
			q.more.Signal() // the signal may have been for an item we leave
		}
		return none, ctx.Err()
	case q.count == 0:
		return none, ErrClosed
	}
	item := q.ring[q.first]
	q.ring[q.first] = none // let go of what it points to
	q.first = (q.first + 1) % len(q.ring)
	q.count--
	return item, nil
}

// Close ends Push. What is in the queue can still be popped. It may be called
// more than once.
func (q *Queue[T]) Close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.more.Broadcast()
}

// Len returns how many items wait.
func (q *Queue[T]) Len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.count
}

// Work handles items with a number of workers until the queue is closed and
// empty, or until ctx ends: then no further item is taken. It returns when every
// handler has returned: how many items were handled, and in how many of those
// the handler panicked.
func Work[T any](ctx context.Context, q *Queue[T], workers int, handle func(context.Context, T)) (handled, panicked int) {
	var done, bad atomic.Int64
	one := func(item T) {
		defer done.Add(1)
		defer func() {
			if recover() != nil {
				bad.Add(1)
			}
		}()
		handle(ctx, item)
	}
	var all sync.WaitGroup
	for range workers {
		all.Go(func() {
			for {
				item, err := q.Pop(ctx)
				if err != nil {
					return
				}
				one(item)
			}
		})
	}
	all.Wait()
	return int(done.Load()), int(bad.Load())
}
