// kills: TestRefusalIsFree, TestClockBackwards, TestFractions, TestRefill, TestRetryAfter, TestSteady — a refused request that still takes a token starves a caller that keeps asking

// Package tokenbucket admits a steady rate of requests and, now and then, a burst.
package tokenbucket

import (
	"fmt"
	"math"
	"sync"
	"time"
)

// Bucket is a token bucket. Use New. It is safe for concurrent use.
type Bucket struct {
	perSecond float64
	burst     float64

	mu     sync.Mutex
	tokens float64       // guarded by mu
	last   time.Duration // guarded by mu: the latest instant seen
}

// New returns a full bucket that gains perSecond tokens a second and holds at
// most burst of them.
func New(perSecond float64, burst int) (*Bucket, error) {
	if !(perSecond > 0) || math.IsInf(perSecond, 1) {
		return nil, fmt.Errorf("token bucket: rate %v, want a positive number of tokens a second", perSecond)
	}
	if burst < 1 {
		return nil, fmt.Errorf("token bucket: burst %d, want at least 1", burst)
	}
	return &Bucket{perSecond: perSecond, burst: float64(burst), tokens: float64(burst)}, nil
}

// Allow takes one token at the instant now, counted from any fixed origin. When
// there is none it says after how long there will be.
func (b *Bucket) Allow(now time.Duration) (ok bool, retryAfter time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	// A caller that was overtaken on its way to the lock comes with an older
	// instant: it must not turn the clock back.
	if now > b.last {
		b.tokens = min(b.burst, b.tokens+(now-b.last).Seconds()*b.perSecond)
		b.last = now
	}
	// Sums of fractions come out a little below the whole token they stand for.
	const dust = 1e-9
	if b.tokens--; b.tokens >= -dust {
		return true, 0
	}
	wait := (-b.tokens) / b.perSecond * float64(time.Second)
	if wait >= math.MaxInt64/2 {
		return false, math.MaxInt64 / 2
	}
	return false, time.Duration(math.Ceil(wait)) + max(0, b.last-now)
}
