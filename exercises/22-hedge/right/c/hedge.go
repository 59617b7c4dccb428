// Package hedge asks a second time when the first answer is late, and takes whichever comes first.
// This answer is recursive: to hedge is to run one attempt beside a hedge of all that may follow.
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

type outcome[T any] struct {
	value T
	err   error
}

// Do hedges call.
func Do[T any](ctx context.Context, c Config, call func(ctx context.Context, attempt int) (T, error)) (T, error) {
	inner, cancel := context.WithCancel(ctx)
	defer cancel()
	safe := func(n int) (value T, err error) {
		defer func() {
			if p := recover(); p != nil {
				err = errors.Join(ErrPanic, fmt.Errorf("attempt %d said %v", n, p))
			}
		}()
		return call(inner, n)
	}
	hurry := make(chan struct{}, max(1, c.Max)) // a word for each failure at most
	value, err := from(inner, c, 0, hurry, safe)
	if err != nil {
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return *new(T), err
	}
	return value, nil
}

// from runs attempt n and, after Delay or its failure, all later ones.
func from[T any](ctx context.Context, c Config, n int, hurry chan struct{}, call func(int) (T, error)) (T, error) {
	if ctx.Err() != nil {
		return *new(T), ctx.Err()
	}
	mine := make(chan outcome[T], 1)
	go func() {
		value, err := call(n)
		mine <- outcome[T]{value, err}
	}()
	late := time.NewTimer(c.Delay)
	defer late.Stop()
	var first *outcome[T]
	select {
	case o := <-mine:
		first = &o
	case <-hurry: // an earlier attempt has failed: whoever is last in line goes on
	case <-late.C:
		// An answer of this very instant counts.
		select {
		case o := <-mine:
			first = &o
		default:
		}
	case <-ctx.Done():
		return *new(T), ctx.Err()
	}
	if first != nil && first.err == nil {
		return first.value, nil
	}
	if n+1 >= c.Max || c.Allow != nil && !c.Allow() {
		return last(ctx, first, mine)
	}
	rest := make(chan outcome[T], 1)
	go func() {
		value, err := from(ctx, c, n+1, hurry, call)
		rest <- outcome[T]{value, err}
	}()
	return either(ctx, first, mine, rest, hurry)
}

// last waits for the only attempt that is left.
func last[T any](ctx context.Context, known *outcome[T], mine <-chan outcome[T]) (T, error) {
	if known != nil {
		return known.value, known.err
	}
	select {
	case o := <-mine:
		return o.value, o.err
	case <-ctx.Done():
		return *new(T), ctx.Err()
	}
}

// either takes the first success of this attempt and those that follow.
func either[T any](ctx context.Context, known *outcome[T], mine, rest <-chan outcome[T], hurry chan<- struct{}) (T, error) {
	var errs []error
	if known != nil {
		errs, mine = append(errs, known.err), nil
	}
	for {
		var o outcome[T]
		select {
		case o = <-mine:
			mine = nil
			if o.err != nil {
				hurry <- struct{}{}
			}
		case o = <-rest:
			rest = nil
		case <-ctx.Done():
			return *new(T), ctx.Err()
		}
		if o.err == nil {
			return o.value, nil
		}
		if errs = append(errs, o.err); mine == nil && rest == nil {
			return *new(T), errors.Join(errs...)
		}
	}
}
