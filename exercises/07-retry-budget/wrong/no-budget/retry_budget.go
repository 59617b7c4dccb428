// kills: TestStorm, TestBudget, TestTogether — without a budget an outage is answered with four times the load

// Package retrybudget tries again what may work the second time, and knows when
// to stop.
package retrybudget

import (
	"context"
	"errors"
	"fmt"
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

// Retrier is the calls of one client to one server. Use New. It is safe for
// concurrent use.
type Retrier struct {
	cfg   Config
	mu    sync.Mutex
	saved float64 // guarded by mu: retries that may be made
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
	return &Retrier{cfg: cfg, saved: float64(cfg.Burst)}, nil
}

// Do calls, and calls again while that may help. Only an idempotent call is
// repeated.
func (r *Retrier) Do(ctx context.Context, idempotent bool, call func(context.Context) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	r.pay()
	for try := 1; ; try++ {
		err := call(ctx)
		var t *Transient
		if err == nil || !idempotent || try >= r.cfg.Tries || !errors.As(err, &t) || ctx.Err() != nil {
			return err
		}
		wait := max(t.RetryAfter, time.Duration(r.cfg.Rand()*float64(r.cfg.longest(try))))
		if end, ok := ctx.Deadline(); ok && time.Until(end) <= wait {
			return err // nobody would be there for the answer
		}
		r.take()
		if over := sleep(ctx, wait); over != nil {
			return errors.Join(over, err)
		}
	}
}

// longest returns the longest wait before the n-th retry.
func (c *Config) longest(n int) time.Duration {
	d := c.Base
	for ; n > 1 && d < c.Max; n-- {
		if d > c.Max/2 {
			return c.Max
		}
		d *= 2
	}
	return d
}

// pay adds what one call is worth.
func (r *Retrier) pay() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.saved = min(r.saved+r.cfg.Budget, float64(r.cfg.Burst))
}

// take takes one retry, if there is one.
func (r *Retrier) take() bool {
	const dust = 1e-9 // ten tenths are a little less than one
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.saved < 1-dust {
		return false
	}
	r.saved = max(0, r.saved-1)
	return true
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
