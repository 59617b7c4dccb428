// kills: TestNeverOverflows — Without a cap a quiet night pays for a flood in the morning.

// Package tokenbucket limits how often something happens.
package tokenbucket

import (
	"sync"
	"time"
)

// Bucket keeps tokens and the instant of the last call behind a mutex.
type Bucket struct {
	mu     sync.Mutex
	rate   float64
	burst  float64
	tokens float64
	last   time.Duration
}

// New returns a full bucket.
func New(rate float64, burst int) *Bucket {
	return &Bucket{rate: rate, burst: float64(burst), tokens: float64(burst)}
}

// Allow takes a token if there is one.
func (b *Bucket) Allow(now time.Duration) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if now > b.last {
		b.tokens += (now - b.last).Seconds() * b.rate
		b.last = now
	}
	if b.tokens < 1 {
		return false
	}
	b.tokens--
	return true
}
