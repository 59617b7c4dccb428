// Package hedge has two blanks: look for BLANK and fill them in.
package hedge

import (
	"context"
	"errors"
	"fmt"
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

type answer[T any] struct {
	value T
	err   error
}

// Do hedges call.
func Do[T any](ctx context.Context, c Config, call func(ctx context.Context, attempt int) (T, error)) (T, error) {
	var none T
	if err := ctx.Err(); err != nil {
		return none, err
	}
	limit := max(1, c.Max)
	delay := max(0, c.Delay)
	attempts, cancel := context.WithCancel(ctx)
	defer cancel()
	answers := make(chan answer[T]) // BLANK 1: who reads what the losers send?
	started, open := 0, 0
	start := func() {
		n := started
		started++
		open++
		go func() {
			value, err := guarded(attempts, n, call)
			answers <- answer[T]{value, err}
		}()
	}
	more := func() bool {
		if started < limit && c.Allow != nil && !c.Allow() {
			limit = started
		}
		if started >= limit {
			return false
		}
		start()
		return true
	}
	start()
	timer := time.NewTimer(delay)
	defer timer.Stop()
	var failed []error
	for {
		select {
		case a := <-answers:
			if a.err == nil {
				return a.value, nil
			}
			if err := ctx.Err(); err != nil {
				return none, err
			}
			failed = append(failed, a.err)
			open--
			if more() {
				timer.Reset(delay)
			} else if open == 0 {
				return none, errors.Join(failed...)
			}
		case <-timer.C:
			// BLANK 2: the answer is late.
		case <-ctx.Done():
			return none, ctx.Err()
		}
	}
}

// guarded turns a panic into an error: in a goroutine of our own it would end the process.
func guarded[T any](ctx context.Context, n int, call func(context.Context, int) (T, error)) (value T, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v", ErrPanic, p)
		}
	}()
	return call(ctx, n)
}
