// Package tokenbucket admits a steady rate of requests and, now and then, a burst.
package tokenbucket

import "time"

// Bucket is a token bucket. Use New. It is safe for concurrent use.
type Bucket struct {
	// What does a bucket have to remember between two calls?
}

// New returns a full bucket that gains perSecond tokens a second and holds at
// most burst of them.
func New(perSecond float64, burst int) (*Bucket, error) {
	return &Bucket{}, nil
}

// Allow takes one token at the instant now, counted from any fixed origin. When
// there is none it says after how long there will be.
func (b *Bucket) Allow(now time.Duration) (ok bool, retryAfter time.Duration) {
	return true, 0
}
