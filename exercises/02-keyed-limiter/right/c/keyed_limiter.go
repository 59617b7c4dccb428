// Package keyedlimiter gives every caller a token bucket of its own, in bounded memory.
package keyedlimiter

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// Config says what each key may do and how many keys are remembered.
type Config struct {
	Rate    float64 // tokens a second of each key
	Burst   int     // tokens a key may save up
	MaxKeys int     // keys remembered at a time
}

// bucket is the instant at which it is full again, moved by compare-and-swap.
type bucket struct{ full atomic.Int64 }

// Limiter finds known keys without a lock. New keys, and the sweep that makes
// room for them, share one.
type Limiter struct {
	step, depth time.Duration
	max         int64
	overflow    bucket
	count       atomic.Int64
	buckets     sync.Map // of *bucket by key

	mu    sync.Mutex
	swept time.Duration // guarded by mu
}

// New returns an empty table.
func New(cfg Config) (*Limiter, error) {
	if !(cfg.Rate > 1e-9 && cfg.Rate <= 1e9) || cfg.Burst < 1 || cfg.MaxKeys < 1 {
		return nil, fmt.Errorf("keyed limiter: cannot work with %+v", cfg)
	}
	step := time.Duration(1e9 / cfg.Rate)
	l := &Limiter{step: step, depth: step * time.Duration(cfg.Burst), max: int64(cfg.MaxKeys)}
	l.overflow.full.Store(-1 << 60)
	return l, nil
}

// Allow takes one of key's tokens at the instant now, counted from any fixed
// origin. When there is none it says after how long there will be.
func (l *Limiter) Allow(key string, now time.Duration) (ok bool, retryAfter time.Duration) {
	for {
		b := l.find(key, now)
		ok, retryAfter, gone := l.take(b, now)
		if !gone {
			return ok, retryAfter
		}
		// The sweep took it away between our finding and using it.
	}
}

// forgotten marks a bucket that is no longer in the table.
const forgotten = 1<<63 - 1

func (l *Limiter) find(key string, now time.Duration) *bucket {
	if b, ok := l.buckets.Load(key); ok {
		return b.(*bucket)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if b, ok := l.buckets.Load(key); ok {
		return b.(*bucket)
	}
	// A sweep looks at every key, so it waits until it can find some.
	if l.count.Load() >= l.max && now-l.swept >= l.depth {
		l.swept = now
		l.buckets.Range(func(k, v any) bool {
			b := v.(*bucket)
			if full := b.full.Load(); full <= int64(now) && b.full.CompareAndSwap(full, forgotten) {
				l.buckets.Delete(k)
				l.count.Add(-1)
			}
			return true
		})
	}
	if l.count.Load() >= l.max {
		return &l.overflow
	}
	b := &bucket{}
	b.full.Store(-1 << 60)
	l.buckets.Store(key, b)
	l.count.Add(1)
	return b
}

func (l *Limiter) take(b *bucket, now time.Duration) (ok bool, retryAfter time.Duration, gone bool) {
	for {
		was := b.full.Load()
		if was == forgotten {
			return false, 0, true
		}
		full := max(time.Duration(was), now) + l.step
		if wait := full - l.depth - now; wait > 0 {
			return false, wait, false
		}
		if b.full.CompareAndSwap(was, int64(full)) {
			return true, 0, false
		}
	}
}

// Len returns how many keys are remembered.
func (l *Limiter) Len() int { return int(l.count.Load()) }
