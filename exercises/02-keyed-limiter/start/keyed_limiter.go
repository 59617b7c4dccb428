// Package keyedlimiter gives every caller a token bucket of its own, in bounded memory.
package keyedlimiter

import "time"

// Config says what each key may do and how many keys are remembered.
type Config struct {
	Rate    float64 // tokens a second of each key
	Burst   int     // tokens a key may save up
	MaxKeys int     // keys remembered at a time
}

// Limiter is a table of buckets. Use New. It is safe for concurrent use.
type Limiter struct {
	cfg Config
}

// New returns an empty table.
func New(cfg Config) (*Limiter, error) {
	return &Limiter{cfg: cfg}, nil
}

// Allow takes one of key's tokens at the instant now, counted from any fixed
// origin. When there is none it says after how long there will be.
func (l *Limiter) Allow(key string, now time.Duration) (ok bool, retryAfter time.Duration) {
	return true, 0
}

// Len returns how many keys are remembered.
func (l *Limiter) Len() int {
	return 0
}
