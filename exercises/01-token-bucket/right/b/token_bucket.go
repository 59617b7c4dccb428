// Package tokenbucket admits a steady rate of requests and, now and then, a burst.
package tokenbucket

import (
	"errors"
	"math"
	"sync/atomic"
	"time"
)

// Bucket keeps one number instead of tokens: the instant at which it will be
// full again. A token is then a step of that instant, which one compare-and-swap
// can take.
type Bucket struct {
	step  time.Duration // between two tokens
	depth time.Duration // from empty to full
	full  atomic.Int64  // the instant at which the bucket is full again
}

// New returns a full bucket that gains perSecond tokens a second and holds at
// most burst of them.
func New(perSecond float64, burst int) (*Bucket, error) {
	step := float64(time.Second) / perSecond
	if !(perSecond > 0) || math.IsInf(perSecond, 1) || burst < 1 {
		return nil, errors.New("token bucket: want a positive rate and a burst of at least 1")
	}
	depth := step * float64(burst)
	if step < 1 || depth > math.MaxInt64/4 {
		return nil, errors.New("token bucket: this rate and burst do not fit a clock of nanoseconds")
	}
	b := &Bucket{step: time.Duration(step), depth: time.Duration(step) * time.Duration(burst)}
	b.full.Store(math.MinInt64 / 4)
	return b, nil
}

// Allow takes one token at the instant now, counted from any fixed origin. When
// there is none it says after how long there will be.
func (b *Bucket) Allow(now time.Duration) (ok bool, retryAfter time.Duration) {
	for {
		was := b.full.Load()
		full := max(time.Duration(was), now) + b.step
		if wait := full - b.depth - now; wait > 0 {
			return false, wait
		}
		if b.full.CompareAndSwap(was, int64(full)) {
			return true, 0
		}
	}
}
