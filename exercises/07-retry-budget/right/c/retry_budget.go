// Package retrybudget tries again what may work the second time, and knows when
// to stop.
package retrybudget

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"math/rand/v2"
	"sync"
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

// Retrier passes its budget around in a channel of one. Each Do holds a mutex of
// its own for as long as it runs, also while it waits: that is allowed, because
// nobody else wants it.
type Retrier struct {
	cfg   Config
	saved chan float64
}

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
	r := &Retrier{cfg: cfg, saved: make(chan float64, 1)}
	r.saved <- float64(cfg.Burst)
	return r, nil
}

// windows yields the longest wait before each retry.
func (r *Retrier) windows(idempotent bool) iter.Seq[time.Duration] {
	return func(yield func(time.Duration) bool) {
		if !idempotent {
			return
		}
		for n := range r.cfg.Tries - 1 {
			window := float64(r.cfg.Base) * math.Pow(2, float64(n))
			if !yield(time.Duration(min(window, float64(r.cfg.Max)))) {
				return
			}
		}
	}
}

// attempt is one Do under way.
type attempt struct {
	mu   sync.Mutex
	last error // guarded by mu
}

// Do calls, and calls again while that may help. Only an idempotent call is
// repeated.
func (r *Retrier) Do(ctx context.Context, idempotent bool, call func(context.Context) error) error {
	if err := context.Cause(ctx); err != nil {
		return ctx.Err()
	}
	r.saved <- min(<-r.saved+r.cfg.Budget, float64(r.cfg.Burst))
	var a attempt
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.last = call(ctx); a.last == nil {
		return nil
	}
	for window := range r.windows(idempotent) {
		var t *Transient
		if !errors.As(a.last, &t) || ctx.Err() != nil {
			break
		}
		wait := max(time.Duration(float64(window)*r.cfg.Rand()), t.RetryAfter)
		if end, ok := ctx.Deadline(); ok && time.Now().Add(wait).Compare(end) >= 0 {
			break
		}
		saved := <-r.saved
		enough := saved > 0.999999
		if enough {
			saved = max(saved-1, 0)
		}
		r.saved <- saved
		if !enough {
			break
		}
		if wait > 0 {
			pause, cancel := context.WithTimeout(ctx, wait)
			<-pause.Done()
			cancel()
		}
		if ctx.Err() != nil {
			return errors.Join(a.last, ctx.Err())
		}
		if a.last = call(ctx); a.last == nil {
			return nil
		}
	}
	return a.last
}
