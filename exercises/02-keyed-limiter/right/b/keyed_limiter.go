// Package keyedlimiter gives every caller a token bucket of its own, in bounded memory.
package keyedlimiter

import (
	"errors"
	"math"
	"sync"
	"time"
)

// Config says what each key may do and how many keys are remembered.
type Config struct {
	Rate    float64 // tokens a second of each key
	Burst   int     // tokens a key may save up
	MaxKeys int     // keys remembered at a time
}

// Limiter remembers of each key the instant at which its bucket is full again,
// in two generations. A key that is used moves to the young one; what is still
// in the old one when a generation ends has been full for long.
type Limiter struct {
	step, depth time.Duration
	max         int

	mu         sync.Mutex
	young, old map[string]time.Duration // guarded by mu
	began      time.Duration            // guarded by mu: of the young generation
	overflow   time.Duration            // guarded by mu: of all keys that found no room
}

// long is before any instant a caller may come with.
const long = math.MinInt64 / 4

// New returns an empty table.
func New(cfg Config) (*Limiter, error) {
	step := float64(time.Second) / cfg.Rate
	switch {
	case !(cfg.Rate > 0), step < 1, math.IsInf(step, 1):
		return nil, errors.New("keyed limiter: the rate must be positive and at most one a nanosecond")
	case cfg.Burst < 1, step*float64(cfg.Burst) > math.MaxInt64/4:
		return nil, errors.New("keyed limiter: the burst must be at least 1 and fill within a lifetime")
	case cfg.MaxKeys < 1:
		return nil, errors.New("keyed limiter: there must be room for one key")
	}
	return &Limiter{
		step: time.Duration(step), depth: time.Duration(step) * time.Duration(cfg.Burst), max: cfg.MaxKeys,
		young: map[string]time.Duration{}, old: map[string]time.Duration{}, overflow: long,
	}, nil
}

// Allow takes one of key's tokens at the instant now, counted from any fixed
// origin. When there is none it says after how long there will be.
func (l *Limiter) Allow(key string, now time.Duration) (ok bool, retryAfter time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch age := now - l.began; {
	case age >= 2*l.depth:
		l.young, l.old, l.began = map[string]time.Duration{}, map[string]time.Duration{}, now
	case age >= l.depth:
		l.young, l.old, l.began = map[string]time.Duration{}, l.young, now
	}
	full, known := l.young[key]
	if !known {
		if full, known = l.old[key]; known {
			delete(l.old, key)
		} else {
			full = long
		}
	}
	if !known && len(l.young)+len(l.old) >= l.max {
		l.overflow, ok, retryAfter = l.take(l.overflow, now)
		return ok, retryAfter
	}
	l.young[key], ok, retryAfter = l.take(full, now)
	return ok, retryAfter
}

// take moves the instant at which a bucket is full by one token, if it may.
func (l *Limiter) take(full, now time.Duration) (next time.Duration, ok bool, retryAfter time.Duration) {
	next = max(full, now) + l.step
	if wait := next - l.depth - now; wait > 0 {
		return full, false, wait
	}
	return next, true, 0
}

// Len returns how many keys are remembered.
func (l *Limiter) Len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.young) + len(l.old)
}
