// Package retrybudget tries again what may work the second time, and knows when
// to stop.
package retrybudget

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"sync/atomic"
	"time"
)

// Transient marks an error after which another try may help.
type Transient struct {
	Err        error
	RetryAfter time.Duration // how long the server asks to be left alone; 0: it does not say
}

func (t *Transient) Error() string { return "transient: " + t.Err.Error() }
func (t *Transient) Unwrap() error { return t.Err }

// Config says how often and how patiently to try.
type Config struct {
	Tries  int            // calls in all, the first included
	Base   time.Duration  // the longest wait before the first retry; it doubles from retry to retry
	Max    time.Duration  // which the doubling does not pass
	Budget float64        // retries that each Do pays in, such as 0.1
	Burst  int            // retries that may be saved up; so many are there at first
	Rand   func() float64 // draws evenly from [0, 1); rand.Float64 when nil
}

// Retrier keeps its budget in millionths of a retry, in one number that is
// changed by compare-and-swap.
type Retrier struct {
	cfg   Config
	price int64 // what each call pays in
	most  int64
	saved atomic.Int64
}

// whole is one retry.
const whole = 1_000_000

func (c Config) check() (Config, error) {
	if c.Tries < 1 || c.Base < 0 || c.Max < c.Base || !(c.Budget >= 0) || math.IsInf(c.Budget, 1) || c.Burst < 0 {
		return c, fmt.Errorf("retry: %d tries, base %v, max %v, budget %v, burst %d: want at least one try, max not below base, and nothing negative",
			c.Tries, c.Base, c.Max, c.Budget, c.Burst)
	}
	if c.Rand == nil {
		c.Rand = rand.Float64
	}
	return c, nil
}

// New returns a retrier whose budget is full.
func New(cfg Config) (*Retrier, error) {
	cfg, err := cfg.check()
	if err != nil {
		return nil, err
	}
	r := &Retrier{cfg: cfg, price: int64(math.Round(min(cfg.Budget, 1e6) * whole)), most: int64(cfg.Burst) * whole}
	r.saved.Store(r.most)
	return r, nil
}

// change adds to the budget; false when it would go below zero.
func (r *Retrier) change(by int64) bool {
	for {
		old := r.saved.Load()
		if old+by < 0 {
			return false
		}
		if r.saved.CompareAndSwap(old, min(old+by, r.most)) {
			return true
		}
	}
}

// Do calls, and calls again while that may help. Only an idempotent call is
// repeated.
func (r *Retrier) Do(ctx context.Context, idempotent bool, call func(context.Context) error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	r.change(r.price)
	tries := 1
	if idempotent {
		tries = r.cfg.Tries
	}
	return r.attempt(ctx, tries, r.cfg.Base, call)
}

// attempt calls once and has itself called for the rest.
func (r *Retrier) attempt(ctx context.Context, left int, window time.Duration, call func(context.Context) error) error {
	err := call(ctx)
	transient := (*Transient)(nil)
	if err == nil || left == 1 || !errors.As(err, &transient) || ctx.Err() != nil {
		return err
	}
	pause := time.Duration(r.cfg.Rand() * float64(window))
	if transient.RetryAfter > pause {
		pause = transient.RetryAfter
	}
	wake := time.Now().Add(pause)
	if end, ok := ctx.Deadline(); ok && !wake.Before(end) {
		return err
	}
	if !r.change(-whole) {
		return err
	}
	select {
	case <-time.After(pause):
	case <-ctx.Done():
		return fmt.Errorf("%w while waiting to try again after: %w", ctx.Err(), err)
	}
	if window > r.cfg.Max-window {
		window = r.cfg.Max
	} else {
		window *= 2
	}
	return r.attempt(ctx, left-1, window, call)
}
