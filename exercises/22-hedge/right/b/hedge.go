// Package hedge asks a second time when the first answer is late, and takes whichever comes first.
// This answer keeps its state under a mutex; timers and attempts call methods, and Do only waits for the end.
package hedge

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// Config says when to hedge.
type Config struct {
	Delay time.Duration // how long to wait for an answer before one more attempt; below 0 counts as 0
	Max   int           // attempts in all; below 1 counts as 1
	// Allow, unless nil, is asked before each attempt but the first. Once it says no there are no more.
	Allow func() bool
}

// ErrPanic is wrapped by the error of an attempt that panicked.
var ErrPanic = errors.New("hedge: the call panicked")

type race[T any] struct {
	c      Config
	ctx    context.Context
	cancel context.CancelFunc
	call   func(context.Context, int) (T, error)
	done   chan struct{} // closed when the race is over

	mu      sync.Mutex
	over    bool        // guarded by mu
	value   T           // guarded by mu until over
	err     error       // guarded by mu until over
	errs    []error     // guarded by mu
	started int         // guarded by mu
	open    int         // guarded by mu
	timer   *time.Timer // guarded by mu
}

// Do hedges call.
func Do[T any](ctx context.Context, c Config, call func(ctx context.Context, attempt int) (T, error)) (T, error) {
	if err := ctx.Err(); err != nil {
		var none T
		return none, err
	}
	r := &race[T]{c: c, call: call, done: make(chan struct{})}
	r.ctx, r.cancel = context.WithCancel(ctx)
	defer r.cancel()
	unhook := context.AfterFunc(ctx, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.finish(*new(T), ctx.Err())
	})
	defer unhook()
	r.mu.Lock()
	r.start()
	r.mu.Unlock()
	<-r.done
	return r.value, r.err
}

// start begins one attempt and sets the timer for the next; the caller holds mu.
func (r *race[T]) start() {
	n := r.started
	r.started++
	r.open++
	if r.timer != nil {
		r.timer.Stop()
	}
	r.timer = time.AfterFunc(max(0, r.c.Delay), r.late)
	go func() {
		value, err := r.try(n)
		r.mu.Lock()
		defer r.mu.Unlock()
		r.open--
		switch {
		case err == nil:
			r.finish(value, nil)
		case !r.over:
			r.errs = append(r.errs, err)
			if !r.next() && r.open == 0 {
				r.finish(value, errors.Join(r.errs...))
			}
		}
	}()
}

// late runs when a Delay has passed without an answer.
func (r *race[T]) late() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.next()
}

// next starts one more attempt if it may; the caller holds mu.
func (r *race[T]) next() bool {
	if r.over || r.started >= max(1, r.c.Max) || r.ctx.Err() != nil {
		return false
	}
	if r.c.Allow != nil && !r.c.Allow() {
		r.c.Max = r.started
		return false
	}
	r.start()
	return true
}

// finish settles the race for the first who comes; the caller holds mu.
func (r *race[T]) finish(value T, err error) {
	if r.over {
		return
	}
	r.over = true
	if err != nil {
		value = *new(T)
		if cause := context.Cause(r.ctx); cause != nil {
			err = cause
		}
	}
	r.value, r.err = value, err
	r.timer.Stop()
	r.cancel()
	close(r.done)
}

func (r *race[T]) try(n int) (value T, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("attempt %d: %w: %v", n, ErrPanic, p)
		}
	}()
	return r.call(r.ctx, n)
}
