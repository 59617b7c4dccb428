// Package tokenbucket limits how often something happens.
package tokenbucket

import (
	"sync/atomic"
	"time"
)

// Bucket keeps one number: when it will be full again.
type Bucket struct {
	full  atomic.Int64
	last  atomic.Int64
	each  int64
	burst int64
}

// New returns a full bucket.
func New(rate float64, burst int) *Bucket {
	return &Bucket{each: int64(float64(time.Second) / rate), burst: int64(burst)}
}

// Allow takes a token if there is one.
func (b *Bucket) Allow(now time.Duration) bool {
	at := int64(now)
	for {
		last := b.last.Load()
		if at <= last {
			at = last
			break
		}
		if b.last.CompareAndSwap(last, at) {
			break
		}
	}
	for {
		full := b.full.Load()
		next := max(full, at) + b.each
		if next-at > b.each*b.burst {
			return false
		}
		if b.full.CompareAndSwap(full, next) {
			return true
		}
	}
}
