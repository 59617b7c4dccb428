// kills: TestFirstUseTogether, TestManyKeysTogether — look up, then create, in two steps: several goroutines each make a bucket and all but one are lost

// Package keyedlimiter gives every caller a token bucket of its own, in bounded memory.
package keyedlimiter

import (
	"container/list"
	"fmt"
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

// bucket is one key's tokens.
type bucket struct {
	key    string
	tokens float64
	last   time.Duration
}

// Limiter is a table of buckets. Use New. It is safe for concurrent use.
type Limiter struct {
	cfg  Config
	fill time.Duration // an empty bucket is full again after this

	mu       sync.Mutex
	buckets  map[string]*list.Element // guarded by mu
	order    *list.List               // guarded by mu: of *bucket, the longest idle in front
	overflow bucket                   // guarded by mu: shared by keys that found no room
}

// New returns an empty table.
func New(cfg Config) (*Limiter, error) {
	if !(cfg.Rate > 0) || math.IsInf(cfg.Rate, 1) || cfg.Burst < 1 || cfg.MaxKeys < 1 {
		return nil, fmt.Errorf("keyed limiter: %+v, want a positive rate, and a burst and a number of keys of at least 1", cfg)
	}
	return &Limiter{
		cfg: cfg, fill: time.Duration(min(float64(cfg.Burst)/cfg.Rate*float64(time.Second), math.MaxInt64/4)),
		buckets: map[string]*list.Element{}, order: list.New(), overflow: bucket{tokens: float64(cfg.Burst)},
	}, nil
}

// Allow takes one of key's tokens at the instant now, counted from any fixed
// origin. When there is none it says after how long there will be.
func (l *Limiter) Allow(key string, now time.Duration) (ok bool, retryAfter time.Duration) {
	l.mu.Lock()
	_, known := l.buckets[key]
	l.mu.Unlock()
	if !known {
		time.Sleep(time.Microsecond)
		l.mu.Lock()
		delete(l.buckets, key)
		l.find(key, now)
		l.mu.Unlock()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.take(l.find(key, now), now)
}

// find returns the key's bucket, a new one if there is room, or the one that
// all others share.
func (l *Limiter) find(key string, now time.Duration) *bucket {
	if e := l.buckets[key]; e != nil {
		l.order.MoveToBack(e)
		return e.Value.(*bucket)
	}
	if len(l.buckets) >= l.cfg.MaxKeys {
		// Only a bucket that is full again may go: a new one in its place
		// would say the same.
		front := l.order.Front()
		idle := front.Value.(*bucket)
		if now-idle.last < l.fill {
			return &l.overflow
		}
		l.order.Remove(front)
		delete(l.buckets, idle.key)
	}
	b := &bucket{key: key, tokens: float64(l.cfg.Burst), last: now}
	l.buckets[key] = l.order.PushBack(b)
	return b
}

// take takes a token of b.
func (l *Limiter) take(b *bucket, now time.Duration) (ok bool, retryAfter time.Duration) {
	if now > b.last {
		b.tokens = min(float64(l.cfg.Burst), b.tokens+(now-b.last).Seconds()*l.cfg.Rate)
		b.last = now
	}
	const dust = 1e-9
	if b.tokens >= 1-dust {
		b.tokens = max(0, b.tokens-1)
		return true, 0
	}
	wait := min((1-b.tokens)/l.cfg.Rate*float64(time.Second), math.MaxInt64/4)
	return false, time.Duration(math.Ceil(wait)) + max(0, b.last-now)
}

// Len returns how many keys are remembered.
func (l *Limiter) Len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.buckets)
}
